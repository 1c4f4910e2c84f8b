package search_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A clinic is a hierarchy: a bed is in a ward, which is in a house.
type clinic struct{}

func (clinic) Below(partOf *search.Param, of fhir.Key) ([]fhir.Key, error) {
	return line(partOf, of, "house", "ward", "bed"), nil
}

func (clinic) Above(partOf *search.Param, of fhir.Key) ([]fhir.Key, error) {
	return line(partOf, of, "bed", "ward", "house"), nil
}

// line returns what comes in a list from one on.
func line(partOf *search.Param, of fhir.Key, ids ...string) []fhir.Key {
	if partOf.Base != of.Type || partOf.Code != "partof" && partOf.Code != "part-of" {
		return nil
	}
	var keys []fhir.Key
	for _, id := range ids {
		if id == of.ID || keys != nil {
			keys = append(keys, fhir.Key{Type: of.Type, ID: id})
		}
	}
	return keys
}

func TestHierarchy(t *testing.T) {
	reg := registry(t)
	o := search.Options{Hierarchy: clinic{}, Base: "https://here.example/fhir"}
	encounter := parseResource(t, `{"resourceType":"Encounter","id":"e","status":"planned","class":{"code":"IMP"},"location":[{"location":{"reference":"Location/ward"}}],
		"serviceProvider":{"reference":"https://here.example/fhir/Organization/bed"},"partOf":{"reference":"Encounter/house"}}`)
	answers := parseResource(t, `{"resourceType":"QuestionnaireResponse","id":"q","status":"completed","questionnaire":"http://q.example/phq|1.10.2"}`)
	profiled := parseResource(t, `{"resourceType":"Basic","id":"b","meta":{"profile":["http://p.example/a/b|2.1"]},"code":{"text":"x"}}`)
	for _, row := range []queryRow{
		{"location:below", "house", true},
		{"location:below", "Location/house", true},
		{"location:below", "https://here.example/fhir/Location/house", true},
		{"location:below", "ward", true},
		{"location:below", "bed", false},
		{"location:below", "bed,house", true},
		{"location:above", "bed", true},
		{"location:above", "ward", true},
		{"location:above", "house", false},
		{"service-provider:below", "ward", true},
		{"service-provider:above", "ward", false},
		{"part-of:above", "ward", true},
		{"part-of:below", "ward", false},
		{"questionnaire:below", "http://q.example/phq", true},
		{"questionnaire:below", "http://q.example/phq|1", true},
		{"questionnaire:below", "http://q.example/phq|1.10", true},
		{"questionnaire:below", "http://q.example/phq|1.10.2", true},
		{"questionnaire:below", "http://q.example/phq|1.1", false},
		{"questionnaire:below", "http://q.example/phq|2", false},
		{"questionnaire:below", "http://q.example/", false},
		{"_profile:below", "http://p.example/", true},
		{"_profile:below", "http://p.example/a/b|2", true},
		{"_profile:below", "http://p.example/a/b|2.1", true},
		{"_profile:below", "http://p.example/a/b|21", false},
		{"_profile:above", "http://p.example/a/b/c", true},
		{"_profile:above", "http://p.example/a", false},
	} {
		r := encounter
		switch {
		case strings.HasPrefix(row.name, "questionnaire"):
			r = answers
		case strings.HasPrefix(row.name, "_profile"):
			r = profiled
		}
		q, err := search.Parse(reg, r.Type(), [][2]string{{row.name, row.value}}, o)
		if err != nil || q.Matches(r) != row.want {
			t.Errorf("%s=%s: want %v (error %v)", row.name, row.value, row.want, err)
			continue
		}
		checkClause(t, row, &q.Where[0], reg.Index(r))
	}
	for _, query := range []string{
		"Encounter?location:below=Organization/x",
		"Encounter?location:below=a b",
		"Encounter?location:below=Location/x/y",
		"Encounter?location:below=http://elsewhere.example/Location/x",
		"Encounter?location:below=",
		"Encounter?subject:below=Patient/ada",
		"Encounter?subject:below=ada",
		"Observation?subject:above=Patient/ada",
		"Provenance?target:below=x",
		"QuestionnaireResponse?questionnaire:above=http://q.example/phq",
		"QuestionnaireResponse?questionnaire:below=http://q.example/phq|",
		"QuestionnaireResponse?questionnaire:below=phq",
		"ValueSet?url:below=urn:oid:1.2.3",
		"ValueSet?url:above=urn:oid:1.2.3",
		"ValueSet?url:above=http://u.example" + strings.Repeat("/a", 200),
		"Encounter?status:sideways=x",
	} {
		typ, rest, _ := strings.Cut(query, "?")
		name, value, _ := strings.Cut(rest, "=")
		if _, err := search.Parse(reg, typ, [][2]string{{name, value}}, o); fhir.KindOf(err) != fhir.Invalid || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%.80s: error %v", query, err)
		}
	}
	if _, err := search.Parse(reg, "Encounter", [][2]string{{"location:below", "x"}}, search.Options{}); fhir.KindOf(err) != fhir.Unsupported {
		t.Errorf("without hierarchies: error %v", err)
	}
}
