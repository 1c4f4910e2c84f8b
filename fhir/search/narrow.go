package search

import (
	"bytes"
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

// Where sort values lie of what meets a condition
//
// What is asked for is often what results are sorted by, and then most of the order
// can be left out. Whoever has a key in some ranges has a value there. If there can be
// but one, that is the sort value. Of several the first counts, which is not behind
// that one, though it may be anywhere before; so only what is behind can be left out.

// maxNarrow bounds the runs of keys that an order is narrowed to.
const maxNarrow = 16

// partners are the forms that stand for the other end of an interval, by the form
// that it is sorted by.
var partners = map[byte]byte{highForm: lowForm, unitHighForm: lowForm, endForm: intervalForm}

// Narrow returns the parts of forms, which are [Param.SortForms] or what Narrow
// returned, that have the sort values of all resources with a key in ranges. It is
// false if that is not known. Occur tells whether there are keys in ranges; its error
// is returned.
func (p *Param) Narrow(forms []SortForm, ranges []KeyRange, descending bool, occur func([]KeyRange) (bool, error)) ([]SortForm, bool, error) {
	all := p.SortForms()
	var in []KeyRange
	for i := range ranges {
		r, partner, ok := ranges[i].sorted()
		if !ok || !within(r, all) {
			return nil, false, nil
		}
		if partner {
			occurs, err := occur(ranges[i : i+1])
			if err != nil {
				return nil, false, err
			}
			if !occurs {
				continue
			}
		}
		in = append(in, r)
	}
	if !p.single() {
		return upTo(all, forms, in, descending), true, nil
	}
	if in = Union(in); len(in) > maxNarrow {
		return nil, false, nil
	}
	narrow := []SortForm{}
	for _, f := range forms {
		for _, r := range in {
			if part, ok := f.cut(r.Low, r.end()); ok {
				narrow = append(narrow, part)
			}
		}
	}
	return narrow, true, nil
}

// sorted returns the keys that order numbers and dates which resources with a key in k
// have: those of the number without its unit, and of an interval whose other end is in
// k (a partner) all.
func (k KeyRange) sorted() (r KeyRange, partner, ok bool) {
	if len(k.Low) < 5 {
		return k, false, false
	}
	form := k.Low[4]
	if low, ok := partners[form]; ok {
		whole := append(bytes.Clone(k.Low[:4]), low)
		return KeyRange{Low: whole, High: after(whole)}, true, true
	}
	switch form {
	case unitForm:
		return k.withoutUnit(numberForm), false, true
	case unitLowForm:
		return k.withoutUnit(lowForm), false, true
	}
	return k, false, true
}

// withoutUnit returns the keys of the numbers alone for those in a unit.
func (k KeyRange) withoutUnit(form byte) KeyRange {
	const lead = 5 + 6
	head := append(bytes.Clone(k.Low[:4]), form)
	r := KeyRange{Low: head, High: after(head)}
	end := k.end()
	if len(k.Low) < lead || bytes.Compare(end, after(k.Low[:lead])) > 0 {
		return r // of several units
	}
	r.Low = append(bytes.Clone(head), k.Low[lead:]...)
	if bytes.HasPrefix(end, k.Low[:lead]) {
		r.High = append(bytes.Clone(head), end[lead:]...)
	}
	return r
}

// within reports whether r is within one of some forms.
func within(r KeyRange, forms []SortForm) bool {
	for i := range forms {
		if bytes.Compare(forms[i].Low, r.Low) <= 0 && bytes.Compare(r.end(), forms[i].High) <= 0 {
			return true
		}
	}
	return false
}

// cut returns the part of a form from low up to but not including high, and false if
// that is empty.
func (f SortForm) cut(low, high []byte) (SortForm, bool) {
	if bytes.Compare(low, f.Low) > 0 {
		f.Low = low
	}
	if bytes.Compare(high, f.High) < 0 {
		f.High = high
	}
	return f, bytes.Compare(f.Low, f.High) < 0
}

// upTo returns the parts of forms that are not behind some value in the ranges, the
// way a parameter is sorted. All are the forms as a whole.
func upTo(all, forms []SortForm, in []KeyRange, descending bool) []SortForm {
	var last []byte // no value in the ranges is behind it
	for i := range in {
		for j := range all {
			f := &all[j]
			if !f.Contains(in[i].Low) {
				continue
			}
			end := in[i].end()
			if !descending && bytes.Equal(end, f.High) {
				return forms
			}
			if descending {
				end = in[i].Low
			}
			value := f.boundary(end)
			if c := bytes.Compare(value, last); last == nil || c > 0 && !descending || c < 0 && descending {
				last = value
			}
		}
	}
	narrow := []SortForm{}
	for _, f := range forms {
		low, high := f.Low, f.Seek(last)
		if descending {
			low, high = high, f.High
		}
		if part, ok := f.cut(low, high); ok {
			narrow = append(narrow, part)
		}
	}
	return narrow
}

// boundary returns the least value that a key of the form which is not before k, an
// end of a range, can have.
func (f *SortForm) boundary(k []byte) []byte {
	size := 0
	switch {
	case f.days:
		size = f.lead + 3
	case f.whole:
		size = f.lead + 5
	}
	full := bytes.Clone(k)
	for len(full) < size {
		full = append(full, 0)
	}
	if size == 0 || len(full) == size {
		return f.AppendValue([]byte{}, full)
	}
	return append(f.AppendValue(nil, full[:size]), 0)
}

// single reports whether a resource has one sort value in p at most.
func (p *Param) single() bool {
	if p.reg.types[p.Base] == nil {
		return false
	}
	return p.reg.known.get(fact{p, "single"}, p.occursOnce)
}

// occursOnce reports whether p reads one element of a resource, or one of several that
// exclude each other, which has one sort value.
func (p *Param) occursOnce() bool {
	switch p.Type {
	case fhir.DateParam, fhir.NumberParam, fhir.QuantityParam, fhir.StringParam:
	default:
		return false
	}
	t := p.reg.types[p.Base].trie
	for _, c := range t.computed {
		if p.reads(c.path) {
			return false
		}
	}
	once := map[uint16]bool{}
	t.markOnce(p.reg.schema, 0, once)
	found, choice := 0, ""
	for i := range t.nodes {
		for _, a := range t.nodes[i].actions {
			if !p.reads(a.path) {
				continue
			}
			name := t.choiceOf(p.reg.schema, uint16(i))
			if found++; !once[uint16(i)] || found > 1 && (name == "" || name != choice) {
				return false
			}
			choice = name
		}
	}
	return found > 0
}

// reads reports whether p reads an index path.
func (p *Param) reads(path *path) bool {
	for _, b := range p.branches {
		if b.path == path {
			return true
		}
	}
	return false
}

// A fact is something to know about a parameter.
type fact struct {
	param *Param
	what  string
}

// facts keeps what it took a walk through the definitions to find out.
type facts struct{ sync.Map }

func (f *facts) get(about fact, find func() bool) bool {
	if known, ok := f.Load(about); ok {
		return known.(bool)
	}
	found := find()
	f.Store(about, found)
	return found
}
