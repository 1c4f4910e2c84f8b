package search

import "github.com/noafhir/noafhir/fhir"

// An Access is the policy predicate: what one caller may see and change. It is
// a parameter of every store call and is applied inside queries, before any
// limit. The zero value permits nothing.
type Access struct {
	everything bool
	grants     []Grant
}

// A Grant permits the resources of a type that meet all of its clauses.
type Grant struct {
	Type  string // empty: every type
	Where []Clause
}

// Everything permits all there is.
func Everything() Access { return Access{everything: true} }

// Only permits what at least one of the grants does.
func Only(grants ...Grant) Access { return Access{grants: grants} }

// Unrestricted reports whether every resource is permitted, so that none needs
// to be looked at.
func (a Access) Unrestricted() bool { return a.everything }

// Permits reports whether the caller may see r.
func (a Access) Permits(r *fhir.Resource) bool {
	if a.everything {
		return true
	}
	for i := range a.grants {
		if a.grants[i].permits(r) {
			return true
		}
	}
	return false
}

func (g *Grant) permits(r *fhir.Resource) bool {
	if g.Type != "" && g.Type != r.Type() {
		return false
	}
	for i := range g.Where {
		if !g.Where[i].Matches(r) {
			return false
		}
	}
	return true
}
