package profiles_test

import (
	"context"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
	"github.com/noafhir/noafhir/profiles"
)

// listed knows the codes that value sets of the guide list or include as a whole.
type listed struct{ t *testing.T }

func (l listed) ValidateCode(_ context.Context, valueSet string, coding fhir.Coding) (validate.Membership, string, error) {
	found, err := profiles.Source.Canonical("ValueSet", valueSet)
	if err != nil || len(found) == 0 {
		return validate.Unknown, "", err
	}
	for include := range found[0].Root().Get("compose").Get("include").Items {
		system := include.Get("system").Text()
		if coding.System != "" && coding.System != system {
			continue
		}
		concepts := include.Get("concept")
		if !concepts.Exists() {
			_, id, _ := strings.Cut(system, "/CodeSystem/")
			concepts = resource(l.t, fhir.Key{Type: "CodeSystem", ID: id}).Root().Get("concept")
		}
		for c := range concepts.Items {
			if c.Get("code").Text() == coding.Code {
				return validate.In, "", nil
			}
		}
	}
	return validate.NotIn, "it is not in the value set", nil
}

// withCore has as much of R4 beside the guide as extensions of a Procedure take.
type withCore struct{ t *testing.T }

var core = map[string]string{
	"Procedure": `{"path":"Procedure","min":0,"max":"*"},
		{"path":"Procedure.extension","min":0,"max":"*","type":[{"code":"Extension"}]},
		{"path":"Procedure.status","min":1,"max":"1","type":[{"code":"code"}]},
		{"path":"Procedure.subject","min":1,"max":"1","type":[{"code":"Reference"}]}`,
	"Extension": `{"path":"Extension","min":0,"max":"*"},
		{"path":"Extension.extension","min":0,"max":"*","type":[{"code":"Extension"}]},
		{"path":"Extension.url","min":1,"max":"1","type":[{"code":"uri"}]},
		{"path":"Extension.value[x]","min":0,"max":"1","type":[{"code":"boolean"},{"code":"code"},{"code":"positiveInt"},{"code":"string"},{"code":"CodeableConcept"},{"code":"Quantity"},{"code":"Reference"}]}`,
}

func (c withCore) Canonical(typ, url string) ([]*fhir.Resource, error) {
	name, ok := strings.CutPrefix(url, "http://hl7.org/fhir/StructureDefinition/")
	elements := core[name]
	if !ok || elements == "" {
		return profiles.Source.Canonical(typ, url)
	}
	kind := "resource"
	if name == "Extension" {
		kind = "complex-type"
	}
	return []*fhir.Resource{parsed(c.t, `{"resourceType":"StructureDefinition","url":"`+url+`","name":"`+name+`","status":"active","kind":"`+kind+`","abstract":false,
		"type":"`+name+`","derivation":"specialization","snapshot":{"element":[`+elements+`]}}`)}, nil
}

// TestExtensions validates resources with extensions of the guide, right and
// wrong.
func TestExtensions(t *testing.T) {
	v := validate.New(r4.Schema(), withCore{t}, listed{t})
	ext := func(id, content string) string {
		return `{"url":"` + profiles.URL("StructureDefinition", id) + `",` + content + `}`
	}
	procedure := func(extension string) string {
		return `{"resourceType":"Procedure","extension":[` + extension + `],"status":"completed","subject":{"reference":"Patient/a"}}`
	}
	side := func(parts string) string { return procedure(ext("noa-side-sequence", `"extension":[`+parts+`]`)) }
	const left, first = `{"url":"side","valueCode":"left"}`, `{"url":"order","valuePositiveInt":1}`
	tests := []struct {
		Name, Send string
		Wrong      bool
	}{
		{Name: "a number", Send: procedure(ext("noa-attempt-number", `"valuePositiveInt":1`))},
		{Name: "a number as text", Send: procedure(ext("noa-attempt-number", `"valueString":"1"`)), Wrong: true},
		{Name: "no value", Send: procedure(ext("noa-attempt-number", `"extension":[{"url":"x","valueCode":"y"}]`)), Wrong: true},
		{Name: "on another type", Send: procedure(ext("noa-aetiology", `"valueCodeableConcept":{"coding":[{"system":"`+profiles.Base+`/CodeSystem/noa-aetiology","code":"azfc"}]}`)), Wrong: true},
		{Name: "a code", Send: procedure(ext("noa-sperm-source", `"valueCode":"fresh-testicular"`))},
		{Name: "a code that there is not", Send: procedure(ext("noa-sperm-source", `"valueCode":"fresh"`)), Wrong: true},
		{Name: "power in W", Send: procedure(ext("noa-bipolar-max-power", `"valueQuantity":{"value":4,"system":"http://unitsofmeasure.org","code":"W"}`))},
		{Name: "power in mW", Send: procedure(ext("noa-bipolar-max-power", `"valueQuantity":{"value":4,"system":"http://unitsofmeasure.org","code":"mW"}`)), Wrong: true},
		{Name: "parts", Send: side(left + "," + first)},
		{Name: "a part is missing", Send: side(left), Wrong: true},
		{Name: "a part twice", Send: side(left + "," + first + "," + first), Wrong: true},
		{Name: "an unknown part", Send: side(left + "," + first + `,{"url":"depth","valueCode":"deep"}`), Wrong: true},
		{Name: "a part with a wrong code", Send: side(`{"url":"side","valueCode":"middle"},` + first), Wrong: true},
		{Name: "a reference to another type", Send: procedure(ext("noa-sperm-provider", `"valueReference":{"reference":"Practitioner/a"}`)), Wrong: true},
		{Name: "a reference", Send: procedure(ext("noa-sperm-provider", `"valueReference":{"reference":"Patient/a"}`))},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			var errs []fhir.Issue
			for _, issue := range v.Validate(t.Context(), parsed(t, test.Send), validate.Request{}) {
				if issue.Severity == "error" {
					errs = append(errs, issue)
				}
			}
			if (len(errs) > 0) != test.Wrong {
				t.Errorf("wrong is %t: %+v", test.Wrong, errs)
			}
		})
	}
}
