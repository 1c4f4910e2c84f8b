package handlers

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
)

// A bundleTest is a server on an empty store.
type bundleTest struct {
	testing.TB
	server *Server
	store  store.Store
}

// newBundleTest opens an empty store and a server on it.
func newBundleTest(t testing.TB, o Options) *bundleTest {
	t.Helper()
	o.Codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})
	registry, err := search.NewRegistry(o.Codec, r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	o.Registry, o.BaseURL, o.Access = registry, "http://example.org/fhir", Open
	o.Store, err = sqlite.Open(filepath.Join(t.TempDir(), "test.db"), sqlite.Options{Registry: registry, Synchronous: "NORMAL"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Store.Close() })
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &bundleTest{t, s, o.Store}
}

// An entryText is a bundle entry to be written.
type entryText struct {
	url      string // fullUrl
	does     string // method and url: "POST Patient"
	with     string // resource
	requires string // further members of request, with a comma before each
}

// bundleText returns the JSON of a bundle.
func bundleText(typ string, entries ...entryText) string {
	var parts []string
	for _, e := range entries {
		method, url, _ := strings.Cut(e.does, " ")
		part := `"request":{"method":` + fhir.Quote(method) + `,"url":` + fhir.Quote(url) + e.requires + `}`
		if e.with != "" {
			part = `"resource":` + e.with + `,` + part
		}
		if e.url != "" {
			part = `"fullUrl":` + fhir.Quote(e.url) + `,` + part
		}
		parts = append(parts, "{"+part+"}")
	}
	if parts == nil {
		return `{"resourceType":"Bundle","type":"` + typ + `"}`
	}
	return `{"resourceType":"Bundle","type":"` + typ + `","entry":[` + strings.Join(parts, ",") + `]}`
}

// process performs a bundle and returns the answer.
func (t *bundleTest) process(bundle string) (*fhir.Resource, error) {
	t.Helper()
	resp, err := t.server.Process(context.Background(), search.Everything(), []byte(bundle))
	if err != nil {
		return nil, err
	}
	r, err := t.server.codec.ParseJSON(resp.Body)
	if err != nil {
		t.Fatalf("the answer is no resource: %v\n%s", err, resp.Body)
	}
	return r, nil
}

// done performs a transaction that must succeed and returns the statuses of its
// entries.
func (t *bundleTest) done(entries ...entryText) []string {
	t.Helper()
	r, err := t.process(bundleText("transaction", entries...))
	if err != nil {
		t.Fatal(err)
	}
	return statuses(r)
}

// statuses returns the status codes in the entries of a response.
func statuses(r *fhir.Resource) []string {
	var all []string
	for e := range r.Root().Get("entry").Children {
		code, _, _ := strings.Cut(e.Get("response").Get("status").Text(), " ")
		all = append(all, code)
	}
	return all
}

// refused performs a transaction that must fail with a kind of error, at an
// expression, and leave nothing behind.
func (t *bundleTest) refused(kind fhir.Kind, expression string, entries ...entryText) *fhir.Error {
	t.Helper()
	before := t.count()
	_, err := t.process(bundleText("transaction", entries...))
	known, ok := errors.AsType[*fhir.Error](err)
	if !ok {
		t.Fatalf("got the error %v, want one of kind %d", err, kind)
	}
	if known.Kind != kind || known.Expression != expression {
		t.Errorf("got an error of kind %d at %s: %v\nwant kind %d at %s", known.Kind, known.Expression, known, kind, expression)
	}
	if after := t.count(); after != before {
		t.Errorf("the transaction failed, but left %d versions", after-before)
	}
	return known
}

// count returns how many versions there are in the store.
func (t *bundleTest) count() int {
	t.Helper()
	n := 0
	q := store.HistoryQuery{Count: 1000}
	for {
		page, err := t.store.History(context.Background(), search.Everything(), q)
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Versions)
		if q.After = page.Next; q.After == nil {
			return n
		}
	}
}

// find returns the resources that match a search, in the order they were made.
func (t *bundleTest) find(url string) []*fhir.Resource {
	t.Helper()
	var req Request
	if err := req.address(url); err != nil {
		t.Fatal(err)
	}
	q, err := search.Parse(t.server.registry(), req.Key.Type, req.Query, search.Options{DefaultCount: 1000, MaxCount: 1000})
	if err != nil {
		t.Fatal(err)
	}
	page, err := t.store.Search(context.Background(), search.Everything(), q)
	if err != nil {
		t.Fatal(err)
	}
	var found []*fhir.Resource
	for _, v := range page.Versions {
		r, err := t.server.codec.ParseJSON(v.Body)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, r)
	}
	return found
}

// one returns the one resource that matches a search.
func (t *bundleTest) one(url string) *fhir.Resource {
	t.Helper()
	found := t.find(url)
	if len(found) != 1 {
		t.Fatalf("%s has %d matches, want 1", url, len(found))
	}
	return found[0]
}

// same fails unless two lists are equal.
func (t *bundleTest) same(what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

const (
	urnA = "urn:uuid:aaaaaaaa-0000-4000-8000-000000000000"
	urnB = "urn:uuid:bbbbbbbb-0000-4000-8000-000000000000"
	urnC = "urn:uuid:cccccccc-0000-4000-8000-000000000000"
)

// patientText returns a patient with an identifier.
func patientText(identifier string) string {
	return `{"resourceType":"Patient","identifier":[{"system":"http://example.org/mrn","value":"` + identifier + `"}]}`
}

// observationText returns an observation about a subject.
func observationText(subject string) string {
	return `{"resourceType":"Observation","status":"final","code":{"text":"FSH"},"subject":{"reference":"` + subject + `"}}`
}

// withID puts an id into a resource.
func withID(id, resource string) string {
	return strings.Replace(resource, `,`, `,"id":"`+id+`",`, 1)
}

func TestBundleKinds(t *testing.T) {
	b := newBundleTest(t, Options{})
	for _, tt := range []struct {
		name, body, want string
		kind             fhir.Kind
	}{
		{name: "empty transaction", body: bundleText("transaction"), want: `{"resourceType":"Bundle","type":"transaction-response"}`},
		{name: "empty batch", body: bundleText("batch"), want: `{"resourceType":"Bundle","type":"batch-response"}`},
		{name: "another type", body: bundleText("collection"), kind: fhir.Invalid},
		{name: "no type", body: `{"resourceType":"Bundle","id":"x"}`, kind: fhir.Invalid},
		{name: "another resource", body: `{"resourceType":"Patient","id":"x"}`, kind: fhir.Invalid},
		{name: "no JSON", body: `{`, kind: fhir.Invalid},
		{name: "no FHIR", body: `{"resourceType":"Bundle","types":"batch"}`, kind: fhir.Structure},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := b.server.Process(context.Background(), search.Everything(), []byte(tt.body))
			if tt.want == "" {
				if err == nil || fhir.KindOf(err) != tt.kind {
					t.Errorf("got the error %v, want one of kind %d", err, tt.kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if resp.Status != 200 || string(resp.Body) != tt.want {
				t.Errorf("got %d %s, want %s", resp.Status, resp.Body, tt.want)
			}
		})
	}
}

func TestBatch(t *testing.T) {
	b := newBundleTest(t, Options{})
	b.done(entryText{does: "PUT Patient/a", with: withID("a", patientText("1"))})
	r, err := b.process(bundleText("batch",
		entryText{does: "GET Patient/a"},
		entryText{does: "POST Patient", with: patientText("2")},
		entryText{does: "GET Patient/none"},
		entryText{does: "PUT Patient/a", with: withID("a", patientText("3")), requires: `,"ifMatch":"W/\"7\""`},
		entryText{does: "PUT Patient/a", with: withID("a", patientText("4")), requires: `,"ifMatch":"W/\"1\""`},
		entryText{does: "GET http://example.org/fhir/Patient?identifier=http%3A%2F%2Fexample.org%2Fmrn%7C4"},
		entryText{does: "GET http://elsewhere.org/fhir/Patient/a"},
		entryText{does: "HEAD Patient/a"},
		entryText{does: "GET Patient/a", requires: `,"ifNoneMatch":"W/\"2\""`},
		entryText{does: "GET Patient/a/_history/1"},
		entryText{does: "GET Patient/a/_history"},
		entryText{does: "POST Patient", with: patientText("2"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|2"`},
		entryText{does: "POST Patient", with: observationText("Patient/a")},
		entryText{does: "POST Observation", with: observationText("Patient?identifier=http://example.org/mrn|4")},
		entryText{url: urnA, does: "POST Patient", with: patientText("5")},
		entryText{does: "POST Observation", with: observationText(urnA)},
		entryText{does: "PATCH Patient/a", with: `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W3sib3AiOiJhZGQiLCJwYXRoIjoiL2FjdGl2ZSIsInZhbHVlIjp0cnVlfV0="}`},
		entryText{does: "DELETE Patient/a"},
		entryText{does: "GET Patient/a"},
		entryText{does: "POST /", with: bundleText("batch")},
		entryText{does: "BREW Patient"},
		entryText{does: "GET Nonsense/1"},
		entryText{does: "GET metadata"},
		entryText{does: "POST Patient", with: `{"resourceType":"Patient","foo":1}`},
		entryText{does: "POST Patient", with: `{"resourceType":"Nonsense"}`},
	))
	if err != nil {
		t.Fatal(err)
	}
	b.same("statuses", statuses(r), "200", "201", "404", "412", "200", "200", "400", "200", "304", "200", "200", "200",
		"400", "400", "201", "400", "200", "204", "410", "400", "400", "404", "200", "400", "400")
	place := 0
	for e := range r.Root().Get("entry").Children {
		failed := e.Get("response").Get("status").Text() >= "400"
		outcome := e.Get("response").Get("outcome")
		if failed != outcome.Exists() {
			t.Errorf("entry %d: %s", place, e.Raw())
		}
		if failed {
			at := ""
			for x := range outcome.Get("issue").First().Get("expression").Children {
				at = x.Text()
			}
			if !strings.HasPrefix(at, "Bundle.entry["+strconv.Itoa(place)+"]") {
				t.Errorf("entry %d: the outcome is about %q", place, at)
			}
		}
		place++
	}
	first := r.Root().Get("entry").First()
	if got := first.Get("resource").Get("id").Text(); got != "a" {
		t.Errorf("the first entry has the resource %q, want a", got)
	}
	if got := first.Get("response").Get("etag").Text(); got != `W/"1"` {
		t.Errorf("the first entry has the etag %s", got)
	}
	created := first.Next(r.Root().Get("entry"))
	if got := created.Get("response").Get("location").Text(); !strings.HasPrefix(got, "http://example.org/fhir/Patient/") || !strings.HasSuffix(got, "/_history/1") {
		t.Errorf("the location is %q", got)
	}
	if created.Get("resource").Exists() {
		t.Error("a create answers with its resource though nobody asked for it")
	}
}

func TestTransactionOrder(t *testing.T) {
	b := newBundleTest(t, Options{})
	b.done(
		entryText{does: "PUT Patient/a", with: withID("a", patientText("1"))},
		entryText{does: "PUT Patient/b", with: withID("b", patientText("2"))},
	)
	r, err := b.process(bundleText("transaction",
		entryText{does: "GET Patient?identifier=http://example.org/mrn|1"},
		entryText{does: "HEAD Patient/b"},
		entryText{does: "PUT Patient/b", with: withID("b", patientText("3"))},
		entryText{does: "POST Patient", with: patientText("1"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|1"`},
		entryText{does: "DELETE Patient/a"},
		entryText{does: "GET Patient/b"},
		entryText{does: "POST Patient/_search?identifier=http://example.org/mrn|3"},
	))
	if err != nil {
		t.Fatal(err)
	}
	b.same("statuses", statuses(r), "200", "200", "200", "201", "204", "200", "200")
	var entries []fhir.Value
	for e := range r.Root().Get("entry").Children {
		entries = append(entries, e)
	}
	if got := entries[0].Get("resource").Get("entry").First().Get("resource").Get("id").Text(); got == "" || got == "a" {
		t.Errorf("the search found %q, want the patient created in the same transaction", got)
	}
	if got := entries[5].Get("resource").Get("meta").Get("versionId").Text(); got != "2" {
		t.Errorf("the read saw version %s, want 2", got)
	}
	if got := entries[6].Get("resource").Get("entry").First().Get("resource").Get("id").Text(); got != "b" {
		t.Errorf("the search by POST found %q, want b", got)
	}
}

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

func TestAnswerLimit(t *testing.T) {
	b := newBundleTest(t, Options{Limits: Limits{AnswerBytes: 500}})
	b.done(entryText{does: "PUT Patient/a", with: withID("a", patientText("1"))})
	read := entryText{does: "GET Patient/a"}
	write := entryText{does: "POST Patient", with: patientText("2")}
	r, err := b.process(bundleText("batch", read, read, read, read, write, write, write))
	if err != nil {
		t.Fatal(err)
	}
	b.same("statuses", statuses(r), "200", "200", "503", "503", "201", "201", "201")
	_, err = b.process(bundleText("transaction", write, read, read, read, read))
	if fhir.KindOf(err) != fhir.TooCostly {
		t.Errorf("a transaction whose answer is too large: %v", err)
	}
}

func TestBundleLimits(t *testing.T) {
	b := newBundleTest(t, Options{Limits: Limits{BundleEntries: 3, ResourceBytes: 200}})
	post := entryText{does: "POST Patient", with: patientText("1")}
	b.done(post, post, post)
	b.refused(fhir.TooLarge, "Bundle.entry", post, post, post, post)
	fits := patientText(strings.Repeat("x", 200-len(patientText(""))))
	b.done(entryText{does: "POST Patient", with: fits})
	b.refused(fhir.TooLarge, "Bundle.entry[0].resource", entryText{does: "POST Patient", with: strings.Replace(fits, "xx", "xxx", 1)})
}

func TestTransactionRepresentation(t *testing.T) {
	b := newBundleTest(t, Options{})
	body, err := b.server.codec.ParseJSON([]byte(bundleText("transaction",
		entryText{url: urnA, does: "POST Patient", with: patientText("1")},
		entryText{does: "POST Observation", with: observationText(urnA)},
	)))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		prefer            string
		resource, outcome bool
	}{{"", false, false}, {"minimal", false, false}, {"representation", true, false}, {"OperationOutcome", false, true}} {
		resp, err := b.server.bundle(context.Background(), &Request{Body: body, Who: search.Everything(), Prefer: Prefer{Return: tt.prefer}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.server.codec.ParseJSON(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		for e := range r.Root().Get("entry").Children {
			if e.Get("resource").Exists() != tt.resource || e.Get("response").Get("outcome").Exists() != tt.outcome {
				t.Errorf("return=%s: got %s", tt.prefer, e.Raw())
			}
			if got, want := e.Get("fullUrl").Text(), "http://example.org/fhir/"; tt.resource && !strings.HasPrefix(got, want) {
				t.Errorf("the fullUrl is %q", got)
			}
		}
	}
}

// TestTransactionAccess performs transactions for someone who may see patients and
// observations only.
func TestTransactionAccess(t *testing.T) {
	b := newBundleTest(t, Options{})
	const practitioner = `{"resourceType":"Practitioner","id":"p","identifier":[{"value":"1"}]}`
	b.done(entryText{does: "PUT Practitioner/p", with: practitioner}, entryText{does: "PUT Patient/a", with: withID("a", patientText("1"))})
	who := search.Only(search.Grant{Type: "Patient"}, search.Grant{Type: "Observation"})
	observation := observationText("Patient?identifier=1")
	tests := []struct {
		name    string
		entries []entryText
		kind    fhir.Kind
	}{
		{"what is theirs", []entryText{{does: "POST Observation", with: observation}, {does: "GET Patient/a"}}, fhir.Internal},
		{"a create", []entryText{{does: "POST Practitioner", with: practitioner}}, fhir.Forbidden},
		{"an update", []entryText{{does: "PUT Practitioner/p", with: practitioner}}, fhir.Forbidden},
		{"a read", []entryText{{does: "GET Practitioner/p"}}, fhir.NotFound},
		{"a reference by criteria", []entryText{{does: "POST Observation", with: strings.Replace(observation, "Patient?", "Practitioner?", 1)}}, fhir.Stale},
		{"a conditional create", []entryText{{does: "POST Practitioner", with: practitioner, requires: `,"ifNoneExist":"identifier=1"`}}, fhir.Forbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := b.server.Process(context.Background(), who, []byte(bundleText("transaction", tt.entries...)))
			if (err == nil) != (tt.kind == fhir.Internal) || err != nil && fhir.KindOf(err) != tt.kind {
				t.Errorf("got the error %v, want one of kind %d", err, tt.kind)
			}
		})
	}
	if got := b.one("Practitioner").VersionID(); got != "1" {
		t.Errorf("the practitioner has version %s, want 1", got)
	}
}

// TestConcurrentTransactions lets many clients make the same patient at once: one
// must be made, and all references lead to it.
func TestConcurrentTransactions(t *testing.T) {
	b := newBundleTest(t, Options{})
	const clients = 64
	bundle := bundleText("transaction",
		entryText{url: urnA, does: "POST Patient", with: patientText("1"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|1"`},
		entryText{url: urnB, does: "PUT Practitioner?identifier=2", with: `{"resourceType":"Practitioner","identifier":[{"value":"2"}]}`},
		entryText{does: "POST Observation", with: observationText(urnA)},
		entryText{does: "POST Observation", with: observationText("Patient?identifier=http://example.org/mrn|1")},
		entryText{does: "POST Provenance", with: `{"resourceType":"Provenance","target":[{"reference":"` + urnB + `/_history/1"}],"recorded":"2020-01-01T00:00:00Z","agent":[{"who":{"display":"w"}}]}`},
	)
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			if _, err := b.server.Process(context.Background(), search.Everything(), []byte(bundle)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	patient := b.one("Patient").Key().String()
	if got := len(b.find("Observation?subject=" + patient)); got != 2*clients {
		t.Errorf("%d observations refer to the patient, want %d", got, 2*clients)
	}
	practitioner := b.one("Practitioner")
	if got := practitioner.VersionID(); got != strconv.Itoa(clients) {
		t.Errorf("the practitioner has version %s, want %d", got, clients)
	}
	targets := map[string]bool{}
	for _, p := range b.find("Provenance") {
		targets[p.Root().Get("target").First().Get("reference").Text()] = true
	}
	for i := range clients {
		if want := practitioner.Key().String() + "/_history/" + strconv.Itoa(i+1); !targets[want] {
			t.Errorf("no provenance names %s", want)
		}
	}
}

// An interrupted store lets something happen between the moment a transaction has
// been planned and the moment it is performed.
type interrupted struct {
	store.Store
	by func()
}

func (s *interrupted) Update(ctx context.Context, work func(store.Tx) error) error {
	if by := s.by; by != nil {
		s.by = nil
		by()
	}
	return s.Store.Update(ctx, work)
}

func TestChangesMeanwhile(t *testing.T) {
	one := entryText{does: "PUT Patient/one", with: withID("one", patientText("1"))}
	two := entryText{does: "PUT Patient/two", with: withID("two", patientText("1"))}
	without := entryText{does: "PUT Patient/one", with: withID("one", patientText("9"))}
	create := entryText{url: urnA, does: "POST Patient", with: patientText("1"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|1"`}
	update := entryText{url: urnA, does: "PUT Patient?identifier=http://example.org/mrn|1", with: patientText("1")}
	remove := entryText{does: "DELETE Patient?identifier=http://example.org/mrn|1"}
	refer := entryText{does: "POST Observation", with: observationText(urnA)}
	conditional := entryText{does: "POST Observation", with: observationText("Patient?identifier=http://example.org/mrn|1")}
	version := entryText{does: "POST Observation", with: observationText(urnA + "/_history/1")}
	tests := []struct {
		name      string
		before    []entryText
		meanwhile []entryText
		entries   []entryText
		kind      fhir.Kind // of the error; Internal: none
		statuses  string
		subject   string // of the observation
	}{
		{name: "made, so not made again", meanwhile: []entryText{one}, entries: []entryText{create, refer}, statuses: "200 201", subject: "Patient/one"},
		{name: "made twice, so ambiguous", meanwhile: []entryText{one, two}, entries: []entryText{create, refer}, kind: fhir.Ambiguous},
		{name: "made, so updated", meanwhile: []entryText{one}, entries: []entryText{update, refer}, statuses: "200 201", subject: "Patient/one"},
		{name: "made, so deleted", meanwhile: []entryText{one}, entries: []entryText{remove}, statuses: "204"},
		{name: "replaced", before: []entryText{one}, meanwhile: []entryText{without, two}, entries: []entryText{conditional}, statuses: "201", subject: "Patient/two"},
		{name: "gone", before: []entryText{one}, meanwhile: []entryText{without}, entries: []entryText{conditional}, kind: fhir.Stale},
		{name: "gone, so made anew", before: []entryText{one}, meanwhile: []entryText{without}, entries: []entryText{create, conditional}, statuses: "201 201"},
		{name: "a version more", before: []entryText{one}, meanwhile: []entryText{one}, entries: []entryText{update, version}, statuses: "200 201", subject: "Patient/one/_history/3"},
		{name: "a version more of what is named directly", before: []entryText{one}, meanwhile: []entryText{one}, entries: []entryText{{url: urnA, does: one.does, with: one.with}, version}, statuses: "200 201", subject: "Patient/one/_history/3"},
		{name: "another target of the same", before: []entryText{one}, meanwhile: []entryText{without, two}, entries: []entryText{update, two}, kind: fhir.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBundleTest(t, Options{})
			b.done(tt.before...)
			b.server.store = &interrupted{b.store, func() { b.done(tt.meanwhile...) }}
			r, err := b.process(bundleText("transaction", tt.entries...))
			if tt.statuses == "" {
				if err == nil || fhir.KindOf(err) != tt.kind {
					t.Errorf("got the error %v, want one of kind %d", err, tt.kind)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b.same("statuses", statuses(r), tt.statuses)
			if tt.subject != "" {
				b.same("subject", []string{b.one("Observation").Root().Get("subject").Get("reference").Text()}, tt.subject)
			}
		})
	}
}

// TestLargeTransaction fills all processors.
func TestLargeTransaction(t *testing.T) {
	b := newBundleTest(t, Options{})
	entries := []entryText{{url: urnA, does: "POST Patient", with: patientText("1")}}
	for range 300 {
		entries = append(entries, entryText{does: "POST Observation", with: observationText(urnA)})
	}
	b.done(entries...)
	if got := len(b.find("Observation?subject=" + b.one("Patient").Key().String())); got != 300 {
		t.Errorf("%d observations refer to the patient, want 300", got)
	}
	entries[200].with = observationText(urnB)
	b.refused(fhir.Invalid, "Bundle.entry[200].resource.subject.reference", entries...)
}
