package validate_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// TestDifferentials checks profiles of profiles that have no snapshots: what the
// base says holds, and how its slices are told apart.
func TestDifferentials(t *testing.T) {
	const base = "http://hl7.org/fhir/StructureDefinition/"
	src := source{
		definition(t, "Observation", "Observation", "specialization", `{"path":"Observation","min":0,"max":"*"},{"path":"Observation.status","min":1,"max":"1","type":[{"code":"code"}]},
			{"path":"Observation.code","min":0,"max":"1","type":[{"code":"CodeableConcept"}]},{"path":"Observation.extension","min":0,"max":"*","type":[{"code":"Extension"}]},
			{"path":"Observation.value[x]","min":0,"max":"1","type":[{"code":"Quantity"},{"code":"string"}]},
			{"path":"Observation.component","min":0,"max":"*","type":[{"code":"BackboneElement"}]},{"path":"Observation.component.code","min":1,"max":"1","type":[{"code":"CodeableConcept"}]}`),
		definition(t, "CodeableConcept", "CodeableConcept", "specialization", `{"path":"CodeableConcept","min":0,"max":"*"},{"path":"CodeableConcept.coding","min":0,"max":"*","type":[{"code":"Coding"}]}`),
		definition(t, "Coding", "Coding", "specialization", `{"path":"Coding","min":0,"max":"*"},{"path":"Coding.code","min":0,"max":"1","type":[{"code":"code"}]}`),
		definition(t, "Extension", "Extension", "specialization", `{"path":"Extension","min":0,"max":"*"},{"path":"Extension.url","min":1,"max":"1"},{"path":"Extension.value[x]","min":0,"max":"1","type":[{"code":"string"},{"code":"date"}]}`),
		differential(t, "x", "Extension", base+"Extension", `{"id":"Extension.url","path":"Extension.url","fixedUri":"`+base+`x"},{"id":"Extension.value[x]","path":"Extension.value[x]","min":1,"type":[{"code":"date"}]}`),
		differential(t, "first", "Observation", base+"Observation", `{"id":"Observation","path":"Observation","constraint":[{"key":"f-1","severity":"error","human":"h","expression":"status = 'final'"}]},
			{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":"pattern","path":"code"}],"rules":"open"}},
			{"id":"Observation.component:a","path":"Observation.component","sliceName":"a","max":"1"},
			{"id":"Observation.component:a.code","path":"Observation.component.code","patternCodeableConcept":{"coding":[{"code":"a"}]}}`),
		differential(t, "second", "Observation", base+"first", `{"id":"Observation.extension:x","path":"Observation.extension","sliceName":"x","min":1,"max":"1","type":[{"code":"Extension","profile":["`+base+`x"]}]},
			{"id":"Observation.code.coding.code","path":"Observation.code.coding.code","fixedCode":"c"},
			{"id":"Observation.value[x]:valueQuantity.unit","path":"Observation.value[x].unit","min":1},
			{"id":"Observation.component:a","path":"Observation.component","sliceName":"a","min":1},
			{"id":"Observation.component:a.value[x]","path":"Observation.component.value[x]","min":1,"type":[{"code":"string"}]}`),
		differential(t, "named", "Observation", base+"Observation", `{"id":"Observation.status:s","path":"Observation.status","sliceName":"s","min":1,"fixedCode":"final"},
			{"id":"Observation.component.referenceRange","path":"Observation.component.referenceRange","contentReference":"#Observation.referenceRange"}`),
		differential(t, "unclear", "Observation", base+"Observation", `{"id":"Observation.note:a","path":"Observation.note","sliceName":"a","min":1}`),
		differential(t, "circle", "Observation", base+"round", `{"id":"Observation.status","path":"Observation.status","max":"1"}`),
		differential(t, "round", "Observation", base+"circle", `{"id":"Observation.status","path":"Observation.status","max":"1"}`),
		differential(t, "baseless", "Observation", base+"nothing", `{"id":"Observation.status","path":"Observation.status","max":"1"}`),
	}
	const x = `"extension":[{"url":"` + base + `x","valueDate":"2020"}],`
	tests := []struct{ Name, Profile, Body, Want string }{
		{"conforms", "second", x + `"status":"final","code":{"coding":[{"code":"c"}]},"valueQuantity":{"value":1,"unit":"g"},"component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"},{"code":{"text":"b"}}]`, ""},
		{"the base of the base", "second", x + `"component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"}]`, "error required Observation.status\nerror invariant Observation"},
		{"the base", "second", x + `"status":"draft","component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"},{"code":{"coding":[{"code":"a"}]},"valueString":"x"}]`,
			"error invariant Observation\nerror structure Observation.component"},
		{"a slice of the base must be there", "second", x + `"status":"final","component":[{"code":{"text":"b"}}]`, "error required Observation.component"},
		{"in a slice of the base", "second", x + `"status":"final","component":[{"code":{"coding":[{"code":"a"}]}}]`, "error required Observation.component[0].value"},
		{"an element far below", "second", x + `"status":"final","code":{"coding":[{"code":"d"}]},"component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"}]`, "error value Observation.code.coding[0].code"},
		{"an extension must be there", "second", `"status":"final","component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"}]`, "error required Observation.extension"},
		{"an extension of the wrong type", "second", `"extension":[{"url":"` + base + `x","valueString":"x"}],"status":"final","component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"}]`, "error structure Observation.extension[0].value.ofType(string)"},
		{"a slice by the name of a type", "second", x + `"status":"final","valueQuantity":{"value":1},"component":[{"code":{"coding":[{"code":"a"}]},"valueString":"x"}]`, "error required Observation.value.ofType(Quantity).unit"},
		{"a slice that is but a name", "named", `"status":"final"`, ""},
		{"a slice that is but a name, broken", "named", `"status":"draft"`, "error value Observation.status"},
		{"slices that nobody can tell apart", "unclear", `"status":"final"`, "error not-supported Observation"},
		{"a base that is not known", "baseless", `"status":"final"`, "error not-supported Observation"},
		{"bases in a circle", "circle", `"status":"final"`, "error not-supported Observation"},
	}
	v := validate.New(r4.Schema(), src, nil)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			body := `{"resourceType":"Observation",` + test.Body + `}`
			_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{Profiles: []string{base + test.Profile}})
			if got := describe(issues); got != test.Want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, test.Want, issues)
			}
		})
	}
}
