package validate

import (
	"context"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// resource checks a resource by the definition of its type and, unless it is told
// not to, by the profiles that it claims. The path is that of the element it
// stands in, empty for a root.
func (r *run) resource(v fhir.Value, in string) {
	core := r.v.core(v.Type())
	if core == nil {
		r.tell(v, "error", "not-supported", "the definition of %s is not known here", r.v.schema.Types[v.Type()].Name)
		return
	}
	r.nesting++
	defer func() { r.nesting-- }()
	if r.nesting > maxNesting || !r.spend() {
		return
	}
	r.rules(v, fhirpath.Node(v), core.root)
	r.children(v, core.root, true)
	if r.req.Mode == Structure {
		return
	}
	switch v.Type() {
	case r.v.types.bundle:
		r.bundle(v)
	case r.v.types.response:
		r.response(v)
	case r.v.types.questionnaire:
		r.conditions(v)
	case r.v.types.searchParameter:
		r.fhirPath(v.Get("expression"))
	case r.v.types.structureDefinition:
		r.constraints(v)
	}
	if in == "contained" {
		r.containedRules(v)
	}
	if r.req.IgnoreClaims {
		return
	}
	for claim := range v.Get("meta").Get("profile").Items {
		r.claim(v, claim)
	}
}

// claim checks a resource against a profile that it says it conforms to.
func (r *run) claim(v, claim fhir.Value) {
	url := claim.Text()
	if claim.Kind() != fhir.StringNode || url == "" || slices.Contains(r.req.Profiles, url) && v.Index() == 0 {
		return
	}
	p, err := r.v.profile(url)
	switch {
	case fhir.KindOf(err) == fhir.NotFound:
		r.tell(claim, "warning", "not-found", "the profile %s is not known here, so it was not checked", url)
	case err != nil:
		r.tell(claim, "warning", "not-supported", "the profile %s can not be used: %s", url, clientText(err))
	case !r.fits(v, p):
		r.tell(claim, "error", "structure", "the profile %s is about %s, not about %s", url, p.typeName, r.v.schema.Types[v.Type()].Name)
	default:
		r.conform(v, fhir.Value{}, p)
	}
}

// require checks a resource against a profile that the caller names.
func (r *run) require(v fhir.Value, url string) {
	p, err := r.v.profile(url)
	switch {
	case fhir.KindOf(err) == fhir.NotFound:
		r.tell(v, "error", "not-found", "the profile %s is not known here", url)
	case err != nil:
		r.tell(v, "error", "not-supported", "the profile %s can not be used: %s", url, clientText(err))
	case !r.fits(v, p):
		r.tell(v, "error", "structure", "the profile %s is about %s, not about %s", url, p.typeName, r.v.schema.Types[v.Type()].Name)
	default:
		r.conform(v, fhir.Value{}, p)
	}
}

// clientText returns what an error may tell a client.
func clientText(err error) string {
	if fhir.KindOf(err) == fhir.Internal {
		return "its definition can not be read"
	}
	return err.Error()
}

func (r *run) fits(v fhir.Value, p *profile) bool { return r.v.schema.IsA(v.Type(), p.typ) }

// conform checks a value against what a profile adds to the definition of its
// type.
func (r *run) conform(v, shadow fhir.Value, p *profile) {
	question := claimed{item{v, shadow}.at().Index(), p}
	if p.core || slices.Contains(r.active, question) {
		return // a profile that asks for itself asks for nothing more
	}
	r.active = append(r.active, question)
	r.nesting++
	defer func() {
		r.nesting--
		r.active = r.active[:len(r.active)-1]
	}()
	if r.nesting > maxNesting || !r.spend() {
		return
	}
	if p.base != nil {
		r.conform(v, shadow, p.base)
	}
	r.occurrence(v, shadow, p.root, false)
}

// conforms implements conformsTo() of FHIRPath.
func (r *run) conforms(_ context.Context, v fhir.Value, url string) (bool, error) {
	p, err := r.v.profile(url)
	if err != nil {
		return false, err
	}
	if !v.Exists() || !r.fits(v, p) {
		return false, nil
	}
	return r.elsewhere(v, func(o *run) { o.conform(v, fhir.Value{}, p) }), nil
}

// elsewhere reports whether what check does to a value holds, silently, be it in
// this tree or in another.
func (r *run) elsewhere(v fhir.Value, check func(o *run)) bool {
	if v.Tree() == r.tree {
		return r.try(func() { check(r) })
	}
	o := &run{v: r.v, ctx: r.ctx, req: r.req, tree: v.Tree(), env: r.env, budget: r.budget, nesting: r.nesting + 1}
	o.env.Terminology, o.env.Conforms = (*membership)(o), o.conforms
	return o.try(func() { check(o) })
}

// children checks the members of an object by the content of an element: how often
// each occurs, and each occurrence.
func (r *run) children(v fhir.Value, el *element, core bool) {
	if v.Kind() != fhir.ObjectNode || !r.spend() {
		return
	}
	if el.shares != nil {
		el = el.shares
	}
	if len(el.children) == 0 {
		return
	}
	base := len(r.counts)
	for range el.children {
		r.counts = append(r.counts, 0)
	}
	s, t := r.v.schema, v.Type()
	shadows := false
	for m := range v.Children {
		if m.Node().Flags&fhir.Shadow != 0 {
			shadows = true
			break
		}
	}
	for m := range v.Children {
		n := m.Node()
		i := el.find(s, t, n.Elem)
		if i < 0 {
			continue
		}
		child := el.children[i]
		var value, shadow fhir.Value
		switch {
		case n.Flags&fhir.Shadow == 0:
			value = m
			if shadows && s.Types[n.Type].Kind == fhir.PrimitiveType {
				shadow = v.Get("_" + m.Key())
			}
		case v.Get(m.Key()[1:]).Exists():
			continue
		default:
			shadow = m
		}
		r.counts[base+i] += uint16(min(r.member(value, shadow, child, core), 1<<14))
	}
	for i, child := range el.children {
		n := int(r.counts[base+i])
		if child.counted {
			r.counted(v, child, n)
		}
		if n == 0 && len(child.slices) > 0 && (!child.counted || child.min == 0) {
			r.sliced(nil, v, child)
		}
	}
	r.counts = r.counts[:base]
}

// counted checks how often an element occurs in an object.
func (r *run) counted(v fhir.Value, el *element, n int) {
	name := el.name
	if el.choice {
		name += "[x]"
	}
	switch {
	case n < el.min && n == 0:
		r.tellMember(v, el.name, "error", "required", "%s is required", name)
	case n < el.min:
		r.tellMember(v, el.name, "error", "required", "%s must occur at least %d times, found %d", name, el.min, n)
	case n > el.max && el.max == 0:
		r.tellMember(v, el.name, "error", "structure", "%s is not allowed here", name)
	case n > el.max:
		r.tellMember(v, el.name, "error", "structure", "%s may occur at most %d times, found %d", name, el.max, n)
	}
}

// An item is one occurrence of an element: a value, or for primitives also what
// stands beside it or instead of it.
type item struct{ value, shadow fhir.Value }

// at returns a place for the occurrence.
func (i item) at() fhir.Value {
	if i.value.Exists() {
		return i.value
	}
	return i.shadow
}

// member checks one member of an object and returns how many occurrences it has.
func (r *run) member(value, shadow fhir.Value, el *element, core bool) int {
	if value.Kind() != fhir.ArrayNode && shadow.Kind() != fhir.ArrayNode {
		if el.slicing != nil && len(el.slices) > 0 {
			r.sliced([]item{{value, shadow}}, fhir.Value{}, el)
		}
		r.occurrence(value, shadow, el, core)
		return 1
	}
	var items []item
	collect := el.slicing != nil && (len(el.slices) > 0 || el.slicing.rules != "open")
	v, s := value.First(), shadow.First()
	n := 0
	for v.Exists() || s.Exists() {
		one := item{real(v), real(s)}
		if collect {
			items = append(items, one)
		}
		r.occurrence(one.value, one.shadow, el, core)
		n++
		if v.Exists() {
			v = v.Next(value)
		}
		if s.Exists() {
			s = s.Next(shadow)
		}
	}
	if collect {
		r.sliced(items, fhir.Value{}, el)
	}
	return n
}

// real returns v, or no place if it is null.
func real(v fhir.Value) fhir.Value {
	if v.Kind() == fhir.NullNode {
		return fhir.Value{}
	}
	return v
}

// occurrence checks one occurrence of an element. Core means that the element is
// one of the definition of the type that it stands in; then it is also checked by
// the definition of its own type.
func (r *run) occurrence(value, shadow fhir.Value, el *element, core bool) {
	v := item{value, shadow}.at()
	if !v.Exists() || v.Node().Flags&fhir.Flawed != 0 || !r.spend() {
		return
	}
	t := v.Type()
	if len(el.only) > 0 && !core && !r.typed(v, el) {
		return
	}
	r.literal(value, v, el)
	if el.binding != nil && r.req.Mode == Full {
		r.bound(value, v, el.binding)
	}
	if len(el.rules) > 0 {
		r.rules(v, fhirpath.Pair(value, shadow), el)
	}
	r.children(v, el, core)
	if core {
		r.own(value, shadow, v, el, t)
	}
	if el.linked {
		r.links(value, shadow, v, el)
	}
}

// own checks a value by the definition of its own type.
func (r *run) own(value, shadow, v fhir.Value, el *element, t fhir.TypeID) {
	s := r.v.schema
	switch kind := s.Types[t].Kind; kind {
	case fhir.ResourceType:
		r.resource(v, el.name)
	case fhir.PrimitiveType:
		if shadow.Exists() {
			r.shadow(value, shadow)
		}
		if r.v.types.uris[t] {
			r.urn(value)
		}
	case fhir.ComplexType:
		r.present(v)
		if t == r.v.types.extension {
			r.extension(v, el.name == "modifierExtension")
		}
		if p := r.v.core(t); p != nil {
			if len(p.root.rules) > 0 {
				r.rules(v, fhirpath.Node(v), p.root)
			}
			if len(el.inner()) == 0 {
				r.children(v, p.root, true)
			}
		}
		if r.req.Mode == Full {
			r.content(v, t)
		}
	default:
		r.present(v)
	}
}

// content checks what some types demand in words only.
func (r *run) content(v fhir.Value, t fhir.TypeID) {
	switch t {
	case r.v.types.coding:
		r.absoluteSystem(v)
		r.coding(v)
	case r.v.types.identifier:
		r.absoluteSystem(v)
	case r.v.types.attachment:
		r.attachment(v)
	case r.v.types.quantity:
		r.quantity(v)
	}
}

// shadow checks the id and extensions of a primitive.
func (r *run) shadow(value, shadow fhir.Value) {
	if !value.Exists() && !shadow.Get("extension").Exists() {
		r.tell(shadow, "error", "invariant", "ele-1: an element must have a value or extensions")
	}
	for x := range shadow.Get("extension").Items {
		if x.Kind() != fhir.ObjectNode || x.Node().Flags&fhir.Flawed != 0 {
			continue
		}
		r.extension(x, false)
		if p := r.v.core(r.v.types.extension); p != nil {
			r.children(x, p.root, true)
		}
	}
}

// present holds ele-1: that a complex value has something but an id.
func (r *run) present(v fhir.Value) {
	first := v.First()
	if v.Kind() == fhir.ObjectNode && first.Exists() && !first.Next(v).Exists() && first.Key() == "id" {
		r.tell(v, "error", "invariant", "ele-1: an element must have a value or children")
	}
}

// typed checks that a value has one of the types that a profile allows.
func (r *run) typed(v fhir.Value, el *element) bool {
	s, t := r.v.schema, v.Type()
	name := s.Types[t].Name
	if slices.Contains(el.only, name) {
		return true
	}
	for _, allowed := range el.only {
		if id := s.TypeByName(allowed); id != 0 && instance(s, t, id) {
			return true
		}
	}
	r.tell(v, "error", "structure", "the type %s is not allowed here; it must be %s", name, either(el.only))
	return false
}

// instance reports whether values of type t may stand where allowed is named. A
// code is no string there, though its type specialises it.
func instance(s *fhir.Schema, t, allowed fhir.TypeID) bool {
	return t == allowed || s.Types[allowed].Abstract && s.IsA(t, allowed)
}
