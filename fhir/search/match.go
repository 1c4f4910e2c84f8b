package search

import (
	"iter"
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// A Universe is what conditions on other resources are judged in: the current
// resources that the caller may see.
type Universe interface {
	// Resource returns the resource of that key, nil if there is none.
	Resource(key fhir.Key) *fhir.Resource
	// Resources goes through the resources of a type.
	Resources(typ string) iter.Seq[*fhir.Resource]
}

// Local reports whether a resource by itself tells if it matches q, so that
// Matches may be asked. Chains, _has and _list take others.
func (q *Query) Local() bool {
	for i := range q.Where {
		if !q.Where[i].Local() {
			return false
		}
	}
	return true
}

// Local reports whether a resource by itself tells if it matches c.
func (c *Clause) Local() bool {
	for i := range c.Or {
		if !c.Or[i].Local() {
			return false
		}
	}
	return c.Links == nil && (c.Not == nil || c.Not.Local()) && (c.Inside == nil || c.Inside.Query.Local())
}

// Matches reports whether r, as stored, matches all of the query, which must be
// Local.
func (q *Query) Matches(r *fhir.Resource) bool { return q.MatchesIn(r, nil) }

// Matches reports whether r matches the clause, which must be Local.
func (c *Clause) Matches(r *fhir.Resource) bool { return c.MatchesIn(r, nil) }

// MatchesIn reports whether r, as stored, matches all of the query. It is the
// definition of what a match is.
func (q *Query) MatchesIn(r *fhir.Resource, u Universe) bool {
	if q.Type != "" && q.Type != r.Type() || q.IDs != nil && !slices.Contains(q.IDs, r.ID()) {
		return false
	}
	if len(q.LastUpdated) > 0 {
		at, ok := fhir.ParseDate(r.Meta().Get("lastUpdated").Text())
		for _, span := range q.LastUpdated {
			if !ok || !span.Holds(at.Start) {
				return false
			}
		}
	}
	for i := range q.Where {
		if !q.Where[i].MatchesIn(r, u) {
			return false
		}
	}
	return true
}

// MatchesIn reports whether r matches the clause. Keys have no part in it: it
// evaluates the parameter's expression.
func (c *Clause) MatchesIn(r *fhir.Resource, u Universe) bool {
	switch {
	case c.Links != nil:
		return slices.ContainsFunc(c.Links, func(l Link) bool { return l.holds(r, u) })
	case c.Or != nil:
		for i := range c.Or {
			if c.Or[i].MatchesIn(r, u) {
				return true
			}
		}
		return false
	case c.Not != nil:
		return !c.Not.MatchesIn(r, u)
	case c.Text != nil:
		return c.Text.matches(r)
	case c.Inside != nil:
		return c.Inside.holds(r, u)
	case c.care != nil:
		return c.care.matches(r)
	case c.member != nil:
		return c.member.matches(r)
	case c.types != nil:
		return slices.Contains(c.types, r.Type())
	}
	switch c.Modifier {
	case "missing":
		return c.Values[0].missing != c.Param.any(r, func(*element) bool { return true })
	case "not", "not-in":
		return !c.matches(r)
	}
	return c.matches(r)
}
