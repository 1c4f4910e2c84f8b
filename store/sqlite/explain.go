package sqlite

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// What [search.Query.Explain] is told: how results are put into order, what each
// condition is in the index, how many rows were expected of it when there was a
// choice, what drove, and what that came to. Keys are written in hexadecimal; the
// values they were made of are hashed or folded in them.

// maxExplained bounds the ranges written down of one condition.
const maxExplained = 5

func (f *finder) explainf(format string, args ...any) {
	if e := f.q.Explain; e != nil {
		e.Lines = append(e.Lines, fmt.Sprintf(format, args...))
	}
}

// explainPlan tells what is known before anything was read.
func (f *finder) explainPlan() {
	if f.q.Explain == nil {
		return
	}
	f.explainf("shape: %s", f.q.Shape())
	f.explainf("order: %s", f.order.Describe(f.clinical))
	if f.narrow != nil {
		f.explainf("values of matches: %d ranges", len(f.narrow))
	}
	for i := range f.conditions {
		f.explainf("condition %d: %s", i+1, f.conditions[i].describe())
	}
	if f.dates[0] != math.MinInt64 || f.dates[1] != math.MaxInt64 {
		f.explainf("clinical dates from %d to %d ms", f.dates[0], f.dates[1])
	}
	if len(f.residual) > 0 {
		f.explainf("checked on resources: %d clauses", len(f.residual))
	}
	if !f.who.Unrestricted() {
		f.explainf("checked on resources: what the caller may see")
	}
	if f.none {
		f.explainf("nothing can match")
	}
}

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
	var b strings.Builder
	fmt.Fprintf(&b, "%d ranges:", len(c.ranges))
	for i, r := range c.ranges {
		if i == maxExplained {
			b.WriteString(" …")
			break
		}
		if r.High == nil {
			fmt.Fprintf(&b, " %x", r.Low)
		} else {
			fmt.Fprintf(&b, " %x–%x", r.Low, r.High)
		}
	}
	return b.String()
}

// explainSize tells how many rows a condition has.
func (f *finder) explainSize(condition, n, limit int) {
	if f.q.Explain == nil {
		return
	}
	if n >= limit {
		f.explainf("estimate: condition %d has at least %d rows", condition+1, limit)
		return
	}
	f.explainf("estimate: condition %d has %d rows: %s", condition+1, n, f.conditions[condition].describe())
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
	}
	if limit != math.MaxInt {
		how += fmt.Sprintf(", %d candidates, then the plan is reconsidered", limit)
	}
	f.explainf("drives: %s, %s", name, how)
}

// explainEnd tells what it came to.
func (f *finder) explainEnd(before int64) {
	f.explainf("candidates examined: %d; rows read: %d", f.examined, f.c.rows-before)
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
