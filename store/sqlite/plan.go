package sqlite

import (
	"context"
	"math"
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/ordering"
)

// How a search finds its way
//
// One condition drives: its rows are gone through in the order asked for, and
// each candidate has to meet the others. Rows of one key stand in post by
// clinical date and creation, so that a page costs no more than its rows. What
// SQLite's planner would guess from statistics is counted here:
//
//   - A condition with under a hundred rows drives.
//   - Else the first whose rows come in the right order does, or all resources of
//     the type in that order. That is fine where matches are frequent.
//   - Where they are not, it shows after a while. Then the other conditions are
//     counted, not much further than to the work done so far, and one that is
//     smaller takes over from the place reached.
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

// A tuning holds the numbers that decide how things are done. Whatever they are,
// the results are the same.
type tuning struct {
	few       int // rows; a condition with fewer drives
	budget    int // candidates to examine before the other conditions are counted
	growth    int // of the budget from then on
	gathered  int // rows of a condition that have to be put into order, at most
	kept      int // candidates kept while they are put into order
	countKept int // the same, to count
	probeKeys int // keys of a condition that is asked within a statement, at most
	batch     int // candidates fetched at once, at most
	deferFrom int // postings of a transaction that a bulk store writes later, at least
	deferred  int // postings that wait to be written later, at most
	streams   int // keys whose rows are merged, at most
	targets   int // resources that a condition on others is resolved to, at most
	walked    int // resources brought up to date at once
}

var defaultTuning = tuning{
	few: 100, budget: 400, growth: 8, gathered: 4_000_000, kept: 20_000, countKept: 500_000, probeKeys: 8, batch: 512,
	streams: 128, targets: 20_000, walked: 200, deferFrom: 5_000, deferred: 1_000_000,
}

// The drivers that are no condition.
const (
	walkAll = -1 // all resources of the type, or of all types
	walkIDs = -2 // those with the ids asked for
)

// A condition is a clause that has key ranges or can be given some, or a range of
// lastUpdated.
type condition struct {
	ranges  []search.KeyRange
	keys    bool // they are single keys
	timed   bool // it is a range of lastUpdated, by vid
	vids    vidRange
	listed  bool    // it is the resources in numbers
	numbers []int64 // in order

	clause *search.Clause // if not nil, it is not known yet which resources it is
	tried  int            // the limit within which that could not be found out
}

// A vidRange holds the vids from low up to but not including high.
type vidRange struct{ low, high int64 }

// A finder carries out one search.
type finder struct {
	*view
	ctx        context.Context
	who        search.Access
	q          *search.Query
	order      ordering.Order
	t          int64 // the type asked for, 0 for all
	conditions []condition
	residual   []*search.Clause // what only the body can tell
	none       bool             // nothing can match
	bodies     bool             // found wants versions
	clinical   bool             // the order is that of the rows, values apart
	dates      [2]int64         // matches have clinical dates from the first to the second

	spot     ordering.Spot // all before and at it has been examined
	keys     keySet
	examined int
	most     int  // if not 0, how many may be examined
	gaveUp   bool // more would have had to be
	known    map[fact]bool
	found    func(*candidate) (more bool)
}

// keysNeeded reports whether candidates have to be checked by their packed keys.
func (f *finder) keysNeeded(driver int) bool {
	for i := range f.conditions {
		if i != driver && f.conditions[i].ranges != nil {
			return true
		}
	}
	return f.order.By == ordering.ByValue && f.order.Indexed()
}

// bodiesNeeded reports whether the versions of candidates have to be read.
func (f *finder) bodiesNeeded() bool { return f.bodies || f.parsed() }

// parsed reports whether candidates have to be parsed.
func (f *finder) parsed() bool {
	return len(f.residual) > 0 || !f.who.Unrestricted() || slices.ContainsFunc(f.conditions, condition.open)
}

// open reports whether it is not known yet which resources a condition is.
func (c condition) open() bool { return c.clause != nil }

// A candidate is a resource that may match.
type candidate struct {
	spot    ordering.Spot
	n, t    int64
	vid     int64
	keys    []byte // packed; gone with the next candidate
	checked bool   // it meets all conditions, bodies aside
	version *store.Version
}

// newFinder prepares a search.
func (v *view) newFinder(ctx context.Context, who search.Access, q *search.Query) (*finder, error) {
	f := &finder{view: v, ctx: ctx, who: who, q: q}
	var err error
	if f.order, err = ordering.Of(q); err != nil {
		return nil, err
	}
	if f.spot, err = f.order.At(q.After); err != nil {
		return nil, err
	}
	if q.Type != "" {
		f.t = v.s.types.numbers[q.Type]
		f.none = f.t == 0
	}
	for i := range q.Where {
		f.addClause(&q.Where[i])
	}
	if err := f.prepareOrder(); err != nil {
		return nil, err
	}
	if err := f.boundDates(); err != nil {
		return nil, err
	}
	for _, r := range q.LastUpdated {
		if !r.Not {
			f.conditions = append(f.conditions, condition{timed: true, vids: vidsOf(r)})
		}
	}
	return f, nil
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
}

func (f *finder) addRanges(ranges []search.KeyRange) {
	f.none = f.none || len(ranges) == 0
	f.conditions = append(f.conditions, condition{ranges: ranges, keys: search.AllKeys(ranges)})
}

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

// run calls found for the matches in order, until that wants no more.
func (f *finder) run() error {
	f.s.stats.searches.Add(1)
	f.explainPlan()
	if f.none {
		return nil
	}
	driver, sure, err := f.firstDriver()
	if err != nil {
		return err
	}
	defer f.explainEnd(f.c.rows)
	for budget := f.s.tuning.budget; ; budget *= f.s.tuning.growth {
		limit := budget
		if sure {
			limit = math.MaxInt
		}
		f.explainDriver(driver, limit)
		done, err := f.drive(driver, limit)
		if err != nil || done || f.gaveUp {
			return err
		}
		if sure {
			continue
		}
		if driver, sure, err = f.smallest(driver, budget*f.s.tuning.growth); err != nil {
			return err
		}
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
	driver, sure, err = f.smallest(walkAll, f.s.tuning.few)
	if err != nil || sure {
		return driver, sure, err
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

// smallest returns the condition with the fewest rows and true if it has under
// limit, and else the present driver and false.
func (f *finder) smallest(driver, limit int) (int, bool, error) {
	found := false
	for _, open := range []bool{false, true} { // these last: it takes searches to count them
		for i := range f.conditions {
			c := &f.conditions[i]
			if i == driver || c.open() != open {
				continue
			}
			if !f.ordered(c) {
				limit = min(limit, f.s.tuning.gathered)
			}
			n, err := f.size(c, limit)
			if err != nil {
				return 0, false, err
			}
			f.explainSize(i, n, limit)
			if n < limit {
				driver, limit, found = i, n, true
			}
		}
	}
	return driver, found, nil
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

// typeNumbers returns the types searched.
func (f *finder) typeNumbers() []int64 {
	if f.t != 0 {
		return []int64{f.t}
	}
	var all []int64
	for t, name := range f.s.types.names {
		if name != "" {
			all = append(all, int64(t))
		}
	}
	return all
}

// drive goes through a driver's candidates, about limit of them, and reports
// whether there are no more or no more are wanted.
func (f *finder) drive(driver, limit int) (done bool, err error) {
	s, err := f.stream(driver, limit)
	if err != nil {
		return false, err
	}
	examined := 0
	defer func() { f.s.stats.examined.Add(int64(examined)) }()
	for ; ; examined++ {
		if examined == limit {
			return false, nil
		}
		if f.most > 0 && f.examined >= f.most {
			f.gaveUp = true
			return false, nil
		}
		if examined%64 == 63 && f.ctx.Err() != nil {
			return false, f.ctx.Err()
		}
		c, err := s.next()
		if err != nil {
			return false, err
		}
		if c == nil {
			f.spot, done = s.end()
			return done, nil
		}
		f.spot = c.spot
		f.examined++
		matches, err := f.matches(driver, c)
		if err != nil {
			return false, err
		}
		if matches && !f.found(c) {
			return true, nil
		}
	}
}

// matches reports whether a candidate meets the query and who may see it. It
// reads the version if that is needed.
func (f *finder) matches(driver int, c *candidate) (bool, error) {
	if !c.checked {
		if ok, err := f.meets(driver, c); err != nil || !ok {
			return false, err
		}
	}
	if c.version == nil && f.bodiesNeeded() {
		var err error
		if c.version, err = f.byVid(c.vid); err != nil {
			return false, err
		}
	}
	if !f.parsed() {
		return true, nil
	}
	r, err := f.parse(c.version)
	if err != nil {
		return false, err
	}
	for _, clause := range f.residual {
		if ok, err := f.holds(clause, r); err != nil || !ok {
			return false, err
		}
	}
	if !f.who.Permits(r) {
		return false, nil
	}
	for i := range f.conditions {
		if c := &f.conditions[i]; c.open() {
			if ok, err := f.holds(c.clause, r); err != nil || !ok {
				return false, err
			}
		}
	}
	return true, nil
}

// meets checks a candidate against the conditions, by its packed keys.
func (f *finder) meets(driver int, c *candidate) (bool, error) {
	if f.t != 0 && c.t != f.t {
		return false, nil
	}
	for _, r := range f.q.LastUpdated {
		if !r.Holds(instant(c.vid)) {
			return false, nil
		}
	}
	for i := range f.conditions {
		if condition := &f.conditions[i]; i != driver && condition.listed {
			if _, ok := slices.BinarySearch(condition.numbers, c.n); !ok {
				return false, nil
			}
		}
	}
	if c.keys == nil {
		return true, nil
	}
	if !f.keys.unpack(c.keys) {
		return false, errDamaged()
	}
	for i := range f.conditions {
		if condition := &f.conditions[i]; i != driver && condition.ranges != nil && !f.keys.inAny(condition.ranges) {
			return false, nil
		}
	}
	return true, nil
}

// search returns a page of matches.
func (v *view) search(ctx context.Context, who search.Access, q *search.Query) (*store.Page, error) {
	f, err := v.newFinder(ctx, who, q)
	if err != nil {
		return nil, err
	}
	page := &store.Page{}
	if q.Count <= 0 {
		return page, nil
	}
	var first, last ordering.Spot
	size, more := 0, false
	f.bodies = true
	f.found = func(c *candidate) bool {
		if len(page.Versions) == q.Count || size >= store.PageBytes {
			more = true
			return false
		}
		if len(page.Versions) == 0 {
			first = c.spot
		}
		page.Versions = append(page.Versions, c.version)
		size += len(c.version.Body)
		last = c.spot
		return true
	}
	if err := f.timed("search"); err != nil {
		return nil, err
	}
	if len(page.Versions) == 0 {
		return page, nil
	}
	before := q.After != nil // there is something where the walk comes from
	if q.Backward {
		slices.Reverse(page.Versions)
		first, last, before, more = last, first, more, before
	}
	if before {
		page.Prev = f.order.Position(first)
	}
	if more {
		page.Next = f.order.Position(last)
	}
	return page, nil
}
