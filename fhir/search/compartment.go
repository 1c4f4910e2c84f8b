package search

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// members returns the codes of the parameters that put resources of a type
// into a compartment.
func (r *Registry) members(kind, typ string) []string {
	for i := range r.schema.Compartments {
		c := &r.schema.Compartments[i]
		if c.Type != kind {
			continue
		}
		for j := range c.Members {
			if c.Members[j].Type == typ {
				return c.Members[j].Params
			}
		}
	}
	return nil
}

// addCompartment marks types that have a compartment, and the reference paths that
// put resources of a type into a patient's.
func (r *Registry) addCompartment(name string, typ *resourceType) {
	typ.compartment = slices.Contains(r.Compartments(), name)
	for _, code := range r.members("Patient", name) {
		p := typ.params[code]
		if p == nil {
			continue
		}
		for _, b := range p.branches {
			if b.path.param == fhir.ReferenceParam {
				b.path.patient = pathHash(name)
			}
		}
	}
}

// HasCompartment reports whether resources of a type have a compartment.
func (r *Registry) HasCompartment(typ string) bool { return r.typeOf(typ).compartment }

// Compartments returns the types whose resources have a compartment.
func (r *Registry) Compartments() []string {
	kinds := make([]string, len(r.schema.Compartments))
	for i := range r.schema.Compartments {
		kinds[i] = r.schema.Compartments[i].Type
	}
	return kinds
}

// Compartment returns a clause that holds for the resources of a type, or of any
// type if typ is empty, in the compartment of a resource, and whether the type can
// be in one of that kind. In searches a compartment is a clause like any other:
// https://hl7.org/fhir/R4/compartmentdefinition.html.
func (r *Registry) Compartment(kind, id, typ string) (Clause, bool) {
	return r.CompartmentOf(kind, []string{id}, typ)
}

// CompartmentOf is Compartment for what is in that of at least one of several
// resources, or if ids is nil in that of any.
func (r *Registry) CompartmentOf(kind string, ids []string, typ string) (Clause, bool) {
	if !r.HasCompartment(kind) {
		return Clause{}, false
	}
	types := []string{typ}
	if typ == "" {
		types = r.names
	}
	c := Clause{member: &member{kind: kind, ids: ids, of: map[string][]*Param{}, value: referenceValue{reg: r}}, Exact: ids != nil, Ranges: []KeyRange{}}
	m := c.member
	for _, id := range ids {
		m.value.targets = append(m.value.targets, kind+"/"+id)
	}
	for _, typ := range types {
		codes := r.members(kind, typ)
		if codes == nil && kind != typ {
			continue
		}
		m.of[typ] = nil
		for _, code := range codes {
			if p := r.typeOf(typ).params[code]; p != nil && p.Type == fhir.ReferenceParam {
				m.of[typ] = append(m.of[typ], p)
			}
		}
		c.addMembers(typ, len(types) > 1)
	}
	c.tidy()
	return c, len(m.of) > 0
}

// addMembers adds the key ranges of the resources of a type, one of several or not.
func (c *Clause) addMembers(typ string, several bool) {
	m := c.member
	if m.ids == nil {
		c.Ranges = append(c.Ranges, KeyRange{Low: TypeKey(typ)})
		return
	}
	for _, id := range m.ids {
		switch {
		case m.kind == "Patient" && several && len(m.ids) > 1:
			c.Ranges = append(c.Ranges, CompartmentRange(id)) // rather than a key for each of the types
		case m.kind == "Patient" || m.kind == typ:
			c.Ranges = append(c.Ranges, KeyRange{Low: compartmentKey(m.kind, id, typ)})
		}
	}
	if m.kind != "Patient" {
		for _, p := range m.of[typ] {
			c.addRanges(p, &m.value)
		}
	}
}

// A member says what is in a compartment: the resources that have it, and what
// refers to them.
type member struct {
	kind  string
	ids   []string            // nil: any
	of    map[string][]*Param // by type, the parameters whose references count
	value referenceValue
}

func (m *member) matches(r *fhir.Resource) bool {
	params, ok := m.of[r.Type()]
	if !ok {
		return false
	}
	if r.Type() == m.kind && (m.ids == nil || slices.Contains(m.ids, r.ID())) {
		return true
	}
	return slices.ContainsFunc(params, func(p *Param) bool { return p.any(r, m.refersTo) })
}

// refersTo reports whether a reference is to a resource that has the compartment.
func (m *member) refersTo(el *element) bool {
	if m.ids != nil {
		return m.value.matches(el)
	}
	l, ok := el.link()
	return ok && strings.HasPrefix(l.target, m.kind+"/")
}

// CompartmentIDs returns the ids of the resources of a kind in whose compartments a
// resource is, its own included.
func (r *Registry) CompartmentIDs(kind string, res *fhir.Resource) []string {
	var ids []string
	if res.Type() == kind {
		ids = append(ids, res.ID())
	}
	for _, code := range r.members(kind, res.Type()) {
		p := r.typeOf(res.Type()).params[code]
		if p == nil || p.Type != fhir.ReferenceParam {
			continue
		}
		p.any(res, func(el *element) bool {
			l, ok := el.link()
			if id, of := strings.CutPrefix(l.target, kind+"/"); ok && of && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
			return false
		})
	}
	return ids
}
