// Package custom makes search parameters of the SearchParameter resources that
// are stored, for databases: each indexes by them in its own way, but what they
// are is the same everywhere.
package custom

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A Param is a search parameter that a stored resource defines.
type Param struct {
	fhir.SearchParam
	ID    string // of the resource
	Print string // tells it from all that are indexed otherwise
}

// From returns the parameter that a SearchParameter resource defines. It reports
// whether there is one: the resource is in use, can be searched by, and does not
// repeat what base has.
func From(base *search.Registry, r *fhir.Resource) (Param, bool) {
	if !search.InUse(r) {
		return Param{}, false
	}
	p, err := search.ParamFromResource(r)
	if err != nil || base.Repeats(&p) {
		return Param{}, false
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []any{p.Code, p.URL, p.Type, p.Base, p.Expression, p.Target, p.Component}))
	return Param{p, r.ID(), hex.EncodeToString(sum[:12])}, true
}

// Admit refuses a SearchParameter, about to be stored under an id, that would be
// one to search by and can not be, given those that are stored.
func Admit(base *search.Registry, r *fhir.Resource, id string, stored func() ([]Param, error)) error {
	if r.Type() != "SearchParameter" || !search.InUse(r) {
		return nil
	}
	p, err := search.ParamFromResource(r)
	if err != nil {
		return err
	}
	all, err := stored()
	if err != nil {
		return err
	}
	var others []Param
	for _, c := range all {
		if c.ID != id {
			others = append(others, c)
		}
	}
	return base.Admit(&p, plain(others))
}

// With returns base with custom parameters, and which of these could be taken.
// Refused is told of the others.
func With(base *search.Registry, defined []Param, refused func(Param, error)) (*search.Registry, []Param) {
	if len(defined) == 0 {
		return base, nil
	}
	if reg, err := base.With(plain(defined)); err == nil {
		return reg, defined
	}
	reg := base
	var taken []Param
	for _, c := range defined {
		if next, err := base.With(plain(append(taken[:len(taken):len(taken)], c))); err == nil {
			reg, taken = next, append(taken, c)
		} else {
			refused(c, err)
		}
	}
	return reg, taken
}

func plain(defined []Param) (all []fhir.SearchParam) {
	for _, c := range defined {
		all = append(all, c.SearchParam)
	}
	return all
}

// Prints returns the fingerprints of parameters.
func Prints(defined []Param) []string {
	all := []string{}
	for _, c := range defined {
		all = append(all, c.Print)
	}
	return all
}
