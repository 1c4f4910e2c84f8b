package mongodb

import (
	"context"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/ordering"
)

// A tuning holds the numbers that decide how things are done. Whatever they are,
// the results are the same.
type tuning struct {
	few      int // rows; a condition with fewer drives
	budget   int // rows to go through before conditions are counted again
	growth   int // of the budget from then on
	gathered int // rows of a condition that have to be put into order, at most
	kept     int // candidates kept while they are put into order here
	batch    int // candidates judged at once, at most
	streams  int // keys whose rows are merged, at most
	targets  int // resources that a condition on others is resolved to, at most
	window   int // rows of an index range read at once, at most
	slice    int // values in a list within a question, at most
	parallel int // questions at once
}

var defaultTuning = tuning{
	few: 500, budget: 1000, growth: 8, gathered: 4_000_000, kept: 2_000, batch: 256,
	streams: 32, targets: 10_000, window: 2_000, slice: 1_000, parallel: 8,
}

// The drivers that are no condition.
const (
	walkAll = -1 // all resources of the type, or of all types
	walkIDs = -2 // those with the ids asked for

	walkForms = -3 // those with values of a parameter of the type
)

// A finder carries out one search.
type finder struct {
	s          *Store
	ctx        context.Context
	who        search.Access
	q          *search.Query
	order      ordering.Order
	conditions []condition
	filters    []bson.D         // what else the database judges
	residual   []*search.Clause // what only the body can tell
	none       bool             // nothing can match
	bodies     bool             // found wants versions
	clinical   bool             // the order is that of the rows, values apart
	dates      [2]int64         // matches have clinical dates from the first to the second, excluded

	spot     ordering.Spot // all before and at it has been examined
	want     int           // matches wanted; 0: all
	fetch    int           // candidates to fetch next
	matched  int
	examined int
	most     int  // if not 0, how many may be examined
	gaveUp   bool // more would have had to be
	facts    *facts
	tally    *tally
	found    func(*candidate) (more bool)
}

// A candidate is a resource that may match.
type candidate struct {
	spot     ordering.Spot
	doc      doc    // without keys and words; without a body if there is no version
	keys     keySet // those that tell its values
	version  *store.Version
	resource *fhir.Resource
}

// newFinder prepares a search.
func (s *Store) newFinder(ctx context.Context, who search.Access, q *search.Query) (*finder, error) {
	f := &finder{s: s, ctx: ctx, who: who, q: q, facts: newFacts(), tally: &tally{}}
	var err error
	if f.order, err = ordering.Of(q); err != nil {
		return nil, err
	}
	if f.spot, err = f.order.At(q.After); err != nil {
		return nil, err
	}
	if f.order.By == ordering.ByUpdated && q.After != nil && len(f.spot.Text) < 9 {
		return nil, ordering.ErrPosition()
	}
	for i := range q.Where {
		f.addClause(&q.Where[i])
	}
	for _, r := range q.LastUpdated {
		if r.Not {
			f.filters = append(f.filters, timeFilter(r))
			continue
		}
		low, high := micros(r)
		f.conditions = append(f.conditions, condition{timed: true, low: low, high: high})
	}
	return f, f.prepareOrder()
}

// addClause takes a clause apart into what drives and what has to be judged.
func (f *finder) addClause(c *search.Clause) {
	if c.Links != nil {
		f.conditions = append(f.conditions, condition{clause: c})
		return
	}
	filter, exact := judged(c)
	if !exact {
		f.residual = append(f.residual, c)
	}
	switch {
	case c.Text != nil:
		t := c.Text.Tree()
		for _, spans := range wordSpans(mark(c.Text.Field), &t) {
			f.conditions = append(f.conditions, newSpans("w", spans))
		}
		f.filters = append(f.filters, filter)
	case c.Or != nil:
		if ranges, ok := search.UnionOf(c.Or); ok {
			f.addRanges(ranges)
		}
		f.filters = append(f.filters, filter)
	case c.Not != nil:
		f.filters = append(f.filters, filter)
	case c.Ranges != nil:
		f.addRanges(c.Ranges)
	}
}

func (f *finder) addRanges(ranges []search.KeyRange) {
	f.none = f.none || len(ranges) == 0
	f.conditions = append(f.conditions, newSpans("k", spansOf(ranges)))
}

// parsed reports whether candidates have to be parsed.
func (f *finder) parsed() bool {
	return len(f.residual) > 0 || !f.who.Unrestricted() || f.anyOpen()
}

func (f *finder) anyOpen() bool {
	return slices.ContainsFunc(f.conditions, func(c condition) bool { return c.open() })
}

// judgedBy returns what the database has to judge of the candidates of a driver.
func (f *finder) judgedBy(driver int) bson.D {
	parts := slices.Clone(f.filters)
	if f.q.Type != "" && driver != walkAll && driver != walkForms {
		parts = append(parts, field("t", f.q.Type))
	}
	if driver == walkAll || driver == walkIDs || driver >= 0 && f.conditions[driver].field == "" {
		parts = append(parts, field("del", false))
	}
	if driver != walkIDs && f.q.IDs != nil {
		parts = append(parts, in("id", f.q.IDs))
	}
	for i := range f.conditions {
		if c := &f.conditions[i]; i != driver && !c.open() {
			parts = append(parts, c.filter())
		}
	}
	return allOf(parts...)
}

// ordered reports whether the rows of a condition can be had in the order asked
// for.
func (f *finder) ordered(c *condition) bool {
	return (f.order.By == ordering.ByDate || f.clinical) && c.single && c.field != "" && len(c.spans) <= f.s.tuning.streams
}

// streamed reports whether all resources of a type can be had in order.
func (f *finder) streamed() bool {
	return f.order.By != ordering.ByValue || len(f.order.Keys) == 1 && f.order.Keys[0].Forms != nil && f.q.Type != ""
}

// run calls found for the matches in order, until that wants no more.
func (f *finder) run() error {
	f.explainPlan()
	if f.none {
		return nil
	}
	defer f.explainEnd()
	driver, sure, err := f.firstDriver()
	if err != nil {
		return err
	}
	for budget := f.s.tuning.budget; ; budget *= f.s.tuning.growth {
		limit := budget
		if sure {
			limit = math.MaxInt32
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

// drive goes through a driver's candidates, about limit of them, and reports
// whether there are no more or no more are wanted.
func (f *finder) drive(driver, limit int) (done bool, err error) {
	f.fetch = f.firstSize()
	s, err := f.stream(driver, limit)
	if err != nil {
		return false, err
	}
	examined := 0
	for {
		batch, err := f.pull(s)
		if err != nil {
			return false, err
		}
		if len(batch) == 0 {
			f.spot, done = s.end()
			return done, nil
		}
		for len(batch) > 0 {
			judged, err := f.judge(batch)
			if err != nil {
				return false, err
			}
			for i := range judged {
				c := &batch[i]
				f.spot = c.spot
				f.examined++
				if judged[i] {
					f.matched++
					if !f.found(c) {
						return true, nil
					}
				}
			}
			batch = batch[len(judged):]
			examined += len(judged)
		}
		if f.most > 0 && f.examined >= f.most {
			f.gaveUp = true
			return false, nil
		}
		if examined >= limit {
			return false, nil
		}
		f.fetch = f.nextSize()
	}
}

// firstSize is how many candidates are fetched at first.
func (f *finder) firstSize() int {
	if f.want == 0 {
		return f.s.tuning.batch
	}
	return min(f.want-f.matched, f.s.tuning.batch)
}

// nextSize is how many candidates are fetched next.
func (f *finder) nextSize() int {
	if f.parsed() || f.want == 0 {
		return min(2*f.fetch, f.s.tuning.batch)
	}
	return min(max(1, f.want-f.matched), f.s.tuning.batch)
}

// pull takes a batch of candidates from a stream.
func (f *finder) pull(s stream) ([]candidate, error) {
	var batch []candidate
	for len(batch) < f.fetch {
		c, err := s.next()
		if err != nil {
			return nil, err
		}
		if c == nil {
			break
		}
		batch = append(batch, *c)
	}
	return batch, nil
}

// search returns a page of matches. Within a transaction, ctx carries it.
func (s *Store) search(ctx context.Context, who search.Access, q *search.Query) (*store.Page, error) {
	f, err := s.newFinder(ctx, who, q)
	if err != nil {
		return nil, err
	}
	if q.Count <= 0 {
		return &store.Page{}, nil
	}
	page := ordering.NewPage(&f.order, q)
	f.bodies, f.want = true, q.Count+1
	f.found = func(c *candidate) bool { return page.Add(c.version, c.spot) }
	if err := f.timed("search"); err != nil {
		return nil, err
	}
	return page.Done(), nil
}

// timed runs a search. If it takes long, the log is told.
func (f *finder) timed(what string) error {
	began := time.Now()
	err := f.run()
	f.told(what, began, err)
	return err
}

// told tells the log of what took long.
func (f *finder) told(what string, began time.Time, err error) {
	if took := time.Since(began); took >= f.s.slow {
		f.s.log.Warn("a "+what+" took long", "shape", f.q.Shape(), "duration", took, "examined", f.examined,
			"questions", f.tally.questions.Load(), "rows", f.tally.rows.Load(), "failed", err != nil)
	}
}
