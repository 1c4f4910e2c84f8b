package search

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// wrong returns the error for an element of a SearchParameter.
func wrong(element, format string, args ...any) *fhir.Error {
	return fhir.ErrorAt(fhir.Unprocessable, "SearchParameter."+element, format, args...)
}

// reserved are the codes that mean something else in filters.
var reserved = []string{"id", "and", "or", "not"}

// checkParam checks what a definition by itself tells.
func checkParam(p *fhir.SearchParam) error {
	switch {
	case p.URL == "":
		return wrong("url", "a search parameter needs a url")
	case !validCode(p.Code):
		return wrong("code", "%q can not be the name of a search parameter: it needs letters, digits, - and _, and begins with a letter", clip(p.Code))
	case slices.Contains(reserved, p.Code):
		return wrong("code", "%q can not be the name of a search parameter: it means something else in filters", p.Code)
	case p.Type == 0:
		return wrong("type", "a search parameter needs a type")
	case p.Type == fhir.SpecialParam:
		return wrong("type", "what a special search parameter means is not in its definition")
	case len(p.Base) == 0:
		return wrong("base", "a search parameter needs a resource type")
	case p.Expression == "":
		return wrong("expression", "a search parameter without an expression can not be searched by")
	case p.Type == fhir.CompositeParam && len(p.Component) < 2:
		return wrong("component", "a composite search parameter needs two components")
	case p.Type != fhir.CompositeParam && len(p.Component) > 0:
		return wrong("component", "only a composite search parameter has components")
	}
	if _, err := fhirpath.Parse(p.Expression); err != nil {
		return wrong("expression", "%s", textOf(err))
	}
	for i, c := range p.Component {
		if _, err := fhirpath.Parse(c.Expression); err != nil {
			return wrong(fmt.Sprintf("component[%d].expression", i), "%s", textOf(err))
		}
	}
	return nil
}

// textOf returns what an error says to clients.
func textOf(err error) string {
	if e, ok := errors.AsType[*fhir.Error](err); ok {
		return e.Text
	}
	return err.Error()
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

// Admit checks that a custom parameter, as [ParamFromResource] has read it, can be
// searched by beside those of r and others: that its place is free, that its
// expression is about the types it is for, and that what it yields has values of
// its type. The error is Unprocessable and names the element at fault.
func (r *Registry) Admit(p *fhir.SearchParam, others []fhir.SearchParam) error {
	if r.Repeats(p) {
		return nil
	}
	if err := r.taken(p, others); err != nil {
		return err
	}
	for i, t := range p.Target {
		if r.schema.ResourceByName(t) == 0 {
			return wrong(fmt.Sprintf("target[%d]", i), "%q is no resource type", clip(t))
		}
	}
	d, err := r.define(p, others)
	if err != nil {
		return err
	}
	for i, base := range p.Base {
		if err := r.fits(d, i, r.schema.TypeByName(base)); err != nil {
			return err
		}
	}
	return r.compiles(d)
}

// taken refuses a parameter that another stands in the place of.
func (r *Registry) taken(p *fhir.SearchParam, others []fhir.SearchParam) error {
	for i, base := range p.Base {
		id := r.schema.TypeByName(base)
		if id == 0 || r.schema.Types[id].Kind != fhir.ResourceType {
			return wrong(fmt.Sprintf("base[%d]", i), "%q is no resource type", clip(base))
		}
		for _, other := range r.sharing(id, p.Code, others) {
			return wrong("code", "%s has a search parameter %q already: %s", base, p.Code, other.URL)
		}
	}
	for _, all := range [][]fhir.SearchParam{r.params, others} {
		for i := range all {
			if all[i].URL == p.URL {
				return wrong("url", "there is a search parameter with the url %s already", clip(p.URL))
			}
		}
	}
	return nil
}

// sharing returns the parameters of that code that resources of a type, or of one
// that specialises it, have.
func (r *Registry) sharing(typ fhir.TypeID, code string, others []fhir.SearchParam) []*fhir.SearchParam {
	var found []*fhir.SearchParam
	for _, all := range [][]fhir.SearchParam{r.params, others} {
		for i := range all {
			if all[i].Code == code && slices.ContainsFunc(all[i].Base, func(b string) bool {
				theirs := r.schema.TypeByName(b)
				return r.schema.IsA(typ, theirs) || r.schema.IsA(theirs, typ)
			}) {
				found = append(found, &all[i])
			}
		}
	}
	return found
}

// Repeats reports whether r has all that a parameter says: the same code, type,
// expression and components for each of its types, as profiles repeat what R4 defines.
func (r *Registry) Repeats(p *fhir.SearchParam) bool {
	if len(p.Base) == 0 {
		return false
	}
	for _, base := range p.Base {
		id := r.schema.TypeByName(base)
		same := slices.ContainsFunc(r.params, func(o fhir.SearchParam) bool {
			return o.Code == p.Code && o.Type == p.Type && slices.Contains(o.Base, base) && slices.Equal(o.Component, p.Component) && r.meaning(&o, id) == r.meaning(p, id)
		})
		if !same || r.meaning(p, id) == "" {
			return false
		}
	}
	return true
}

// meaning writes down what an expression says of a type; empty if it says nothing.
func (r *Registry) meaning(p *fhir.SearchParam, typ fhir.TypeID) string {
	e, err := fhirpath.Parse(p.Expression)
	if err != nil {
		return ""
	}
	var all []string
	for _, a := range r.forType(e, typ) {
		all = append(all, a.String())
	}
	return strings.Join(all, " | ")
}

// define parses the expressions of a custom parameter.
func (r *Registry) define(p *fhir.SearchParam, others []fhir.SearchParam) (definition, error) {
	d := definition{SearchParam: p}
	var err error
	if d.expr, err = fhirpath.Parse(p.Expression); err != nil {
		return d, wrong("expression", "%s", textOf(err))
	}
	if by := clock(d.expr); by != "" {
		return d, wrong("expression", "%s() says something else every time, so that it can not be indexed", by)
	}
	for i, c := range p.Component {
		at := fmt.Sprintf("component[%d].", i)
		e, err := fhirpath.Parse(c.Expression)
		if err != nil {
			return d, wrong(at+"expression", "%s", textOf(err))
		}
		if by := clock(e); by != "" {
			return d, wrong(at+"expression", "%s() says something else every time, so that it can not be indexed", by)
		}
		url, _, _ := strings.Cut(c.Definition, "|")
		typ := fhir.ParamType(0)
		for _, all := range [][]fhir.SearchParam{r.params, others} {
			for j := range all {
				if all[j].URL == url {
					typ = all[j].Type
				}
			}
		}
		switch {
		case typ == 0:
			return d, wrong(at+"definition", "there is no search parameter %q", clip(c.Definition))
		case typ == fhir.CompositeParam || typ == fhir.SpecialParam:
			return d, wrong(at+"definition", "a part of a composite can not be of type %s", typ)
		case i == 0 && typ != fhir.TokenParam:
			return d, wrong(at+"definition", "the first part of a composite must be a token, not of type %s", typ)
		}
		d.parts, d.types = append(d.parts, e), append(d.types, typ)
	}
	return d, nil
}

// clock returns the function in an expression that depends on when it is evaluated,
// if there is one.
func clock(e *fhirpath.Expr) string {
	if e == nil {
		return ""
	}
	if e.Op == fhirpath.CallOp && slices.Contains([]string{"now", "today", "timeOfDay"}, e.Text) {
		return e.Text
	}
	for _, inner := range append([]*fhirpath.Expr{e.Input}, e.Args...) {
		if by := clock(inner); by != "" {
			return by
		}
	}
	return ""
}

// fits checks the expression of a parameter for one of its types.
func (r *Registry) fits(d definition, at int, base fhir.TypeID) error {
	mine := r.forType(d.expr, base)
	if len(mine) == 0 {
		return wrong("expression", "it says nothing about %s", d.Base[at])
	}
	yields := fhirpath.Result{}
	for _, a := range mine {
		some, err := r.yields(a, base)
		if err != nil {
			return wrong("expression", "%s", textOf(err))
		}
		yields.Any = yields.Any || some.Any
		yields.Types, yields.System = append(yields.Types, some.Types...), append(yields.System, some.System...)
	}
	if d.Type != fhir.CompositeParam {
		if !r.searchable(yields, d.Type) {
			return wrong("type", "what %q yields is of %s, which can not be searched by as %s", clip(d.Expression), r.typeNames(yields), d.Type)
		}
		return nil
	}
	for i, part := range d.parts {
		if err := r.partFits(part, d.types[i], yields, fmt.Sprintf("component[%d].expression", i)); err != nil {
			return err
		}
	}
	return nil
}

// partFits checks a part of a composite on what the whole yields.
func (r *Registry) partFits(part *fhirpath.Expr, typ fhir.ParamType, whole fhirpath.Result, at string) error {
	if whole.Any {
		return nil
	}
	found := fhirpath.Result{}
	var failed error
	for _, t := range whole.Types {
		some, err := r.yields(part, t)
		if err != nil {
			failed = err
			continue
		}
		found.Any = found.Any || some.Any
		found.Types, found.System = append(found.Types, some.Types...), append(found.System, some.System...)
	}
	switch {
	case r.searchable(found, typ):
		return nil
	case failed != nil:
		return wrong(at, "%s", textOf(failed))
	}
	return wrong(at, "what it yields is of %s, which can not be searched by as %s", r.typeNames(found), typ)
}

// yields returns what an expression can yield on a type: exactly if it is a route.
func (r *Registry) yields(e *fhirpath.Expr, typ fhir.TypeID) (fhirpath.Result, error) {
	result, err := fhirpath.ResultOf(r.schema, e, typ)
	if err != nil {
		return result, err
	}
	if rt, ok := r.route(e); ok && !r.schema.Types[typ].Abstract {
		return fhirpath.Result{Types: r.leafTypes(typ, rt)}, nil
	}
	return result, nil
}

// searchable reports whether some of what an expression yields has values that a
// parameter of a type compares.
func (r *Registry) searchable(yields fhirpath.Result, typ fhir.ParamType) bool {
	if yields.Any || typ == fhir.TokenParam && slices.Contains(yields.System, fhirpath.BooleanItem) {
		return true
	}
	return slices.ContainsFunc(yields.Types, func(t fhir.TypeID) bool {
		k := r.kinds[t]
		return k == extensionKind || kindsFor[typ].has(k) || typ == fhir.StringParam && parts[k] != nil || r.schema.Types[t].Abstract
	})
}

// typeNames lists the types of what an expression yields, for a message.
func (r *Registry) typeNames(yields fhirpath.Result) string {
	var names []string
	for _, t := range yields.Types {
		names = append(names, r.schema.Types[t].Name)
	}
	if len(yields.System) > 0 {
		names = append(names, "a computed value")
	}
	slices.Sort(names)
	names = slices.Compact(names)
	switch {
	case len(names) == 0:
		return "no type"
	case len(names) > 4:
		names = append(names[:4], "…")
	}
	return "type " + strings.Join(names, ", ")
}

// compiles compiles a parameter for all of its types, aside from r.
func (r *Registry) compiles(d definition) error {
	aside := *r
	aside.paths = maps.Clone(r.paths)
	for id := range r.schema.Types {
		t := &r.schema.Types[id]
		if t.Kind != fhir.ResourceType || t.Abstract || !slices.ContainsFunc(d.Base, func(b string) bool {
			return r.schema.IsA(fhir.TypeID(id), r.schema.TypeByName(b))
		}) {
			continue
		}
		if _, err := aside.compile(fhir.TypeID(id), &trie{nodes: []trieNode{{typ: fhir.TypeID(id)}}}, d); err != nil {
			return wrong("expression", "for %s: %s", t.Name, textOf(err))
		}
	}
	return nil
}
