package mongodb

import (
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir/search"
)

// A condition is one that the database judges, and by which candidates can be
// found: that a resource has a key or word in one of some spans, was updated
// within a time, or is one of a list. One on other resources is not known as such
// before it has been resolved.
type condition struct {
	field  string // k or w, of spans
	spans  []span
	single bool // each span is one key
	small  bool // it is known to have few rows

	timed     bool // lastUpdated is from low up to but not including high
	low, high int64

	listed bool // it is the resources in refs
	refs   []string

	clause *search.Clause // if not nil, on other resources, and not resolved
	tried  int            // the limit within which that could not be done
}

// open reports whether it is not known yet which resources a condition is.
func (c *condition) open() bool { return c.clause != nil }

// filter returns what the database has to judge.
func (c *condition) filter() bson.D {
	switch {
	case c.timed:
		return luFilter(c.low, c.high)
	case c.listed:
		return in("_id", c.refs)
	}
	return filterOf(c.field, c.spans)
}

// field returns a filter of one field.
func field(name string, value any) bson.D { return bson.D{{Key: name, Value: value}} }

func in(name string, values []string) bson.D { return field(name, field("$in", values)) }

func luFilter(low, high int64) bson.D {
	var r bson.D
	if low > math.MinInt64 {
		r = append(r, bson.E{Key: "$gte", Value: low})
	}
	if high < math.MaxInt64 {
		r = append(r, bson.E{Key: "$lt", Value: high})
	}
	if r == nil {
		return nil
	}
	return field("lu", r)
}

// allOf joins filters, of which nil ones hold for everything.
func allOf(filters ...bson.D) bson.D {
	var parts bson.A
	for _, f := range filters {
		if f != nil {
			parts = append(parts, f)
		}
	}
	switch len(parts) {
	case 0:
		return nil
	case 1:
		return parts[0].(bson.D)
	}
	return field("$and", parts)
}

// noneOf returns the filter for what meets none of some.
func noneOf(filters ...bson.D) bson.D {
	parts := bson.A{}
	for _, f := range filters {
		parts = append(parts, f)
	}
	return field("$nor", parts)
}

// nothing is a filter that no resource meets.
func nothing() bson.D { return in("_id", []string{}) }

// micros returns the instants, in microseconds, that a range holds if it is not
// turned round.
func micros(r search.TimeRange) (low, high int64) {
	low, high = math.MinInt64, math.MaxInt64
	if !r.Low.IsZero() {
		low = microsCeil(r.Low)
	}
	if !r.High.IsZero() {
		high = microsCeil(r.High)
	}
	return low, high
}

// timeFilter is the filter for a range of lastUpdated.
func timeFilter(r search.TimeRange) bson.D {
	f := luFilter(micros(r))
	switch {
	case !r.Not:
		return f
	case f == nil:
		return nothing()
	}
	return noneOf(f)
}

// judged returns what the database can judge of a clause, nil if nothing, and
// whether that is all of it. What meets the clause meets the filter.
func judged(c *search.Clause) (filter bson.D, exact bool) {
	switch {
	case c.Links != nil:
		return nil, false
	case c.Text != nil:
		t := c.Text.Tree()
		return wordFilter(mark(c.Text.Field), &t)
	case c.Or != nil:
		parts, exact := bson.A{}, true
		for i := range c.Or {
			f, e := judgedAll(&c.Or[i])
			exact = exact && e
			if f == nil {
				return nil, exact
			}
			parts = append(parts, f)
		}
		return field("$or", parts), exact
	case c.Not != nil:
		f, exact := judgedAll(c.Not)
		switch {
		case !exact:
			return nil, false
		case f == nil:
			return nothing(), true
		}
		return noneOf(f), true
	case c.Ranges == nil:
		return nil, false
	case len(c.Ranges) == 0:
		return nothing(), true
	}
	return filterOf("k", spansOf(c.Ranges)), c.Exact
}

// judgedAll is judged for a query within another.
func judgedAll(q *search.Query) (filter bson.D, exact bool) {
	var parts []bson.D
	if q.Type != "" {
		parts = append(parts, field("t", q.Type))
	}
	if q.IDs != nil {
		parts = append(parts, in("id", q.IDs))
	}
	for _, r := range q.LastUpdated {
		parts = append(parts, timeFilter(r))
	}
	exact = true
	for i := range q.Where {
		f, e := judged(&q.Where[i])
		parts, exact = append(parts, f), exact && e
	}
	return allOf(parts...), exact
}

// newSpans returns the condition that there is a key or word in one of some spans.
func newSpans(field string, spans []span) condition {
	single := !slices.ContainsFunc(spans, func(s span) bool { return s.high != "" })
	return condition{field: field, spans: spans, single: single}
}
