package search

import (
	"bytes"

	"github.com/noafhir/noafhir/fhir"
)

// An interval is a value of a number or quantity parameter: the numbers from low
// to high, or one number.
type interval struct {
	low, high         decimal
	fromLow, fromHigh bool // the end is there; otherwise it is open
}

// point reports whether i is one number.
func (i interval) point() bool {
	return i.fromLow && i.fromHigh && i.low.compare(i.high) == 0
}

func pointOf(v fhir.Value) (interval, bool) {
	d, _, ok := parseDecimal(v.Text())
	return interval{d, d, true, true}, ok
}

// rangeOf returns the interval of a Range, whichever of its ends is called low.
func rangeOf(v fhir.Value) (interval, bool) {
	var i interval
	i.low, _, i.fromLow = parseDecimal(v.Get("low").Get("value").Text())
	i.high, _, i.fromHigh = parseDecimal(v.Get("high").Get("value").Text())
	if i.fromLow && i.fromHigh && i.low.compare(i.high) > 0 {
		i.low, i.high = i.high, i.low
	}
	return i, i.fromLow || i.fromHigh
}

// interval returns the numbers a value of a number parameter stands for.
func (el *element) interval() (interval, bool) {
	switch el.kind {
	case numberKind:
		return pointOf(el.v)
	case rangeKind:
		return rangeOf(el.v)
	}
	return interval{}, false
}

// number writes the key of a number, or those of both ends of a range.
func (w *writer) number(p *path, el *element) {
	if i, ok := el.interval(); ok {
		w.interval(p.hash, i, numberForm, lowForm, highForm, nil)
	}
}

// interval writes the keys of an interval, in the forms given, behind lead.
func (w *writer) interval(hash uint32, i interval, point, low, high byte, lead []byte) {
	if i.point() {
		w.begin(hash, point)
		w.buf = appendDecimal(append(w.buf, lead...), i.low)
		w.end()
		return
	}
	w.begin(hash, low)
	w.buf = appendEnd(append(w.buf, lead...), i.low, i.fromLow, leastEnd)
	w.end()
	w.begin(hash, high)
	w.buf = appendEnd(append(w.buf, lead...), i.high, i.fromHigh, greatestEnd)
	w.end()
}

// What open ends are in keys: before and behind every number.
const (
	leastEnd    = 0
	greatestEnd = 4
)

func appendEnd(dst []byte, d decimal, given bool, open byte) []byte {
	if given {
		return appendDecimal(dst, d)
	}
	return append(dst, open)
}

// A numberValue is a number to compare with.
type numberValue struct {
	prefix    prefix
	value     decimal
	low, high decimal // what counts as the same: from low up to but not including high
}

// parseNumber reads the value of a number parameter.
func parseNumber(_ *Param, text string, _ *Options) (comparison, error) {
	return parseComparison(text)
}

func parseComparison(text string) (*numberValue, error) {
	p, text := cutPrefix(text)
	d, ulp, ok := parseDecimal(text)
	if !ok || len(text) > 64 {
		return nil, invalid("%q is no number", clip(text))
	}
	n := &numberValue{prefix: p, value: d}
	n.low, n.high = d.around(ulp)
	if p == ap {
		n.low, n.high = d.about()
	}
	return n, nil
}

func (n *numberValue) matches(el *element) bool {
	i, ok := el.interval()
	return ok && n.holds(i)
}

// holds compares as https://hl7.org/fhir/R4/search.html#prefix has it: eq and ne
// by the digits typed, the others with the number itself, and ap with a tenth to
// either side.
func (n *numberValue) holds(i interval) bool {
	above := !i.fromHigh || i.high.compare(n.value) > 0
	below := !i.fromLow || i.low.compare(n.value) < 0
	same := i.point() && i.low.compare(n.value) == 0
	switch n.prefix {
	case eq:
		return n.within(i)
	case ne:
		return !n.within(i)
	case gt:
		return above
	case lt:
		return below
	case ge:
		return above || same
	case le:
		return below || same
	case sa:
		return i.fromLow && i.low.compare(n.value) > 0
	case eb:
		return i.fromHigh && i.high.compare(n.value) < 0
	case ap:
		return (!i.fromLow || i.low.compare(n.high) <= 0) && (!i.fromHigh || i.high.compare(n.low) >= 0)
	}
	panic("search: a prefix nobody knows")
}

// within reports whether an interval is within what counts as the same.
func (n *numberValue) within(i interval) bool {
	return i.fromLow && i.fromHigh && i.low.compare(n.low) >= 0 && i.high.compare(n.high) < 0
}

func (n *numberValue) ranges(r *ranger, b branch) {
	n.add(r, numberForms{numberForm, lowForm, highForm, nil}, b.path.kinds.has(rangeKind))
}

// numberForms are the forms of the keys of numbers, and what stands before the
// number in them.
type numberForms struct {
	point, low, high byte
	lead             []byte
}

// add adds the ranges of a comparison. Bounded says that there may be intervals
// with both ends.
func (n *numberValue) add(r *ranger, f numberForms, bounded bool) {
	at := func(d decimal) []byte { return appendDecimal(bytes.Clone(f.lead), d) }
	behind := func(d decimal) []byte { return append(at(d), 0) }
	first, last := f.lead, append(bytes.Clone(f.lead), greatestEnd+1)
	below := func() { r.span(f.low, first, at(n.value)) }
	above := func() { r.span(f.high, behind(n.value), last) }
	switch n.prefix {
	case eq:
		r.span(f.point, at(n.low), at(n.high))
		if bounded {
			r.span(f.low, at(n.low), at(n.high))
			r.inexact = true
		}
	case ne:
		r.span(f.point, first, at(n.low))
		r.span(f.point, at(n.high), last)
		r.span(f.low, first, at(n.low))
		r.span(f.high, at(n.high), last)
	case gt:
		r.span(f.point, behind(n.value), last)
		above()
	case lt:
		r.span(f.point, first, at(n.value))
		below()
	case ge:
		r.span(f.point, at(n.value), last)
		above()
	case le:
		r.span(f.point, first, behind(n.value))
		below()
	case sa:
		r.span(f.point, behind(n.value), last)
		r.span(f.low, behind(n.value), last)
	case eb:
		r.span(f.point, first, at(n.value))
		r.span(f.high, first, at(n.value))
	case ap:
		r.span(f.point, at(n.low), behind(n.high))
		r.span(f.low, first, behind(n.high))
		r.inexact = true
	default:
		panic("search: a prefix nobody knows")
	}
}
