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

// addCompartment marks the reference paths that put resources of a type into a
// patient's compartment.
func (r *Registry) addCompartment(name string, typ *resourceType) {
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

// Compartment returns a clause that holds for the resources of a type in the
// compartment of a resource, and whether the type can be in one of that kind. In
// searches a compartment is a clause like any other:
// https://hl7.org/fhir/R4/compartmentdefinition.html.
func (r *Registry) Compartment(kind, id, typ string) (Clause, bool) {
	codes := r.membership(kind, typ)
	if codes == nil && kind != typ {
		return Clause{}, false
	}
	m := &member{self: fhir.Key{Type: kind, ID: id}, value: &referenceValue{targets: []string{kind + "/" + id}}}
	c := Clause{member: m, Exact: true}
	for _, code := range codes {
		if p := r.typeOf(typ).params[code]; p != nil && p.Type == fhir.ReferenceParam {
			m.params = append(m.params, p)
		}
	}
	if kind == "Patient" {
		c.Ranges = []KeyRange{{Low: CompartmentKey(id, typ)}}
		return c, true
	}
	if kind == typ {
		return Clause{member: m}, true // the resource itself has no key
	}
	for _, p := range m.params {
		c.addRanges(p, m.value)
	}
	c.tidy()
	return c, true
}

// A member says what is in a compartment: the resource itself, and what refers
// to it through one of the parameters.
type member struct {
	self   fhir.Key
	params []*Param
	value  *referenceValue
}

func (m *member) matches(r *fhir.Resource) bool {
	if r.Key() == m.self {
		return true
	}
	return slices.ContainsFunc(m.params, func(p *Param) bool {
		return p.any(r, func(el *element) bool { return m.value.matches(el) })
	})
}
