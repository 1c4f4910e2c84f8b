package search

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A Query is a parsed search. All of its clauses must hold.
type Query struct {
	Type        string       // resource type; empty: every type
	IDs         []string     // from _id: the logical id is one of these; nil: any
	LastUpdated []TimeRange  // from _lastUpdated: all must hold
	Where       []Clause     // everything else
	Sort        []SortKey    // empty: clinical date, then creation
	Includes    []Include    // from _include and _revinclude, in order
	Count       int          // page size; 0: count only
	After       Position     // where the page begins; nil: at the first match
	Backward    bool         // the page ends right before After instead of beginning there
	Contained   *Contained   // if not nil, matches are those that contain a match, and maybe others
	Explain     *Explain     // if not nil, the store says here how it went about
	Applied     [][2]string  // parameters as understood, in order, for the self link
	Ignored     []fhir.Issue // warnings about parameters left out (Prefer: handling=lenient)
}

// An Explain is what a store tells about how it answered, for people: lines about
// the keys it ranged over, what it expected of them, and the rows it touched.
type Explain struct {
	Lines []string
}

// Addf adds a line. It does nothing if e is nil.
func (e *Explain) Addf(format string, args ...any) {
	if e != nil {
		e.Lines = append(e.Lines, fmt.Sprintf(format, args...))
	}
}

// A TimeRange holds the instants from Low up to but not including High. A zero
// bound is open. Not turns it round.
type TimeRange struct {
	Low, High time.Time
	Not       bool
}

// Holds reports whether t is in the range.
func (r TimeRange) Holds(t time.Time) bool {
	in := (r.Low.IsZero() || !t.Before(r.Low)) && (r.High.IsZero() || t.Before(r.High))
	return in != r.Not
}

// A KeyRange holds the keys from Low up to but not including High. A nil High
// stands for exactly the key Low.
type KeyRange struct {
	Low, High []byte
}

// Contains reports whether a key is in the range.
func (k KeyRange) Contains(key []byte) bool {
	if k.High == nil {
		return bytes.Equal(key, k.Low)
	}
	return bytes.Compare(k.Low, key) <= 0 && bytes.Compare(key, k.High) < 0
}

// end returns the first key behind the range.
func (k KeyRange) end() []byte {
	if k.High == nil {
		return append(k.Low[:len(k.Low):len(k.Low)], 0)
	}
	return k.High
}

// A Clause is one condition. Most compare a search parameter with some values, any
// of which may match; Parse has checked that the modifier and the values suit the
// parameter. Those with Links, Or, Not or Text have nothing else, neither ranges
// nor a parameter; those with Inside may have ranges.
type Clause struct {
	Links []Link  // any of these must hold: chains, _has and _list
	Or    []Query // any of these must hold; only Type, IDs, LastUpdated and Where count
	Not   *Query  // this must not hold; only Type, IDs, LastUpdated and Where count
	Text  *Text   // _text and _content

	Inside *Inside // a resource contained in the one in question must meet this

	Param    *Param
	Modifier string // without colon; empty: none
	Values   []Value

	// Ranges is a union of key ranges that holds every match. Nil means that
	// keys do not help, and each candidate has to be asked with Matches; an empty
	// union that is not nil means that nothing matches. The ranges are in order
	// and do not overlap; one resource may have keys in several.
	Ranges []KeyRange
	// Exact says that the resources with a key in Ranges are the matches, so that
	// Matches need not be asked.
	Exact bool

	member *member   // of a compartment; then there is no Param
	types  []string  // from _type; then there is no Param
	care   *careTime // from CareTime; then there is no Param
}

// A Value is one value a clause compares with, parsed.
type Value struct {
	Text string // as it was written

	comparison comparison
	missing    bool // of :missing
}

// A Position is a place in the order of results, made by a store for itself.
// Handlers sign it before they let a client carry it.
type Position []byte

func (c *Clause) matches(r *fhir.Resource) bool {
	return c.Param.any(r, func(el *element) bool {
		for i := range c.Values {
			if c.Values[i].comparison.matches(el) {
				return true
			}
		}
		return false
	})
}

// any reports whether a value that the parameter has in r passes the test.
func (p *Param) any(r *fhir.Resource, test func(*element) bool) bool {
	if p.each != nil {
		own := p.each[r.Type()]
		return own != nil && own.any(r, test)
	}
	var buf [8]fhirpath.Item
	root := r.Root()
	for _, item := range p.program.Append(buf[:0], root, root) {
		el, ok := p.reg.element(root, item)
		if !ok {
			continue
		}
		if el.kind == extensionKind {
			if el, ok = el.content(); !ok {
				continue
			}
		}
		if test(&el) {
			return true
		}
	}
	return false
}

// content returns the value of an extension.
func (el *element) content() (element, bool) {
	for m := range el.v.Children {
		if el.reg.schema.Elements[m.Elem()].Choice == "value" && m.Node().Flags&fhir.Shadow == 0 {
			return element{reg: el.reg, root: el.root, v: m, kind: el.reg.kinds[m.Type()]}, true
		}
	}
	return element{}, false
}

// addRanges adds the key ranges of a value.
func (c *Clause) addRanges(p *Param, v comparison) {
	for _, b := range p.branches {
		r := newRanger(b.path)
		v.ranges(r, b)
		c.Ranges = append(c.Ranges, r.out...)
		c.Exact = c.Exact && !r.inexact
	}
}

// tidy puts the ranges in order and joins those that overlap.
func (c *Clause) tidy() { c.Ranges = Union(c.Ranges) }

// Union puts ranges in order and joins those that overlap.
func Union(ranges []KeyRange) []KeyRange {
	ranges = slices.Clone(ranges)
	slices.SortFunc(ranges, func(a, b KeyRange) int { return bytes.Compare(a.Low, b.Low) })
	out := make([]KeyRange, 0, len(ranges))
	for _, r := range ranges {
		if n := len(out) - 1; n >= 0 && bytes.Compare(r.Low, out[n].end()) < 0 {
			if bytes.Compare(r.end(), out[n].end()) > 0 {
				out[n].High = r.end()
			}
			continue
		}
		out = append(out, r)
	}
	return out
}
