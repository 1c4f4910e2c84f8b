package search

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// A comparison is a value to compare with, parsed. Each type of parameter, and
// each modifier that changes what is compared, has its own.
type comparison interface {
	// matches reports whether an element of the resource matches. It is what a
	// match is; ranges only has to agree.
	matches(el *element) bool

	// ranges adds the key ranges that hold every match on an index path, and says
	// if they hold anything else.
	ranges(r *ranger, b branch)
}

// A branch is one of the index paths of a parameter.
type branch struct {
	path   *path
	target string // the references must point to this type; empty: any
}

// A ranger collects key ranges of one index path.
type ranger struct {
	prefix  []byte // what keys begin with
	pair    bool   // the keys are those of a composite's second part
	out     []KeyRange
	inexact bool
}

func newRanger(p *path) *ranger {
	return &ranger{prefix: binary.BigEndian.AppendUint32(nil, p.hash), out: []KeyRange{}}
}

// key returns the beginning of the keys of a form.
func (r *ranger) key(form byte) []byte {
	return append(bytes.Clone(r.prefix), form)
}

// point adds the one key low.
func (r *ranger) point(low []byte) { r.out = append(r.out, KeyRange{Low: low}) }

// span adds the keys of a form from low up to but not including high. A nil low
// stands for the first key of the form, a nil high for the one behind the last.
func (r *ranger) span(form byte, low, high []byte) {
	begin, end := append(r.key(form), low...), after(r.key(form))
	if high != nil {
		end = append(r.key(form), high...)
	}
	if bytes.Compare(begin, end) < 0 {
		r.out = append(r.out, KeyRange{Low: begin, High: end})
	}
}

// prefixed adds the keys of a form whose payload begins with prefix.
func (r *ranger) prefixed(form byte, prefix []byte) {
	low := append(r.key(form), prefix...)
	r.out = append(r.out, KeyRange{Low: low, High: after(low)})
}

// everything adds all keys of the path.
func (r *ranger) everything() {
	r.out = append(r.out, KeyRange{Low: r.prefix, High: after(r.prefix)})
	r.inexact = true
}

// AllKeys reports whether ranges are single keys.
func AllKeys(ranges []KeyRange) bool {
	return !slices.ContainsFunc(ranges, func(r KeyRange) bool { return r.High != nil })
}

// UnionOf returns key ranges that hold everything that meets one of some queries,
// and false if keys do not help with one of them.
func UnionOf(queries []Query) ([]KeyRange, bool) {
	var all []KeyRange
	for i := range queries {
		ranges, ok := rangesOf(&queries[i])
		if !ok {
			return nil, false
		}
		all = append(all, ranges...)
	}
	return Union(all), true
}

// rangesOf returns key ranges that hold everything that meets a query: those of a
// clause of single keys, if there is one.
func rangesOf(q *Query) (best []KeyRange, ok bool) {
	for i := range q.Where {
		ranges := q.Where[i].Ranges
		if q.Where[i].Or != nil {
			if ranges, _ = UnionOf(q.Where[i].Or); ranges == nil {
				continue
			}
		}
		if ranges != nil && (!ok || AllKeys(ranges) && !AllKeys(best)) {
			best, ok = ranges, true
		}
	}
	return best, ok
}
