package search

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// With returns a registry that has custom parameters beside those of r, which
// stays as it is. The error names the first one that can not be compiled, or whose
// code a type has already.
func (r *Registry) With(custom []fhir.SearchParam) (*Registry, error) {
	for i := range custom {
		if err := r.taken(&custom[i], custom[:i]); err != nil {
			return nil, err
		}
	}
	next, err := NewRegistry(r.Codec, slices.Concat(r.params, custom))
	if err != nil {
		return nil, fhir.Errorf(fhir.Unprocessable, "%v", err)
	}
	next.Base = r.Base
	return next, nil
}

// InUse reports whether a SearchParameter resource is one to search by: it is
// active or in draft.
func InUse(r *fhir.Resource) bool {
	status := r.Root().Get("status").Text()
	return status == "active" || status == "draft"
}

// ParamFromResource reads a SearchParameter resource. The error is Unprocessable
// and names the element that keeps the parameter from being searched by.
// See https://hl7.org/fhir/R4/searchparameter.html.
func ParamFromResource(r *fhir.Resource) (fhir.SearchParam, error) {
	var p fhir.SearchParam
	if r.Type() != "SearchParameter" {
		return p, fhir.Errorf(fhir.Unprocessable, "it is a %s, no SearchParameter", r.Type())
	}
	root := r.Root()
	p.URL, p.Code, p.Expression = root.Get("url").Text(), root.Get("code").Text(), root.Get("expression").Text()
	p.Type = paramType(root.Get("type").Text())
	p.Base, p.Target = texts(root.Get("base")), texts(root.Get("target"))
	for c := range root.Get("component").Items {
		p.Component = append(p.Component, fhir.ParamComponent{Definition: c.Get("definition").Text(), Expression: c.Get("expression").Text()})
	}
	return p, checkParam(&p)
}

// texts returns the items of an array.
func texts(v fhir.Value) []string {
	var all []string
	for item := range v.Items {
		all = append(all, item.Text())
	}
	return all
}

// paramType returns the type of parameter with a code, or 0.
func paramType(code string) fhir.ParamType {
	for t := fhir.NumberParam; t <= fhir.SpecialParam; t++ {
		if t.String() == code {
			return t
		}
	}
	return 0
}
