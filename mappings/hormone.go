package mappings

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

// A Hormone is a hormone as one LOINC code reports it: by mass, by moles or in
// units. Results of different properties never share a code.
type Hormone struct {
	Name      string
	LOINC     string
	Property  string // mass, moles or units
	Canonical string // UCUM unit that searches and rules use; empty: results are not converted
	Diurnal   bool   // it falls in the course of the day
	Interval  *Interval

	factors    map[string]*big.Rat // by accepted unit; nil: not converted
	hard, soft limits
	siblings   []*Hormone // the same hormone under other codes
}

// An Interval is a reference interval of adult men, for where a laboratory sends
// none: a last resort.
type Interval struct {
	Low, High string
	Unit      string // UCUM
	Evidence  string
}

// limits are what a value in the canonical unit may be.
type limits struct{ low, high *big.Rat } // nil: none

// holds reports whether a value is within the limits.
func (l limits) holds(v *big.Rat) bool {
	return (l.low == nil || v.Cmp(l.low) >= 0) && (l.high == nil || v.Cmp(l.high) <= 0)
}

type span struct{ Low, High string }

func (s *span) limits() limits {
	if s == nil {
		return limits{}
	}
	return limits{rational(s.Low), rational(s.High)}
}

// rational reads a number of the tables; nil for none.
func rational(text string) *big.Rat {
	if text == "" {
		return nil
	}
	num, den, divided := strings.Cut(text, "/")
	r, ok := new(big.Rat).SetString(num)
	if ok && divided {
		var d *big.Rat
		if d, ok = new(big.Rat).SetString(den); ok {
			r.Quo(r, d)
		}
	}
	if !ok {
		panic("mappings: " + text + " is no number")
	}
	return r
}

// hormones are all hormones by LOINC code.
var hormones = sync.OnceValue(func() map[string]*Hormone {
	file := read[struct {
		Hormones []struct {
			Name, Canonical string
			Diurnal         bool
			Hard, Soft      *span
			AdultMale       *Interval
			Codes           []struct {
				LOINC, Property string
				Units           map[string]string
			}
		}
	}]("hormones.json")
	all := map[string]*Hormone{}
	for _, row := range file.Hormones {
		var same []*Hormone
		for _, c := range row.Codes {
			h := &Hormone{
				Name: row.Name, LOINC: c.LOINC, Property: c.Property, Canonical: row.Canonical, Diurnal: row.Diurnal,
				Interval: row.AdultMale, factors: map[string]*big.Rat{}, hard: row.Hard.limits(), soft: row.Soft.limits(),
			}
			for unit, factor := range c.Units {
				h.factors[unit] = rational(factor)
			}
			all[h.LOINC], same = h, append(same, h)
		}
		for _, h := range same {
			h.siblings = same
		}
	}
	return all
})

// HormoneOf returns the hormone of a LOINC code. It reports whether the table has
// it.
func HormoneOf(loinc string) (*Hormone, bool) {
	h, ok := hormones()[loinc]
	return h, ok
}

// Hormones returns the LOINC codes of all hormones, sorted.
func Hormones() []string { return slices.Sorted(maps.Keys(hormones())) }

// Units returns the UCUM units that results may have, sorted.
func (h *Hormone) Units() []string { return slices.Sorted(maps.Keys(h.factors)) }

// Unit returns the UCUM code of a unit as it came: UCUM itself, or what
// laboratories write. The error is Unprocessable: results of this code are not
// reported in that unit.
func (h *Hormone) Unit(text string) (string, error) {
	if _, ok := h.factors[text]; ok {
		return text, nil
	}
	ucum, ok := hormoneUnit(text)
	if _, accepted := h.factors[ucum]; ok && accepted {
		return ucum, nil
	}
	for _, other := range h.siblings {
		if _, theirs := other.factors[ucum]; theirs {
			return "", fhir.Errorf(fhir.Unprocessable, "R31: LOINC %s is %s by %s, and %s is no unit of it; the code for it is %s", h.LOINC, h.Name, h.Property, clip(text), other.LOINC)
		}
	}
	return "", fhir.Errorf(fhir.Unprocessable, "R31: %q is no unit of %s (LOINC %s): expected one of %s", clip(text), h.Name, h.LOINC, strings.Join(h.Units(), ", "))
}

// clip bounds what a message repeats.
func clip(text string) string {
	if r := []rune(text); len(r) > 20 {
		return string(r[:20]) + "…"
	}
	return text
}

// A Plausibility says what to think of a value.
type Plausibility uint8

// The plausibilities. Zero is the usual one.
const (
	Usual      Plausibility = iota
	Unusual                 // it may be a mistake of unit or decimals: to be looked at
	Impossible              // no such value has ever been: it is refused
)

// A Result is a value judged.
type Result struct {
	Value        string // in the canonical unit, decimal; empty if the hormone is not converted
	Plausibility Plausibility
	Maybe        string // of an unusual value: the unit that would make it usual, or empty
}

// maxDigits bounds the numbers that are worked on: no plausible value has more.
const maxDigits = 40

// Judge converts a decimal in an accepted UCUM unit to the canonical unit and says
// whether it is plausible. Value keeps the received digits where the factor is 1.
// Otherwise it has as many significant digits as were received, at least three,
// and at least one decimal place, rounded half up. The error is Unprocessable: the
// value is no decimal, or the unit is not accepted.
func (h *Hormone) Judge(value, unit string) (Result, error) {
	factor, ok := h.factors[unit]
	if !ok {
		_, err := h.Unit(unit)
		if err == nil {
			err = fhir.Errorf(fhir.Unprocessable, "R31: %q is not UCUM", clip(unit))
		}
		return Result{}, err
	}
	v, ok := exact(value)
	if !ok {
		return Result{Plausibility: Impossible}, nil
	}
	if factor == nil { // the limits have no unit but zero
		if !h.hard.holds(v) {
			return Result{Plausibility: Impossible}, nil
		}
		return Result{}, nil
	}
	canonical := new(big.Rat).Mul(v, factor)
	res := Result{Value: decimal(canonical, significant(value))}
	if factor.Cmp(one) == 0 {
		res.Value = value
	}
	switch {
	case !h.hard.holds(canonical):
		res.Plausibility = Impossible
	case !h.soft.holds(canonical):
		res.Plausibility, res.Maybe = Unusual, h.maybe(v)
	}
	return res, nil
}

var one = big.NewRat(1, 1)

// maybe returns a unit in which a number would be usual, of those the hormone has
// by its other property; empty if there is none.
func (h *Hormone) maybe(v *big.Rat) string {
	for _, other := range h.siblings {
		if other == h {
			continue
		}
		for _, u := range other.Units() {
			if f := other.factors[u]; f != nil && h.soft.holds(new(big.Rat).Mul(v, f)) {
				return u
			}
		}
	}
	return ""
}

// exact reads a FHIR decimal. It reports whether it is one of a size that can be
// worked on.
func exact(text string) (*big.Rat, bool) {
	if len(text) > maxDigits || !fhir.PrimitiveDecimal.Valid(text) {
		return nil, false
	}
	if _, e, has := strings.Cut(strings.ToLower(text), "e"); has && len(strings.TrimLeft(e, "+-0")) > 2 {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// significant counts the significant digits of a decimal.
func significant(text string) int {
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	digits := strings.TrimLeft(strings.NewReplacer("-", "", ".", "").Replace(mantissa), "0")
	return len(digits)
}

// decimal writes a number with that many significant digits, at least three, and
// at least one decimal place.
func decimal(v *big.Rat, digits int) string {
	places := max(digits, 3)
	limit := new(big.Rat).Abs(v)
	for ; limit.Cmp(one) >= 0; places-- {
		limit.Quo(limit, ten)
	}
	if limit.Sign() > 0 {
		for limit.Mul(limit, ten); limit.Cmp(one) < 0; limit.Mul(limit, ten) {
			places++
		}
	}
	return v.FloatString(max(places, 1))
}

var ten = big.NewRat(10, 1)

// IntervalIn returns the interval of adult men in an accepted unit. It reports
// whether there is one.
func (h *Hormone) IntervalIn(unit string) (low, high string, ok bool) {
	if h.Interval == nil || h.factors[unit] == nil {
		return "", "", false
	}
	if h.Interval.Unit == unit {
		return h.Interval.Low, h.Interval.High, true
	}
	for _, other := range h.siblings {
		if f := other.factors[h.Interval.Unit]; f != nil {
			f = new(big.Rat).Quo(f, h.factors[unit])
			in := func(text string) string {
				return decimal(new(big.Rat).Mul(f, rational(text)), significant(text))
			}
			return in(h.Interval.Low), in(h.Interval.High), true
		}
	}
	return "", "", false
}
