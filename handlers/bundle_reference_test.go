package handlers

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

// TestReferences puts a link wherever one can stand.
func TestReferences(t *testing.T) {
	b := newBundleTest(t, Options{})
	const document = `{"resourceType":"DocumentReference","id":"mine",` +
		`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"URN\">Ada</a> URN <img alt=\"\" src=\"URN\"/></div>"},` +
		`"contained":[{"resourceType":"Observation","id":"c","status":"final","code":{"text":"c"},"subject":{"reference":"URN"}},` +
		`{"resourceType":"Bundle","id":"i","type":"collection","entry":[{"fullUrl":"urn:uuid:dddddddd-0000-4000-8000-000000000000","resource":{"resourceType":"Basic","code":{"text":"URN"},"subject":{"reference":"URN"}}}]}],` +
		`"extension":[{"url":"http://example.org/e","valueReference":{"reference":"URN"}},` +
		`{"url":"http://example.org/e","valueUri":"URN"},{"url":"http://example.org/e","valueUrl":"URN"},` +
		`{"url":"http://example.org/e","valueCanonical":"URN"},{"url":"http://example.org/e","valueString":"URN"},` +
		`{"url":"http://example.org/e","valueUuid":"URN"}],` +
		`"identifier":[{"system":"URN","value":"URN","assigner":{"display":"URN"}}],` +
		`"status":"current","subject":{"_reference":{"id":"r"},"reference":"URN","type":"Patient"},` +
		`"author":[{"reference":"#c"},{"reference":"URN#part"},{"reference":"URN/_history/9"},{"reference":"http://old.org/fhir/Patient/1"},` +
		`{"reference":"http://elsewhere.org/fhir/Patient/1"},{"reference":"Patient/1"},{"reference":"\u0055RN"}],` +
		`"content":[{"attachment":{"url":"URN"}}]}`
	text := strings.ReplaceAll(document, "URN", urnA)
	text = strings.ReplaceAll(text, `\u0055RN`, `\u0075`+urnA[1:])
	r, err := b.process(bundleText("transaction",
		entryText{url: "http://old.org/fhir/DocumentReference/9", does: "POST DocumentReference", with: text},
		entryText{url: urnA, does: "POST Patient", with: withID("x", patientText("1"))},
		entryText{url: "http://old.org/fhir/Patient/1", does: "PUT Patient/other", with: withID("other", patientText("2"))},
	))
	if err != nil {
		t.Fatal(err)
	}
	b.same("statuses", statuses(r), "201", "201", "201")
	patient := b.one("Patient?identifier=http://example.org/mrn|1").Key().String()
	if patient == "Patient/x" {
		t.Error("a create kept the id that the client had given")
	}
	got := b.one("DocumentReference")

	want := strings.ReplaceAll(document, `\u0055RN`, "NEW")
	for _, place := range []string{`"reference":"`, `"valueUri":"`, `"valueUrl":"`, `{"url":"`, `href=\"`, `src=\"`} {
		want = strings.ReplaceAll(want, place+"URN", place+"NEW")
	}
	want = strings.ReplaceAll(want, "NEW/_history/9", "NEW/_history/1")
	want = strings.Replace(want, `{"text":"URN"},"subject":{"reference":"NEW"}`, `{"text":"URN"},"subject":{"reference":"URN"}`, 1) // inside a bundle
	want = strings.ReplaceAll(want, "URN", urnA)
	want = strings.ReplaceAll(want, "NEW", patient)
	want = strings.ReplaceAll(want, `"http://old.org/fhir/Patient/1"`, `"Patient/other"`)
	want = strings.ReplaceAll(want, `{"reference":"Patient/1"}`, `{"reference":"Patient/other"}`) // relative to the fullUrl
	want = strings.Replace(want, `"id":"mine"`, `"id":"`+got.ID()+`","meta":`+string(got.Meta().Raw()), 1)
	if string(got.JSON()) != want {
		t.Errorf("got\n%s\nwant\n%s", got.JSON(), want)
	}
}

func TestRelativeReferences(t *testing.T) {
	b := newBundleTest(t, Options{})
	b.done(
		entryText{url: urnA, does: "POST Observation", with: observationText("Patient/1")}, // of the server
		entryText{url: "http://old.org/fhir/Observation/1", does: "POST Observation", with: observationText("Patient/1")},
		entryText{url: "http://old.org/fhir/Patient/1", does: "POST Patient", with: patientText("1")},
	)
	patient := b.one("Patient").Key().String()
	found := b.find("Observation")
	if len(found) != 2 {
		t.Fatalf("there are %d observations, want 2", len(found))
	}
	b.same("subjects", []string{
		found[0].Root().Get("subject").Get("reference").Text(),
		found[1].Root().Get("subject").Get("reference").Text(),
	}, "Patient/1", patient)
}

func TestCircularReferences(t *testing.T) {
	b := newBundleTest(t, Options{})
	b.done(
		entryText{url: urnA, does: "POST Patient", with: `{"resourceType":"Patient","link":[{"other":{"reference":"` + urnB + `"},"type":"seealso"}]}`},
		entryText{url: urnB, does: "POST Patient", with: `{"resourceType":"Patient","link":[{"other":{"reference":"` + urnA + `"},"type":"seealso"}]}`},
	)
	found := b.find("Patient")
	for i, r := range found {
		got := r.Root().Get("link").First().Get("other").Get("reference").Text()
		if want := found[1-i].Key().String(); got != want {
			t.Errorf("%s links to %s, want %s", r.Key(), got, want)
		}
	}
}

func TestVersionedReferences(t *testing.T) {
	b := newBundleTest(t, Options{})
	provenance := `{"resourceType":"Provenance","target":[{"reference":"` + urnA + `/_history/1"},{"reference":"` + urnB + `/_history/1"}],` +
		`"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"display":"w"}}]}`
	for round := range 3 {
		b.done(
			entryText{does: "POST Provenance", with: provenance},
			entryText{url: urnA, does: "PUT Patient/a", with: withID("a", patientText("1"))},
			entryText{url: urnB, does: "POST Patient", with: patientText("2"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|2"`},
		)
		found := b.find("Provenance")
		var got []string
		for target := range found[round].Root().Get("target").Children {
			got = append(got, target.Get("reference").Text())
		}
		other := b.one("Patient?identifier=http://example.org/mrn|2").Key().String()
		b.same(fmt.Sprint("round ", round), got, "Patient/a/_history/"+strconv.Itoa(round+1), other+"/_history/1")
	}
}

func TestConditionalReferences(t *testing.T) {
	const reference = "Patient?identifier=http://example.org/mrn|1"
	observation := entryText{does: "POST Observation", with: observationText(reference)}
	subject := func(b *bundleTest) string {
		found := b.find("Observation")
		return found[len(found)-1].Root().Get("subject").Get("reference").Text()
	}
	t.Run("in the store", func(t *testing.T) {
		b := newBundleTest(t, Options{})
		known := b.refused(fhir.Stale, "Bundle.entry[0].resource.subject.reference", observation)
		if !strings.Contains(known.Text, reference) || known.Kind.Status() != 412 {
			t.Errorf("the error does not name the reference: %v", known)
		}
		b.done(entryText{does: "PUT Patient/a", with: withID("a", patientText("1"))})
		b.done(observation)
		b.same("subject", []string{subject(b)}, "Patient/a")
		b.done(entryText{does: "PUT Patient/b", with: withID("b", patientText("1"))})
		b.refused(fhir.Ambiguous, "Bundle.entry[0].resource.subject.reference", observation)
		b.done(observation, entryText{does: "DELETE Patient/a"})
		b.same("subject", []string{subject(b)}, "Patient/b")
	})
	t.Run("in the transaction", func(t *testing.T) {
		b := newBundleTest(t, Options{})
		b.done(observation, entryText{does: "POST Patient", with: patientText("1")})
		b.same("subject", []string{subject(b)}, b.one("Patient").Key().String())
		b.refused(fhir.Ambiguous, "Bundle.entry[0].resource.subject.reference", observation, entryText{does: "POST Patient", with: patientText("1")})
		b.done(observation, entryText{does: "POST Patient", with: patientText("1"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|1"`})
		b.same("subject", []string{subject(b)}, b.one("Patient").Key().String())
	})
	t.Run("as the transaction leaves it", func(t *testing.T) {
		b := newBundleTest(t, Options{})
		b.done(entryText{does: "PUT Patient/a", with: withID("a", patientText("1"))}, entryText{does: "PUT Patient/b", with: withID("b", patientText("2"))})
		b.done(observation,
			entryText{does: "PUT Patient/a", with: withID("a", patientText("2"))},
			entryText{does: "PUT Patient/b", with: withID("b", patientText("1"))})
		b.same("subject", []string{subject(b)}, "Patient/b")
		b.refused(fhir.Stale, "Bundle.entry[0].resource.subject.reference", observation,
			entryText{does: "PUT Patient/b", with: withID("b", patientText("3"))})
		b.refused(fhir.Stale, "Bundle.entry[0].resource.subject.reference", observation, entryText{does: "DELETE Patient/b"})
		b.refused(fhir.Unsupported, "", observation, // the patch takes the identifier away
			entryText{does: "PATCH Patient/b", with: `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W3sib3AiOiJyZW1vdmUiLCJwYXRoIjoiL2lkZW50aWZpZXIifV0="}`})
	})
	t.Run("in chains", func(t *testing.T) {
		b := newBundleTest(t, Options{})
		b.done(
			entryText{does: "POST Observation", with: strings.Replace(observationText(reference), `{"text":"FSH"}`, `{"coding":[{"code":"first"}]}`, 1)},
			entryText{does: "POST DiagnosticReport", with: `{"resourceType":"DiagnosticReport","status":"final","code":{"text":"r"},"result":[{"reference":"Observation?code=first"}]}`},
			entryText{does: "POST Patient", with: patientText("1")},
		)
		b.same("result", []string{b.one("DiagnosticReport").Root().Get("result").First().Get("reference").Text()}, b.one("Observation").Key().String())
	})
	t.Run("by other criteria", func(t *testing.T) {
		b := newBundleTest(t, Options{ConditionalDelete: MultipleConditionalDelete})
		for _, criteria := range []string{
			"identifier=http://example.org/mrn|9,http://example.org/mrn|1",
			"identifier=http://example.org/mrn|1,1",
			"birthdate=gt2000-01-01",
			"birthdate=gt2000-01-01&identifier=1",
			"identifier:missing=false&birthdate=lt2001-01-01",
			"gender:not=male&_id:missing=false&birthdate=2000-05-05",
		} {
			b.done(
				entryText{does: "DELETE Patient?_lastUpdated=gt2000"},
				entryText{does: "POST Observation", with: observationText("Patient?" + criteria)},
				entryText{does: "POST Patient", with: patientText("2")},
				entryText{does: "POST Patient", with: strings.Replace(patientText("1"), `,`, `,"birthDate":"2000-05-05",`, 1)},
			)
			b.same(criteria, []string{subject(b)}, b.one("Patient?identifier=1").Key().String())
		}
	})
	t.Run("that can not be read", func(t *testing.T) {
		b := newBundleTest(t, Options{})
		b.refused(fhir.Unsupported, "Bundle.entry[0].resource.subject.reference", entryText{does: "POST Observation", with: observationText("Patient?nonsense=1")})
		b.refused(fhir.Invalid, "Bundle.entry[0].resource.subject.reference", entryText{does: "POST Observation", with: observationText("Patient?")})
	})
}
