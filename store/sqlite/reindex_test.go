package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// fill stores some patients, with versions and deletions among them.
func fill(t *testing.T, s *sqlite.Store, reg *search.Registry, n int) {
	t.Helper()
	for i := range n {
		id := fmt.Sprint("p", i)
		put(t, s, reg, id, "Old")
		put(t, s, reg, id, "Poe")
		if i%5 == 0 {
			if _, err := s.Delete(ctx, all, fhir.Key{Type: "Patient", ID: id}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestReindexRepairs(t *testing.T) {
	reg := storetest.NewRegistry(t)
	for name, damage := range map[string]string{
		"a row too few":   "DELETE FROM post WHERE k=(SELECT max(k) FROM post)",
		"no rows":         "DELETE FROM post",
		"a row too many":  "INSERT INTO post(k, d, n) VALUES(x'0102030405', 0, 1)",
		"another date":    "UPDATE cur SET d=d+1 WHERE n=2",
		"other keys":      "UPDATE cur SET keys=x'' WHERE n=2",
		"keys cut short":  "UPDATE cur SET keys=substr(keys, 1, 5) WHERE n=2",
		"leftover tables": "CREATE TABLE new_post(x)",
	} {
		t.Run(name, func(t *testing.T) {
			s := openAt(t, temp(t), sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
			defer s.Close()
			fill(t, s, reg, 10)
			if err := s.Verify(ctx); err != nil {
				t.Fatal(err)
			}
			if err := sqlite.Exec(s, damage); err != nil {
				t.Fatal(err)
			}
			if err := s.Verify(ctx); err == nil && name != "leftover tables" {
				t.Error("Verify finds nothing wrong")
			}
			var done, total int64
			if err := s.Reindex(ctx, func(d, n int64) { done, total = d, n }); err != nil {
				t.Fatal(err)
			}
			if done != 8 || total != 8 {
				t.Errorf("progress ended with %d of %d, want 8 of 8", done, total)
			}
			if err := s.Verify(ctx); err != nil {
				t.Error(err)
			}
			if n := count(t, s, reg, "poe"); n != 8 {
				t.Errorf("a search finds %d, want 8", n)
			}
			put(t, s, reg, "p1", "Roe")
			if err := s.Verify(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReindexGivenUp(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer s.Close()
	fill(t, s, reg, 10)
	given, giveUp := context.WithCancel(ctx)
	err := s.Reindex(given, func(int64, int64) { giveUp() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v", err)
	}
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// TestReindexAmidWrites lets clients write and search while the index is made.
func TestReindexAmidWrites(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
	defer s.Close()
	fill(t, s, reg, 50)
	var wg sync.WaitGroup
	for c := range 4 {
		wg.Go(func() {
			for i := range 25 {
				if _, err := s.Put(ctx, all, write(t, reg, fmt.Sprintf("c%d-%d", c, i), "Roe")); err != nil {
					t.Errorf("Put: %v", err)
				}
				if n := count(t, s, reg, "poe"); n != 40 {
					t.Errorf("a search finds %d, want 40", n)
				}
			}
		})
	}
	for range 5 {
		if err := s.Reindex(ctx, nil); err != nil {
			t.Errorf("Reindex: %v", err)
		}
	}
	wg.Wait()
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
	if n := count(t, s, reg, "roe"); n != 100 {
		t.Errorf("a search finds %d, want 100", n)
	}
}

// TestOtherParameters opens a store with fewer search parameters than it was made
// with, and then with all again: the index follows.
func TestOtherParameters(t *testing.T) {
	reg := storetest.NewRegistry(t)
	few, err := search.NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := temp(t)
	for _, r := range []*search.Registry{reg, few, reg} {
		s := openAt(t, path, sqlite.Options{Registry: r})
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
		if _, err := s.Put(ctx, all, write(t, r, "p", "Poe")); err != nil {
			t.Error(err)
		}
		if err := s.Verify(ctx); err != nil {
			t.Error(err)
		}
		s.Close()
	}
	s := openAt(t, path, sqlite.Options{Registry: reg})
	defer s.Close()
	if n := count(t, s, reg, "poe"); n != 1 {
		t.Errorf("a search finds %d, want 1", n)
	}
}
