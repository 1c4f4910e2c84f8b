package search

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// orderedKinds are the kinds whose values can be put into order, by the type of a
// parameter.
var orderedKinds = map[fhir.ParamType]kindSet{
	fhir.NumberParam:    kindsFor[fhir.NumberParam],
	fhir.DateParam:      kindsFor[fhir.DateParam],
	fhir.StringParam:    kindsFor[fhir.StringParam],
	fhir.TokenParam:     kindsFor[fhir.TokenParam],
	fhir.ReferenceParam: kindsFor[fhir.ReferenceParam],
	fhir.QuantityParam:  kindsFor[fhir.QuantityParam],
	fhir.URIParam:       kindsFor[fhir.URIParam],
}

// Sortable reports whether results can be sorted by the parameter.
func (p *Param) Sortable() bool { return orderedKinds[p.Type] != 0 }

// SortValue returns what r is sorted by: a byte string that is compared byte by
// byte. Of several values the least counts, or with descending the greatest. Nil
// means that there is none: such resources come last.
//
// Dates count by their begin, an open one as the earliest; numbers and quantities
// by their value, whatever the unit, ranges by their low end; strings as they are
// compared, up to 48 bytes; tokens by their code, references by the type and the
// id of their target, URLs behind them. Of what is longer, 48 bytes count.
// See https://hl7.org/fhir/R4/search.html#sort.
func (p *Param) SortValue(r *fhir.Resource, descending bool) []byte {
	var best []byte
	p.any(r, func(el *element) bool {
		el.orderedValues(p.Type, func(v []byte) {
			if len(v) == 0 {
				return
			}
			if c := bytes.Compare(v, best); best == nil || c < 0 && !descending || c > 0 && descending {
				best = bytes.Clone(v)
			}
		})
		return false
	})
	return best
}

// orderedValues calls yield for each value that an element is sorted by.
func (el *element) orderedValues(t fhir.ParamType, yield func([]byte)) {
	var buf [96]byte
	switch t {
	case fhir.DateParam:
		if s, ok := el.span(); ok {
			yield(appendMoment(buf[:0], instantForm, s.begin))
		}
	case fhir.NumberParam:
		if i, ok := el.interval(); ok {
			yield(appendEnd(buf[:0], i.low, i.fromLow, leastEnd))
		}
	case fhir.QuantityParam:
		if m, ok := el.measure(); ok {
			yield(appendEnd(buf[:0], m.low, m.fromLow, leastEnd))
		}
	case fhir.StringParam:
		el.texts(func(text string) bool {
			folded := appendFolded(buf[:0], text)
			yield(folded[:min(len(folded), stringSize)])
			return true
		})
	case fhir.URIParam:
		if uri, _, ok := el.uri(); ok {
			yield(appendWhole(buf[:0], uri))
		}
	case fhir.TokenParam:
		el.codes(func(c code) bool {
			yield(appendWhole(buf[:0], c.code))
			return true
		})
	case fhir.ReferenceParam:
		if l, ok := el.link(); ok {
			yield(el.reg.appendTarget(buf[:0], l.target))
		}
	}
}

// A SortForm is a run of keys of the index that is in the order of sort values.
type SortForm struct {
	KeyRange // all of them

	lead  int  // bytes before the payload
	days  bool // the payload counts days
	whole bool // the payload counts seconds
}

// orderedForms are the forms whose order is that of the values, by type.
var orderedForms = map[fhir.ParamType]string{
	fhir.NumberParam:   string([]byte{numberForm, lowForm}),
	fhir.QuantityParam: string([]byte{numberForm, lowForm}),
	fhir.StringParam:   string(rune(stringForm)),
	fhir.URIParam:      string(rune(uriForm)),
	fhir.DateParam:     string([]byte{yearForm, monthForm, dayForm, secondForm, instantForm, intervalForm}),
}

// SortForms returns the keys that have the sort values of p in order. Each value
// is in one of them, provided there are no keys of [Param.UntypedTargets]. Nil: the
// index does not have them.
func (p *Param) SortForms() []SortForm {
	if keyless[p.Code] {
		return nil
	}
	var forms []SortForm
	for _, b := range p.branches {
		if b.path.kinds.has(extensionKind) {
			return nil
		}
		forms = append(forms, b.sortForms(p.Type)...)
	}
	return forms
}

// sortForms returns the keys that have the sort values of a branch.
func (b branch) sortForms(t fhir.ParamType) []SortForm {
	letters := orderedForms[t]
	switch t {
	case fhir.TokenParam:
		return b.path.codeForms()
	case fhir.ReferenceParam:
		f := b.path.sortForm(referenceForm)
		if b.target != "" {
			f.Low, f.High = typedTargets(f.Low, b.target)
		}
		return []SortForm{f}
	case fhir.DateParam:
		letters = dateForms(b.path.kinds)
	}
	var forms []SortForm
	for _, letter := range []byte(letters) {
		f := b.path.sortForm(letter)
		f.days = letter == yearForm || letter == monthForm || letter == dayForm
		f.whole = letter == secondForm
		forms = append(forms, f)
	}
	return forms
}

// sortForm returns the keys of one form.
func (p *path) sortForm(letter byte) SortForm {
	prefix := append(binary.BigEndian.AppendUint32(nil, p.hash), letter)
	return SortForm{KeyRange: KeyRange{Low: prefix, High: after(prefix)}, lead: len(prefix)}
}

// codeForms returns the keys that have codes in order.
func (p *path) codeForms() []SortForm {
	var forms []SortForm
	if p.bare || p.kinds.any(openKinds|bareKinds) {
		forms = append(forms, p.sortForm(codeForm))
	}
	if p.kinds.any(foldedKinds) {
		forms = append(forms, p.sortForm(foldedForm))
	}
	for _, system := range p.systems {
		f := p.sortForm(boundForm)
		f.Low = appendSystem(f.Low, system)
		f.High, f.lead = after(f.Low), len(f.Low)
		forms = append(forms, f)
	}
	return forms
}

// UntypedTargets returns the keys of references that do not tell by their text
// whether they are to a resource of the type that p is restricted to.
func (p *Param) UntypedTargets() []KeyRange {
	var all []KeyRange
	for _, b := range p.branches {
		if b.target != "" {
			low := append(binary.BigEndian.AppendUint32(nil, b.path.hash), referenceForm, untypedTarget)
			all = append(all, KeyRange{Low: low, High: after(low)})
		}
	}
	return all
}

// AppendValue appends the sort value of a key of the form.
func (f *SortForm) AppendValue(dst, key []byte) []byte {
	payload := key[f.lead:]
	switch {
	case f.days && len(payload) == 3:
		d := int64(payload[0])<<16 | int64(payload[1])<<8 | int64(payload[2])
		return appendMoment(dst, instantForm, moment{seconds: d * day})
	case f.whole:
		return append(append(dst, payload...), 0, 0, 0, 0)
	}
	return append(dst, payload...)
}

// Seek returns the first key of the form whose sort value is value, or may be the
// next one behind it.
func (f *SortForm) Seek(value []byte) []byte {
	key := slices.Clone(f.Low[:f.lead])
	if !f.days && !f.whole {
		key = append(key, value...)
		switch {
		case bytes.Compare(key, f.Low) < 0:
			return f.Low
		case bytes.Compare(key, f.High) > 0:
			return f.High
		}
		return key
	}
	if len(value) == 0 {
		return key
	}
	var full [10]byte // what is behind nine bytes only makes the value greater
	copy(full[:], value)
	m := moment{nanos: int32(binary.BigEndian.Uint32(full[5:9]))}
	for _, b := range full[:5] {
		m.seconds = m.seconds<<8 | int64(b)
	}
	if len(value) > 9 {
		m.nanos++
	}
	if f.days {
		return appendMoment(key, dayForm, m.ceil(dayForm))
	}
	return appendMoment(key, secondForm, m.ceil(secondForm))
}

// ByClinicalDate reports whether a resource that has a value in p, which must be
// a date, has no other, and one that begins at its [Entries.Date]; except that an
// open begin counts as the end there. [OpenBegin] has the keys of those.
func (p *Param) ByClinicalDate() bool {
	if p.Type != fhir.DateParam || len(p.branches) != 1 || p.reg.types[p.Base] == nil {
		return false
	}
	return p.reg.known.get(fact{p, "clinical"}, p.clinicalOnly)
}

// clinicalOnly finds out what [Param.ByClinicalDate] reports.
func (p *Param) clinicalOnly() bool {
	t := p.reg.types[p.Base].trie
	best := uint8(0)
	for i := range t.nodes {
		for _, a := range t.nodes[i].actions {
			best = max(best, a.rank)
		}
	}
	once := map[uint16]bool{} // nodes that occur once at most in a resource
	t.markOnce(p.reg.schema, 0, once)
	choice := ""
	found := 0
	for i := range t.nodes {
		has, rank := false, uint8(0)
		for _, a := range t.nodes[i].actions {
			has = has || a.path == p.branches[0].path
			rank = max(rank, a.rank)
		}
		if !has {
			continue
		}
		found++
		if rank != best || rank == 0 || !once[uint16(i)] {
			return false
		}
		name := t.choiceOf(p.reg.schema, uint16(i))
		if found > 1 && (name == "" || name != choice) {
			return false
		}
		choice = name
	}
	return found > 0
}

// markOnce marks the nodes below at that occur once at most.
func (t *trie) markOnce(s *fhir.Schema, at uint16, once map[uint16]bool) {
	n := &t.nodes[at]
	for i, child := range n.children {
		if child != 0 && s.Elements[int(n.first)+i].Flags&fhir.Repeats == 0 {
			once[child] = true
			t.markOnce(s, child, once)
		}
	}
}

// choiceOf returns by which parent and choice a node is reached, empty if it is
// no choice.
func (t *trie) choiceOf(s *fhir.Schema, at uint16) string {
	for p := range t.nodes {
		for i, child := range t.nodes[p].children {
			if child == at {
				if c := s.Elements[int(t.nodes[p].first)+i].Choice; c != "" {
					return string(rune(p)) + c
				}
			}
		}
	}
	return ""
}

// ClinicalDateOf returns the [Entries.Date] of the resources that are sorted by a
// value in a parameter that is [Param.ByClinicalDate].
func ClinicalDateOf(value []byte) int64 {
	var m moment
	for _, b := range value[:5] {
		m.seconds = m.seconds<<8 | int64(b)
	}
	m.nanos = int32(binary.BigEndian.Uint32(value[5:9]))
	return m.milliseconds()
}

// FirstOfClinicalDate returns the least value in a parameter that is
// [Param.ByClinicalDate] of resources with an [Entries.Date].
func FirstOfClinicalDate(ms int64) []byte {
	seconds := floorDiv(ms, 1000)
	return appendMoment(nil, instantForm, moment{seconds: seconds + epoch, nanos: int32(ms-seconds*1000) * 1_000_000})
}

// OpenBegin returns the keys of intervals in p that are open at their begin.
func (p *Param) OpenBegin() []KeyRange {
	var all []KeyRange
	for _, b := range p.branches {
		if b.path.kinds.any(setOf(periodKind, timingKind)) {
			key := append(binary.BigEndian.AppendUint32(nil, b.path.hash), intervalForm)
			all = append(all, KeyRange{Low: appendMoment(key, intervalForm, always)})
		}
	}
	return all
}

// WithinMillisecond returns the keys of values in p that begin within a
// millisecond, counted since 1970, though not at its start.
func (p *Param) WithinMillisecond(ms int64) []KeyRange {
	begin := moment{seconds: floorDiv(ms, 1000) + epoch, nanos: int32(ms-floorDiv(ms, 1000)*1000) * 1_000_000}
	var all []KeyRange
	for _, b := range p.branches {
		for _, form := range []byte{instantForm, intervalForm} {
			prefix := append(binary.BigEndian.AppendUint32(nil, b.path.hash), form)
			low, high := begin, begin
			low.nanos++
			if high.nanos += 1_000_000; high.nanos == 1_000_000_000 {
				high = moment{seconds: begin.seconds + 1}
			}
			all = append(all, KeyRange{
				Low:  appendMoment(bytes.Clone(prefix), form, low),
				High: appendMoment(prefix, form, high),
			})
		}
	}
	return all
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Clinical reports whether the clause compares the clinical date.
func (c *Clause) Clinical() bool {
	return c.Param != nil && c.Modifier == "" && len(c.Values) > 0 && c.Param.ByClinicalDate()
}

// A ClinicalSpan holds the clinical dates from Low up to but not including High,
// in milliseconds since 1970.
type ClinicalSpan struct {
	Low, High int64

	// Unless are keys that must not occur for Low to hold: those of dates that
	// begin before it and may reach behind it.
	Unless []KeyRange
}

// ClinicalSpan returns the [Entries.Date] of all resources that match the clause,
// provided there are no keys of [Param.OpenBegin]. It is false if the clause is
// not about the clinical date.
func (c *Clause) ClinicalSpan() (ClinicalSpan, bool) {
	span := ClinicalSpan{Low: math.MaxInt64, High: math.MinInt64}
	if !c.Clinical() {
		return span, false
	}
	for _, v := range c.Values {
		d, ok := v.comparison.(*dateValue)
		if !ok {
			return span, false
		}
		low, high := d.begins()
		span.Low, span.High = min(span.Low, low), max(span.High, high)
	}
	if span.Low != math.MinInt64 {
		span.Unless = c.Param.reaching(span.Low)
	}
	return span, true
}

// begins returns when dates that match begin, in milliseconds, as far as they do
// not reach into what was asked for from before.
func (d *dateValue) begins() (low, high int64) {
	low, high = d.span.begin.milliseconds(), d.span.end.milliseconds()+1
	switch d.prefix {
	case eq, ap:
		return low, high
	case gt, ge:
		return low, math.MaxInt64
	case sa:
		return high - 1, math.MaxInt64
	case lt, eb:
		return math.MinInt64, low + 1
	case le:
		return math.MinInt64, high
	}
	return math.MinInt64, math.MaxInt64
}

// reaching returns the keys of dates in p that begin before an instant and may end
// after it.
func (p *Param) reaching(ms int64) []KeyRange {
	at := moment{seconds: floorDiv(ms, 1000) + epoch, nanos: int32(ms-floorDiv(ms, 1000)*1000) * 1_000_000}
	var all []KeyRange
	for _, b := range p.branches {
		for _, form := range []byte(dateForms(b.path.kinds)) {
			from := moment{}
			switch form {
			case yearForm, monthForm, dayForm, secondForm:
				from = at.floor(form)
			case instantForm:
				continue
			}
			to := at.ceil(form)
			prefix := append(binary.BigEndian.AppendUint32(nil, b.path.hash), form)
			r := KeyRange{Low: appendMoment(bytes.Clone(prefix), form, from), High: appendMoment(prefix, form, to)}
			if bytes.Compare(r.Low, r.High) < 0 {
				all = append(all, r)
			}
		}
	}
	return all
}
