package fhirpath

import (
	"github.com/noafhir/noafhir/fhir"
)

// member compiles a step to the children of a name or, at the head of an
// expression, the name of the focus's own type.
// See https://hl7.org/fhirpath/N1/#path-selection.
func (c *compiler) member(e *Expr) (step, error) {
	input, err := c.input(e.Input)
	if err != nil {
		return nil, err
	}
	name := e.Text
	if e.Input == nil && name[0] >= 'A' && name[0] <= 'Z' {
		if t := c.m.TypeByName(name); t != 0 {
			return ofType(this, typeRef{fhir: t}), nil
		}
	}
	return func(f *frame, in []Item) []Item {
		from := input(f, in)
		at := len(f.items)
		for _, i := range from {
			f.children(i, name)
		}
		if !f.spend(1 + len(f.items) - at) {
			return nil
		}
		return f.since(at)
	}, nil
}

// object returns the node whose members are the children of a node item: for a
// primitive its shadow; false if there is none.
func (i Item) object() (uint32, bool) {
	if i.tree.Nodes[i.node()].Kind == fhir.ObjectNode {
		return i.node(), true
	}
	return i.shadow(), i.shadow() != 0
}

// children appends the children of that name, whichever type a choice has.
func (f *frame) children(i Item, name string) {
	if i.kind != NodeItem {
		f.giveIf(f.part(i, name))
		return
	}
	if name == "value" && f.m.primitive[i.typ] {
		if v := f.value(i); v.kind != NodeItem {
			f.items = append(f.items, v)
		}
		return
	}
	parent, ok := i.object()
	if !ok {
		return
	}
	nodes := i.tree.Nodes
	var value, shadow uint32
	for m := parent + 1; m < nodes[parent].Next; m = nodes[m].Next {
		n := &nodes[m]
		if n.Elem == 0 {
			continue
		}
		if label(&f.m.Elements[n.Elem]) != name {
			continue
		}
		if n.Flags&fhir.Shadow != 0 {
			shadow = m
		} else {
			value = m
		}
	}
	f.pair(i.tree, value, shadow)
}

// label returns the name under which FHIRPath knows an element: that of a choice
// is without the type. See https://hl7.org/fhir/R4/fhirpath.html#polymorphism.
func label(e *fhir.ElementDef) string {
	if e.Choice != "" {
		return e.Choice
	}
	return e.Name
}

// part returns what a computed value consists of: the value and unit of a
// quantity, and what is told about a type.
func (f *frame) part(i Item, name string) Item {
	switch {
	case i.kind == QuantityItem && name == "value":
		return Item{kind: DecimalItem, text: i.text}
	case i.kind == QuantityItem && name == "unit":
		return String(i.unit)
	case i.kind == TypeItem && name == "namespace":
		return String(i.unit)
	case i.kind == TypeItem && name == "name":
		return String(i.text)
	case i.kind == TypeItem && name == "baseType":
		return String(f.m.baseName(i))
	}
	return Item{}
}

// pair appends the items of an element whose values are at one node and the
// shadows of its values at another. 0 means that there is no such node.
func (f *frame) pair(t *fhir.Tree, value, shadow uint32) {
	switch nodes := t.Nodes; {
	case value == 0 && shadow == 0:
	case value != 0 && nodes[value].Kind == fhir.ArrayNode, shadow != 0 && nodes[shadow].Kind == fhir.ArrayNode:
		f.pairs(t, value, shadow)
	case value != 0:
		f.items = append(f.items, nodeItem(t, value, shadow))
	default:
		f.items = append(f.items, nodeItem(t, shadow, shadow))
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

// all appends every child of an item.
func (f *frame) all(i Item) {
	if i.kind != NodeItem {
		for _, name := range [...]string{"namespace", "name", "value", "unit"} {
			f.giveIf(f.part(i, name))
		}
		return
	}
	parent, ok := i.object()
	if !ok {
		return
	}
	nodes := i.tree.Nodes
	end := nodes[parent].Next
	for m := parent + 1; m < end; m = nodes[m].Next {
		n := &nodes[m]
		if n.Elem == 0 {
			continue
		}
		other := partner(nodes, parent, m)
		switch {
		case n.Flags&fhir.Shadow == 0:
			f.pair(i.tree, m, other)
		case other == 0:
			f.pair(i.tree, 0, m)
		}
	}
}

// partner returns the node in the object parent that is the shadow of the value
// m, or the value that m is the shadow of; 0 if there is none. Only primitives
// have one.
func partner(nodes []fhir.Node, parent, m uint32) uint32 {
	n := &nodes[m]
	if n.Kind == fhir.ObjectNode && n.Flags&fhir.Shadow == 0 {
		return 0
	}
	for o := parent + 1; o < nodes[parent].Next; o = nodes[o].Next {
		if nodes[o].Elem == n.Elem && nodes[o].Flags&fhir.Shadow != n.Flags&fhir.Shadow {
			return o
		}
	}
	return 0
}
