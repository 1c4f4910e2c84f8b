package search

import (
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// A Query is a parsed search. All of its clauses must hold.
type Query struct {
	Type        string       // resource type; empty: every type
	IDs         []string     // from _id: the logical id is one of these; nil: any
	LastUpdated []TimeRange  // from _lastUpdated: all must hold
	Where       []Clause     // everything else
	Sort        []SortKey    // empty: clinical date, then creation
	Count       int          // page size; 0: count only
	After       Position     // where the page begins; nil: at the first match
	Applied     [][2]string  // parameters as understood, in order, for the self link
	Ignored     []fhir.Issue // warnings about parameters left out (Prefer: handling=lenient)
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

// A Clause compares one search parameter with some values; any of them may
// match. Parse has checked that the modifier and the values suit the parameter.
type Clause struct {
	Param    *Param
	Modifier string // without colon; empty: none
	Values   []Value

	// Ranges is a union of key ranges that holds every match. Nil means that
	// keys do not help, and each candidate has to be asked with Matches; an empty
	// union that is not nil means that nothing matches.
	Ranges []KeyRange
	// Exact says that the resources with a key in Ranges are the matches, so that
	// Matches need not be asked.
	Exact bool
}

// A SortKey is one key of the order of results.
type SortKey struct {
	Param      string // _id or _lastUpdated
	Descending bool
}

// A Position is a place in the order of results, made by a store for itself.
// Handlers sign it before they let a client carry it.
type Position []byte
