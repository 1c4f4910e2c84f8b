package validate

import (
	"math"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A differential needs no snapshot to be validated by: whatever conforms to a
// profile conforms to its base, and to what the differential adds. So its elements
// are placed by their ids, those between are made up, and what only the base says,
// like how slices are told apart, is looked up there.

// differential builds the tree of elements from a differential.
func (c *compiler) differential(sd fhir.Value) error {
	url := keep(sd.Get("baseDefinition"))
	if url == "" {
		return fhir.Errorf(fhir.Unprocessable, "the profile %s has neither a snapshot nor a base", c.p.url)
	}
	if c.v.circular(url, c.p.url) {
		return fhir.Errorf(fhir.Unprocessable, "the profile %s is based on itself", c.p.url)
	}
	base, err := c.v.profile(url)
	switch {
	case passing(err):
		return err
	case err != nil:
		return fhir.Errorf(fhir.Unprocessable, "the base of the profile %s can not be used: %s", c.p.url, clientText(err))
	}
	if !c.v.schema.IsA(c.p.typ, base.typ) {
		return fhir.Errorf(fhir.Unprocessable, "the profile %s is about %s, its base about %s", c.p.url, c.p.typeName, base.typeName)
	}
	c.p.base = base
	c.p.root = &element{path: c.p.typeName, name: c.p.typeName, max: math.MaxInt, base: base.root}
	open := map[string]string{} // the id of the last slice at a path, for elements without an id
	for def := range sd.Get("differential").Get("element").Items {
		id := keep(def.Get("id"))
		if id == "" {
			id = idOf(def, open)
		}
		if err := c.add(def, id); err != nil {
			return err
		}
	}
	c.modifier = base.modifier || c.modifier
	return nil
}

// circular reports whether the bases of a definition, in any of their versions,
// lead to a URL, or are too many to tell.
func (v *Validator) circular(base, url string) bool {
	seen := map[string]bool{}
	queue := []string{base}
	for len(queue) > 0 {
		at, _ := cutVersion(queue[0])
		queue = queue[1:]
		if at == url || len(seen) > maxBases {
			return true
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		found, err := v.source.Canonical("StructureDefinition", at)
		if err != nil {
			return false
		}
		for _, sd := range found {
			if next := sd.Root().Get("baseDefinition").Text(); next != "" && !isCore(sd) && !sd.Root().Get("snapshot").Exists() {
				queue = append(queue, next)
			}
		}
	}
	return false
}

// maxBases bounds how many profiles are based on each other.
const maxBases = 50

// idOf makes the id of an element that has none from the slices before it.
func idOf(def fhir.Value, open map[string]string) string {
	path, slice := keep(def.Get("path")), keep(def.Get("sliceName"))
	id := path
	for at := len(path); at > 0; at = strings.LastIndexByte(path[:at], '.') {
		if known, ok := open[path[:at]]; ok && (at < len(path) || slice == "") {
			if at < len(path) {
				id = known + path[at:]
			}
			break
		}
	}
	if slice != "" {
		id += ":" + slice
		open[path] = id
	}
	return id
}

// add puts an element of a differential into its place.
func (c *compiler) add(def fhir.Value, id string) error {
	steps := strings.Split(id, ".")
	if strings.TrimSpace(steps[0]) != c.p.typeName {
		return fhir.Errorf(fhir.Unprocessable, "the profile %s of %s has the element %s", c.p.url, c.p.typeName, id)
	}
	if len(steps) > maxDefinitionDepth {
		return fhir.Errorf(fhir.Unprocessable, "the profile %s is nested too deeply", c.p.url)
	}
	at, core := c.p.root, c.v.coreElement(c.p.typ)
	for _, step := range steps[1:] {
		name, slice, sliced := strings.Cut(step, ":")
		if choice := core.choiceOf(name); choice != "" {
			// Old definitions write value[x] with a single type as valueQuantity.
			slice, sliced, name = name, true, choice+"[x]"
		}
		core = core.child(strings.TrimSuffix(name, "[x]"))
		at = at.open(name, core)
		for sliced {
			// identifier:a/b is the slice b of the slice a.
			next := at.openSlice(slice)
			if next.slice == slice {
				at = next
				break
			}
			at = next
		}
	}
	e := c.element(def)
	if len(steps) == 1 && def.Get("isModifier").Text() == "true" {
		c.modifier = true
	}
	e.name, e.choice, e.slice, e.children, e.slices, e.base = at.name, at.choice, at.slice, at.children, at.slices, at.base
	if e.slicing == nil {
		e.slicing = at.slicing
	}
	*at = *e
	return nil
}

// choiceOf returns the choice that a name like valueQuantity is one of, without
// [x]; empty if the element has a child of that name, or is not known.
func (e *element) choiceOf(name string) string {
	if e == nil || e.child(name) != nil {
		return ""
	}
	for _, c := range e.inner() {
		if rest, ok := strings.CutPrefix(name, c.name); ok && c.choice && slices.ContainsFunc(c.types, func(t typeRule) bool { return strings.EqualFold(t.code, rest) }) {
			return c.name
		}
	}
	return ""
}

// open returns the child of that name, made up if there is none yet. Core is the
// one of the definition of the type, if that has it.
func (e *element) open(step string, core *element) *element {
	name, choice := strings.CutSuffix(step, "[x]")
	if c := e.child(name); c != nil {
		return c
	}
	c := &element{path: e.path + "." + step, name: name, choice: choice, max: math.MaxInt}
	if e.base != nil {
		c.base = e.base.child(name)
	}
	if c.base == nil {
		c.base = core
	}
	e.children = append(e.children, c)
	return c
}

// openSlice returns the slice of that name, or the one that it is a slice of; it is
// made up if there is none yet.
func (e *element) openSlice(name string) *element {
	for _, s := range e.slices {
		if s.slice == name || strings.HasPrefix(name, s.slice+"/") {
			return s
		}
	}
	s := &element{path: e.path, name: e.name, choice: e.choice, slice: name, max: math.MaxInt}
	if e.base != nil {
		s.base = e.base.sliceNamed(name)
	}
	e.slices = append(e.slices, s)
	return s
}

func (e *element) sliceNamed(name string) *element {
	if i := slices.IndexFunc(e.slices, func(s *element) bool { return s.slice == name }); i >= 0 {
		return e.slices[i]
	}
	return nil
}

// tell makes sure that slices of a differential can be told apart: as the base
// does, or as extensions and choices are always.
func (c *compiler) tellApart(e *element) error {
	if len(e.slices) > 0 && e.slicing == nil {
		switch base := e.inherited(func(b *element) bool { return b.slicing != nil }); {
		case base != nil:
			e.slicing = &slicing{discriminators: base.slicing.discriminators, rules: "open"}
		case e.name == "extension", e.name == "modifierExtension":
			e.slicing = &slicing{discriminators: []discriminator{{"value", "url"}}, rules: "open"}
		case e.choice:
			e.slicing = &slicing{discriminators: []discriminator{{"type", "$this"}}, rules: "open"}
		case e.base != nil && e.base.max == 1:
			// There is nothing to tell apart: the slice is but a name.
			e.slicing = &slicing{discriminators: []discriminator{{"exists", "$this"}}, rules: "open"}
		default:
			return fhir.Errorf(fhir.Unprocessable, "the profile %s does not say how the slices of %s are told apart", c.p.url, e.path)
		}
	}
	for _, list := range [][]*element{e.children, e.slices} {
		for _, child := range list {
			if err := c.tellApart(child); err != nil {
				return err
			}
		}
	}
	return nil
}

// inherited returns the nearest element that e constrains and that has something.
func (e *element) inherited(has func(b *element) bool) *element {
	for b := e.base; b != nil; b = b.base {
		if has(b) {
			return b
		}
	}
	return nil
}

// kinds returns the types of an element: its own, those of the element it
// constrains, or what the name of a slice of a choice says, like valueQuantity.
func (v *Validator) kinds(e *element) []typeRule {
	if len(e.types) > 0 {
		return e.types
	}
	if b := e.inherited(func(b *element) bool { return len(b.types) > 0 }); b != nil {
		return b.types
	}
	suffix, ok := strings.CutPrefix(e.slice, e.name)
	if !e.choice || !ok || suffix == "" {
		return nil
	}
	for _, code := range []string{suffix, strings.ToLower(suffix[:1]) + suffix[1:]} {
		if v.schema.TypeByName(code) != 0 {
			return []typeRule{{code: code}}
		}
	}
	return nil
}
