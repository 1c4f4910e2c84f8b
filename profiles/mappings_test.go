package profiles_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/mappings"
	"github.com/noafhir/noafhir/profiles"
)

// TestUnitsAgree holds the value sets and the concept map of units to the tables
// of package mappings, which say the same.
func TestUnitsAgree(t *testing.T) {
	if got := codesOf(t, "noa-hormone-codes"); !slices.Equal(got, mappings.Hormones()) {
		t.Errorf("noa-hormone-codes has %v, want %v", got, mappings.Hormones())
	}
	for _, loinc := range mappings.Hormones() {
		h, _ := mappings.HormoneOf(loinc)
		if got := codesOf(t, "noa-units-"+loinc); !slices.Equal(got, h.Units()) {
			t.Errorf("noa-units-%s has %v, want %v", loinc, got, h.Units())
		}
	}
	mapped := map[string]string{}
	eachTarget(resource(t, fhir.Key{Type: "ConceptMap", ID: "lis-unit-to-ucum"}), func(_, _, from string, to fhir.Value) {
		mapped[from] = to.Get("code").Text()
	})
	for _, a := range mappings.Aliases() {
		if a.Text != a.UCUM && mapped[a.Text] != a.UCUM {
			t.Errorf("lis-unit-to-ucum leads from %s to %q, want %s", a.Text, mapped[a.Text], a.UCUM)
		}
		delete(mapped, a.Text)
	}
	if len(mapped) > 0 {
		t.Errorf("lis-unit-to-ucum has more: %v", mapped)
	}
}

// codesOf returns the codes that a value set lists, sorted.
func codesOf(t *testing.T, id string) []string {
	t.Helper()
	var codes []string
	for include := range resource(t, fhir.Key{Type: "ValueSet", ID: id}).Root().Get("compose").Get("include").Items {
		for c := range include.Get("concept").Items {
			codes = append(codes, c.Get("code").Text())
		}
	}
	slices.Sort(codes)
	return codes
}

// TestDiagnosesAgree holds the concept map of ICD-10-CM to the table of package
// mappings.
func TestDiagnosesAgree(t *testing.T) {
	rows := 0
	eachTarget(resource(t, fhir.Key{Type: "ConceptMap", ID: "icd10cm-to-noa"}), func(source, target, from string, to fhir.Value) {
		if !strings.HasSuffix(source, "icd-10-cm") {
			return
		}
		rows++
		d, how := mappings.DiagnosisOf(from)
		want := d.Code
		if target == profiles.URL("CodeSystem", "noa-aetiology") {
			want = d.Aetiology
		}
		if how != mappings.Mapped || to.Get("code").Text() != want {
			t.Errorf("%s leads to %q, package mappings says %q", from, to.Get("code").Text(), want)
		}
	})
	if rows == 0 {
		t.Error("the map is empty")
	}
}
