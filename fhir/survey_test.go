package fhir_test

import (
	"slices"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

func TestSurvey(t *testing.T) {
	tests := []struct {
		Name string
		JSON string
		Want []string // expressions
	}{
		{Name: "nothing wrong", JSON: `{"resourceType":"Patient","id":"a"}`},
		{Name: "everything is told", JSON: `{"resourceType":"Patient","id":"a_b","nmae":[],"name":{"family":7,"given":["", "x"]},"birthDate":["2020"],"active":true,"active":false,"gender":"male"}`,
			Want: []string{"Patient.id", "Patient.nmae", "Patient.name", "Patient.name.family", "Patient.name.given[0]", "Patient.birthDate", "Patient"}},
		{Name: "two types of a choice", JSON: `{"resourceType":"Patient","deceasedBoolean":true,"deceasedDateTime":"20"}`, Want: []string{"Patient", "Patient.deceasedDateTime"}},
		{Name: "in a bundle", JSON: `{"resourceType":"Bundle","type":"batch","entry":[{"resource":{"resourceType":"Nothing"}},{"resource":{"resourceType":"Patient","gender":1}}]}`,
			Want: []string{"Bundle.entry[0].resource", "Bundle.entry[1].resource.gender"}},
		{Name: "after a missing array the path goes on", JSON: `{"resourceType":"Patient","name":{"family":"x"},"telecom":{"x":1},"gender":3}`,
			Want: []string{"Patient.name", "Patient.telecom", "Patient.telecom.x", "Patient.gender"}},
		{Name: "no resource", JSON: `[1]`, Want: []string{""}},
	}
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			tree, err := fhir.ScanJSON([]byte(test.JSON), fhir.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			_, issues := codec.Survey(tree, 50)
			var got []string
			for _, i := range issues {
				got = append(got, i.Expression)
			}
			if !slices.Equal(got, test.Want) {
				t.Errorf("%s: got %q, want %q: %v", test.JSON, got, test.Want, issues)
			}
			if _, few := codec.Survey(tree, 1); len(few) != min(1, len(issues)) {
				t.Errorf("a limit of 1 gave %v", few)
			}
		})
	}
}
