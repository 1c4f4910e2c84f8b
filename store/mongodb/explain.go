package mongodb

import (
	"fmt"
	"math"
	"strings"
)

// What [search.Query.Explain] is told: how results are put into order, what each
// condition is in the index, how many rows were expected of it when there was a
// choice, what drove, and what that came to. Keys are written as they stand in the
// database; the values they were made of are hashed or folded in them.

// maxExplained bounds the spans written down of one condition.
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
	case c.open():
		return fmt.Sprintf("%d links to other resources", len(c.clause.Links))
	case c.timed:
		return "lastUpdated"
	case c.listed:
		return fmt.Sprintf("%d resources", len(c.refs))
	}
	var b strings.Builder
	if c.field == "w" {
		fmt.Fprintf(&b, "%d words", len(c.spans))
		return b.String()
	}
	fmt.Fprintf(&b, "%d ranges:", len(c.spans))
	for i, s := range c.spans {
		if i == maxExplained {
			b.WriteString(" …")
			break
		}
		if s.high == "" {
			fmt.Fprintf(&b, " %s", s.low)
		} else {
			fmt.Fprintf(&b, " %s–%s", s.low, s.high)
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
	if limit < unlimited {
		how += fmt.Sprintf(", %d rows, then the plan is reconsidered", limit)
	}
	f.explainf("drives: %s, %s", name, how)
}

// explainEnd tells what it came to.
func (f *finder) explainEnd() {
	f.explainf("candidates examined: %d; questions to the database: %d; rows it sent: %d", f.examined, f.tally.questions.Load(), f.tally.rows.Load())
}
