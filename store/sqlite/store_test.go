package sqlite_test

import (
	"context"
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
