package ordering

import (
	"fmt"
	"math"
	"strings"

	"github.com/noafhir/noafhir/fhir/search"
)

// An Outline is what is known of a search before anything has been read.
type Outline struct {
	Query      *search.Query
	Order      *Order
	Clinical   bool             // the order is that of clinical dates
	Values     int              // ranges of values to which the order is narrowed, 0 if it is not
	Conditions int              // that the index knows
	Condition  func(int) string // describes one of them
	Dates      [2]int64         // matches have clinical dates from the first to the second, milliseconds
	Residual   int              // clauses that only resources can tell
	Restricted bool             // the caller may not see everything
	None       bool             // nothing can match
}

// Explain tells e what is known. It does nothing if e is nil.
func (o *Outline) Explain(e *search.Explain) {
	if e == nil {
		return
	}
	e.Addf("shape: %s", o.Query.Shape())
	e.Addf("order: %s", o.Order.Describe(o.Clinical))
	if o.Values > 0 {
		e.Addf("values of matches: %d ranges", o.Values)
	}
	for i := range o.Conditions {
		e.Addf("condition %d: %s", i+1, o.Condition(i))
	}
	if o.Dates[0] != math.MinInt64 || o.Dates[1] != math.MaxInt64 {
		e.Addf("clinical dates from %d to %d ms", o.Dates[0], o.Dates[1])
	}
	if o.Residual > 0 {
		e.Addf("checked on resources: %d clauses", o.Residual)
	}
	if o.Restricted {
		e.Addf("checked on resources: what the caller may see")
	}
	if o.None {
		e.Addf("nothing can match")
	}
}

// ExplainSize tells e how many rows a condition, counted from 0, was found to have
// when they were counted up to a limit. It does nothing if e is nil.
func ExplainSize(e *search.Explain, condition, n, limit int, describe func(int) string) {
	switch {
	case e == nil:
	case n >= limit:
		e.Addf("estimate: condition %d has at least %d rows", condition+1, limit)
	default:
		e.Addf("estimate: condition %d has %d rows: %s", condition+1, n, describe(condition))
	}
}

// maxDescribed bounds the ranges written down of one condition.
const maxDescribed = 5

// DescribeRanges describes n ranges of keys, by the first of them. Each has its
// first key and the one behind its last, or is a single key if that is empty.
func DescribeRanges(n int, at func(int) (low, high string)) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d ranges:", n)
	for i := range min(n, maxDescribed) {
		low, high := at(i)
		b.WriteString(" " + low)
		if high != "" {
			b.WriteString("–" + high)
		}
	}
	if n > maxDescribed {
		b.WriteString(" …")
	}
	return b.String()
}
