package search

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

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

// quantity writes the keys of a quantity: of its value alone, and of its value
// in its unit, by code and as written.
func (w *writer) quantity(p *path, el *element) {
	m, ok := el.measure()
	if !ok {
		return
	}
	w.interval(p.hash, m.interval, numberForm, lowForm, highForm, nil)
	if w.pair != nil {
		return
	}
	var buf [hashSize]byte
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
	return &quantityValue{*n, f[1], f[2]}, nil
}

func (q *quantityValue) matches(el *element) bool {
	m, ok := el.measure()
	if !ok || !q.holds(m.interval) {
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
	if q.code == "" || r.pair {
		q.add(r, numberForms{numberForm, lowForm, highForm, nil}, bounded)
		r.inexact = r.inexact || q.code != ""
		return
	}
	q.add(r, numberForms{unitForm, unitLowForm, unitHighForm, appendUnit(nil, q.code)}, bounded)
	r.inexact = r.inexact || q.system != ""
}
