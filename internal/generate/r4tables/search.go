package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// searchParams returns the search parameters by code and URL. No two have the
// same code for the same type.
func searchParams(published []searchParam) ([]fhir.SearchParam, error) {
	var params []fhir.SearchParam
	taken := map[[2]string]bool{}
	byURL := func(a, b searchParam) int { return a.compare(b.identity) }
	for _, p := range slices.SortedFunc(slices.Values(published), byURL) {
		p.Base = bases(p)
		if !take(taken, p) {
			if p.example() == 0 {
				return nil, fmt.Errorf("%s: another parameter has code %q", p.URL, p.Code)
			}
			continue
		}
		param, err := newSearchParam(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.URL, err)
		}
		params = append(params, param)
	}
	slices.SortFunc(params, func(a, b fhir.SearchParam) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.URL, b.URL))
	})
	return params, nil
}

// take reports whether p's code is still free for all of its types, and takes
// it. Two examples of how to write a SearchParameter repeat the code of a real
// one and must not replace it: SearchParameter/example is _id again, and
// SearchParameter/example-reference is Condition's subject, but with no target
// except Organization.
func take(taken map[[2]string]bool, p searchParam) bool {
	for _, base := range p.Base {
		if taken[[2]string{base, p.Code}] {
			return false
		}
	}
	for _, base := range p.Base {
		taken[[2]string{base, p.Code}] = true
	}
	return true
}

// bases returns the types a parameter is for. Ten parameters on extensions lack
// them; the type is in their ID, as in valueset-extensions-ValueSet-author.
func bases(p searchParam) []string {
	if len(p.Base) > 0 {
		return p.Base
	}
	_, rest, _ := strings.Cut(p.ID, "-extensions-")
	base, _, _ := strings.Cut(rest, "-")
	return []string{base}
}

func newSearchParam(p searchParam) (fhir.SearchParam, error) {
	if slices.Contains(p.Base, "") {
		return fhir.SearchParam{}, errors.New("no base")
	}
	typ := paramType(p.Type)
	if typ == 0 {
		return fhir.SearchParam{}, fmt.Errorf("no type of search parameter %q", p.Type)
	}
	var parts []fhir.ParamComponent
	for _, c := range p.Component {
		parts = append(parts, fhir.ParamComponent{Definition: c.Definition, Expression: c.Expression})
	}
	return fhir.SearchParam{
		Code:       p.Code,
		URL:        p.URL,
		Type:       typ,
		Base:       sorted(p.Base),
		Expression: p.Expression,
		Target:     sorted(p.Target),
		Component:  parts,
	}, nil
}

// paramType returns the type of search parameter with a code, or 0.
func paramType(code string) fhir.ParamType {
	for t := fhir.NumberParam; t <= fhir.SpecialParam; t++ {
		if t.String() == code {
			return t
		}
	}
	return 0
}
