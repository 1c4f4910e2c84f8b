package fhirpath

import (
	"cmp"
	"math"
	"strconv"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// A decimal is an exact decimal number.
type decimal = apd.Decimal

// Bounds of decimals, so that no short expression makes long ones. A result
// beyond them is an overflow, and so empty.
const (
	maxDigits   = 1000
	maxExponent = 400
)

// exact calculates without rounding; precise rounds what has no end.
var (
	exact   = apd.BaseContext
	precise = apd.BaseContext.WithPrecision(60)
)

// number reads a number as an Integer, or as a Decimal if it has a point or an
// exponent. It is false for an integer of more than 32 bits.
func number(text string) (Item, bool) {
	if strings.ContainsAny(text, ".eE") {
		i := Item{kind: DecimalItem, text: text}
		_, ok := i.decimal()
		return i, ok
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return Item{kind: IntegerItem, at: uint64(n)}, err == nil
}

func (i Item) isNumber() bool { return i.kind == IntegerItem || i.kind == DecimalItem }

// isValue reports whether the item is a quantity or a number, which converts to
// one.
func (i Item) isValue() bool { return i.isNumber() || i.kind == QuantityItem }

// decimal returns the number of an Integer, a Decimal or a Quantity.
func (i Item) decimal() (*decimal, bool) {
	if i.kind == IntegerItem {
		return apd.New(i.integer(), 0), true
	}
	d, _, err := apd.NewFromString(i.text)
	return d, err == nil && bounded(d)
}

// bounded reports whether a number is within the bounds.
func bounded(d *decimal) bool {
	if d.Form != apd.Finite || d.Exponent > maxExponent || d.Exponent < -maxDigits {
		return false
	}
	n := d.NumDigits()
	return n <= maxDigits && n+int64(d.Exponent) <= maxExponent+1
}

// decimalItem returns a Decimal, or the zero Item if the number is out of bounds.
func decimalItem(d *decimal) Item {
	if !bounded(d) {
		return Item{}
	}
	if d.IsZero() {
		d.Negative, d.Exponent = false, min(0, d.Exponent)
	}
	return Item{kind: DecimalItem, text: d.Text('f')}
}

// integerItem returns an Integer, or the zero Item if 32 bits can not hold it.
func integerItem(n int64) Item {
	if n < math.MinInt32 || n > math.MaxInt32 {
		return Item{}
	}
	return Item{kind: IntegerItem, at: uint64(n)}
}

// compareNumbers compares two numbers by value.
func compareNumbers(a, b Item) int {
	if a.kind == IntegerItem && b.kind == IntegerItem {
		return int(min(1, max(-1, a.integer()-b.integer())))
	}
	if n, m, ok := aligned(a, b); ok {
		return cmp.Compare(n, m)
	}
	x, ok := a.decimal()
	y, fine := b.decimal()
	if !ok || !fine {
		return strings.Compare(a.text, b.text) // beyond all bounds; checked data has none
	}
	return x.Cmp(y)
}

// aligned returns two numbers times the same power of ten, if that makes them
// integers that fit. Most do, and need no more to be compared.
func aligned(a, b Item) (n, m int64, ok bool) {
	n, p, ok := a.small()
	m, q, fine := b.small()
	if !ok || !fine {
		return 0, 0, false
	}
	for ; p < q; p++ {
		n *= 10
	}
	for ; q < p; q++ {
		m *= 10
	}
	return n, m, true
}

// small returns a number of at most nine digits before and nine behind the point,
// as an integer and the number of its decimal places.
func (i Item) small() (n int64, places int, ok bool) {
	if i.kind == IntegerItem {
		return i.integer(), 0, i.integer() < 1e9 && i.integer() > -1e9
	}
	s := strings.TrimPrefix(i.text, "-")
	point := strings.IndexByte(s, '.')
	if point < 0 {
		point = len(s)
	}
	places = max(0, len(s)-point-1)
	if point > 9 || places > 9 {
		return 0, 0, false
	}
	for k := range len(s) {
		switch {
		case isDigit(s[k]):
			n = n*10 + int64(s[k]-'0')
		case k != point:
			return 0, 0, false
		}
	}
	if len(s) < len(i.text) {
		n = -n
	}
	return n, places, true
}

// equivalentNumbers compares two numbers, rounded to the places of the one that
// has fewer. See https://hl7.org/fhirpath/N1/#equivalent.
func equivalentNumbers(a, b Item) bool {
	x, ok := a.decimal()
	y, fine := b.decimal()
	if !ok || !fine {
		return false
	}
	n := min(places(x), places(y))
	return rounded(x, n).Cmp(rounded(y, n)) == 0
}

// places returns how many decimal places a number has, trailing zeros left out.
func places(d *decimal) int32 {
	var r decimal
	r.Reduce(d)
	return max(0, -r.Exponent)
}

// rounded returns d with n decimal places; halves go away from zero.
func rounded(d *decimal, n int32) *decimal {
	return quantized(d, n, apd.RoundHalfUp)
}

// quantized returns d with n decimal places.
func quantized(d *decimal, n int32, how apd.Rounder) *decimal {
	ctx := apd.BaseContext.WithPrecision(2 * maxDigits)
	ctx.Rounding, ctx.Traps = how, 0
	r := new(decimal)
	if _, err := ctx.Quantize(r, d, -n); err != nil {
		r.Form = apd.NaN
	}
	return r
}

// minPlaces is the least number of decimal places, and of digits, of a quotient
// that has no end. See https://hl7.org/fhirpath/N1/#decimal.
const minPlaces = 8

// quotient divides; what has no end is rounded to as many places as either side
// has, at least eight, and at least eight digits. It is nil if b is zero.
func quotient(a, b *decimal) *decimal {
	if b.IsZero() {
		return nil
	}
	q := new(decimal)
	condition, err := precise.Quo(q, a, b)
	if err != nil {
		return nil
	}
	if !condition.Inexact() {
		if q.Exponent < 0 {
			trim(q, max(0, -a.Exponent-max(0, -b.Exponent)))
		}
		return q
	}
	size := int32(q.NumDigits()) + q.Exponent // digits before the point; negative for 0.00…
	return rounded(q, max(minPlaces, -a.Exponent, -b.Exponent, minPlaces-size))
}

// trim drops zeros from the end of d beyond n decimal places.
func trim(d *decimal, n int32) {
	var r decimal
	r.Reduce(d)
	if -r.Exponent < n {
		if x := quantized(&r, n, apd.RoundDown); x.Form == apd.Finite {
			r.Set(x)
		}
	}
	d.Set(&r)
}
