package fhirpath

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

// give returns the collection that stands for t.
func (t truth) give(f *frame) []Item {
	if t == unknown {
		return nil
	}
	return f.give(Boolean(t == yes))
}

// logic compiles and, or, xor and implies. The right side is left out where the
// left decides.
func logic(e *Expr, left, right step) step {
	combine := map[string]func(a, b truth) truth{"and": and, "or": or, "xor": xor, "implies": implies}[e.Text]
	return func(f *frame, in []Item) []Item {
		a := f.truth(e.Args[0], left(f, in))
		if combine(a, yes) == combine(a, no) && a != unknown {
			return combine(a, unknown).give(f)
		}
		return combine(a, f.truth(e.Args[1], right(f, in))).give(f)
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
