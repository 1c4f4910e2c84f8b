package sqlite

import (
	"slices"
	"strings"
	"testing"
)

// TestProbeOrder checks that SQLite asks the conditions of a statement before it
// reads what does not meet them.
func TestProbeOrder(t *testing.T) {
	b := newBench(t)
	s := b.open()
	b.fill(s, 10)
	for _, query := range []string{
		"code=http://loinc.org|1-1&category=survey",
		"code=http://loinc.org|1-1&category=survey,laboratory",
		"code=http://loinc.org|1-1&category=survey&category=survey,laboratory&status=final",
	} {
		b.must(s.snapshot(t.Context(), func(v *view) error {
			f, err := v.newFinder(t.Context(), everything, b.query("Observation", query))
			b.must(err)
			f.bodies = true
			k := f.newKeyFetch(0, f.conditions[0].ranges[0].Low)
			k.write()
			tables := b.plan(v.c, k.text)
			if want := len(f.conditions) + 2; len(tables) != want || tables[0] != "p" || !slices.Equal(tables[want-2:], []string{"c", "v"}) {
				t.Errorf("%s: tables are read in the order %v", query, tables)
			}
			return nil
		}))
	}
}

// plan returns the tables of a statement in the order in which they are read.
func (b *bench) plan(c *conn, text string) (tables []string) {
	s, err := c.prepare("EXPLAIN QUERY PLAN " + text)
	b.must(err)
	for {
		row, err := s.step()
		b.must(err)
		if !row {
			return tables
		}
		if words := strings.Fields(s.text(3)); words[0] == "SEARCH" || words[0] == "SCAN" {
			tables = append(tables, words[1])
		}
	}
}
