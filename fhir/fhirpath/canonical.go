package fhirpath

import (
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// CanonicalUnit returns the unit that all units of what code measures are brought
// to, and what a value must be multiplied by to be in it. Amounts of substance,
// equivalents, osmoles and arbitrary units like [iU] stay apart from each other and
// from plain numbers; units that no factor leads elsewhere, like Cel, stand for
// themselves. It is false for what is no UCUM code. The factor must not be changed.
func CanonicalUnit(code string) (unit string, factor *big.Rat, ok bool) {
	if code == "" || len(code) > maxUnit {
		return "", nil, false
	}
	c, known := canonicals.get(code)
	if !known {
		c = canonicalOf(code)
		canonicals.put(strings.Clone(code), c)
	}
	return c.unit, c.factor, c.factor != nil
}

// A canonical is a unit's base units and factor; without a factor there are none.
type canonical struct {
	unit   string
	factor *big.Rat
}

// A memory remembers what was worked out for codes, which clients choose.
type memory[T any] struct {
	mu    sync.RWMutex
	known map[string]T
}

func (m *memory[T]) get(code string) (v T, ok bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	v, ok = m.known[code]
	return v, ok
}

func (m *memory[T]) put(code string, v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil || len(m.known) >= maxFactors {
		m.known = map[string]T{}
	}
	m.known[code] = v
}

var (
	canonicals memory[canonical]
	atoms      memory[map[string]int] // the powers of the base units in a unit without operators; nil: it is none
)

func canonicalOf(code string) canonical {
	code, ok := withoutAnnotations(code)
	if !ok {
		return canonical{}
	}
	p := unitParser{rest: code, powers: map[string]int{}}
	if !p.terms(1, 0) || p.rest != "" {
		return canonical{}
	}
	unit := writePowers(p.powers)
	factor, ok := UCUM().Factor(code, unit)
	if !ok {
		return canonical{}
	}
	return canonical{unit, factor}
}

// withoutAnnotations returns a code without what stands in curly brackets. An
// annotation alone is a one.
func withoutAnnotations(code string) (string, bool) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(code, "{")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		note, after, closed := strings.Cut(rest, "}")
		if !closed || strings.Contains(note, "{") {
			return "", false
		}
		if s := b.String(); s == "" || strings.IndexByte("./(", s[len(s)-1]) >= 0 {
			b.WriteByte('1')
		}
		code = after
	}
}

// writePowers writes base units with their powers, sorted.
func writePowers(powers map[string]int) string {
	var terms []string
	for unit, n := range powers {
		switch {
		case n == 1:
			terms = append(terms, unit)
		case n != 0:
			terms = append(terms, unit+strconv.Itoa(n))
		}
	}
	if terms == nil {
		return "1"
	}
	slices.Sort(terms)
	return strings.Join(terms, ".")
}

// A unitParser adds up the base units in a UCUM code. It is told by the real
// parser of units what is none.
type unitParser struct {
	rest   string
	powers map[string]int
}

// terms reads terms with operators between them, up to a bracket that closes.
func (p *unitParser) terms(sign, depth int) bool {
	s := sign
	if rest, found := strings.CutPrefix(p.rest, "/"); found {
		s, p.rest = -sign, rest
	}
	for {
		if !p.term(s, depth) {
			return false
		}
		switch {
		case p.rest == "" || p.rest[0] == ')':
			return true
		case p.rest[0] == '.':
			s = sign
		case p.rest[0] == '/':
			s = -sign
		default:
			return false
		}
		p.rest = p.rest[1:]
	}
}

// term reads a unit with its power, or terms in brackets.
func (p *unitParser) term(sign, depth int) bool {
	if rest, found := strings.CutPrefix(p.rest, "("); found {
		p.rest = rest
		if depth > 5 || !p.terms(sign, depth+1) || !strings.HasPrefix(p.rest, ")") {
			return false
		}
		p.rest = p.rest[1:]
		return true
	}
	end := p.end()
	text := p.rest[:end]
	p.rest = p.rest[end:]
	if text == "" || strings.Trim(text, "0123456789") == "" {
		return text != ""
	}
	unit, n, ok := power(text)
	if !ok {
		return false
	}
	base := atomOf(unit)
	for b, exponent := range base {
		p.powers[b] += sign * n * exponent
	}
	return base != nil
}

// end returns where a unit ends. What stands in square brackets belongs to it.
func (p *unitParser) end() int {
	within := false
	for i := range len(p.rest) {
		switch c := p.rest[i]; {
		case c == '[':
			within = true
		case c == ']':
			within = false
		case !within && strings.IndexByte("./()", c) >= 0:
			return i
		}
	}
	return len(p.rest)
}

// atomOf returns the powers of the base units in a unit without operators.
func atomOf(unit string) map[string]int {
	base, known := atoms.get(unit)
	if !known {
		base = findBase(unit)
		atoms.put(strings.Clone(unit), base)
	}
	return base
}

// apart are the units that UCUM counts as numbers, though they are not to be
// compared with numbers, nor with each other.
var apart = []string{"mol", "eq", "osm"}

// ratios are the units in square brackets that are plain numbers. The others that
// UCUM counts so are arbitrary units.
var ratios = []string{"[pi]", "[ppth]", "[ppm]", "[ppb]", "[pptr]"}

func findBase(unit string) map[string]int {
	if _, ok := UCUM().Factor(unit, unit+".1"); !ok {
		return nil // no unit, or one that nothing multiplies
	}
	for _, a := range apart {
		if _, ok := UCUM().Factor(unit, a); ok && strings.HasSuffix(unit, a) {
			return map[string]int{a: 1}
		}
	}
	if _, ok := UCUM().Factor(unit, "mol/s"); ok && (strings.HasSuffix(unit, "kat") || strings.HasSuffix(unit, "U")) {
		return map[string]int{"mol": 1, "s": -1}
	}
	if i := strings.IndexByte(unit, '['); i >= 0 && !slices.Contains(ratios, unit[i:]) {
		if _, ok := UCUM().Factor(unit, "1"); ok {
			return map[string]int{unit[i:]: 1}
		}
	}
	for _, c := range candidates {
		if _, ok := ucumFactorOf(unit, c.unit); ok {
			return c.powers
		}
	}
	return map[string]int{unit: 1}
}

// ucumFactorOf is Factor without remembering what is asked once.
func ucumFactorOf(from, to string) (*big.Rat, bool) {
	f := ucumFactor(from, to)
	return f, f != nil
}

// A candidate is a product of base units that a unit may be.
type candidate struct {
	unit   string
	powers map[string]int
}

// candidates are the products of base units that UCUM has units for, the simple
// ones first.
var candidates = makeCandidates()

func makeCandidates() []candidate {
	all := []candidate{{"1", map[string]int{}}}
	for _, u := range []string{"m", "s", "g", "rad", "K", "C", "cd"} {
		all = append(all, candidate{u, map[string]int{u: 1}})
	}
	add := func(powers map[string]int) {
		for u, n := range powers {
			if n == 0 {
				delete(powers, u)
			}
		}
		all = append(all, candidate{writePowers(powers), powers})
	}
	for n := 2; n <= 3; n++ {
		add(map[string]int{"m": n})
	}
	add(map[string]int{"rad": 2})
	add(map[string]int{"cd": 1, "rad": 2})
	add(map[string]int{"cd": 1, "rad": 2, "m": -2})
	add(map[string]int{"cd": 1, "m": -2})
	for c := -2; c <= 2; c++ {
		for g := -1; g <= 1; g++ {
			for s := -4; s <= 4; s++ {
				for m := -4; m <= 4; m++ {
					add(map[string]int{"C": c, "g": g, "s": s, "m": m})
				}
			}
		}
	}
	return all
}
