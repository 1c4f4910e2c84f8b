package fhirpath

import (
	"unicode/utf8"

	"github.com/noafhir/noafhir/fhir"
)

// maxDepth bounds how deep expressions nest, and maxLength how long they are,
// so that no input exhausts the stack.
const (
	maxDepth  = 200
	maxLength = 64 << 10
)

// reserved are the words that are no identifiers unless quoted.
var reserved = map[string]bool{
	"and": true, "or": true, "xor": true, "implies": true, "div": true, "mod": true,
	"true": true, "false": true, "is": true, "as": true, "in": true, "contains": true,
}

// calendar are the units of time that are written without quotes.
var calendar = map[string]bool{
	"year": true, "month": true, "week": true, "day": true, "hour": true, "minute": true, "second": true, "millisecond": true,
	"years": true, "months": true, "weeks": true, "days": true, "hours": true, "minutes": true, "seconds": true, "milliseconds": true,
}

// binding says how tightly an operator binds; more binds first.
// See https://hl7.org/fhirpath/N1/#operator-precedence.
var binding = map[string]int{
	"implies": 1,
	"or":      2, "xor": 2,
	"and": 3,
	"in":  4, "contains": 4,
	"=": 5, "~": 5, "!=": 5, "!~": 5,
	"<": 6, "<=": 6, ">": 6, ">=": 6,
	"|":  7,
	"is": 8, "as": 8,
	"+": 9, "-": 9, "&": 9,
	"*": 10, "/": 10, "div": 10, "mod": 10,
}

// signBinding is how tightly the signs + and - bind.
const signBinding = 11

// A parser reads one expression, one token ahead.
type parser struct {
	lexer lexer
	tok   token
	depth int
}

// Parse reads an expression. Errors are Invalid and tell the position.
// See https://hl7.org/fhirpath/N1/grammar.html.
func Parse(src string) (*Expr, error) {
	if len(src) > maxLength {
		return nil, errorAt(fhir.Invalid, maxLength, "the expression is too long")
	}
	if !utf8.ValidString(src) {
		return nil, errorAt(fhir.Invalid, 0, "the expression is not valid UTF-8")
	}
	p := parser{lexer: lexer{src: src}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != endToken {
		return nil, p.unexpected()
	}
	return e, nil
}

func (p *parser) advance() (err error) {
	p.tok, err = p.lexer.next()
	return err
}

// unexpected says that the token in hand can not stand where it does.
func (p *parser) unexpected() error {
	if p.tok.kind == endToken {
		return errorAt(fhir.Invalid, p.tok.pos, "the expression ends too early")
	}
	return errorAt(fhir.Invalid, p.tok.pos, "%q was not expected", p.tok.text)
}

// expect passes over a symbol.
func (p *parser) expect(symbol string) error {
	if !p.tok.is(symbol) {
		return p.unexpected()
	}
	return p.advance()
}

// expression reads operators that bind more tightly than least.
func (p *parser) expression(least int) (*Expr, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errorAt(fhir.Invalid, p.tok.pos, "the expression nests too deep")
	}
	defer func() { p.depth-- }()
	left, err := p.signed()
	for chain := 0; err == nil; chain++ {
		strength, ok := 0, false
		if p.tok.kind == symbolToken || p.tok.kind == nameToken {
			strength, ok = binding[p.tok.text]
		}
		if !ok || strength <= least {
			return left, nil
		}
		// Operators of one level nest to the left without recursion here, but
		// whoever walks the tree recurses.
		if p.depth+chain > 10*maxDepth {
			return nil, errorAt(fhir.Invalid, p.tok.pos, "the expression has too many operators")
		}
		left, err = p.operator(left, strength)
	}
	return nil, err
}

// operator reads the operator in hand and what stands right of it.
func (p *parser) operator(left *Expr, strength int) (*Expr, error) {
	op := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	if op.text == "is" || op.text == "as" {
		name, err := p.typeName()
		kind := IsOp
		if op.text == "as" {
			kind = AsOp
		}
		return &Expr{Op: kind, Pos: op.pos, Text: name, Args: []*Expr{left}}, err
	}
	right, err := p.expression(strength)
	return &Expr{Op: BinaryOp, Pos: op.pos, Text: op.text, Args: []*Expr{left, right}}, err
}

// typeName reads a qualified identifier.
func (p *parser) typeName() (string, error) {
	name, err := p.identifier()
	for err == nil && p.tok.is(".") {
		if err = p.advance(); err != nil {
			break
		}
		var part string
		part, err = p.identifier()
		name += "." + part
	}
	return name, err
}

// identifier reads a name. The words is, as, in and contains are names where no
// operator can stand.
func (p *parser) identifier() (string, error) {
	ok := p.tok.kind == quotedNameToken && p.tok.text != "" ||
		p.tok.kind == nameToken && (!reserved[p.tok.text] || p.wordy())
	if !ok {
		return "", p.unexpected()
	}
	name := p.tok.text
	return name, p.advance()
}

// wordy reports whether the token is an operator that may also be a name.
func (p *parser) wordy() bool {
	return p.tok.is("is") || p.tok.is("as") || p.tok.is("in") || p.tok.is("contains")
}

// signed reads a term with its signs in front and its invocations behind.
func (p *parser) signed() (*Expr, error) {
	if !p.tok.is("+") && !p.tok.is("-") {
		return p.invocations()
	}
	sign := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	e, err := p.expression(signBinding)
	return &Expr{Op: UnaryOp, Pos: sign.pos, Text: sign.text, Args: []*Expr{e}}, err
}

// invocations reads a term and the steps and indexers that follow it.
func (p *parser) invocations() (*Expr, error) {
	e, err := p.term()
	for steps := 0; err == nil; steps++ {
		if steps > 10*maxDepth {
			return nil, errorAt(fhir.Invalid, p.tok.pos, "the path has too many steps")
		}
		switch pos := p.tok.pos; {
		case p.tok.is("."):
			if err = p.advance(); err == nil {
				e, err = p.invocation(e)
			}
		case p.tok.is("["):
			if err = p.advance(); err != nil {
				break
			}
			var at *Expr
			if at, err = p.expression(0); err == nil {
				err = p.expect("]")
				e = &Expr{Op: ItemOp, Pos: pos, Input: e, Args: []*Expr{at}}
			}
		default:
			return e, nil
		}
	}
	return nil, err
}

// invocation reads a member, a function or a $variable, applied to input.
func (p *parser) invocation(input *Expr) (*Expr, error) {
	pos := p.tok.pos
	if p.tok.kind == dollarToken {
		op := map[string]Op{"this": ThisOp, "index": IndexOp, "total": TotalOp}[p.tok.text]
		if op == 0 {
			return nil, errorAt(fhir.Invalid, pos, "$%s is not defined", p.tok.text)
		}
		return &Expr{Op: op, Pos: pos, Input: input}, p.advance()
	}
	name, err := p.identifier()
	if err != nil || !p.tok.is("(") {
		return &Expr{Op: MemberOp, Pos: pos, Text: name, Input: input}, err
	}
	args, err := p.arguments(name == "sort")
	return &Expr{Op: CallOp, Pos: pos, Text: name, Input: input, Args: args}, err
}

// arguments reads a list in brackets. Those of sort may say asc or desc.
func (p *parser) arguments(sort bool) ([]*Expr, error) {
	if err := p.expect("("); err != nil {
		return nil, err
	}
	var args []*Expr
	for !p.tok.is(")") {
		if len(args) > 0 {
			if err := p.expect(","); err != nil {
				return nil, err
			}
		}
		e, err := p.expression(0)
		if err == nil && sort && (p.tok.is("asc") || p.tok.is("desc")) {
			if p.tok.text == "desc" {
				e = &Expr{Op: DescOp, Pos: p.tok.pos, Args: []*Expr{e}}
			}
			err = p.advance()
		}
		if err != nil {
			return nil, err
		}
		args = append(args, e)
	}
	return args, p.advance()
}

// literals maps tokens to the literals they are.
var literals = map[tokenKind]Op{
	stringToken: StringOp, dateToken: DateOp, dateTimeToken: DateTimeOp, timeToken: TimeOp,
}

// term reads what stands between operators.
func (p *parser) term() (*Expr, error) {
	tok := p.tok
	switch {
	case literals[tok.kind] != 0:
		text := tok.text
		if tok.kind == timeToken {
			text = text[1:]
		}
		return &Expr{Op: literals[tok.kind], Pos: tok.pos, Text: text}, p.advance()
	case tok.kind == numberToken:
		return p.number()
	case tok.is("true") || tok.is("false"):
		return &Expr{Op: BooleanOp, Pos: tok.pos, Text: tok.text}, p.advance()
	case tok.is("{"):
		if err := p.advance(); err != nil {
			return nil, err
		}
		return &Expr{Op: EmptyOp, Pos: tok.pos}, p.expect("}")
	case tok.is("%"):
		return p.variable()
	case tok.is("("):
		if err := p.advance(); err != nil {
			return nil, err
		}
		e, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return e, p.expect(")")
	}
	return p.invocation(nil)
}

// number reads a number or, with a unit behind it, a quantity.
func (p *parser) number() (*Expr, error) {
	e := &Expr{Op: NumberOp, Pos: p.tok.pos, Text: p.tok.text}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.tok.kind == stringToken || p.tok.kind == nameToken && calendar[p.tok.text] {
		e.Op, e.Unit, e.UCUM = QuantityOp, p.tok.text, p.tok.kind == stringToken
		return e, p.advance()
	}
	return e, nil
}

// variable reads %name, %`name` or %'name'.
func (p *parser) variable() (*Expr, error) {
	pos := p.tok.pos
	if err := p.advance(); err != nil {
		return nil, err
	}
	if tok := p.tok; tok.kind == stringToken && tok.text != "" {
		return &Expr{Op: VariableOp, Pos: pos, Text: tok.text}, p.advance()
	}
	name, err := p.identifier()
	return &Expr{Op: VariableOp, Pos: pos, Text: name}, err
}
