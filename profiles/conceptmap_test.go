package profiles_test

import (
	"slices"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/profiles"
)

// equivalences are the codes of
// https://hl7.org/fhir/R4/valueset-concept-map-equivalence.html.
var equivalences = []string{"relatedto", "equivalent", "equal", "wider", "subsumes", "narrower", "specializes", "inexact", "unmatched", "disjoint"}

// TestEquivalences checks that each row says how source and target relate, has a
// target unless it is unmatched, and a comment where R4 asks for one.
func TestEquivalences(t *testing.T) {
	rows := 0
	for _, key := range profiles.Keys("ConceptMap") {
		eachTarget(resource(t, key), func(_, _, from string, to fhir.Value) {
			rows++
			how := to.Get("equivalence").Text()
			if !slices.Contains(equivalences, how) {
				t.Errorf("%s: %s is %q", key, from, how)
			}
			if (how == "unmatched") == to.Get("code").Exists() {
				t.Errorf("%s: %s is %s and has the target %q", key, from, how, to.Get("code").Text())
			}
			if (how == "narrower" || how == "inexact") && !to.Get("comment").Exists() {
				t.Errorf("%s: %s is %s without a comment", key, from, how) // invariant cmd-1
			}
		})
	}
	if rows == 0 {
		t.Error("there are no concept maps")
	}
}

// TestNeverNOA holds the translations of ICD-10-CM to what must not be taken for
// a non-obstructive azoospermia.
func TestNeverNOA(t *testing.T) {
	got := map[string][]string{}
	eachTarget(resource(t, fhir.Key{Type: "ConceptMap", ID: "icd10cm-to-noa"}), func(_, _, from string, to fhir.Value) {
		got[from] = append(got[from], to.Get("code").Text())
	})
	for code, want := range map[string][]string{
		"N46.01":  {"noa", "unknown"},
		"N46.023": {"oa"},
		"N46.024": {"noa", "post-radiotherapy"},
		"N46.9":   {""},
		"N46":     {"", ""},
		"A81.00":  nil,
	} {
		if !slices.Equal(got[code], want) {
			t.Errorf("%s leads to %q, want %q", code, got[code], want)
		}
	}
}

// eachTarget calls yield with the systems, the source code and the target of each
// row of a ConceptMap.
func eachTarget(r *fhir.Resource, yield func(source, target, from string, to fhir.Value)) {
	for g := range r.Root().Get("group").Items {
		for e := range g.Get("element").Items {
			for to := range e.Get("target").Items {
				yield(g.Get("source").Text(), g.Get("target").Text(), e.Get("code").Text(), to)
			}
		}
	}
}
