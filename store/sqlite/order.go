package sqlite

import (
	"cmp"
	"encoding/binary"
	"math"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// An order is how results are sorted.
type order struct {
	by         byte // one of the letters below; it begins the positions
	descending bool
}

const (
	byDate    = 'd' // clinical date, then creation
	byUpdated = 'u' // lastUpdated
	byID      = 'i' // logical id, then type
)

// orderOf returns the order a query asks for. Both keys there are decide alone,
// so that the first is enough.
func orderOf(q *search.Query) (order, error) {
	if len(q.Sort) == 0 {
		return order{by: byDate}, nil
	}
	switch key := q.Sort[0]; key.Param.Code {
	case "_lastUpdated":
		return order{byUpdated, key.Descending}, nil
	case "_id":
		return order{byID, key.Descending}, nil
	default:
		return order{}, fhir.Errorf(fhir.Unsupported, "results can not be sorted by %q", key.Param.Code)
	}
}

// A spot is a place in an order.
type spot struct {
	text string // the id, if sorted by that
	a, b int64  // date and n; vid; or type
}

// compare returns -1, 0 or 1 as x comes before y, is y, or comes after it.
func (o order) compare(x, y spot) int {
	c := strings.Compare(x.text, y.text)
	if c == 0 {
		c = cmp.Compare(x.a, y.a)
	}
	if c == 0 {
		c = cmp.Compare(x.b, y.b)
	}
	if o.descending {
		return -c
	}
	return c
}

// start is the spot before all others.
func (o order) start() spot {
	if o.descending {
		return spot{text: "\xff", a: math.MaxInt64, b: math.MaxInt64}
	}
	return spot{a: math.MinInt64, b: math.MinInt64}
}

// position writes a spot down for the client to come back with.
func (o order) position(s spot) search.Position {
	out := []byte{o.by}
	if o.descending {
		out[0] -= 'a' - 'A'
	}
	out = binary.BigEndian.AppendUint64(out, uint64(s.a))
	out = binary.BigEndian.AppendUint64(out, uint64(s.b))
	return append(out, s.text...)
}

// spot reads what position wrote for the same order.
func (o order) spot(p search.Position) (spot, error) {
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
