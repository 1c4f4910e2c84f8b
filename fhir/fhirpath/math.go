package fhirpath

import (
	"github.com/cockroachdb/apd/v3"
	"github.com/noafhir/noafhir/fhir"
)

// The functions of https://hl7.org/fhirpath/N1/#math. A result that can not be
// represented is empty.
var mathFunctions = map[string]function{
	"abs": scalar(wantValue, func(_ *frame, _ *Expr, i Item, _ []Item) Item {
		if d, ok := i.decimal(); ok && d.Negative {
			return negated(i)
		}
		return i
	}),
	"ceiling":  scalar(wantValue, towards(apd.RoundCeiling)),
	"floor":    scalar(wantValue, towards(apd.RoundFloor)),
	"truncate": scalar(wantValue, towards(apd.RoundDown)),
	"round":    scalar(wantValue, round, wantInteger|optional),
	"exp":      scalar(wantNumber, function1((*apd.Context).Exp)),
	"ln":       scalar(wantNumber, function1((*apd.Context).Ln)),
	"sqrt":     scalar(wantNumber, function1((*apd.Context).Sqrt)),
	"log":      scalar(wantNumber, logarithm, wantNumber),
	"power":    scalar(wantNumber, raised, wantNumber),
}

// transcendental calculates with more digits than results keep, so that what is a
// round number comes out as one.
var transcendental = func() *apd.Context {
	ctx := apd.BaseContext.WithPrecision(40)
	ctx.MaxExponent, ctx.MinExponent = maxExponent, -maxExponent
	return ctx
}()

const keptDigits = 28

// towards rounds to a whole number: an Integer, or a quantity of one.
func towards(how apd.Rounder) func(f *frame, e *Expr, i Item, args []Item) Item {
	return func(_ *frame, _ *Expr, i Item, _ []Item) Item {
		d, ok := i.decimal()
		if !ok {
			return Item{}
		}
		d = quantized(d, 0, how)
		if i.kind == QuantityItem {
			return i.withNumber(d)
		}
		n, err := d.Int64()
		if err != nil {
			return Item{}
		}
		return integerItem(n)
	}
}

// round rounds to a number of decimal places; halves go away from zero.
func round(f *frame, e *Expr, i Item, args []Item) Item {
	n := args[0].integer()
	d, ok := i.decimal()
	switch {
	case n < 0:
		f.fail(fhir.Invalid, e, "round() takes no negative number of places")
		return Item{}
	case !ok || n > maxDigits:
		return Item{}
	}
	d = rounded(d, int32(n))
	if i.kind == QuantityItem {
		return i.withNumber(d)
	}
	return decimalItem(d)
}

// function1 makes a function of a function of one number.
func function1(do func(ctx *apd.Context, d, x *decimal) (apd.Condition, error)) func(*frame, *Expr, Item, []Item) Item {
	return func(f *frame, _ *Expr, i Item, _ []Item) Item {
		x, ok := i.decimal()
		if !ok || !f.spend(100) {
			return Item{}
		}
		r := new(decimal)
		if _, err := do(transcendental, r, x); err != nil {
			return Item{}
		}
		return kept(r)
	}
}

// kept rounds a result to the digits that are right, without zeros at the end.
func kept(d *decimal) Item {
	if d.Form != apd.Finite {
		return Item{}
	}
	ctx := apd.BaseContext.WithPrecision(keptDigits)
	if _, err := ctx.Round(d, d); err != nil {
		return Item{}
	}
	d.Reduce(d)
	if d.Exponent >= 0 {
		d = quantized(d, 1, apd.RoundDown)
	}
	return decimalItem(d)
}

func logarithm(f *frame, e *Expr, i Item, args []Item) Item {
	x, ok := i.decimal()
	base, fine := args[0].decimal()
	if !ok || !fine || x.Sign() <= 0 || base.Sign() <= 0 || !f.spend(200) {
		return Item{}
	}
	if _, err := transcendental.Ln(x, x); err != nil {
		return Item{}
	}
	if _, err := transcendental.Ln(base, base); err != nil || base.IsZero() {
		return Item{}
	}
	if _, err := transcendental.Quo(x, x, base); err != nil {
		return Item{}
	}
	return kept(x)
}

// raised is power: an Integer of Integers if it can be.
func raised(f *frame, _ *Expr, i Item, args []Item) Item {
	x, ok := i.decimal()
	y, fine := args[0].decimal()
	if !ok || !fine || !f.spend(200) {
		return Item{}
	}
	r := new(decimal)
	condition, err := transcendental.Pow(r, x, y)
	if err != nil || r.Form != apd.Finite {
		return Item{}
	}
	if i.kind == IntegerItem && args[0].kind == IntegerItem && args[0].integer() >= 0 && !condition.Inexact() {
		if n, err := r.Int64(); err == nil {
			return Integer(n)
		}
	}
	return kept(r)
}
