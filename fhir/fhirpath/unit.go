package fhirpath

import (
	"math/big"
	"strconv"
	"strings"
	"sync"

	"github.com/iimos/ucum"
)

// ucumSystem is the code system of UCUM.
const ucumSystem = "http://unitsofmeasure.org"

// Units knows how units of measure relate.
type Units interface {
	// Factor returns what a value in the unit from must be multiplied by to be
	// in the unit to, both UCUM codes. It is false if the units do not measure
	// the same, if one is no unit, or if no factor does it, as between °C and K.
	// The factor must not be changed.
	Factor(from, to string) (*big.Rat, bool)
}

// UCUM returns the units of https://ucum.org. It is safe for concurrent use.
func UCUM() Units { return &ucumUnits }

// maxUnit bounds the codes that are looked at, maxFactors the factors that are
// remembered: clients choose the codes.
const (
	maxUnit    = 64
	maxFactors = 4096
)

// A factorTable remembers factors; nil means that there is none.
type factorTable struct {
	mu    sync.RWMutex
	known map[[2]string]*big.Rat
}

var ucumUnits factorTable

// Factor implements [Units].
func (t *factorTable) Factor(from, to string) (*big.Rat, bool) {
	if from == to {
		return big.NewRat(1, 1), true
	}
	if len(from) > maxUnit || len(to) > maxUnit {
		return nil, false
	}
	pair := [2]string{from, to}
	t.mu.RLock()
	factor, ok := t.known[pair]
	t.mu.RUnlock()
	if ok {
		return factor, factor != nil
	}
	factor = ucumFactor(from, to)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= maxFactors {
		t.known = map[[2]string]*big.Rat{}
	}
	t.known[[2]string{strings.Clone(from), strings.Clone(to)}] = factor
	return factor, factor != nil
}

// ucumFactor works a factor out. Special units, whose conversion is no
// multiplication, have none.
func ucumFactor(from, to string) (factor *big.Rat) {
	// The parser of units is not ours; nothing a client sends may end the
	// program.
	defer func() {
		if recover() != nil {
			factor = nil
		}
	}()
	a, err := ucum.Parse([]byte(from))
	if err != nil {
		return nil
	}
	b, err := ucum.Parse([]byte(to))
	if err != nil {
		return nil
	}
	convert, err := ucum.NewPairConverter(a, b)
	if err != nil {
		return nil
	}
	zero, one, two := convert.ConvBigRat(new(big.Rat)), convert.ConvBigRat(big.NewRat(1, 1)), convert.ConvBigRat(big.NewRat(2, 1))
	if zero.Sign() != 0 || one.Sign() <= 0 || new(big.Rat).Sub(two, one).Cmp(one) != 0 {
		return nil
	}
	return one
}

// productUnit returns the unit of a product of values in the units a and b, or of
// their quotient: powers of the same unit are added up, so that cm times cm is
// cm2.
func productUnit(a, b string, divide bool) string {
	sign, operator := 1, ").("
	if divide {
		sign, operator = -1, ")/("
	}
	var p powers
	if p.add(a, 1) && p.add(b, sign) {
		return p.String()
	}
	return "(" + a + operator + b + ")"
}

// powers are the factors of a unit, in order, and the powers they have.
type powers struct {
	units []string
	power map[string]int
}

// add multiplies by a UCUM code, or divides if sign is -1. It is false for a code
// with brackets around a part of it.
func (p *powers) add(code string, sign int) bool {
	if p.power == nil {
		p.power = map[string]int{}
	}
	if strings.ContainsAny(code, "({") {
		return false
	}
	for code != "" {
		end := strings.IndexAny(code[1:], "./") + 1
		if end == 0 {
			end = len(code)
		}
		term := code[:end]
		code = code[end:]
		s := sign
		switch term[0] {
		case '/':
			s, term = -sign, term[1:]
		case '.':
			term = term[1:]
		}
		unit, power, ok := power(term)
		if !ok {
			return false
		}
		if unit == "1" {
			continue
		}
		if _, ok := p.power[unit]; !ok {
			p.units = append(p.units, unit)
		}
		p.power[unit] += s * power
	}
	return true
}

// power splits a term like cm-2 into the unit and its power.
func power(term string) (string, int, bool) {
	digits := len(term)
	for digits > 0 && isDigit(term[digits-1]) {
		digits--
	}
	unit := digits
	if unit > 0 && (term[unit-1] == '-' || term[unit-1] == '+') {
		unit--
	}
	switch {
	case term == "":
		return "", 0, false
	case unit == 0: // a plain number, like 1
		return term, 1, term == "1"
	case digits == len(term):
		return term, 1, true
	case strings.HasSuffix(term[:unit], "*") || strings.HasSuffix(term[:unit], "^"): // 10*3 is a unit
		return term, 1, true
	}
	n, err := strconv.Atoi(term[unit:])
	return term[:unit], n, err == nil
}

// String writes the unit.
func (p *powers) String() string {
	var over, under []string
	for _, u := range p.units {
		switch n := p.power[u]; {
		case n == 1:
			over = append(over, u)
		case n > 1:
			over = append(over, u+strconv.Itoa(n))
		case n == -1:
			under = append(under, u)
		case n < -1:
			under = append(under, u+strconv.Itoa(-n))
		}
	}
	switch {
	case len(under) == 0 && len(over) == 0:
		return "1"
	case len(under) == 0:
		return strings.Join(over, ".")
	}
	return strings.Join(over, ".") + "/" + strings.Join(under, "/")
}

// validUnits remembers what IsUnit found.
var validUnits memory[bool]

// IsUnit reports whether a code is a unit of UCUM, case-sensitive, be it one that
// can be converted or not.
func IsUnit(code string) bool {
	if code == "" || len(code) > maxUnit {
		return false
	}
	is, known := validUnits.get(code)
	if !known {
		is = parsesAsUnit(code)
		validUnits.put(strings.Clone(code), is)
	}
	return is
}

func parsesAsUnit(code string) (is bool) {
	// The parser of units is not ours; nothing a client sends may end the
	// program.
	defer func() {
		if recover() != nil {
			is = false
		}
	}()
	plain, ok := withoutAnnotations(code)
	if !ok {
		return false
	}
	_, err := ucum.Parse([]byte(plain))
	return err == nil
}
