package fhirpath

import (
	"strconv"
	"strings"
)

// An Op says what an expression is.
type Op uint8

// The kinds of expression.
const (
	EmptyOp    Op = iota + 1 // {}
	BooleanOp                // Text: true or false
	StringOp                 // Text: the content
	NumberOp                 // Text: as written
	DateOp                   // Text: without @
	DateTimeOp               // Text: without @
	TimeOp                   // Text: without @T
	QuantityOp               // Text: the number; Unit
	ThisOp                   // $this
	IndexOp                  // $index
	TotalOp                  // $total
	VariableOp               // Text: the name, without %
	MemberOp                 // Input.Text, or Text alone
	CallOp                   // Input.Text(Args), or Text(Args) alone
	ItemOp                   // Input[Args[0]]
	UnaryOp                  // Text: + or -; Args[0]
	BinaryOp                 // Args[0] Text Args[1]
	IsOp                     // Args[0] is Text
	AsOp                     // Args[0] as Text
	DescOp                   // Args[0] desc, an argument of sort
)

// An Expr is a parsed expression. Callers must not change one that others see.
type Expr struct {
	Op    Op
	Pos   int    // offset in bytes of the token that makes it what it is
	Text  string // see Op
	Unit  string // of a quantity: a UCUM code or a calendar word
	UCUM  bool   // the unit was written as a string
	Input *Expr  // nil: the context
	Args  []*Expr
}

// Equal reports whether two expressions are the same, positions aside.
func (e *Expr) Equal(o *Expr) bool {
	if e == nil || o == nil {
		return e == o
	}
	if e.Op != o.Op || e.Text != o.Text || e.Unit != o.Unit || e.UCUM != o.UCUM || len(e.Args) != len(o.Args) {
		return false
	}
	for i := range e.Args {
		if !e.Args[i].Equal(o.Args[i]) {
			return false
		}
	}
	return e.Input.Equal(o.Input)
}

// String writes e so that Parse reads the same again. It puts brackets around
// every operator, whether needed or not.
func (e *Expr) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *Expr) write(b *strings.Builder) {
	if e.Input != nil {
		e.Input.write(b)
		if e.Op != ItemOp {
			b.WriteByte('.')
		}
	}
	switch e.Op {
	case EmptyOp:
		b.WriteString("{}")
	case BooleanOp, NumberOp:
		b.WriteString(e.Text)
	case StringOp:
		quote(b, '\'', e.Text)
	case DateOp, DateTimeOp:
		b.WriteString("@" + e.Text)
	case TimeOp:
		b.WriteString("@T" + e.Text)
	case QuantityOp:
		b.WriteString(e.Text + " ")
		if e.UCUM {
			quote(b, '\'', e.Unit)
		} else {
			b.WriteString(e.Unit)
		}
	case ThisOp:
		b.WriteString("$this")
	case IndexOp:
		b.WriteString("$index")
	case TotalOp:
		b.WriteString("$total")
	case VariableOp:
		b.WriteByte('%')
		quote(b, '`', e.Text)
	case MemberOp:
		writeName(b, e.Text)
	case CallOp:
		writeName(b, e.Text)
		writeArgs(b, '(', e.Args, ')')
	case ItemOp:
		writeArgs(b, '[', e.Args, ']')
	case DescOp:
		e.Args[0].write(b)
		b.WriteString(" desc")
	default:
		e.writeOperator(b)
	}
}

func (e *Expr) writeOperator(b *strings.Builder) {
	b.WriteByte('(')
	switch e.Op {
	case UnaryOp:
		b.WriteString(e.Text)
		e.Args[0].write(b)
	case BinaryOp:
		e.Args[0].write(b)
		b.WriteString(" " + e.Text + " ")
		e.Args[1].write(b)
	case IsOp, AsOp:
		e.Args[0].write(b)
		b.WriteString(map[Op]string{IsOp: " is ", AsOp: " as "}[e.Op])
		for i, part := range strings.Split(e.Text, ".") {
			if i > 0 {
				b.WriteByte('.')
			}
			writeName(b, part)
		}
	}
	b.WriteByte(')')
}

func writeArgs(b *strings.Builder, open byte, args []*Expr, end byte) {
	b.WriteByte(open)
	for i, a := range args {
		if i > 0 {
			b.WriteString(", ")
		}
		a.write(b)
	}
	b.WriteByte(end)
}

// writeName writes an identifier, in quotes if it could be read as something
// else.
func writeName(b *strings.Builder, name string) {
	l := lexer{src: name}
	if name != "" && l.name() == name && !reserved[name] {
		b.WriteString(name)
		return
	}
	quote(b, '`', name)
}

func quote(b *strings.Builder, mark byte, s string) {
	b.WriteByte(mark)
	for i := range len(s) {
		if s[i] == mark || s[i] == '\\' {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	b.WriteByte(mark)
}

func itoa(n int) string { return strconv.Itoa(n) }
