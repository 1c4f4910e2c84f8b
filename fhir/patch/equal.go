package patch

import (
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// equal reports whether two values are the same as RFC 6902 §4.6 has it:
// numbers by their value, strings by their characters, arrays item by item,
// objects without regard to order.
func equal(a, b *value) bool {
	if a.kind() != b.kind() {
		return false
	}
	switch a.kind() {
	case fhir.NumberNode:
		return parseNumber(a.source.Text()) == parseNumber(b.source.Text())
	case fhir.StringNode:
		return a.source.Text() == b.source.Text()
	case fhir.ArrayNode, fhir.ObjectNode:
		a.open()
		b.open()
		if len(a.items) != len(b.items) {
			return false
		}
		if a.kind() == fhir.ObjectNode {
			return equalMembers(a, b)
		}
		for i := range a.items {
			if !equal(a.items[i], b.items[i]) {
				return false
			}
		}
	}
	return true
}

// equalMembers compares opened objects with as many members.
func equalMembers(a, b *value) bool {
	byName := make(map[string]*value, len(b.names))
	for i, name := range b.names {
		byName[name] = b.items[i]
	}
	for i, name := range a.names {
		other, found := byName[name]
		if !found || !equal(a.items[i], other) {
			return false
		}
	}
	return true
}

// A number is a decimal number in the one form that numbers of its value have.
type number struct {
	negative bool
	digits   string // without zeros at either end
	exponent int    // of the last digit
}

// parseNumber reads a JSON number.
func parseNumber(text string) number {
	var n number
	text, n.negative = strings.CutPrefix(text, "-")
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		n.exponent, _ = strconv.Atoi(text[i+1:]) // small: the scanner bounds it
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n.exponent -= len(fraction)
	digits := strings.TrimLeft(whole+fraction, "0")
	n.digits = strings.TrimRight(digits, "0")
	n.exponent += len(digits) - len(n.digits)
	if n.digits == "" {
		return number{}
	}
	return n
}
