package search_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
)

func TestRegistry(t *testing.T) {
	reg := registry(t)
	var codes []string
	for _, p := range reg.Params("Patient") {
		codes = append(codes, p.Code)
		if got, ok := reg.Lookup("Patient", p.Code); !ok || got != p || p.Base != "Patient" {
			t.Errorf("Lookup(Patient, %s) = %v, %v", p.Code, got, ok)
		}
	}
	if !slices.IsSorted(codes) || !slices.Contains(codes, "_id") || !slices.Contains(codes, "birthdate") || slices.Contains(codes, "age") {
		t.Errorf("parameters of Patient: %v", codes)
	}
	if _, ok := reg.Lookup("Patient", "value-quantity"); ok {
		t.Error("Patient has a parameter of Observation")
	}
	if _, ok := reg.Lookup("Nothing", "_id"); ok || len(reg.Params("Nothing")) > 0 {
		t.Error("an unknown type has parameters")
	}
	if p, ok := reg.Lookup("", "_tag"); !ok || p.Base != "Resource" {
		t.Errorf("Lookup of _tag on the system = %v, %v", p, ok)
	}
}

func TestRegistryRefuses(t *testing.T) {
	for name, p := range map[string]fhir.SearchParam{
		"bad syntax":         {Type: fhir.TokenParam, Expression: "Patient.("},
		"a function unknown": {Type: fhir.TokenParam, Expression: "Patient.name.frobnicate()"},
		"a part unknown":     {Type: fhir.CompositeParam, Expression: "Patient", Component: []fhir.ParamComponent{{Definition: "http://nowhere.example", Expression: "name"}}},
	} {
		p.Code, p.URL, p.Base = "x", "http://x.example/SearchParameter/x", []string{"Patient"}
		if _, err := search.NewRegistry(codec, []fhir.SearchParam{p}); err == nil || !strings.Contains(err.Error(), p.URL) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	all := registry(t).Fingerprint()
	if again := registry(t).Fingerprint(); again != all || len(all) != 32 {
		t.Errorf("fingerprints %s and %s of the same parameters", all, again)
	}
	params := slices.DeleteFunc(slices.Clone(r4.Schema().SearchParams), func(p fhir.SearchParam) bool { return p.Code == "birthdate" })
	fewer, err := search.NewRegistry(codec, params)
	if err != nil {
		t.Fatal(err)
	}
	if fewer.Fingerprint() == all {
		t.Error("one parameter less has the same fingerprint")
	}
}

// TestTypeHashes holds that the types within a compartment do not share keys.
func TestTypeHashes(t *testing.T) {
	seen := map[string]string{}
	for i := range r4.Schema().Types {
		d := &r4.Schema().Types[i]
		if d.Kind != fhir.ResourceType || d.Abstract {
			continue
		}
		for _, key := range [][]byte{search.CompartmentKey("p", d.Name), search.TypeKey(d.Name)} {
			if other, ok := seen[string(key)]; ok {
				t.Errorf("%s and %s share the key %x", d.Name, other, key)
			}
			seen[string(key)] = d.Name
		}
	}
}

func TestDateOfEntries(t *testing.T) {
	reg := registry(t)
	const may6 = 1714953600000 // 2024-05-06
	for _, row := range []struct {
		text string
		want int64
	}{
		{`{"resourceType":"Observation","effectiveDateTime":"2024-05-06","issued":"2024-05-07T00:00:00Z"}`, may6},
		{`{"resourceType":"Observation","issued":"2024-05-06T01:00:00+01:00"}`, may6},
		{`{"resourceType":"Observation","effectivePeriod":{"start":"2024-05-06","end":"2024-06-01"}}`, may6},
		{`{"resourceType":"Encounter","period":{"end":"2024-05-05"}}`, may6},
		{`{"resourceType":"Condition","recordedDate":"2024-05-07","onsetDateTime":"2024-05-06"}`, may6},
		{`{"resourceType":"Condition","onsetString":"in spring","recordedDate":"2024-05-06"}`, may6},
		{`{"resourceType":"Procedure","performedPeriod":{"start":"2024-05-06T00:00:00.5Z"}}`, may6 + 500},
		{`{"resourceType":"MedicationRequest","authoredOn":"2024-05-06"}`, may6},
		{`{"resourceType":"DiagnosticReport","effectiveDateTime":"2024-05-06"}`, may6},
		{`{"resourceType":"Specimen","collection":{"collectedDateTime":"2024-05-06"},"receivedTime":"2024-05-09"}`, may6},
		{`{"resourceType":"Immunization","occurrenceDateTime":"2024-05-06"}`, may6},
		{`{"resourceType":"Composition","date":"2024-05-06"}`, may6},
		{`{"resourceType":"Observation","effectiveDateTime":"1969-12-31"}`, -86400000},
		{`{"resourceType":"Patient","birthDate":"1980-01-01"}`, 0},
		{`{"resourceType":"Observation","status":"final"}`, 0},
	} {
		if got := reg.Index(parseResource(t, row.text)).Date; got != row.want {
			t.Errorf("clinical date of %s is %d, want %d", row.text, got, row.want)
		}
	}
}

func TestCompartment(t *testing.T) {
	reg := registry(t)
	for _, row := range []struct {
		kind, id, text string
		want           bool
	}{
		{"Patient", "p", `{"resourceType":"Observation","subject":{"reference":"Patient/p"}}`, true},
		{"Patient", "p", `{"resourceType":"Observation","performer":[{"reference":"Patient/p"}]}`, true},
		{"Patient", "p", `{"resourceType":"Observation","focus":[{"reference":"Patient/p"}]}`, false},
		{"Patient", "p", `{"resourceType":"Observation","subject":{"reference":"Patient/q"}}`, false},
		{"Patient", "p", `{"resourceType":"Observation","subject":{"reference":"Group/p"}}`, false},
		{"Patient", "p", `{"resourceType":"Patient","id":"p"}`, true},
		{"Patient", "p", `{"resourceType":"Patient","id":"q","link":[{"other":{"reference":"Patient/p"},"type":"seealso"}]}`, true},
		{"Patient", "p", `{"resourceType":"Patient","id":"q"}`, false},
		{"Encounter", "e", `{"resourceType":"Observation","encounter":{"reference":"Encounter/e"}}`, true},
		{"Encounter", "e", `{"resourceType":"Observation","encounter":{"reference":"Encounter/f"}}`, false},
		{"Encounter", "e", `{"resourceType":"Encounter","id":"e"}`, true},
		{"Practitioner", "d", `{"resourceType":"Observation","performer":[{"reference":"Practitioner/d"}]}`, true},
		{"Device", "d", `{"resourceType":"Observation","device":{"reference":"Device/d"}}`, true},
		{"RelatedPerson", "r", `{"resourceType":"Patient","link":[{"other":{"reference":"RelatedPerson/r"},"type":"seealso"}]}`, true},
	} {
		r := parseResource(t, row.text)
		c, ok := reg.Compartment(row.kind, row.id, r.Type())
		if !ok {
			t.Errorf("%s can not be in a compartment of %s", r.Type(), row.kind)
			continue
		}
		if got := c.Matches(r); got != row.want {
			t.Errorf("%s/%s holds %s: Matches = %v", row.kind, row.id, row.text, got)
		}
		if found := inRanges(reg.Index(r), &c); c.Ranges != nil && (found != row.want || !c.Exact) {
			t.Errorf("%s/%s holds %s: keys = %v, exact %v", row.kind, row.id, row.text, found, c.Exact)
		}
	}
	if _, ok := reg.Compartment("Patient", "p", "Organization"); ok {
		t.Error("Organization can be in the compartment of a patient")
	}
	e := reg.IndexAs(parseResource(t, `{"resourceType":"Patient"}`), "p")
	if key := search.CompartmentKey("p", "Patient"); !slices.ContainsFunc(e.Keys, func(k []byte) bool { return bytes.Equal(k, key) && search.CompartmentRange("p").Contains(k) }) {
		t.Error("a patient about to be stored is not in its own compartment")
	}
}

func TestAccess(t *testing.T) {
	reg := registry(t)
	c, _ := reg.Compartment("Patient", "p", "Observation")
	mine := parseResource(t, `{"resourceType":"Observation","subject":{"reference":"Patient/p"}}`)
	other := parseResource(t, `{"resourceType":"Observation","subject":{"reference":"Patient/q"}}`)
	for _, row := range []struct {
		name   string
		access search.Access
		mine   bool
		other  bool
	}{
		{"nothing", search.Access{}, false, false},
		{"everything", search.Everything(), true, true},
		{"one compartment", search.Only(search.Grant{Type: "Observation", Where: []search.Clause{c}}), true, false},
		{"another type", search.Only(search.Grant{Type: "Patient"}), false, false},
		{"any type", search.Only(search.Grant{}), true, true},
	} {
		if row.access.Permits(mine) != row.mine || row.access.Permits(other) != row.other {
			t.Errorf("%s: permits %v and %v", row.name, row.access.Permits(mine), row.access.Permits(other))
		}
	}
}

// TestPairsAreBounded holds that a resource can not make keys without end.
func TestPairsAreBounded(t *testing.T) {
	reg := registry(t)
	codings := strings.TrimSuffix(strings.Repeat(`{"code":"a"},`, 5000), ",")
	r := parseResource(t, `{"resourceType":"Observation","code":{"coding":[`+codings+`]},"valueCodeableConcept":{"coding":[`+codings+`]}}`)
	if n := len(reg.Index(r).Keys); n > 100 {
		t.Errorf("%d keys", n)
	}
	q, err := search.Parse(reg, "Observation", [][2]string{{"code-value-concept", "a$a"}}, search.Options{})
	if err != nil || q.Matches(r) {
		t.Errorf("Matches = %v, %v", q.Matches(r), err)
	}
}

// TestCostOfIndex guards what every write pays.
func TestCostOfIndex(t *testing.T) {
	data, err := os.ReadFile("testdata/observation.json")
	if err != nil {
		t.Fatal(err)
	}
	reg, r := registry(t), parseResource(t, string(data))
	if rows := len(reg.Index(r).Keys); rows != 23 {
		t.Errorf("a laboratory result has %d keys, not 23", rows)
	}
	if n := testing.AllocsPerRun(100, func() { reg.Index(r) }); n > 16 {
		t.Errorf("indexing it takes %v allocations", n)
	}
}
