package storetest

import (
	"context"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// observation writes an observation about a patient.
func observation(id, patient, status string) string {
	return `{"resourceType":"Observation","id":"` + id + `","status":"` + status + `","code":{"text":"t"},"subject":{"reference":"Patient/` + patient + `"}}`
}

// access checks that what the policy does not permit is answered, everywhere, as
// if it did not exist.
func access(s *suite) {
	st := s.fresh()
	st.put(patient("mine", "Poe"))
	st.put(patient("other", "Poe"))
	st.put(observation("1", "mine", "final"))
	st.put(observation("2", "other", "final"))
	st.put(observation("moved", "other", "final"))
	st.put(observation("moved", "mine", "final")) // version 1 is another's
	st.put(observation("left", "mine", "final"))
	st.put(observation("left", "other", "final")) // version 2 is another's
	st.put(observation("gone", "mine", "final"))
	st.remove("Observation/gone")
	st.put(observation("lost", "other", "final"))
	st.remove("Observation/lost")

	mine := search.Only(
		search.Grant{Type: "Observation", Where: s.query("Observation?subject=Patient/mine").Where},
		search.Grant{Type: "Patient", Where: s.query("Patient?family=nobody").Where},
		search.Grant{Type: "Practitioner"},
	)
	everyone := func(check func(r store.Reader)) {
		check(st)
		if err := st.Update(context.Background(), func(tx store.Tx) error { check(tx); return nil }); err != nil {
			s.Errorf("Update: %v", err)
		}
	}
	everyone(func(r store.Reader) { st.accessToVersions(r, mine) })
	everyone(func(r store.Reader) { st.accessToSearches(r, mine) })
	everyone(func(r store.Reader) { st.accessToHistory(r, mine) })
	st.accessToWrites(mine)
	st.accessOfNobody()
}

// accessToVersions checks reading by id.
func (s *trial) accessToVersions(r store.Reader, mine search.Access) {
	s.Helper()
	ctx := context.Background()
	const there = fhir.Internal
	tests := []struct {
		name     string
		current  fhir.Kind
		versions []fhir.Kind
	}{
		{"Observation/1", there, []fhir.Kind{there}},
		{"Observation/2", fhir.NotFound, []fhir.Kind{fhir.NotFound}},
		{"Observation/moved", there, []fhir.Kind{fhir.NotFound, there}},
		{"Observation/left", fhir.NotFound, []fhir.Kind{there, fhir.NotFound}},
		{"Observation/gone", fhir.Gone, []fhir.Kind{there, fhir.Gone}},
		{"Observation/lost", fhir.NotFound, []fhir.Kind{fhir.NotFound, fhir.NotFound}},
		{"Patient/mine", fhir.NotFound, []fhir.Kind{fhir.NotFound}},
	}
	for _, test := range tests {
		v, err := r.Read(ctx, mine, key(test.name))
		s.wantAccess("reading "+test.name, v, err, test.current)
		for i, want := range test.versions {
			v, err := r.ReadVersion(ctx, mine, key(test.name), int64(i+1))
			s.wantAccess("reading a version of "+test.name, v, err, want)
		}
	}
	_, hidden := r.Read(ctx, mine, key("Observation/2"))
	_, absent := r.Read(ctx, mine, key("Observation/9"))
	if hidden != nil && absent != nil && strings.Replace(hidden.Error(), "/2", "/9", 1) != absent.Error() {
		s.Errorf("what is hidden is told from what is not there: %q, %q", hidden, absent)
	}
}

func (s *trial) wantAccess(what string, v *store.Version, err error, want fhir.Kind) {
	s.Helper()
	if want != fhir.Internal {
		s.wantKind(what, err, want)
		if v != nil {
			s.Errorf("%s: an error and a version", what)
		}
	} else if err != nil {
		s.Errorf("%s: %v", what, err)
	}
}

// accessToSearches checks searching and counting, page by page and by whatever
// way a store finds things.
func (s *trial) accessToSearches(r store.Reader, mine search.Access) {
	s.Helper()
	want := []string{"Observation/1", "Observation/moved"}
	for _, text := range []string{
		"Observation", "Observation?status=final", "Observation?_sort=_lastUpdated", "Observation?_sort=_id", "Observation?status:not=amended",
		"Observation?_id=1,2,moved,left,gone,lost", "Observation?_lastUpdated=gt2000", "?_lastUpdated=gt2000", "?_id=1,2,moved,left,gone,lost,mine,other",
		"Observation?subject=Patient/mine,Patient/other",
	} {
		for count := 1; count <= 3; count++ {
			q := s.query(text)
			q.Count = count
			got := s.walk(r, mine, q)
			slices.Sort(got)
			if !slices.Equal(got, want) {
				s.Errorf("%s by pages of %d finds %v, want %v", text, count, got, want)
			}
		}
		s.wantTotal(r, mine, s.query(text), text, int64(len(want)))
	}
	for _, text := range []string{"Patient", "Patient?family=poe", "Observation?subject=Patient/other", "Observation?_id=2"} {
		if got := s.walk(r, mine, s.query(text)); len(got) != 0 {
			s.Errorf("%s finds %v, want nothing", text, got)
		}
		s.wantTotal(r, mine, s.query(text), text, 0)
	}
}

// walk collects the keys of all pages.
func (s *trial) walk(r store.Reader, who search.Access, q *search.Query) []string {
	s.Helper()
	page := *q
	var found []string
	for {
		p, err := r.Search(context.Background(), who, &page)
		if err != nil {
			s.Fatalf("searching: %v", err)
		}
		if len(p.Versions) > page.Count || p.Next != nil && len(p.Versions) < page.Count {
			s.Errorf("a page of %d has %d resources, more %t", page.Count, len(p.Versions), p.Next != nil)
		}
		found = append(found, names(p.Versions)...)
		if page.After = p.Next; page.After == nil {
			return found
		}
	}
}

// accessToHistory checks that each version is judged by itself, and a deletion by
// what was deleted.
func (s *trial) accessToHistory(r store.Reader, mine search.Access) {
	s.Helper()
	want := []string{"Observation/gone/2", "Observation/gone/1", "Observation/left/1", "Observation/moved/2", "Observation/1/1"}
	tests := []struct {
		of   string
		want []string
	}{
		{"", want},
		{"Observation", want},
		{"Observation/gone", want[:2]},
		{"Observation/left", want[2:3]},
		{"Observation/lost", nil},
		{"Patient", nil},
		{"Patient/mine", nil},
	}
	for _, test := range tests {
		for count := 1; count <= 6; count += 2 {
			q := store.HistoryQuery{Key: key(test.of), Count: count}
			var got []string
			for {
				page, err := r.History(context.Background(), mine, q)
				if err != nil {
					s.Fatalf("history: %v", err)
				}
				got = append(got, numbered(page.Versions)...)
				if q.After = page.Next; q.After == nil {
					break
				}
			}
			if !slices.Equal(got, test.want) {
				s.Errorf("history of %q by pages of %d: got %v, want %v", test.of, count, got, test.want)
			}
		}
	}
}

// accessToWrites checks that nobody changes what he may not see, nor makes what
// he may not see.
func (s *trial) accessToWrites(mine search.Access) {
	s.Helper()
	ctx := context.Background()
	put := func(text string, ifVersion int64, mustExist bool) error {
		w := s.write(text)
		w.IfVersion, w.MustExist = ifVersion, mustExist
		_, err := s.Put(ctx, mine, w)
		return err
	}
	s.wantKind("writing over another's", put(observation("2", "mine", "final"), 0, false), fhir.Forbidden)
	s.wantKind("writing over another's deleted one", put(observation("lost", "mine", "final"), 0, false), fhir.Forbidden)
	s.wantKind("writing for another", put(observation("1", "other", "final"), 0, false), fhir.Forbidden)
	s.wantKind("making something for another", put(observation("new", "other", "final"), 0, false), fhir.Forbidden)
	s.wantKind("another type", put(patient("new", "Poe"), 0, false), fhir.Forbidden)
	s.wantKind("a version of another's", put(observation("2", "mine", "final"), 1, false), fhir.Stale)
	s.wantKind("changing another's", put(observation("2", "mine", "final"), 0, true), fhir.NotFound)
	if v, err := s.Delete(ctx, mine, key("Observation/2"), 0); v != nil || err != nil {
		s.Errorf("deleting another's: %+v, %v", v, err)
	}
	_, err := s.Delete(ctx, mine, key("Observation/2"), 1)
	s.wantKind("deleting a version of another's", err, fhir.Stale)
	s.wantHistory(store.HistoryQuery{}, 12)

	if err := put(observation("1", "mine", "amended"), 1, true); err != nil {
		s.Errorf("changing one's own: %v", err)
	}
	if err := put(`{"resourceType":"Practitioner","id":"new"}`, 0, false); err != nil {
		s.Errorf("making what one may: %v", err)
	}
	if v, err := s.Delete(ctx, mine, key("Observation/1"), 0); v == nil || err != nil {
		s.Errorf("deleting one's own: %+v, %v", v, err)
	}
}

// accessOfNobody checks that the zero value permits nothing.
func (s *trial) accessOfNobody() {
	s.Helper()
	ctx := context.Background()
	_, err := s.Read(ctx, none, key("Patient/mine"))
	s.wantKind("nobody reads", err, fhir.NotFound)
	if found := s.find(s, none, s.query("Patient")); len(found) != 0 {
		s.Errorf("nobody finds %v", found)
	}
	page, err := s.History(ctx, none, store.HistoryQuery{Count: 10})
	if err != nil || len(page.Versions) != 0 {
		s.Errorf("nobody's history: %+v, %v", page, err)
	}
	_, err = s.Put(ctx, none, s.write(patient("x", "Poe")))
	s.wantKind("nobody writes", err, fhir.Forbidden)
}
