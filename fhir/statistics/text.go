package statistics

import (
	"math/big"
	"strings"
)

// Of a number that does not end, or only after maxPlaces, digits are shown.
const (
	digits    = 12
	maxPlaces = 12
)

// Text writes a number as a FHIR decimal: exactly, if it has at most 12 decimal
// places, and else rounded to 12 digits.
func Text(r *big.Rat) string {
	places, exact := r.FloatPrec()
	if exact && places <= maxPlaces {
		return r.FloatString(places)
	}
	text := r.FloatString(max(0, digits-1-magnitude(r)))
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// magnitude returns the power of ten of the first digit of a number that is not 0.
func magnitude(r *big.Rat) int {
	text := new(big.Float).SetPrec(64).SetRat(r).Text('e', digits)
	_, power, _ := strings.Cut(text, "e")
	n, negative := 0, power[0] == '-'
	for _, digit := range power[1:] {
		n = 10*n + int(digit-'0')
	}
	if negative {
		return -n
	}
	return n
}

// maxPower bounds the exponents of numbers that are reckoned with.
const maxPower = 40

// Parse reads a FHIR decimal. It is false for what is none, and for numbers of more
// than about 40 digits before or behind the point: nobody measures them, and
// reckoning with them takes long.
func Parse(text string) (*big.Rat, bool) {
	mantissa, power, _ := strings.Cut(strings.ToLower(text), "e")
	if len(mantissa) > 2*maxPower || len(strings.TrimLeft(power, "+-0")) > 3 || strings.ContainsAny(text, "/_xX") {
		return nil, false
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return nil, false
	}
	if r.Sign() != 0 {
		if m := magnitude(r); m > maxPower || m < -maxPower {
			return nil, false
		}
	}
	return r, true
}
