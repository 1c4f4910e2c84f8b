package search

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A Link is a condition on another resource: a chain, or what _has asks for.
// Target.Type is set.
type Link struct {
	Param *Param
	// Reverse false: a reference in Param, which is of the resource in question,
	// leads to a resource that meets Target. Reverse true: a resource that meets
	// Target has a reference in Param to the one in question.
	Reverse bool
	Target  *Query
}

// holds judges the link for r.
func (l *Link) holds(r *fhir.Resource, u Universe) bool {
	if u == nil {
		panic("search: a condition on other resources is asked of one alone")
	}
	if !l.Reverse {
		return slices.ContainsFunc(l.Param.References(r), func(key fhir.Key) bool {
			if key.Type != l.Target.Type {
				return false
			}
			target := u.Resource(key)
			return target != nil && l.Target.MatchesIn(target, u)
		})
	}
	for source := range u.Resources(l.Target.Type) {
		if slices.Contains(l.Param.References(source), r.Key()) && l.Target.MatchesIn(source, u) {
			return true
		}
	}
	return false
}

// References returns the resources of this server that the values of p in r point
// to, each once, whether they are there or not. Versions are left aside.
// References written with [Registry.Base] are of this server.
func (p *Param) References(r *fhir.Resource) []fhir.Key {
	var keys []fhir.Key
	if p.Type != fhir.ReferenceParam {
		return nil
	}
	p.any(r, func(el *element) bool {
		if key, ok := p.reg.local(el); ok && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
		return false
	})
	return keys
}

// local returns the resource of this server that a reference points to. What
// points within a resource, as a document to its composition, does not.
func (r *Registry) local(el *element) (fhir.Key, bool) {
	if el.kind == resourceKind {
		return fhir.Key{}, false
	}
	l, ok := el.link()
	if !ok {
		return fhir.Key{}, false
	}
	target := l.target
	if r.Base != "" {
		target = strings.TrimPrefix(target, r.Base+"/")
	}
	typ, id, _ := strings.Cut(target, "/")
	if fhirpath.ReferenceType(target) != typ || r.schema.ResourceByName(typ) == 0 || !fhir.ValidID(id) {
		return fhir.Key{}, false
	}
	return fhir.Key{Type: typ, ID: id}, true
}

// ReferenceRanges returns the keys under which resources are indexed that have a
// reference to a resource of this server in p. They are in order. Resources with
// one of them have the reference.
func (r *Registry) ReferenceRanges(p *Param, key fhir.Key) []KeyRange {
	v := &referenceValue{targets: []string{key.String()}}
	if r.Base != "" {
		v.targets = append(v.targets, r.Base+"/"+key.String())
	}
	c := Clause{}
	for _, b := range p.branches {
		if b.path.kinds == setOf(resourceKind) {
			continue
		}
		to := newRanger(b.path)
		for _, t := range v.targets {
			if b.target == "" || b.target == key.Type {
				to.point(appendHash(to.key(referenceForm), t))
			}
		}
		c.Ranges = append(c.Ranges, to.out...)
	}
	c.tidy()
	return c.Ranges
}
