package sqlite

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"github.com/noafhir/noafhir/store/ordering"
)

// What [search.Query.Explain] is told: how results are put into order, what each
// condition is in the index, how many rows were expected of it when there was a
// choice, what drove, and what that came to. Keys are written in hexadecimal; the
// values they were made of are hashed or folded in them.

// explainPlan tells what is known before anything was read.
func (f *finder) explainPlan() {
	outline := ordering.Outline{
		Query: f.q, Order: &f.order, Clinical: f.clinical, Values: len(f.narrow), Conditions: len(f.conditions), Condition: f.describe,
		Dates: f.dates, Residual: len(f.residual), Restricted: !f.who.Unrestricted(), None: f.none,
	}
	outline.Explain(f.q.Explain)
}

// describe describes a condition.
func (f *finder) describe(i int) string { return f.conditions[i].describe() }

func (c *condition) describe() string {
	switch {
	case c.open() && c.clause.Text != nil:
		return "words"
	case c.open():
		return fmt.Sprintf("%d links to other resources", len(c.clause.Links))
	case c.timed:
		return "lastUpdated"
	case c.listed:
		return fmt.Sprintf("%d resources", len(c.numbers))
	}
	return ordering.DescribeRanges(len(c.ranges), func(i int) (low, high string) {
		return hex.EncodeToString(c.ranges[i].Low), hex.EncodeToString(c.ranges[i].High)
	})
}

// explainSize tells how many rows a condition has.
func (f *finder) explainSize(condition, n, limit int) {
	ordering.ExplainSize(f.q.Explain, condition, n, limit, f.describe)
}

// explainDriver tells what is gone through.
func (f *finder) explainDriver(driver, limit int) {
	if f.q.Explain == nil {
		return
	}
	name := fmt.Sprintf("condition %d", driver+1)
	how := "all of it, then sorted"
	switch {
	case driver == walkIDs:
		name = "the ids asked for"
	case driver == walkAll:
		name = "all resources of the type"
		if f.streamed() {
			how = "in order"
		}
	case f.ordered(&f.conditions[driver]):
		how = "in order"
	case f.byRows(&f.conditions[driver]):
		how = "its rows put into order"
	}
	if limit != math.MaxInt {
		how += fmt.Sprintf(", %d candidates, then the plan is reconsidered", limit)
	}
	f.q.Explain.Addf("drives: %s, %s", name, how)
}

// explainEnd tells what it came to.
func (f *finder) explainEnd(before int64) {
	f.q.Explain.Addf("candidates examined: %d; rows read: %d", f.examined, f.c.rows-before)
}

// timed runs a search. If it takes long, the log is told.
func (f *finder) timed(what string) error {
	began := time.Now()
	err := f.run()
	if took := time.Since(began); took >= f.s.slow {
		f.s.log.Warn("a "+what+" took long", "shape", f.q.Shape(), "duration", took, "examined", f.examined, "failed", err != nil)
	}
	return err
}
