// Package ordering is how results of a search are sorted, what a place among them
// is, and what makes a page of them, the same for all databases: so their pages
// agree, ties included.
package ordering

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// An Order is how results are sorted, and in which direction they are gone
// through.
type Order struct {
	By         byte // one of the letters below; it begins the positions
	Descending bool // of the last key, and of what decides where all keys are alike
	Backward   bool // from the end to the beginning
	Keys       []Key
}

// What results are sorted by.
const (
	ByDate    = 'd' // clinical date, then creation
	ByUpdated = 'u' // lastUpdated
	ByID      = 'i' // logical id, then type
	ByValue   = 'v' // the values of parameters, then as ByDate
)

// A Key is one key of an order by value.
type Key struct {
	search.SortKey
	Forms []search.SortForm // where the index has the values of the resources themselves; nil: nowhere
}

// Of returns the order a query asks for. The error is Unsupported.
func Of(q *search.Query) (Order, error) {
	o := Order{By: ByDate, Backward: q.Backward}
	if len(q.Sort) == 0 {
		return o, nil
	}
	o.Descending = q.Sort[0].Descending
	switch first := &q.Sort[0]; { // alone they decide, so that one is enough
	case len(first.Via) > 0:
	case first.Param.Code == "_lastUpdated":
		o.By = ByUpdated
		return o, nil
	case first.Param.Code == "_id":
		o.By = ByID
		return o, nil
	}
	o.By = ByValue
	for _, k := range q.Sort {
		if !k.Param.Sortable() {
			return o, fhir.Errorf(fhir.Unsupported, "results can not be sorted by %q", k.Param.Code)
		}
		key := Key{SortKey: k}
		if len(k.Via) == 0 {
			key.Forms = k.Param.SortForms()
		}
		o.Keys = append(o.Keys, key)
		o.Descending = k.Descending
	}
	return o, nil
}

// Down reports whether results are gone through from greater to smaller spots.
func (o *Order) Down() bool { return o.Descending != o.Backward }

// Indexed reports whether the keys of a resource tell its place.
func (o *Order) Indexed() bool {
	for i := range o.Keys {
		if o.Keys[i].Forms == nil {
			return false
		}
	}
	return true
}

// Describe says for people what results are sorted by. Clinical says that the
// values are the clinical date.
func (o *Order) Describe(clinical bool) string {
	text := map[byte]string{ByDate: "clinical date, creation", ByUpdated: "lastUpdated", ByID: "id", ByValue: "values of"}[o.By]
	for _, k := range o.Keys {
		text += " " + k.String()
		if k.Forms == nil && len(k.Via) == 0 {
			text += " (not in the index)"
		}
	}
	if clinical {
		text += ", which is the clinical date"
	}
	if o.Descending {
		text += ", descending"
	}
	if o.Backward {
		text += ", from the end"
	}
	return text
}

// A Spot is a place in an order.
type Spot struct {
	Text string // the values, if sorted by such; else as a store likes
	A, B int64  // clinical date and creation, if sorted by date or values; else as a store likes
}

// Compare returns -1, 0 or 1 as x comes before y, is y, or comes after it, the
// way results are gone through.
func (o *Order) Compare(x, y Spot) int {
	c := strings.Compare(x.Text, y.Text)
	if c == 0 {
		c = cmp.Compare(x.A, y.A)
	}
	if c == 0 {
		c = cmp.Compare(x.B, y.B)
	}
	if o.Down() {
		return -c
	}
	return c
}

// Start is the spot before all others.
func (o *Order) Start() Spot {
	if o.Down() {
		return Spot{Text: strings.Repeat("\xff", len(o.Keys)+1), A: math.MaxInt64, B: math.MaxInt64}
	}
	return Spot{A: math.MinInt64, B: math.MinInt64}
}

// Position writes a spot down for the client to come back with.
func (o *Order) Position(s Spot) search.Position {
	out := []byte{o.By}
	if o.Descending {
		out[0] -= 'a' - 'A'
	}
	out = binary.BigEndian.AppendUint64(out, uint64(s.A))
	out = binary.BigEndian.AppendUint64(out, uint64(s.B))
	return append(out, s.Text...)
}

// At reads what Position wrote for the same order; nil is the start. The error is
// Invalid.
func (o *Order) At(p search.Position) (Spot, error) {
	if p == nil {
		return o.Start(), nil
	}
	if len(p) < 17 || o.Position(Spot{})[0] != p[0] {
		return Spot{}, ErrPosition()
	}
	return Spot{
		A:    int64(binary.BigEndian.Uint64(p[1:])),
		B:    int64(binary.BigEndian.Uint64(p[9:])),
		Text: string(p[17:]),
	}, nil
}

// ErrPosition is the error for a position of other results.
func ErrPosition() error {
	return fhir.Errorf(fhir.Invalid, "the position does not belong to these results")
}

// What the values in a spot begin with. Those that are missing come last, whatever
// the direction.
const (
	missingFirst = 0x00
	Present      = 0x01
	missingLast  = 0xFF
)

// AppendValue appends the value of a key to the text of a spot, so that texts
// compare as the values do, one key after the other. Nil stands for none.
func (o *Order) AppendValue(dst []byte, key int, value []byte) []byte {
	if value == nil {
		return append(dst, o.Missing())
	}
	dst = append(dst, Present)
	start := len(dst)
	for _, b := range value {
		if dst = append(dst, b); b == 0 {
			dst = append(dst, 0xFF)
		}
	}
	dst = append(dst, 0, 1)
	if o.Keys[key].Descending != o.Descending {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

// Missing returns the text of a key without a value.
func (o *Order) Missing() byte {
	if o.Descending {
		return missingFirst
	}
	return missingLast
}

// Split returns the value of the first key in the text of a spot, nil if there is
// none, and the text of the others.
func (o *Order) Split(text string) (value []byte, rest string) {
	switch {
	case text == "":
		return nil, ""
	case text[0] != Present:
		return nil, text[1:]
	}
	turned := byte(0)
	if o.Keys[0].Descending != o.Descending {
		turned = 0xFF
	}
	value = []byte{}
	for i := 1; i < len(text); i++ {
		b := text[i] ^ turned
		if b == 0 {
			if i++; i >= len(text) || text[i]^turned != 0xFF {
				return value, text[min(i+1, len(text)):]
			}
		}
		value = append(value, b)
	}
	return value, ""
}

// First returns the order by the first key alone, and the spot in it before all
// that is alike with s by that key. Of the values of the key, what decides within
// them does not matter there.
func (o *Order) First(s Spot) (Order, Spot) {
	first := *o
	first.Keys, first.Descending = o.Keys[:1], o.Keys[0].Descending
	start := first.Start()
	if s == o.Start() {
		return first, start
	}
	value, _ := o.Split(s.Text)
	return first, Spot{Text: string(first.AppendValue(nil, 0, value)), A: start.A, B: start.B}
}

// Rest returns the order by all keys but the first.
func (o *Order) Rest() Order {
	rest := *o
	rest.Keys = o.Keys[1:]
	return rest
}

// Keys are the index keys of a resource, in order.
type Keys interface {
	Len() int
	At(i int) []byte
	Seek(k []byte) int // the place of the first key that is not before k
}

// Best returns the value that a resource with those keys is sorted by, nil if it
// has none. The key must have forms.
func (k *Key) Best(keys Keys) []byte {
	var best, buf []byte
	for i := range k.Forms {
		f := &k.Forms[i]
		at := keys.Seek(f.Low)
		if k.Descending {
			at = keys.Seek(f.High) - 1
		}
		if at < 0 || at >= keys.Len() || !f.Contains(keys.At(at)) {
			continue
		}
		buf = f.AppendValue(buf[:0], keys.At(at))
		c := bytes.Compare(buf, best)
		if best == nil || c < 0 && !k.Descending || c > 0 && k.Descending {
			best, buf = buf, best
		}
	}
	return best
}

// Text returns the text of the spot of a resource with those keys. All keys of the
// order must have forms.
func (o *Order) Text(keys Keys) string {
	var text []byte
	for i := range o.Keys {
		text = o.AppendValue(text, i, o.Keys[i].Best(keys))
	}
	return string(text)
}
