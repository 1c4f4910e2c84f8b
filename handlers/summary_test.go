package handlers

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

func TestParseView(t *testing.T) {
	s := &Server{codec: fhir.NewCodec(r4.Schema(), fhir.Limits{})}
	tests := []struct {
		name  string
		typ   string
		query [][2]string
		whole bool
		err   bool
	}{
		{name: "nothing", typ: "Patient", whole: true},
		{name: "false is everything", typ: "Patient", query: [][2]string{{"_summary", "false"}}, whole: true},
		{name: "other parameters", typ: "Patient", query: [][2]string{{"name", "Ada"}}, whole: true},
		{name: "summary", typ: "Patient", query: [][2]string{{"_summary", "true"}}},
		{name: "count is the caller's affair", typ: "Patient", query: [][2]string{{"_summary", "count"}}},
		{name: "unknown mode", typ: "Patient", query: [][2]string{{"_summary", "yes"}}, err: true},
		{name: "empty mode", typ: "Patient", query: [][2]string{{"_summary", ""}}, err: true},
		{name: "mode twice", typ: "Patient", query: [][2]string{{"_summary", "true"}, {"_summary", "true"}}, err: true},
		{name: "elements", typ: "Patient", query: [][2]string{{"_elements", "name,birthDate"}}},
		{name: "elements, repeated", typ: "Patient", query: [][2]string{{"_elements", "name"}, {"_elements", "birthDate"}}},
		{name: "choice without type", typ: "Observation", query: [][2]string{{"_elements", "value"}}},
		{name: "choice with brackets", typ: "Observation", query: [][2]string{{"_elements", "value[x]"}}},
		{name: "choice with type", typ: "Observation", query: [][2]string{{"_elements", "valueQuantity"}}},
		{name: "with the type before it", typ: "Patient", query: [][2]string{{"_elements", "Patient.name"}}},
		{name: "of an included type", typ: "Observation", query: [][2]string{{"_elements", "status,Patient.name"}}},
		{name: "of any type", query: [][2]string{{"_elements", "birthDate"}}},
		{name: "of no type", query: [][2]string{{"_elements", "birthdate"}}, err: true},
		{name: "of another type", typ: "Observation", query: [][2]string{{"_elements", "birthDate"}}, err: true},
		{name: "unknown", typ: "Patient", query: [][2]string{{"_elements", "nam"}}, err: true},
		{name: "unknown in an included type", typ: "Observation", query: [][2]string{{"_elements", "Patient.nam"}}, err: true},
		{name: "unknown type", typ: "Patient", query: [][2]string{{"_elements", "Pat.name"}}, err: true},
		{name: "below the top", typ: "Patient", query: [][2]string{{"_elements", "name.given"}}, err: true},
		{name: "below the top, with type", typ: "Patient", query: [][2]string{{"_elements", "Patient.name.given"}}, err: true},
		{name: "empty list", typ: "Patient", query: [][2]string{{"_elements", ""}}, err: true},
		{name: "hole in the list", typ: "Patient", query: [][2]string{{"_elements", "name,,id"}}, err: true},
		{name: "both", typ: "Patient", query: [][2]string{{"_elements", "name"}, {"_summary", "text"}}, err: true},
		{name: "both, but false", typ: "Patient", query: [][2]string{{"_elements", "name"}, {"_summary", "false"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := s.parseView(tt.typ, tt.query)
			if (err != nil) != tt.err {
				t.Fatalf("parseView(%q, %v) returned the error %v, want one: %v", tt.typ, tt.query, err, tt.err)
			}
			if err != nil {
				if fhir.KindOf(err) != fhir.Invalid {
					t.Errorf("the error is of kind %d, want Invalid", fhir.KindOf(err))
				}
				return
			}
			if v.whole() != tt.whole {
				t.Errorf("whole() = %v, want %v", v.whole(), tt.whole)
			}
		})
	}
}

// tag is the tag that every part of a resource gets.
const tag = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED","display":"subsetted"}`

func TestSubset(t *testing.T) {
	const patient = `{"resourceType":"Patient","id":"p","meta":{"versionId":"1","tag":[{"code":"mine"}]},` +
		`"language":"en","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada</div>"},` +
		`"contained":[{"resourceType":"Organization","id":"o","name":"O"}],` +
		`"extension":[{"url":"http://example.org/e","valueCode":"x"}],` +
		`"modifierExtension":[{"url":"http://example.org/m","valueCode":"x"}],` +
		`"name":[{"id":"n","family":"Ada"},{"extension":[{"url":"http://example.org/absent","valueCode":"unknown"}]}],` +
		`"_birthDate":{"extension":[{"url":"http://example.org/absent","valueCode":"unknown"}]},` +
		`"maritalStatus":{"text":"married"},"photo":[{"url":"http://example.org/p"}]}`
	const observation = `{"resourceType":"Observation","id":"o","meta":{"versionId":"1"},"status":"final",` +
		`"code":{"text":"FSH"},"valueQuantity":{"value":4.10},"note":[{"text":"n"}],` +
		`"component":[{"code":{"text":"c"},"valueString":"v","interpretation":[{"text":"i"}],"referenceRange":[{"text":"r"}]}]}`
	const meta = `"meta":{"versionId":"1","tag":[` + tag + `]}`
	tests := []struct {
		name string
		body string
		view view
		want string
	}{
		{
			name: "whole",
			body: patient,
			want: patient,
		},
		{
			name: "text keeps the narrative and the tags there are",
			body: patient, view: view{mode: summaryText},
			want: `{"resourceType":"Patient","id":"p","meta":{"versionId":"1","tag":[{"code":"mine"},` + tag + `]},` +
				`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada</div>"}}`,
		},
		{
			name: "text keeps mandatory elements",
			body: observation, view: view{mode: summaryText},
			want: `{"resourceType":"Observation","id":"o",` + meta + `,"status":"final","code":{"text":"FSH"}}`,
		},
		{
			name: "data drops the narrative only",
			body: `{"resourceType":"Basic","id":"b","meta":{"versionId":"1"},"text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">-</div>"},"code":{"text":"c"},"created":"2020"}`,
			view: view{mode: summaryData},
			want: `{"resourceType":"Basic","id":"b",` + meta + `,"code":{"text":"c"},"created":"2020"}`,
		},
		{
			name: "summary keeps modifiers and the reasons why a value is absent",
			body: patient, view: view{mode: summaryTrue},
			want: `{"resourceType":"Patient","id":"p","meta":{"versionId":"1","tag":[{"code":"mine"},` + tag + `]},` +
				`"modifierExtension":[{"url":"http://example.org/m","valueCode":"x"}],` +
				`"name":[{"id":"n","family":"Ada"},{"extension":[{"url":"http://example.org/absent","valueCode":"unknown"}]}],` +
				`"_birthDate":{"extension":[{"url":"http://example.org/absent","valueCode":"unknown"}]}}`,
		},
		{
			name: "summary goes into what it keeps",
			body: observation, view: view{mode: summaryTrue},
			want: `{"resourceType":"Observation","id":"o",` + meta + `,"status":"final","code":{"text":"FSH"},` +
				`"valueQuantity":{"value":4.10},"component":[{"code":{"text":"c"},"valueString":"v"}]}`,
		},
		{
			name: "elements",
			body: patient, view: view{elements: []string{"maritalStatus"}},
			want: `{"resourceType":"Patient","id":"p","meta":{"versionId":"1","tag":[{"code":"mine"},` + tag + `]},` +
				`"modifierExtension":[{"url":"http://example.org/m","valueCode":"x"}],"maritalStatus":{"text":"married"}}`,
		},
		{
			name: "elements keep extensions of the primitives asked for",
			body: patient, view: view{elements: []string{"Patient.birthDate", "Observation.name"}},
			want: `{"resourceType":"Patient","id":"p","meta":{"versionId":"1","tag":[{"code":"mine"},` + tag + `]},` +
				`"modifierExtension":[{"url":"http://example.org/m","valueCode":"x"}],` +
				`"_birthDate":{"extension":[{"url":"http://example.org/absent","valueCode":"unknown"}]}}`,
		},
		{
			name: "elements by the name of a choice",
			body: observation, view: view{elements: []string{"value"}},
			want: `{"resourceType":"Observation","id":"o",` + meta + `,"status":"final","code":{"text":"FSH"},"valueQuantity":{"value":4.10}}`,
		},
		{
			name: "the tag is not doubled",
			body: `{"resourceType":"Basic","id":"b","meta":{"tag":[` + tag + `]},"code":{"text":"c"}}`,
			view: view{mode: summaryTrue},
			want: `{"resourceType":"Basic","id":"b","meta":{"tag":[` + tag + `]},"code":{"text":"c"}}`,
		},
		{
			name: "without a meta",
			body: `{"id":"b","resourceType":"Basic","code":{"text":"c"}}`,
			view: view{mode: summaryTrue},
			want: `{"id":"b","resourceType":"Basic","meta":{"tag":[` + tag + `]},"code":{"text":"c"}}`,
		},
	}
	s := &Server{codec: fhir.NewCodec(r4.Schema(), fhir.Limits{})}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.subset(tt.view, []byte(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if _, err := s.codec.ParseJSON(got); err != nil {
				t.Errorf("the part is no resource: %v", err)
			}
		})
	}
}

// TestSubsetIsAResource cuts every resource type down in every way: what remains
// must have the structure of its type.
func TestSubsetIsAResource(t *testing.T) {
	s := &Server{codec: fhir.NewCodec(r4.Schema(), fhir.Limits{})}
	for _, body := range []string{
		`{"resourceType":"Bundle","id":"b","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Basic","code":{"text":"c"},"text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">-</div>"}}}]}`,
		`{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"QQ=="}`,
		`{"resourceType":"Questionnaire","id":"q","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"1.1","type":"string"}]}]}`,
		`{"resourceType":"ValueSet","id":"v","status":"draft","compose":{"include":[{"system":"http://example.org","concept":[{"code":"a"}]}]}}`,
		`{"resourceType":"Media","id":"m","status":"completed","content":{"data":"QQ=="}}`,
		`{"resourceType":"Parameters","id":"p","parameter":[{"name":"a","resource":{"resourceType":"Basic","code":{"text":"c"}}}]}`,
	} {
		for _, v := range []view{{mode: summaryTrue}, {mode: summaryText}, {mode: summaryData}, {elements: []string{"id"}}} {
			got, err := s.subset(v, []byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.codec.ParseJSON(got); err != nil {
				t.Errorf("%+v of %s\nis no resource: %v\n%s", v, body, err, got)
			}
		}
	}
}
