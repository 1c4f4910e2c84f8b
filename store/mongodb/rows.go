package mongodb

import (
	"encoding/binary"
	"math"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/store/ordering"
)

// The order that a finder asks for, as far as indexes have it: their rows are in
// the order of some fields, and what comes behind a row is a filter on these.

// keys returns the fields that decide about the order.
func (f *finder) keys() []string {
	switch {
	case f.order.By == ordering.ByUpdated:
		return []string{"lu", "_id"}
	case f.order.By == ordering.ByID && f.q.Type != "":
		return []string{"_id"}
	case f.order.By == ordering.ByID:
		return []string{"id", "t"}
	}
	return []string{"d", "n"}
}

// sort is the order as databases are told it.
func (f *finder) sort() bson.D {
	direction := int32(1)
	if f.order.Down() {
		direction = -1
	}
	var s bson.D
	for _, k := range f.keys() {
		s = append(s, bson.E{Key: k, Value: direction})
	}
	return s
}

// values returns the fields that decide about the order, at a spot.
func (f *finder) values(s ordering.Spot) []any {
	switch {
	case f.order.By == ordering.ByUpdated:
		return []any{int64(binary.BigEndian.Uint64([]byte(s.Text))), s.Text[8:]}
	case f.order.By == ordering.ByID:
		id, typ, _ := strings.Cut(s.Text, "\x00")
		if f.q.Type != "" {
			return []any{f.q.Type + "/" + id}
		}
		return []any{id, typ}
	}
	return []any{s.A, s.B}
}

// spotOf returns where a document stands, values apart.
func (f *finder) spotOf(d *doc) ordering.Spot {
	switch f.order.By {
	case ordering.ByUpdated:
		return ordering.Spot{Text: string(binary.BigEndian.AppendUint64(nil, uint64(d.LastUpdated))) + d.Ref}
	case ordering.ByID:
		return ordering.Spot{Text: d.ID + "\x00" + d.Type}
	}
	return ordering.Spot{A: d.Date, B: d.N}
}

// atEdge reports whether a spot is the one before all others, as far as the order
// of rows goes.
func (f *finder) atEdge(s ordering.Spot) bool {
	switch f.order.By {
	case ordering.ByDate, ordering.ByValue:
		return s.A == math.MinInt64 || s.A == math.MaxInt64
	}
	start := f.order.Start()
	return s == start
}

// rowText returns the text of a spot as far as the order of rows goes.
func (f *finder) rowText(s ordering.Spot) string {
	if f.order.By == ordering.ByDate || f.order.By == ordering.ByValue {
		return ""
	}
	return s.Text
}

// beyond returns the name of the operator for what comes later.
func (f *finder) beyond() string {
	if f.order.Down() {
		return "$lt"
	}
	return "$gt"
}

// behind returns filters for what comes behind a spot, one part after the other:
// what has all values but the last the same comes first. Nil is everything.
func (f *finder) behind(s ordering.Spot) []bson.D {
	if f.atEdge(s) {
		return []bson.D{nil}
	}
	keys, values := f.keys(), f.values(s)
	var parts []bson.D
	inclusive := false
	for last := len(keys) - 1; last >= 0; last-- {
		part := bson.D{}
		for i := range last {
			part = append(part, bson.E{Key: keys[i], Value: values[i]})
		}
		if last > 0 && values[last] == f.extreme() { // all of it, which the next part can hold
			inclusive = true
			continue
		}
		operator := f.beyond()
		if inclusive {
			operator += "e"
			inclusive = false
		}
		parts = append(parts, append(part, bson.E{Key: keys[last], Value: field(operator, values[last])}))
	}
	return parts
}

// extreme is the number before which nothing comes.
func (f *finder) extreme() any {
	if f.order.Down() {
		return int64(math.MaxInt64)
	}
	return int64(math.MinInt64)
}

// behindAny is behind as one filter.
func (f *finder) behindAny(s ordering.Spot) bson.D {
	parts := f.behind(s)
	if len(parts) == 1 {
		return parts[0]
	}
	all := bson.A{}
	for _, p := range parts {
		all = append(all, p)
	}
	return field("$or", all)
}

// rowCompare compares spots in the order of rows, which is not that of values
// within one date.
func (f *finder) rowCompare(a, b ordering.Spot) int {
	a.Text, b.Text = f.rowText(a), f.rowText(b)
	return f.order.Compare(a, b)
}
