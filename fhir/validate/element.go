package validate

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// An element holds the rules for one element of a definition.
type element struct {
	path   string
	name   string // the last step, of value[x] "value"
	choice bool
	slice  string

	min, max int // max is math.MaxInt for *
	types    []typeRule
	only     []string // the types allowed, if they are not those of the type's own definition
	fixed    fhir.Value
	pattern  fhir.Value
	least    fhir.Value // minValue
	most     fhir.Value // maxValue
	length   int        // maxLength, 0 is any
	binding  *binding
	rules    []*constraint
	slicing  *slicing
	slices   []*element
	children []*element

	counted bool     // min or max say something
	linked  bool     // types with profiles or targets say something
	content string   // id of the element whose content it has
	shares  *element // that element
	base    *element // of a differential: the element of the base that it constrains

	ordinals []uint8     // by the ordinal of the schema's element: 1 + index in children, 0 none
	typ      fhir.TypeID // what ordinals are for
}

// A typeRule is a type that an element may have.
type typeRule struct {
	code        string
	profiles    []string
	targets     []string
	aggregation []string
}

// element reads the definition of one element.
func (c *compiler) element(def fhir.Value) *element {
	e := &element{path: keep(def.Get("path")), slice: keep(def.Get("sliceName")), max: math.MaxInt}
	e.name = e.path
	e.min, _ = strconv.Atoi(def.Get("min").Text())
	if most, err := strconv.Atoi(def.Get("max").Text()); err == nil {
		e.max = most
	}
	e.counted = e.min > 0 || e.max != math.MaxInt
	e.length, _ = strconv.Atoi(def.Get("maxLength").Text())
	if ref, ok := strings.CutPrefix(def.Get("contentReference").Text(), "#"); ok {
		e.content = strings.Clone(ref)
	} else if _, ref, ok := strings.Cut(def.Get("contentReference").Text(), "#"); ok {
		e.content = strings.Clone(ref)
	}
	for t := range def.Get("type").Items {
		e.types = append(e.types, readType(t))
	}
	for _, t := range e.types {
		if !strings.HasPrefix(t.code, "http:") {
			e.only = append(e.only, t.code)
		}
		e.linked = e.linked || len(t.profiles) > 0 || len(t.targets) > 0
	}
	for m := range def.Children {
		if m.Node().Flags&fhir.Shadow != 0 || m.Elem() == 0 {
			continue
		}
		switch c.v.schema.Elements[m.Elem()].Choice {
		case "fixed":
			e.fixed = own(m)
		case "pattern":
			e.pattern = own(m)
		case "minValue":
			e.least = own(m)
		case "maxValue":
			e.most = own(m)
		}
	}
	for x := range def.Get("constraint").Items {
		if k := c.constraint(x); k != nil {
			e.rules = append(e.rules, k)
		}
	}
	e.binding = readBinding(def.Get("binding"))
	e.slicing = readSlicing(def.Get("slicing"))
	return e
}

func readType(t fhir.Value) typeRule {
	rule := typeRule{code: keep(t.Get("code"))}
	for _, list := range []struct {
		name string
		to   *[]string
	}{{"profile", &rule.profiles}, {"targetProfile", &rule.targets}, {"aggregation", &rule.aggregation}} {
		for i := range t.Get(list.name).Items {
			if i.Kind() == fhir.StringNode {
				*list.to = append(*list.to, keep(i))
			}
		}
	}
	return rule
}

// child returns the child of that name, not a slice.
func (e *element) child(name string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.inner() {
		if c.name == name {
			return c
		}
	}
	return nil
}

// inner returns the elements of the content.
func (e *element) inner() []*element {
	if e.shares != nil {
		return e.shares.children
	}
	return e.children
}

// less drops the rules that core has too.
func (e *element) less(core *element) {
	if e.slice == "" {
		if e.min == core.min && e.max == core.max {
			e.counted = false
		}
		if e.slicing != nil && e.slicing.rules == "open" && len(e.slices) == 0 {
			e.slicing = nil
		}
	}
	e.lessRules(core)
	if e.binding != nil && core.binding != nil && *e.binding == *core.binding {
		e.binding = nil
	}
	if e.length == core.length {
		e.length = 0
	}
	if sameTypes(e.types, core.types) {
		e.linked = false
	}
	if len(e.only) == len(core.only) && !slices.ContainsFunc(e.only, func(t string) bool { return !slices.Contains(core.only, t) }) {
		e.only = nil
	}
}

func (e *element) lessRules(core *element) {
	e.rules = slices.DeleteFunc(e.rules, func(k *constraint) bool { return slices.Contains(core.rules, k) })
}

func sameTypes(a, b []typeRule) bool {
	return slices.EqualFunc(a, b, func(x, y typeRule) bool {
		return x.code == y.code && slices.Equal(x.profiles, y.profiles) && slices.Equal(x.targets, y.targets) && slices.Equal(x.aggregation, y.aggregation)
	})
}

// empty reports whether an element has no rules.
func (e *element) empty() bool {
	return !e.counted && !e.linked && len(e.only) == 0 && !e.fixed.Exists() && !e.pattern.Exists() && !e.least.Exists() && !e.most.Exists() &&
		e.length == 0 && e.binding == nil && len(e.rules) == 0 && e.slicing == nil && len(e.slices) == 0 && len(e.children) == 0 && e.shares == nil
}

// table fills ordinals for the type that the element's values have, if there is
// one.
func (e *element) table(s *fhir.Schema) {
	t := s.TypeByName(e.path)
	if t == 0 && len(e.types) == 1 {
		t = s.TypeByName(e.types[0].code)
	}
	if t == 0 || len(e.children) > 250 {
		return
	}
	e.typ = t
	defs := s.ElementsOf(t)
	e.ordinals = make([]uint8, len(defs))
	for i := range defs {
		e.ordinals[i] = uint8(1 + e.named(&defs[i]))
	}
}

// named returns the index of the child for a definition of the schema, or -1.
func (e *element) named(d *fhir.ElementDef) int {
	for i, c := range e.children {
		if c.choice && c.name == d.Choice || !c.choice && c.name == d.Name {
			return i
		}
	}
	return -1
}

// find returns the index of the child that a member of an object of type t is an
// instance of, or -1.
func (e *element) find(s *fhir.Schema, t fhir.TypeID, id fhir.ElementID) int {
	if id == 0 {
		return -1
	}
	if t == e.typ {
		if ordinal := int(id) - int(s.Types[t].First); ordinal >= 0 && ordinal < len(e.ordinals) {
			return int(e.ordinals[ordinal]) - 1
		}
	}
	return e.named(&s.Elements[id])
}
