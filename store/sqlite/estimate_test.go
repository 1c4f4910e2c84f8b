package sqlite_test

import (
	"fmt"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestEstimate checks how far estimates are from what there is, and that they take no
// more than a sample.
func TestEstimate(t *testing.T) {
	const many = 600
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer s.Close()
	sqlite.Sample(s, 200, 50, 5)
	var texts []string
	for i := range many {
		texts = append(texts, fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"%s","effectiveDateTime":"%d-01-01","code":{"coding":[{"system":"urn:s","code":"%s"}]},"subject":{"reference":"Patient/p%d"}}`,
			i, []string{"final", "final", "amended"}[i%3], 2000+i%20, []string{"a", "b"}[i%2], i%200))
	}
	putAll(t, s, texts...)
	for _, test := range []struct {
		Name  string
		Query [][2]string
		Want  int64
		Exact bool
	}{
		{Name: "all", Query: nil, Want: many, Exact: true},
		{Name: "a key alone", Query: [][2]string{{"code", "urn:s|a"}}, Want: many / 2, Exact: true},
		{Name: "a key with few", Query: [][2]string{{"code", "urn:s|a"}, {"subject", "Patient/p4"}}, Want: 3, Exact: true},
		{Name: "ids", Query: [][2]string{{"_id", "o1,o2"}, {"status", "final"}}, Want: 1, Exact: true},
		{Name: "two keys", Query: [][2]string{{"code", "urn:s|a"}, {"status", "final"}}, Want: many / 3},
		{Name: "what only the resource tells", Query: [][2]string{{"status:not", "final"}}, Want: many / 3},
		{Name: "a half in time", Query: [][2]string{{"status", "final"}, {"date", "ge2010"}}, Want: many / 3},
		{Name: "too rare for a sample", Query: [][2]string{{"code", "urn:s|a"}, {"date", "2004"}, {"status", "amended"}}, Want: 10, Exact: true},
		{Name: "nothing", Query: [][2]string{{"status", "final"}, {"code:not", "a,b"}}, Want: 0, Exact: true},
	} {
		t.Run(test.Name, func(t *testing.T) {
			q, err := search.Parse(reg, "Observation", test.Query, search.Options{})
			if err != nil {
				t.Fatal(err)
			}
			before := s.Stats().Examined
			n, exact, err := store.Estimate(ctx, s, all, q)
			if err != nil || exact != test.Exact || n < test.Want*3/4 || n > test.Want*5/4 || exact && n != test.Want {
				t.Errorf("estimated %d, exactly %t (error %v), want %d, exactly %t", n, exact, err, test.Want, test.Exact)
			}
			if took := s.Stats().Examined - before; !exact && took > 100 {
				t.Errorf("the estimate took %d candidates, more than the samples", took)
			}
		})
	}
}
