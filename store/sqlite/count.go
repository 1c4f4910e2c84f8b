package sqlite

import (
	"context"
	"math"
	"math/bits"
	"slices"

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
	if n, ok, err := f.countMeeting(); ok || err != nil {
		return n, err
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
	if !f.onlyKeys() || len(f.conditions) > 1 {
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
	all, _, err := f.numbersOf(ranges, math.MaxInt) // one resource may have several of the keys
	return all.len(), err
}

// onlyKeys reports whether the matches are what has keys in the ranges of all
// conditions.
func (f *finder) onlyKeys() bool {
	if f.none || f.parsed() || f.q.IDs != nil || len(f.q.LastUpdated) > 0 {
		return false
	}
	return !slices.ContainsFunc(f.conditions, func(c condition) bool { return c.ranges == nil })
}

// countMeeting counts what meets several conditions by going through each of them
// once. That is cheaper than asking candidates one by one, unless one condition
// has many more rows than another: then it does not count, and reports that.
func (f *finder) countMeeting() (n int64, counted bool, err error) {
	if len(f.conditions) < 2 || !f.onlyKeys() {
		return 0, false, nil
	}
	f.unweighted = true
	driver, err := f.gathered()
	f.unweighted = false
	if err != nil || driver == walkAll {
		return 0, false, err
	}
	left, _, err := f.numbersOf(f.conditions[driver].ranges, math.MaxInt)
	if err != nil {
		return 0, false, err
	}
	f.s.stats.searches.Add(1)
	most := int(left.len()) * f.s.tuning.countRows
	for i := range f.conditions {
		if i == driver || left.len() == 0 {
			continue
		}
		met, whole, err := f.numbersOf(f.conditions[i].ranges, most)
		if err != nil || !whole {
			return 0, false, err
		}
		left.keep(met)
	}
	return left.len(), true, nil
}

// numbersOf returns the resources with a key in one of some ranges. It ends after
// so many rows at most, and reports whether these were all.
func (f *finder) numbersOf(ranges []search.KeyRange, most int) (all bitSet, whole bool, err error) {
	for i := range ranges {
		text := "SELECT n FROM post WHERE k=?"
		if ranges[i].High != nil {
			text = "SELECT n FROM post WHERE k>=? AND k<?"
		}
		s, err := f.c.prepare(text)
		if err != nil {
			return nil, false, err
		}
		s.bindRange(&ranges[i])
		for ; ; most-- {
			row, err := s.step()
			if err != nil {
				return nil, false, err
			}
			if !row {
				break
			}
			if most == 0 {
				s.reset()
				return nil, false, nil
			}
			all.add(s.num(0))
		}
	}
	return all, true, nil
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

func (s bitSet) has(n int64) bool {
	word := int(n / 64)
	return word < len(s) && s[word]&(1<<(n%64)) != 0
}

// keep leaves in s what is also in other.
func (s bitSet) keep(other bitSet) {
	for i := range s {
		if i < len(other) {
			s[i] &= other[i]
		} else {
			s[i] = 0
		}
	}
}

func (s bitSet) len() int64 {
	n := 0
	for _, word := range s {
		n += bits.OnesCount64(word)
	}
	return int64(n)
}
