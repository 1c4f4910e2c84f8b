package search

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// TestNarrow holds that an order narrowed to ranges of keys still has the sort value
// of each resource with a key in them: of random resources of every type, by every
// parameter, and ranges around their keys.
func TestNarrow(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	m := maker{reg, rand.New(rand.NewPCG(8, 8))}
	narrowed, cut := 0, 0
	for _, typ := range reg.names {
		for range 10 {
			keys := reg.Index(m.resource(t, typ)).Keys
			for _, p := range reg.Params(typ) {
				forms := p.SortForms()
				if !p.Sortable() || forms == nil || bestValue(keys, forms, false) == nil {
					continue
				}
				own := slices.DeleteFunc(slices.Clone(keys), func(k []byte) bool {
					return !slices.ContainsFunc(forms, func(f SortForm) bool { return bytes.HasPrefix(k, f.Low[:4]) })
				})
				for _, descending := range []bool{false, true} {
					best := bestValue(keys, forms, descending)
					within := forms
					for range 2 {
						ranges := m.around(own[m.IntN(len(own))])
						narrow, ok, err := p.Narrow(within, ranges, descending, func(r []KeyRange) (bool, error) { return anyIn(&Entries{Keys: keys}, r), nil })
						if err != nil {
							t.Fatal(err)
						}
						if !ok {
							continue
						}
						narrowed++
						if within = narrow; !bytes.Equal(bestValue(keys, within, descending), best) {
							t.Fatalf("%s by %s, descending %t: %x is not within %v for %x", typ, p.Code, descending, best, within, ranges)
						}
						if len(within) < len(forms) || !bytes.Equal(within[0].Low, forms[0].Low) || !bytes.Equal(within[0].High, forms[0].High) {
							cut++
						}
					}
				}
			}
		}
	}
	if cut < 1000 {
		t.Errorf("of %d orders only %d were narrowed", narrowed, cut)
	}
}

// around returns a range with a key of which it shares the beginning.
func (m maker) around(key []byte) []KeyRange {
	head := func() []byte {
		return append(bytes.Clone(key[:min(5, len(key))]), key[min(5, len(key)):min(len(key), 5+m.IntN(1+max(0, len(key)-5)))]...)
	}
	switch m.IntN(4) {
	case 0:
		return []KeyRange{{Low: key}}
	case 1:
		return []KeyRange{{Low: key, High: after(head())}}
	case 2:
		return []KeyRange{{Low: head(), High: append(bytes.Clone(key), 0)}}
	}
	return []KeyRange{{Low: head(), High: after(head())}}
}

// TestSingle checks which parameters are known to have one value a resource.
func TestSingle(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		typ, code string
		want      bool
	}{
		{"Patient", "birthdate", true},
		{"Patient", "family", false},
		{"Observation", "value-quantity", true},
		{"Observation", "component-value-quantity", false},
		{"Observation", "combo-value-quantity", false},
		{"Observation", "date", true},
		{"RiskAssessment", "probability", false},
		{"ValueSet", "title", true},
	} {
		p, ok := reg.Lookup(test.typ, test.code)
		if !ok {
			t.Fatalf("there is no %s of %s", test.code, test.typ)
		}
		if got := p.single(); got != test.want {
			t.Errorf("%s of %s has one value a resource: %t", test.code, test.typ, got)
		}
	}
}
