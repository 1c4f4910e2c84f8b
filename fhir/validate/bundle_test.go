package validate_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

func TestBundles(t *testing.T) {
	src := source{
		definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.gender","min":0,"max":"1","type":[{"code":"code"}],"maxLength":6},
			{"path":"Patient.generalPractitioner","min":0,"max":"*","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Practitioner"]}]}`),
		definition(t, "Composition", "Composition", "specialization", `{"path":"Composition","min":0,"max":"*"},{"path":"Composition.subject","min":0,"max":"1","type":[{"code":"Reference"}]}`),
		definition(t, "Bundle", "Bundle", "specialization", `{"path":"Bundle","min":0,"max":"*"},{"path":"Bundle.entry","min":0,"max":"*","type":[{"code":"BackboneElement"}]},{"path":"Bundle.entry.resource","min":0,"max":"1","type":[{"code":"Resource"}]}`),
		definition(t, "male", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.gender","min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"male"}`),
	}
	patient := func(id string) string { return `{"resourceType":"Patient","id":"` + id + `"}` }
	tests := []struct{ Name, Body, Want string }{
		{"entries are validated, by their claims too", `"type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","gender":"unknown"}},
			{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/male"]}}}]`,
			"error too-long Bundle.entry[0].resource.gender\nerror required Bundle.entry[1].resource.gender"},
		{"full URLs fit", `"type":"collection","entry":[{"fullUrl":"http://a.b/Patient/1","resource":` + patient("1") + `},{"fullUrl":"urn:uuid:2","resource":` + patient("2") + `}]`, ""},
		{"full URL with another id", `"type":"collection","entry":[{"fullUrl":"http://a.b/Patient/1","resource":` + patient("2") + `}]`, "error value Bundle.entry[0].fullUrl"},
		{"full URL with another type", `"type":"collection","entry":[{"fullUrl":"http://a.b/Group/1","resource":` + patient("1") + `}]`, "error value Bundle.entry[0].fullUrl"},
		{"full URL twice", `"type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":` + patient("1") + `},{"fullUrl":"urn:uuid:1","resource":` + patient("2") + `}]`, "error duplicate Bundle.entry[1].fullUrl"},
		{"full URL twice in a history", `"type":"history","entry":[{"fullUrl":"urn:uuid:1","resource":` + patient("1") + `},{"fullUrl":"urn:uuid:1","resource":` + patient("1") + `}]`, ""},
		{"full URL twice, of two versions", `"type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","meta":{"versionId":"1"}}},{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","meta":{"versionId":"2"}}}]`, ""},
		{"relative full URL", `"type":"collection","entry":[{"fullUrl":"Patient/1","resource":` + patient("1") + `}]`, "error value Bundle.entry[0].fullUrl"},
		{"no full URL", `"type":"collection","entry":[{"resource":` + patient("1") + `}]`, "warning required Bundle.entry[0].fullUrl"},
		{"no full URL in a message", `"type":"message","entry":[{"resource":` + patient("1") + `}]`, "error required Bundle.entry[0].fullUrl"},
		{"request about another type", `"type":"transaction","entry":[{"resource":` + patient("1") + `,"request":{"method":"POST","url":"Group"}}]`, "error value Bundle.entry[0].request.url"},
		{"request about another id", `"type":"transaction","entry":[{"resource":` + patient("1") + `,"request":{"method":"PUT","url":"Patient/2"}}]`, "error value Bundle.entry[0].request.url"},
		{"requests that fit", `"type":"transaction","entry":[{"resource":` + patient("1") + `,"request":{"method":"PUT","url":"Patient?identifier=x"}},{"request":{"method":"DELETE","url":"Group/1"}},{"resource":` + patient("1") + `,"request":{"method":"PUT","url":"Patient/1"}}]`, ""},
		{"request without its resource", `"type":"batch","entry":[{"request":{"method":"POST","url":"Patient"}}]`, "error required Bundle.entry[0].resource"},
		{"link twice", `"type":"collection","link":[{"relation":"self","url":"http://a"},{"relation":"self","url":"http://b"}]`, "error structure Bundle.link[1]"},
		{"document", `"type":"document","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Composition","subject":{"reference":"urn:uuid:2"}}},{"fullUrl":"urn:uuid:2","resource":` + patient("2") + `}]`, ""},
		{"document with a stranger", `"type":"document","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Composition"}},{"fullUrl":"urn:uuid:2","resource":` + patient("2") + `}]`, "warning informational Bundle.entry[1]"},
		{"document without what its composition refers to", `"type":"document","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Composition","subject":{"reference":"Patient/1"}}}]`,
			"error not-found Bundle.entry[0].resource.subject.reference"},
	}
	v := validate.New(r4.Schema(), src, nil)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			body := `{"resourceType":"Bundle",` + test.Body + `}`
			_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
			if got := describe(issues); got != test.Want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, test.Want, issues)
			}
		})
	}
}

// TestLargeBundle holds that the work is about as much as there is in a bundle:
// thousands of entries that refer to each other are within the budget.
func TestLargeBundle(t *testing.T) {
	src := source{
		definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.link","min":0,"max":"*","type":[{"code":"BackboneElement"}]},
			{"path":"Patient.link.other","min":1,"max":"1","type":[{"code":"Reference","targetProfile":["http://hl7.org/fhir/StructureDefinition/Patient"]}]}`),
		definition(t, "Bundle", "Bundle", "specialization", `{"path":"Bundle","min":0,"max":"*"},{"path":"Bundle.entry","min":0,"max":"*","type":[{"code":"BackboneElement"}]},{"path":"Bundle.entry.resource","min":0,"max":"1","type":[{"code":"Resource"}]}`),
	}
	const entries = 8000
	var b strings.Builder
	for i := range entries {
		fmt.Fprintf(&b, `{"fullUrl":"http://a.b/Patient/%d","resource":{"resourceType":"Patient","id":"%d","link":[{"other":{"reference":"Patient/%d"}},{"other":{"reference":"http://a.b/Patient/%d"}}]}},`, i, i, entries-1-i, i/2)
	}
	body := `{"resourceType":"Bundle","type":"collection","entry":[` + b.String() + `{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","link":[{"other":{"reference":"urn:uuid:2"}}]}}]}`
	v := validate.New(r4.Schema(), src, nil)
	_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
	if got, want := describe(issues), fmt.Sprintf("warning not-found Bundle.entry[%d].resource.link[0].other.reference", entries); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAttachments(t *testing.T) {
	src := source{
		definition(t, "Media", "Media", "specialization", `{"path":"Media","min":0,"max":"*"},{"path":"Media.content","min":0,"max":"1","type":[{"code":"Attachment"}]}`),
		definition(t, "Attachment", "Attachment", "specialization", `{"path":"Attachment","min":0,"max":"*"}`),
	}
	tests := []struct{ Name, Body, Want string }{
		{"fits", `"data":"aGVsbG8=","size":5,"hash":"qvTGHdzF6KLavt4PO0gs2a6pQ00="`, ""},
		{"size", `"data":"aGVsbG8=","size":6`, "error value Media.content.size"},
		{"hash", `"data":"aGVsbG8=","hash":"aGVsbG8="`, "warning value Media.content.hash"},
		{"no base64", `"data":"%%%","size":6`, "error structure Media.content.data"},
	}
	v := validate.New(r4.Schema(), src, nil)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			body := `{"resourceType":"Media","content":{` + test.Body + `}}`
			_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
			if got := describe(issues); got != test.Want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, test.Want, issues)
			}
		})
	}
}
