package sqlite

import (
	"math"

	"github.com/noafhir/noafhir/store/ordering"
)

// How a search finds its way
//
// One condition drives: its rows are gone through in the order asked for, and
// each candidate has to meet the others. Rows of one key stand in post by
// clinical date and creation, so that a page costs no more than its rows. What
// SQLite's planner would guess from statistics is counted here:
//
//   - A condition with under a hundred rows drives. Those of a range that only have to
//     be put into order by date (rangerows.go) are read at a small part of what a
//     candidate costs, so there may be many more.
//   - Else the first whose rows come in the right order does, or all resources of
//     the type in that order. That is fine where matches are frequent.
//   - Where they are not, it shows after a while. Then the other conditions are
//     counted, not much further than to the work done so far, and one that is
//     smaller takes over from the place reached. From then on the rows of several keys
//     are read by the batch and compared (meet.go).
//
// So a search costs about as much as its smallest condition has rows, or as its
// page, if that is less.
//
// A condition on other resources (link.go) or on words (text.go) has no rows of its
// own. Where it is counted, what meets it is collected; until that has come to an
// end within the limit, candidates are asked one by one.
//
// Results sorted by a parameter (sorted.go) are had from the index where it has
// the values in order, by the same rule as all resources of a type.

// The drivers that are no condition.
const (
	walkAll = -1 // all resources of the type, or of all types
	walkIDs = -2 // those with the ids asked for
)

// run calls found for the matches in order, until that wants no more.
func (f *finder) run() error {
	f.s.stats.searches.Add(1)
	f.explainPlan()
	if f.none {
		return nil
	}
	defer f.explainEnd(f.c.rows)
	return f.find()
}

// find calls found for the matches behind f.spot in order, until that wants no more.
func (f *finder) find() error {
	driver, sure, err := f.firstDriver()
	if err != nil {
		return err
	}
	budget := f.s.tuning.budget
	if f.order.By == ordering.ByValue && !f.clinical {
		budget *= 4 // what else there is would have to be gathered
	}
	for ; ; budget *= f.s.tuning.growth {
		limit := budget
		if sure {
			limit = math.MaxInt
		}
		f.explainDriver(driver, limit)
		done, err := f.drive(driver, limit)
		if err != nil || done || f.gaveUp {
			return err
		}
		f.rare = true
		if sure {
			continue
		}
		found := false
		if driver, found, err = f.smallest(driver, budget*f.s.tuning.growth); err != nil {
			return err
		}
		sure = found && f.final(driver)
	}
}

// ordered reports whether the rows of a condition can be had in the order asked
// for.
func (f *finder) ordered(c *condition) bool {
	return (f.order.By == ordering.ByDate || f.clinical) && c.keys && len(c.ranges) <= f.s.tuning.streams
}

// firstDriver chooses what drives at first. Sure says that nothing else could be
// better.
func (f *finder) firstDriver() (driver int, sure bool, err error) {
	if f.q.IDs != nil {
		return walkIDs, true, nil
	}
	open := 0 // conditions that a walk does not meet by itself
	for i := range f.conditions {
		if !f.conditions[i].timed || f.order.By != ordering.ByUpdated {
			open++
		}
	}
	if open == 0 {
		return walkAll, true, nil
	}
	if len(f.conditions) == 1 && f.ordered(&f.conditions[0]) {
		return 0, true, nil
	}
	if !f.streamed() {
		driver, err = f.gathered()
		return driver, true, err
	}
	driver, found, err := f.smallest(walkAll, f.s.tuning.few)
	if err != nil || found {
		return driver, err == nil && f.final(driver), err
	}
	for i := range f.conditions {
		if f.ordered(&f.conditions[i]) {
			return i, false, nil
		}
	}
	return walkAll, false, nil
}

// gathered chooses what drives if everything has to be gathered first: the
// smallest condition.
func (f *finder) gathered() (driver int, err error) {
	if len(f.conditions) == 1 && !f.conditions[0].open() {
		return 0, nil
	}
	for limit := f.s.tuning.few; limit < f.s.tuning.gathered; limit *= f.s.tuning.growth {
		driver, found, err := f.smallest(walkAll, limit)
		if err != nil || found {
			return driver, err
		}
	}
	return walkAll, nil
}

// final reports whether nothing could be better than a driver that was the smallest:
// rows of a range may be many more than candidates should be.
func (f *finder) final(driver int) bool {
	return driver < 0 || len(f.conditions) == 1 || f.weight(&f.conditions[driver]) == 1
}

// weight returns how many rows of a condition cost as much as one candidate that is
// read.
func (f *finder) weight(c *condition) int {
	if !f.unweighted && f.byRows(c) {
		return f.s.tuning.weight
	}
	return 1
}

// smallest returns the condition with the fewest rows and true if it has under
// limit, and else the present driver and false.
func (f *finder) smallest(driver, limit int) (int, bool, error) {
	found := false
	present := driver
	for _, open := range []bool{false, true} { // these last: it takes searches to count them
		for i := range f.conditions {
			c := &f.conditions[i]
			if i == present || c.open() != open {
				continue
			}
			weight := f.weight(c)
			most := limit * weight
			if !f.ordered(c) {
				most = min(most, f.s.tuning.gathered)
			}
			n, err := f.size(c, most)
			if err != nil {
				return 0, false, err
			}
			f.explainSize(i, n, most)
			if n < most {
				driver, limit, found = i, (n+weight-1)/weight, true
			}
		}
	}
	return driver, found, nil
}
