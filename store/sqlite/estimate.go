package sqlite

import (
	"context"

	"github.com/noafhir/noafhir/fhir/search"
)

// How many resources match, about
//
// Where a condition has few rows, or keys alone tell, counting is as good. Else the
// rows of the smallest condition that is in order are counted, which takes no looking
// at resources, and some at either end of them are tried: how many of those match is
// how many of all do, unless what is asked for is new or old. Where hardly any match,
// that would say little, so they are counted after all.

// Estimate implements [store.Estimator].
func (s *Store) Estimate(ctx context.Context, who search.Access, q *search.Query) (n int64, exact bool, err error) {
	err = s.indexed(ctx, q, func(v *view) error {
		n, exact, err = v.estimate(ctx, who, q)
		return err
	})
	return n, exact, err
}

// estimate returns about how many resources match, and whether it is just as many.
func (v *view) estimate(ctx context.Context, who search.Access, q *search.Query) (n int64, exact bool, err error) {
	whole := *q
	whole.After, whole.Sort, whole.Backward, whole.Explain = nil, nil, false, nil
	f, err := v.newFinder(ctx, who, &whole)
	if err != nil {
		return 0, false, err
	}
	_, alone := f.alone()
	driver, rows, err := f.sampled()
	if err != nil {
		return 0, false, err
	}
	if f.none || alone || q.IDs != nil || rows < v.s.tuning.counted {
		n, err = v.count(ctx, who, &whole)
		return n, true, err
	}
	matched := 0
	for _, backward := range []bool{false, true} {
		whole.Backward = backward
		m, err := v.sample(ctx, who, &whole, driver)
		if err != nil {
			return 0, false, err
		}
		matched += m
	}
	if matched < v.s.tuning.enough {
		whole.Backward = false
		n, err = v.count(ctx, who, &whole)
		return n, true, err
	}
	return int64(float64(rows) * float64(matched) / float64(2*v.s.tuning.sample)), false, nil
}

// sampled returns the driver whose rows are tried, and how many there are.
func (f *finder) sampled() (driver, rows int, err error) {
	if f.none {
		return walkAll, 0, nil
	}
	f.unweighted = true
	_, few, err := f.smallest(walkAll, f.s.tuning.counted)
	if err != nil || few {
		return walkAll, 0, err
	}
	driver = walkAll
	if rows, err = f.rowsOf(f.typeKeys()); err != nil {
		return walkAll, 0, err
	}
	for i := range f.conditions {
		if c := &f.conditions[i]; f.ordered(c) {
			n, err := f.rowsOf(c.ranges)
			if err != nil {
				return walkAll, 0, err
			}
			if n < rows {
				driver, rows = i, n
			}
		}
	}
	return driver, rows, nil
}

// rowsOf counts the rows of keys between the clinical dates that all matches have.
func (f *finder) rowsOf(keys []search.KeyRange) (int, error) {
	from, to := f.bound(false), f.bound(true)
	n := 0
	for i := range keys {
		s, err := f.c.prepare("SELECT count(*) FROM post WHERE k=? AND d>=? AND d<=?")
		if err != nil {
			return 0, err
		}
		_, err = s.blob(keys[i].Low).int(min(from.A, to.A)).int(max(from.A, to.A)).step()
		n += int(s.num(0))
		s.reset()
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// sample tries a driver's first rows, or with Backward its last, and returns how many
// match.
func (v *view) sample(ctx context.Context, who search.Access, q *search.Query, driver int) (int, error) {
	f, err := v.newFinder(ctx, who, q)
	if err != nil {
		return 0, err
	}
	f.unprobed = true
	matched := 0
	f.found = func(*candidate) bool {
		matched++
		return true
	}
	_, err = f.drive(driver, v.s.tuning.sample)
	return matched, err
}
