package search

import (
	"bytes"
	"math/big"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// Sort values of what is asked for in a unit
//
// Quantities in a unit of UCUM are found by their number in the canonical unit, and
// sorted by their number in their own. With the units that there are known, bounds in
// the canonical unit can be given in each of them, in which keys are in order.

// UnitLead is how many bytes stand before the number in keys of a unit.
const UnitLead = 5 + 6

// UnitRuns returns the keys of values of p in a unit. Those of one unit share their
// first 11 bytes.
func (p *Param) UnitRuns() []KeyRange {
	var all []KeyRange
	for _, b := range p.branches {
		for _, form := range []byte{unitForm, unitLowForm} {
			all = append(all, b.path.sortForm(form).KeyRange)
		}
	}
	return all
}

// UnitOf returns the unit of a value of p in r whose keys begin with those 11 bytes,
// the code or what is written; empty if there is none.
func (p *Param) UnitOf(r *fhir.Resource, lead []byte) string {
	found := ""
	p.any(r, func(el *element) bool {
		m, ok := el.measure()
		for _, unit := range []string{m.code, m.unit} {
			if ok && unit != "" && bytes.Equal(appendUnit(nil, unit), lead[len(lead)-6:]) {
				found = unit
			}
		}
		return found != ""
	})
	return found
}

// NarrowUnits returns the parts of the keys in units that have the sort values of all
// resources that match c, where p is what c compares in units of UCUM and these are all
// units that there are. It is false if that is not known. Other parts are those of
// other clauses, nil if there are none.
func (p *Param) NarrowUnits(c *Clause, units []string, other []SortForm) ([]SortForm, bool) {
	if c.Param != p || c.Modifier != "" || len(c.Values) == 0 || !p.single() {
		return nil, false
	}
	var ranges []KeyRange
	for i := range c.Values {
		q, ok := c.Values[i].comparison.(*quantityValue)
		if !ok || q.canonical == "" || q.prefix == ne {
			return nil, false
		}
		for _, unit := range units {
			canonical, factor, ok := fhirpath.CanonicalUnit(unit)
			if !ok || canonical != q.canonical {
				continue
			}
			n := q.converted.inUnit(factor)
			for _, b := range p.branches {
				r := newRanger(b.path)
				n.add(r, numberForms{unitForm, unitLowForm, unitHighForm, appendUnit(nil, unit)}, b.path.kinds.has(rangeKind))
				ranges = append(ranges, r.out...)
			}
		}
	}
	for i := range ranges {
		if ranges[i].Low[4] == unitHighForm { // sorted by the other end, which may be anywhere
			low := bytes.Clone(ranges[i].Low[:UnitLead])
			low[4] = unitLowForm
			ranges[i] = KeyRange{Low: low, High: after(low)}
		}
	}
	ranges = Union(ranges)
	if len(ranges) > 2*maxNarrow {
		return nil, false
	}
	narrow := []SortForm{}
	for _, r := range ranges {
		whole := SortForm{KeyRange: KeyRange{Low: r.Low, High: r.end()}, lead: UnitLead}
		if other == nil {
			narrow = append(narrow, whole)
		}
		for i := range other {
			if part, ok := whole.cut(other[i].Low, other[i].High); ok {
				narrow = append(narrow, part)
			}
		}
	}
	return narrow, true
}

// inUnit returns a comparison, divided by a factor, that holds for all that n, whose
// numbers are canonical, holds for. As these are cut to 32 digits, it is a little wider;
// but what is beyond a number stays beyond it where that can be divided exactly.
func (n *numberValue) inUnit(factor *big.Rat) *numberValue {
	inverse := new(big.Rat).Inv(factor)
	wide, value := *n, n.value.times(inverse)
	exact := value.times(factor).compare(n.value) == 0
	least, greatest := value.loose()
	switch n.prefix {
	case gt, lt, sa, eb:
		wide.value = value
		if !exact && (n.prefix == gt || n.prefix == sa) {
			wide.value = least
		} else if !exact {
			wide.value = greatest
		}
	case ge:
		wide.value = least
	case le:
		wide.value = greatest
	}
	wide.low, _ = n.low.times(inverse).loose()
	_, wide.high = n.high.times(inverse).loose()
	return &wide
}

// loose returns numbers a little below and above d, by far more than the digits cut
// off by times.
func (d decimal) loose() (low, high decimal) {
	if d.digits == "" {
		return d, d
	}
	m, exp := d.mantissa(d.exp - canonicalDigits)
	slack := big.NewInt(100_000)
	return scaled(new(big.Int).Sub(m, slack), exp), scaled(new(big.Int).Add(m, slack), exp)
}
