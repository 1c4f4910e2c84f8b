package validate

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// expected returns the element that describes what is at a path in a slice: along
// its own elements, those of the profiles of its types, and those of its types'
// definitions. It is nil if there is none.
func (v *Validator) expected(s *element, steps []pathStep) *element {
	at := s
	for i, step := range steps {
		var next *element
		switch step.kind {
		case memberStep:
			next = v.expectedChild(at, step.name)
		case extensionStep:
			next = v.expectedExtension(at, step.name)
		case resolveStep:
			if i == len(steps)-1 {
				next = at // its targets are what is asked for
				break
			}
			next = v.expectedTarget(at)
		case typeStep:
			next = at
			for _, o := range at.slices {
				if len(o.types) == 1 && o.types[0].code == step.name {
					next = o
				}
			}
		}
		if next == nil {
			return nil
		}
		at = next
	}
	return at
}

func (v *Validator) expectedChild(at *element, name string) *element {
	c := at.child(name)
	if c != nil && c.says() {
		return c
	}
	// What tells this slice apart may itself be a slice: coding:a in code.
	for _, s := range at.slices {
		if c := s.child(name); c != nil && c.says() {
			return c
		}
	}
	if b := at.base; b != nil {
		if inherited := v.expectedChild(b, name); inherited != nil && inherited.says() {
			return inherited
		}
	}
	if c != nil {
		return c
	}
	for _, t := range v.kinds(at) {
		for _, url := range t.profiles {
			if p, err := v.profile(url); err == nil {
				if c := p.root.child(name); c != nil {
					return c
				}
			}
		}
	}
	if kinds := v.kinds(at); len(kinds) == 1 {
		if core := v.coreElement(v.schema.TypeByName(kinds[0].code)); core != nil {
			return core.child(name)
		}
	}
	return nil
}

func (v *Validator) expectedExtension(at *element, url string) *element {
	if c := at.child("extension"); c != nil {
		for _, s := range c.slices {
			for _, t := range s.types {
				if slices.ContainsFunc(t.profiles, func(p string) bool { p, _ = cutVersion(p); return p == url }) {
					return s
				}
			}
			if u := s.child("url"); u != nil && u.fixed.Text() == url {
				return s
			}
		}
	}
	if p, err := v.profile(url); err == nil {
		return p.root
	}
	return nil
}

func (v *Validator) expectedTarget(at *element) *element {
	for _, t := range v.kinds(at) {
		for _, url := range t.targets {
			if p, err := v.profile(url); err == nil {
				return p.root
			}
		}
	}
	return nil
}

// some reports whether what is at a path from an occurrence meets a condition.
func (r *run) some(it item, steps []pathStep, met func(o *run, i item) bool) bool {
	if len(steps) == 0 {
		return met(r, it)
	}
	if !r.spend() {
		return false
	}
	v := it.at()
	rest := steps[1:]
	switch step := steps[0]; step.kind {
	case memberStep:
		for m := range v.Children {
			if m.Elem() == 0 {
				continue
			}
			e := &r.v.schema.Elements[m.Elem()]
			if e.Name != step.name && e.Choice != step.name {
				continue
			}
			for i := range m.Items {
				one := item{value: i}
				if m.Node().Flags&fhir.Shadow != 0 {
					one = item{shadow: i}
				}
				if i.Kind() != fhir.NullNode && r.some(one, rest, met) {
					return true
				}
			}
		}
	case extensionStep:
		for x := range v.Get("extension").Items {
			if x.Get("url").Text() == step.name && r.some(item{value: x}, rest, met) {
				return true
			}
		}
	case typeStep:
		return r.v.schema.Types[v.Type()].Name == step.name && r.some(it, rest, met)
	case resolveStep:
		target, _ := r.follow(v, referenceText(v))
		if !target.Exists() {
			return false
		}
		if target.Tree() == r.tree {
			return r.some(item{value: target}, rest, met)
		}
		ok := false
		r.elsewhere(target, func(o *run) { ok = o.some(item{value: target}, rest, met) })
		return ok
	}
	return false
}

// someType is some for the types of what references lead to, which their text
// often tells.
func (r *run) someType(it item, steps []pathStep, is func(fhir.TypeID) bool) bool {
	return r.some(it, steps[:len(steps)-1], func(o *run, i item) bool {
		v := i.at()
		text := referenceText(v)
		if target, _ := o.follow(v, text); target.Exists() {
			return is(target.Type())
		}
		t := o.v.schema.ResourceByName(fhirpath.ReferenceType(text))
		if t == 0 {
			t = o.v.schema.ResourceByName(v.Get("type").Text())
		}
		return t != 0 && is(t)
	})
}

func referenceText(v fhir.Value) string {
	if v.Kind() == fhir.ObjectNode {
		return v.Get("reference").Text()
	}
	return strings.Clone(v.Text())
}
