package fhirpath

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// comparison compiles <, <=, > and >=.
// See https://hl7.org/fhirpath/N1/#comparison.
func comparison(e *Expr, left, right step) step {
	const comparable = wantString | wantValue | wantMoment | wantOther
	holds := map[string]func(int) bool{
		"<": func(n int) bool { return n < 0 }, "<=": func(n int) bool { return n <= 0 },
		">": func(n int) bool { return n > 0 }, ">=": func(n int) bool { return n >= 0 },
	}[e.Text]
	return func(f *frame, in []Item) []Item {
		a, ok := f.one(e, left(f, in), comparable, "what stands left of "+e.Text)
		b, fine := f.one(e, right(f, in), comparable, "what stands right of "+e.Text)
		if !ok || !fine {
			return nil
		}
		order, known := f.order(e, a, b)
		if !known {
			return nil
		}
		return f.give(Boolean(holds(order)))
	}
}

// order compares two values; it is not known for partial dates that agree as far
// as they go and for quantities without a common unit. Values of different types
// are an error.
func (f *frame) order(e *Expr, a, b Item) (order int, known bool) {
	a, b = f.value(a), f.value(b)
	switch {
	case a.kind == StringItem && b.kind == StringItem:
		return strings.Compare(a.text, b.text), true
	case a.isNumber() && b.isNumber():
		return compareNumbers(a, b), true
	case a.isValue() && b.isValue():
		return f.compareQuantities(a, b)
	case a.isMoment() && b.isMoment() && (a.kind == TimeItem) == (b.kind == TimeItem):
		return compareMoments(a.moment(), b.moment())
	case a.kind == NodeItem && b.kind == NodeItem && f.m.IsA(a.typ, f.m.quantity) && f.m.IsA(b.typ, f.m.quantity):
		return compareAsWritten(a.Value(), b.Value())
	case f.halfQuantity(a, b):
		return 0, false
	}
	if f.err == nil {
		f.fail(fhir.Invalid, e, "%s and %s can not be compared", f.describe(a), f.describe(b))
	}
	return 0, false
}
