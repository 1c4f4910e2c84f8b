package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestRangesByDate checks that a page of a range by clinical date looks at no more
// resources than three times those shown, and that a range that others hardly meet
// does not have all of its resources looked at.
func TestRangesByDate(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
	defer s.Close()
	const n = 3000
	var texts []string
	for i := range n {
		texts = append(texts,
			fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"%c%d","given":["%c%d"]}]}`, i, 'a'+i%15, i, 'b'+i%15, i),
			fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"%s","code":{"coding":[{"system":"urn:c","code":"c%d"}]},
				"effectiveDateTime":"2024-%02d-%02dT08:00:%02dZ",
				"valueQuantity":{"value":%d,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}`,
				i, [2]string{"final", "amended"}[min(i/(n-110), 1)], i%3, 1+i/3*7%12, 1+i%28, i%60, i*7%n))
	}
	putAll(t, s, texts...)
	for text, most := range map[string]int64{
		"Patient?name=c": 60,
		"Observation?value-quantity=gt2900|http://unitsofmeasure.org|mg":                        60,
		"Observation?value-quantity=gt2000|http://unitsofmeasure.org|mg":                        60,
		"Observation?value-quantity=gt2000|http://unitsofmeasure.org|mg&_sort=-date":            60,
		"Observation?value-quantity=gt2|http://unitsofmeasure.org|g":                            60,
		"Observation?value-quantity=gt10":                                                       60,
		"Observation?value-quantity=1200,1201,1202,gt2700":                                      60,
		"Observation?code-value-quantity=urn:c|c1$gt2000&_sort=date":                            60,
		"Observation?code=urn:c|c1,urn:c|c0&value-quantity=gt2000&_sort=-date":                  60,
		"Observation?code=urn:c|c1,urn:c|c0&value-quantity=gt2000|http://unitsofmeasure.org|mg": 60,
		"Observation?status=amended&value-quantity=gt10":                                        350,
	} {
		typ, rest, _ := strings.Cut(text, "?")
		var params [][2]string
		for pair := range strings.SplitSeq(rest, "&") {
			name, value, _ := strings.Cut(pair, "=")
			params = append(params, [2]string{name, value})
		}
		q, err := search.Parse(reg, typ, params, search.Options{DefaultCount: 20})
		if err != nil {
			t.Fatal(err)
		}
		before := s.Stats().Examined
		page, err := s.Search(ctx, all, q)
		if err != nil || len(page.Versions) != q.Count {
			t.Fatalf("%s: %d, %v", text, len(page.Versions), err)
		}
		if got := s.Stats().Examined - before; got > most {
			t.Errorf("%s: a page examines %d of %d resources", text, got, n)
		}
	}
}
