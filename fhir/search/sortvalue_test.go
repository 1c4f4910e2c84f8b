package search

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// TestSortForms holds that the keys of a resource tell what it is sorted by: of
// random resources of every type, by every parameter.
func TestSortForms(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	m := maker{reg, rand.New(rand.NewPCG(7, 7))}
	valued := 0
	for _, typ := range reg.names {
		for range 10 {
			r := m.resource(t, typ)
			entries := reg.Index(r)
			for _, p := range reg.Params(typ) {
				forms := p.SortForms()
				if !p.Sortable() || forms == nil || anyIn(entries, p.UntypedTargets()) {
					continue
				}
				for _, descending := range []bool{false, true} {
					want := p.SortValue(r, descending)
					if got := bestValue(entries.Keys, forms, descending); !bytes.Equal(got, want) {
						t.Errorf("by %s, descending %t, the keys say %q, the resource %q: %s", p.Code, descending, got, want, r.JSON())
					}
					if want != nil {
						valued++
					}
				}
			}
		}
	}
	if valued < 10_000 {
		t.Errorf("only %d values were compared", valued)
	}
}

// bestValue returns the value to sort by among keys, and sees that [SortForm.Seek]
// finds each.
func bestValue(keys [][]byte, forms []SortForm, descending bool) []byte {
	var best []byte
	for i := range forms {
		f := &forms[i]
		for _, k := range keys {
			if !f.Contains(k) {
				continue
			}
			v := f.AppendValue(nil, k)
			if at := f.Seek(v); bytes.Compare(at, k) > 0 {
				return []byte("sought behind its key")
			}
			if c := bytes.Compare(v, best); best == nil || c < 0 && !descending || c > 0 && descending {
				best = v
			}
		}
	}
	return best
}

func TestFirstOfClinicalDate(t *testing.T) {
	for _, ms := range []int64{-1, 0, 1, 999, 1000, 1709207999999} {
		first := FirstOfClinicalDate(ms)
		if got := ClinicalDateOf(first); got != ms {
			t.Errorf("the first value of %d ms is of %d ms", ms, got)
		}
		if next := FirstOfClinicalDate(ms + 1); bytes.Compare(first, next) >= 0 {
			t.Errorf("of %d ms and the next, the first values are %x and %x", ms, first, next)
		}
	}
}
