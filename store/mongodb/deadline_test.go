package mongodb_test

import (
	"context"
	"testing"
	"time"

	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestDeadline checks that the database is told when nobody waits any longer.
func TestDeadline(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
	var limits []int64
	mongodb.Limits(s, func(ms int64) { limits = append(limits, ms) })
	if _, err := s.Search(ctx, all, parse(t, reg, "Patient?")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := s.Search(ctx, all, parse(t, reg, "Patient?")); err != nil {
		t.Fatal(err)
	}
	if len(limits) != 2 || limits[0] != 0 || limits[1] <= 0 || limits[1] > time.Minute.Milliseconds() {
		t.Errorf("the questions may take %d ms, want 0 and up to a minute", limits)
	}
}
