package fhirpath

import (
	"math/big"
	"strings"

	"github.com/cockroachdb/apd/v3"
	"github.com/noafhir/noafhir/fhir"
)

// durations are the calendar units of time, by the singular: their UCUM code and
// their length in milliseconds where no calendar tells it.
// See https://hl7.org/fhirpath/N1/#time-valued-quantities.
var durations = map[string]struct {
	code  string
	rank  int // longer ones have more
	milli int64
	loose bool // calendar and UCUM units are equivalent, not equal
}{
	"millisecond": {"ms", 1, 1, false},
	"second":      {"s", 2, 1000, false},
	"minute":      {"min", 3, 60 * 1000, false},
	"hour":        {"h", 4, 3600 * 1000, false},
	"day":         {"d", 5, 86400 * 1000, false},
	"week":        {"wk", 6, 7 * 86400 * 1000, false},
	"month":       {"mo", 7, 30 * 86400 * 1000, true},
	"year":        {"a", 8, 365 * 86400 * 1000, true},
}

// calendarUnits are the calendar units that a FHIR Quantity of a UCUM unit of time
// is read in. See https://hl7.org/fhir/R4/fhirpath.html#quantity.
var calendarUnits = map[string]string{"a": "year", "mo": "month", "d": "day", "h": "hour", "min": "minute", "s": "second"}

// singular returns the calendar unit that a word stands for; empty if none.
func singular(word string) string {
	word = strings.TrimSuffix(word, "s")
	if _, ok := durations[word]; ok {
		return word
	}
	return ""
}

// quantityOf reads a FHIR Quantity. It is false for one without a value or a
// UCUM code, and for one with a comparator: its value is a bound only.
func quantityOf(v fhir.Value) (Item, bool) {
	value, code := v.Get("value"), v.Get("code").Text()
	if value.Kind() != fhir.NumberNode || code == "" || v.Get("system").Text() != ucumSystem || v.Get("comparator").Exists() {
		return Item{}, false
	}
	if word, ok := calendarUnits[code]; ok {
		return Item{kind: QuantityItem, text: value.Text(), unit: word}, true
	}
	return Item{kind: QuantityItem, text: value.Text(), unit: code, ucum: true}, true
}

// quantity returns a number as a quantity of unit 1, and a quantity as it is.
func (i Item) quantity() Item {
	if i.kind == QuantityItem {
		return i
	}
	text, _ := i.Text()
	return Item{kind: QuantityItem, text: text, unit: "1", ucum: true}
}

// calendar returns the calendar unit of a quantity, empty if it has a UCUM code.
func (i Item) calendar() string {
	if i.ucum {
		return ""
	}
	return singular(i.unit)
}

func (f *frame) units() Units {
	if f.env.Units != nil {
		return f.env.Units
	}
	return UCUM()
}

// factor returns what a value of the unit of a must be multiplied by to be in the
// unit of b. Between calendar and UCUM units there is none for months and years,
// unless loose.
func (f *frame) factor(a, b Item, loose bool) (*big.Rat, bool) {
	from, to := a.calendar(), b.calendar()
	switch {
	case from != "" && to != "":
		return calendarFactor(from, to), true
	case from == "" && to == "":
		return f.units().Factor(a.unit, b.unit)
	case !loose && (durations[from].loose || durations[to].loose || a.ucum && isYears(a.unit) || b.ucum && isYears(b.unit)):
		return nil, false
	}
	return f.units().Factor(code(a), code(b))
}

// isYears reports whether a UCUM code is one of years or months.
func isYears(code string) bool {
	switch code {
	case "a", "a_j", "a_t", "a_g", "mo", "mo_j", "mo_s", "mo_g":
		return true
	}
	return false
}

// code returns the UCUM code of a quantity's unit.
func code(i Item) string {
	if word := i.calendar(); word != "" {
		return durations[word].code
	}
	return i.unit
}

// calendarFactor relates two calendar units.
func calendarFactor(from, to string) *big.Rat {
	switch {
	case from == "year" && to == "month":
		return big.NewRat(12, 1)
	case from == "month" && to == "year":
		return big.NewRat(1, 12)
	}
	return big.NewRat(durations[from].milli, durations[to].milli)
}

// rat returns a decimal as a fraction.
func rat(d *decimal) *big.Rat {
	r, _ := new(big.Rat).SetString(d.Text('e'))
	return r
}

// compareQuantities compares two quantities, or a number and a quantity; it is
// false if there is no common unit.
func (f *frame) compareQuantities(a, b Item) (int, bool) {
	a, b = a.quantity(), b.quantity()
	if a.unit == b.unit && a.ucum == b.ucum {
		return compareNumbers(a, b), true
	}
	factor, ok := f.factor(a, b, false)
	if !ok {
		return 0, false
	}
	x, ok := a.decimal()
	y, fine := b.decimal()
	if !ok || !fine {
		return 0, false
	}
	return new(big.Rat).Mul(rat(x), factor).Cmp(rat(y)), true
}

// compareAsWritten compares two FHIR Quantities that are in the same unit, though
// not one of UCUM.
func compareAsWritten(a, b fhir.Value) (order int, known bool) {
	x, y := a.Get("value"), b.Get("value")
	if x.Kind() != fhir.NumberNode || y.Kind() != fhir.NumberNode || a.Get("comparator").Exists() || b.Get("comparator").Exists() {
		return 0, false
	}
	if a.Get("system").Text() != b.Get("system").Text() || a.Get("code").Text() != b.Get("code").Text() ||
		!a.Get("code").Exists() && a.Get("unit").Text() != b.Get("unit").Text() {
		return 0, false
	}
	return compareNumbers(Item{kind: DecimalItem, text: x.Text()}, Item{kind: DecimalItem, text: y.Text()}), true
}

func (f *frame) equalQuantities(a, b Item) truth {
	order, ok := f.compareQuantities(a, b)
	if !ok {
		return unknown
	}
	return truthOf(order == 0)
}

// equivalentQuantities compares in the larger of the two units, with as many
// decimal places as the less precise side has, so that 4 g is equivalent to
// 4040 mg.
func (f *frame) equivalentQuantities(a, b Item) bool {
	a, b = a.quantity(), b.quantity()
	factor, ok := f.factor(b, a, true)
	if !ok {
		return false
	}
	if factor.Cmp(big.NewRat(1, 1)) > 0 {
		a, b = b, a
		factor = new(big.Rat).Inv(factor)
	}
	x, ok := a.decimal()
	y, fine := b.decimal()
	if !ok || !fine {
		return false
	}
	converted := scale(y, factor)
	if converted == nil {
		return false
	}
	n := min(places(x), places(converted))
	return rounded(x, n).Cmp(rounded(converted, n)) == 0
}

// scale multiplies a number by a fraction; what has no end is rounded far behind
// the point. It is nil if the result is out of bounds.
func scale(d *decimal, factor *big.Rat) *decimal {
	product, quo := new(decimal), new(decimal)
	over := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(factor.Num()), 0)
	if _, err := exact.Mul(product, d, over); err != nil || !bounded(product) {
		return nil
	}
	if factor.IsInt() {
		return product
	}
	under := apd.NewWithBigInt(new(apd.BigInt).SetMathBigInt(factor.Denom()), 0)
	if _, err := precise.Quo(quo, product, under); err != nil || !bounded(quo) {
		return nil
	}
	trim(quo, max(0, -d.Exponent))
	return quo
}
