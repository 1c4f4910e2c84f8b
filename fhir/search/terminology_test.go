package search_test

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A glossary is a terminology of one value set and one hierarchy.
type glossary struct{}

func (glossary) Expand(name string) ([]fhir.Coding, error) {
	if name != "http://v.example/men|1" {
		return nil, fhir.Errorf(fhir.Unsupported, "%s is not known", name)
	}
	return []fhir.Coding{{System: "http://hl7.org/fhir/administrative-gender", Code: "male"}, {System: "http://c.example", Code: "M"}}, nil
}

func (glossary) Below(c fhir.Coding) ([]fhir.Coding, error) {
	return []fhir.Coding{c, {System: c.System, Code: c.Code + c.Code}}, nil
}

func (glossary) Above(c fhir.Coding) ([]fhir.Coding, error) { return []fhir.Coding{c}, nil }

func TestTerminology(t *testing.T) {
	reg := registry(t)
	r := parseResource(t, `{"resourceType":"Patient","id":"p","gender":"male","language":"de","communication":[{"language":{"coding":[{"system":"http://c.example","code":"MM"}]}}]}`)
	entries := reg.Index(r)
	o := search.Options{Terminology: glossary{}}
	for _, row := range []queryRow{
		{"gender:in", "http://v.example/men|1", true},
		{"gender:not-in", "http://v.example/men|1", false},
		{"language:in", "http://v.example/men|1", false},
		{"language:not-in", "http://v.example/men|1", true},
		{"language:below", "http://c.example|M", true},
		{"language:below", "http://d.example|M", false},
		{"language:above", "http://c.example|MM", true},
		{"language:above", "http://c.example|M", false},
	} {
		q, err := search.Parse(reg, "Patient", [][2]string{{row.name, row.value}}, o)
		if err != nil || q.Matches(r) != row.want {
			t.Errorf("%s=%s: want %v (error %v)", row.name, row.value, row.want, err)
			continue
		}
		checkClause(t, row, &q.Where[0], entries)
	}
	for _, row := range []struct {
		name, value string
		o           search.Options
		kind        fhir.Kind
	}{
		{"gender:in", "http://v.example/men|1", search.Options{}, fhir.Unsupported},
		{"gender:in", "http://v.example/women", o, fhir.Unsupported},
		{"gender:below", "male", o, fhir.Invalid},
		{"gender:below", "|male", o, fhir.Invalid},
		{"_filter", "gender ss male", o, fhir.Invalid},
	} {
		if _, err := search.Parse(reg, "Patient", [][2]string{{row.name, row.value}}, row.o); err == nil || fhir.KindOf(err) != row.kind {
			t.Errorf("%s=%s: error %v", row.name, row.value, err)
		}
	}
}
