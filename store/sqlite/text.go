package sqlite

import (
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// The full-text index has no text of its own, only where words occur. Words come
// folded, so that SQLite has only to cut them at the spaces between them.
const (
	wordsColumns  = "USING fts5(type, narrative, content, content='', contentless_delete=1, tokenize='ascii');\n"
	wordsTable    = "\nCREATE VIRTUAL TABLE words " + wordsColumns
	newWordsTable = "CREATE VIRTUAL TABLE new_words " + wordsColumns
)

// Bulk stores let the full-text index become parts of some size, sixteen of them,
// before they are merged. SQLite's own numbers, a megabyte and four, suit single
// writes; an import spent as long merging as writing.
var bulkWords = []struct{ name, bulk, single string }{{"hashsize", "16777216", "1048576"}, {"automerge", "16", "4"}}

// tuneWords gives a table those numbers, or takes them back.
func tuneWords(c *conn, table string, bulk bool) error {
	for _, number := range bulkWords {
		now, err := c.value("SELECT v FROM " + table + "_config WHERE k='" + number.name + "'")
		if err != nil {
			return err
		}
		want := number.single
		if bulk {
			want = number.bulk
		}
		if now == want || now == "" && !bulk {
			continue
		}
		if err := c.exec("INSERT INTO " + table + "(" + table + ", rank) VALUES('" + number.name + "', " + want + ")"); err != nil {
			return err
		}
	}
	return nil
}

// addWords writes the words of a resource that has none in a table.
func addWords(c *conn, table string, n int64, typ string, w *store.Words) error {
	s, err := c.prepare("INSERT INTO " + table + "(rowid, type, narrative, content) VALUES(?,?,?,?)")
	if err != nil {
		return err
	}
	return s.int(n).str(typ).str(w.Narrative).str(w.Content).run()
}

// setWords makes a resource found by the words of a new version.
func (tx *transaction) setWords(h *head, w *store.Write) error {
	if h.Exists && !h.Deleted {
		if err := tx.removeWords(h.n); err != nil {
			return err
		}
	}
	return tx.do(addWords(tx.c, "words", h.n, w.Key.Type, &w.Words))
}

// removeWords makes a resource not found by words any more.
func (tx *transaction) removeWords(n int64) error {
	return tx.row("DELETE FROM words WHERE rowid=?", func(s *stmt) { s.int(n) })
}

// findWords tries to find out which resources have the words of a condition. It
// reports whether they are no more than limit.
func (f *finder) findWords(c *condition, limit int) (bool, error) {
	text := c.clause.Text
	match := map[search.TextField]string{search.Narrative: "narrative", search.Content: "content"}[text.Field] + " : (" + text.FTS5() + ")"
	if f.q.Type != "" {
		match = `type : "` + f.q.Type + `" AND ` + match
	}
	s, err := f.c.prepare("SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid LIMIT ?")
	if err != nil {
		return false, err
	}
	defer s.reset()
	s.str(match).int(int64(limit) + 1)
	var numbers []int64
	for {
		row, err := s.step()
		if err != nil {
			return false, err
		}
		if !row {
			break
		}
		numbers = append(numbers, s.num(0))
	}
	if len(numbers) > limit {
		return false, nil
	}
	c.listed, c.numbers, c.clause = true, numbers, nil
	return true, nil
}
