package fhirpath

import "strings"

// A truth is a value of three-valued logic.
// See https://hl7.org/fhirpath/N1/#boolean-logic.
type truth uint8

const (
	unknown truth = iota
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// truthOfItems reads a collection where a boolean is wanted: a single item that
// is no boolean counts as true.
func truthOfItems(items []Item) truth {
	if len(items) != 1 {
		return unknown
	}
	if b, ok := items[0].Bool(); ok {
		return truthOf(b)
	}
	return yes
}

// give returns the collection that stands for t.
func (t truth) give(f *frame) []Item {
	if t == unknown {
		return nil
	}
	return f.give(boolean(t == yes))
}

// logic compiles and, or, xor and implies.
func logic(left, right step, operator string) step {
	combine := map[string]func(a, b truth) truth{"and": and, "or": or, "xor": xor, "implies": implies}[operator]
	return func(f *frame, in []Item) []Item {
		return combine(truthOfItems(left(f, in)), truthOfItems(right(f, in))).give(f)
	}
}

func and(a, b truth) truth {
	switch {
	case a == no || b == no:
		return no
	case a == yes && b == yes:
		return yes
	}
	return unknown
}

func not(a truth) truth {
	switch a {
	case yes:
		return no
	case no:
		return yes
	}
	return unknown
}

func or(a, b truth) truth      { return not(and(not(a), not(b))) }
func implies(a, b truth) truth { return or(not(a), b) }

func xor(a, b truth) truth {
	if a == unknown || b == unknown {
		return unknown
	}
	return truthOf(a != b)
}

// equality compiles = and !=.
func equality(left, right step, equal bool) step {
	return func(f *frame, in []Item) []Item {
		a, b := left(f, in), right(f, in)
		if len(a) == 0 || len(b) == 0 {
			return nil
		}
		same := len(a) == len(b)
		for k := 0; same && k < len(a); k++ {
			same = sameItem(a[k], b[k])
		}
		return f.give(boolean(same == equal))
	}
}

// sameItem compares primitives by value and everything else by place.
func sameItem(a, b Item) bool {
	s, kind := a.primitive()
	t, other := b.primitive()
	if kind == 0 || kind != other {
		return kind == 0 && other == 0 && has([]Item{a}, b)
	}
	if kind == NumberItem {
		return plain(s) == plain(t)
	}
	return s == t
}

// plain writes a number without an exponent of zero and without zeros that
// carry no value, so that 1.50 and 1.5 are the same text.
func plain(s string) string {
	if strings.ContainsAny(s, "eE") || !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}
