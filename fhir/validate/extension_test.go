package validate_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// extension returns the definition of an extension with a string as value.
func extension(t testing.TB, url, rest, elements string) *fhir.Resource {
	t.Helper()
	text := `{"resourceType":"StructureDefinition","url":"` + url + `","name":"X","status":"active","kind":"complex-type","abstract":false,"type":"Extension","derivation":"constraint",` + rest +
		`"snapshot":{"element":[` + elements + `]}}`
	r, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func TestExtensions(t *testing.T) {
	root := func(modifier string) string {
		return `{"id":"Extension","path":"Extension","min":0,"max":"1","isModifier":` + modifier + `},{"id":"Extension.url","path":"Extension.url","min":1,"max":"1"},
			{"id":"Extension.value[x]","path":"Extension.value[x]","min":1,"max":"1","type":[{"code":"string"}]}`
	}
	context4 := func(kind, expression string) string {
		return `"context":[{"type":"` + kind + `","expression":"` + expression + `"}],`
	}
	src := source{
		definition(t, "Extension", "Extension", "specialization", `{"path":"Extension","min":0,"max":"*"},{"path":"Extension.url","min":1,"max":"1"},
			{"path":"Extension.extension","min":0,"max":"*","type":[{"code":"Extension"}]},{"path":"Extension.value[x]","min":0,"max":"1"}`),
		definition(t, "HumanName", "HumanName", "specialization", `{"path":"HumanName","min":0,"max":"*"},{"path":"HumanName.extension","min":0,"max":"*","type":[{"code":"Extension"}]},{"path":"HumanName.family","min":0,"max":"1","type":[{"code":"string"}]}`),
		definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.extension","min":0,"max":"*","type":[{"code":"Extension"}]},
			{"path":"Patient.modifierExtension","min":0,"max":"*","type":[{"code":"Extension"}]},{"path":"Patient.name","min":0,"max":"*","type":[{"code":"HumanName"}]},
			{"path":"Patient.birthDate","min":0,"max":"1","type":[{"code":"date"}]},
			{"path":"Patient.contact","min":0,"max":"*","type":[{"code":"BackboneElement"}]},{"path":"Patient.contact.extension","min":0,"max":"*","type":[{"code":"Extension"}]}`),
		extension(t, "urn:any", context4("element", "Element"), root("false")),
		extension(t, "urn:patient", context4("element", "Patient"), root("false")),
		extension(t, "urn:family", context4("element", "HumanName.family"), root("false")),
		extension(t, "urn:contact", context4("element", "Patient.contact"), root("false")),
		extension(t, "urn:path", context4("fhirpath", "Patient.name.where(family = 'A')"), root("false")),
		extension(t, "urn:inner", context4("extension", "urn:outer"), root("false")),
		extension(t, "urn:female", `"contextInvariant":["gender = 'female'"],`+context4("element", "Patient"), root("false")),
		extension(t, "urn:modifier", context4("element", "Patient"), root("true")),
		extension(t, "urn:outer", context4("element", "Patient"), `{"id":"Extension","path":"Extension","min":0,"max":"*","isModifier":false},
			{"id":"Extension.extension","path":"Extension.extension","slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"closed"},"min":1,"max":"*","type":[{"code":"Extension"}]},
			{"id":"Extension.extension:a","path":"Extension.extension","sliceName":"a","min":1,"max":"1","type":[{"code":"Extension"}]},
			{"id":"Extension.extension:a.url","path":"Extension.extension.url","min":1,"max":"1","fixedUri":"a"},
			{"id":"Extension.extension:a.value[x]","path":"Extension.extension.value[x]","min":1,"max":"1","type":[{"code":"code"}]},
			{"id":"Extension.extension:i","path":"Extension.extension","sliceName":"i","min":0,"max":"1","type":[{"code":"Extension","profile":["urn:inner"]}]},
			{"id":"Extension.value[x]","path":"Extension.value[x]","min":0,"max":"0"}`),
	}
	tests := []struct{ Name, Body, Want string }{
		{"known", `"extension":[{"url":"urn:any","valueString":"x"}]`, ""},
		{"wrong type of value", `"extension":[{"url":"urn:any","valueCode":"x"}]`, "error structure Patient.extension[0].value.ofType(code)"},
		{"neither value nor extensions", `"extension":[{"url":"urn:any"}]`, "error invariant Patient.extension[0]\nerror required Patient.extension[0].value"},
		{"both", `"extension":[{"url":"urn:unknown","valueString":"x","extension":[{"url":"a","valueCode":"x"}]}]`, "error invariant Patient.extension[0]\ninformation extension Patient.extension[0]"},
		{"unknown", `"extension":[{"url":"urn:unknown","valueString":"x"}]`, "information extension Patient.extension[0]"},
		{"unknown modifier", `"modifierExtension":[{"url":"urn:unknown","valueString":"x"}]`, "error extension Patient.modifierExtension[0]"},
		{"modifier", `"modifierExtension":[{"url":"urn:modifier","valueString":"x"}]`, ""},
		{"modifier out of its place", `"extension":[{"url":"urn:modifier","valueString":"x"}]`, "error extension Patient.extension[0]"},
		{"no modifier", `"modifierExtension":[{"url":"urn:any","valueString":"x"}]`, "error extension Patient.modifierExtension[0]"},
		{"relative", `"extension":[{"url":"any","valueString":"x"}]`, "error value Patient.extension[0].url"},
		{"with a version", `"extension":[{"url":"urn:any|1","valueString":"x"}]`, "error extension Patient.extension[0].url"},
		{"not an extension", `"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/Patient","valueString":"x"}]`, "error extension Patient.extension[0]"},
		{"in a resource only", `"extension":[{"url":"urn:patient","valueString":"x"}],"name":[{"extension":[{"url":"urn:patient","valueString":"x"}]}]`, "error extension Patient.name[0].extension[0]"},
		{"in a part of a data type", `"name":[{"family":"A","_family":{"extension":[{"url":"urn:family","valueString":"x"}]}}],"_birthDate":{"extension":[{"url":"urn:family","valueString":"x"}]}`,
			"error extension Patient.birthDate.extension[0]"},
		{"in a backbone element", `"contact":[{"extension":[{"url":"urn:contact","valueString":"x"}]}],"extension":[{"url":"urn:contact","valueString":"x"}]`, "error extension Patient.extension[0]"},
		{"where an expression says", `"name":[{"family":"A","extension":[{"url":"urn:path","valueString":"x"}]},{"family":"B","extension":[{"url":"urn:path","valueString":"x"}]}]`,
			"error extension Patient.name[1].extension[0]"},
		{"in an extension", `"extension":[{"url":"urn:outer","extension":[{"url":"a","valueCode":"x"},{"url":"urn:inner","valueString":"x"}]}]`, ""},
		{"out of its extension", `"extension":[{"url":"urn:inner","valueString":"x"}]`, "error extension Patient.extension[0]"},
		{"context invariant", `"gender":"male","extension":[{"url":"urn:female","valueString":"x"}]`, "error extension Patient.extension[0]"},
		{"context invariant met", `"gender":"female","extension":[{"url":"urn:female","valueString":"x"}]`, ""},
		{"parts", `"extension":[{"url":"urn:outer","extension":[{"url":"b","valueCode":"x"}]}]`,
			"error structure Patient.extension[0].extension[0]\nerror required Patient.extension[0].extension"},
		{"a part of the wrong type", `"extension":[{"url":"urn:outer","extension":[{"url":"a","valueString":"x"}]}]`, "error structure Patient.extension[0].extension[0].value.ofType(string)"},
		{"of a primitive", `"_birthDate":{"extension":[{"url":"urn:any"}]}`, "error invariant Patient.birthDate.extension[0]\nerror required Patient.birthDate.extension[0].value"},
		{"a primitive with an id alone", `"_birthDate":{"id":"x"}`, "error invariant Patient.birthDate"},
		{"an element with an id alone", `"name":[{"id":"x"}]`, "error invariant Patient.name[0]"},
	}
	v := validate.New(r4.Schema(), src, nil)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			body := `{"resourceType":"Patient",` + test.Body + `}`
			_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
			if got := describe(issues); got != test.Want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, test.Want, issues)
			}
		})
	}
	unknown := []byte(`{"resourceType":"Patient","extension":[{"url":"urn:unknown","valueString":"x"}]}`)
	strict := validate.New(r4.Schema(), src, nil, validate.WithUnknownExtensions("error"))
	_, issues := strict.ValidateJSON(context.Background(), unknown, validate.Request{})
	if got := describe(issues); got != "error extension Patient.extension[0]" {
		t.Errorf("unknown extensions as errors: got %q", got)
	}
	_, issues = strict.ValidateJSON(context.Background(), unknown, validate.Request{UnknownExtensions: "warning"})
	if got := describe(issues); got != "warning extension Patient.extension[0]" {
		t.Errorf("unknown extensions as warnings of one request: got %q", got)
	}
}
