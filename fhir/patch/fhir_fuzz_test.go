package patch_test

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/patch"
)

// patched is what the fuzz targets change.
const patched = `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>One</p> two</div>"},"contained":[{"resourceType":"Organization","id":"o","name":"x"}],"active":true,"name":[{"family":"One","given":["A",null],"_given":[null,{"extension":[{"url":"http://x","valueCode":"y"}]}]},{"family":"Two"}],"birthDate":"1930","_birthDate":{"id":"b"},"deceasedBoolean":false,"managingOrganization":{"reference":"#o"}}`

// checkOutcome fails if an outcome is no resource, or an error not the client's.
func checkOutcome(t *testing.T, got []byte, err error) {
	t.Helper()
	if err != nil {
		if fhir.KindOf(err) == fhir.Internal {
			t.Fatal(err)
		}
		return
	}
	if _, err := codec.ParseJSON(got); err != nil {
		t.Fatalf("the outcome %s is no resource: %v", got, err)
	}
}

func FuzzApplyFHIRPath(f *testing.F) {
	for _, s := range []struct{ kind, path, name, value string }{
		{"add", "Patient.birthDate", "extension", `{"name":"value","part":[{"name":"url","valueUri":"u"},{"name":"value","valueCode":"c"}]}`},
		{"insert", "Patient.name.given", "", `{"name":"value","valueString":"x","_valueString":{"id":"i"}}`},
		{"delete", "Patient.name[0].given[1].extension", "", `{"name":"value","valueString":"x"}`},
		{"replace", "Patient.deceased", "", `{"name":"value","valueDateTime":"2020"}`},
		{"move", "name", "", `{"name":"value","resource":{"resourceType":"Basic","code":{"text":"x"}}}`},
		{"delete", "Patient.managingOrganization.resolve().name", "contact", `{"name":"value","part":[{"name":"name","valueHumanName":{"text":"x"}}]}`},
	} {
		f.Add(s.kind, s.path, s.name, s.value, 0, 1)
	}
	doc := resource(f, patched)
	f.Fuzz(func(t *testing.T, kind, path, name, value string, from, to int) {
		text := `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueString":` + fhir.Quote(kind) +
			`},{"name":"path","valueString":` + fhir.Quote(path) + `},{"name":"name","valueString":` + fhir.Quote(name) +
			`},{"name":"source","valueInteger":` + string(rune('0'+from&3)) + `},{"name":"destination","valueInteger":` + string(rune('0'+to&3)) +
			`},{"name":"index","valueInteger":` + string(rune('0'+to&3)) + `},` + value + `]}]}`
		params, err := codec.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		got, err := patch.ApplyFHIRPath(codec, doc, params)
		checkOutcome(t, got, err)
	})
}

func FuzzApplyXML(f *testing.F) {
	for _, s := range []string{
		`<diff xmlns="http://hl7.org/fhir"><replace sel="/Patient/active/@value">false</replace></diff>`,
		`<d:diff xmlns:d="urn:d" xmlns:h="http://www.w3.org/1999/xhtml"><d:add sel="Patient/text/h:div/h:p" pos="after"><h:b>x &amp; y</h:b></d:add></d:diff>`,
		`<diff><remove sel='*/name[2]/*[1]' ws="both"/><add sel="Patient/name[family/@value='One']" type="@id">x</add><!-- c --></diff>`,
		`<diff><replace sel="Patient/text/*/text()[1]"><![CDATA[<>]]></replace></diff>`,
	} {
		f.Add(s)
	}
	doc := resource(f, patched)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := patch.ApplyXML(codec, doc, []byte(text))
		checkOutcome(t, got, err)
	})
}
