package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// versions checks what storing, reading and numbering come to.
func versions(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	_, err := st.Read(ctx, all, key("Patient/ada"))
	s.wantKind("reading what was never there", err, fhir.NotFound)
	_, err = st.Read(ctx, all, key("Nonsense/ada"))
	s.wantKind("reading a type there is not", err, fhir.NotFound)

	first := st.put(patient("ada", "Poe"))
	if first.Number != 1 || !first.Created || first.Deleted || first.Method != "PUT" || first.Key != key("Patient/ada") {
		s.Errorf("first version: %+v", first)
	}
	if first.LastUpdated.Location() != time.UTC || first.LastUpdated.Nanosecond()%1000 != 0 {
		s.Errorf("lastUpdated is %v, want UTC with microseconds", first.LastUpdated)
	}
	second := st.put(patient("ada", "Roe"))
	if second.Number != 2 || second.Created {
		s.Errorf("second version: number %d, created %t", second.Number, second.Created)
	}
	if !second.LastUpdated.After(first.LastUpdated) {
		s.Errorf("lastUpdated went from %v to %v", first.LastUpdated, second.LastUpdated)
	}
	st.wantVersion("Read", second)(st.Read(ctx, all, key("Patient/ada")))
	st.wantVersion("ReadVersion 1", first)(st.ReadVersion(ctx, all, key("Patient/ada"), 1))
	st.wantVersion("ReadVersion 2", second)(st.ReadVersion(ctx, all, key("Patient/ada"), 2))
	for _, number := range []int64{-1, 0, 3, 1 << 60} {
		_, err := st.ReadVersion(ctx, all, key("Patient/ada"), number)
		s.wantKind(fmt.Sprint("reading version ", number), err, fhir.NotFound)
	}

	other := st.put(`{"resourceType":"Practitioner","id":"ada"}`)
	if other.Number != 1 {
		s.Errorf("another type's resource of that id has version %d", other.Number)
	}
	st.wantVersion("Read", second)(st.Read(ctx, all, key("Patient/ada")))
	_, err = st.Read(ctx, all, key("Patient/Ada"))
	s.wantKind("reading an id in the wrong case", err, fhir.NotFound)
	if err := st.Check(ctx); err != nil {
		s.Errorf("Check: %v", err)
	}
}

// rising checks that lastUpdated never stands still, within units neither.
func rising(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	var last time.Time
	each := 10
	if !st.Traits().Transactions {
		each = 1
	}
	for i := range 20 {
		err := st.Update(ctx, func(tx store.Tx) error {
			for j := range each {
				v, err := tx.Put(ctx, all, s.write(patient(fmt.Sprint(i, "-", j), "Poe")))
				if err != nil {
					return err
				}
				if !v.LastUpdated.After(last) {
					s.Fatalf("lastUpdated %v after %v", v.LastUpdated, last)
				}
				last = v.LastUpdated
			}
			return nil
		})
		if err != nil {
			s.Fatal(err)
		}
	}
}

// wantVersion returns a function that fails the test unless what it gets is the
// version wanted, as it is when read.
func (s *trial) wantVersion(what string, want *store.Version) func(*store.Version, error) {
	return func(got *store.Version, err error) {
		s.Helper()
		switch {
		case err != nil:
			s.Errorf("%s: %v", what, err)
		case got.Key != want.Key || got.Number != want.Number || got.Method != want.Method || !got.LastUpdated.Equal(want.LastUpdated) || got.Deleted != want.Deleted:
			s.Errorf("%s: got %s version %d %s %v, want %s version %d %s %v", what,
				got.Key, got.Number, got.Method, got.LastUpdated, want.Key, want.Number, want.Method, want.LastUpdated)
		case string(got.Body) != string(want.Body):
			s.Errorf("%s: got body\n%s\nwant\n%s", what, got.Body, want.Body)
		case got.Created:
			s.Errorf("%s: a version that was read says it was created just now", what)
		}
	}
}

// bodies checks that resources come back as they were sent, id and meta aside.
func bodies(s *suite) {
	long := strings.Repeat("0123456789abcdef", 1<<16) // one mebibyte
	tests := []struct{ name, in, want string }{
		{
			name: "members in another order, decimals as written",
			in:   `{"id":"x","valueQuantity":{"value":1.50,"unit":"mg"},"resourceType":"Observation","status":"final","code":{"text":"t"}}`,
			want: `{"id":"x","valueQuantity":{"value":1.50,"unit":"mg"},"resourceType":"Observation","status":"final","code":{"text":"t"}}`,
		},
		{
			name: "primitive extensions and accents",
			in:   `{"resourceType":"Patient","id":"x","_birthDate":{"extension":[{"url":"http://example.org/x","valueCode":"unknown"}]},"name":[{"given":["Zoë","日本"]}]}`,
			want: `{"resourceType":"Patient","id":"x","_birthDate":{"extension":[{"url":"http://example.org/x","valueCode":"unknown"}]},"name":[{"given":["Zoë","日本"]}]}`,
		},
		{
			name: "the longest id, with every character",
			in:   `{"resourceType":"Basic","id":"` + strings.Repeat("aZ0-.", 12) + `wxyz","code":{"text":"t"}}`,
			want: `{"resourceType":"Basic","id":"` + strings.Repeat("aZ0-.", 12) + `wxyz","code":{"text":"t"}}`,
		},
		{
			name: "a long one",
			in:   `{"resourceType":"Basic","id":"x","code":{"text":"` + long[:20_000] + `é"}}`,
			want: `{"resourceType":"Basic","id":"x","code":{"text":"` + long[:20_000] + `é"}}`,
		},
		{
			name: "a large one",
			in:   `{"resourceType":"Binary","id":"x","contentType":"text/plain","data":"` + long + `"}`,
			want: `{"resourceType":"Binary","id":"x","contentType":"text/plain","data":"` + long + `"}`,
		},
	}
	for _, test := range tests {
		s.T.Run(test.name, func(t *testing.T) {
			st := (&suite{t, s.reg, s.open}).fresh()
			made := st.put(test.in)
			got, err := st.Read(context.Background(), all, made.Key)
			if err != nil {
				t.Fatal(err)
			}
			body := withoutMeta(string(got.Body))
			if body != test.want {
				t.Errorf("got  %.300s\nwant %.300s", body, test.want)
			}
			meta := fmt.Sprintf(`"meta":{"versionId":"1","lastUpdated":"%s"}`, fhir.AppendInstant(nil, got.LastUpdated))
			if !strings.Contains(string(got.Body), meta) {
				t.Errorf("%.300s lacks %s", got.Body, meta)
			}
		})
	}
}

// withoutMeta cuts the meta out that a store has put in.
func withoutMeta(body string) string {
	before, after, _ := strings.Cut(body, `,"meta":{`)
	_, after, _ = strings.Cut(after, "}")
	return before + after
}

// preconditions checks what a write can demand, on a resource that was never
// there, one that is, and one that was deleted.
func preconditions(s *suite) {
	const absent, present, deleted = "absent", "present", "deleted"
	type demand struct {
		ifVersion            int64
		mustBeNew, mustExist bool
	}
	tests := []struct {
		on   string
		want demand
		fail fhir.Kind // Internal: it works
	}{
		{on: absent, want: demand{}},
		{on: absent, want: demand{mustBeNew: true}},
		{on: absent, want: demand{mustExist: true}, fail: fhir.NotFound},
		{on: absent, want: demand{ifVersion: 1}, fail: fhir.Stale},
		{on: absent, want: demand{ifVersion: 1, mustExist: true}, fail: fhir.NotFound},
		{on: present, want: demand{}},
		{on: present, want: demand{mustBeNew: true}, fail: fhir.Duplicate},
		{on: present, want: demand{mustExist: true}},
		{on: present, want: demand{ifVersion: 2}},
		{on: present, want: demand{ifVersion: 1}, fail: fhir.Stale},
		{on: present, want: demand{ifVersion: 3}, fail: fhir.Stale},
		{on: present, want: demand{ifVersion: 2, mustExist: true}},
		{on: deleted, want: demand{}},
		{on: deleted, want: demand{mustBeNew: true}, fail: fhir.Duplicate},
		{on: deleted, want: demand{mustExist: true}, fail: fhir.Gone},
		{on: deleted, want: demand{ifVersion: 3}},
		{on: deleted, want: demand{ifVersion: 2}, fail: fhir.Stale},
		{on: deleted, want: demand{ifVersion: 3, mustExist: true}, fail: fhir.Gone},
	}
	fresh := s.fresh().Store
	for i, test := range tests {
		s.run(fmt.Sprintf("%s %+v", test.on, test.want), func(s *suite) {
			st := &trial{s, fresh}
			id := fmt.Sprint("p", i)
			before := int64(0)
			if test.on != absent {
				st.put(patient(id, "Poe"))
				before = st.put(patient(id, "Poe")).Number
			}
			if test.on == deleted {
				before = st.remove("Patient/" + id).Number
			}
			w := s.write(patient(id, "Roe"))
			w.IfVersion, w.MustBeNew, w.MustExist = test.want.ifVersion, test.want.mustBeNew, test.want.mustExist
			v, err := st.Put(context.Background(), all, w)
			if test.fail != fhir.Internal {
				s.wantKind("Put", err, test.fail)
				st.wantHistory(store.HistoryQuery{Key: key("Patient/" + id)}, before)
				return
			}
			if err != nil {
				s.Fatalf("Put: %v", err)
			}
			if v.Number != before+1 || v.Created != (test.on != present) {
				s.Errorf("Put made version %d, created %t", v.Number, v.Created)
			}
		})
	}
}

// wantHistory fails the test unless there are so many versions.
func (s *trial) wantHistory(q store.HistoryQuery, n int64) {
	s.Helper()
	q.Count = 1000
	page, err := s.History(context.Background(), all, q)
	if err != nil {
		s.Fatalf("History: %v", err)
	}
	if int64(len(page.Versions)) != n || page.Next != nil {
		s.Errorf("there are %d versions, want %d: %v", len(page.Versions), n, numbered(page.Versions))
	}
}

// deletions checks what deleting comes to.
func deletions(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	if v := st.remove("Patient/ada"); v != nil {
		s.Errorf("deleting what was never there made %+v", v)
	}
	_, err := st.Delete(ctx, all, key("Patient/ada"), 1)
	s.wantKind("deleting version 1 of what was never there", err, fhir.Stale)

	first := st.put(patient("ada", "Poe"))
	_, err = st.Delete(ctx, all, key("Patient/ada"), 2)
	s.wantKind("deleting the wrong version", err, fhir.Stale)
	mark := st.remove("Patient/ada")
	if mark.Number != 2 || !mark.Deleted || mark.Method != "DELETE" || mark.Body != nil || !mark.LastUpdated.After(first.LastUpdated) {
		s.Errorf("mark of deletion: %+v", mark)
	}
	_, err = st.Read(ctx, all, key("Patient/ada"))
	s.wantKind("reading what was deleted", err, fhir.Gone)
	_, err = st.ReadVersion(ctx, all, key("Patient/ada"), 2)
	s.wantKind("reading the mark", err, fhir.Gone)
	st.wantVersion("reading the version before", first)(st.ReadVersion(ctx, all, key("Patient/ada"), 1))
	st.wantVersion("deleting again", mark)(st.Delete(ctx, all, key("Patient/ada"), 0))
	st.wantVersion("deleting the mark", mark)(st.Delete(ctx, all, key("Patient/ada"), 2))
	_, err = st.Delete(ctx, all, key("Patient/ada"), 1)
	s.wantKind("deleting an old version", err, fhir.Stale)
	st.wantHistory(store.HistoryQuery{Key: key("Patient/ada")}, 2)
	if found := st.find(st, all, s.query("Patient")); len(found) != 0 {
		s.Errorf("a search finds what was deleted: %v", found)
	}

	again := st.put(patient("ada", "Roe"))
	if again.Number != 3 || !again.Created {
		s.Errorf("a resource put after its deletion has version %d, created %t", again.Number, again.Created)
	}
	if found := st.find(st, all, s.query("Patient?family=roe")); !slices.Equal(found, []string{"Patient/ada"}) {
		s.Errorf("a search after that finds %v", found)
	}
	if found := st.find(st, all, s.query("Patient?family=poe")); len(found) != 0 {
		s.Errorf("a search finds by what an old version said: %v", found)
	}
	st.remove("Patient/ada")
	st.wantHistory(store.HistoryQuery{Key: key("Patient/ada")}, 4)
}
