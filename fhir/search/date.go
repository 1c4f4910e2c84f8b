package search

import (
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// epoch is the second that keys count from: the start of the year 0, in seconds
// before 1970.
const epoch = 62167219200

const day = 24 * 60 * 60

// A moment is an instant: seconds since the year 0, and nanoseconds.
type moment struct {
	seconds int64
	nanos   int32
}

// The ends of time, for intervals that are open on a side.
var (
	always = moment{-1 << 62, 0}
	never  = moment{1 << 62, 0}
)

func momentOf(t time.Time) moment { return moment{t.Unix() + epoch, int32(t.Nanosecond())} }

func (m moment) time() time.Time { return time.Unix(m.seconds-epoch, int64(m.nanos)).UTC() }

func (m moment) before(o moment) bool {
	return m.seconds < o.seconds || m.seconds == o.seconds && m.nanos < o.nanos
}

// milliseconds returns m as milliseconds since 1970.
func (m moment) milliseconds() int64 { return (m.seconds-epoch)*1000 + int64(m.nanos)/1_000_000 }

// A span is a value of a date parameter: the time from begin up to but not
// including end. Form says which of the date forms its key has.
type span struct {
	begin, end moment
	form       byte
}

// precisionForms maps the precision of a date to the form of its key.
var precisionForms = [...]byte{
	fhir.Year: yearForm, fhir.Month: monthForm, fhir.Day: dayForm,
	fhir.Minute: intervalForm, fhir.Second: secondForm, fhir.Fraction: instantForm,
}

// dateSpan reads a date, dateTime or instant. Without a zone it is in UTC. With a
// fraction of a second it is a point in time, whatever the number of digits.
func dateSpan(text string) (span, bool) {
	d, ok := fhir.ParseDate(text)
	if !ok {
		return span{}, false
	}
	if d.Precision == fhir.Fraction {
		d.End = d.Start.Add(1)
	}
	return span{momentOf(d.Start), momentOf(d.End), precisionForms[d.Precision]}, true
}

// span returns the time a value takes. Periods may be open on a side, but not on
// both; of a Timing only the outer limits count.
// See https://hl7.org/fhir/R4/search.html#date.
func (el *element) span() (span, bool) {
	switch el.kind {
	case dateKind, dateTimeKind, instantKind:
		return dateSpan(el.v.Text())
	case periodKind:
		return periodSpan(el.v)
	case timingKind:
		return timingSpan(el.v)
	}
	return span{}, false
}

func periodSpan(v fhir.Value) (span, bool) {
	begin, ok1 := dateSpan(v.Get("start").Text())
	end, ok2 := dateSpan(v.Get("end").Text())
	s := span{begin.begin, end.end, intervalForm}
	if !ok1 {
		s.begin = always
	}
	if !ok2 {
		s.end = never
	}
	return s.ordered(), ok1 || ok2
}

// ordered makes a period that ends before it begins a moment long.
func (s span) ordered() span {
	if !s.begin.before(s.end) {
		s.end = moment{s.begin.seconds, s.begin.nanos + 1}
	}
	return s
}

func timingSpan(v fhir.Value) (span, bool) {
	s, some := periodSpan(v.Get("repeat").Get("boundsPeriod"))
	for e := range v.Get("event").Items {
		event, ok := dateSpan(e.Text())
		switch {
		case !ok:
		case !some:
			s, some = event, true
		default:
			if event.begin.before(s.begin) {
				s.begin = event.begin
			}
			if s.end.before(event.end) {
				s.end = event.end
			}
		}
	}
	s.form = intervalForm
	return s, some
}

// date writes the key of a date: its begin, under a form that tells its length;
// of intervals of any length begin and end.
func (w *writer) date(p *path, el *element) {
	s, ok := el.span()
	if !ok {
		return
	}
	w.begin(p.hash, s.form)
	w.buf = appendMoment(w.buf, s.form, s.begin)
	w.end()
	if s.form == intervalForm {
		w.begin(p.hash, endForm)
		w.buf = appendMoment(w.buf, endForm, s.end)
		w.end()
	}
}

// appendMoment appends a moment as it stands in keys of a form. What the form
// leaves out must be zero.
func appendMoment(dst []byte, form byte, m moment) []byte {
	switch form {
	case yearForm, monthForm, dayForm:
		d := max(m.seconds/day, 0)
		return append(dst, byte(d>>16), byte(d>>8), byte(d))
	}
	s := min(max(m.seconds, 0), 1<<40-1)
	dst = append(dst, byte(s>>32), byte(s>>24), byte(s>>16), byte(s>>8), byte(s))
	if form == secondForm {
		return dst
	}
	return append(dst, byte(m.nanos>>24), byte(m.nanos>>16), byte(m.nanos>>8), byte(m.nanos))
}

// floor returns the last moment not after m at which a span of a form can begin.
func (m moment) floor(form byte) moment {
	switch form {
	case secondForm:
		return moment{m.seconds, 0}
	case dayForm:
		return moment{m.seconds - m.seconds%day, 0}
	case yearForm, monthForm:
		t := time.Unix(m.seconds-epoch, 0).UTC()
		month := t.Month()
		if form == yearForm {
			month = time.January
		}
		return momentOf(time.Date(t.Year(), month, 1, 0, 0, 0, 0, time.UTC))
	}
	return m
}

// ceil returns the first whole day or second, as a form counts, not before m.
func (m moment) ceil(form byte) moment {
	switch form {
	case yearForm, monthForm, dayForm:
		if m.nanos > 0 || m.seconds%day > 0 {
			return moment{m.seconds - m.seconds%day + day, 0}
		}
	case secondForm:
		if m.nanos > 0 {
			return moment{m.seconds + 1, 0}
		}
	}
	return m
}

// formsOf lists the forms that values of a kind have.
var formsOf = map[kind]string{
	dateKind:     string([]byte{yearForm, monthForm, dayForm}),
	dateTimeKind: string([]byte{yearForm, monthForm, dayForm, secondForm, instantForm}),
	instantKind:  string([]byte{secondForm, instantForm}),
	periodKind:   string(rune(intervalForm)),
	timingKind:   string(rune(intervalForm)),
}

// dateForms returns the forms that keys of a path can have.
func dateForms(kinds kindSet) string {
	var forms string
	for _, k := range []kind{dateTimeKind, dateKind, instantKind, periodKind, timingKind} {
		if !kinds.has(k) {
			continue
		}
		for _, f := range formsOf[k] {
			if !strings.ContainsRune(forms, f) {
				forms += string(f)
			}
		}
	}
	return forms
}

// A dateValue is a time to compare with: the implicit range of what was typed.
type dateValue struct {
	prefix prefix
	span   span
}

// parseDate reads the value of a date parameter.
func parseDate(_ *Param, text string, o *Options) (comparison, error) {
	p, text := cutPrefix(text)
	d, ok := fhir.ParseDate(text)
	if !ok {
		return nil, invalid("%q is no date; dates are written 2024, 2024-05, 2024-05-06 or 2024-05-06T07:08:09Z", clip(text))
	}
	v := &dateValue{prefix: p}
	if p == ap {
		gap := o.now().Sub(d.Start).Abs() / 10
		d.Start, d.End = d.Start.Add(-gap), d.End.Add(gap)
	}
	v.span = span{begin: momentOf(d.Start), end: momentOf(d.End)}
	return v, nil
}

// parseOverlap reads a time that values have to overlap with.
func parseOverlap(p *Param, text string, o *Options) (comparison, error) {
	v, err := parseDate(p, "eq"+text, o)
	if err != nil {
		return nil, err
	}
	v.(*dateValue).prefix = overlaps
	return v, nil
}

// within reports whether a span is within what was asked for.
func (d *dateValue) within(s span) bool {
	return !s.begin.before(d.span.begin) && !d.span.end.before(s.end)
}

func (d *dateValue) matches(el *element) bool {
	s, ok := el.span()
	return ok && d.holds(s)
}

// holds compares as https://hl7.org/fhir/R4/search.html#prefix has it.
func (d *dateValue) holds(s span) bool {
	above, below := d.span.end.before(s.end), s.begin.before(d.span.begin)
	switch d.prefix {
	case eq:
		return d.within(s)
	case ne:
		return !d.within(s)
	case gt:
		return above
	case lt:
		return below
	case ge:
		return above || d.within(s)
	case le:
		return below || d.within(s)
	case sa:
		return !s.begin.before(d.span.end)
	case eb:
		return !d.span.begin.before(s.end)
	case ap, overlaps:
		return s.begin.before(d.span.end) && d.span.begin.before(s.end)
	}
	panic("search: a prefix nobody knows")
}

func (d *dateValue) ranges(r *ranger, b branch) {
	for _, form := range dateForms(b.path.kinds) {
		if form == intervalForm {
			d.intervalRanges(r)
		} else {
			d.formRanges(r, byte(form))
		}
	}
}

// formRanges adds the ranges for spans whose length the form tells. They begin
// at whole units only, so that each comparison is one with their begin.
func (d *dateValue) formRanges(r *ranger, form byte) {
	at := func(m moment) []byte { return appendMoment(nil, form, m) }
	first, last := d.span.begin.ceil(form), d.span.end.floor(form) // within: first <= begin < last
	switch d.prefix {
	case eq:
		r.span(form, at(first), at(last))
	case ne:
		r.span(form, nil, at(first))
		if last.before(first) {
			last = first
		}
		r.span(form, at(last), nil)
	case gt:
		r.span(form, at(last), nil)
	case lt:
		r.span(form, nil, at(first))
	case ge:
		if last.before(first) {
			first = last
		}
		r.span(form, at(first), nil)
	case le:
		if first.before(last) {
			first = last
		}
		r.span(form, nil, at(first))
	case sa:
		r.span(form, at(d.span.end.ceil(form)), nil)
	case eb:
		r.span(form, nil, at(d.span.begin.floor(form)))
	case ap, overlaps:
		r.span(form, at(d.span.begin.floor(form)), at(d.span.end.ceil(form)))
	default:
		panic("search: a prefix nobody knows")
	}
}

// intervalRanges adds the ranges for intervals, of which begin and end have a
// key each.
func (d *dateValue) intervalRanges(r *ranger) {
	begin, end := appendMoment(nil, intervalForm, d.span.begin), appendMoment(nil, intervalForm, d.span.end)
	next := func(key []byte) []byte { return append(key[:len(key):len(key)], 0) }
	below := func() { r.span(intervalForm, nil, begin) }
	above := func() { r.span(endForm, next(end), nil) }
	switch d.prefix {
	case eq:
		r.span(intervalForm, begin, end)
		r.inexact = true
	case ne:
		below()
		above()
	case gt:
		above()
	case lt:
		below()
	case ge:
		above()
		r.span(intervalForm, begin, end)
	case le:
		below()
		r.span(endForm, next(begin), next(end))
	case sa:
		r.span(intervalForm, end, nil)
	case eb:
		r.span(endForm, nil, next(begin))
	case ap, overlaps:
		r.span(intervalForm, nil, end)
		r.inexact = true
	default:
		panic("search: a prefix nobody knows")
	}
}
