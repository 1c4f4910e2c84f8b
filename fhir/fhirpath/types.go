package fhirpath

import "github.com/noafhir/noafhir/fhir"

// typed compiles is and as, as operators and as functions.
func (c *compiler) typed(e, input *Expr, name string, is bool) (step, error) {
	t, ok := c.m.typeRef(name)
	if !ok {
		return nil, invalid(e, "%s is no type", name)
	}
	from, err := c.input(input)
	if err != nil {
		return nil, err
	}
	if is {
		return isType(e, from, t), nil
	}
	filter := ofType(from, t)
	return func(f *frame, in []Item) []Item {
		if f.env.FilterAs {
			return filter(f, in)
		}
		items := from(f, in)
		if len(items) > 1 {
			return f.fail(fhir.Invalid, e, "as must be applied to one item, there are %d; ofType() filters", len(items))
		}
		if len(items) == 0 || !f.m.selects(items[0], t) {
			return nil
		}
		return items
	}, nil
}

func isType(e *Expr, from step, t typeRef) step {
	return func(f *frame, in []Item) []Item {
		items := from(f, in)
		switch len(items) {
		case 0:
			return nil
		case 1:
			return f.give(Boolean(f.m.is(items[0], t)))
		}
		return f.fail(fhir.Invalid, e, "is must be applied to one item, there are %d", len(items))
	}
}

// ofType compiles the filter for a type.
func ofType(input step, t typeRef) step {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		if len(items) == 1 {
			if f.m.selects(items[0], t) {
				return items
			}
			return nil
		}
		at := len(f.items)
		for _, i := range items {
			if f.m.selects(i, t) {
				f.items = append(f.items, i)
			}
		}
		return f.since(at)
	}
}

// typeCall compiles is(T), as(T) and ofType(T).
func (c *compiler) typeCall(e *Expr) (step, error) {
	if len(e.Args) != 1 {
		return nil, invalid(e, "%s() takes one type", e.Text)
	}
	name, ok := typeArgument(e.Args[0])
	if !ok {
		return nil, invalid(e.Args[0], "%s() takes a type", e.Text)
	}
	if e.Text != "ofType" {
		return c.typed(e, e.Input, name, e.Text == "is")
	}
	t, ok := c.m.typeRef(name)
	if !ok {
		return nil, invalid(e.Args[0], "%s is no type", name)
	}
	from, err := c.input(e.Input)
	return ofType(from, t), err
}

// typeArgument reads an argument as a qualified type name.
func typeArgument(e *Expr) (string, bool) {
	if e.Op != MemberOp {
		return "", false
	}
	if e.Input == nil {
		return e.Text, true
	}
	prefix, ok := typeArgument(e.Input)
	return prefix + "." + e.Text, ok
}

// typeItem returns what type() tells about an item.
// See https://hl7.org/fhirpath/N1/#reflection.
func (f *frame) typeItem(i Item) Item {
	if i.kind == NodeItem || i.kind == ResourceItem {
		return Item{kind: TypeItem, unit: "FHIR", text: f.m.Types[i.typ].Name}
	}
	return Item{kind: TypeItem, unit: "System", text: f.describe(i)}
}

// baseName returns the qualified name of what a type specialises.
func (m *model) baseName(i Item) string {
	if i.unit != "FHIR" {
		return "System.Any"
	}
	t := m.TypeByName(i.text)
	if base := m.Types[t].Base; base != 0 {
		return "FHIR." + m.Types[base].Name
	}
	return "System.Any"
}
