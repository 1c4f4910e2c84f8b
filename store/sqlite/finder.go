package sqlite

import (
	"context"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/ordering"
)

// A finder carries out one search.
type finder struct {
	*view
	ctx        context.Context
	who        search.Access
	q          *search.Query
	order      ordering.Order
	t          int64 // the type asked for, 0 for all
	conditions []condition
	residual   []*search.Clause  // what only the body can tell
	none       bool              // nothing can match
	bodies     bool              // found wants versions
	clinical   bool              // the order is that of the rows, values apart
	dates      [2]int64          // matches have clinical dates from the first to the second
	narrow     []search.SortForm // if not nil, where the index has the values of matches, which all have one
	pins       []pin             // what matches are sorted by in keys that the order no longer has

	spot       ordering.Spot // all before and at it has been examined
	keys       keySet
	packed     []byte // of the candidate completed last
	examined   int
	most       int  // if not 0, how many may be examined
	gaveUp     bool // more would have had to be
	loose      bool // conditions on the clinical date do not bound dates
	unread     bool // rows are read without versions
	unprobed   bool // conditions are not asked within statements, so that every row of a driver is a candidate
	rare       bool // matches are, as far as has been seen
	unweighted bool // all rows of conditions count alike
	known      map[fact]bool
	urls       map[search.Callee][]fhir.Key // what canonical URLs lead to
	values     map[valueFact][]byte

	container *fhir.Resource // what the resource that is judged stands in, nil if it stands by itself
	found     func(*candidate) (more bool)
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

// keysNeeded reports whether candidates have to be checked by their packed keys.
func (f *finder) keysNeeded(driver int) bool {
	for i := range f.conditions {
		if i != driver && f.conditions[i].ranges != nil {
			return true
		}
	}
	return len(f.pins) > 0 || f.order.By == ordering.ByValue && f.order.Indexed()
}

// bodiesNeeded reports whether the versions of candidates have to be read.
func (f *finder) bodiesNeeded() bool { return f.bodies || f.parsed() }

// parsed reports whether candidates have to be parsed.
func (f *finder) parsed() bool {
	return len(f.residual) > 0 || !f.who.Unrestricted() || slices.ContainsFunc(f.conditions, condition.open) ||
		slices.ContainsFunc(f.pins, pin.linked)
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

// search returns a page of matches.
func (v *view) search(ctx context.Context, who search.Access, q *search.Query) (*store.Page, error) {
	f, err := v.newFinder(ctx, who, q)
	if err != nil {
		return nil, err
	}
	if q.Count <= 0 {
		return &store.Page{}, nil
	}
	page := ordering.NewPage(&f.order, q)
	f.bodies = true
	f.found = func(c *candidate) bool { return page.Add(c.version, c.spot) }
	if err := f.timed("search"); err != nil {
		return nil, err
	}
	return page.Done(), nil
}
