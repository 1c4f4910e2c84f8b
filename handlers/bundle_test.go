package handlers

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"strings"
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
