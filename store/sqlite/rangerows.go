package sqlite

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// Rows of ranges by date
//
// The rows of a range come by its values. Each tells the clinical date and the
// creation of its resource, which is all it takes to put them into the order by
// these: the resources are then read one by one, only as many as a page needs, and of
// these only those that other keys have, too (meet.go).

// A dateRow stands for a resource.
type dateRow struct{ d, n int64 }

func (a dateRow) compare(b dateRow) int { return cmp.Or(cmp.Compare(a.d, b.d), cmp.Compare(a.n, b.n)) }

// dateRows is a heap whose first row is the next one.
type dateRows struct {
	list []dateRow
	down bool
}

func (h *dateRows) Len() int { return len(h.list) }

func (h *dateRows) Less(i, j int) bool { return (h.list[i].compare(h.list[j]) < 0) != h.down }

func (h *dateRows) Swap(i, j int) { h.list[i], h.list[j] = h.list[j], h.list[i] }

func (h *dateRows) Push(any) { panic("sqlite: rows are not added one by one") }

// Pop drops the last row.
func (h *dateRows) Pop() any {
	h.list = h.list[:len(h.list)-1]
	return nil
}

// A rangeStream yields the resources that have a key in some ranges, by clinical date
// and creation, from a spot on.
type rangeStream struct {
	rowReader
	ranges  []search.KeyRange
	cursors keyCursors // of conditions that are one key
	after   dateRow    // what has been yielded ends here
	to      dateRow    // where the rows wanted end
	rows    dateRows
	cut     bool // there are more rows behind those kept
}

// Rows that others rule out are not read, but count as some candidates, lest they are
// gone through without end.
const (
	passedRows = 64
	passedCost = 16
)

// rangeRows begins to go through the resources with a key in some ranges, which are
// those of a driver.
func (f *finder) rangeRows(driver int, ranges []search.KeyRange, from ordering.Spot) (stream, error) {
	if first := f.bound(false); f.order.Compare(first, from) > 0 {
		from = first
	}
	s := &rangeStream{rowReader: f.rowReader(driver), ranges: ranges, after: dateRow{from.A, from.B}}
	last := f.bound(true)
	s.to = dateRow{last.A, last.B}
	s.rows.down = f.order.Down()
	for i := range f.conditions {
		if c := &f.conditions[i]; i != driver && c.keys && len(c.ranges) == 1 && !c.open() {
			s.cursors = append(s.cursors, f.keyCursor(c.ranges[0].Low))
		}
	}
	return s, s.fill()
}

// fill reads the rows behind what has been yielded.
func (s *rangeStream) fill() error {
	s.rows.list, s.cut = s.rows.list[:0], false
	for i := range s.ranges {
		if err := s.read(&s.ranges[i]); err != nil {
			return err
		}
	}
	s.trim()
	heap.Init(&s.rows)
	return nil
}

// read adds the rows of a range.
func (s *rangeStream) read(r *search.KeyRange) error {
	text := "SELECT d, n FROM post WHERE k=?"
	if r.High != nil {
		text = "SELECT d, n FROM post WHERE k>=? AND k<?"
	}
	q, err := s.f.c.prepare(text)
	if err != nil {
		return err
	}
	defer q.reset()
	q.bindRange(r)
	for seen := 1; ; seen++ {
		row, err := q.step()
		if err != nil || !row {
			return err
		}
		if seen%4096 == 0 && s.f.ctx.Err() != nil {
			return s.f.ctx.Err()
		}
		at := dateRow{q.num(0), q.num(1)}
		if (at.compare(s.after) > 0) == s.rows.down || at == s.after || (at.compare(s.to) >= 0) != s.rows.down {
			continue
		}
		if s.rows.list = append(s.rows.list, at); len(s.rows.list) >= 2*s.f.s.tuning.rowsKept {
			s.trim()
		}
	}
}

// trim leaves no more rows than are kept, those that come first.
func (s *rangeStream) trim() {
	most := s.f.s.tuning.rowsKept
	if len(s.rows.list) <= most {
		return
	}
	slices.SortFunc(s.rows.list, func(a, b dateRow) int {
		if s.rows.down {
			return b.compare(a)
		}
		return a.compare(b)
	})
	s.rows.list = slices.Compact(s.rows.list)
	if len(s.rows.list) > most {
		s.rows.list, s.cut = s.rows.list[:most], true
	}
}

func (s *rangeStream) next() (*candidate, error) {
	to := s.after // what is before it does not meet all conditions
	for seen := 1; ; seen++ {
		if seen%4096 == 0 && s.f.ctx.Err() != nil {
			return nil, s.f.ctx.Err()
		}
		if seen > passedRows && s.f.order.By == ordering.ByDate {
			s.now = candidate{blank: true, cost: passedCost}
			return &s.now, nil
		}
		if len(s.rows.list) == 0 && s.cut {
			if err := s.fill(); err != nil {
				return nil, err
			}
		}
		if len(s.rows.list) == 0 {
			return nil, nil
		}
		row := s.rows.list[0]
		if heap.Pop(&s.rows); row == s.after {
			continue // by another of its keys
		}
		s.after = row
		if s.f.before(row, to) {
			continue
		}
		var ok bool
		var err error
		if to, ok, err = s.cursors.meet(row); err != nil || !ok {
			s.rows.list, s.cut = s.rows.list[:0], false
			return nil, err
		}
		if to == row {
			return s.candidate(row.n)
		}
	}
}

func (s *rangeStream) end() (ordering.Spot, bool) {
	return ordering.Spot{A: s.after.d, B: s.after.n}, true
}

// A rowReader reads resources one by one.
type rowReader struct {
	f    *finder
	want want
	text string
	now  candidate
	keys []byte
}

func (f *finder) rowReader(driver int) rowReader {
	r := rowReader{f: f, want: want{keys: f.keysNeeded(driver), bodies: f.likely(driver)}}
	columns, join := r.want.columns()
	r.text = "SELECT " + columns + " FROM cur c" + join + " WHERE c.n=?"
	return r
}

// candidate reads a resource.
func (r *rowReader) candidate(n int64) (*candidate, error) {
	q, err := r.f.c.prepare(r.text)
	if err != nil {
		return nil, err
	}
	defer q.reset()
	row, err := q.int(n).step()
	if err != nil {
		return nil, err
	}
	if !row {
		return nil, errDamaged()
	}
	if r.now, err = r.f.candidate(q, r.want); err != nil {
		return nil, err
	}
	if r.now.keys != nil {
		r.keys = append(r.keys[:0], r.now.keys...)
		r.now.keys = r.keys
	}
	return &r.now, nil
}

// byRows reports whether a condition's rows, which do not come in the order asked
// for, can be put into it by themselves.
func (f *finder) byRows(c *condition) bool {
	return (f.order.By == ordering.ByDate || f.clinical && len(f.order.Keys) == 1) && c.ranges != nil && !c.dated && !f.ordered(c)
}

// rowStreams yields the resources of a driver by clinical date and creation, from a
// spot on.
func (f *finder) rowStreams(driver int, keys []search.KeyRange, from ordering.Spot) (stream, error) {
	if driver >= 0 && f.byRows(&f.conditions[driver]) {
		return f.rangeRows(driver, keys, from)
	}
	return f.keyStreams(driver, keys, math.MaxInt, from)
}
