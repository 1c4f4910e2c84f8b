package sqlite

import (
	"cmp"
	"sort"

	"github.com/noafhir/noafhir/store/ordering"
)

// What several keys have in common
//
// The rows of each key come by clinical date and creation. Where resources with all of
// some keys are rare, the rows of these are read by the batch and compared here: what
// stands between is passed without asking for each row of one key whether there is one
// of the others.

// A keyCursor reads the rows of one key, in the order of its finder.
type keyCursor struct {
	f    *finder
	key  []byte
	text string
	rows []dateRow // read ahead
	at   int
	used int // of these
	size int // of the next batch
	last bool
}

func (f *finder) keyCursor(key []byte) *keyCursor {
	compare, ending := direction(&f.order)
	return &keyCursor{f: f, key: key, size: 8, text: "SELECT d, n FROM post WHERE k=? AND (d,n)" + compare + "=(?,?) ORDER BY d" + ending + ", n" + ending + " LIMIT ?"}
}

// seek returns the first row that is not before another, the way results are gone
// through, and false if there is none. Rows asked for must not go back.
func (c *keyCursor) seek(to dateRow) (dateRow, bool, error) {
	if n := len(c.rows); n > 0 && c.f.before(c.rows[n-1], to) {
		c.at = n
	}
	for {
		rest := c.rows[c.at:]
		// The next one is most likely the one wanted, or near.
		for i := range rest[:min(len(rest), 4)] {
			if !c.f.before(rest[i], to) {
				return c.take(i)
			}
		}
		if i := sort.Search(len(rest), func(i int) bool { return !c.f.before(rest[i], to) }); i < len(rest) {
			return c.take(i)
		}
		if c.last {
			return dateRow{}, false, nil
		}
		if err := c.fetch(to); err != nil {
			return dateRow{}, false, err
		}
	}
}

// take returns the row i places ahead.
func (c *keyCursor) take(i int) (dateRow, bool, error) {
	c.at += i
	c.used++
	return c.rows[c.at], true, nil
}

// fetch reads the next rows that are not before another: more each time, unless nearly
// all that was read was passed over.
func (c *keyCursor) fetch(to dateRow) error {
	if c.f.ctx.Err() != nil {
		return c.f.ctx.Err()
	}
	s, err := c.f.c.prepare(c.text)
	if err != nil {
		return err
	}
	defer s.reset()
	if c.used*16 >= len(c.rows) {
		c.size = min(2*c.size, c.f.s.tuning.batch)
	} else {
		c.size = max(c.size/2, min(8, c.f.s.tuning.batch))
	}
	c.rows, c.at, c.used = c.rows[:0], 0, 0
	s.blob(c.key).int(to.d).int(to.n).int(int64(c.size))
	for {
		row, err := s.step()
		if err != nil {
			return err
		}
		if !row {
			break
		}
		c.rows = append(c.rows, dateRow{s.num(0), s.num(1)})
	}
	c.last = len(c.rows) < c.size
	return nil
}

// before reports whether a row comes before another, the way results are gone through.
func (f *finder) before(a, b dateRow) bool {
	c := cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(a.n, b.n))
	return c != 0 && (c < 0) != f.order.Down()
}

// A meetStream yields the resources that have all of some keys, from a spot on.
type meetStream struct {
	rowReader
	first *keyCursor // of the driver
	rest  keyCursors
	after dateRow // the driver's row reached
	upTo  dateRow // where the rows wanted end
	limit int     // rows of the driver that are left
	cut   bool    // there were more
}

// meetStream begins to go through what has a driver's key and those of other
// conditions. It ends early, but not before limit rows of the driver.
func (k *keyFetch) meetStream(driver, limit int, from ordering.Spot) stream {
	s := &meetStream{rowReader: k.f.rowReader(driver), after: dateRow{from.A, from.B}, upTo: dateRow{k.upTo.A, k.upTo.B}, limit: limit}
	s.first = k.f.keyCursor(k.key)
	for _, c := range k.probes {
		if len(c.ranges) == 1 {
			s.rest = append(s.rest, k.f.keyCursor(c.ranges[0].Low))
		}
	}
	return s
}

func (s *meetStream) next() (*candidate, error) {
	to := s.after
	for {
		row, ok, err := s.first.seek(to)
		if err != nil || !ok || s.f.before(s.upTo, row) {
			return nil, err
		}
		if row == s.after {
			s.first.at++
			continue
		}
		if s.limit--; s.limit < 0 {
			s.cut = true
			return nil, nil
		}
		s.after = row
		if to, ok, err = s.rest.meet(row); err != nil || !ok {
			return nil, err
		}
		if to == row {
			return s.candidate(row.n)
		}
	}
}

// keyCursors are those of several keys.
type keyCursors []*keyCursor

// meet returns the row if all keys have it, and else one before which there is none
// that all have; false if there are no more.
func (cs keyCursors) meet(row dateRow) (dateRow, bool, error) {
	for _, c := range cs {
		other, ok, err := c.seek(row)
		if err != nil || !ok || other != row {
			return other, ok, err
		}
	}
	return row, true, nil
}

func (s *meetStream) end() (ordering.Spot, bool) {
	return ordering.Spot{A: s.after.d, B: s.after.n}, !s.cut
}
