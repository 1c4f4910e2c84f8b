package fhirpath

import (
	"slices"
	"strings"
	"unicode"

	"github.com/noafhir/noafhir/fhir"
)

// equality compiles = and !=. See https://hl7.org/fhirpath/N1/#equality.
func equality(left, right step, equal bool) step {
	return func(f *frame, in []Item) []Item {
		a, b := left(f, in), right(f, in)
		if len(a) == 0 || len(b) == 0 {
			return nil
		}
		t := f.equalAll(a, b)
		if !equal {
			t = not(t)
		}
		return t.give(f)
	}
}

// equivalence compiles ~ and !~.
func equivalence(left, right step, equal bool) step {
	return func(f *frame, in []Item) []Item {
		same := f.equivalentAll(left(f, in), right(f, in))
		return f.give(Boolean(same == equal))
	}
}

// equalAll compares collections, in order. One pair that differs decides; then
// one that can not be told leaves the answer open.
func (f *frame) equalAll(a, b []Item) truth {
	if len(a) != len(b) {
		return no
	}
	all := yes
	for k := range a {
		if !f.spend(1) {
			return unknown
		}
		switch f.equal(a[k], b[k]) {
		case no:
			return no
		case unknown:
			all = unknown
		}
	}
	return all
}

// equal compares two items. Values of types that can not be compared are not
// equal.
func (f *frame) equal(a, b Item) truth {
	x, y := f.value(a), f.value(b)
	switch {
	case x.kind == NodeItem && y.kind == NodeItem:
		return f.equalNodes(x, y)
	case x.kind == StringItem && y.kind == StringItem:
		return truthOf(x.text == y.text)
	case x.kind == y.kind && (x.kind == BooleanItem || x.kind == IntegerItem):
		return truthOf(x.at == y.at)
	case x.isNumber() && y.isNumber():
		return truthOf(compareNumbers(x, y) == 0)
	case x.isValue() && y.isValue():
		return f.equalQuantities(x, y)
	case x.isMoment() && y.isMoment() && (x.kind == TimeItem) == (y.kind == TimeItem):
		order, known := compareMoments(x.moment(), y.moment())
		if !known {
			return unknown
		}
		return truthOf(order == 0)
	case f.halfQuantity(x, y):
		return unknown
	}
	return truthOf(x == y)
}

// halfQuantity reports whether one is a quantity and the other a FHIR Quantity
// that none can be made of, for it has no UCUM code or bounds its value only.
func (f *frame) halfQuantity(x, y Item) bool {
	return x.kind == QuantityItem && y.kind == NodeItem && f.m.IsA(y.typ, f.m.quantity) ||
		y.kind == QuantityItem && x.kind == NodeItem && f.m.IsA(x.typ, f.m.quantity)
}

// equalNodes compares complex values, or primitives that have extensions only:
// all children must be equal.
func (f *frame) equalNodes(a, b Item) truth {
	if a.tree == b.tree && a.node() == b.node() {
		return yes
	}
	if a.typ != b.typ {
		return no
	}
	return f.byLabel(a, b, false, f.equalChildren)
}

// equalChildren compares the children of one name, with the id and extensions
// that primitives have.
func (f *frame) equalChildren(a, b []Item) truth {
	all := f.equalAll(a, b)
	for k := 0; all != no && k < len(a); k++ {
		if f.m.primitive[a[k].typ] && (a[k].shadow() != 0 || b[k].shadow() != 0) {
			all = and(all, f.byLabel(a[k], b[k], false, f.equalChildren))
		}
	}
	return all
}

// byLabel compares the children of two nodes name by name, whatever order they
// are in. Ids can be left out.
func (f *frame) byLabel(a, b Item, noID bool, compare func(a, b []Item) truth) truth {
	at := len(f.items)
	defer func() { f.items = f.items[:at] }()
	f.all(a)
	left := f.since(at)
	f.all(b)
	right := f.items[at+len(left):]
	if noID {
		left, right = f.withoutID(left), f.withoutID(right)
	}
	if len(left) != len(right) || !f.spend(len(left)+len(right)) {
		return no
	}
	f.sortByElement(left)
	f.sortByElement(right)
	all := yes
	for len(left) > 0 && all != no {
		n, m := f.sameElement(left), f.sameElement(right)
		if n != m || f.element(left[0]) != f.element(right[0]) {
			return no
		}
		all = and(all, compare(left[:n], right[:n]))
		left, right = left[n:], right[n:]
	}
	return all
}

// element returns the definition that a node is an instance of.
func (f *frame) element(i Item) fhir.ElementID { return i.tree.Nodes[i.node()].Elem }

// sortByElement brings the children of a node into the order of definition. Most
// are in it.
func (f *frame) sortByElement(items []Item) {
	less := func(a, b Item) int { return int(f.element(a)) - int(f.element(b)) }
	if !slices.IsSortedFunc(items, less) {
		slices.SortStableFunc(items, less)
	}
}

// sameElement returns how many of the first items are of the same element.
func (f *frame) sameElement(items []Item) int {
	n := 1
	for n < len(items) && f.element(items[n]) == f.element(items[0]) {
		n++
	}
	return n
}

// withoutID returns the children of a node but for its id.
func (f *frame) withoutID(items []Item) []Item {
	return slices.DeleteFunc(items, func(i Item) bool { return f.m.Elements[f.element(i)].Name == "id" })
}

// equivalentAll compares collections in any order. Empty ones are equivalent.
func (f *frame) equivalentAll(a, b []Item) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 1 {
		return f.equivalent(a[0], b[0])
	}
	used := make([]bool, len(b))
	for _, i := range a {
		found := false
		for k, o := range b {
			if !f.spend(1) {
				return false
			}
			if !used[k] && f.equivalent(i, o) {
				used[k], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// equivalent compares two items leniently. What can not be told is not
// equivalent.
func (f *frame) equivalent(a, b Item) bool {
	x, y := f.value(a), f.value(b)
	switch {
	case x.kind == NodeItem && y.kind == NodeItem:
		return f.equivalentNodes(x, y)
	case x.kind == StringItem && y.kind == StringItem:
		return x.text == y.text || folded(x.text) == folded(y.text)
	case x.isNumber() && y.isNumber():
		return equivalentNumbers(x, y)
	case x.isValue() && y.isValue():
		return f.equivalentQuantities(x, y)
	}
	return f.equal(x, y) == yes
}

// folded writes a string without case and with every white space a blank.
func folded(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return unicode.ToLower(unicode.ToUpper(r))
	}, s)
}

// equivalentNodes compares complex values. Ids do not count, Codings are compared
// by system and code, and concepts are equivalent when they share a coding.
// See https://hl7.org/fhir/R4/fhirpath.html#changes.
func (f *frame) equivalentNodes(a, b Item) bool {
	switch {
	case a.tree == b.tree && a.node() == b.node():
		return true
	case a.typ != b.typ:
		return false
	case a.typ == f.m.coding:
		return sameCoding(a.Value(), b.Value())
	case a.typ == f.m.concept && a.Value().Get("coding").Exists() && b.Value().Get("coding").Exists():
		for x := range a.Value().Get("coding").Items {
			for y := range b.Value().Get("coding").Items {
				if f.spend(1) && sameCoding(x, y) {
					return true
				}
			}
		}
		return false
	}
	return f.byLabel(a, b, true, func(a, b []Item) truth { return truthOf(f.equivalentAll(a, b)) }) == yes
}

func sameCoding(a, b fhir.Value) bool {
	return a.Get("code").Text() == b.Get("code").Text() && a.Get("system").Text() == b.Get("system").Text()
}
