package search

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// With returns a registry that has custom parameters beside those of r, which
// stays as it is. The error names the first one that can not be compiled, or whose
// code a type has already.
func (r *Registry) With(custom []fhir.SearchParam) (*Registry, error) {
	for i := range custom {
		for _, base := range custom[i].Base {
			if err := r.taken(base, &custom[i], custom[:i]); err != nil {
				return nil, err
			}
		}
	}
	next, err := NewRegistry(r.Codec, slices.Concat(r.params, custom))
	if err != nil {
		return nil, fhir.Errorf(fhir.Unprocessable, "%v", err)
	}
	next.Base = r.Base
	return next, nil
}

// taken refuses a parameter that another stands in the place of.
func (r *Registry) taken(base string, p *fhir.SearchParam, earlier []fhir.SearchParam) error {
	id := r.schema.TypeByName(base)
	if id == 0 || r.schema.Types[id].Kind != fhir.ResourceType {
		return fhir.Errorf(fhir.Unprocessable, "search parameter %s: %q is no resource type", p.URL, clip(base))
	}
	for _, all := range [][]fhir.SearchParam{r.params, earlier} {
		for i := range all {
			other := &all[i]
			if other.URL == p.URL {
				return fhir.Errorf(fhir.Unprocessable, "search parameter %s is there already", p.URL)
			}
			if other.Code != p.Code {
				continue
			}
			for _, b := range other.Base {
				theirs := r.schema.TypeByName(b)
				if r.schema.IsA(id, theirs) || r.schema.IsA(theirs, id) {
					return fhir.Errorf(fhir.Unprocessable, "search parameter %s: %s has the code %q already, from %s", p.URL, base, p.Code, other.URL)
				}
			}
		}
	}
	return nil
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

func checkParam(p *fhir.SearchParam) error {
	refuse := func(element, format string, args ...any) error {
		return fhir.ErrorAt(fhir.Unprocessable, "SearchParameter."+element, format, args...)
	}
	switch {
	case p.URL == "":
		return refuse("url", "a search parameter needs a url")
	case !validCode(p.Code):
		return refuse("code", "%q can not be the name of a search parameter: it needs letters, digits, - and _, and begins with a letter", clip(p.Code))
	case p.Type == 0:
		return refuse("type", "a search parameter needs a type")
	case p.Type == fhir.SpecialParam:
		return refuse("type", "what a special search parameter means is not in its definition")
	case len(p.Base) == 0:
		return refuse("base", "a search parameter needs a resource type")
	case p.Expression == "":
		return refuse("expression", "a search parameter without an expression can not be searched by")
	case p.Type == fhir.CompositeParam && len(p.Component) < 2:
		return refuse("component", "a composite search parameter needs two components")
	case p.Type != fhir.CompositeParam && len(p.Component) > 0:
		return refuse("component", "only a composite search parameter has components")
	}
	if _, err := fhirpath.Parse(p.Expression); err != nil {
		return refuse("expression", "%v", err)
	}
	for _, c := range p.Component {
		if _, err := fhirpath.Parse(c.Expression); err != nil {
			return refuse("component.expression", "%v", err)
		}
	}
	return nil
}

// validCode reports whether a code can stand in a query string without being taken
// for something else.
func validCode(code string) bool {
	if code == "" || len(code) > 64 || !isLetter(code[0]) {
		return false
	}
	return !strings.ContainsFunc(code, func(r rune) bool { return r > 127 || !isName(byte(r)) || r == ':' || r == '.' })
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
