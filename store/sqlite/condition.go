package sqlite

import (
	"math"

	"github.com/noafhir/noafhir/fhir/search"
)

// A condition is a clause that has key ranges or can be given some, or a range of
// lastUpdated.
type condition struct {
	ranges  []search.KeyRange
	keys    bool           // they are single keys
	of      *search.Clause // what the ranges are of, if that is one
	dated   bool           // it is about the clinical date
	timed   bool           // it is a range of lastUpdated, by vid
	vids    vidRange
	listed  bool    // it is the resources in numbers
	numbers []int64 // in order

	clause *search.Clause // if not nil, it is not known yet which resources it is
	tried  int            // the limit within which that could not be found out
}

// open reports whether it is not known yet which resources a condition is.
func (c condition) open() bool { return c.clause != nil }

// A vidRange holds the vids from low up to but not including high.
type vidRange struct{ low, high int64 }

// vidsOf returns the vids of a range that is not turned round.
func vidsOf(r search.TimeRange) vidRange {
	vids := vidRange{math.MinInt64, math.MaxInt64}
	if !r.Low.IsZero() {
		vids.low = microsCeil(r.Low)
	}
	if !r.High.IsZero() {
		vids.high = microsCeil(r.High)
	}
	return vids
}

func (f *finder) addClause(c *search.Clause) {
	switch {
	case c.Links != nil || c.Text != nil:
		f.conditions = append(f.conditions, condition{clause: c})
		return
	case c.Or != nil:
		if ranges, ok := search.UnionOf(c.Or); ok {
			f.addRanges(ranges)
		}
	}
	if !c.Exact || c.Ranges == nil {
		f.residual = append(f.residual, c)
	}
	if c.Ranges == nil {
		return
	}
	f.addRanges(c.Ranges)
	added := &f.conditions[len(f.conditions)-1]
	added.dated, added.of = c.Clinical(), c
}

func (f *finder) addRanges(ranges []search.KeyRange) {
	f.none = f.none || len(ranges) == 0
	f.conditions = append(f.conditions, condition{ranges: ranges, keys: search.AllKeys(ranges)})
}

// size counts the rows of a condition, up to a limit.
func (f *finder) size(c *condition, limit int) (int, error) {
	if c.open() {
		if done, err := f.resolve(c, limit); err != nil || !done {
			return limit, err
		}
	}
	switch {
	case c.timed:
		return f.sizeOfTime(c, limit)
	case c.listed:
		return len(c.numbers), nil
	}
	n := 0
	for i := range c.ranges {
		text := "SELECT count(*) FROM (SELECT 1 FROM post WHERE k=? LIMIT ?)"
		if c.ranges[i].High != nil {
			text = "SELECT count(*) FROM (SELECT 1 FROM post WHERE k>=? AND k<? LIMIT ?)"
		}
		s, err := f.c.prepare(text)
		if err != nil {
			return 0, err
		}
		s.bindRange(&c.ranges[i]).int(int64(limit - n))
		if _, err := s.step(); err != nil {
			return 0, err
		}
		n += int(s.num(0))
		s.reset()
		if n >= limit {
			break
		}
	}
	return n, nil
}

func (f *finder) sizeOfTime(c *condition, limit int) (int, error) {
	n := 0
	for _, t := range f.typeNumbers() {
		s, err := f.c.prepare("SELECT count(*) FROM (SELECT 1 FROM cur WHERE t=? AND vid>=? AND vid<? LIMIT ?)")
		if err != nil {
			return 0, err
		}
		s.int(t).int(c.vids.low).int(c.vids.high).int(int64(limit - n))
		if _, err := s.step(); err != nil {
			return 0, err
		}
		n += int(s.num(0))
		s.reset()
		if n >= limit {
			break
		}
	}
	return n, nil
}
