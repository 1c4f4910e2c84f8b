package search

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// A Contained says that a search is also, or only, about resources contained in
// others. Such a query is one for their containers, of whatever type.
// See https://hl7.org/fhir/R4/search.html#contained.
type Contained struct {
	Type  string // of what is searched for; empty: any
	Both  bool   // resources that stand by themselves are matches too
	Alone bool   // the contained resources are to be shown, not their containers

	query *Query // what is asked of them
	reg   *Registry
}

// Of returns the matches that a resource found has: itself, if it stands by itself
// and these count, and what is contained in it.
func (c *Contained) Of(r *fhir.Resource, u Universe) (itself bool, within []*fhir.Resource) {
	itself = c.Both && c.query.MatchesIn(r, u)
	for n := range c.reg.Contained(r) {
		if c.query.MatchesIn(n, inside{u, r}) {
			within = append(within, n)
		}
	}
	return itself, within
}

// A containedMode is what _contained and _containedType say.
type containedMode struct{ contained, typ string }

// contained reads _contained.
func (q *query) contained(value string) error {
	return q.containedIs(&q.inside.contained, value, "true", "both", "false")
}

// containedType reads _containedType.
func (q *query) containedType(value string) error {
	return q.containedIs(&q.inside.typ, value, "container", "contained")
}

func (q *query) containedIs(place *string, value string, allowed ...string) error {
	switch {
	case q.hops > 0 || q.has > 0:
		return invalid("it is about the search as a whole")
	case *place != "":
		return invalid("it is given twice")
	case !slices.Contains(allowed, value):
		return invalid("it is one of %q", allowed)
	}
	*place = value
	return nil
}

// contain makes the query one for containers, if _contained asks for that.
func (q *query) contain() error {
	mode := *q.inside
	switch {
	case mode.typ != "" && (mode.contained == "" || mode.contained == "false"):
		return named("_containedType", invalid("it has a meaning with _contained=true or both only"))
	case mode.contained == "" || mode.contained == "false":
		return nil
	}
	if err := q.containable(); err != nil {
		return named("_contained", err)
	}
	inner := &Query{Type: q.Type, IDs: q.IDs, LastUpdated: q.LastUpdated, Where: q.Where}
	q.Contained = &Contained{Type: q.Type, Both: mode.contained == "both", Alone: mode.typ == "contained", query: inner, reg: q.reg}
	q.Type, q.IDs, q.LastUpdated = "", nil, nil
	q.Where = q.reg.insideOf(inner)
	if q.Contained.Both {
		q.Where = []Clause{{Or: []Query{inner.ranged(), {Where: q.Where}}}}
	}
	return nil
}

// containable refuses what has no meaning for contained resources.
func (q *query) containable() error {
	switch {
	case !q.opts.Contained:
		return invalid("it has no place here")
	case q.Includes != nil:
		return fhir.Errorf(fhir.Unsupported, "with it, nothing can be included")
	case referredTo(q.Where):
		return invalid("nothing refers to contained resources but what contains them: it excludes _has and _list")
	}
	for _, by := range q.Sort {
		if by.Param.Code != "_lastUpdated" && by.Param.Code != "_id" {
			return fhir.Errorf(fhir.Unsupported, "with it, results are sorted by _lastUpdated or _id of the container only")
		}
	}
	return nil
}

// referredTo reports whether conditions ask what refers to a resource.
func referredTo(where []Clause) bool {
	return slices.ContainsFunc(where, func(c Clause) bool {
		return slices.ContainsFunc(c.Links, func(l Link) bool { return l.Reverse || referredTo(l.Target.Where) }) ||
			slices.ContainsFunc(c.Or, func(q Query) bool { return referredTo(q.Where) }) || c.Not != nil && referredTo(c.Not.Where)
	})
}

// ranged returns q with key ranges, if only those of its type.
func (q *Query) ranged() Query {
	r := *q
	if q.Type != "" && !slices.ContainsFunc(q.Where, func(c Clause) bool { return c.Ranges != nil }) {
		r.Where = append(slices.Clip(q.Where), Clause{types: []string{q.Type}, Exact: true, Ranges: []KeyRange{{Low: TypeKey(q.Type)}}})
	}
	return r
}
