package sqlite

import (
	"context"
	"math/bits"

	"github.com/noafhir/noafhir/fhir/search"
)

// count returns how many resources match.
func (v *view) count(ctx context.Context, who search.Access, q *search.Query) (int64, error) {
	whole := *q
	whole.After, whole.Sort, whole.Backward = nil, nil, false
	f, err := v.newFinder(ctx, who, &whole)
	if err != nil {
		return 0, err
	}
	if ranges, ok := f.alone(); ok {
		f.s.stats.searches.Add(1)
		return f.countRanges(ranges)
	}
	n := int64(0)
	f.found = func(*candidate) bool {
		n++
		return true
	}
	if err := f.timed("count"); err != nil {
		return 0, err
	}
	return n, nil
}

// alone returns the ranges of keys whose resources are the matches, and false if
// there is more to it. Keys belong to one resource type each.
func (f *finder) alone() ([]search.KeyRange, bool) {
	if f.none || f.parsed() || f.q.IDs != nil || len(f.q.LastUpdated) > 0 || len(f.conditions) > 1 {
		return nil, false
	}
	if len(f.conditions) == 1 {
		return f.conditions[0].ranges, true
	}
	var types []search.KeyRange
	for _, t := range f.typeNumbers() {
		types = append(types, search.KeyRange{Low: search.TypeKey(f.s.types.names[t])})
	}
	return types, true
}

// countRanges counts the resources with a key in one of some ranges.
func (f *finder) countRanges(ranges []search.KeyRange) (int64, error) {
	if len(ranges) == 1 && ranges[0].High == nil {
		s, err := f.c.prepare("SELECT count(*) FROM post WHERE k=?")
		if err != nil {
			return 0, err
		}
		defer s.reset()
		if _, err := s.blob(ranges[0].Low).step(); err != nil {
			return 0, err
		}
		return s.num(0), nil
	}
	// One resource may have several of the keys.
	var seen bitSet
	for i := range ranges {
		text := "SELECT n FROM post WHERE k=?"
		if ranges[i].High != nil {
			text = "SELECT n FROM post WHERE k>=? AND k<?"
		}
		s, err := f.c.prepare(text)
		if err != nil {
			return 0, err
		}
		s.bindRange(&ranges[i])
		for {
			row, err := s.step()
			if err != nil {
				return 0, err
			}
			if !row {
				break
			}
			seen.add(s.num(0))
		}
	}
	return seen.len(), nil
}

// A bitSet is a set of small numbers: those of resources have no large gaps.
type bitSet []uint64

func (s *bitSet) add(n int64) {
	word := int(n / 64)
	if word >= len(*s) {
		*s = append(*s, make([]uint64, word+1+word/4-len(*s))...)
	}
	(*s)[word] |= 1 << (n % 64)
}

func (s bitSet) len() int64 {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return int64(n)
}
