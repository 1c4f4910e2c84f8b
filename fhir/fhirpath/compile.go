package fhirpath

import (
	"strconv"
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

// A Program is a compiled expression. It is immutable and safe for concurrent
// use.
type Program struct {
	expr   *Expr
	schema *fhir.Schema
	run    step
}

// A step is a compiled expression: it maps a collection to another. What it
// returns belongs to the frame.
type step func(f *frame, in []Item) []Item

// A frame is the state of one evaluation.
type frame struct {
	schema *fhir.Schema
	root   Item   // %resource
	items  []Item // results stand here one behind the other; nothing is moved
}

var frames = sync.Pool{New: func() any { return new(frame) }}

// Compile parses an expression and makes it ready to run. Errors are Invalid for
// bad syntax and Unsupported for what this package can not do, both with the
// position.
func Compile(schema *fhir.Schema, src string) (*Program, error) {
	e, err := Parse(src)
	if err != nil {
		return nil, err
	}
	return CompileExpr(schema, e)
}

// CompileExpr is Compile for an expression already parsed.
func CompileExpr(schema *fhir.Schema, e *Expr) (*Program, error) {
	c := compiler{schema: schema}
	run, err := c.compile(e, true)
	if err != nil {
		return nil, err
	}
	return &Program{expr: e, schema: schema, run: run}, nil
}

// String returns the expression.
func (p *Program) String() string { return p.expr.String() }

// Append evaluates p with v as context and appends the result to dst. Root is
// the resource that v is in.
func (p *Program) Append(dst []Item, root, v fhir.Value) []Item {
	f := frames.Get().(*frame)
	f.schema = p.schema
	f.root = nodeItem(root.Tree(), root.Index(), 0)
	f.items = append(f.items[:0], nodeItem(v.Tree(), v.Index(), 0))
	dst = append(dst, p.run(f, f.items[:1:1])...)
	clear(f.items)
	f.root = Item{}
	frames.Put(f)
	return dst
}

// Eval evaluates p with the resource r as context.
func (p *Program) Eval(r *fhir.Resource) []Item {
	return p.Append(nil, r.Root(), r.Root())
}

// A compiler turns expressions into steps.
type compiler struct {
	schema *fhir.Schema
}

func unsupported(e *Expr, what string) error {
	return errorAt(fhir.Unsupported, e.Pos, "%s is not supported", what)
}

// compile compiles e. Head says that a name e begins with may be that of the
// context's type: https://hl7.org/fhirpath/N1/#path-selection.
func (c *compiler) compile(e *Expr, head bool) (step, error) {
	switch e.Op {
	case EmptyOp:
		return constant(), nil
	case BooleanOp:
		return constant(boolean(e.Text == "true")), nil
	case StringOp:
		return constant(Item{kind: StringItem, text: e.Text}), nil
	case NumberOp:
		return constant(Item{kind: NumberItem, text: e.Text}), nil
	case ThisOp:
		if e.Input == nil {
			return this, nil
		}
	case VariableOp:
		if e.Text == "resource" || e.Text == "context" {
			return func(f *frame, _ []Item) []Item { return f.give(f.root) }, nil
		}
		return nil, unsupported(e, "the variable %"+e.Text)
	case MemberOp:
		return c.member(e, head)
	case CallOp:
		return c.call(e, head)
	case ItemOp:
		return c.item(e, head)
	case BinaryOp:
		return c.binary(e, head)
	case IsOp, AsOp:
		return c.typed(e, e.Args[0], e.Text, e.Op == IsOp, head)
	case DateOp, DateTimeOp, TimeOp:
		return nil, unsupported(e, "a literal date or time")
	case QuantityOp:
		return nil, unsupported(e, "a literal quantity")
	case UnaryOp:
		return nil, unsupported(e, "the sign "+e.Text)
	}
	return nil, unsupported(e, "this")
}

// this is the context itself.
func this(_ *frame, in []Item) []Item { return in }

func constant(items ...Item) step {
	return func(*frame, []Item) []Item { return items }
}

// give returns a collection of one item.
func (f *frame) give(i Item) []Item {
	at := len(f.items)
	f.items = append(f.items, i)
	return f.since(at)
}

// since returns what was appended since f.items had that length.
func (f *frame) since(at int) []Item {
	return f.items[at:len(f.items):len(f.items)]
}

// input compiles what e is applied to.
func (c *compiler) input(e *Expr, head bool) (step, error) {
	if e.Input == nil {
		return this, nil
	}
	return c.compile(e.Input, head)
}

// item compiles an indexer with a literal index.
func (c *compiler) item(e *Expr, head bool) (step, error) {
	input, err := c.input(e, head)
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(e.Args[0].Text)
	if e.Args[0].Op != NumberOp || err != nil {
		return nil, unsupported(e, "an index that is no whole number")
	}
	return func(f *frame, in []Item) []Item {
		all := input(f, in)
		if index >= len(all) {
			return nil
		}
		return all[index : index+1 : index+1]
	}, nil
}

// binary compiles an operator between two expressions.
func (c *compiler) binary(e *Expr, head bool) (step, error) {
	left, err := c.compile(e.Args[0], head)
	if err != nil {
		return nil, err
	}
	right, err := c.compile(e.Args[1], head)
	if err != nil {
		return nil, err
	}
	switch e.Text {
	case "|":
		return union(left, right), nil
	case "=", "!=":
		return equality(left, right, e.Text == "="), nil
	case "and", "or", "xor", "implies":
		return logic(left, right, e.Text), nil
	}
	return nil, unsupported(e, "the operator "+e.Text)
}

// union compiles |, which leaves out duplicates.
func union(left, right step) step {
	return func(f *frame, in []Item) []Item {
		a := left(f, in)
		b := right(f, in)
		if len(b) == 0 && len(a) < 2 {
			return a
		}
		at := len(f.items)
		for _, side := range [2][]Item{a, b} {
			for _, i := range side {
				if !has(f.items[at:], i) {
					f.items = append(f.items, i)
				}
			}
		}
		return f.since(at)
	}
}

// has reports whether the place or the computed value is in a collection.
func has(items []Item, i Item) bool {
	for _, o := range items {
		if o.kind == i.kind && o.tree == i.tree && o.node == i.node && o.truth == i.truth && o.text == i.text && o.typ == i.typ {
			return true
		}
	}
	return false
}
