package sqlite

import (
	"context"
	"sync/atomic"

	"github.com/noafhir/noafhir/store"
)

// A unit is work that waits for the writer.
type unit struct {
	ctx   context.Context
	work  func(*transaction) error
	alone func() error // to be run outside of transactions, in place of work
	state atomic.Int32
	err   error
	done  chan struct{}
}

// The states of a unit.
const (
	waiting int32 = iota
	started
	abandoned
)

// write has the writer run work. When it returns without an error, what work did
// is durable.
func (s *Store) write(ctx context.Context, work func(*transaction) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return s.queued(&unit{ctx: ctx, work: work, done: make(chan struct{})})
}

// queued waits until the writer has dealt with a unit, or ctx ends before it
// begins to.
func (s *Store) queued(u *unit) error {
	ctx := u.ctx
	select {
	case s.queue <- u:
	case <-ctx.Done():
		return store.ErrGivenUp(ctx)
	}
	select {
	case <-u.done:
	case <-ctx.Done():
		if u.state.CompareAndSwap(waiting, abandoned) {
			return store.ErrGivenUp(ctx)
		}
		<-u.done // too late: it may be stored
	}
	return finish(ctx, u.err)
}

// begin reports whether a unit is to be run: whoever asked for it still waits.
func (u *unit) begin() bool {
	if !u.state.CompareAndSwap(waiting, started) {
		return false
	}
	if u.ctx.Err() != nil {
		u.err = store.ErrGivenUp(u.ctx)
		close(u.done)
		return false
	}
	return true
}
