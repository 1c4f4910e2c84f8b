package mongodb_test

import (
	"testing"

	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/storetest"
)

func TestStore(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		return openAt(t, fresh(t), mongodb.Options{Registry: reg})
	}, reg)
}

// TestTightStore holds a store to the contract that takes every turn as early as it
// can.
func TestTightStore(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.Run(t, func(t *testing.T) store.Store {
		s := openAt(t, fresh(t), mongodb.Options{Registry: reg})
		mongodb.Tighten(s)
		return s
	}, reg)
}
