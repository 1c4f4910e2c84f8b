package fhirpath

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// The functions of https://hl7.org/fhirpath/N1/#existence.
var existenceFunctions = map[string]function{
	"empty":      collective(func(f *frame, _ *Expr, items []Item) []Item { return f.give(Boolean(len(items) == 0)) }),
	"count":      collective(func(f *frame, _ *Expr, items []Item) []Item { return f.give(Integer(int64(len(items)))) }),
	"not":        collective(func(f *frame, e *Expr, items []Item) []Item { return not(f.truth(e, items)).give(f) }),
	"exists":     {0, 1, exists},
	"all":        scoped(all),
	"allTrue":    collective(booleans(true, true)),
	"allFalse":   collective(booleans(true, false)),
	"anyTrue":    collective(booleans(false, true)),
	"anyFalse":   collective(booleans(false, false)),
	"subsetOf":   pairwise(func(f *frame, items, other []Item) []Item { return f.give(Boolean(f.subset(items, other))) }),
	"supersetOf": pairwise(func(f *frame, items, other []Item) []Item { return f.give(Boolean(f.subset(other, items))) }),
	"distinct":   collective(func(f *frame, _ *Expr, items []Item) []Item { return f.distinct(items) }),
	"isDistinct": collective(func(f *frame, _ *Expr, items []Item) []Item {
		return f.give(Boolean(len(f.distinct(items)) == len(items)))
	}),
}

// The functions of https://hl7.org/fhirpath/N1/#filtering-and-projection, and
// coalesce and repeatAll of later releases.
var filterFunctions = map[string]function{
	"where":     scoped(where),
	"select":    scoped(selected),
	"repeat":    scoped(func(f *frame, e *Expr, items []Item, arg step) []Item { return f.repeat(e, items, arg, true) }),
	"repeatAll": scoped(func(f *frame, e *Expr, items []Item, arg step) []Item { return f.repeat(e, items, arg, false) }),
	"coalesce":  {1, -1, coalesce},
}

// The functions of https://hl7.org/fhirpath/N1/#subsetting and #combining.
var subsetFunctions = map[string]function{
	"single": collective(func(f *frame, e *Expr, items []Item) []Item {
		if len(items) > 1 {
			return f.fail(fhir.Invalid, e, "single() finds %d items", len(items))
		}
		return items
	}),
	"first":     collective(func(_ *frame, _ *Expr, items []Item) []Item { return items[:min(1, len(items))] }),
	"last":      collective(func(_ *frame, _ *Expr, items []Item) []Item { return items[max(0, len(items)-1):] }),
	"tail":      collective(func(_ *frame, _ *Expr, items []Item) []Item { return items[min(1, len(items)):] }),
	"skip":      counted(func(items []Item, n int) []Item { return items[n:] }),
	"take":      counted(func(items []Item, n int) []Item { return items[:n:n] }),
	"intersect": pairwise((*frame).intersect),
	"exclude":   pairwise((*frame).exclude),
	"union":     pairwise((*frame).union),
	"combine":   {1, 2, combine},
}

func exists(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		if len(args) == 0 {
			return f.give(Boolean(len(items) > 0))
		}
		found, at := false, len(f.items)
		f.each(items, func(focus []Item) bool {
			found = f.truth(e, args[0](f, focus)) == yes
			f.keep(at, nil)
			return !found
		})
		return f.give(Boolean(found))
	}, nil
}

func all(f *frame, e *Expr, items []Item, criteria step) []Item {
	every, at := true, len(f.items)
	f.each(items, func(focus []Item) bool {
		every = f.truth(e, criteria(f, focus)) == yes
		f.keep(at, nil)
		return every
	})
	return f.give(Boolean(every))
}

// booleans returns a function that tells whether all items, or any, are that
// boolean.
func booleans(every, want bool) func(f *frame, e *Expr, items []Item) []Item {
	return func(f *frame, e *Expr, items []Item) []Item {
		result := every
		for _, i := range items {
			b, ok := i.Bool()
			if !ok {
				return f.fail(fhir.Invalid, e, "%s() is applied to %s", e.Text, f.describe(i))
			}
			if (b == want) != every {
				result = !every
			}
		}
		return f.give(Boolean(result))
	}
}

func where(f *frame, e *Expr, items []Item, criteria step) []Item {
	at := len(f.items)
	f.each(items, func(focus []Item) bool {
		mark := len(f.items)
		ok := f.truth(e, criteria(f, focus)) == yes
		f.keep(mark, nil)
		if ok {
			f.items = append(f.items, focus[0])
		}
		return true
	})
	return f.since(at)
}

func selected(f *frame, _ *Expr, items []Item, projection step) []Item {
	at := len(f.items)
	f.each(items, func(focus []Item) bool {
		mark := len(f.items)
		f.keep(mark, projection(f, focus))
		return true
	})
	return f.since(at)
}

// repeat applies a projection to items and to what it yields, as long as that is
// new.
func (f *frame) repeat(e *Expr, items []Item, projection step, unique bool) []Item {
	queue := slices.Clone(items)
	var found []Item
	seen := set{f: f}
	at := len(f.items)
	for len(queue) > 0 && f.spend(1) {
		next := projection(f, queue[:1:1])
		queue = queue[1:]
		for _, i := range next {
			if !f.spend(1) {
				return nil
			}
			if len(found) >= maxItems {
				return f.fail(fhir.TooCostly, e, "%s() finds over %d items", e.Text, maxItems)
			}
			if !unique || seen.add(i) {
				found, queue = append(found, i), append(queue, i)
			}
		}
		f.keep(at, nil)
	}
	f.keep(at, found)
	return f.since(at)
}

func coalesce(_ *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		focus := input(f, in)
		for _, a := range args {
			if found := a(f, focus); len(found) > 0 {
				return found
			}
		}
		return nil
	}, nil
}

// counted makes a function of the input and a number, which is brought into the
// range of the input.
func counted(do func(items []Item, n int) []Item) function {
	return function{1, 1, func(e *Expr, input step, args []step) (step, error) {
		return func(f *frame, in []Item) []Item {
			items := input(f, in)
			n, ok := f.one(e, args[0](f, in), wantInteger, "the number of "+e.Text+"()")
			if !ok {
				return nil
			}
			return do(items, int(min(max(0, n.integer()), int64(len(items)))))
		}, nil
	}}
}

// combine puts collections together; the order is kept, whether asked for or not.
func combine(_ *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items, other := input(f, in), args[0](f, in)
		if !f.spend(len(items) + len(other)) {
			return nil
		}
		at := len(f.items)
		f.items = append(append(f.items, items...), other...)
		return f.since(at)
	}, nil
}

// union compiles |.
func union(left, right step) step {
	return func(f *frame, in []Item) []Item {
		a := left(f, in)
		return f.union(a, right(f, in))
	}
}

// union puts collections together without duplicates.
func (f *frame) union(a, b []Item) []Item {
	if len(b) == 0 && len(a) < 2 {
		return a
	}
	if len(a) == 0 && len(b) < 2 {
		return b
	}
	at := len(f.items)
	s := set{f: f}
	for _, side := range [2][]Item{a, b} {
		for _, i := range side {
			if s.add(i) {
				f.items = append(f.items, i)
			}
		}
	}
	return f.since(at)
}

func (f *frame) distinct(items []Item) []Item { return f.union(items, nil) }

func (f *frame) intersect(items, other []Item) []Item {
	keep := set{f: f}
	for _, i := range other {
		keep.add(i)
	}
	unique := f.distinct(items)
	at := len(f.items)
	for _, i := range unique {
		if keep.has(i) {
			f.items = append(f.items, i)
		}
	}
	return f.since(at)
}

func (f *frame) exclude(items, other []Item) []Item {
	drop := set{f: f}
	for _, i := range other {
		drop.add(i)
	}
	at := len(f.items)
	for _, i := range items {
		if !drop.has(i) {
			f.items = append(f.items, i)
		}
	}
	return f.since(at)
}

func (f *frame) subset(items, other []Item) bool {
	s := set{f: f}
	for _, i := range other {
		s.add(i)
	}
	for _, i := range items {
		if !s.has(i) {
			return false
		}
	}
	return true
}

// membership compiles in and, with the sides exchanged, contains.
func membership(e *Expr, item, collection step) step {
	return func(f *frame, in []Item) []Item {
		a, b := item(f, in), collection(f, in)
		if len(a) > 1 {
			return f.fail(fhir.Invalid, e, "%s is asked of %d items", e.Text, len(a))
		}
		if len(a) == 0 {
			return nil
		}
		for _, i := range b {
			if !f.spend(1) {
				return nil
			}
			if f.equal(a[0], i) == yes {
				return f.give(Boolean(true))
			}
		}
		return f.give(Boolean(false))
	}
}

// A set is a collection without duplicates. Strings, of which there can be many,
// are found by their content.
type set struct {
	f       *frame
	items   []Item
	strings map[string]bool
}

// has reports whether an equal item is in the set.
func (s *set) has(i Item) bool {
	v := s.f.value(i)
	if v.kind == StringItem && s.strings != nil {
		s.f.spend(1)
		return s.strings[v.text]
	}
	for _, o := range s.items {
		if !s.f.spend(1) {
			return true
		}
		if s.f.equal(o, v) == yes {
			return true
		}
	}
	return false
}

// add adds an item, and reports whether it was new.
func (s *set) add(i Item) bool {
	const few = 8
	if s.has(i) {
		return false
	}
	v := s.f.value(i)
	if len(s.items) == few && s.strings == nil {
		s.strings = map[string]bool{}
		for _, o := range s.items {
			if o.kind == StringItem {
				s.strings[o.text] = true
			}
		}
	}
	if v.kind == StringItem && s.strings != nil {
		s.strings[v.text] = true
		return true
	}
	s.items = append(s.items, v)
	return true
}
