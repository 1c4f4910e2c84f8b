package storetest_test

import (
	"testing"

	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestMemory holds the oracle to the contract that it is the measure of.
func TestMemory(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.Run(t, func(*testing.T) store.Store { return storetest.NewMemory(reg) }, reg)
	t.Run("without transactions", func(t *testing.T) {
		storetest.RunUnits(t, func(*testing.T) store.Store { return storetest.NewSingleMemory(reg) }, reg)
	})
}

func TestMemoryArchive(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.RunArchive(t, func(*testing.T) store.Archive { return storetest.NewMemory(reg) }, reg)
}
