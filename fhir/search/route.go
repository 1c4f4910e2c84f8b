package search

import (
	"slices"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A route is one alternative of a parameter's expression, for one resource type,
// as steps from the root: the form in which the trie can walk it.
type route struct {
	steps  []routeStep
	target fhir.TypeID // where(resolve() is T) at the end; 0: any
}

// A routeStep leads to the children of a name.
type routeStep struct {
	name   string
	types  []fhir.TypeID // the values must be of one of them; nil: any
	filter filter
}

// A filterKind says what a filter looks at.
type filterKind uint8

const (
	noFilter filterKind = iota
	memberFilter
	indexFilter
	extensionFilter
)

// A filter keeps some of the values of a step.
type filter struct {
	kind filterKind
	name string // of the member
	text string // what the member or the extension's url is
	at   uint32
}

func (f filter) String() string {
	switch f.kind {
	case memberFilter:
		return "[" + f.name + "=" + strconv.Quote(f.text) + "]"
	case indexFilter:
		return "[" + strconv.Itoa(int(f.at)) + "]"
	case extensionFilter:
		return "[extension " + strconv.Quote(f.text) + "]"
	}
	return ""
}

// holds reports whether the object v, the item of that index, passes.
func (f filter) holds(v fhir.Value, index uint32) bool {
	switch f.kind {
	case memberFilter:
		return v.Get(f.name).Text() == f.text
	case indexFilter:
		return index == f.at
	case extensionFilter:
		for x := range v.Get("extension").Items {
			if x.Get("url").Text() == f.text {
				return true
			}
		}
		return false
	}
	return true
}

// alternatives splits an expression at its unions.
func alternatives(e *fhirpath.Expr) []*fhirpath.Expr {
	if e.Op == fhirpath.BinaryOp && e.Text == "|" {
		return append(alternatives(e.Args[0]), alternatives(e.Args[1])...)
	}
	return []*fhirpath.Expr{e}
}

// head returns the name that a path begins with, empty if e is no path.
func head(e *fhirpath.Expr) string {
	for {
		switch {
		case e.Input != nil:
			e = e.Input
		case e.Op == fhirpath.AsOp, e.Op == fhirpath.IsOp, e.Op == fhirpath.BinaryOp:
			e = e.Args[0]
		case e.Op == fhirpath.MemberOp:
			return e.Text
		default:
			return ""
		}
	}
}

// forType returns the alternatives of an expression that can yield something for
// a resource type.
func (r *Registry) forType(e *fhirpath.Expr, typ fhir.TypeID) []*fhirpath.Expr {
	var mine []*fhirpath.Expr
	for _, a := range alternatives(e) {
		t := r.schema.TypeByName(head(a))
		if t == 0 || r.schema.Types[t].Kind != fhir.ResourceType || r.schema.IsA(typ, t) {
			mine = append(mine, a)
		}
	}
	return mine
}

// route reads an alternative as a route; ok is false if it is none.
func (r *Registry) route(e *fhirpath.Expr) (rt route, ok bool) {
	switch e.Op {
	case fhirpath.MemberOp:
		if e.Input == nil {
			if t := r.schema.TypeByName(e.Text); t != 0 && r.schema.Types[t].Kind == fhir.ResourceType {
				return route{}, true
			}
			return route{steps: []routeStep{{name: e.Text}}}, true
		}
		rt, ok = r.route(e.Input)
		ok = ok && rt.target == 0
		rt.steps = append(rt.steps, routeStep{name: e.Text})
		return rt, ok
	case fhirpath.AsOp:
		return r.restricted(e.Args[0], e.Text)
	case fhirpath.CallOp:
		return r.call(e)
	case fhirpath.ItemOp:
		return r.indexed(e)
	}
	return route{}, false
}

// restricted is a route whose last step must lead to a type.
func (r *Registry) restricted(input *fhirpath.Expr, name string) (route, bool) {
	rt, ok := r.route(input)
	t := r.typeNamed(name)
	if !ok || t == 0 || len(rt.steps) == 0 || rt.target != 0 {
		return rt, false
	}
	last := &rt.steps[len(rt.steps)-1]
	if last.types != nil || last.filter.kind != noFilter {
		return rt, false
	}
	last.types = []fhir.TypeID{t}
	return rt, true
}

// typeNamed finds a type by a name as R4's expressions have it; they also call
// dateTime DateTime.
func (r *Registry) typeNamed(name string) fhir.TypeID {
	if t := r.schema.TypeByName(name); t != 0 || name == "" {
		return t
	}
	return r.schema.TypeByName(strings.ToLower(name[:1]) + name[1:])
}

// call is a route that ends in a function.
func (r *Registry) call(e *fhirpath.Expr) (route, bool) {
	if len(e.Args) != 1 || e.Input == nil {
		return route{}, false
	}
	arg := e.Args[0]
	switch e.Text {
	case "as", "ofType":
		if arg.Op != fhirpath.MemberOp {
			return route{}, false
		}
		return r.restricted(e.Input, arg.Text)
	case "extension":
		rt, ok := r.route(e.Input)
		rt.steps = append(rt.steps, routeStep{name: "extension", filter: filter{kind: memberFilter, name: "url", text: arg.Text}})
		return rt, ok && rt.target == 0 && arg.Op == fhirpath.StringOp
	case "where":
		return r.where(e.Input, arg)
	}
	return route{}, false
}

// where is a route with a filter that the trie knows.
func (r *Registry) where(input, criteria *fhirpath.Expr) (route, bool) {
	rt, ok := r.route(input)
	if !ok || len(rt.steps) == 0 || rt.target != 0 {
		return rt, false
	}
	last := &rt.steps[len(rt.steps)-1]
	if last.filter.kind != noFilter {
		return rt, false
	}
	switch {
	case criteria.Op == fhirpath.IsOp && criteria.Args[0].String() == "resolve()":
		rt.target = r.schema.ResourceByName(criteria.Text)
		return rt, rt.target != 0
	case criteria.Op == fhirpath.BinaryOp && criteria.Text == "=":
		name, text := criteria.Args[0], criteria.Args[1]
		last.filter = filter{kind: memberFilter, name: name.Text, text: text.Text}
		return rt, name.Op == fhirpath.MemberOp && name.Input == nil && text.Op == fhirpath.StringOp
	case criteria.Op == fhirpath.CallOp && criteria.Text == "hasExtension" && criteria.Input == nil && len(criteria.Args) == 1:
		last.filter = filter{kind: extensionFilter, text: criteria.Args[0].Text}
		return rt, criteria.Args[0].Op == fhirpath.StringOp
	}
	return rt, false
}

// indexed is a route with an indexer on a child of the root; further down an
// index would count over several parents.
func (r *Registry) indexed(e *fhirpath.Expr) (route, bool) {
	rt, ok := r.route(e.Input)
	at, err := strconv.Atoi(e.Args[0].Text)
	if !ok || err != nil || e.Args[0].Op != fhirpath.NumberOp || len(rt.steps) != 1 || rt.target != 0 || rt.steps[0].filter.kind != noFilter {
		return rt, false
	}
	rt.steps[0].filter = filter{kind: indexFilter, at: uint32(at)}
	return rt, true
}

// merge joins routes that differ only in the type of their last step, so that
// the types of one choice share an index path.
func merge(routes []route) []route {
	var out []route
next:
	for _, rt := range routes {
		for i := range out {
			if sameButType(&out[i], &rt) {
				last := &out[i].steps[len(rt.steps)-1]
				last.types = append(slices.Clone(last.types), rt.steps[len(rt.steps)-1].types...)
				continue next
			}
		}
		out = append(out, rt)
	}
	return out
}

func sameButType(a, b *route) bool {
	n := len(a.steps) - 1
	if n < 0 || len(b.steps) != n+1 || a.target != b.target {
		return false
	}
	for i := range n {
		if !a.steps[i].equal(&b.steps[i]) {
			return false
		}
	}
	x, y := &a.steps[n], &b.steps[n]
	return x.name == y.name && x.filter == y.filter && x.types != nil && y.types != nil
}

func (s *routeStep) equal(o *routeStep) bool {
	return s.name == o.name && s.filter == o.filter && slices.Equal(s.types, o.types)
}

// elementsOf returns the elements that a step leads to from a type.
func (r *Registry) elementsOf(t fhir.TypeID, s *routeStep) []fhir.ElementID {
	var found []fhir.ElementID
	for i, e := range r.schema.ElementsOf(t) {
		if e.Name != s.name && e.Choice != s.name {
			continue
		}
		ok := s.types == nil
		for _, want := range s.types {
			ok = ok || r.selects(e.Type, want)
		}
		if ok {
			found = append(found, r.schema.Types[t].First+fhir.ElementID(i))
		}
	}
	return found
}

// selects reports whether as(want) keeps values of type t: those of the type and
// its specialisations, but of a primitive only its own.
func (r *Registry) selects(t, want fhir.TypeID) bool {
	return t == want || r.schema.Types[want].Kind != fhir.PrimitiveType && r.schema.IsA(t, want)
}

// expand replaces a route by those that lead to values of a parameter's type:
// the parts of names and addresses, and the values of extensions.
func (r *Registry) expand(typ fhir.TypeID, rt route, param fhir.ParamType) []route {
	var more []string
	whole := false
	for _, t := range r.leafTypes(typ, rt) {
		switch k := r.kinds[t]; {
		case k == extensionKind:
			more = append(more, "value")
		case param == fhir.StringParam && parts[k] != nil:
			more = append(more, parts[k]...)
		default:
			whole = true
		}
	}
	var out []route
	if whole || more == nil {
		out = append(out, rt)
	}
	for _, name := range more {
		next := route{steps: append(slices.Clone(rt.steps), routeStep{name: name}), target: rt.target}
		out = append(out, r.expand(typ, next, param)...)
	}
	return out
}

// leafTypes returns the types that a route leads to.
func (r *Registry) leafTypes(typ fhir.TypeID, rt route) []fhir.TypeID {
	types := []fhir.TypeID{typ}
	for i := range rt.steps {
		var next []fhir.TypeID
		for _, t := range types {
			for _, id := range r.elementsOf(t, &rt.steps[i]) {
				if e := r.schema.Elements[id].Type; !slices.Contains(next, e) {
					next = append(next, e)
				}
			}
		}
		types = next
	}
	return types
}

// describe writes a route as the identity of an index path: by the elements it
// leads through, whichever way the expression asked for them.
func (r *Registry) describe(typ fhir.TypeID, rt route) string {
	var b strings.Builder
	b.WriteString(r.schema.Types[typ].Name)
	b.WriteByte('/')
	types := []fhir.TypeID{typ}
	for i := range rt.steps {
		if i > 0 {
			b.WriteByte('.')
		}
		var names []string
		var next []fhir.TypeID
		for _, t := range types {
			for _, id := range r.elementsOf(t, &rt.steps[i]) {
				names = append(names, r.schema.Elements[id].Name)
				next = append(next, r.schema.Elements[id].Type)
			}
		}
		slices.Sort(names)
		b.WriteString(strings.Join(slices.Compact(names), "+"))
		b.WriteString(rt.steps[i].filter.String())
		types = next
	}
	return b.String()
}
