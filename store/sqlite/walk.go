package sqlite

import (
	"math"

	"github.com/noafhir/noafhir/store/ordering"
)

// updatedStream yields all resources of the type by lastUpdated. Without a type
// it goes through all versions, and leaves out those that are not current.
func (f *finder) updatedStream() stream {
	w := want{keys: f.keysNeeded(walkAll)}
	w.bodies = f.bodiesNeeded() && !w.keys
	columns, join := w.columns()
	from, column := " FROM cur c"+join+" WHERE c.t=? AND ", "c.vid"
	if f.t == 0 {
		from, column = " FROM ver o CROSS JOIN cur c ON c.n=o.n AND c.vid=o.vid"+join+" WHERE ", "o.vid"
	}
	_, direction := direction(&f.order)
	text := "SELECT " + columns + from + column + ">? AND " + column + "<? ORDER BY " + column + direction + " LIMIT ?"
	return f.batches(f.page(), f.spot, func(b *batchStream) error {
		s, err := f.c.prepare(text)
		if err != nil {
			return err
		}
		if f.t != 0 {
			s.int(f.t)
		}
		low, high := f.openVids(b.after.A)
		return f.fill(b, s.int(low).int(high).int(int64(b.size)), w)
	})
}

// openVids returns the vids between which candidates lie that come after one,
// both excluded.
func (f *finder) openVids(after int64) (low, high int64) {
	low, high = after, math.MaxInt64
	if f.order.Down() {
		low, high = math.MinInt64, after
	}
	for i := range f.conditions {
		c := &f.conditions[i]
		if !c.timed {
			continue
		}
		if c.vids.low > math.MinInt64 {
			low = max(low, c.vids.low-1)
		}
		high = min(high, c.vids.high)
	}
	return low, high
}

// idStreams yields all resources of the type, or of all types, by id.
func (f *finder) idStreams() stream {
	var streams []stream
	for _, t := range f.typeNumbers() {
		streams = append(streams, f.idStream(t))
	}
	return f.merge(streams)
}

func (f *finder) idStream(t int64) stream {
	w := want{keys: f.keysNeeded(walkAll)}
	columns, _ := w.columns()
	return f.batches(32, f.spot, func(b *batchStream) error {
		// Of two resources with one id, the type decides.
		compare, direction := direction(&f.order)
		if f.order.Compare(ordering.Spot{A: t}, ordering.Spot{A: b.after.A}) > 0 {
			compare += "="
		}
		s, err := f.c.prepare("SELECT " + columns + ", r.id FROM res r CROSS JOIN cur c ON c.n=r.n WHERE r.t=? AND r.id" + compare +
			"? AND NOT r.deleted ORDER BY r.id" + direction + " LIMIT ?")
		if err != nil {
			return err
		}
		defer s.reset()
		s.int(t).str(b.after.Text).int(int64(b.size))
		for {
			row, err := s.step()
			if err != nil || !row {
				return err
			}
			c, err := f.candidate(s, w)
			if err != nil {
				return err
			}
			c.spot = ordering.Spot{Text: s.text(w.next()), A: t}
			if !b.add(c) {
				return nil
			}
		}
	})
}
