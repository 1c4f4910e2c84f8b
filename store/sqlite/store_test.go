package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

var (
	ctx = context.Background()
	all = search.Everything()
)

// openAt opens the store in a file.
func openAt(t testing.TB, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// putAll stores resources in one unit of work.
func putAll(t testing.TB, s *sqlite.Store, texts ...string) {
	t.Helper()
	reg := s.Registry()
	err := s.Update(ctx, func(tx store.Tx) error {
		for _, text := range texts {
			r, err := reg.Codec.ParseJSON([]byte(text))
			if err != nil {
				return err
			}
			if _, err := tx.Put(ctx, all, store.Prepare(reg, r, r.ID(), "PUT")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// temp returns the name of a database file that does not exist.
func temp(t testing.TB) string { return filepath.Join(t.TempDir(), "test.db") }

// A checkedStore verifies the database before it is closed.
type checkedStore struct {
	*sqlite.Store
	t *testing.T
}

func (s checkedStore) Close() error {
	if err := s.Verify(ctx); err != nil {
		s.t.Errorf("Verify: %v", err)
	}
	return s.Store.Close()
}

func TestStore(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		return checkedStore{openAt(t, temp(t), sqlite.Options{Registry: reg}), t}
	}, reg)
}

// TestTightStore runs the contract on a store that changes plans all the time.
func TestTightStore(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		s := openAt(t, temp(t), sqlite.Options{Registry: reg, Readers: 2, MapBytes: -1, Bulk: true})
		sqlite.Tighten(s)
		return checkedStore{s, t}
	}, reg)
}

// TestBulk imports in large units, whose index is written late, with searches in
// between: what they find is up to date all the same.
func TestBulk(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openAt(t, path, sqlite.Options{Registry: reg, Bulk: true, Synchronous: "NORMAL"})
	const units, size = 6, 1000
	for u := range units {
		err := s.Update(ctx, func(tx store.Tx) error {
			for i := range size {
				// Half of them replace one of the unit before.
				id := fmt.Sprintf("p%d", u*size/2+i)
				if _, err := tx.Put(ctx, all, write(t, reg, id, fmt.Sprint("Unit", u))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if u%2 == 0 {
			continue
		}
		if n := count(t, s, reg, fmt.Sprint("Unit", u)); n != size {
			t.Errorf("after unit %d, %d are found, want %d", u, n, size)
		}
		if n := count(t, s, reg, fmt.Sprint("Unit", u-1)); n != size/2 {
			t.Errorf("after unit %d, %d of the one before are found, want %d", u, n, size/2)
		}
	}
	if n := s.Stats().Postings; n == 0 {
		t.Error("nothing was written")
	}
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, sqlite.Options{Registry: reg})
	defer s.Close()
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
}
