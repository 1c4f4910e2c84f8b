package validate_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// TestWords checks rules that the specification has in words only.
func TestWords(t *testing.T) {
	core := func(name, elements string) source {
		return source{definition(t, name, name, "specialization", `{"path":"`+name+`","min":0,"max":"*"}`+elements)}
	}
	var src source
	for _, s := range []source{
		core("Observation", `,{"path":"Observation.value[x]","min":0,"max":"1"},{"path":"Observation.identifier","min":0,"max":"*","type":[{"code":"Identifier"}]}`),
		core("Quantity", ""),
		core("Identifier", `,{"path":"Identifier.system","min":0,"max":"1","type":[{"code":"uri"}]}`),
		core("Questionnaire", ""),
		core("SearchParameter", ""),
		core("StructureDefinition", ""),
	} {
		src = append(src, s...)
	}
	tests := []struct{ Name, Body, Want string }{
		{"a unit", `"Observation","valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"ug/kg"}`, ""},
		{"no unit", `"Observation","valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":"mcg/kg"}`, "warning code-invalid Observation.value.ofType(Quantity).code"},
		{"a unit of another system", `"Observation","valueQuantity":{"value":1,"system":"urn:x","code":"mcg"}`, ""},
		{"an OID", `"Observation","identifier":[{"system":"urn:oid:1.2.3"}]`, ""},
		{"no OID", `"Observation","identifier":[{"system":"urn:oid:1.2.x"}]`, "error value Observation.identifier[0].system"},
		{"no UUID", `"Observation","identifier":[{"system":"urn:uuid:1"}]`, "error value Observation.identifier[0].system"},
		{"a relative system", `"Observation","identifier":[{"system":"mrn"}]`, "error value Observation.identifier[0].system"},
		{"a condition on an item", `"Questionnaire","item":[{"linkId":"a","item":[{"linkId":"b","enableWhen":[{"question":"a"}]}]}]`, ""},
		{"an expression", `"SearchParameter","expression":"Patient.name.where(use = 'official')"`, ""},
		{"no expression", `"SearchParameter","expression":"Patient.name.where("`, "error invalid SearchParameter.expression"},
		{"an invariant that can not be read", `"StructureDefinition","differential":{"element":[{"path":"Patient","constraint":[{"key":"a","expression":"name.exists()"},{"key":"b","expression":"name.exists("}]}]}`,
			"error invalid StructureDefinition.differential.element[0].constraint[1].expression"},
		{"a condition on nothing", `"Questionnaire","item":[{"linkId":"a","item":[{"linkId":"b","enableWhen":[{"question":"c"}]}]}]`, "error not-found Questionnaire.item[0].item[0].enableWhen[0].question"},
	}
	v := validate.New(r4.Schema(), src, nil)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			body := `{"resourceType":` + test.Body + `}`
			_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
			if got := describe(issues); got != test.Want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, test.Want, issues)
			}
		})
	}
}
