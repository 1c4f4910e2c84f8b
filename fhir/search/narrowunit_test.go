package search

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// TestNarrowUnits holds that an order narrowed by units has the sort value of each
// match, and little of what does not match.
func TestNarrowUnits(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := reg.Lookup("Observation", "value-quantity")
	rnd := rand.New(rand.NewPCG(9, 9))
	units := []string{"ug/L", "ng/dL", "g/L", "pg/mL", "[lb_av]/L", "nmol/L", "mg"}
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	number := func() string {
		return pick(fmt.Sprint(rnd.IntN(20)-4), fmt.Sprintf("%.2f", rnd.Float64()*1000), fmt.Sprintf("%.1fe-%d", rnd.Float64(), rnd.IntN(12)))
	}
	matched, spared := 0, 0
	for range 20_000 {
		unit := pick(units...)
		text := fmt.Sprintf(`{"resourceType":"Observation","status":"final","code":{"text":"t"},"valueQuantity":{"value":%s%s,
			"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}}`, number(), pick("", "", `,"comparator":"<"`, `,"comparator":">="`), pick(unit, "u"), unit)
		r, err := reg.Codec.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		keys := reg.Index(r).Keys
		if lead := leadOf(keys, p, unit); p.UnitOf(r, lead) != unit {
			t.Fatalf("the unit of %x is %q, not %q", lead, p.UnitOf(r, lead), unit)
		}
		var narrow []SortForm
		matches := true
		for range 1 + rnd.IntN(2) {
			value := pick("eq", "gt", "lt", "ge", "le", "sa", "eb", "ap") + number() + "|http://unitsofmeasure.org|" + pick(units...)
			q, err := Parse(reg, "Observation", [][2]string{{"value-quantity", value}}, Options{DefaultCount: 20})
			if err != nil {
				t.Fatal(err)
			}
			var ok bool
			if narrow, ok = p.NarrowUnits(&q.Where[0], units, narrow); !ok {
				t.Fatalf("%s is not narrowed", value)
			}
			matches = matches && q.Where[0].Matches(r)
		}
		best := bestValue(keys, narrow, false)
		switch {
		case matches:
			matched++
			if want := bestValue(keys, p.SortForms(), false); !bytes.Equal(best, want) {
				t.Fatalf("%s, which matches, is sorted by %x, but within %v by %x", text, want, narrow, best)
			}
		case best == nil:
			spared++
		}
	}
	if matched < 2000 || spared < 8000 {
		t.Errorf("%d matched, of the others %d were left out", matched, spared)
	}
}

// leadOf returns what the keys of a unit begin with.
func leadOf(keys [][]byte, p *Param, unit string) []byte {
	for _, run := range p.UnitRuns() {
		lead := appendUnit(bytes.Clone(run.Low), unit)
		if slices.ContainsFunc(keys, func(k []byte) bool { return bytes.HasPrefix(k, lead) }) {
			return lead
		}
	}
	return make([]byte, UnitLead)
}

// TestNarrowUnitsBound checks that what is no more than the bound asked for is left
// out, of which there may be many.
func TestNarrowUnitsBound(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := reg.Lookup("Observation", "value-quantity")
	for _, test := range []struct {
		value string
		want  bool
	}{
		{"gt5.72|http://unitsofmeasure.org|mL", false},
		{"gt0.00572|http://unitsofmeasure.org|L", false},
		{"lt5720|http://unitsofmeasure.org|uL", false},
		{"ge5720|http://unitsofmeasure.org|uL", true},
		{"gt5.719|http://unitsofmeasure.org|mL", true},
	} {
		q, err := Parse(reg, "Observation", [][2]string{{"value-quantity", test.value}}, Options{DefaultCount: 20})
		if err != nil {
			t.Fatal(err)
		}
		r, err := reg.Codec.ParseJSON([]byte(`{"resourceType":"Observation","status":"final","code":{"text":"t"},
			"valueQuantity":{"value":5.72,"unit":"mL","system":"http://unitsofmeasure.org","code":"mL"}}`))
		if err != nil {
			t.Fatal(err)
		}
		narrow, ok := p.NarrowUnits(&q.Where[0], []string{"mL", "L"}, nil)
		if got := bestValue(reg.Index(r).Keys, narrow, false) != nil; !ok || got != test.want {
			t.Errorf("%s: 5.72 mL is among what is gone through: %t", test.value, got)
		}
	}
}
