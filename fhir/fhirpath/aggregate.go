package fhirpath

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// The functions of https://hl7.org/fhirpath/N1/#aggregates, and sum, min, max,
// avg and sort of later releases, for trial use.
var aggregateFunctions = map[string]function{
	"aggregate": {1, 2, aggregate},
	"sum":       collective(func(f *frame, e *Expr, items []Item) []Item { return f.giveIf(f.total1(e, items)) }),
	"avg":       collective(average),
	"min":       collective(extreme(-1)),
	"max":       collective(extreme(1)),
	"sort":      {0, -1, sort},
}

func aggregate(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		outer := f.total
		var total []Item
		if len(args) == 2 {
			total = args[1](f, in)
		}
		at := len(f.items)
		f.each(items, func(focus []Item) bool {
			f.total = total
			f.keep(at, args[0](f, focus))
			total = f.since(at)
			return true
		})
		f.total = outer
		return total
	}, nil
}

// total1 adds up all items, which must be of one type.
func (f *frame) total1(e *Expr, items []Item) Item {
	plus := Expr{Op: BinaryOp, Text: "+", Pos: e.Pos}
	var total Item
	for k := range items {
		i, ok := f.one(e, items[k:k+1], wantValue, "what "+e.Text+"() is applied to")
		if !ok || !f.spend(1) {
			return Item{}
		}
		if k == 0 {
			total = i
			continue
		}
		if i.kind != total.kind && e.Text == "sum" {
			f.fail(fhir.Invalid, e, "sum() of %s and %s", f.describe(total), f.describe(i))
			return Item{}
		}
		if total = f.calculate(&plus, total, i); total.kind == 0 {
			return Item{}
		}
	}
	return total
}

func average(f *frame, e *Expr, items []Item) []Item {
	total := f.total1(e, items)
	if total.kind == 0 {
		return nil
	}
	over := Expr{Op: BinaryOp, Text: "/", Pos: e.Pos}
	return f.giveIf(f.calculate(&over, total, Integer(int64(len(items)))))
}

// extreme makes min and max. Where the order of two items is not known, there is
// no result.
func extreme(sign int) func(f *frame, e *Expr, items []Item) []Item {
	return func(f *frame, e *Expr, items []Item) []Item {
		var best Item
		for k, i := range items {
			i = f.value(i)
			if !f.spend(1) {
				return nil
			}
			if k == 0 {
				best = i
			}
			order, known := f.order(e, i, best)
			if !known {
				return nil
			}
			if order*sign > 0 {
				best = i
			}
		}
		return f.giveIf(best)
	}
}

// sort compiles sort. An argument with desc behind or a minus in front sorts
// downwards; empty keys come first.
func sort(e *Expr, input step, args []step) (step, error) {
	keys := make([]sortKey, len(args))
	for k, a := range args {
		keys[k] = sortKey{e.Args[k], a, e.Args[k].Op == DescOp}
	}
	if len(keys) == 0 {
		keys = []sortKey{{e, this, false}}
	}
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		type row struct {
			item Item
			keys []Item
		}
		rows := make([]row, len(items))
		at := len(f.items)
		for k := range items {
			rows[k] = row{items[k], make([]Item, len(keys))}
			for n, key := range keys {
				rows[k].keys[n], _ = f.one(key.e, key.step(f, items[k:k+1:k+1]), wantAny, "a key of sort()")
			}
			if !f.spend(len(keys)) {
				return nil
			}
		}
		slices.SortStableFunc(rows, func(a, b row) int {
			for n, key := range keys {
				if c := f.compareKeys(key, a.keys[n], b.keys[n]); c != 0 {
					return c
				}
			}
			return 0
		})
		f.keep(at, nil)
		for _, r := range rows {
			f.items = append(f.items, r.item)
		}
		return f.since(at)
	}, nil
}

// A sortKey is what a collection is sorted by.
type sortKey struct {
	e    *Expr
	step step
	down bool
}

func (f *frame) compareKeys(key sortKey, a, b Item) int {
	c := 0
	switch {
	case !f.spend(1):
		return 0
	case a.kind == 0 || b.kind == 0:
		c = int(min(1, a.kind)) - int(min(1, b.kind))
	default:
		c, _ = f.order(key.e, a, b)
	}
	if key.down {
		return -c
	}
	return c
}
