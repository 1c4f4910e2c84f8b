package sqlite

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir/search"
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
	f.explainf("shape: %s", shape(f.q))
	f.explainf("order: %s", f.order.describe(f.clinical))
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

func (o *order) describe(clinical bool) string {
	text := map[byte]string{byDate: "clinical date, creation", byUpdated: "lastUpdated", byID: "id", byValue: "values of"}[o.by]
	for _, k := range o.keys {
		text += " " + k.param.Code
		if k.forms == nil {
			text += " (not in the index)"
		}
	}
	if clinical {
		text += ", which is the clinical date"
	}
	if o.descending {
		text += ", descending"
	}
	if o.backward {
		text += ", from the end"
	}
	return text
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
		f.s.log.Warn("a "+what+" took long", "shape", shape(f.q), "duration", took, "examined", f.examined, "failed", err != nil)
	}
	return err
}

// shape describes a query by everything but its values.
func shape(q *search.Query) string {
	var b strings.Builder
	b.WriteString(q.Type)
	sign := byte('?')
	add := func(text string) {
		b.WriteByte(sign)
		b.WriteString(text)
		sign = '&'
	}
	if q.IDs != nil {
		add("_id")
	}
	for range q.LastUpdated {
		add("_lastUpdated")
	}
	for i := range q.Where {
		add(clauseShape(&q.Where[i]))
	}
	for i, k := range q.Sort {
		minus := map[bool]string{true: "-"}[k.Descending]
		if i == 0 {
			add("_sort=" + minus + k.Param.Code)
		} else {
			b.WriteString("," + minus + k.Param.Code)
		}
	}
	return b.String()
}

func clauseShape(c *search.Clause) string {
	switch {
	case c.Links != nil:
		var all []string
		for _, l := range c.Links {
			if l.Reverse {
				all = append(all, "_has:"+l.Param.Code+"("+shape(l.Target)+")")
			} else {
				all = append(all, l.Param.Code+".("+shape(l.Target)+")")
			}
		}
		return strings.Join(all, "|")
	case c.Or != nil:
		var all []string
		for i := range c.Or {
			all = append(all, shape(&c.Or[i]))
		}
		return "(" + strings.Join(all, " or ") + ")"
	case c.Not != nil:
		return "not(" + shape(c.Not) + ")"
	case c.Text != nil:
		return c.Text.Field.String()
	case c.Param == nil:
		return "_"
	case c.Modifier != "":
		return c.Param.Code + ":" + c.Modifier
	}
	return c.Param.Code
}
