package search

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// maxPairs bounds the pairs of values that a composite makes of one element.
// Elements that have more are neither indexed nor matched.
const maxPairs = 1000

// A pair holds the parts of a composite parameter. Keys combine the first two;
// a third is compared by matches alone.
type pair struct {
	parts  []part
	second *path // what the keys of the second part are made by
}

// A part is one component of a composite.
type part struct {
	param    fhir.ParamType
	program  *fhirpath.Program
	elements []fhir.ElementID // where the program only takes children, these are they
	kinds    kindSet
	parse    parser
}

// values appends the values of a part within the element base.
func (p *part) values(dst []element, base *element) []element {
	if p.elements != nil {
		return p.children(dst, base)
	}
	var buf [4]fhirpath.Item
	for _, item := range p.program.Append(buf[:0], base.root, base.v) {
		if el, ok := base.reg.element(base.root, item); ok {
			dst = append(dst, el)
		}
	}
	return dst
}

// children is values for plain members.
func (p *part) children(dst []element, base *element) []element {
	for m := base.v.First(); m.Exists(); m = m.Next(base.v) {
		if !slices.Contains(p.elements, m.Elem()) || m.Node().Flags&fhir.Shadow != 0 {
			continue
		}
		for v := range m.Items {
			if v.Kind() != fhir.NullNode {
				dst = append(dst, element{reg: base.reg, root: base.root, v: v, kind: base.reg.kinds[v.Type()]})
			}
		}
	}
	return dst
}

// tooMany reports whether two parts with these values make too many pairs. In a
// concept every coding counts.
func tooMany(first, second []element) bool { return size(first)*size(second) > maxPairs }

func size(values []element) int {
	n := len(values)
	for i := range values {
		if values[i].kind == conceptKind {
			for range values[i].v.Get("coding").Children {
				n++
			}
		}
	}
	return n
}

// composite writes the keys of the pairs of values within one element: with the
// system and code of the first part, and with the code alone.
func (w *writer) composite(p *path, base *element) {
	var buf [2][4]element
	second := p.pair.parts[1].values(buf[1][:0], base)
	if len(second) == 0 {
		return
	}
	first := p.pair.parts[0].values(buf[0][:0], base)
	if tooMany(first, second) {
		return
	}
	for i := range first {
		for c := range first[i].codes {
			w.pairWith(p, second, pairForm, c.system, "\x00", c.code)
			if c.code != "" {
				w.pairWith(p, second, pairCodeForm, c.code)
			}
		}
	}
}

// pairWith writes the keys of the second part's values behind what stands for
// the first.
func (w *writer) pairWith(p *path, second []element, form byte, first ...string) {
	h := p.hash
	w.pair = appendHash(append(w.lead[:0], byte(h>>24), byte(h>>16), byte(h>>8), byte(h), form), first...)
	for i := range second {
		w.value(p.pair.second, &second[i])
	}
	w.pair = nil
}

// A compositeValue is one value for each part.
type compositeValue struct {
	pair  *pair
	parts []comparison
}

// parseComposite reads the values of the parts, with $ between them.
func parseComposite(p *Param, text string, o *Options) (comparison, error) {
	f := split(text, '$')
	if len(f) != len(p.pair.parts) {
		return nil, invalid("it needs %d parts with $ between them, and has %d", len(p.pair.parts), len(f))
	}
	v := &compositeValue{pair: p.pair}
	for i := range f {
		if f[i] == "" {
			return nil, invalid("its part %d is empty", i+1)
		}
		c, err := p.pair.parts[i].parse(p, f[i], o)
		if err != nil {
			return nil, err
		}
		v.parts = append(v.parts, c)
	}
	return v, nil
}

// matches reports whether an element has a match for each part.
func (c *compositeValue) matches(base *element) bool {
	values := make([][]element, len(c.parts))
	for i := range c.parts {
		values[i] = c.pair.parts[i].values(nil, base)
		if !slices.ContainsFunc(values[i], func(el element) bool { return c.parts[i].matches(&el) }) {
			return false
		}
	}
	return !tooMany(values[0], values[1])
}

func (c *compositeValue) ranges(r *ranger, b branch) {
	r.inexact = r.inexact || len(c.parts) > 2
	first, ok := c.parts[0].(*tokenValue)
	if !ok || first.code == "" || first.system == booleanSystem || b.path.pair.parts[0].kinds.any(foldedKinds) {
		r.everything()
		return
	}
	sub := branch{path: b.path.pair.second}
	add := func(lead []byte) {
		inner := &ranger{prefix: lead, pair: true, out: r.out}
		c.parts[1].ranges(inner, sub)
		r.out, r.inexact = inner.out, r.inexact || inner.inexact
	}
	if first.bar {
		add(appendHash(r.key(pairForm), first.system, "\x00", first.code))
		return
	}
	add(appendHash(r.key(pairCodeForm), first.code))
}

// compilePair compiles the parts of a composite; nil if d is none.
func (r *Registry) compilePair(id fhir.TypeID, d definition) (*pair, error) {
	if d.Type != fhir.CompositeParam {
		return nil, nil
	}
	r.mend(id, d)
	p := &pair{}
	for i, e := range d.parts {
		program, err := fhirpath.CompileExpr(r.schema, e)
		if err != nil {
			return nil, err
		}
		parse, _ := parserOf(d.types[i], "")
		if parse == nil {
			return nil, fhir.Errorf(fhir.Unsupported, "a part of type %s", d.types[i])
		}
		p.parts = append(p.parts, part{param: d.types[i], program: program, parse: parse})
	}
	if len(p.parts) < 2 || p.parts[0].param != fhir.TokenParam {
		return nil, fhir.Errorf(fhir.Unsupported, "a composite that does not begin with a token")
	}
	return p, nil
}

// mend exchanges the types of the first two parts where the elements are of the
// other's type: R4 has the definitions of DocumentReference-relationship so.
func (r *Registry) mend(id fhir.TypeID, d definition) {
	base, ok := r.route(d.expr)
	routes, one := r.partRoutes(d.parts[0])
	if !ok || !one || len(d.parts) != 2 {
		return
	}
	for _, t := range r.leafTypes(id, base) {
		for _, e := range r.leafElements(t, routes[0]) {
			if k := r.kinds[r.schema.Elements[e].Type]; !kindsFor[d.types[0]].has(k) && kindsFor[d.types[1]].has(k) {
				d.types[0], d.types[1] = d.types[1], d.types[0]
				return
			}
		}
	}
}

// addPair gives the index path of a composite its parts, seen from the types
// that the path leads to.
func (r *Registry) addPair(ix *path, p *Param, d definition, bases []fhir.TypeID) {
	ix.pair = &pair{}
	for i := range p.pair.parts {
		part := p.pair.parts[i]
		part.kinds = kindsFor[part.param]
		name := d.parts[i].String()
		if routes, ok := r.partRoutes(d.parts[i]); ok {
			part.elements, part.kinds, name = []fhir.ElementID{}, 0, ""
			for _, base := range bases {
				for _, rt := range routes {
					part.elements = append(part.elements, r.leafElements(base, rt)...)
					name += "+" + r.describe(base, rt)
				}
			}
			for _, e := range part.elements {
				part.kinds |= 1 << r.kinds[r.schema.Elements[e].Type]
			}
		}
		ix.pair.parts = append(ix.pair.parts, part)
		ix.name += "$" + name + ":" + part.param.String()
	}
	ix.pair.second = &path{param: ix.pair.parts[1].param, kinds: ix.pair.parts[1].kinds}
}

// partRoutes returns a part's expression as routes of one step, if it is that.
func (r *Registry) partRoutes(e *fhirpath.Expr) ([]route, bool) {
	var routes []route
	for _, a := range alternatives(e) {
		rt, ok := r.route(a)
		if !ok || len(rt.steps) != 1 || rt.target != 0 || rt.steps[0].filter.kind != noFilter {
			return nil, false
		}
		routes = append(routes, rt)
	}
	return merge(routes), true
}
