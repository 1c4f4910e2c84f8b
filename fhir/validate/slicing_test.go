package validate_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

const profileURL = "http://hl7.org/fhir/StructureDefinition/profile"

// A ruling is a profile and what it has to say about some resources.
type ruling struct {
	Name     string
	Type     string
	Elements string // of the profile, its root left out
	Cases    []verdict
}

// A verdict is what is expected of one resource, given without its type.
type verdict struct{ Body, Want string }

// judge holds rulings to their verdicts, once with the elements as a snapshot and
// once as a differential. Extra definitions are in sight.
func judge(t *testing.T, rulings []ruling, extra ...func(t testing.TB) source) {
	for _, test := range rulings {
		root := `{"path":"` + test.Type + `","min":0,"max":"*"}`
		for form, profile := range map[string]*fhir.Resource{
			"snapshot":     definition(t, "profile", test.Type, "constraint", root+","+test.Elements),
			"differential": differential(t, "profile", test.Type, "http://hl7.org/fhir/StructureDefinition/"+test.Type, test.Elements),
		} {
			t.Run(test.Name+", "+form, func(t *testing.T) {
				src := source{coreOf(t, test.Type), profile}
				for _, more := range extra {
					src = append(src, more(t)...)
				}
				v := validate.New(r4.Schema(), src, nil)
				for _, c := range test.Cases {
					body := `{"resourceType":"` + test.Type + `",` + c.Body + `}`
					r, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{Profiles: []string{profileURL}})
					if got := describe(issues); got != c.Want {
						t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, c.Want, issues)
					}
					if r == nil {
						t.Errorf("%s has flaws: %v", body, issues)
					}
				}
			})
		}
	}
}

// coreOf returns a definition of a type that knows its choices only.
func coreOf(t testing.TB, typ string) *fhir.Resource {
	elements := `{"path":"` + typ + `","min":0,"max":"*"}`
	if typ == "Observation" {
		elements += `,{"path":"Observation.value[x]","min":0,"max":"1","type":[{"code":"Quantity"},{"code":"string"},{"code":"boolean"},{"code":"integer"}]}`
	}
	return definition(t, typ, typ, "specialization", elements)
}

func TestSlicing(t *testing.T) {
	judge(t, []ruling{
		{
			Name: "value of a part, ordered", Type: "Patient",
			Elements: `{"id":"Patient.identifier","path":"Patient.identifier","slicing":{"discriminator":[{"type":"value","path":"system"}],"ordered":true,"rules":"open"},"min":1,"max":"*","type":[{"code":"Identifier"}]},
				{"id":"Patient.identifier:a","path":"Patient.identifier","sliceName":"a","min":1,"max":"1","type":[{"code":"Identifier"}]},
				{"id":"Patient.identifier:a.system","path":"Patient.identifier.system","min":1,"max":"1","type":[{"code":"uri"}],"fixedUri":"urn:a"},
				{"id":"Patient.identifier:a.value","path":"Patient.identifier.value","min":1,"max":"1","type":[{"code":"string"}],"maxLength":3},
				{"id":"Patient.identifier:b","path":"Patient.identifier","sliceName":"b","min":0,"max":"1","type":[{"code":"Identifier"}]},
				{"id":"Patient.identifier:b.system","path":"Patient.identifier.system","min":1,"max":"1","type":[{"code":"uri"}],"patternUri":"urn:b"}`,
			Cases: []verdict{
				{`"identifier":[{"system":"urn:a","value":"1"},{"system":"urn:b"},{"system":"urn:c"}]`, ""},
				{`"identifier":[{"system":"urn:b"},{"system":"urn:a","value":"1"}]`, "error structure Patient.identifier[1]"},
				{`"identifier":[{"system":"urn:b"}]`, "error required Patient.identifier"},
				{`"active":true`, "error required Patient.identifier"},
				{`"identifier":[{"system":"urn:a"},{"system":"urn:a","value":"long"}]`,
					"error required Patient.identifier[0].value\nerror too-long Patient.identifier[1].value\nerror structure Patient.identifier"},
			},
		},
		{
			Name: "pattern, closed", Type: "Observation",
			Elements: `{"id":"Observation.category","path":"Observation.category","slicing":{"discriminator":[{"type":"pattern","path":"$this"}],"rules":"closed"},"min":0,"max":"*","type":[{"code":"CodeableConcept"}]},
				{"id":"Observation.category:lab","path":"Observation.category","sliceName":"lab","min":1,"max":"1","type":[{"code":"CodeableConcept"}],"patternCodeableConcept":{"coding":[{"system":"urn:s","code":"lab"}]}}`,
			Cases: []verdict{
				{`"category":[{"coding":[{"system":"urn:x","code":"y"},{"system":"urn:s","code":"lab","display":"Lab"}],"text":"t"}]`, ""},
				{`"category":[{"coding":[{"system":"urn:s","code":"lab"}]},{"text":"other"}]`, "error structure Observation.category[1]"},
				{`"category":[{"text":"other"}]`, "error structure Observation.category[0]\nerror required Observation.category"},
			},
		},
		{
			Name: "open at the end", Type: "Observation",
			Elements: `{"id":"Observation.category","path":"Observation.category","slicing":{"discriminator":[{"type":"value","path":"text"}],"rules":"openAtEnd"},"min":0,"max":"*","type":[{"code":"CodeableConcept"}]},
				{"id":"Observation.category:a","path":"Observation.category","sliceName":"a","min":0,"max":"1","type":[{"code":"CodeableConcept"}]},
				{"id":"Observation.category:a.text","path":"Observation.category.text","min":1,"max":"1","type":[{"code":"string"}],"fixedString":"a"}`,
			Cases: []verdict{
				{`"category":[{"text":"a"},{"text":"z"}]`, ""},
				{`"category":[{"text":"z"},{"text":"a"}]`, "error structure Observation.category[1]"},
			},
		},
		{
			Name: "type of a choice", Type: "Observation",
			Elements: `{"id":"Observation.value[x]","path":"Observation.value[x]","slicing":{"discriminator":[{"type":"type","path":"$this"}],"rules":"closed"},"min":0,"max":"1","type":[{"code":"Quantity"},{"code":"string"}]},
				{"id":"Observation.value[x]:valueQuantity","path":"Observation.value[x]","sliceName":"valueQuantity","min":0,"max":"1","type":[{"code":"Quantity"}]},
				{"id":"Observation.value[x]:valueQuantity.unit","path":"Observation.value[x].unit","min":1,"max":"1","type":[{"code":"string"}]}`,
			Cases: []verdict{
				{`"valueQuantity":{"value":1,"unit":"g"}`, ""},
				{`"valueQuantity":{"value":1}`, "error required Observation.value.ofType(Quantity).unit"},
				{`"valueBoolean":true`, "error structure Observation.value.ofType(boolean)\nerror structure Observation.value.ofType(boolean)"},
			},
		},
		{
			Name: "the short form of a choice", Type: "Observation",
			Elements: `{"path":"Observation.value[x]","min":0,"max":"1","type":[{"code":"Quantity"},{"code":"string"}]},
				{"path":"Observation.valueQuantity","sliceName":"valueQuantity","min":0,"max":"1","type":[{"code":"Quantity"}]},
				{"path":"Observation.valueQuantity.unit","min":1,"max":"1","type":[{"code":"string"}]}`,
			Cases: []verdict{
				{`"valueString":"x"`, ""},
				{`"valueQuantity":{"value":1}`, "error required Observation.value.ofType(Quantity).unit"},
			},
		},
		{
			Name: "exists", Type: "Patient",
			Elements: `{"id":"Patient.name","path":"Patient.name","slicing":{"discriminator":[{"type":"exists","path":"family"}],"rules":"open"},"min":0,"max":"*","type":[{"code":"HumanName"}]},
				{"id":"Patient.name:full","path":"Patient.name","sliceName":"full","min":0,"max":"1","type":[{"code":"HumanName"}]},
				{"id":"Patient.name:full.family","path":"Patient.name.family","min":1,"max":"1","type":[{"code":"string"}]},
				{"id":"Patient.name:short","path":"Patient.name","sliceName":"short","min":0,"max":"0","type":[{"code":"HumanName"}]},
				{"id":"Patient.name:short.family","path":"Patient.name.family","min":0,"max":"0","type":[{"code":"string"}]}`,
			Cases: []verdict{
				{`"name":[{"family":"a"}]`, ""},
				{`"name":[{"text":"a"}]`, "error structure Patient.name"},
			},
		},
		{
			Name: "type of what a reference leads to", Type: "Observation",
			Elements: `{"id":"Observation.performer","path":"Observation.performer","slicing":{"discriminator":[{"type":"type","path":"resolve()"}],"rules":"open"},"min":0,"max":"*","type":[{"code":"Reference"}]},
				{"id":"Observation.performer:p","path":"Observation.performer","sliceName":"p","min":1,"max":"1","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Patient"]}]}`,
			Cases: []verdict{
				{`"performer":[{"reference":"Patient/1"},{"reference":"Practitioner/1"}]`, ""},
				{`"contained":[{"resourceType":"Patient","id":"p"}],"performer":[{"reference":"#p"}]`, ""},
				{`"performer":[{"reference":"Practitioner/1"}]`, "error required Observation.performer"},
			},
		},
		{
			Name: "value behind resolve()", Type: "Observation",
			Elements: `{"id":"Observation.performer","path":"Observation.performer","slicing":{"discriminator":[{"type":"value","path":"resolve().active"}],"rules":"open"},"min":0,"max":"*","type":[{"code":"Reference"}]},
				{"id":"Observation.performer:p","path":"Observation.performer","sliceName":"p","min":1,"max":"1","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/active"]}]}`,
			Cases: []verdict{
				{`"contained":[{"resourceType":"Patient","id":"p","active":true}],"performer":[{"reference":"#p"}]`, ""},
				{`"contained":[{"resourceType":"Patient","id":"p","active":false}],"performer":[{"reference":"#p"}]`, "error required Observation.performer"},
			},
		},
		{
			Name: "profile of what a reference leads to", Type: "Observation",
			Elements: `{"id":"Observation.performer","path":"Observation.performer","slicing":{"discriminator":[{"type":"profile","path":"resolve()"}],"rules":"open"},"min":0,"max":"*","type":[{"code":"Reference"}]},
				{"id":"Observation.performer:p","path":"Observation.performer","sliceName":"p","min":1,"max":"1","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/active"]}]}`,
			Cases: []verdict{
				{`"contained":[{"resourceType":"Patient","id":"p","active":true}],"performer":[{"reference":"#p"}]`, ""},
				{`"contained":[{"resourceType":"Patient","id":"p","active":false}],"performer":[{"reference":"#p"}]`, "error required Observation.performer"},
			},
		},
		{
			Name: "told apart by a profile that is not known", Type: "Observation",
			Elements: `{"id":"Observation.performer","path":"Observation.performer","slicing":{"discriminator":[{"type":"profile","path":"resolve()"}],"rules":"closed"},"min":0,"max":"*","type":[{"code":"Reference"}]},
				{"id":"Observation.performer:p","path":"Observation.performer","sliceName":"p","min":1,"max":"1","type":[{"code":"Reference","targetProfile":["urn:nobody"]}]}`,
			Cases: []verdict{{`"performer":[{"reference":"Patient/1"}]`, "warning not-supported Observation.performer"}},
		},
		{
			Name: "told apart by a slice within", Type: "Observation",
			Elements: `{"id":"Observation.component","path":"Observation.component","slicing":{"discriminator":[{"type":"value","path":"code.coding.code"}],"rules":"open"},"min":0,"max":"*","type":[{"code":"BackboneElement"}]},
				{"id":"Observation.component:a","path":"Observation.component","sliceName":"a","min":1,"max":"1","type":[{"code":"BackboneElement"}]},
				{"id":"Observation.component:a.code","path":"Observation.component.code","min":1,"max":"1","type":[{"code":"CodeableConcept"}]},
				{"id":"Observation.component:a.code.coding","path":"Observation.component.code.coding","slicing":{"discriminator":[{"type":"value","path":"code"}],"rules":"open"},"min":0,"max":"*","type":[{"code":"Coding"}]},
				{"id":"Observation.component:a.code.coding:c","path":"Observation.component.code.coding","sliceName":"c","min":1,"max":"1","type":[{"code":"Coding"}]},
				{"id":"Observation.component:a.code.coding:c.code","path":"Observation.component.code.coding.code","min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"x"}`,
			Cases: []verdict{
				{`"component":[{"code":{"coding":[{"code":"y"}]}},{"code":{"coding":[{"code":"z"},{"code":"x"}]}}]`, ""},
				{`"component":[{"code":{"coding":[{"code":"y"}]}}]`, "error required Observation.component"},
			},
		},
		{
			Name: "slices of slices", Type: "Patient",
			Elements: `{"id":"Patient.telecom","path":"Patient.telecom","slicing":{"discriminator":[{"type":"value","path":"system"}],"rules":"open"},"min":0,"max":"*","type":[{"code":"ContactPoint"}]},
				{"id":"Patient.telecom:phone","path":"Patient.telecom","sliceName":"phone","slicing":{"discriminator":[{"type":"value","path":"use"}],"rules":"open"},"min":1,"max":"*","type":[{"code":"ContactPoint"}]},
				{"id":"Patient.telecom:phone.system","path":"Patient.telecom.system","min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"phone"},
				{"id":"Patient.telecom:phone/home","path":"Patient.telecom","sliceName":"phone/home","min":1,"max":"1","type":[{"code":"ContactPoint"}]},
				{"id":"Patient.telecom:phone/home.use","path":"Patient.telecom.use","min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"home"}`,
			Cases: []verdict{
				{`"telecom":[{"system":"phone","use":"home"},{"system":"phone","use":"work"}]`, ""},
				{`"telecom":[{"system":"phone","use":"work"}]`, "error required Patient.telecom"},
				{`"telecom":[{"system":"email","use":"home"}]`, "error required Patient.telecom\nerror required Patient.telecom"},
			},
		},
	}, func(t testing.TB) source {
		return source{definition(t, "active", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.active","min":1,"max":"1","type":[{"code":"boolean"}],"fixedBoolean":true}`),
			definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"}`)}
	})
}
