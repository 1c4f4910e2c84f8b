package search

import (
	"bytes"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// setTypes reads _type beforehand: with it, a search on the whole system can use
// the parameters that all of the types have.
func (q *query) setTypes(params [][2]string) error {
	for _, p := range params {
		if p[0] != "_type" || q.Type != "" {
			continue
		}
		if q.types != nil {
			return invalid("search parameter \"_type\": it is given twice")
		}
		for _, typ := range strings.Split(p[1], ",") {
			if q.reg.schema.ResourceByName(typ) == 0 {
				return invalid("search parameter \"_type\": %q is no resource type", clip(typ))
			}
			if !slices.Contains(q.types, typ) {
				q.types = append(q.types, typ)
			}
		}
	}
	if len(q.types) == 1 {
		q.Type = q.types[0]
	}
	return nil
}

// onlyTypes reads _type, whose values setTypes has looked at.
// See https://hl7.org/fhir/R4/search.html#type.
func (q *query) onlyTypes(string) error {
	switch len(q.types) {
	case 0:
		return fhir.Errorf(fhir.Unsupported, "only searches on the whole system have it")
	case 1:
		return nil
	}
	c := Clause{types: q.types, Exact: true}
	for _, typ := range q.types {
		c.Ranges = append(c.Ranges, KeyRange{Low: TypeKey(typ)})
	}
	slices.SortFunc(c.Ranges, func(a, b KeyRange) int { return bytes.Compare(a.Low, b.Low) })
	q.Where = append(q.Where, c)
	return nil
}

// ofEach reads a parameter that each of several types has for itself.
func (q *query) ofEach(name, value string) error {
	if err := needs(logic); err != nil {
		return q.unknown(name)
	}
	var c Clause
	for _, typ := range q.types {
		sub := q.within(typ)
		if err := sub.demand(name, value); err != nil {
			return err
		}
		c.Or = append(c.Or, *sub.Query)
	}
	q.Where = append(q.Where, c)
	return nil
}

// common returns the parameter that all types asked for have by themselves, to sort
// by.
func (q *query) common(code string) (*Param, error) {
	p := &Param{Code: code, reg: q.reg, each: map[string]*Param{}}
	for _, typ := range q.types {
		own, ok := q.reg.Lookup(typ, code)
		switch {
		case !ok:
			return nil, unknownf("%s has no search parameter %q to sort by", typ, clip(code))
		case p.Type != 0 && own.Type != p.Type:
			return nil, invalid("%s is of type %s in %s, and of type %s in others, which have no common order", clip(code), own.Type, typ, p.Type)
		}
		p.Type, p.each[typ] = own.Type, own
		for _, b := range own.branches {
			p.addBranch(b.path, b.target)
		}
	}
	return p, nil
}
