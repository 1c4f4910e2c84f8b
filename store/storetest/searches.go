package storetest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// searches checks what a script cannot say: orders, counts, lastUpdated and
// positions.
func searches(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	var made []*store.Version
	for _, id := range []string{"c", "a", "b"} {
		made = append(made, st.put(patient(id, "Poe")))
	}
	st.put(`{"resourceType":"Practitioner","id":"b"}`)
	made = append(made, st.put(patient("c", "Roe")))

	tests := []struct {
		query string
		want  []string
	}{
		{"Patient", []string{"Patient/c", "Patient/a", "Patient/b"}},
		{"Patient?_sort=_id", []string{"Patient/a", "Patient/b", "Patient/c"}},
		{"Patient?_sort=-_id", []string{"Patient/c", "Patient/b", "Patient/a"}},
		{"Patient?_sort=_lastUpdated", []string{"Patient/a", "Patient/b", "Patient/c"}},
		{"Patient?_sort=-_lastUpdated", []string{"Patient/c", "Patient/b", "Patient/a"}},
		{"Patient?family=poe&_sort=-_id", []string{"Patient/b", "Patient/a"}},
		{"Patient?_id=c,x,a,a", []string{"Patient/c", "Patient/a"}},
		{"Patient?_id=c,a&_sort=_id", []string{"Patient/a", "Patient/c"}},
		{"Patient?_id=c,a&family=poe", []string{"Patient/a"}},
		{"?_id=b", []string{"Patient/b", "Practitioner/b"}},
		{"?_id=b&_sort=-_id", []string{"Practitioner/b", "Patient/b"}},
		{"?_id=a,b,c&_sort=_lastUpdated", []string{"Patient/a", "Patient/b", "Practitioner/b", "Patient/c"}},
		{"Practitioner?_id=a", []string{}},
	}
	for _, test := range tests {
		for count := 1; count <= len(test.want)+1; count++ {
			q := s.query(test.query)
			q.Count = count
			if got := st.walk(st, all, q); !slices.Equal(got, test.want) {
				s.Errorf("%s by pages of %d finds %v, want %v", test.query, count, got, test.want)
			}
		}
		st.wantCount(test.query, int64(len(test.want)))
	}

	q := s.query("Patient")
	q.Count = 0
	if page, err := st.Search(ctx, all, q); err != nil || len(page.Versions) != 0 {
		s.Errorf("a page of nothing: %+v, %v", page, err)
	}
	q.Count, q.After = 1, []byte("nonsense")
	_, err := st.Search(ctx, all, q)
	s.wantKind("a position that is none", err, fhir.Invalid)
	if n, err := st.Count(ctx, all, s.query("Patient?family:contains=x")); err != nil || n != 0 {
		s.Errorf("counting what is not there: %d, %v", n, err)
	}
	st.lastUpdated(made)
}

// lastUpdated checks _lastUpdated around an instant at which something was made.
func (s *trial) lastUpdated(made []*store.Version) {
	s.Helper()
	at := func(v *store.Version, d time.Duration) string {
		return string(fhir.AppendInstant(nil, v.LastUpdated.Add(d)))
	}
	b := made[2]
	tests := []struct {
		query string
		want  []string
	}{
		{"_lastUpdated=" + at(b, 0), []string{"Patient/b"}},
		{"_lastUpdated=ge" + at(b, 0), []string{"Patient/b", "Patient/c"}},
		{"_lastUpdated=gt" + at(b, 0), []string{"Patient/c"}},
		{"_lastUpdated=lt" + at(b, 0), []string{"Patient/a"}},
		{"_lastUpdated=le" + at(b, 0), []string{"Patient/a", "Patient/b"}},
		{"_lastUpdated=ne" + at(b, 0), []string{"Patient/a", "Patient/c"}},
		{"_lastUpdated=gt" + at(made[1], 0) + "&_lastUpdated=lt" + at(made[3], 0), []string{"Patient/b"}},
		{"_lastUpdated=ge" + at(b, 0) + "&family=poe", []string{"Patient/b"}},
		{"_lastUpdated=ge" + at(b, 0) + "&family:not=poe", nil},
		{"_lastUpdated=lt2000", []string{}},
	}
	for _, test := range tests {
		for _, sort := range []string{"", "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=_id"} {
			q, err := s.tryQuery("Patient?" + test.query + sort)
			if err != nil {
				continue // not a modifier of this parameter
			}
			q.Count = 2
			got := s.walk(s, all, q)
			slices.Sort(got)
			if !slices.Equal(got, test.want) && len(got)+len(test.want) > 0 {
				s.Errorf("Patient?%s%s finds %v, want %v", test.query, sort, got, test.want)
			}
			s.wantCount("Patient?"+test.query, int64(len(test.want)))
		}
	}
}

// pages checks that a walk from page to page finds what does not change, once,
// while other things change.
func pages(s *suite) {
	st := s.fresh()
	st.put(patient("p", "Poe"))
	for i := range 60 {
		st.put(paged(i, "final"))
	}
	for _, text := range []string{
		"Observation", "Observation?status=final", "Observation?status=final&subject=Patient/p", "Observation?status=final,amended",
		"Observation?_sort=_id", "Observation?_sort=-_lastUpdated&status=final", "?_sort=_id",
		"Observation?_sort=date", "Observation?_sort=-date", "Observation?status=final,amended&_sort=-date", "Observation?_sort=-code",
		"Observation?_sort=subject,-_id", "Observation?_sort=-value-quantity", "Observation?_sort=code,-date", "Observation?_sort=-value-quantity,code,date", "Observation?subject:Patient._id=p",
		"Observation?subject:Patient.active:missing=true&_sort=date",
	} {
		s.run(text, func(s *suite) { (&trial{s, st.Store}).walkAmidWrites(text) })
	}
}

// paged writes the i-th observation to be sorted: some have no date or no value, and
// many are alike.
func paged(i int, status string) string {
	text := fmt.Sprintf(`{"resourceType":"Observation","id":"o%02d","status":%q,"code":{"coding":[{"code":"c%d"}]},"subject":{"reference":"Patient/p"}`, i, status, i%4)
	if i%5 > 0 {
		text += fmt.Sprintf(`,"effectiveDateTime":"2024-01-%02d"`, 1+i%7)
	}
	if i%3 > 0 {
		text += fmt.Sprintf(`,"valueQuantity":{"value":%d}`, i%11)
	}
	return text + "}"
}

// writesAmid is how many resources are written again during a walk, at most.
const writesAmid = 300

func (s *trial) walkAmidWrites(text string) {
	// Every third stays as it is.
	ctx := context.Background()
	whole := s.query(text)
	whole.Count = 1000
	still := func(name string) bool { return len(name) == len("Observation/o00") && (name[14]-'0')%3 == 0 }
	want := slices.DeleteFunc(s.walk(s, all, whole), func(name string) bool { return !still(name) })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for c := range 2 {
		wg.Go(func() {
			for i := c; i < writesAmid; i += 2 { // no more: some stores never forget
				select {
				case <-stop:
					return
				default:
				}
				id := fmt.Sprintf("o%02d", i%60)
				if still("Observation/" + id) {
					continue
				}
				if _, err := s.Delete(ctx, all, key("Observation/"+id), 0); err != nil {
					s.Errorf("Delete: %v", err)
				}
				if _, err := s.Put(ctx, all, s.write(paged(i%60, []string{"final", "amended"}[i%2]))); err != nil {
					s.Errorf("Put: %v", err)
				}
			}
		})
	}
	for range 2 {
		q := s.query(text)
		q.Count = 7
		got := slices.DeleteFunc(s.walk(s, all, q), func(name string) bool { return !still(name) })
		if !slices.Equal(got, want) {
			s.Errorf("amid writes the walk finds\n%v, want\n%v", got, want)
		}
		got = slices.DeleteFunc(s.walkBack(s, all, q, false), func(name string) bool { return !still(name) })
		if !slices.Equal(got, want) {
			s.Errorf("amid writes the walk back finds\n%v, want\n%v", got, want)
		}
	}
	close(stop)
	wg.Wait()
	for i := range 60 {
		if !still(fmt.Sprintf("Observation/o%02d", i)) {
			s.put(paged(i, "final"))
		}
	}
}
