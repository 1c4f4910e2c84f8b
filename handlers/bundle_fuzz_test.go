package handlers

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// FuzzBundle replaces values of a bundle by others of it. Whatever comes out of
// that, the server must not fail itself, must leave nothing of a transaction that
// it refuses, and must have stored what it says it has.
func FuzzBundle(f *testing.F) {
	b := newBundleTest(f, Options{ConditionalDelete: MultipleConditionalDelete})
	const patch = `{"resourceType":"Binary","contentType":"application/json-patch+json","data":"W10="}`
	seed := bundleText("transaction",
		entryText{url: urnA, does: "POST Patient", with: patientText("1"), requires: `,"ifNoneExist":"identifier=http://example.org/mrn|1"`},
		entryText{url: urnB, does: "PUT Patient/b", with: withID("b", patientText("2"))},
		entryText{does: "PUT Patient?identifier=3", with: patientText("3")},
		entryText{does: "POST Observation", with: observationText(urnA)},
		entryText{does: "POST Observation", with: observationText("Patient?identifier=1")},
		entryText{does: "DELETE Patient/c", requires: `,"ifMatch":"*"`},
		entryText{does: "DELETE Patient?identifier=4"},
		entryText{does: "PATCH Patient/d", with: patch},
		entryText{does: "PATCH Patient?_id=e", with: patch},
		entryText{does: "GET Patient/b"},
		entryText{does: "GET Patient?_id=b", requires: `,"ifNoneMatch":"W/\"1\"","ifModifiedSince":"2020-01-01T00:00:00Z"`},
	)
	seed = strings.Replace(seed, `{`, `{"language":"batch",`, 1) // a value for type
	tree, err := fhir.ScanJSON([]byte(seed), fhir.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	for i := range tree.Nodes {
		f.Add([]byte{byte(i), byte(i >> 8), 2, 0, byte(i + 20), byte((i + 20) >> 8), byte(i), byte(i >> 8)})
	}
	f.Fuzz(func(t *testing.T, picks []byte) {
		b := *b
		b.TB = t
		bundle := []byte(mutate(t, seed, picks))
		b.done(entryText{does: "DELETE Patient?_lastUpdated=gt2000"}, entryText{does: "DELETE Observation?_lastUpdated=gt2000"})
		b.done(
			entryText{does: "PUT Patient/c", with: withID("c", patientText("5"))},
			entryText{does: "PUT Patient/d", with: withID("d", patientText("6"))},
			entryText{does: "PUT Patient/e", with: withID("e", patientText("7"))},
		)
		before := b.last()
		resp, err := b.server.Process(context.Background(), search.Everything(), bundle)
		if err != nil {
			if _, ok := errors.AsType[*fhir.Error](err); !ok || fhir.KindOf(err) == fhir.Internal {
				t.Fatalf("%v\n%s", err, bundle)
			}
			if after := b.last(); after != before {
				t.Fatalf("the bundle was refused, but %s was written\n%s", after, bundle)
			}
			return
		}
		r, err := b.server.codec.ParseJSON(resp.Body)
		if err != nil {
			t.Fatalf("the answer is no resource: %v\n%s", err, resp.Body)
		}
		for e := range r.Root().Get("entry").Children {
			b.holds(e.Get("response"), r.Root().Get("type").Text())
		}
	})
}

// mutate replaces values of a JSON text by other values of it. Each four bytes
// name the one and the other.
func mutate(t *testing.T, text string, picks []byte) string {
	picks = picks[:min(len(picks), 100)]
	for ; len(picks) >= 4; picks = picks[4:] {
		tree, err := fhir.ScanJSON([]byte(text), fhir.Limits{})
		if err != nil || len(text) > 20_000 {
			break
		}
		at := tree.At(uint32(binary.LittleEndian.Uint16(picks)) % uint32(len(tree.Nodes))).Node()
		by := tree.At(uint32(binary.LittleEndian.Uint16(picks[2:])) % uint32(len(tree.Nodes)))
		text = string(tree.Splice([]fhir.Edit{{Start: at.Start, End: at.End, Text: string(by.Raw())}}))
	}
	return text
}

// last names the latest write there is.
func (t *bundleTest) last() string {
	page, err := t.store.History(context.Background(), search.Everything(), store.HistoryQuery{Count: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Versions) == 0 {
		return ""
	}
	return page.Versions[0].Key.String() + page.Versions[0].LastUpdated.String()
}

// holds checks what an answer says against the store.
func (t *bundleTest) holds(response fhir.Value, typ string) {
	status := response.Get("status").Text()
	if status >= "500" || typ == "transaction-response" && status >= "400" {
		t.Fatalf("an entry of a %s has the status %s: %s", typ, status, response.Raw())
	}
	if location := response.Get("location").Text(); location != "" {
		address, _, _ := strings.Cut(strings.TrimPrefix(location, "http://example.org/fhir/"), "/_history/")
		kind, id, _ := strings.Cut(address, "/")
		if _, err := t.store.ReadVersion(context.Background(), search.Everything(), fhir.Key{Type: kind, ID: id}, 1); err != nil {
			t.Fatalf("%s was created, but: %v", location, err)
		}
	}
}
