package demo

import (
	"encoding/json"
	"strings"
	"testing"
)

const local = "https://noa-fhir.example.org/"

// coded reports whether a code stands anywhere in a resource.
func coded(resource map[string]any, system, code string) bool {
	found := false
	walk(resource, func(object map[string]any) {
		found = found || text(object, "system") == system && text(object, "code") == code
	})
	return found
}

// about reports whether a resource is about a patient.
func about(resource map[string]any, patient string) bool {
	for _, name := range []string{"subject", "patient", "for"} {
		if r, ok := resource[name].(map[string]any); ok && text(r, "reference") == patient {
			return true
		}
	}
	return false
}

func TestTheSixPiecesHoldThirteenSperm(t *testing.T) {
	containers, pieces, sperm := 0, 0, int64(0)
	for _, r := range resources(t) {
		if r["container"] == nil || !about(r, "Patient/adam-doe") {
			continue
		}
		containers++
		if !coded(r, local+"CodeSystem/noa-cryo-container", "cryopiece") {
			continue
		}
		pieces++
		walk(r, func(object map[string]any) {
			if text(object, "url") == "total" {
				n, _ := object["valueQuantity"].(map[string]any)["value"].(json.Number).Int64()
				sperm += n
			}
		})
	}
	if containers != 8 || pieces != 6 || sperm != 13 {
		t.Errorf("got %d containers, %d pieces with %d sperm, want 8, 6 and 13", containers, pieces, sperm)
	}
}

func TestBenHasNoSpecimen(t *testing.T) {
	for key, r := range resources(t) {
		if strings.HasPrefix(key, "Specimen/") && about(r, "Patient/ben-poe") {
			t.Errorf("%s: surgery was contraindicated, so nothing was retrieved", key)
		}
	}
	if status := text(resources(t)["ServiceRequest/ben-micro-tese"], "status"); status != "revoked" {
		t.Errorf("the order has status %q, want revoked", status)
	}
}

// TestDanHasNoDiagnosis keeps the mistranslated diagnosis where it came in: in
// the letter, which a person must read.
func TestDanHasNoDiagnosis(t *testing.T) {
	for key, r := range resources(t) {
		if strings.HasPrefix(key, "Condition/") && about(r, "Patient/dan-loe") {
			t.Errorf("%s must not be there", key)
		}
		if coded(r, "http://snomed.info/sct", "792004") || coded(r, "http://hl7.org/fhir/sid/icd-10-cm", "A81.00") {
			t.Errorf("%s codes a prion disease", key)
		}
	}
	if status := text(resources(t)["Task/dan-review-diagnosis"], "status"); status != "requested" {
		t.Errorf("the review has status %q, want requested", status)
	}
}
