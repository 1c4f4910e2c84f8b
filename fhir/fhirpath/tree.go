package fhirpath

import (
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// The functions of https://hl7.org/fhirpath/N1/#tree-navigation, and the utility
// functions that follow them there.
var treeFunctions = map[string]function{
	"children":    collective(children),
	"descendants": collective(descendants),
	"type": collective(func(f *frame, _ *Expr, items []Item) []Item {
		at := len(f.items)
		for _, i := range items {
			f.items = append(f.items, f.typeItem(i))
		}
		return f.since(at)
	}),
	"trace": {1, 2, trace},
	"now": collective(func(f *frame, _ *Expr, _ []Item) []Item {
		return f.give(clock(f.now(), DateTimeItem))
	}),
	"today": collective(func(f *frame, _ *Expr, _ []Item) []Item {
		return f.give(clock(f.now(), DateItem))
	}),
	"timeOfDay": collective(func(f *frame, _ *Expr, _ []Item) []Item {
		return f.give(clock(f.now(), TimeItem))
	}),
}

// now returns the time of the evaluation, which is the same throughout.
func (f *frame) now() time.Time {
	if f.env.Now.IsZero() {
		own := *f.env
		own.Now = time.Now()
		f.env = &own
	}
	return f.env.Now
}

// clock returns a time as a date, a time of day or both, to the millisecond.
func clock(t time.Time, kind Kind) Item {
	_, seconds := t.Zone()
	m := moment{kind: kind, part: secondPart, digits: 3, zoned: kind == DateTimeItem, offset: seconds / 60}
	if kind == DateItem {
		m.part, m.digits = dayPart, 0
	}
	return m.at(t.Truncate(time.Millisecond)).item()
}

func children(f *frame, _ *Expr, items []Item) []Item {
	at := len(f.items)
	for _, i := range items {
		f.all(i)
	}
	if !f.spend(len(f.items) - at) {
		return nil
	}
	return f.since(at)
}

// descendants returns children of children, level by level in each item. Two nodes
// with the same content are two.
func descendants(f *frame, _ *Expr, items []Item) []Item {
	at := len(f.items)
	for _, i := range items {
		from := len(f.items)
		f.all(i)
		for k := from; k < len(f.items) && f.spend(1); k++ {
			if f.items[k].kind == NodeItem {
				f.all(f.items[k])
			}
		}
	}
	return f.since(at)
}

// trace tells Env.Trace about the input, or about what a projection makes of it.
func trace(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		name, _ := f.one(e, args[0](f, in), wantString, "the name of trace()")
		if f.env.Trace == nil || f.err != nil {
			return items
		}
		told := items
		if len(args) == 2 {
			told = selected(f, e, items, args[1])
		}
		f.env.Trace(name.text, told)
		return items
	}, nil
}

// variable compiles %name.
// See https://hl7.org/fhir/R4/fhirpath.html#vars.
func (c *compiler) variable(e *Expr) (step, error) {
	name := e.Text
	for k := len(c.scope) - 1; k >= 0; k-- {
		if c.scope[k] == name {
			slot := c.slots[k]
			return func(f *frame, _ []Item) []Item { return f.vars[slot] }, nil
		}
	}
	switch name {
	case "context":
		return func(f *frame, _ []Item) []Item { return f.context }, nil
	case "resource":
		return func(f *frame, _ []Item) []Item { return f.giveIf(f.root) }, nil
	case "rootResource":
		return func(f *frame, _ []Item) []Item { return f.giveIf(f.top) }, nil
	}
	if text, ok := constantNamed(name); ok {
		return constant(String(text)), nil
	}
	if !c.declared[name] {
		return nil, invalid(e, "the variable %%%s is not defined", name)
	}
	return func(f *frame, _ []Item) []Item { return f.env.Variables[name] }, nil
}

// constantNamed returns the URL that a variable of FHIR's stands for.
func constantNamed(name string) (string, bool) {
	switch name {
	case "ucum":
		return ucumSystem, true
	case "sct":
		return "http://snomed.info/sct", true
	case "loinc":
		return "http://loinc.org", true
	}
	if id, ok := strings.CutPrefix(name, "vs-"); ok {
		return "http://hl7.org/fhir/ValueSet/" + id, true
	}
	if id, ok := strings.CutPrefix(name, "ext-"); ok {
		return "http://hl7.org/fhir/StructureDefinition/" + id, true
	}
	return "", false
}

// defineVariable compiles defineVariable(name [, projection]), of releases after
// N1: the variable is in sight for what follows in the same chain of calls.
func (c *compiler) defineVariable(e *Expr) (step, error) {
	if len(e.Args) < 1 || len(e.Args) > 2 || e.Args[0].Op != StringOp {
		return nil, invalid(e, "defineVariable() takes a name that is written out, and optionally a value")
	}
	input, err := c.input(e.Input)
	if err != nil {
		return nil, err
	}
	value := this
	if len(e.Args) == 2 {
		if value, err = c.compile(e.Args[1]); err != nil {
			return nil, err
		}
	}
	name := e.Args[0].Text
	if _, err := c.variable(&Expr{Op: VariableOp, Text: name}); err == nil {
		return nil, invalid(e, "the variable %%%s is defined already", name)
	}
	slot := c.vars
	c.vars++
	c.scope, c.slots = append(c.scope, name), append(c.slots, slot)
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		f.vars[slot] = value(f, items)
		if f.err == nil && !f.spend(1) {
			return nil
		}
		return items
	}, nil
}

// resources returns the resource that a node is in and the one that contains
// that: itself, unless it is contained in another.
func (m *model) resources(i Item) (inner, outer Item) {
	chain := m.enclosing(i)
	if len(chain) == 0 {
		root := nodeItem(i.tree, 0, 0)
		return root, root
	}
	inner = chain[len(chain)-1]
	outer = inner
	if n := len(chain); n > 1 && m.label(inner) == "contained" {
		outer = chain[n-2]
	}
	return inner, outer
}

// label returns the name of the element that a node is.
func (m *model) label(i Item) string {
	return m.Elements[i.tree.Nodes[i.node()].Elem].Name
}

// enclosing returns the resources that a node is in, the outermost first. A
// resource is in itself.
func (m *model) enclosing(i Item) []Item {
	var chain []Item
	nodes := i.tree.Nodes
	for at := uint32(0); ; {
		if n := &nodes[at]; n.Kind == fhir.ObjectNode && m.Types[n.Type].Kind == fhir.ResourceType {
			chain = append(chain, nodeItem(i.tree, at, 0))
		}
		if at == i.node() {
			return chain
		}
		child := at + 1
		for child < nodes[at].Next && nodes[child].Next <= i.node() {
			child = nodes[child].Next
		}
		if child >= nodes[at].Next {
			return chain
		}
		at = child
	}
}
