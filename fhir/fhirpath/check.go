package fhirpath

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// A shape is what is known about a collection before anything is evaluated.
type shape struct {
	types     []typeRef // that items can have; nil: any
	unordered bool      // positions in it mean nothing
}

var anything = shape{}

func systemShape(k Kind) shape { return shape{types: []typeRef{{system: k}}} }
func fhirShape(t fhir.TypeID) shape {
	return shape{types: []typeRef{{fhir: t}}}
}

// check finds what can only be a mistake in an expression that is evaluated on
// the compiler's context; see [Strict].
func check(c *compiler, e *Expr) error {
	focus := anything
	if c.context != 0 {
		focus = c.known(c.context)
	}
	_, err := c.shape(e, focus)
	return err
}

// known returns the shape of values of a type. Of a type that others specialise
// by members of their own, nothing is known.
func (c *compiler) known(t fhir.TypeID) shape {
	if c.m.Types[t].Abstract {
		return anything
	}
	return fhirShape(t)
}

// or returns what is known about items of either shape.
func (s shape) or(o shape) shape {
	r := shape{unordered: s.unordered || o.unordered}
	if s.types != nil && o.types != nil {
		r.types = slices.Concat(s.types, o.types)
	}
	return r
}

// shape returns the shape of an expression's result.
func (c *compiler) shape(e *Expr, focus shape) (shape, error) {
	switch e.Op {
	case BooleanOp:
		return systemShape(BooleanItem), nil
	case StringOp:
		return systemShape(StringItem), nil
	case NumberOp, QuantityOp, DateOp, DateTimeOp, TimeOp:
		i, err := literal(e)
		if err != nil {
			return anything, err
		}
		return systemShape(i(nil, nil)[0].kind), nil
	case ThisOp:
		return c.inputShape(e, focus)
	case MemberOp:
		return c.memberShape(e, focus)
	case CallOp:
		return c.callShape(e, focus)
	case ItemOp:
		in, err := c.inputShape(e, focus)
		if err != nil {
			return anything, err
		}
		if in.unordered {
			return anything, invalid(e, "an index is taken in a collection that has no order")
		}
		_, err = c.shape(e.Args[0], focus)
		return in, err
	case UnaryOp:
		return c.shape(e.Args[0], focus)
	case BinaryOp:
		return c.binaryShape(e, focus)
	case IsOp, AsOp:
		_, err := c.shape(e.Args[0], focus)
		if e.Op == IsOp {
			return systemShape(BooleanItem), err
		}
		return c.typeShape(e.Text), err
	}
	return anything, nil
}

func (c *compiler) inputShape(e *Expr, focus shape) (shape, error) {
	if e.Input == nil {
		return focus, nil
	}
	return c.shape(e.Input, focus)
}

// typeShape returns the shape of values of a type named in the expression.
func (c *compiler) typeShape(name string) shape {
	t, ok := c.m.typeRef(name)
	if !ok || t.any || t.fhir != 0 && c.m.Types[t.fhir].Abstract {
		return anything
	}
	return shape{types: []typeRef{t}}
}

// memberShape checks that some type of the input has the member.
func (c *compiler) memberShape(e *Expr, focus shape) (shape, error) {
	in, err := c.inputShape(e, focus)
	if err != nil {
		return anything, err
	}
	if e.Input == nil && e.Text[0] >= 'A' && e.Text[0] <= 'Z' {
		if t := c.m.TypeByName(e.Text); t != 0 {
			return c.headShape(e, t, in)
		}
	}
	if in.types == nil {
		return shape{unordered: in.unordered}, nil
	}
	out := shape{types: []typeRef{}, unordered: in.unordered}
	for _, t := range in.types {
		found := c.childShape(t, e.Text)
		if found.types == nil {
			return shape{unordered: in.unordered}, nil
		}
		out.types = append(out.types, found.types...)
	}
	if len(out.types) == 0 {
		return anything, invalid(e, "%s has no %s", c.names(in), e.Text)
	}
	return out, nil
}

// headShape checks a type name at the head of an expression.
func (c *compiler) headShape(e *Expr, t fhir.TypeID, in shape) (shape, error) {
	if in.types == nil {
		return c.known(t), nil
	}
	for _, have := range in.types {
		if have.fhir != 0 && (c.m.IsA(have.fhir, t) || c.m.IsA(t, have.fhir)) {
			return in, nil
		}
	}
	return anything, invalid(e, "this is evaluated on %s, not on %s", c.names(in), e.Text)
}

// childShape returns the shape of the children of that name; no types if a type
// has none, nil if they can be anything.
func (c *compiler) childShape(t typeRef, name string) shape {
	out := shape{types: []typeRef{}}
	if t.fhir == 0 {
		if t.system == QuantityItem && (name == "value" || name == "unit") {
			return systemShape(map[string]Kind{"value": DecimalItem, "unit": StringItem}[name])
		}
		return out
	}
	if c.m.primitive[t.fhir] && name == "value" {
		return systemShape(c.m.system[t.fhir])
	}
	elements := c.m.ElementsOf(t.fhir)
	for k := range elements {
		if label(&elements[k]) != name {
			continue
		}
		child := c.known(elements[k].Type)
		if child.types == nil {
			return anything
		}
		out.types = append(out.types, child.types...)
	}
	return out
}

// names lists the types of a shape for a message.
func (c *compiler) names(s shape) string {
	text := ""
	for k, t := range s.types {
		switch {
		case k == 3:
			return text + " …"
		case k > 0:
			text += " or "
		}
		if t.fhir != 0 {
			text += c.m.Types[t.fhir].Name
		} else {
			text += systemNames[t.system]
		}
	}
	return text
}

func (c *compiler) binaryShape(e *Expr, focus shape) (shape, error) {
	left, err := c.shape(e.Args[0], focus)
	if err != nil {
		return anything, err
	}
	right, err := c.shape(e.Args[1], focus)
	if err != nil {
		return anything, err
	}
	switch e.Text {
	case "|":
		return left.or(right), nil
	case "&":
		return systemShape(StringItem), nil
	case "+", "-", "*", "/", "div", "mod":
		return anything, nil
	}
	return systemShape(BooleanItem), nil
}

// Functions by what their result is.
var (
	passing = []string{
		"where", "first", "last", "tail", "skip", "take", "single", "distinct", "exclude", "intersect", "trace", "sort",
		"checkModifiers", "defineVariable",
	}
	telling = []string{
		"exists", "empty", "not", "all", "allTrue", "allFalse", "anyTrue", "anyFalse", "subsetOf", "supersetOf", "isDistinct",
		"convertsToBoolean", "convertsToInteger", "convertsToDecimal", "convertsToString", "convertsToDate", "convertsToDateTime",
		"convertsToTime", "convertsToQuantity", "toBoolean", "startsWith", "endsWith", "contains", "matches", "matchesFull",
		"hasValue", "hasExtension", "conformsTo", "memberOf", "subsumes", "subsumedBy", "htmlChecks", "comparable", "is",
	}
	saying = []string{
		"toString", "substring", "upper", "lower", "replace", "replaceMatches", "toChars", "encode", "decode", "escape",
		"unescape", "trim", "split", "join",
	}
	counting   = []string{"count", "length", "indexOf", "lastIndexOf", "toInteger", "precision"}
	positional = []string{"first", "last", "tail", "skip", "take"}
	scoping    = []string{"where", "exists", "all", "select", "repeat", "repeatAll", "sort", "aggregate", "trace", "iif", "coalesce", "defineVariable"}
	asking     = []string{"where", "exists", "all", "iif"} // the first argument is a condition
)

// callShape checks a call and its arguments.
func (c *compiler) callShape(e *Expr, focus shape) (shape, error) {
	in, err := c.inputShape(e, focus)
	if err != nil {
		return anything, err
	}
	if in.unordered && slices.Contains(positional, e.Text) {
		return anything, invalid(e, "%s() is taken of a collection that has no order", e.Text)
	}
	switch e.Text {
	case "is":
		return systemShape(BooleanItem), nil
	case "as", "ofType":
		name, _ := typeArgument(e.Args[0])
		out := c.typeShape(name)
		out.unordered = in.unordered
		return out, nil
	}
	args, err := c.argumentShapes(e, focus, in)
	if err != nil {
		return anything, err
	}
	return c.resultShape(e, in, args), nil
}

func (c *compiler) argumentShapes(e *Expr, focus, in shape) ([]shape, error) {
	inner := focus
	if slices.Contains(scoping, e.Text) {
		inner = shape{types: in.types}
	}
	args := make([]shape, len(e.Args))
	for k, a := range e.Args {
		if a.Op == DescOp {
			a = a.Args[0]
		}
		var err error
		if args[k], err = c.shape(a, inner); err != nil {
			return nil, err
		}
	}
	if len(args) > 0 && slices.Contains(asking, e.Text) && args[0].types != nil && !slices.ContainsFunc(args[0].types, c.isBoolean) {
		return nil, invalid(e.Args[0], "the condition of %s() is %s, not a Boolean", e.Text, c.names(args[0]))
	}
	return args, nil
}

func (c *compiler) isBoolean(t typeRef) bool {
	return t.system == BooleanItem || t.fhir != 0 && c.m.system[t.fhir] == BooleanItem
}

func (c *compiler) resultShape(e *Expr, in shape, args []shape) shape {
	switch name := e.Text; {
	case slices.Contains(passing, name):
		in.unordered = in.unordered && name != "sort"
		return in
	case slices.Contains(telling, name):
		return systemShape(BooleanItem)
	case slices.Contains(saying, name):
		return systemShape(StringItem)
	case slices.Contains(counting, name):
		return systemShape(IntegerItem)
	case name == "children" || name == "descendants":
		return shape{unordered: true}
	case name == "select":
		args[0].unordered = args[0].unordered || in.unordered
		return args[0]
	case name == "union" || name == "combine":
		return in.or(args[0])
	case name == "iif" && len(args) == 3:
		return args[1].or(args[2])
	case name == "iif":
		return args[1]
	case name == "extension":
		return fhirShape(c.m.extension)
	}
	return anything
}
