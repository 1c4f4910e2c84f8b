package mongodb_test

import (
	"testing"

	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/storetest"
)

func TestArchive(t *testing.T) {
	reg := storetest.NewRegistry(t)
	searches(t, openQuick(t, fresh(t), mongodb.Options{Registry: reg}))
	storetest.RunArchive(t, func(t *testing.T) store.Archive {
		return openQuick(t, fresh(t), mongodb.Options{Registry: reg})
	}, reg)
}

// openQuick opens a store that does not wait long for others.
func openQuick(t testing.TB, url string, o mongodb.Options) *mongodb.Store {
	t.Helper()
	s, err := mongodb.OpenQuick(ctx, url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
