package handlers

import (
	"encoding/base64"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

func TestConditionalCreate(t *testing.T) {
	const criteria = `,"ifNoneExist":"identifier=http://example.org/mrn|1"`
	b := newBundleTest(t, Options{})
	bundle := []entryText{
		{url: urnA, does: "POST Patient", with: patientText("1"), requires: criteria},
		{does: "POST Observation", with: observationText(urnA)},
	}
	b.same("none", b.done(bundle...), "201", "201")
	b.same("one", b.done(bundle...), "200", "201")
	patient := b.one("Patient").Key().String()
	for _, o := range b.find("Observation") {
		if got := o.Root().Get("subject").Get("reference").Text(); got != patient {
			t.Errorf("an observation refers to %s, want %s", got, patient)
		}
	}
	b.done(entryText{does: "PUT Patient/second", with: withID("second", patientText("1"))})
	b.refused(fhir.Ambiguous, "Bundle.entry[0]", bundle...)
	b.same("the second goes first", b.done(append(bundle, entryText{does: "DELETE Patient/second"})...), "200", "201", "204")
	b.refused(fhir.Invalid, "Bundle.entry[0]", // the criteria of one are met by the other
		entryText{does: "POST Patient", with: patientText("9"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|9"`},
		entryText{does: "POST Patient", with: patientText("9"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|9"`},
	)
	b.refused(fhir.Invalid, "Bundle.entry[1]",
		entryText{does: "POST Patient", with: patientText("9")},
		entryText{does: "POST Patient", with: patientText("8"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|9"`},
	)
}

func TestConditionalUpdate(t *testing.T) {
	const address = "PUT Patient?identifier=http://example.org/mrn|1"
	b := newBundleTest(t, Options{})
	bundle := []entryText{
		{url: urnA, does: address, with: patientText("1")},
		{does: "POST Observation", with: observationText(urnA)},
	}
	b.same("none", b.done(bundle...), "201", "201")
	b.same("one", b.done(bundle...), "200", "201")
	patient := b.one("Patient")
	if patient.VersionID() != "2" {
		t.Errorf("the patient has version %s, want 2", patient.VersionID())
	}
	for _, o := range b.find("Observation") {
		if got := o.Root().Get("subject").Get("reference").Text(); got != patient.Key().String() {
			t.Errorf("an observation refers to %s, want %s", got, patient.Key())
		}
	}
	b.refused(fhir.Stale, "Bundle.entry[0]", entryText{does: address, with: patientText("1"), requires: `,"ifMatch":"W/\"1\""`})
	b.same("the version that is", b.done(entryText{does: address, with: patientText("1"), requires: `,"ifMatch":"W/\"2\""`}), "200")
	b.refused(fhir.Stale, "Bundle.entry[0]", entryText{does: "PUT Patient?identifier=none", with: patientText("5"), requires: `,"ifMatch":"W/\"2\""`})
	b.refused(fhir.Invalid, "Bundle.entry[0].resource.id", entryText{does: address, with: withID("other", patientText("1"))})
	b.same("the id that is", b.done(entryText{does: address, with: withID(patient.ID(), patientText("1"))}), "200")
	b.same("an id of the client's", b.done(entryText{does: "PUT Patient?identifier=7", with: withID("seven", patientText("7"))}), "201")
	b.one("Patient?_id=seven")
	b.refused(fhir.Invalid, "Bundle.entry[1]",
		entryText{does: "PUT Patient?identifier=9", with: patientText("9")},
		entryText{does: "PUT Patient?identifier=http://example.org/mrn|9", with: patientText("8")})
	b.done(entryText{does: "POST Patient", with: patientText("1")})
	b.refused(fhir.Ambiguous, "Bundle.entry[0]", bundle...)
	b.refused(fhir.Unsupported, "Bundle.entry[0].request.url", entryText{does: "PUT Patient?nonsense=1", with: patientText("1")})
}

func TestConditionalDelete(t *testing.T) {
	const address = "DELETE Patient?identifier=http://example.org/mrn|1"
	for _, tt := range []struct {
		mode ConditionalDelete
		want []fhir.Kind // for one and for two matches; Internal: success
	}{
		{NoConditionalDelete, []fhir.Kind{fhir.NotAllowed, fhir.NotAllowed}},
		{SingleConditionalDelete, []fhir.Kind{fhir.Internal, fhir.Ambiguous}},
		{MultipleConditionalDelete, []fhir.Kind{fhir.Internal, fhir.Internal}},
	} {
		t.Run(string(tt.mode), func(t *testing.T) {
			b := newBundleTest(t, Options{ConditionalDelete: tt.mode})
			for i, want := range tt.want {
				for range i + 1 {
					b.done(entryText{does: "POST Patient", with: patientText("1")})
				}
				if want != fhir.Internal {
					b.refused(want, "Bundle.entry[1]", entryText{does: "POST Patient", with: patientText("1")}, entryText{does: address})
					continue
				}
				b.same("statuses", b.done(entryText{does: "POST Patient", with: patientText("1")}, entryText{does: address}), "201", "204")
				b.same("none", b.done(entryText{does: "DELETE Patient?identifier=none"}), "204")
				b.same("none is left but the new one", b.done(entryText{does: "DELETE " + b.one("Patient").Key().String()}), "204")
			}
		})
	}
}

func TestPatchInTransaction(t *testing.T) {
	const urn = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000000"
	binary := func(as, patch string) string {
		return `{"resourceType":"Binary","contentType":"` + as + `","data":"` + base64.StdEncoding.EncodeToString([]byte(patch)) + `"}`
	}
	for name, patch := range map[string]string{
		"JSON Patch": binary("application/json-patch+json", `[{"op":"replace","path":"/subject/reference","value":"`+urn+`"}]`),
		"XML Patch":  binary("application/xml-patch+xml", `<diff xmlns="http://hl7.org/fhir"><replace sel="Observation/subject/reference/@value">`+urn+`</replace></diff>`),
		"FHIRPath Patch": `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},` +
			`{"name":"path","valueString":"Observation.subject"},{"name":"value","valueReference":{"reference":"` + urn + `"}}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBundleTest(t, Options{})
			b.done(entryText{does: "PUT Observation/o", with: withID("o", observationText("Patient/a"))})
			b.same("statuses", b.done(
				entryText{does: "PATCH Observation?_id=o", with: patch},
				entryText{url: urnA, does: "POST Patient", with: patientText("1")},
			), "200", "201")
			if got, want := b.one("Observation").Root().Get("subject").Get("reference").Text(), b.one("Patient").Key().String(); got != want {
				t.Errorf("the patched reference is %s, want %s", got, want)
			}
			b.refused(fhir.NotFound, "Bundle.entry[0]", entryText{does: "PATCH Observation?_id=none", with: patch})
		})
	}
}

func TestTransactionRefused(t *testing.T) {
	a := withID("a", patientText("1"))
	patch := `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="}`
	tests := []struct {
		name    string
		kind    fhir.Kind
		at      string
		entries []entryText
	}{
		{"two updates", fhir.Invalid, "Bundle.entry[1]", []entryText{{does: "PUT Patient/a", with: a}, {does: "PUT Patient/a", with: a}}},
		{"update and delete", fhir.Invalid, "Bundle.entry[1]", []entryText{{does: "PUT Patient/a", with: a}, {does: "DELETE Patient/a"}}},
		{"update and patch", fhir.Invalid, "Bundle.entry[1]", []entryText{{does: "PUT Patient/a", with: a}, {does: "PATCH Patient/a", with: patch}}},
		{"update and conditional update", fhir.Invalid, "Bundle.entry[1]", []entryText{{does: "PUT Patient/there", with: withID("there", patientText("0"))}, {does: "PUT Patient?identifier=0", with: patientText("0")}}},
		{"update and conditional delete", fhir.Invalid, "Bundle.entry[1]", []entryText{{does: "PUT Patient/there", with: withID("there", patientText("0"))}, {does: "DELETE Patient?identifier=0"}}},
		{"conditional update and conditional patch", fhir.Invalid, "Bundle.entry[1]", []entryText{{does: "PUT Patient?identifier=0", with: patientText("0")}, {does: "PATCH Patient?_id=there", with: patch}}},
		{"fullUrl twice", fhir.Invalid, "Bundle.entry[1].fullUrl", []entryText{{url: urnA, does: "POST Patient", with: a}, {url: urnA, does: "POST Patient", with: a}}},
		{"fullUrl with a version", fhir.Invalid, "Bundle.entry[0].fullUrl", []entryText{{url: "http://old.org/Patient/1/_history/1", does: "POST Patient", with: a}}},
		{"a reference to nothing", fhir.Invalid, "Bundle.entry[1].resource.subject.reference", []entryText{{url: urnA, does: "POST Patient", with: a}, {does: "POST Observation", with: observationText(urnB)}}},
		{"a reference to what is only read", fhir.Invalid, "Bundle.entry[1].resource.subject.reference", []entryText{{url: urnA, does: "GET Patient/there"}, {does: "POST Observation", with: observationText(urnA)}}},
		{"a bundle in it", fhir.Invalid, "Bundle.entry[0].request.url", []entryText{{does: "POST /", with: bundleText("transaction")}}},
		{"search parameters in the body", fhir.Invalid, "Bundle.entry[0].resource", []entryText{{does: "POST Patient/_search", with: `{"resourceType":"Parameters","id":"p"}`}}},
		{"a create if the version matches", fhir.Invalid, "Bundle.entry[0].request.ifMatch", []entryText{{does: "POST Patient", with: a, requires: `,"ifMatch":"W/\"1\""`}}},
		{"an update if none exists", fhir.Invalid, "Bundle.entry[0].request.ifNoneExist", []entryText{{does: "PUT Patient/a", with: a, requires: `,"ifNoneExist":"identifier=1"`}}},
		{"an update if there is one already", fhir.Stale, "Bundle.entry[0]", []entryText{{does: "PUT Patient/there", with: withID("there", patientText("0")), requires: `,"ifNoneMatch":"*"`}}},
		{"a delete if it was modified", fhir.Invalid, "Bundle.entry[0].request.ifModifiedSince", []entryText{{does: "DELETE Patient/there", requires: `,"ifModifiedSince":"2020-01-01T00:00:00Z"`}}},
		{"no resource", fhir.Invalid, "Bundle.entry[0].resource", []entryText{{does: "POST Patient"}}},
		{"a resource to read", fhir.Invalid, "Bundle.entry[0].resource", []entryText{{does: "GET Patient/a", with: a}}},
		{"another type", fhir.Invalid, "Bundle.entry[0].resource", []entryText{{does: "POST Observation", with: a}}},
		{"another id", fhir.Invalid, "Bundle.entry[0].resource.id", []entryText{{does: "PUT Patient/b", with: a}}},
		{"a create at an id", fhir.NotAllowed, "Bundle.entry[0]", []entryText{{does: "POST Patient/a", with: a}}},
		{"unknown method", fhir.Invalid, "Bundle.entry[0].request.method", []entryText{{does: "BREW Patient/a"}}},
		{"method in lower case", fhir.Invalid, "Bundle.entry[0].request.method", []entryText{{does: "get Patient/a"}}},
		{"unknown type", fhir.NotFound, "Bundle.entry[0]", []entryText{{does: "DELETE Patients/a"}}},
		{"another server", fhir.Invalid, "Bundle.entry[0].request.url", []entryText{{does: "DELETE http://example.org/fhirs/Patient/a"}}},
		{"an escape that is none", fhir.Invalid, "Bundle.entry[0].request.url", []entryText{{does: "GET Patient?name=%zz"}}},
		{"read of nothing", fhir.NotFound, "Bundle.entry[1]", []entryText{{does: "POST Patient", with: a}, {does: "GET Patient/none"}}},
		{"patch of nothing", fhir.NotFound, "Bundle.entry[1]", []entryText{{does: "POST Patient", with: a}, {does: "PATCH Patient/none", with: patch}}},
		{"patch without a patch", fhir.Invalid, "Bundle.entry[0].resource", []entryText{{does: "PATCH Patient/there", with: a}}},
		{"a version that is not current, at the end", fhir.Stale, "Bundle.entry[2]", []entryText{{does: "POST Patient", with: a}, {does: "DELETE Patient/there"}, {does: "PUT Patient/b", with: withID("b", patientText("1")), requires: `,"ifMatch":"W/\"3\""`}}},
		{"delete of another version", fhir.Stale, "Bundle.entry[1]", []entryText{{does: "POST Patient", with: a}, {does: "DELETE Patient/there", requires: `,"ifMatch":"W/\"3\""`}}},
		{"delete without criteria", fhir.Invalid, "Bundle.entry[0].request.url", []entryText{{does: "DELETE Patient"}}},
		{"delete of everything", fhir.Invalid, "Bundle.entry[0].request.url", []entryText{{does: "DELETE ?_id=1"}}},
	}
	b := newBundleTest(t, Options{})
	b.done(entryText{does: "PUT Patient/there", with: withID("there", patientText("0"))})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := *b
			b.TB = t
			b.refused(tt.kind, tt.at, tt.entries...)
		})
	}
}
