package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// openTemp opens an empty store in a folder of its own.
func openTemp(t testing.TB, reg *search.Registry) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "test.db"), sqlite.Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.Run(t, func(t *testing.T) store.Store { return openTemp(t, reg) }, reg)
}
