package validate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

func TestLiterals(t *testing.T) {
	judge(t, []ruling{
		{
			Name: "fixed, deep", Type: "Observation",
			Elements: `{"path":"Observation.code","min":0,"max":"1","type":[{"code":"CodeableConcept"}],"fixedCodeableConcept":{"coding":[{"system":"urn:s","code":"a"}]}}`,
			Cases: []verdict{
				{`"code":{"coding":[{"code":"a","system":"urn:s"}]}`, ""},
				{`"code":{"coding":[{"code":"a","system":"urn:s","display":"A"}]}`, "error value Observation.code"},
				{`"code":{"coding":[{"code":"a","system":"urn:s"}],"text":"A"}`, "error value Observation.code"},
				{`"code":{"text":"A"}`, "error value Observation.code"},
			},
		},
		{
			Name: "pattern, deep", Type: "Observation",
			Elements: `{"path":"Observation.value[x]","min":0,"max":"1","type":[{"code":"Quantity"}],"patternQuantity":{"value":1.0,"unit":"g"}}`,
			Cases: []verdict{
				{`"valueQuantity":{"value":1.00,"unit":"g","code":"g","system":"urn:u"}`, ""},
				{`"valueQuantity":{"value":1.5,"unit":"g"}`, "error value Observation.value.ofType(Quantity)"},
				{`"valueString":"1.0"`, "error structure Observation.value.ofType(string)"},
			},
		},
		{
			Name: "least and most value", Type: "Observation",
			Elements: `{"path":"Observation.value[x]","min":0,"max":"1","type":[{"code":"integer"}],"minValueInteger":2,"maxValueInteger":4},
				{"path":"Observation.issued","min":0,"max":"1","type":[{"code":"instant"}],"minValueInstant":"2020-01-01T00:00:00Z"},
				{"path":"Observation.effective[x]","min":0,"max":"1","type":[{"code":"dateTime"}],"maxValueDateTime":"2020"}`,
			Cases: []verdict{
				{`"valueInteger":2,"issued":"2020-01-01T01:00:00+01:00","effectiveDateTime":"2020-12-31"`, ""},
				{`"valueInteger":1,"issued":"2019-12-31T23:00:00Z","effectiveDateTime":"2021-01-01"`,
					"error value Observation.value.ofType(integer)\nerror value Observation.issued\nerror value Observation.effective.ofType(dateTime)"},
				{`"valueInteger":5`, "error value Observation.value.ofType(integer)"},
			},
		},
		{
			Name: "length counts characters", Type: "Patient",
			Elements: `{"path":"Patient.language","min":0,"max":"1","type":[{"code":"code"}],"maxLength":3}`,
			Cases: []verdict{
				{`"language":"äöü"`, ""},
				{`"language":"abcd"`, "error too-long Patient.language"},
			},
		},
		{
			Name: "cardinality", Type: "Patient",
			Elements: `{"path":"Patient.name","min":1,"max":"2","type":[{"code":"HumanName"}]},{"path":"Patient.name.given","min":1,"max":"*","type":[{"code":"string"}]},
				{"path":"Patient.photo","min":0,"max":"0","type":[{"code":"Attachment"}]},{"path":"Patient.birthDate","min":1,"max":"1","type":[{"code":"date"}]}`,
			Cases: []verdict{
				{`"name":[{"given":["a"]},{"given":["b"]}],"_birthDate":{"extension":[{"url":"urn:x","valueCode":"unknown"}]}`, ""},
				{`"name":[{"given":["a"]},{"given":["b"]},{"text":"c"}],"birthDate":"2000","photo":[{"title":"x"}]`,
					"error required Patient.name[2].given\nerror structure Patient.name\nerror structure Patient.photo"},
				{`"active":true`, "error required Patient.name\nerror required Patient.birthDate"},
			},
		},
	})
}

// terms knows codes by how they are written: a value set has the codes that begin
// with its last letter; codes with "?" are unknown to everybody.
type terms struct{}

// ValidateCode implements [validate.Terms].
func (terms) ValidateCode(_ context.Context, valueSet string, c fhir.Coding) (validate.Membership, string, error) {
	switch {
	case strings.HasPrefix(c.Code, "?"):
		return validate.Unknown, "", nil
	case valueSet == "":
		if strings.HasSuffix(c.Code, "!") {
			return validate.NotIn, "its check digit is wrong", nil
		}
		return validate.Unknown, "", nil
	case c.System != "" && c.System != "urn:s" || c.Code[0] != valueSet[len(valueSet)-1]:
		return validate.NotIn, "", nil
	}
	return validate.In, "", nil
}

func TestBindings(t *testing.T) {
	observation := func(t *testing.T, strength, most string) source {
		bind := func(strength string) string {
			extra := ""
			if most != "" {
				extra = `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/elementdefinition-maxValueSet","valueCanonical":"` + most + `"}],`
			}
			return `"binding":{` + extra + `"strength":"` + strength + `","valueSet":"urn:a"}`
		}
		return source{
			definition(t, "Coding", "Coding", "specialization", `{"path":"Coding","min":0,"max":"*"}`),
			definition(t, "CodeableConcept", "CodeableConcept", "specialization", `{"path":"CodeableConcept","min":0,"max":"*"},{"path":"CodeableConcept.coding","min":0,"max":"*","type":[{"code":"Coding"}]}`),
			definition(t, "Observation", "Observation", "specialization", `{"path":"Observation","min":0,"max":"*"},
				{"path":"Observation.status","min":0,"max":"1","type":[{"code":"code"}],`+bind(strength)+`},
				{"path":"Observation.code","min":0,"max":"1","type":[{"code":"CodeableConcept"}],`+bind(strength)+`}`),
		}
	}
	tests := []struct{ Name, Strength, Most, Body, Want string }{
		{"in", "required", "", `"status":"a1","code":{"coding":[{"system":"urn:x","code":"a"},{"system":"urn:s","code":"ab"}]}`, ""},
		{"not in, required", "required", "", `"status":"b","code":{"coding":[{"system":"urn:s","code":"b"}]}`, "error code-invalid Observation.status\nerror code-invalid Observation.code"},
		{"not in, extensible", "extensible", "", `"status":"b","code":{"coding":[{"system":"urn:s","code":"b"}]}`, "warning code-invalid Observation.status\nwarning code-invalid Observation.code"},
		{"not in, preferred", "preferred", "", `"status":"b","code":{"text":"x"}`, "information code-invalid Observation.status"},
		{"example", "example", "", `"status":"b"`, ""},
		{"unknown is not wrong", "required", "", `"status":"?","code":{"coding":[{"system":"urn:s","code":"?"}]}`, "information code-invalid Observation.status\ninformation code-invalid Observation.code"},
		{"text only, required", "required", "", `"code":{"text":"x"}`, "error code-invalid Observation.code"},
		{"text only, extensible", "extensible", "", `"code":{"text":"x"}`, ""},
		{"a coding needs a system", "required", "", `"code":{"coding":[{"code":"a"}]}`, "error code-invalid Observation.code"},
		{"maximum", "preferred", "urn:b", `"code":{"coding":[{"system":"urn:s","code":"c"}]}`, "error code-invalid Observation.code\ninformation code-invalid Observation.code"},
		{"within maximum", "extensible", "urn:b", `"code":{"coding":[{"system":"urn:s","code":"b"}]}`, "warning code-invalid Observation.code"},
		{"check digit", "preferred", "", `"code":{"coding":[{"system":"urn:s","code":"a!"}]}`, "error code-invalid Observation.code.coding[0]"},
		{"relative system", "preferred", "", `"code":{"coding":[{"system":"loinc","code":"a"}]}`, "information code-invalid Observation.code\nerror value Observation.code.coding[0].system"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			v := validate.New(r4.Schema(), observation(t, test.Strength, test.Most), terms{})
			body := `{"resourceType":"Observation",` + test.Body + `}`
			for range 2 { // answers are remembered
				_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
				if got := describe(issues); got != test.Want {
					t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, test.Want, issues)
				}
			}
			if _, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{Mode: validate.Structure}); len(issues) != 0 {
				t.Errorf("%s: structure only: got %v", body, issues)
			}
		})
	}
}

func TestInvariants(t *testing.T) {
	rule := func(severity, expression string) string {
		return `"constraint":[{"key":"k","severity":"` + severity + `","human":"h","expression":"` + expression + `"}]`
	}
	judge(t, []ruling{
		{
			Name: "severity", Type: "Patient",
			Elements: `{"path":"Patient.name","min":0,"max":"*","type":[{"code":"HumanName"}],` + rule("warning", "family.exists()") + `},
				{"path":"Patient.birthDate","min":0,"max":"1","type":[{"code":"date"}],` + rule("error", "$this >= @2000-01-01 or extension('urn:x').exists()") + `}`,
			Cases: []verdict{
				{`"name":[{"family":"a"},{"text":"b"}],"birthDate":"1999-01-01"`, "warning invariant Patient.name[1]\nerror invariant Patient.birthDate"},
				{`"birthDate":"1999-01-01","_birthDate":{"extension":[{"url":"urn:x","valueCode":"y"}]}`, ""},
			},
		},
		{
			Name: "conformsTo, resolve and what can not be compiled", Type: "Observation",
			Elements: `{"path":"Observation.subject","min":0,"max":"1","type":[{"code":"Reference"}],` + rule("error", "resolve().conformsTo('http://hl7.org/fhir/StructureDefinition/active')") + `},
				{"path":"Observation.status","min":0,"max":"1","type":[{"code":"code"}],` + rule("error", "no(") + `}`,
			Cases: []verdict{
				{`"contained":[{"resourceType":"Patient","id":"p","active":true}],"subject":{"reference":"#p"}`, ""},
				{`"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}`, "error invariant Observation.subject"},
				{`"status":"x"`, "warning not-supported Observation.status"},
			},
		},
	}, func(t testing.TB) source {
		return source{definition(t, "active", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.active","min":1,"max":"1","type":[{"code":"boolean"}]}`),
			definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"}`)}
	})
}
