package search

import (
	"errors"
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

// The limits of conditions on other resources.
const (
	maxHops  = 4   // references a chain may follow
	maxHas   = 2   // _has within _has
	maxLinks = 400 // links of a search; a chain without types has one for each
	maxTries = 4000
)

// An effort is what reading a search has taken.
type effort struct {
	links int // made
	tries int // types of target looked at
}

// chain reads a parameter of what a reference points to: head is the parameter
// with the reference, and the type if it was given, and rest what is asked there.
// See https://hl7.org/fhir/R4/search.html#chaining.
func (q *query) chain(head, rest, value string) error {
	code, _, _ := strings.Cut(head, ":")
	if _, ok := q.reg.Lookup(q.Type, code); !ok && q.types != nil {
		return q.ofEach(head+"."+rest, value)
	}
	return q.chainBy(head, func(target *query) error { return target.demand(rest, value) })
}

// chainBy follows a reference: ask adds what is asked of resources of a type that
// it leads to.
func (q *query) chainBy(head string, ask func(target *query) error) error {
	code, typ, typed := strings.Cut(head, ":")
	p, ok := q.reg.Lookup(q.Type, code)
	if !ok {
		return q.unknown(code)
	}
	switch err := p.followed(); {
	case q.enclosed:
		return fhir.Errorf(fhir.Unsupported, "references within a Bundle are not followed")
	case err != nil && !p.Nests():
		return err
	case q.hops == maxHops:
		return invalid("it follows more than %d references", maxHops)
	}
	types := p.Target
	switch {
	case typed && q.reg.schema.ResourceByName(typ) == 0:
		return invalid("%q is no resource type", clip(typ))
	case typed && !p.pointsTo(typ):
		return invalid("%s never refers to %s", code, typ)
	case typed:
		types = []string{typ}
	case len(types) == 0:
		types = q.reg.names
	}
	return q.chainTo(p, types, ask)
}

// chainTo makes one link for each of the types that know what is asked.
func (q *query) chainTo(p *Param, types []string, ask func(target *query) error) error {
	var c Clause
	var missing error
	for _, typ := range types {
		if q.spent.tries++; q.spent.tries > maxTries {
			return errTooManyTypes
		}
		target := q.within(typ)
		target.hops++
		target.enclosed = p.Nests()
		err := ask(target)
		if _, unknown := errors.AsType[unknownParam](err); unknown {
			missing = err
			continue
		}
		if err == nil {
			err = q.link(&c, Link{Param: p, Target: target.Query})
		}
		if err != nil {
			return err
		}
	}
	switch {
	case c.Links == nil && len(types) == 1:
		return missing
	case c.Links == nil:
		return unknownf("no type that %s refers to has it", p.Code)
	}
	q.Where = append(q.Where, c)
	return nil
}

// link adds a link to a clause.
func (q *query) link(c *Clause, l Link) error {
	if err := needs(links); err != nil {
		return err
	}
	if q.spent.links++; q.spent.links > maxLinks {
		return errTooManyTypes
	}
	c.Links = append(c.Links, l)
	return nil
}

var errTooManyTypes error = invalid("it can lead to too many types of resource; name them, as in subject:Patient.name")

// reverse reads what follows _has: the type and the parameter of the resources
// that refer to those searched for, and what is asked of them.
// See https://hl7.org/fhir/R4/search.html#has.
func (q *query) reverse(text, value string) error {
	parts := strings.SplitN(text, ":", 3)
	if len(parts) != 3 || parts[2] == "" {
		return invalid("it is written _has:Type:reference:parameter")
	}
	typ, code, rest := parts[0], parts[1], parts[2]
	if q.reg.schema.ResourceByName(typ) == 0 {
		return invalid("%q is no resource type", clip(typ))
	}
	p, ok := q.reg.Lookup(typ, code)
	switch {
	case q.enclosed:
		return invalid("nothing refers to what is within a Bundle")
	case !ok:
		return unknownf("%s has no search parameter %q", typ, clip(code))
	}
	if err := p.followed(); err != nil {
		return err
	}
	if q.Type != "" && !p.pointsTo(q.Type) {
		return invalid("%s of %s never refers to %s", code, typ, q.Type)
	}
	if q.has == maxHas {
		return invalid("there is a _has in more than %d others", maxHas-1)
	}
	sub := q.within(typ)
	sub.has++
	if err := sub.demand(rest, value); err != nil {
		return err
	}
	var c Clause
	if err := q.link(&c, Link{Param: p, Reverse: true, Target: sub.Query}); err != nil {
		return err
	}
	q.Where = append(q.Where, c)
	return nil
}

// list reads _list: what is in one of some lists.
// See https://hl7.org/fhir/R4/search.html#list.
func (q *query) list(value string) error {
	p, ok := q.reg.Lookup("List", "item")
	if !ok {
		return unknownf("lists have no search parameter for their items")
	}
	ids := split(value, ',')
	if len(ids) > maxValues {
		return invalid("it has %d values, at most %d are allowed", len(ids), maxValues)
	}
	for i, id := range ids {
		ids[i] = strings.TrimPrefix(id, "List/")
		switch {
		case strings.HasPrefix(id, "$"):
			return fhir.Errorf(fhir.Unsupported, "there are no functional lists like %q", clip(id))
		case !fhir.ValidID(ids[i]):
			return invalid("%q is no id of a list", clip(id))
		}
	}
	var c Clause
	if err := q.link(&c, Link{Param: p, Reverse: true, Target: &Query{Type: "List", IDs: ids}}); err != nil {
		return err
	}
	q.Where = append(q.Where, c)
	return nil
}

// followed refuses parameters whose values lead to no other resource of this
// server.
func (p *Param) followed() error {
	if p.Type != fhir.ReferenceParam {
		return invalid("%s is no reference", p.Code)
	}
	kinds := p.kinds()
	switch {
	case kinds.has(referenceKind) || kinds.has(canonicalKind):
		return nil
	case kinds.has(resourceKind):
		return invalid("%s is within the resource itself, which nothing refers to", p.Code)
	}
	return fhir.Errorf(fhir.Unsupported, "%s refers by a URI that is no canonical URL, which is not followed", p.Code)
}

// Nests reports whether the values of p are resources themselves.
func (p *Param) Nests() bool {
	return p.Type == fhir.ReferenceParam && p.kinds() == setOf(resourceKind)
}

// pointsTo reports whether references in p can be to resources of a type.
func (p *Param) pointsTo(typ string) bool {
	return len(p.Target) == 0 || slices.Contains(p.Target, typ)
}

// holds judges the link for r.
func (l *Link) holds(r *fhir.Resource, u Universe) bool {
	if u == nil {
		panic("search: a condition on other resources is asked of one alone")
	}
	in, within := u.(inside)
	switch {
	case within && l.Reverse:
		return false // only its container refers to a contained resource
	case !l.Reverse && l.nested(r, in.container, u):
		return true
	case within:
		u = in.Universe
	}
	if !l.Reverse {
		return slices.ContainsFunc(l.Param.References(r), func(key fhir.Key) bool {
			if key.Type != l.Target.Type {
				return false
			}
			target := u.Resource(key)
			return target != nil && l.Target.MatchesIn(target, u)
		}) || slices.ContainsFunc(l.Param.canonicals(r, l.Target.Type, u), func(target *fhir.Resource) bool {
			return l.Target.MatchesIn(target, u)
		})
	}
	for source := range u.Resources(l.Target.Type) {
		if l.Param.leads(source, r, u) && l.Target.MatchesIn(source, u) {
			return true
		}
	}
	return false
}

// leads reports whether source refers to r in p.
func (p *Param) leads(source, r *fhir.Resource, u Universe) bool {
	return slices.Contains(p.References(source), r.Key()) ||
		slices.ContainsFunc(p.canonicals(source, r.Type(), u), func(o *fhir.Resource) bool { return o.Key() == r.Key() })
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
	v := &referenceValue{reg: r, targets: []string{key.String()}}
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
				to.point(r.appendTarget(to.key(referenceForm), t))
			}
		}
		c.Ranges = append(c.Ranges, to.out...)
	}
	c.tidy()
	return c.Ranges
}
