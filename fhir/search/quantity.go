package search

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// ucumSystem is the code system of the units of UCUM.
const ucumSystem = "http://unitsofmeasure.org"

// currencySystem is the code system of the currencies of Money.
const currencySystem = "urn:iso:std:iso:4217"

// A measure is what a quantity parameter compares with.
type measure struct {
	interval
	system, code, unit string
}

// measure returns the measure a value is. A comparator makes it an interval that
// is open on a side: <5 is everything up to 5.
// See https://hl7.org/fhir/R4/search.html#quantity.
func (el *element) measure() (m measure, ok bool) {
	switch el.kind {
	case quantityKind:
		m.units(el.v)
		m.interval, ok = pointOf(el.v.Get("value"))
		switch comparator := el.v.Get("comparator").Text(); {
		case strings.HasPrefix(comparator, "<"):
			m.fromLow = false
		case strings.HasPrefix(comparator, ">"):
			m.fromHigh = false
		}
	case moneyKind:
		m.system, m.code = currencySystem, el.v.Get("currency").Text()
		m.interval, ok = pointOf(el.v.Get("value"))
	case rangeKind:
		m.interval, ok = rangeOf(el.v)
		end := el.v.Get("low")
		if !end.Exists() {
			end = el.v.Get("high")
		}
		m.units(end)
	}
	return m, ok
}

// units reads the unit of a Quantity.
func (m *measure) units(v fhir.Value) {
	for c := v.First(); c.Exists(); c = c.Next(v) {
		switch c.Key() {
		case "system":
			m.system = c.Text()
		case "code":
			m.code = c.Text()
		case "unit":
			m.unit = c.Text()
		}
	}
}

// canonical returns the interval in the unit that all units of UCUM for the same
// are brought to.
func (m *measure) canonical() (unit string, i interval, ok bool) {
	if m.system != ucumSystem {
		return "", i, false
	}
	unit, factor, ok := fhirpath.CanonicalUnit(m.code)
	if !ok {
		return "", i, false
	}
	i = m.interval
	if i.fromLow {
		i.low = i.low.times(factor)
	}
	if i.fromHigh {
		i.high = i.high.times(factor)
	}
	return unit, i, true
}

// quantity writes the keys of a quantity: of its value alone and in the canonical
// unit, and outside of composites of its value in its unit, by code and as written.
func (w *writer) quantity(p *path, el *element) {
	m, ok := el.measure()
	if !ok {
		return
	}
	var buf [hashSize]byte
	w.interval(p.hash, m.interval, numberForm, lowForm, highForm, nil)
	if unit, i, ok := m.canonical(); ok {
		w.interval(p.hash, i, canonicalForm, canonicalLowForm, canonicalHighForm, appendUnit(buf[:0], unit))
	}
	if w.pair != nil {
		return
	}
	if m.code != "" {
		w.interval(p.hash, m.interval, unitForm, unitLowForm, unitHighForm, appendUnit(buf[:0], m.code))
	}
	if m.unit != "" && m.unit != m.code {
		w.interval(p.hash, m.interval, unitForm, unitLowForm, unitHighForm, appendUnit(buf[:0], m.unit))
	}
}

// appendUnit appends what stands for a unit in keys.
func appendUnit(dst []byte, unit string) []byte {
	return appendHash(dst, unit)[:len(dst)+6]
}

// A quantityValue is a number to compare with, and a unit.
type quantityValue struct {
	numberValue
	system, code string // code: of the system, or if there is none also the unit as written; empty: any unit

	canonical string      // the canonical unit, if system is UCUM and code has one
	converted numberValue // the same in that unit
}

// parseQuantity reads number, number|system|code or number||code.
func parseQuantity(_ *Param, text string, _ *Options) (comparison, error) {
	f, err := fields(text, '|')
	if err != nil {
		return nil, err
	}
	n, err := parseComparison(f[0])
	if err != nil {
		return nil, err
	}
	switch {
	case len(f) == 1:
		return &quantityValue{numberValue: *n}, nil
	case len(f) != 3 || f[2] == "":
		return nil, invalid("a quantity is written number, number|system|code or number||unit")
	}
	q := &quantityValue{numberValue: *n, system: f[1], code: f[2]}
	q.convert()
	return q, nil
}

// convert brings a value in a unit of UCUM to the canonical unit. What counts as
// the same stays what was typed.
func (q *quantityValue) convert() {
	if q.system != ucumSystem {
		return
	}
	unit, factor, ok := fhirpath.CanonicalUnit(q.code)
	if !ok {
		return
	}
	q.canonical = unit
	n := q.numberValue
	q.converted = numberValue{n.prefix, n.value.times(factor), n.low.times(factor), n.high.times(factor)}
}

func (q *quantityValue) matches(el *element) bool {
	m, ok := el.measure()
	if !ok {
		return false
	}
	if q.canonical != "" {
		unit, i, ok := m.canonical()
		return ok && unit == q.canonical && q.converted.holds(i)
	}
	if !q.holds(m.interval) {
		return false
	}
	switch {
	case q.code == "":
		return true
	case q.system != "":
		return q.system == m.system && q.code == m.code
	}
	return q.code == m.code || q.code == m.unit
}

func (q *quantityValue) ranges(r *ranger, b branch) {
	bounded := b.path.kinds.has(rangeKind)
	if q.canonical != "" {
		q.converted.add(r, numberForms{canonicalForm, canonicalLowForm, canonicalHighForm, appendUnit(nil, q.canonical)}, bounded)
		return
	}
	if q.code == "" || r.pair {
		q.add(r, numberForms{numberForm, lowForm, highForm, nil}, bounded)
		r.inexact = r.inexact || q.code != ""
		return
	}
	q.add(r, numberForms{unitForm, unitLowForm, unitHighForm, appendUnit(nil, q.code)}, bounded)
	r.inexact = r.inexact || q.system != ""
}
