package sqlite

import (
	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store/ordering"
)

// A want says which columns of candidates are read.
type want struct {
	keys   bool // cur's packed keys
	bodies bool // the version
	bare   bool // nothing beyond the row of post
}

// columns writes the columns that [finder.candidate] reads, and the join for
// them.
func (w want) columns() (columns, join string) {
	if w.bare {
		return "p.n, 0, 0, p.d", ""
	}
	columns = "c.n, c.t, c.vid, c.d"
	if w.keys {
		columns += ", c.keys"
	}
	if w.bodies {
		columns += ", v.id, " + versionColumns
		join = " CROSS JOIN ver v ON v.vid=c.vid"
	}
	return columns, join
}

// next returns the number of columns a want has.
func (w want) next() int {
	n := 4
	if w.keys {
		n++
	}
	if w.bodies {
		n += 5
	}
	return n
}

// candidate reads one from the current row. Its packed keys are gone with the
// next step.
func (f *finder) candidate(s *stmt, w want) (candidate, error) {
	c := candidate{n: s.num(0), t: s.num(1), vid: s.num(2), checked: w.bare}
	switch f.order.By {
	case ordering.ByDate, ordering.ByValue:
		c.spot = ordering.Spot{A: s.num(3), B: c.n}
	case ordering.ByUpdated:
		c.spot = ordering.Spot{A: c.vid}
	}
	next := 4
	if w.keys {
		c.keys = s.view(next)
		next++
	}
	if w.bodies {
		key := fhir.Key{Type: f.s.types.names[c.t], ID: s.text(next)}
		var err error
		if c.version, err = f.version(s, key, next+1); err != nil {
			return c, err
		}
	}
	return c, nil
}

// complete reads the packed keys of a candidate that has none. They are gone with
// the next one.
func (f *finder) complete(c *candidate) error {
	if c.keys != nil {
		return nil
	}
	w := want{keys: true}
	columns, _ := w.columns()
	q, err := f.c.prepare("SELECT " + columns + " FROM cur c WHERE c.n=?")
	if err != nil {
		return err
	}
	defer q.reset()
	row, err := q.int(c.n).step()
	if err != nil {
		return err
	}
	if !row {
		return errDamaged()
	}
	full, err := f.candidate(q, w)
	c.t, c.vid, c.keys = full.t, full.vid, append(f.packed[:0], full.keys...)
	f.packed = c.keys
	return err
}

// fill runs a statement and adds its candidates to a batch.
func (f *finder) fill(b *batchStream, s *stmt, w want) error {
	defer s.reset()
	for {
		row, err := s.step()
		if err != nil || !row {
			return err
		}
		c, err := f.candidate(s, w)
		if err != nil {
			return err
		}
		if !b.add(c) {
			return nil
		}
	}
}
