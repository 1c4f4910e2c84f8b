package main

import (
	"cmp"
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// compartments returns the compartments by type. A type that can never be in a
// compartment is not listed in it. CompartmentDefinition/example defines the
// Device compartment a second time, in part, and is left out.
func compartments(published []compartment) []fhir.Compartment {
	var list []fhir.Compartment
	taken := map[string]bool{}
	byURL := func(a, b compartment) int { return a.compare(b.identity) }
	for _, c := range slices.SortedFunc(slices.Values(published), byURL) {
		if taken[c.Code] {
			continue
		}
		taken[c.Code] = true
		list = append(list, newCompartment(c))
	}
	slices.SortFunc(list, func(a, b fhir.Compartment) int { return cmp.Compare(a.Type, b.Type) })
	return list
}

func newCompartment(c compartment) fhir.Compartment {
	var members []fhir.CompartmentMember
	for _, r := range c.Resource {
		if len(r.Param) > 0 {
			members = append(members, fhir.CompartmentMember{Type: r.Code, Params: sorted(r.Param)})
		}
	}
	slices.SortFunc(members, func(a, b fhir.CompartmentMember) int { return cmp.Compare(a.Type, b.Type) })
	return fhir.Compartment{Type: c.Code, Members: members}
}

// operations returns the operations by code and URL.
func operations(published []operation) []fhir.Operation {
	var list []fhir.Operation
	for _, o := range published {
		list = append(list, fhir.Operation{
			Code:         o.Code,
			URL:          o.URL,
			Resource:     sorted(o.Resource),
			AffectsState: o.AffectsState,
			System:       o.System,
			TypeLevel:    o.Type,
			Instance:     o.Instance,
		})
	}
	slices.SortFunc(list, func(a, b fhir.Operation) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.URL, b.URL))
	})
	return list
}
