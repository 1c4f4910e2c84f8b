package mappings_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/mappings"
)

// TestUnit reads the traps of public files that are no UCUM.
func TestUnit(t *testing.T) {
	tests := []struct{ Text, Want string }{
		{"mIU/mL", "m[iU]/mL"},
		{"IU/L", "[iU]/L"},
		{"uIU/ml", "u[iU]/mL"},
		{"µIU/mL", "u[iU]/mL"},
		{"\u03bcIU/mL", "u[iU]/mL"}, // the Greek letter in place of the micro sign
		{"ng/dl", "ng/dL"},
		{"nmol/l", "nmol/L"},
		{"10^6/ml", "10*6/mL"},
		{"°C", "Cel"},
		{" ng/mL ", "ng/mL"},
		{"U/L", ""}, // an enzyme unit, unless it is of a hormone
		{"furlong", ""},
		{"", ""},
	}
	for _, test := range tests {
		got, ok := mappings.Unit(test.Text)
		if got != test.Want || ok != (test.Want != "") {
			t.Errorf("Unit(%q) = %q, %t; want %q", test.Text, got, ok, test.Want)
		}
	}
	for _, a := range mappings.Aliases() {
		if _, _, ok := fhirpath.CanonicalUnit(a.UCUM); !ok {
			t.Errorf("%s stands for %s, which is no UCUM", a.Text, a.UCUM)
		}
	}
}

// TestHormoneUnit reads units in the context of one LOINC code.
func TestHormoneUnit(t *testing.T) {
	tests := []struct{ LOINC, Text, Want, Err string }{
		{LOINC: "15067-2", Text: "mIU/mL", Want: "m[iU]/mL"},
		{LOINC: "15067-2", Text: "U/L", Want: "[iU]/L"},
		{LOINC: "15067-2", Text: "[iU]/L", Want: "[iU]/L"},
		{LOINC: "15067-2", Text: "ng/mL", Err: "no unit of FSH"},
		{LOINC: "2986-8", Text: "ng/dl", Want: "ng/dL"},
		{LOINC: "2986-8", Text: "nmol/L", Err: "the code for it is 14913-8"},
		{LOINC: "14913-8", Text: "ng/dL", Err: "the code for it is 2986-8"},
		{LOINC: "2842-3", Text: "mIU/L", Err: "no unit of prolactin"}, // never inter-converted
		{LOINC: "2842-3", Text: "µg/L", Want: "ug/L"},
		{LOINC: "2986-8", Text: "", Err: "no unit of testosterone"},
	}
	for _, test := range tests {
		h, ok := mappings.HormoneOf(test.LOINC)
		if !ok {
			t.Fatalf("there is no hormone %s", test.LOINC)
		}
		got, err := h.Unit(test.Text)
		if got != test.Want || (err == nil) != (test.Err == "") || err != nil && !strings.Contains(err.Error(), test.Err) {
			t.Errorf("%s in %q: %q, %v; want %q %s", test.LOINC, test.Text, got, err, test.Want, test.Err)
		}
	}
}

// TestJudge converts and judges values.
func TestJudge(t *testing.T) {
	tests := []struct {
		Name, LOINC, Value, Unit string
		Want                     string
		Plausibility             mappings.Plausibility
		Maybe                    string
	}{
		{Name: "testosterone by mass", LOINC: "2986-8", Value: "176", Unit: "ng/dL", Want: "6.10"},
		{Name: "its correction", LOINC: "2986-8", Value: "182", Unit: "ng/dL", Want: "6.31"},
		{Name: "estradiol by mass", LOINC: "2243-4", Value: "28", Unit: "pg/mL", Want: "102.8"},
		{Name: "the received digits stay", LOINC: "14913-8", Value: "6.10", Unit: "nmol/L", Want: "6.10"},
		{Name: "a factor of one", LOINC: "15067-2", Value: "32.4", Unit: "m[iU]/mL", Want: "32.4"},
		{Name: "prolactin by ug/L", LOINC: "2842-3", Value: "8.9", Unit: "ug/L", Want: "8.9"},
		{Name: "a thousandth", LOINC: "15067-2", Value: "5400", Unit: "m[iU]/L", Want: "5.400"},
		{Name: "AMH by moles", LOINC: "48377-6", Value: "17.1", Unit: "pmol/L", Want: "2.39"},
		{Name: "17-OHP by mass", LOINC: "1668-3", Value: "100", Unit: "ng/dL", Want: "3.03"},
		{Name: "many digits", LOINC: "2986-8", Value: "299.987", Unit: "ng/dL", Want: "10.4014"},
		{Name: "an exponent", LOINC: "2986-8", Value: "1.76e2", Unit: "ng/dL", Want: "6.10"},
		{Name: "mass that is not converted", LOINC: "2942-1", Value: "4.1", Unit: "mg/L", Want: ""},

		{Name: "negative", LOINC: "2986-8", Value: "-5", Unit: "ng/dL", Want: "-0.173", Plausibility: mappings.Impossible},
		{Name: "negative mass that is not converted", LOINC: "2942-1", Value: "-1", Unit: "mg/L", Plausibility: mappings.Impossible},
		{Name: "FSH at the limit", LOINC: "15067-2", Value: "300", Unit: "[iU]/L", Want: "300", Plausibility: mappings.Unusual},
		{Name: "FSH above the limit", LOINC: "15067-2", Value: "300.1", Unit: "[iU]/L", Want: "300.1", Plausibility: mappings.Impossible},
		{Name: "ng/dL sent as nmol/L", LOINC: "14913-8", Value: "176", Unit: "nmol/L", Want: "176", Plausibility: mappings.Unusual, Maybe: "ng/dL"},
		{Name: "below the usual", LOINC: "14913-8", Value: "0.2", Unit: "nmol/L", Want: "0.2", Plausibility: mappings.Unusual, Maybe: "ng/mL"},
		{Name: "a huge exponent", LOINC: "14913-8", Value: "1e999999999", Unit: "nmol/L", Plausibility: mappings.Impossible},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			h, _ := mappings.HormoneOf(test.LOINC)
			got, err := h.Judge(test.Value, test.Unit)
			want := mappings.Result{Value: test.Want, Plausibility: test.Plausibility, Maybe: test.Maybe}
			if err != nil || got != want {
				t.Errorf("%s %s of %s: %+v, %v; want %+v", test.Value, test.Unit, test.LOINC, got, err, want)
			}
		})
	}
	h, _ := mappings.HormoneOf("2986-8")
	if _, err := h.Judge("176", "mIU/mL"); err == nil {
		t.Error("a unit of another hormone is accepted")
	}
}

// TestHormones checks the table: one code, one property, UCUM, and one canonical
// unit that is accepted as it is by one of the codes.
func TestHormones(t *testing.T) {
	codes := mappings.Hormones()
	if len(codes) != 18 || slices.Contains(codes, "21198-7") {
		t.Errorf("the codes are %v", codes)
	}
	for _, code := range codes {
		h, _ := mappings.HormoneOf(code)
		for _, unit := range h.Units() {
			if _, _, ok := fhirpath.CanonicalUnit(unit); !ok {
				t.Errorf("%s: %s is no UCUM", code, unit)
			}
			molar := strings.Contains(unit, "mol")
			if molar != (h.Property == "moles") || strings.Contains(unit, "[iU]") != (h.Property == "units") {
				t.Errorf("%s is by %s and accepts %s", code, h.Property, unit)
			}
		}
	}
}

// TestIntervalIn converts the intervals of last resort.
func TestIntervalIn(t *testing.T) {
	tests := []struct{ LOINC, Unit, Low, High string }{
		{LOINC: "14913-8", Unit: "nmol/L", Low: "9.15", High: "31.8"},
		{LOINC: "2986-8", Unit: "ng/dL", Low: "264", High: "916"},
		{LOINC: "2243-4", Unit: "pg/mL", Low: "10", High: "40"},
		{LOINC: "14715-7", Unit: "pmol/L", Low: "36.7", High: "146.9"},
		{LOINC: "15067-2", Unit: "m[iU]/mL", Low: "1.50", High: "12.4"},
		{LOINC: "2942-1", Unit: "mg/L"},
		{LOINC: "15081-3", Unit: "m[iU]/L"},
		{LOINC: "2986-8", Unit: "nmol/L"}, // no unit of this code
	}
	for _, test := range tests {
		h, _ := mappings.HormoneOf(test.LOINC)
		low, high, ok := h.IntervalIn(test.Unit)
		if low != test.Low || high != test.High || ok != (test.Low != "") {
			t.Errorf("%s in %s: %s to %s, %t; want %s to %s", test.LOINC, test.Unit, low, high, ok, test.Low, test.High)
		}
	}
}

// TestDiagnosisOf holds the rows of ICD-10-CM, and the guard of rule R32.
func TestDiagnosisOf(t *testing.T) {
	tests := []struct {
		Name, Code string
		Texts      []string
		Want       mappings.Diagnosis
		How        mappings.Translation
	}{
		{Name: "organic azoospermia", Code: "N46.01", Want: mappings.Diagnosis{Code: "noa", Aetiology: "unknown", Provisional: true}, How: mappings.Mapped},
		{Name: "radiation", Code: "N46.024", Want: mappings.Diagnosis{Code: "noa", Aetiology: "post-radiotherapy", Provisional: true}, How: mappings.Mapped},
		{Name: "drug therapy", Code: "N46.021", Want: mappings.Diagnosis{Code: "noa", Aetiology: "post-chemotherapy", Provisional: true, Review: true}, How: mappings.Mapped},
		{Name: "an obstruction is never NOA", Code: "N46.023", Want: mappings.Diagnosis{Code: "oa"}, How: mappings.Mapped},
		{Name: "unspecified", Code: "N46.9", Want: mappings.Diagnosis{SNOMED: "2904007"}, How: mappings.Mapped},
		{Name: "Klinefelter", Code: "Q98.0", Texts: []string{"Klinefelter syndrome karyotype 47, XXY"}, Want: mappings.Diagnosis{Aetiology: "klinefelter-47xxy", SNOMED: "405769009"}, How: mappings.Mapped},
		{Name: "unknown", Code: "J45.9", How: mappings.Unmapped},
		{Name: "the mistranslation", Code: "A81.00", Texts: []string{"Creutzfeldt-Jakob syndrome (47,XXY)"}, Want: mappings.Diagnosis{Aetiology: "klinefelter-47xxy", Provisional: true, Review: true}, How: mappings.Held},
		{Name: "the prion disease", Code: "A81.00", Want: mappings.Diagnosis{Provisional: true, Review: true}, How: mappings.Held},
		{Name: "the mistranslation under a harmless code", Code: "N46.01", Texts: []string{"azoospermia with CREUTZFELDT syndrome"}, Want: mappings.Diagnosis{Provisional: true, Review: true}, How: mappings.Held},
		{Name: "short", Code: "N46.9", Texts: []string{"CJD, 47,XXY"}, Want: mappings.Diagnosis{Aetiology: "klinefelter-47xxy", Provisional: true, Review: true}, How: mappings.Held},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			if got, how := mappings.DiagnosisOf(test.Code, test.Texts...); got != test.Want || how != test.How {
				t.Errorf("%s %q: %+v, %d; want %+v, %d", test.Code, test.Texts, got, how, test.Want, test.How)
			}
		})
	}
}

// TestSemenCodeOf reads the traps of public files.
func TestSemenCodeOf(t *testing.T) {
	tests := []struct{ LOINC, Want, Warning, Err string }{
		{LOINC: "9780-8", Want: "9780-8"},
		{LOINC: "10595-7", Want: "9780-8", Warning: "deprecated"},
		{LOINC: "10586-6", Want: "3160-9", Warning: "deprecated"},
		{LOINC: "10610-4", Err: "duplicate tail"},
		{LOINC: "12841-3", Err: "prostate"},
		{LOINC: "21198-7", Err: "not AMH"},
		{LOINC: "11068-0", Err: "no code of a semen analysis"}, // its check digit is wrong, too
	}
	for _, test := range tests {
		got, warning, err := mappings.SemenCodeOf(test.LOINC)
		if got.LOINC != test.Want || !strings.Contains(warning, test.Warning) || (warning == "") != (test.Warning == "") ||
			(err == nil) != (test.Err == "") || err != nil && !strings.Contains(err.Error(), test.Err) {
			t.Errorf("%s: %s, %q, %v; want %+v", test.LOINC, got.LOINC, warning, err, test)
		}
	}
}

// FuzzJudge looks for values that do not end well.
func FuzzJudge(f *testing.F) {
	for _, text := range []string{"176", "-0.0", "1e-99", "9e99", "0.000000000000000000000001", "x"} {
		f.Add("2986-8", text, "ng/dL")
	}
	f.Fuzz(func(t *testing.T, loinc, value, unit string) {
		h, ok := mappings.HormoneOf(loinc)
		if !ok {
			return
		}
		if ucum, err := h.Unit(unit); err == nil {
			res, err := h.Judge(value, ucum)
			if err != nil || len(res.Value) > 300 {
				t.Errorf("%s %s: %+v, %v", value, ucum, res, err)
			}
		}
	})
}

// TestGeneOf finds genes, of which TEX11 alone drives a rule.
func TestGeneOf(t *testing.T) {
	for id, want := range map[string]mappings.Gene{
		"HGNC:11733": {HGNC: "HGNC:11733", Symbol: "TEX11", Rule: "R02", Aetiology: "tex11"},
		"11733":      {HGNC: "HGNC:11733", Symbol: "TEX11", Rule: "R02", Aetiology: "tex11"},
		"HGNC:1884":  {HGNC: "HGNC:1884", Symbol: "CFTR", Suggests: "oa"},
		"HGNC:644":   {HGNC: "HGNC:644", Symbol: "AR"},
		"HGNC:1":     {},
		"":           {},
	} {
		if got, ok := mappings.GeneOf(id); got != want || ok != (want.HGNC != "") {
			t.Errorf("GeneOf(%q) = %+v, %t; want %+v", id, got, ok, want)
		}
	}
}
