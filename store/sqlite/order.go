package sqlite

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// An order is how results are sorted, and in which direction they are gone
// through.
type order struct {
	by         byte // one of the letters below; it begins the positions
	descending bool // of the first key, and of what decides where all keys are alike
	backward   bool // from the end to the beginning
	keys       []sortBy
}

const (
	byDate    = 'd' // clinical date, then creation
	byUpdated = 'u' // lastUpdated
	byID      = 'i' // logical id, then type
	byValue   = 'v' // the values of parameters, then as byDate
)

// A sortBy is one key of an order by value.
type sortBy struct {
	param      *search.Param
	descending bool
	forms      []search.SortForm // where the index has the values; nil: nowhere
}

// orderOf returns the order a query asks for.
func orderOf(q *search.Query) (order, error) {
	o := order{by: byDate, backward: q.Backward}
	if len(q.Sort) == 0 {
		return o, nil
	}
	o.descending = q.Sort[0].Descending
	switch q.Sort[0].Param.Code { // alone they decide, so that one is enough
	case "_lastUpdated":
		o.by = byUpdated
		return o, nil
	case "_id":
		o.by = byID
		return o, nil
	}
	o.by = byValue
	for _, k := range q.Sort {
		if !k.Param.Sortable() {
			return o, fhir.Errorf(fhir.Unsupported, "results can not be sorted by %q", k.Param.Code)
		}
		o.keys = append(o.keys, sortBy{k.Param, k.Descending, k.Param.SortForms()})
	}
	return o, nil
}

// down reports whether results are gone through from greater to smaller spots.
func (o *order) down() bool { return o.descending != o.backward }

// indexed reports whether the keys of a resource tell its place.
func (o *order) indexed() bool {
	for i := range o.keys {
		if o.keys[i].forms == nil {
			return false
		}
	}
	return true
}

// A spot is a place in an order.
type spot struct {
	text string // the id, if sorted by that; or the values
	a, b int64  // date and n; vid; or type
}

// compare returns -1, 0 or 1 as x comes before y, is y, or comes after it, the
// way results are gone through.
func (o *order) compare(x, y spot) int {
	c := strings.Compare(x.text, y.text)
	if c == 0 {
		c = cmp.Compare(x.a, y.a)
	}
	if c == 0 {
		c = cmp.Compare(x.b, y.b)
	}
	if o.down() {
		return -c
	}
	return c
}

// start is the spot before all others.
func (o *order) start() spot {
	if o.down() {
		return spot{text: strings.Repeat("\xff", len(o.keys)+1), a: math.MaxInt64, b: math.MaxInt64}
	}
	return spot{a: math.MinInt64, b: math.MinInt64}
}

// position writes a spot down for the client to come back with.
func (o *order) position(s spot) search.Position {
	out := []byte{o.by}
	if o.descending {
		out[0] -= 'a' - 'A'
	}
	out = binary.BigEndian.AppendUint64(out, uint64(s.a))
	out = binary.BigEndian.AppendUint64(out, uint64(s.b))
	return append(out, s.text...)
}

// spot reads what position wrote for the same order.
func (o *order) spot(p search.Position) (spot, error) {
	if p == nil {
		return o.start(), nil
	}
	if len(p) < 17 || o.position(spot{})[0] != p[0] {
		return spot{}, errPosition()
	}
	return spot{
		a:    int64(binary.BigEndian.Uint64(p[1:])),
		b:    int64(binary.BigEndian.Uint64(p[9:])),
		text: string(p[17:]),
	}, nil
}

// What the values in a spot begin with. Those that are missing come last, whatever
// the direction.
const (
	missingFirst = 0x00
	present      = 0x01
	missingLast  = 0xFF
)

// appendValue appends the value of a key to the text of a spot, so that texts
// compare as the values do, one key after the other. Nil stands for none.
func (o *order) appendValue(dst []byte, key int, value []byte) []byte {
	if value == nil {
		return append(dst, o.missing())
	}
	dst = append(dst, present)
	start := len(dst)
	for _, b := range value {
		if dst = append(dst, b); b == 0 {
			dst = append(dst, 0xFF)
		}
	}
	dst = append(dst, 0, 1)
	if o.keys[key].descending != o.descending {
		for i := start; i < len(dst); i++ {
			dst[i] = ^dst[i]
		}
	}
	return dst
}

// missing returns the text of a key without a value.
func (o *order) missing() byte {
	if o.descending {
		return missingFirst
	}
	return missingLast
}

// firstValue returns the value of the first key in the text of a spot, nil if
// there is none.
func firstValue(text string) []byte {
	if text == "" || text[0] != present {
		return nil
	}
	value := []byte{}
	for i := 1; i < len(text); i++ {
		if text[i] == 0 {
			if i+1 >= len(text) || text[i+1] != 0xFF {
				break
			}
			i++
			value = append(value, 0)
			continue
		}
		value = append(value, text[i])
	}
	return value
}

// best returns the value that a resource with those keys is sorted by, nil if it
// has none.
func (k *sortBy) best(keys *keySet) []byte {
	var best, buf []byte
	for i := range k.forms {
		f := &k.forms[i]
		at := keys.seek(f.Low)
		if k.descending {
			at = keys.seek(f.High) - 1
		}
		if at < 0 || at >= keys.len() || !f.Contains(keys.at(at)) {
			continue
		}
		buf = f.AppendValue(buf[:0], keys.at(at))
		c := bytes.Compare(buf, best)
		if best == nil || c < 0 && !k.descending || c > 0 && k.descending {
			best, buf = buf, best
		}
	}
	return best
}
