package fhirpath

import (
	"strings"
	"testing"
)

func TestIsUnit(t *testing.T) {
	for _, code := range []string{"mg", "mg/kg", "mmol/mol", "ng/dL", "[iU]/L", "10*6/mL", "{score}", "mg{total}/d", "%", "1", "Cel", "mm[Hg]", "/min", "m.s-2", "[pH]"} {
		if !IsUnit(code) {
			t.Errorf("%q: want a unit", code)
		}
	}
	for _, code := range []string{"", "mcg", "mmHg", "TAB", "mg//kg", "mg/", "{", "mg}", "ml/hr", "mg kg", strings.Repeat("m", 1000)} {
		if IsUnit(code) {
			t.Errorf("%q: want no unit", code)
		}
	}
}
