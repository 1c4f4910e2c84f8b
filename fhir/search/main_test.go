package search

import (
	"os"
	"testing"
)

// TestMain tests all that queries can ask for, whatever stores support.
func TestMain(m *testing.M) {
	for i := range supported {
		supported[i] = true
	}
	os.Exit(m.Run())
}
