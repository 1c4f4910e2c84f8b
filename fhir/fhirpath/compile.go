package fhirpath

import (
	"github.com/noafhir/noafhir/fhir"
)

// A Program is a compiled expression. It is immutable and safe for concurrent
// use.
type Program struct {
	expr *Expr
	m    *model
	run  step
	vars int // that defineVariable defines
}

// A step is a compiled expression: it maps a collection, the focus, to another.
// What it returns belongs to the frame. A step that fails leaves the reason in
// the frame and returns nothing; steps that get nothing go on harmlessly, and
// loops stop.
type step func(f *frame, in []Item) []Item

// An Option changes how an expression is compiled.
type Option func(*compiler)

// Strict makes Compile refuse what can only be a mistake when the expression is
// evaluated on a value of a FHIR type: members that the type does not have, heads
// that name another type, criteria that are no boolean, and positions taken in
// collections that have no order.
// See https://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation.
func Strict(typ fhir.TypeID) Option {
	return func(c *compiler) { c.strict, c.context = true, typ }
}

// WithVariables declares variables that [Env] will hold: %name for each name.
func WithVariables(names ...string) Option {
	return func(c *compiler) {
		for _, name := range names {
			c.declared[name] = true
		}
	}
}

// A Function is a function of the caller's, for [WithFunction]. Call gets the
// input collection and the arguments, which are evaluated in the context of the
// call, like those of union().
type Function struct {
	Min, Max int // arguments
	Call     func(in []Item, args [][]Item) ([]Item, error)
}

// WithFunction adds a function. It can not take the place of a standard one.
func WithFunction(name string, fn Function) Option {
	return func(c *compiler) { c.custom[name] = fn }
}

// Compile parses an expression and makes it ready to run. Errors are Invalid for
// what is wrong and Unsupported for what this package can not do, both with the
// position.
func Compile(schema *fhir.Schema, src string, options ...Option) (*Program, error) {
	e, err := Parse(src)
	if err != nil {
		return nil, err
	}
	return CompileExpr(schema, e, options...)
}

// CompileExpr is Compile for an expression already parsed.
func CompileExpr(schema *fhir.Schema, e *Expr, options ...Option) (*Program, error) {
	c := compiler{m: modelOf(schema), declared: map[string]bool{}, custom: map[string]Function{}}
	for _, o := range options {
		o(&c)
	}
	run, err := c.compile(e)
	if err == nil && c.strict {
		err = check(&c, e)
	}
	if err != nil {
		return nil, err
	}
	return &Program{expr: e, m: c.m, run: run, vars: c.vars}, nil
}

// String returns the expression.
func (p *Program) String() string { return p.expr.String() }

// A compiler turns expressions into steps.
type compiler struct {
	m        *model
	strict   bool
	context  fhir.TypeID // that strict assumes
	declared map[string]bool
	custom   map[string]Function
	scope    []string // names that defineVariable has defined, in sight
	slots    []int    // where their values are in a frame
	vars     int
	totals   int // depth inside aggregates, where $total has a meaning
}

func invalid(e *Expr, format string, args ...any) error {
	return errorAt(fhir.Invalid, e.Pos, format, args...)
}

// compile compiles an expression that stands for itself: what it defines ends
// with it.
func (c *compiler) compile(e *Expr) (step, error) {
	known := len(c.scope)
	s, err := c.chain(e)
	c.scope, c.slots = c.scope[:known], c.slots[:known]
	return s, err
}

// chain compiles e; variables that it defines stay in sight for what follows.
func (c *compiler) chain(e *Expr) (step, error) {
	switch e.Op {
	case EmptyOp, BooleanOp, StringOp, NumberOp, DateOp, DateTimeOp, TimeOp, QuantityOp:
		return literal(e)
	case ThisOp, IndexOp, TotalOp:
		return c.dollar(e)
	case VariableOp:
		return c.variable(e)
	case MemberOp:
		return c.member(e)
	case CallOp:
		return c.call(e)
	case ItemOp:
		return c.item(e)
	case UnaryOp:
		return c.unary(e)
	case BinaryOp:
		return c.binary(e)
	case IsOp, AsOp:
		return c.typed(e, e.Args[0], e.Text, e.Op == IsOp)
	case DescOp:
		return nil, invalid(e, "desc stands only in sort()")
	}
	return nil, invalid(e, "this has no meaning")
}

// input compiles what e is applied to; nil is the focus.
func (c *compiler) input(e *Expr) (step, error) {
	if e == nil {
		return this, nil
	}
	return c.chain(e)
}

// this is the focus itself.
func this(_ *frame, in []Item) []Item { return in }

func constant(items ...Item) step {
	return func(*frame, []Item) []Item { return items }
}

// literal compiles a literal.
func literal(e *Expr) (step, error) {
	switch e.Op {
	case EmptyOp:
		return constant(), nil
	case BooleanOp:
		return constant(Boolean(e.Text == "true")), nil
	case StringOp:
		return constant(String(e.Text)), nil
	case NumberOp:
		i, ok := number(unpadded(e.Text))
		if !ok {
			return nil, invalid(e, "%s is out of range", e.Text)
		}
		return constant(i), nil
	case QuantityOp:
		i := Item{kind: QuantityItem, text: unpadded(e.Text), unit: e.Unit, ucum: e.UCUM}
		if _, ok := i.decimal(); !ok {
			return nil, invalid(e, "%s is out of range", e.Text)
		}
		return constant(i), nil
	}
	kind := map[Op]Kind{DateOp: DateItem, DateTimeOp: DateTimeItem, TimeOp: TimeItem}[e.Op]
	m, ok := parseMoment(kind, e.Text)
	if !ok {
		return nil, invalid(e, "@%s is no date or time", e.Text)
	}
	return constant(m.item()), nil
}

// dollar compiles $this, $index and $total.
func (c *compiler) dollar(e *Expr) (step, error) {
	switch e.Op {
	case IndexOp:
		return func(f *frame, _ []Item) []Item { return f.give(Integer(int64(f.index))) }, nil
	case TotalOp:
		if c.totals == 0 {
			return nil, invalid(e, "$total has a value only inside aggregate()")
		}
		return func(f *frame, _ []Item) []Item { return f.total }, nil
	}
	return c.input(e.Input)
}

// item compiles an indexer.
func (c *compiler) item(e *Expr) (step, error) {
	input, err := c.input(e.Input)
	if err != nil {
		return nil, err
	}
	index, err := c.compile(e.Args[0])
	if err != nil {
		return nil, err
	}
	return func(f *frame, in []Item) []Item {
		all := input(f, in)
		at, ok := f.one(e, index(f, in), wantInteger, "an index")
		if k := at.integer(); ok && k >= 0 && k < int64(len(all)) {
			return all[k : k+1 : k+1]
		}
		return nil
	}, nil
}

// binary compiles an operator between two expressions.
func (c *compiler) binary(e *Expr) (step, error) {
	left, err := c.compile(e.Args[0])
	if err != nil {
		return nil, err
	}
	right, err := c.compile(e.Args[1])
	if err != nil {
		return nil, err
	}
	switch e.Text {
	case "|":
		return union(left, right), nil
	case "=", "!=":
		return equality(left, right, e.Text == "="), nil
	case "~", "!~":
		return equivalence(left, right, e.Text == "~"), nil
	case "<", "<=", ">", ">=":
		return comparison(e, left, right), nil
	case "and", "or", "xor", "implies":
		return logic(e, left, right), nil
	case "in":
		return membership(e, left, right), nil
	case "contains":
		return membership(e, right, left), nil
	case "&":
		return concatenation(e, left, right), nil
	}
	return arithmetic(e, left, right), nil
}
