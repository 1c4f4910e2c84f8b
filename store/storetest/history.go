package storetest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// history checks which versions are listed, in which order, and page by page.
func history(s *suite) {
	st := s.fresh()
	st.put(patient("a", "1"))
	st.put(`{"resourceType":"Practitioner","id":"a"}`)
	st.put(patient("b", "1"))
	st.put(patient("a", "2"))
	st.remove("Patient/b")
	st.put(patient("a", "3"))
	st.put(patient("b", "2"))
	st.remove("Practitioner/a")

	everything := []string{
		"Practitioner/a/2", "Patient/b/3", "Patient/a/3", "Patient/b/2", "Patient/a/2", "Patient/b/1", "Practitioner/a/1", "Patient/a/1",
	}
	tests := []struct {
		of   string
		want []string
	}{
		{of: "Patient/a", want: []string{"Patient/a/3", "Patient/a/2", "Patient/a/1"}},
		{of: "Patient/b", want: []string{"Patient/b/3", "Patient/b/2", "Patient/b/1"}},
		{of: "Practitioner/a", want: []string{"Practitioner/a/2", "Practitioner/a/1"}},
		{of: "Patient/c", want: []string{}},
		{of: "Observation/a", want: []string{}},
		{of: "Patient", want: slices.DeleteFunc(slices.Clone(everything), func(n string) bool { return key(n).Type != "Patient" })},
		{of: "Practitioner", want: []string{"Practitioner/a/2", "Practitioner/a/1"}},
		{of: "Observation", want: []string{}},
		{of: "", want: everything},
	}
	for _, test := range tests {
		for count := 1; count <= len(test.want)+1; count++ {
			got := numbered(st.walkHistory(store.HistoryQuery{Key: key(test.of), Count: count}))
			if !slices.Equal(got, test.want) {
				s.Errorf("history of %q by pages of %d:\ngot  %v\nwant %v", test.of, count, got, test.want)
			}
		}
		st.walkSince(test.of, test.want)
		st.walkAt(test.of)
	}
	_, err := st.History(context.Background(), all, store.HistoryQuery{})
	s.wantKind("a page of no versions", err, fhir.Invalid)
}

// walkHistory collects all pages.
func (s *trial) walkHistory(q store.HistoryQuery) []*store.Version {
	s.Helper()
	var found []*store.Version
	for {
		page, err := s.History(context.Background(), all, q)
		if err != nil {
			s.Fatalf("history of %q: %v", q.Key, err)
		}
		if len(page.Versions) > q.Count || page.Next != nil && len(page.Versions) < q.Count {
			s.Errorf("a page of %d has %d versions, more %t", q.Count, len(page.Versions), page.Next != nil)
		}
		found = append(found, page.Versions...)
		if q.After = page.Next; q.After == nil {
			return found
		}
	}
}

// walkSince checks Since at every version there is, and just after it.
func (s *trial) walkSince(of string, want []string) {
	s.Helper()
	whole := s.walkHistory(store.HistoryQuery{Key: key(of), Count: 100})
	for i, v := range whole {
		for after, n := range map[time.Duration]int{0: i + 1, time.Nanosecond: i} {
			got := numbered(s.walkHistory(store.HistoryQuery{Key: key(of), Count: 2, Since: v.LastUpdated.Add(after)}))
			if !slices.Equal(got, want[:n]) {
				s.Errorf("history of %q since version %d and %v: got %v, want %v", of, i, after, got, want[:n])
			}
		}
	}
}

// walkAt checks At over every span that begins and ends at a version or beside
// it.
func (s *trial) walkAt(of string) {
	s.Helper()
	everything := s.walkHistory(store.HistoryQuery{Count: 100})
	newer := func(v *store.Version) *store.Version {
		for _, w := range everything {
			if w.Key == v.Key && w.Number == v.Number+1 {
				return w
			}
		}
		return nil
	}
	var instants []time.Time
	for _, v := range everything {
		instants = append(instants, v.LastUpdated.Add(-time.Nanosecond), v.LastUpdated, v.LastUpdated.Add(time.Nanosecond))
	}
	for _, start := range instants {
		for _, end := range instants {
			if !end.After(start) {
				continue
			}
			want := []string{}
			for _, v := range everything {
				in := of == "" || v.Key.Type == key(of).Type && (key(of).ID == "" || v.Key.ID == key(of).ID)
				superseded := newer(v) != nil && !newer(v).LastUpdated.After(start)
				if in && v.LastUpdated.Before(end) && !superseded {
					want = append(want, fmt.Sprintf("%s/%d", v.Key, v.Number))
				}
			}
			got := numbered(s.walkHistory(store.HistoryQuery{Key: key(of), Count: 3, At: fhir.Date{Start: start, End: end}}))
			if !slices.Equal(got, want) {
				s.Fatalf("history of %q from %v to %v:\ngot  %v\nwant %v", of, start, end, got, want)
			}
		}
	}
}
