package mongodb

import (
	"context"
	"time"

	"github.com/noafhir/noafhir/fhir/search"
)

// count returns how many resources match. Within a transaction, ctx carries it.
func (s *Store) count(ctx context.Context, who search.Access, q *search.Query) (int64, error) {
	whole := *q
	whole.After, whole.Sort, whole.Backward = nil, nil, false
	f, err := s.newFinder(ctx, who, &whole)
	if err != nil {
		return 0, err
	}
	if !f.parsed() {
		return f.counted()
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

// counted has the database count, by the smallest condition.
func (f *finder) counted() (n int64, err error) {
	f.explainPlan()
	if f.none {
		return 0, nil
	}
	defer f.explainEnd()
	defer func(began time.Time) { f.told("count", began, err) }(time.Now())
	driver := walkIDs
	if f.q.IDs == nil {
		if driver, err = f.gathered(); err != nil {
			return 0, err
		}
	}
	f.explainDriver(driver, unlimited)
	seen, slices := map[string]bool{}, 0
	for range f.driving(driver) {
		slices++
	}
	for match, hint := range f.driving(driver) {
		question := question{match: match, hint: hint, judged: f.judgedBy(driver), fields: field("_id", 1)}
		if slices == 1 {
			question.fields = nil
			return f.number(&question)
		}
		// What is in several slices counts once.
		err := f.answers(&question, func(d *doc) error {
			seen[d.Ref] = true
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return int64(len(seen)), nil
}
