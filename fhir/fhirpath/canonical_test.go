package fhirpath

import "testing"

func TestCanonicalUnit(t *testing.T) {
	for _, row := range []struct{ code, unit, factor string }{
		{"g", "g", "1"},
		{"ug/L", "g.m-3", "1/1000"},
		{"ng/dL", "g.m-3", "1/100000"},
		{"mmol/L", "m-3.mol", "1"},
		{"umol/dL", "m-3.mol", "1/100"},
		{"meq/L", "eq.m-3", "1"},
		{"mosm/kg", "g-1.osm", "1/1000000"},
		{"U/L", "m-3.mol.s-1", "1/60000"},
		{"nkat/L", "m-3.mol.s-1", "1/1000000"},
		{"[iU]/mL", "[iU].m-3", "1000000"},
		{"m[iU]/L", "[iU].m-3", "1"},
		{"mm[Hg]", "g.m-1.s-2", "133322"},
		{"10*3/uL", "m-3", "1000000000000"},
		{"{cells}/uL", "m-3", "1000000000"},
		{"/min", "s-1", "1/60"},
		{"{beats}/min", "s-1", "1/60"},
		{"mL/min", "m3.s-1", "1/60000000"},
		{"mL/(min.kg)", "g-1.m3.s-1", ""},
		{"mg{creat}/d", "g.s-1", ""},
		{"%", "1", "1/100"},
		{"kg/m2", "g.m-2", "1000"},
		{"lx", "cd.m-2.rad2", ""},
		{"mV", "C-1.g.m2.s-2", ""},
		{"[ppm]", "1", "1/1000000"},
		{"{INR}", "1", "1"},
		{"Cel", "Cel", "1"},
		{"[pH]", "[pH]", "1"},
		{"tablets", "", ""},
		{"mg/", "", ""},
		{"", "", ""},
		{"(((((((((((g", "", ""},
		{"{", "", ""},
	} {
		unit, factor, ok := CanonicalUnit(row.code)
		if unit != row.unit || ok != (row.unit != "") || row.factor != "" && factor.RatString() != row.factor {
			t.Errorf("%q is %v %q, want %s %q", row.code, factor, unit, row.factor, row.unit)
		}
	}
}

func FuzzCanonicalUnit(f *testing.F) {
	for _, s := range []string{"mg/dL", "mL/(min.kg)", "{a}/b", "10*3", "m[H2O]", "g2.m-3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, code string) {
		unit, factor, ok := CanonicalUnit(code)
		if !ok {
			return
		}
		if again, one, ok := CanonicalUnit(unit); !ok || again != unit || one.RatString() != "1" || factor.Sign() <= 0 {
			t.Errorf("%q is %s %q, which is %v %q", code, factor, unit, one, again)
		}
	})
}
