package search_test

import (
	"bytes"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
)

var codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})

// registry returns a registry of all parameters of R4.
func registry(t testing.TB) *search.Registry {
	t.Helper()
	reg, err := search.NewRegistry(codec, r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// parseResource reads a resource or fails the test.
func parseResource(t testing.TB, text string) *fhir.Resource {
	t.Helper()
	r, err := codec.ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return r
}

// inRanges reports whether a resource has a key in the ranges of a clause.
func inRanges(e *search.Entries, c *search.Clause) bool {
	for _, k := range e.Keys {
		for _, r := range c.Ranges {
			if r.Contains(k) {
				return true
			}
		}
	}
	return false
}

// A query row says whether a search finds the resource of its table.
type queryRow struct {
	name, value string
	want        bool
}

// checkRows asks both Matches and the keys.
func checkRows(t *testing.T, text string, rows []queryRow) {
	t.Helper()
	reg := registry(t)
	r := parseResource(t, text)
	entries := reg.Index(r)
	for i, k := range entries.Keys {
		if i > 0 && bytes.Compare(entries.Keys[i-1], k) >= 0 {
			t.Errorf("keys %d and %d of %s are not in order", i-1, i, r.Key())
		}
	}
	for _, row := range rows {
		q, err := search.Parse(reg, r.Type(), [][2]string{{row.name, row.value}}, search.Options{Base: "https://here.example/fhir"})
		if err != nil {
			t.Errorf("%s=%s: %v", row.name, row.value, err)
			continue
		}
		if got := q.Matches(r); got != row.want {
			t.Errorf("%s=%s: Matches = %v, want %v", row.name, row.value, got, row.want)
		}
		for i := range q.Where {
			checkClause(t, row, &q.Where[i], entries)
		}
	}
}

// checkClause holds the ranges of a clause against what was wanted.
func checkClause(t *testing.T, row queryRow, c *search.Clause, entries *search.Entries) {
	t.Helper()
	if c.Ranges == nil {
		return
	}
	found := inRanges(entries, c)
	if row.want && !found || c.Exact && found != row.want {
		t.Errorf("%s=%s: keys = %v (exact %v), want %v", row.name, row.value, found, c.Exact, row.want)
	}
}

const patient = `{"resourceType":"Patient","id":"p1","meta":{"lastUpdated":"2024-05-06T07:08:09.123456Z","tag":[{"system":"http://t.example","code":"x"}],"profile":["http://p.example/StructureDefinition/a-rather-long-name-of-a-profile|1.2"]},
"identifier":[{"system":"http://mrn.example","value":"A-1"},{"value":"bare"}],"active":true,
"name":[{"family":"García-Márquez","given":["José","Luis"]},{"text":"Ole Øst"}],
"telecom":[{"system":"phone","value":"+49 30 123"},{"system":"email","value":"Jose@Example.org"}],
"gender":"male","birthDate":"1980-02","address":[{"line":["1 High St."],"city":"Łódź","postalCode":"12345"}],
"managingOrganization":{"reference":"https://here.example/fhir/Organization/o1"},
"generalPractitioner":[{"reference":"Practitioner/d1/_history/2"},{"identifier":{"system":"http://npi.example","value":"77"}}]}`

func TestPatient(t *testing.T) {
	checkRows(t, patient, []queryRow{
		{"identifier", "A-1", true},
		{"identifier", "a-1", false},
		{"identifier", "http://mrn.example|A-1", true},
		{"identifier", "http://other.example|A-1", false},
		{"identifier", "http://mrn.example|", true},
		{"identifier", "|bare", true},
		{"identifier", "|A-1", false},
		{"identifier", "x,A-1", true},
		{"identifier:not", "A-1", false},
		{"identifier:not", "A-2", true},
		{"identifier:missing", "false", true},
		{"identifier:missing", "true", false},
		{"gender", "male", true},
		{"gender", "http://hl7.org/fhir/administrative-gender|male", true},
		{"gender", "female", false},
		{"active", "true", true},
		{"active", "false", false},
		{"phone", "+4930123", true},
		{"email", "jose@example.org", true},
		{"telecom", "JOSE@example.org", true},
		{"name", "garcia marquez", true},
		{"name", "LUIS", true},
		{"name", "uis", false},
		{"name:contains", "uis", true},
		{"name:exact", "José", true},
		{"name:exact", "Jose", false},
		{"name", "ole ost", true},
		{"family", "gar", true},
		{"given", "gar", false},
		{"address", "lodz", true},
		{"address-city", "LODZ", true},
		{"birthdate", "1980", true},
		{"birthdate", "1980-02", true},
		{"birthdate", "1980-02-01", false},
		{"birthdate", "ge1980-02-10", true},
		{"birthdate", "gt1980-02-10", true},
		{"birthdate", "lt1980-02-10", true},
		{"birthdate", "sa1980-01", true},
		{"birthdate", "eb1980-03-01", true},
		{"birthdate", "ne1980", false},
		{"organization", "Organization/o1", true},
		{"organization", "o1", true},
		{"organization:Organization", "o1", true},
		{"organization", "https://here.example/fhir/Organization/o1", true},
		{"organization", "https://there.example/fhir/Organization/o1", false},
		{"general-practitioner", "Practitioner/d1", true},
		{"general-practitioner", "Practitioner/d1/_history/2", true},
		{"general-practitioner", "Practitioner/d1/_history/3", false},
		{"general-practitioner:identifier", "http://npi.example|77", true},
		{"general-practitioner:identifier", "78", false},
		{"deceased", "true", false},
		{"deceased", "false", true},
		{"_tag", "http://t.example|x", true},
		{"_profile", "http://p.example/StructureDefinition/a-rather-long-name-of-a-profile", true},
		{"_profile", "http://p.example/StructureDefinition/a-rather-long-name-of-a-profile|1.2", true},
		{"_profile", "http://p.example/StructureDefinition/a-rather-long-name-of-a-profile|1.3", false},
		{"_profile:below", "http://p.example/", true},
		{"_lastUpdated", "2024-05-06", true},
		{"_lastUpdated", "gt2024-05-06", false},
		{"_lastUpdated", "2023,2024", true},
		{"_id", "p1", true},
		{"_id", "p2,p1", true},
		{"_id", "p2", false},
	})
}
