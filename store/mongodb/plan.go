package mongodb

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/store/ordering"
)

// How a search finds its way
//
// One condition drives: the part of the index that it is, is gone through in the
// order asked for, and the database judges the others on what it finds there.
// Which one that is, is counted here and never left to the database to guess:
// every question names its index, and what must not choose one stands behind a
// $limit, which no database moves a filter across.
//
//   - A condition with few rows drives.
//   - Else the first whose rows come in the right order does, or all resources of
//     the type in that order. That is fine where matches are frequent.
//   - Where they are not, it shows after a while: a question looks at so many rows
//     only. Then the conditions are counted, further than before, and one that is
//     smaller takes over from the place reached.
//
// What the database can not judge (clauses whose keys are not exact, what the
// caller may see, other resources) is judged here, on the bodies of a batch of
// candidates.
//
// Some databases give the rows of a key in order only from its beginning. So
// behind a place, all resources of the type are rather gone through than a large
// condition; the index of those serves it from anywhere.

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
	if len(f.conditions) == 1 && f.ordered(&f.conditions[0]) && f.fromStart() {
		return 0, true, nil
	}
	if !f.streamed() {
		driver, err = f.gathered()
		return driver, true, err
	}
	driver, sure, err = f.smallest(walkAll, f.s.tuning.few)
	if err != nil || sure {
		return driver, sure, err
	}
	for i := range f.conditions {
		if f.ordered(&f.conditions[i]) && f.fromStart() {
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

// smallest returns the condition with the fewest rows and true if it has under
// limit, and else the present driver and false.
func (f *finder) smallest(driver, limit int) (int, bool, error) {
	sizes := make([]int, len(f.conditions))
	for i := range sizes {
		sizes[i] = limit
	}
	err := f.together(len(f.conditions), func(i int) (err error) {
		if c := &f.conditions[i]; i != driver && !c.open() {
			sizes[i], err = f.size(c, limit)
		}
		return err
	})
	if err != nil {
		return 0, false, err
	}
	found := false
	for i, n := range sizes {
		if i == driver || f.conditions[i].open() {
			continue
		}
		f.conditions[i].small = n < f.s.tuning.few
		f.explainSize(i, n, limit)
		if n < limit {
			driver, limit, found = i, n, true
		}
	}
	for i := range f.conditions { // these last: it takes searches to count them
		c := &f.conditions[i]
		if i == driver || !c.open() {
			continue
		}
		n := limit
		if done, err := f.resolve(c, limit); err != nil {
			return 0, false, err
		} else if done {
			if n, err = f.size(c, limit); err != nil {
				return 0, false, err
			}
		}
		f.explainSize(i, n, limit)
		if n < limit {
			driver, limit, found = i, n, true
		}
	}
	return driver, found, nil
}

// size counts the rows of a condition, up to a limit.
func (f *finder) size(c *condition, limit int) (int, error) {
	if c.listed {
		return min(len(c.refs), limit), nil
	}
	n := 0
	for match := range f.slices(c) {
		more, err := f.countUpTo(f.rowsOf(c, match), f.hintOf(c), limit-n)
		if err != nil {
			return 0, err
		}
		if n += more; n >= limit {
			break
		}
	}
	return n, nil
}

// rowsOf is a filter of a condition, with all that its index can use.
func (f *finder) rowsOf(c *condition, match bson.D) bson.D {
	if c.timed && f.q.Type != "" {
		return slices.Concat(field("t", f.q.Type), match)
	}
	return match
}

// hintOf returns the index of a condition.
func (f *finder) hintOf(c *condition) bson.D {
	switch {
	case c.listed:
		return up("_id")
	case c.timed && f.q.Type != "":
		return up("t", "lu", "_id")
	case c.timed:
		return up("lu", "_id")
	}
	return up(c.field, "d", "n")
}
