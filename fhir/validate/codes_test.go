package validate_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// Resource implements [terminology.Source].
func (s source) Resource(fhir.Key) (*fhir.Resource, error) { return nil, nil }

func TestCodes(t *testing.T) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	var src source
	for _, text := range []string{
		`{"resourceType":"CodeSystem","url":"urn:c","status":"active","content":"complete","caseSensitive":true,"concept":[{"code":"a","display":"The first","designation":[{"language":"de","value":"Das erste"}],"concept":[{"code":"b"}]}]}`,
		`{"resourceType":"CodeSystem","url":"urn:loose","status":"active","content":"complete","concept":[{"code":"A"}]}`,
		`{"resourceType":"CodeSystem","url":"urn:part","status":"active","content":"fragment","concept":[{"code":"a"}]}`,
		`{"resourceType":"ValueSet","url":"urn:v","status":"active","compose":{"include":[{"system":"urn:c"},{"system":"http://loinc.org","concept":[{"code":"2986-8"}]}]}}`,
		`{"resourceType":"ValueSet","url":"urn:all","status":"active","compose":{"include":[{"system":"http://snomed.info/sct"}]}}`,
	} {
		r, err := codec.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		src = append(src, r)
	}
	const loinc, snomed, ucum = "http://loinc.org", "http://snomed.info/sct", "http://unitsofmeasure.org"
	tests := []struct {
		ValueSet, System, Code string
		Want                   validate.Membership
	}{
		{"", "urn:c", "b", validate.In},
		{"", "urn:c", "B", validate.NotIn},
		{"", "urn:loose", "a", validate.In},
		{"", "urn:part", "x", validate.Unknown},
		{"", "urn:nobody", "x", validate.Unknown},
		{"", "", "x", validate.Unknown},
		{"", loinc, "2986-8", validate.Unknown},
		{"", loinc, "2986-7", validate.NotIn},
		{"", loinc, "LA6568-5", validate.Unknown},
		{"", snomed, "22298006", validate.Unknown},
		{"", snomed, "22298007", validate.NotIn},
		{"", snomed, "22298006:363698007=74281007", validate.Unknown},
		{"", snomed, "12", validate.NotIn},
		{"", ucum, "mg/kg", validate.In},
		{"", ucum, "mcg", validate.NotIn},
		{"urn:v", "urn:c", "a", validate.In},
		{"urn:v|1.0", "urn:c", "a", validate.In},
		{"urn:v", "", "2986-8", validate.In},
		{"urn:v", loinc, "2986-8", validate.In},
		{"urn:v", loinc, "2339-0", validate.NotIn},
		{"urn:v", "urn:x", "a", validate.NotIn},
		{"urn:all", snomed, "22298006", validate.Unknown},
		{"urn:all", snomed, "22298007", validate.NotIn},
		{"urn:no", "urn:c", "a", validate.Unknown},
		{"http://hl7.org/fhir/ValueSet/mimetypes|4.0.1", "", "text/plain; charset=utf-8", validate.In},
		{"http://hl7.org/fhir/ValueSet/mimetypes|4.0.1", "", "text plain", validate.NotIn},
		{"http://hl7.org/fhir/ValueSet/all-languages", "", "de-CH-1996", validate.In},
		{"http://hl7.org/fhir/ValueSet/all-languages", "urn:ietf:bcp:47", "d-", validate.NotIn},
	}
	codes := validate.NewCodes(src)
	for _, test := range tests {
		for range 2 {
			got, _, err := codes.ValidateCode(context.Background(), test.ValueSet, fhir.Coding{System: test.System, Code: test.Code})
			if err != nil || got != test.Want {
				t.Errorf("%s|%s in %q: got %d, %v, want %d", test.System, test.Code, test.ValueSet, got, err, test.Want)
			}
		}
	}
	for _, pair := range []struct {
		A, B string
		Want bool
	}{{"a", "b", true}, {"b", "a", false}} {
		got, err := codes.Subsumes(context.Background(), fhir.Coding{System: "urn:c", Code: pair.A}, fhir.Coding{System: "urn:c", Code: pair.B})
		if err != nil || got != pair.Want {
			t.Errorf("%s subsumes %s: got %v, %v", pair.A, pair.B, got, err)
		}
	}
}

func TestDisplays(t *testing.T) {
	system, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(`{"resourceType":"CodeSystem","url":"urn:c","status":"active","content":"complete","caseSensitive":true,
		"concept":[{"code":"a","display":"The first","designation":[{"language":"de","value":"Das erste"}]},{"code":"b"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	src := source{system,
		definition(t, "Coding", "Coding", "specialization", `{"path":"Coding","min":0,"max":"*"}`),
		definition(t, "Encounter", "Encounter", "specialization", `{"path":"Encounter","min":0,"max":"*"},{"path":"Encounter.class","min":1,"max":"1","type":[{"code":"Coding"}]}`)}
	v := validate.New(r4.Schema(), src, validate.NewCodes(src))
	tests := []struct{ Class, Want string }{
		{`"system":"urn:c","code":"a","display":"the  First"`, ""},
		{`"system":"urn:c","code":"a","display":"Das erste"`, ""},
		{`"system":"urn:c","code":"a","display":"The second"`, "warning value Encounter.class.display"},
		{`"system":"urn:c","code":"b","display":"x"`, ""},
		{`"system":"urn:c","code":"c","display":"x"`, "error code-invalid Encounter.class"},
		{`"system":"urn:other","code":"a","display":"x"`, ""},
	}
	for _, test := range tests {
		_, issues := v.ValidateJSON(context.Background(), []byte(`{"resourceType":"Encounter","class":{`+test.Class+`}}`), validate.Request{})
		if got := describe(issues); got != test.Want {
			t.Errorf("%s: got %q, want %q", test.Class, got, test.Want)
		}
	}
}
