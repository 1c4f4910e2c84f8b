package validate

import (
	"math/big"
	"strings"
	"unicode/utf16"

	"github.com/noafhir/noafhir/fhir"
)

// literal checks what an element says about the value itself: fixed, pattern,
// least and most value, and the length of text.
func (r *run) literal(value, v fhir.Value, el *element) {
	if el.fixed.Exists() && !same(el.fixed, value) {
		r.tell(v, "error", "value", "the value must be exactly %s", shown(el.fixed))
	}
	if el.pattern.Exists() && !matches(el.pattern, value) {
		r.tell(v, "error", "value", "the value must have %s", shown(el.pattern))
	}
	if !value.Exists() {
		return
	}
	if el.length > 0 && value.Kind() == fhir.StringNode && len(value.Text()) > el.length {
		if n := len(utf16.Encode([]rune(value.Text()))); n > el.length {
			r.tell(v, "error", "too-long", "the text may have at most %d characters, found %d", el.length, n)
		}
	}
	if el.least.Exists() {
		if order, ok := compare(value, el.least); ok && order < 0 {
			r.tell(v, "error", "value", "the value must be at least %s", shown(el.least))
		}
	}
	if el.most.Exists() {
		if order, ok := compare(value, el.most); ok && order > 0 {
			r.tell(v, "error", "value", "the value must be at most %s", shown(el.most))
		}
	}
}

// shown returns the JSON of a value of a definition, for a message.
func shown(v fhir.Value) string {
	s := string(v.Raw())
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// same reports whether a value is exactly what a definition fixes: deep, members
// in any order.
// See https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.fixed_x_.
func same(fixed, value fhir.Value) bool {
	if fixed.Kind() != value.Kind() {
		return false
	}
	switch fixed.Kind() {
	case fhir.ObjectNode:
		n := 0
		for m := range fixed.Children {
			if !same(m, value.Get(m.Key())) {
				return false
			}
			n++
		}
		for range value.Children {
			n--
		}
		return n == 0
	case fhir.ArrayNode:
		f, v := fixed.First(), value.First()
		for f.Exists() && v.Exists() {
			if !same(f, v) {
				return false
			}
			f, v = f.Next(fixed), v.Next(value)
		}
		return !f.Exists() && !v.Exists()
	case fhir.NumberNode:
		return sameNumber(fixed.Text(), value.Text())
	}
	return fixed.Text() == value.Text()
}

// matches reports whether a value has at least what a pattern has; of an array,
// every item of the pattern must be matched by some item.
// See https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_.
func matches(pattern, value fhir.Value) bool {
	if pattern.Kind() != value.Kind() {
		return false
	}
	switch pattern.Kind() {
	case fhir.ObjectNode:
		for m := range pattern.Children {
			if !matches(m, value.Get(m.Key())) {
				return false
			}
		}
		return true
	case fhir.ArrayNode:
		for p := range pattern.Children {
			found := false
			for v := range value.Children {
				if matches(p, v) {
					found = true
					break
				}
			}
			if !found {
				return false
			}
		}
		return true
	case fhir.NumberNode:
		return sameNumber(pattern.Text(), value.Text())
	}
	return pattern.Text() == value.Text()
}

func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, y := number(a), number(b)
	return x != nil && y != nil && x.Cmp(y) == 0
}

// number returns the value of a JSON number, whose exponent the scanner bounds.
func number(s string) *big.Rat {
	if len(s) > 200 {
		return nil
	}
	n, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil
	}
	return n
}

// compare orders a value and a bound of a definition, which may be a number, a
// date, a time or a quantity of the same unit. It is false where the order is not
// known.
func compare(value, bound fhir.Value) (int, bool) {
	switch {
	case value.Kind() == fhir.NumberNode && bound.Kind() == fhir.NumberNode:
		x, y := number(value.Text()), number(bound.Text())
		if x == nil || y == nil {
			return 0, false
		}
		return x.Cmp(y), true
	case value.Kind() == fhir.ObjectNode && bound.Kind() == fhir.ObjectNode:
		if value.Get("code").Text() != bound.Get("code").Text() || value.Get("system").Text() != bound.Get("system").Text() || value.Get("comparator").Exists() {
			return 0, false
		}
		return compare(value.Get("value"), bound.Get("value"))
	case value.Kind() == fhir.StringNode && bound.Kind() == fhir.StringNode:
		return compareTimes(value.Text(), bound.Text())
	}
	return 0, false
}

func compareTimes(value, bound string) (int, bool) {
	x, ok := fhir.ParseDate(value)
	y, also := fhir.ParseDate(bound)
	if !ok || !also {
		if strings.Count(value, ":") == 2 && strings.Count(bound, ":") == 2 {
			return strings.Compare(value, bound), true
		}
		return 0, false
	}
	switch {
	case x.End.Compare(y.Start) <= 0:
		return -1, true
	case x.Start.Compare(y.End) >= 0:
		return 1, true
	}
	return 0, true
}

// either writes a list as "a, b or c".
func either(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " or " + list[len(list)-1]
}
