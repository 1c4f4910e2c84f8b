package validate_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

func TestReferences(t *testing.T) {
	core := func(name, elements string) *fhir.Resource {
		return definition(t, name, name, "specialization", `{"path":"`+name+`","min":0,"max":"*"}`+elements)
	}
	const base = "http://hl7.org/fhir/StructureDefinition/"
	src := source{
		core("Patient", `,{"path":"Patient.contained","min":0,"max":"*","type":[{"code":"Resource"}]}`),
		core("Bundle", `,{"path":"Bundle.entry","min":0,"max":"*","type":[{"code":"BackboneElement"}]},{"path":"Bundle.entry.resource","min":0,"max":"1","type":[{"code":"Resource"}]}`),
		core("Observation", `,{"path":"Observation.contained","min":0,"max":"*","type":[{"code":"Resource"}]},
			{"path":"Observation.subject","min":0,"max":"1","type":[{"code":"Reference","targetProfile":["`+base+`Patient","`+base+`Group"]}]},
			{"path":"Observation.focus","min":0,"max":"*","type":[{"code":"Reference","targetProfile":["`+base+`Resource"]}]}`),
		definition(t, "active", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.active","min":1,"max":"1","type":[{"code":"boolean"}]}`),
		definition(t, "ofActive", "Observation", "constraint", `{"path":"Observation","min":0,"max":"*"},
			{"path":"Observation.subject","min":0,"max":"1","type":[{"code":"Reference","targetProfile":["`+base+`active"]}]}`),
		definition(t, "ofContained", "Observation", "constraint", `{"path":"Observation","min":0,"max":"*"},
			{"path":"Observation.subject","min":0,"max":"1","type":[{"code":"Reference","targetProfile":["`+base+`Patient"],"aggregation":["contained"]}]}`),
	}
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	resolve := func(_ context.Context, reference string) (fhir.Value, error) {
		stored := map[string]string{
			"Patient/active": `{"resourceType":"Patient","id":"active","active":true}`,
			"Patient/other":  `{"resourceType":"Patient","id":"other"}`,
		}
		text, ok := stored[reference]
		if !ok {
			return fhir.Value{}, nil
		}
		r, err := codec.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return r.Root(), nil
	}
	claim := func(profile string) string { return `"meta":{"profile":["` + base + profile + `"]},` }
	entry := func(url, resource string) string {
		return `{"fullUrl":"` + url + `","resource":{"resourceType":` + resource + `}}`
	}
	observation := func(reference string) string { return `"Observation","subject":{"reference":"` + reference + `"}` }
	bundle := func(kind, entries string) string { return `"Bundle","type":"` + kind + `","entry":[` + entries + `]` }
	tests := []struct{ Name, Body, Want string }{
		{"allowed", observation("Patient/1"), ""},
		{"allowed, with a base and a version", observation("http://example.org/fhir/Group/1/_history/2"), ""},
		{"another type", observation("Device/1"), "error structure Observation.subject"},
		{"another type, told by type", `"Observation","subject":{"type":"Device","display":"x"}`, "error structure Observation.subject"},
		{"type does not fit", `"Observation","subject":{"type":"Group","reference":"Patient/1"}`, "error value Observation.subject.type"},
		{"any type", `"Observation","focus":[{"reference":"Device/1"}]`, ""},
		{"display only", `"Observation","subject":{"display":"x"}`, ""},
		{"contained", `"Observation","contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"}`, ""},
		{"contained of another type", `"Observation","contained":[{"resourceType":"Device","id":"p"}],"subject":{"reference":"#p"}`, "error not-supported Observation.contained[0]\nerror structure Observation.subject"},
		{"not contained", observation("#q"), "error not-found Observation.subject.reference"},
		{"contained without id", `"Observation","contained":[{"resourceType":"Patient"}]`, "error required Observation.contained[0].id"},
		{"contained twice", `"Observation","contained":[{"resourceType":"Patient","id":"p"},{"resourceType":"Patient","id":"p"}]`, "error duplicate Observation.contained[1].id"},
		{"target conforms", `"Observation",` + claim("ofActive") + `"subject":{"reference":"Patient/active"}`, ""},
		{"target does not conform", `"Observation",` + claim("ofActive") + `"subject":{"reference":"Patient/other"}`, "error structure Observation.subject"},
		{"target is not here", `"Observation",` + claim("ofActive") + `"subject":{"reference":"Patient/elsewhere"}`, ""},
		{"target of another type than the profile's", `"Observation",` + claim("ofActive") + `"subject":{"reference":"Group/1"}`, "error structure Observation.subject"},
		{"must be contained", `"Observation",` + claim("ofContained") + `"subject":{"reference":"Patient/1"}`, "error structure Observation.subject.reference"},
		{"in a bundle", bundle("collection", entry("urn:uuid:1", `"Patient"`)+","+entry("urn:uuid:2", observation("urn:uuid:1"))), ""},
		{"in a bundle, of another type", bundle("collection", entry("urn:uuid:2", observation("urn:uuid:2"))), "error structure Bundle.entry[0].resource.subject"},
		{"relative in a bundle", bundle("collection", entry("http://a.b/Patient/1", `"Patient","id":"1"`)+","+entry("http://a.b/Observation/2", observation("Patient/1"))), ""},
		{"not in a transaction", bundle("transaction", `{"resource":{"resourceType":`+observation("urn:uuid:9")+`},"request":{"method":"POST","url":"Observation"}}`),
			"error not-found Bundle.entry[0].resource.subject.reference"},
		{"not in a collection", bundle("collection", entry("urn:uuid:2", observation("urn:uuid:9"))), "warning not-found Bundle.entry[0].resource.subject.reference"},
	}
	v := validate.New(r4.Schema(), src, nil)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			body := `{"resourceType":` + test.Body + `}`
			_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{Resolve: resolve})
			if got := describe(issues); got != test.Want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, test.Want, issues)
			}
		})
	}
}
