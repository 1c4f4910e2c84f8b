package sqlite

import (
	"path/filepath"
	"testing"
)

// TestTuneWords checks that the numbers of bulk stores are taken back.
func TestTuneWords(t *testing.T) {
	b := newBench(t)
	path := filepath.Join(t.TempDir(), "words.db")
	for _, test := range []struct {
		bulk  bool
		merge string
	}{{false, ""}, {true, "16"}, {true, "16"}, {false, "4"}} {
		s, err := Open(path, Options{Registry: b.reg, Bulk: test.bulk})
		b.must(err)
		got, err := s.writer.c.value("SELECT v FROM words_config WHERE k='automerge'")
		b.must(err)
		if got != test.merge {
			t.Errorf("bulk %t: automerge is %q, want %q", test.bulk, got, test.merge)
		}
		b.must(s.Close())
	}
}
