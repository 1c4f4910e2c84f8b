package handlers

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

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
