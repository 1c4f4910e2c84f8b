package mongodb_test

import (
	"os"
	"testing"

	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// few has one random test of each kind made, unless it is said how many: each
// takes its time.
func few(t *testing.T) {
	if os.Getenv(storetest.SeedsVariable) == "" {
		t.Setenv(storetest.SeedsVariable, "1")
	}
}

func TestStore(t *testing.T) {
	few(t)
	reg := storetest.NewRegistry(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		return openAt(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
	}, reg)
}

// TestTightStore holds a store to the contract that takes every turn of a search as
// early as it can.
func TestTightStore(t *testing.T) {
	few(t)
	reg := storetest.NewRegistry(t)
	storetest.RunSearches(t, func(t *testing.T) store.Store {
		s := openAt(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
		mongodb.Tighten(s)
		return s
	}, reg)
}
