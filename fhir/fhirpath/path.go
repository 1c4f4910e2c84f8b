package fhirpath

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// member compiles a step to the children of a name, or at the head of an
// expression the name of the context's own type.
func (c *compiler) member(e *Expr, head bool) (step, error) {
	input, err := c.input(e, head)
	if err != nil {
		return nil, err
	}
	name := e.Text
	if head && e.Input == nil {
		if t := c.schema.TypeByName(name); t != 0 && name[0] >= 'A' && name[0] <= 'Z' {
			return ofType(input, t), nil
		}
	}
	return func(f *frame, in []Item) []Item {
		from := input(f, in)
		at := len(f.items)
		for _, i := range from {
			f.children(i, name)
		}
		return f.since(at)
	}, nil
}

// children appends the children of that name, whichever type a choice has.
func (f *frame) children(i Item, name string) {
	if i.kind != NodeItem {
		return
	}
	nodes := i.tree.Nodes
	parent := i.node
	if nodes[parent].Kind != fhir.ObjectNode {
		if parent = i.shadow; parent == 0 {
			return
		}
	}
	var value, shadow uint32
	for m := parent + 1; m < nodes[parent].Next; m = nodes[m].Next {
		n := &nodes[m]
		if n.Elem == 0 {
			continue
		}
		if e := &f.schema.Elements[n.Elem]; e.Name != name && e.Choice != name {
			continue
		}
		if n.Flags&fhir.Shadow != 0 {
			shadow = m
		} else {
			value = m
		}
	}
	switch {
	case value == 0 && shadow == 0:
	case value != 0 && nodes[value].Kind == fhir.ArrayNode, shadow != 0 && nodes[shadow].Kind == fhir.ArrayNode:
		f.pairs(i.tree, value, shadow)
	case value != 0:
		f.items = append(f.items, nodeItem(i.tree, value, shadow))
	default:
		f.items = append(f.items, nodeItem(i.tree, shadow, shadow))
	}
}

// pairs appends the items of two arrays, the one with the values and the one
// with their extensions. Either may be missing, and both have nulls.
func (f *frame) pairs(t *fhir.Tree, value, shadow uint32) {
	v, vEnd := value+1, t.Nodes[value].Next
	s, sEnd := shadow+1, t.Nodes[shadow].Next
	if value == 0 {
		vEnd = 0
	}
	if shadow == 0 {
		sEnd = 0
	}
	for v < vEnd || s < sEnd {
		var place, extra uint32
		if s < sEnd {
			if t.Nodes[s].Kind != fhir.NullNode {
				place, extra = s, s
			}
			s = t.Nodes[s].Next
		}
		if v < vEnd {
			if t.Nodes[v].Kind != fhir.NullNode {
				place = v
			}
			v = t.Nodes[v].Next
		}
		if place != 0 {
			f.items = append(f.items, nodeItem(t, place, extra))
		}
	}
}

// typeID finds a type by the names FHIRPath knows it under: FHIR.Patient,
// System.String, and String for string.
func (c *compiler) typeID(name string) fhir.TypeID {
	if _, last, ok := strings.Cut(name, "."); ok {
		name = last
	}
	if t := c.schema.TypeByName(name); t != 0 || name == "" {
		return t
	}
	return c.schema.TypeByName(strings.ToLower(name[:1]) + name[1:])
}

// typed compiles is and as.
func (c *compiler) typed(e, input *Expr, name string, is, head bool) (step, error) {
	t := c.typeID(name)
	if t == 0 {
		return nil, errorAt(fhir.Invalid, e.Pos, "%s is no type", name)
	}
	from := step(this)
	if input != nil {
		var err error
		if from, err = c.compile(input, head); err != nil {
			return nil, err
		}
	}
	if !is {
		return ofType(from, t), nil
	}
	return func(f *frame, in []Item) []Item {
		items := from(f, in)
		if len(items) == 0 {
			return nil
		}
		return f.give(boolean(len(items) == 1 && f.schema.IsA(items[0].typ, t)))
	}, nil
}

// ofType compiles the filter for a type.
func ofType(input step, t fhir.TypeID) step {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		at := len(f.items)
		for _, i := range items {
			if f.schema.IsA(i.typ, t) {
				f.items = append(f.items, i)
			}
		}
		return f.since(at)
	}
}
