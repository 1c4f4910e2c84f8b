package ordering

import (
	"bytes"
	"cmp"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
)

var values = [][]byte{{}, {0}, {0, 0}, {0, 1}, {0, 0xFF}, {1}, {1, 0}, []byte("a"), []byte("a\x00"), []byte("ab"), []byte("b"), {0xFF}, {0xFF, 0}}

// TestTexts checks that texts of spots compare as their values do, missing ones
// last.
func TestTexts(t *testing.T) {
	for _, directions := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		o := Order{By: ByValue, Descending: directions[1], Keys: keys(directions)}
		sign := [2]int{1, 1}
		for i, descending := range directions {
			if descending {
				sign[i] = -1
			}
		}
		for _, pair := range pairs() {
			x, y := pair[0], pair[1]
			want := cmp.Or(compare(x[0], y[0], sign[0]), compare(x[1], y[1], sign[1]))
			if got := o.Compare(Spot{Text: text(&o, x)}, Spot{Text: text(&o, y)}); got != want {
				t.Fatalf("descending %v: comparing %q with %q gives %d, want %d", directions, x, y, got, want)
			}
		}
	}
}

// keys returns keys of some directions.
func keys(descending [2]bool) []Key {
	return []Key{{SortKey: search.SortKey{Descending: descending[0]}}, {SortKey: search.SortKey{Descending: descending[1]}}}
}

// pairs returns pairs of values of two keys.
func pairs() (all [][2][2][]byte) {
	few := append(values[:5:5], nil)
	for _, a := range append(values, nil) {
		for _, b := range append(values, nil) {
			for _, c := range few {
				for _, d := range few {
					all = append(all, [2][2][]byte{{a, c}, {b, d}})
				}
			}
		}
	}
	return all
}

func compare(x, y []byte, sign int) int {
	switch {
	case x == nil && y == nil:
		return 0
	case x == nil:
		return 1
	case y == nil:
		return -1
	}
	return sign * bytes.Compare(x, y)
}

func text(o *Order, values [2][]byte) string {
	return string(o.AppendValue(o.AppendValue(nil, 0, values[0]), 1, values[1]))
}

func TestPosition(t *testing.T) {
	up, down := Order{By: ByDate}, Order{By: ByDate, Descending: true}
	want := Spot{Text: "x\x00", A: -5, B: 1 << 60}
	if got, err := up.At(up.Position(want)); err != nil || got != want {
		t.Errorf("got %v (error %v), want %v", got, err, want)
	}
	if got, err := down.At(nil); err != nil || down.Compare(got, want) >= 0 {
		t.Errorf("the start is %v (error %v), which is not before %v", got, err, want)
	}
	for _, p := range [][]byte{{}, []byte("d"), up.Position(want)} {
		if got, err := down.At(p); err == nil {
			t.Errorf("the position %q of another order is %v", p, got)
		}
	}
}

// TestSplit checks that the text of a spot comes apart again.
func TestSplit(t *testing.T) {
	for _, directions := range [][2]bool{{false, false}, {false, true}, {true, false}, {true, true}} {
		o := Order{By: ByValue, Descending: directions[1], Keys: keys(directions)}
		rest := o.Rest()
		for _, v := range append(values, nil) {
			for _, w := range append(values, nil) {
				value, last := o.Split(text(&o, [2][]byte{v, w}))
				if !bytes.Equal(value, v) || (value == nil) != (v == nil) || last != string(rest.AppendValue(nil, 0, w)) {
					t.Fatalf("descending %v: of %q and %q, Split gives %q and %q", directions, v, w, value, last)
				}
			}
		}
	}
}
