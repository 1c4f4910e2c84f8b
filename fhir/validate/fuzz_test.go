package validate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// FuzzValidateJSON holds that any text gets an answer of bounded size, the same one
// every time, and that a resource comes back only where its structure is that of
// FHIR.
func FuzzValidateJSON(f *testing.F) {
	for _, seed := range []string{
		`{"resourceType":"Patient","name":[{"family":"A","_family":{"extension":[{"url":"urn:x"}]}}],"gender":1,"identifier":[{"system":"urn:a"}]}`,
		`{"resourceType":"Patient","contained":[{"resourceType":"Patient","id":"a","contained":[]}],"managingOrganization":{"reference":"#a"},"given":[null]}`,
		`{"resourceType":"Bundle","type":"document","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Composition","subject":{"reference":"urn:uuid:1"}}},null,{}]}`,
		`{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"PUT","url":"Patient/1"},"resource":{"resourceType":"Patient"}}],"link":[{"relation":"self"},{"relation":"self"}]}`,
		`{"resourceType":"QuestionnaireResponse","questionnaire":"urn:q","status":"completed","item":[{"linkId":"smokes","answer":[{"valueBoolean":true,"item":[{}]}]},{"linkId":"about","item":[{"linkId":"drink","answer":[{"valueString":"a"}]}]}]}`,
		`{"resourceType":"Patient","extension":[{"url":"urn:outer","extension":[{"url":"a"},{"url":"a","valueCode":"b"}]}],"_birthDate":{"id":"x"}}`,
		`{"resourceType":"Media","content":{"data":"aGVsbG8=","size":6,"hash":"x"},"x":{"y":[[[]]]}}`,
	} {
		f.Add([]byte(seed))
	}
	v := validate.New(r4.Schema(), fuzzSource(f), terms{})
	req := validate.Request{Profiles: []string{"http://hl7.org/fhir/StructureDefinition/fuzzed"}, MaxIssues: 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, issues := v.ValidateJSON(context.Background(), data, req)
		if len(issues) > 21 {
			t.Fatalf("%q: %d issues", data, len(issues))
		}
		for _, i := range issues {
			if i.Text == "" || i.Code == "" || !strings.Contains("fatal error warning information", i.Severity) {
				t.Fatalf("%q: the issue %+v", data, i)
			}
		}
		_, again := v.ValidateJSON(context.Background(), data, req)
		if describe(issues) != describe(again) {
			t.Fatalf("%q: got\n%s\nthen\n%s", data, describe(issues), describe(again))
		}
		codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
		if _, err := codec.ParseJSON(data); (err == nil) != (r != nil) {
			t.Fatalf("%q: the resource is %v, the codec says %v", data, r, err)
		}
		if r == nil && validate.Valid(issues) {
			t.Fatalf("%q: no resource, and no error", data)
		}
	})
}

// FuzzProfile holds that any definition is either refused or used, without end
// neither of them.
func FuzzProfile(f *testing.F) {
	f.Add(`{"path":"Patient"},{"path":"Patient.name","min":1,"slicing":{"discriminator":[{"type":"value","path":"family"}],"rules":"closed"}},{"path":"Patient.name","sliceName":"a"},{"path":"Patient.name.family","fixedString":"a"}`)
	f.Add(`{"path":"Patient"},{"path":"Patient.contact","contentReference":"#Patient"},{"path":"Patient.contact.name","max":"0"}`)
	f.Add(`{"path":"Patient","type":[{"code":"Patient","profile":["http://hl7.org/fhir/StructureDefinition/fuzzed"]}]},{"path":"Patient.contained","type":[{"code":"Resource","profile":["http://hl7.org/fhir/StructureDefinition/fuzzed","urn:x"]}]}`)
	f.Add(`{"path":"Patient"},{"path":"Patient.link","slicing":{"discriminator":[{"type":"profile","path":"other.resolve()"},{"type":"exists","path":"extension('a').value"}]}},{"path":"Patient.link","sliceName":"x"},{"path":"Patient.link.other","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/fuzzed"]}]}`)
	f.Add(`{"id":"Patient.name:a/b.given","path":"Patient.name.given","min":1},{"id":"Patient.deceasedBoolean","path":"Patient.deceasedBoolean","max":"0"},{"path":"Patient.contact","sliceName":"x"},{"path":"Patient.contact.name","fixedString":"x"}`)
	f.Add(`{"path":"Patient","constraint":[{"key":"a","expression":"descendants().descendants().where(id = 'x').exists()"},{"key":"b","expression":"conformsTo('http://hl7.org/fhir/StructureDefinition/fuzzed')"}]}`)
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	body, err := codec.ParseJSON([]byte(`{"resourceType":"Patient","id":"a","contained":[{"resourceType":"Patient","id":"b","link":[{"other":{"reference":"#"}}]}],"extension":[{"url":"urn:any","valueString":"x"}],
		"name":[{"family":"a"},{"family":"b","given":["c",null],"_given":[null,{"id":"d"}]}],"contact":[{"name":{"text":"x"}}],"deceasedBoolean":true,"link":[{"other":{"reference":"#b"},"type":"seealso"}]}`))
	if err != nil {
		f.Fatal(err)
	}
	base := fuzzSource(f)
	f.Fuzz(func(t *testing.T, elements string) {
		for _, form := range []string{"snapshot", "differential"} {
			text := `{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/fuzzed","name":"F","status":"active","type":"Patient","derivation":"constraint",
				"baseDefinition":"http://hl7.org/fhir/StructureDefinition/Patient","` + form + `":{"element":[` + elements + `]}}`
			tree, err := fhir.ScanJSON([]byte(text), fhir.Limits{})
			if err != nil {
				return
			}
			definition, _ := codec.Survey(tree, 1)
			if definition == nil {
				return
			}
			v := validate.New(r4.Schema(), append(source{definition}, base...), terms{}) // the first of its URL
			v.Validate(context.Background(), body, validate.Request{Profiles: []string{"http://hl7.org/fhir/StructureDefinition/fuzzed"}})
		}
	})
}

// fuzzSource has definitions that know a little of everything.
func fuzzSource(t testing.TB) source {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	q, err := codec.ParseJSON([]byte(questionnaire))
	if err != nil {
		t.Fatal(err)
	}
	src := source{q}
	for name, elements := range map[string]string{
		"Extension": `{"path":"Extension.url","min":1,"max":"1"},{"path":"Extension.extension","min":0,"max":"*","type":[{"code":"Extension"}]},{"path":"Extension.value[x]","min":0,"max":"1"}`,
		"Patient": `{"path":"Patient.extension","min":0,"max":"*","type":[{"code":"Extension"}]},{"path":"Patient.contained","min":0,"max":"*","type":[{"code":"Resource"}]},
			{"path":"Patient.identifier","min":0,"max":"*","type":[{"code":"Identifier"}]},{"path":"Patient.name","min":1,"max":"3","type":[{"code":"HumanName"}]},{"path":"Patient.name.given","min":0,"max":"1","type":[{"code":"string"}],"maxLength":2},
			{"path":"Patient.gender","min":0,"max":"1","type":[{"code":"code"}],"binding":{"strength":"required","valueSet":"urn:a"}},{"path":"Patient.link.other","min":0,"max":"1","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Patient"]}]}`,
		"Composition":           `{"path":"Composition.subject","min":0,"max":"1","type":[{"code":"Reference"}]}`,
		"Bundle":                `{"path":"Bundle.entry","min":0,"max":"*","type":[{"code":"BackboneElement"}]},{"path":"Bundle.entry.resource","min":0,"max":"1","type":[{"code":"Resource"}]}`,
		"Media":                 `{"path":"Media.content","min":0,"max":"1","type":[{"code":"Attachment"}]}`,
		"Attachment":            `{"path":"Attachment.data","min":0,"max":"1","type":[{"code":"base64Binary"}]}`,
		"QuestionnaireResponse": `{"path":"QuestionnaireResponse.item","min":0,"max":"*","type":[{"code":"BackboneElement"}]}`,
	} {
		if name == "Patient" {
			elements = strings.Replace(elements, `{"path":"Patient.link.other"`, `{"path":"Patient.link","min":0,"max":"*","type":[{"code":"BackboneElement"}]},{"path":"Patient.link.other"`, 1)
		}
		src = append(src, definition(t, name, name, "specialization", `{"path":"`+name+`","min":0,"max":"*"},`+elements))
	}
	return append(src,
		extension(t, "urn:outer", `"context":[{"type":"element","expression":"Patient"}],`, `{"path":"Extension"},
			{"path":"Extension.extension","slicing":{"discriminator":[{"type":"value","path":"url"}],"rules":"closed"},"min":1,"max":"*","type":[{"code":"Extension"}]},
			{"path":"Extension.extension","sliceName":"a","min":1,"max":"1","type":[{"code":"Extension"}]},{"path":"Extension.extension.url","min":1,"max":"1","fixedUri":"a"}`),
		definition(t, "fuzzed", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*","constraint":[{"key":"k","severity":"warning","human":"h","expression":"descendants().where(id.exists()).count() < 3"}]},
			{"path":"Patient.identifier","min":0,"max":"*","slicing":{"discriminator":[{"type":"value","path":"system"}],"ordered":true,"rules":"openAtEnd"},"type":[{"code":"Identifier"}]},
			{"path":"Patient.identifier","sliceName":"a","min":1,"max":"1","type":[{"code":"Identifier"}]},{"path":"Patient.identifier.system","min":1,"max":"1","type":[{"code":"uri"}],"patternUri":"urn:a"}`))
}
