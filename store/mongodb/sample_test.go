package mongodb_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
)

// somebody returns a patient and an observation of theirs, in JSON.
func somebody(i int) []string {
	family := []string{"Poe", "Roe", "Doe"}[i%3]
	gender := []string{"male", "female"}[i%2]
	return []string{
		fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":%q}],"gender":%q,"birthDate":"19%02d-03-04"}`, i, family, gender, 10+i%80),
		fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"coding":[{"system":"http://example.org/a","code":%q}]},`+
			`"subject":{"reference":"Patient/p%d"},"effectiveDateTime":"20%02d-02-0%d","valueQuantity":{"value":%d}}`,
			i, string(rune('a'+i%4)), i/3, i/4%25, 1+i%9, i/2),
	}
}

// parse reads a search as a client writes it, but for percent signs.
func parse(t testing.TB, reg *search.Registry, text string) *search.Query {
	t.Helper()
	typ, rest, _ := strings.Cut(text, "?")
	var params [][2]string
	for pair := range strings.SplitSeq(rest, "&") {
		if name, value, _ := strings.Cut(pair, "="); name != "" {
			if v, err := url.QueryUnescape(value); err == nil {
				value = v
			}
			params = append(params, [2]string{name, value})
		}
	}
	q, err := search.Parse(reg, typ, params, search.Options{DefaultCount: 50, MaxCount: 1000, Base: "http://example.org/fhir"})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return q
}
