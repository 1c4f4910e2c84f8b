package handlers

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

func TestTagListed(t *testing.T) {
	tests := []struct {
		Name   string
		Header string
		Want   bool
		Wrong  bool
	}{
		{Name: "weak", Header: `W/"3"`, Want: true},
		{Name: "strong", Header: `"3"`, Want: true},
		{Name: "any", Header: `*`, Want: true},
		{Name: "in a list", Header: `W/"1", "2" ,W/"3"`, Want: true},
		{Name: "another", Header: `W/"33"`},
		{Name: "not quoted", Header: `3`, Wrong: true},
		{Name: "not closed", Header: `W/"3`, Wrong: true},
		{Name: "nothing after the comma", Header: `"3",`, Wrong: true},
		{Name: "no comma", Header: `"3" "4"`, Wrong: true},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			got, err := tagListed(test.Header, "3")
			if got != test.Want && !test.Wrong || (err != nil) != test.Wrong {
				t.Errorf("%s lists 3: got %v, %v", test.Header, got, err)
			}
		})
	}
}

func TestParseIfMatch(t *testing.T) {
	tests := []struct {
		Name   string
		Header string
		Want   precondition
		Kind   fhir.Kind // Internal: no error
	}{
		{Name: "absent"},
		{Name: "weak", Header: `W/"12"`, Want: precondition{version: 12}},
		{Name: "strong", Header: `"12"`, Want: precondition{version: 12}},
		{Name: "spaces around", Header: ` W/"12" `, Want: precondition{version: 12}},
		{Name: "any", Header: `*`, Want: precondition{exists: true}},
		{Name: "two", Header: `"1", "2"`, Kind: fhir.Invalid},
		{Name: "bare", Header: `12`, Kind: fhir.Invalid},
		{Name: "no version of ours", Header: `W/"abc"`, Kind: fhir.Stale},
		{Name: "zero", Header: `W/"0"`, Kind: fhir.Stale},
		{Name: "negative", Header: `W/"-1"`, Kind: fhir.Stale},
		{Name: "a leading zero", Header: `W/"01"`, Kind: fhir.Stale},
		{Name: "too large", Header: `W/"99999999999999999999"`, Kind: fhir.Stale},
		{Name: "empty tag", Header: `W/""`, Kind: fhir.Stale},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			got, err := parseIfMatch(test.Header)
			if got != test.Want || fhir.KindOf(err) != test.Kind || (err != nil) != (test.Kind != fhir.Internal) {
				t.Errorf("If-Match: %s: got %v, %v", test.Header, got, err)
			}
		})
	}
}
