package search

// A prefix says how a number, a date or a quantity is compared.
// See https://hl7.org/fhir/R4/search.html#prefix.
type prefix string

// The prefixes.
const (
	eq prefix = "eq"
	ne prefix = "ne"
	gt prefix = "gt"
	lt prefix = "lt"
	ge prefix = "ge"
	le prefix = "le"
	sa prefix = "sa"
	eb prefix = "eb"
	ap prefix = "ap"

	overlaps prefix = "po" // of filters only
)

// cutPrefix cuts the prefix off a value; without one it is eq.
func cutPrefix(text string) (prefix, string) {
	if len(text) < 2 || text[0] < 'a' || text[0] > 'z' {
		return eq, text
	}
	switch p := prefix(text[:2]); p {
	case eq, ne, gt, lt, ge, le, sa, eb, ap:
		return p, text[2:]
	}
	return eq, text
}
