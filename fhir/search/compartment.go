package search

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// membership returns the codes of the parameters that put resources of a type
// into a compartment.
func (r *Registry) membership(kind, typ string) []string {
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
	for _, code := range r.membership("Patient", name) {
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
	if !r.HasCompartment(kind) {
		return Clause{}, false
	}
	types := []string{typ}
	if typ == "" {
		types = r.names
	}
	c := Clause{member: &member{of: map[string]*membership{}}, Exact: true}
	for _, typ := range types {
		c.addMembers(r, kind, id, typ)
	}
	c.tidy()
	return c, len(c.member.of) > 0
}

// addMembers adds the resources of a type.
func (c *Clause) addMembers(r *Registry, kind, id, typ string) {
	codes := r.membership(kind, typ)
	if codes == nil && kind != typ {
		return
	}
	m := &membership{value: &referenceValue{targets: []string{kind + "/" + id}}}
	if kind == typ {
		m.self = id
	}
	for _, code := range codes {
		if p := r.typeOf(typ).params[code]; p != nil && p.Type == fhir.ReferenceParam {
			m.params = append(m.params, p)
		}
	}
	c.member.of[typ] = m
	if kind == "Patient" || kind == typ {
		c.Ranges = append(c.Ranges, KeyRange{Low: compartmentKey(kind, id, typ)})
	}
	if kind != "Patient" {
		for _, p := range m.params {
			c.addRanges(p, m.value)
		}
	}
}

// A member says what is in a compartment, by type.
type member struct {
	of map[string]*membership
}

// A membership says which resources of a type are in a compartment: what refers
// to the one that has it through one of the parameters, and that one itself.
type membership struct {
	self   string // its id, if it is of this type
	params []*Param
	value  *referenceValue
}

func (m *member) matches(r *fhir.Resource) bool {
	of := m.of[r.Type()]
	return of != nil && (of.self != "" && of.self == r.ID() || slices.ContainsFunc(of.params, func(p *Param) bool {
		return p.any(r, func(el *element) bool { return of.value.matches(el) })
	}))
}
