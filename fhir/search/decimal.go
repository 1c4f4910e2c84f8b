package search

import (
	"cmp"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// A decimal is an exact number: ±0.digits × 10^exp, with no zeros at either end
// of digits. Zero has no digits.
type decimal struct {
	negative bool
	exp      int
	digits   string
}

// maxExponent bounds exponents; what is beyond is not a number people search by.
const maxExponent = 10_000

// parseDecimal reads a number as JSON has it. Ulp is the exponent of its last
// digit: -2 for 5.40.
func parseDecimal(s string) (d decimal, ulp int, ok bool) {
	rest := s
	if rest, d.negative = strings.CutPrefix(rest, "-"); rest == "" {
		return d, 0, false
	}
	mantissa, power := rest, 0
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		var err error
		if power, err = strconv.Atoi(rest[i+1:]); err != nil {
			return d, 0, false
		}
		mantissa = rest[:i]
	}
	whole, fraction, dotted := strings.Cut(mantissa, ".")
	if whole == "" || dotted && fraction == "" || !allDigits(whole) || !allDigits(fraction) {
		return d, 0, false
	}
	if power < -maxExponent || power > maxExponent {
		return d, 0, false
	}
	ulp = power - len(fraction)
	digits := whole
	if dotted {
		digits += fraction
	}
	d.exp = power + len(whole)
	d.digits = strings.TrimLeft(digits, "0")
	d.exp -= len(digits) - len(d.digits)
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		d = decimal{}
	}
	return d, ulp, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// sign returns -1, 0 or 1.
func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// compare returns -1, 0 or 1 as d is less than, equal to or greater than o.
func (d decimal) compare(o decimal) int {
	if d.sign() != o.sign() {
		return cmp.Compare(d.sign(), o.sign())
	}
	c := cmp.Compare(d.exp, o.exp)
	if d.digits == "" {
		c = 0
	} else if c == 0 {
		c = strings.Compare(d.digits, o.digits)
	}
	if d.negative {
		return -c
	}
	return c
}

// scaled returns the decimal m × 10^exp.
func scaled(m *big.Int, exp int) decimal {
	text := new(big.Int).Abs(m).String()
	d := decimal{negative: m.Sign() < 0, exp: exp + len(text), digits: strings.TrimRight(text, "0")}
	if m.Sign() == 0 {
		return decimal{}
	}
	return d
}

// mantissa returns m and exp such that d is m × 10^exp, exp being at most ulp.
func (d decimal) mantissa(ulp int) (m *big.Int, exp int) {
	if d.digits == "" {
		return new(big.Int), ulp
	}
	m, exp = new(big.Int), d.exp-len(d.digits)
	m.SetString(d.digits, 10)
	if d.negative {
		m.Neg(m)
	}
	if exp > ulp {
		m.Mul(m, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(exp-ulp)), nil))
		exp = ulp
	}
	return m, exp
}

// around returns d minus and plus half a unit of its last digit.
// See https://hl7.org/fhir/R4/search.html#number.
func (d decimal) around(ulp int) (low, high decimal) {
	m, exp := d.mantissa(ulp)
	m.Mul(m, big.NewInt(10))
	half := big.NewInt(5)
	return scaled(new(big.Int).Sub(m, half), exp-1), scaled(new(big.Int).Add(m, half), exp-1)
}

// about returns d minus and plus a tenth of it.
func (d decimal) about() (low, high decimal) {
	m, exp := d.mantissa(d.exp - len(d.digits))
	low, high = scaled(new(big.Int).Mul(m, big.NewInt(9)), exp-1), scaled(new(big.Int).Mul(m, big.NewInt(11)), exp-1)
	if d.negative {
		return high, low
	}
	return low, high
}

// appendDecimal appends d so that byte order is the order of numbers: sign,
// exponent, two digits a byte; for negative ones all of it turned round.
func appendDecimal(dst []byte, d decimal) []byte {
	switch d.sign() {
	case 0:
		return append(dst, 2)
	case 1:
		return appendMagnitude(append(dst, 3), d)
	}
	start := len(dst)
	dst = appendMagnitude(append(dst, 0), d)
	for i := start; i < len(dst); i++ {
		dst[i] = ^dst[i]
	}
	dst[start] = 1
	return append(dst, 0xFF)
}

func appendMagnitude(dst []byte, d decimal) []byte {
	e := d.exp + 1<<15
	dst = append(dst, byte(e>>8), byte(e))
	for i := 0; i < len(d.digits); i += 2 {
		b := (d.digits[i] - '0') * 10
		if i+1 < len(d.digits) {
			b += d.digits[i+1] - '0'
		}
		dst = append(dst, b+1)
	}
	return dst
}

// canonicalDigits are the significant digits that canonical values are cut to.
const canonicalDigits = 32

// times returns d × factor, cut to so many digits that more make no difference.
// It keeps the order of numbers; factor is greater than zero.
func (d decimal) times(factor *big.Rat) decimal {
	if d.digits == "" {
		return d
	}
	if product, ok := d.timesSmall(factor); ok {
		return product
	}
	m, exp := d.mantissa(d.exp - len(d.digits))
	m.Mul(m, factor.Num())
	if factor.IsInt() {
		return scaled(m, exp).cut()
	}
	// Enough zeros behind m that the quotient has the digits wanted.
	shift := max(canonicalDigits+2+len(factor.Denom().String())-len(m.String()), 0)
	m.Mul(m, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), nil))
	return scaled(m.Quo(m, factor.Denom()), exp-shift).cut()
}

// cut returns d with no more digits than canonical values have.
func (d decimal) cut() decimal {
	if len(d.digits) > canonicalDigits {
		d.digits = strings.TrimRight(d.digits[:canonicalDigits], "0")
	}
	return d
}

// timesSmall is times without big numbers, where that is exact.
func (d decimal) timesSmall(factor *big.Rat) (product decimal, ok bool) {
	num, den := factor.Num(), factor.Denom()
	if len(d.digits) > 18 || !num.IsUint64() || !den.IsUint64() {
		return product, false
	}
	m, n, exp := uint64(0), den.Uint64(), d.exp-len(d.digits)
	for i := range len(d.digits) {
		m = m*10 + uint64(d.digits[i]-'0')
	}
	times := func(by uint64) bool {
		high, low := bits.Mul64(m, by)
		m = low
		return high == 0
	}
	ok = times(num.Uint64())
	for ; ok && n%10 == 0; n /= 10 {
		exp--
	}
	for ; ok && n%2 == 0; n /= 2 {
		exp, ok = exp-1, times(5)
	}
	for ; ok && n%5 == 0; n /= 5 {
		exp, ok = exp-1, times(2)
	}
	if !ok || n != 1 {
		return product, false
	}
	text := strconv.FormatUint(m, 10)
	return decimal{negative: d.negative, exp: exp + len(text), digits: strings.TrimRight(text, "0")}, true
}
