package fhirpath

import (
	"math/big"

	"github.com/cockroachdb/apd/v3"
	"github.com/noafhir/noafhir/fhir"
)

// arithmetic compiles + - * / div and mod. Overflow, and division by zero, is
// empty. See https://hl7.org/fhirpath/N1/#math-1.
func arithmetic(e *Expr, left, right step) step {
	operands := map[string]want{
		"+": wantString | wantValue | wantMoment, "-": wantValue | wantMoment,
		"*": wantValue, "/": wantValue, "div": wantNumber, "mod": wantNumber,
	}[e.Text]
	return func(f *frame, in []Item) []Item {
		a, ok := f.one(e, left(f, in), operands|wantOther, "what stands left of "+e.Text)
		b, fine := f.one(e, right(f, in), operands|wantOther, "what stands right of "+e.Text)
		if !ok || !fine || !f.spend(1) {
			return nil
		}
		return f.giveIf(f.calculate(e, a, b))
	}
}

// calculate applies an operator to two values; the zero Item is an empty result.
func (f *frame) calculate(e *Expr, a, b Item) Item {
	adds := e.Text == "+" || e.Text == "-"
	switch {
	case a.kind == StringItem && b.kind == StringItem && e.Text == "+":
		return f.text(e, a.text+b.text)
	case a.kind == IntegerItem && b.kind == IntegerItem && e.Text != "/":
		return integers(e.Text, a.integer(), b.integer())
	case a.isNumber() && b.isNumber():
		return decimals(e.Text, a, b)
	case a.isMoment() && b.kind == QuantityItem && adds:
		return f.shift(e, a, b, map[string]int{"+": 1, "-": -1}[e.Text])
	case a.isValue() && b.isValue() && adds:
		return f.sum(e, a.quantity(), b.quantity())
	case a.isValue() && b.isValue() && (e.Text == "*" || e.Text == "/"):
		return product(a.quantity(), b.quantity(), e.Text == "/")
	case f.m.IsA(a.typ, f.m.quantity) || f.m.IsA(b.typ, f.m.quantity):
		return Item{} // a quantity that FHIRPath can not calculate with
	}
	f.fail(fhir.Invalid, e, "%s %s %s can not be calculated", f.describe(a), e.Text, f.describe(b))
	return Item{}
}

// text returns a computed string, or fails if it is too long.
func (f *frame) text(e *Expr, s string) Item {
	if len(s) > maxText {
		f.fail(fhir.TooCostly, e, "the text gets longer than %d bytes", maxText)
		return Item{}
	}
	f.spend(len(s) / 64)
	return String(s)
}

// integers calculates with integers, which are of 32 bits each.
func integers(op string, a, b int64) Item {
	switch op {
	case "+":
		return integerItem(a + b)
	case "-":
		return integerItem(a - b)
	case "*":
		return integerItem(a * b)
	case "div":
		if b != 0 {
			return integerItem(a / b)
		}
	case "mod":
		if b != 0 {
			return integerItem(a % b)
		}
	}
	return Item{}
}

// decimals calculates with decimals: exactly, but for quotients that have no end.
func decimals(op string, a, b Item) Item {
	x, ok := a.decimal()
	y, fine := b.decimal()
	if !ok || !fine {
		return Item{}
	}
	r := new(decimal)
	var err error
	switch op {
	case "+":
		_, err = exact.Add(r, x, y)
	case "-":
		_, err = exact.Sub(r, x, y)
	case "*":
		_, err = exact.Mul(r, x, y)
	case "/":
		r = quotient(x, y)
	case "div":
		r = divided(x, y)
	case "mod":
		r = remainder(x, y)
	}
	if err != nil || r == nil {
		return Item{}
	}
	return decimalItem(r)
}

// divided returns the whole part of a quotient, nil if y is zero.
func divided(x, y *decimal) *decimal {
	if y.IsZero() {
		return nil
	}
	r := new(decimal)
	ctx := apd.BaseContext.WithPrecision(2 * maxDigits)
	if _, err := ctx.QuoInteger(r, x, y); err != nil {
		return nil
	}
	return r
}

// remainder returns what truncated division leaves, nil if y is zero.
func remainder(x, y *decimal) *decimal {
	r := divided(x, y)
	if r == nil {
		return nil
	}
	if _, err := exact.Mul(r, r, y); err != nil {
		return nil
	}
	if _, err := exact.Sub(r, x, r); err != nil {
		return nil
	}
	return r
}

// sum adds quantities, or takes the second from the first, in the unit of the
// first. Months and years are not converted on the way: what they are worth in
// other units is not exact.
func (f *frame) sum(e *Expr, a, b Item) Item {
	x, ok := a.decimal()
	y, fine := b.decimal()
	if !ok || !fine {
		return Item{}
	}
	if a.unit != b.unit || a.ucum != b.ucum {
		factor, ok := f.factor(b, a, false)
		if !ok || a.calendar() != b.calendar() && (durations[a.calendar()].loose || durations[b.calendar()].loose) {
			return Item{}
		}
		if factor.Cmp(big.NewRat(1, 1)) != 0 {
			if y = scale(y, factor); y == nil {
				return Item{}
			}
		}
	}
	if e.Text == "-" {
		y.Neg(y)
	}
	if _, err := exact.Add(x, x, y); err != nil {
		return Item{}
	}
	return a.withNumber(x)
}

// withNumber returns a quantity with another number.
func (i Item) withNumber(d *decimal) Item {
	n := decimalItem(d)
	if n.kind == 0 {
		return n
	}
	i.text = n.text
	return i
}

// product multiplies or divides quantities. Calendar units go together with plain
// numbers only.
func product(a, b Item, divide bool) Item {
	x, ok := a.decimal()
	y, fine := b.decimal()
	if !ok || !fine {
		return Item{}
	}
	r := a
	switch {
	case b.unit == "1" && b.ucum:
	case a.unit == "1" && a.ucum && !divide:
		r = b
	case !a.ucum || !b.ucum:
		return Item{}
	default:
		r.unit = productUnit(a.unit, b.unit, divide)
	}
	if !divide {
		if _, err := exact.Mul(x, x, y); err != nil {
			return Item{}
		}
	} else if x = quotient(x, y); x == nil {
		return Item{}
	}
	return r.withNumber(x)
}

// unary compiles the signs + and -.
func (c *compiler) unary(e *Expr) (step, error) {
	operand, err := c.compile(e.Args[0])
	if err != nil {
		return nil, err
	}
	return func(f *frame, in []Item) []Item {
		i, ok := f.one(e, operand(f, in), wantValue, "what has a sign")
		if !ok {
			return nil
		}
		if e.Text == "-" {
			i = negated(i)
		}
		return f.giveIf(i)
	}, nil
}

// negated returns the value with the other sign.
func negated(i Item) Item {
	if i.kind == IntegerItem {
		return integerItem(-i.integer())
	}
	d, ok := i.decimal()
	if !ok {
		return Item{}
	}
	d.Neg(d)
	if i.kind == QuantityItem {
		return i.withNumber(d)
	}
	return decimalItem(d)
}

// concatenation compiles &, for which nothing is the empty string.
func concatenation(e *Expr, left, right step) step {
	return func(f *frame, in []Item) []Item {
		a, _ := f.one(e, left(f, in), wantString, "what stands left of &")
		b, _ := f.one(e, right(f, in), wantString, "what stands right of &")
		if f.err != nil {
			return nil
		}
		return f.giveIf(f.text(e, a.text+b.text))
	}
}
