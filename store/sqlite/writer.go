package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/noafhir/noafhir/fhir"
)

const (
	// maxUnits and maxRows bound one transaction.
	maxUnits    = 256
	maxRows     = 20_000
	maxBulkRows = 300_000

	// The log is copied into the database when it has so many pages. More make
	// writing cheaper, and the copying a longer pause.
	logPages     = 2_000
	bulkLogPages = 64_000

	// maxLogPages is where readers that keep the log from being reset are waited
	// for longer, and the size it is cut to.
	maxLogPages = 16_000
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
		return givenUp(ctx)
	}
	select {
	case <-u.done:
	case <-ctx.Done():
		if u.state.CompareAndSwap(waiting, abandoned) {
			return givenUp(ctx)
		}
		<-u.done // too late: it may be stored
	}
	return finish(ctx, u.err)
}

// A writer owns the connection that writes.
type writer struct {
	s     *Store
	c     *conn
	bulk  bool
	ended chan struct{}
	tx    transaction
	units []*unit // of the transaction in hand
	held  *unit   // to be run alone, after the transaction in hand
	log   int64   // pages written to the log since it was last copied

	lastVid, lastN int64 // the highest ever given

	// Of a bulk store, postings are kept over many transactions and written
	// together. Meanwhile the database says that its index is not whole, so that it
	// is made anew should the program not live to write them.
	mark   postingMark // what has been noted when the last transaction ended
	behind atomic.Bool // some of that waits

	broken error // once set, nothing is written any more
}

func newWriter(s *Store, c *conn, bulk bool) *writer {
	w := &writer{s: s, c: c, bulk: bulk, ended: make(chan struct{})}
	w.tx = transaction{view: view{s: s, c: c}, w: w, postings: newPostingBuffer("post")}
	return w
}

// resume finds out where the writer before left off.
func (w *writer) resume() error {
	for _, last := range []struct {
		of    *int64
		query string
	}{
		{&w.lastVid, "SELECT ifnull(max(vid), 0) FROM ver"},
		{&w.lastN, "SELECT max(ifnull((SELECT max(n) FROM cur), 0), ifnull((SELECT max(n) FROM old), 0))"},
	} {
		s, err := w.c.prepare(last.query)
		if err != nil {
			return err
		}
		if _, err := s.step(); err != nil {
			return err
		}
		*last.of = s.num(0)
		s.reset()
	}
	return nil
}

// nextVid returns the instant of a new version: now, or just after the one
// before if the clock has not moved on or went back.
func (w *writer) nextVid() int64 {
	w.lastVid = max(w.lastVid+1, w.s.now().UnixMicro())
	return w.lastVid
}

// loop runs units until the queue is closed.
func (w *writer) loop() {
	defer close(w.ended)
	for u := range w.s.queue {
		if u.alone != nil {
			w.held = u
		} else {
			w.group(u)
			w.tend()
		}
		w.runHeld()
	}
}

// runHeld runs the unit that has to be run alone, if there is one.
func (w *writer) runHeld() {
	u := w.held
	w.held = nil
	if u == nil || !u.begin() {
		return
	}
	u.err = u.alone()
	close(u.done)
}

// begin reports whether a unit is to be run: whoever asked for it still waits.
func (u *unit) begin() bool {
	if !u.state.CompareAndSwap(waiting, started) {
		return false
	}
	if u.ctx.Err() != nil {
		u.err = givenUp(u.ctx)
		close(u.done)
		return false
	}
	return true
}

// next returns a unit that waits and fits into the transaction, or nil.
func (w *writer) next() *unit {
	limit := maxRows
	if w.bulk {
		limit = maxBulkRows
	}
	if len(w.units) >= maxUnits || w.tx.rows >= limit {
		return nil
	}
	select {
	case u := <-w.s.queue: // nil once it is closed
		if u != nil && u.alone != nil {
			w.held = u
			return nil
		}
		return u
	default:
		return nil
	}
}

// group runs a unit and those that wait behind it in one transaction, makes it
// durable, and answers them all.
func (w *writer) group(first *unit) {
	w.units = w.units[:0]
	err := w.begin()
	careful := false
	for u := first; u != nil; u = w.next() {
		if !u.begin() {
			continue
		}
		w.units = append(w.units, u)
		if err != nil {
			break
		}
		if err = w.attempt(u, careful); errors.Is(err, errUndo) {
			careful = true
			err = w.again()
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		w.rollback()
	} else {
		w.redefine()
	}
	w.answer(err)
}

// errUndo says that a unit failed after it had written something, in a
// transaction without savepoints: these cost, and failing so late is rare.
var errUndo = errors.New("a unit has to be undone")

// begin starts a transaction.
func (w *writer) begin() error {
	if w.broken != nil {
		return w.broken
	}
	w.tx.rows, w.tx.changed, w.tx.failure = 0, false, nil
	return w.c.exec("BEGIN IMMEDIATE")
}

// again starts over and runs the units so far, each to be undone by itself.
func (w *writer) again() error {
	w.rollback()
	if err := w.begin(); err != nil {
		return err
	}
	for _, u := range w.units {
		if err := w.attempt(u, true); err != nil {
			return err
		}
	}
	return nil
}

// attempt runs a unit. The unit's own error is left in u.err; what is returned is
// wrong with the transaction.
func (w *writer) attempt(u *unit, careful bool) error {
	mark := w.tx.postings.mark()
	if careful {
		if err := w.c.exec("SAVEPOINT unit"); err != nil {
			return err
		}
	}
	w.tx.wrote, w.tx.open = false, true
	u.err = w.run(u)
	w.tx.open = false
	if w.tx.failure != nil {
		return w.tx.failure
	}
	switch {
	case u.err != nil && w.tx.wrote && !careful:
		return errUndo
	case u.err != nil && careful:
		w.tx.postings.undo(mark)
		if err := w.c.exec("ROLLBACK TO unit"); err != nil {
			return err
		}
	case w.tx.wrote:
		w.tx.changed = true
	}
	if careful {
		return w.c.exec("RELEASE unit")
	}
	return nil
}

// run calls a unit's work. A panic in it is a bug, and the unit's alone.
func (w *writer) run(u *unit) (err error) {
	defer func() {
		if p := recover(); p != nil {
			w.s.log.Error("a unit of work panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fhir.Because(fhir.Internal, fmt.Errorf("panic: %v", p), "the server failed")
		}
	}()
	w.tx.ctx = u.ctx
	return u.work(&w.tx)
}

// commit makes the transaction durable.
func (w *writer) commit() error {
	if err := w.settle(); err != nil {
		return err
	}
	if err := w.s.present(); err != nil {
		return err
	}
	if err := w.c.exec("COMMIT"); err != nil {
		if syncFailed(err) {
			// What is in the log is not known any more, and would be found there
			// after a restart: nothing must be built upon it.
			w.broken = fhir.Because(fhir.Unavailable, err, "the disk failed to store data: the server has to be restarted")
		}
		return err
	}
	w.behind.Store(w.tx.postings.waiting() > 0)
	if !w.behind.Load() {
		w.tx.postings.forget()
	}
	w.mark = w.tx.postings.mark()
	if w.tx.changed {
		w.s.stats.commits.Add(1)
		w.s.failed.Store(nil)
	}
	w.s.stats.postings.Add(int64(w.tx.written))
	w.tx.written = 0
	return nil
}

// settle writes the postings of the transaction, or has the database say that
// they wait.
func (w *writer) settle() error {
	if !w.defers() {
		if err := w.tx.flush(); err != nil {
			return err
		}
	}
	switch waits := w.tx.postings.waiting() > 0; {
	case waits && !w.behind.Load():
		return setMeta(w.c, "index", "")
	case !waits && w.behind.Load():
		return setMeta(w.c, "index", w.s.Registry().Fingerprint())
	}
	return nil
}

// defers reports whether postings had better wait for more.
func (w *writer) defers() bool {
	n := w.tx.postings.waiting()
	return w.bulk && n < w.s.tuning.deferred && (w.behind.Load() || n >= w.s.tuning.deferFrom)
}

// catchUp writes the postings that wait since earlier transactions.
func (w *writer) catchUp() error {
	if !w.behind.Load() {
		return nil
	}
	err := w.begin()
	if err == nil {
		err = w.tx.flush()
	}
	if err == nil {
		err = w.commit()
	}
	if err != nil {
		w.rollback()
	}
	return err
}

// rollback ends the transaction and keeps nothing.
func (w *writer) rollback() {
	if w.c.inTransaction() {
		if err := w.c.exec("ROLLBACK"); err != nil {
			w.s.log.Error("rolling back failed", "error", err)
		}
	}
	w.tx.postings.undo(w.mark)
	w.tx.written = 0
}

// answer tells the units how it went. Where the transaction failed, what a unit
// found out within it does not count either.
func (w *writer) answer(err error) {
	if err != nil {
		w.s.stats.failures.Add(1)
		w.s.failed.Store(&err)
		w.s.log.Error("a transaction failed", "error", err, "units", len(w.units))
	}
	for _, u := range w.units {
		if err != nil {
			u.err = err
		} else if u.err == nil {
			w.s.stats.units.Add(1)
		}
		close(u.done)
	}
	clear(w.units)
}

// tend copies the log into the database when it has become long, so that the
// next transaction can begin it anew. Only the writer can do that in time: beside
// a writer that does not pause, the log would grow without end.
func (w *writer) tend() {
	w.log += w.c.pagesWritten()
	limit := int64(logPages)
	if w.bulk {
		limit = bulkLogPages
	}
	if w.log >= limit {
		patience := 20
		if w.log >= maxLogPages && !w.bulk {
			patience = 1000
		}
		w.copyLog(sqlite3.SQLITE_CHECKPOINT_RESTART, patience, limit)
	}
	w.s.stats.logPages.Store(w.log)
}

// copyLog copies the log, waiting at most patience milliseconds for readers that
// look at what is in it.
func (w *writer) copyLog(mode int32, patience int, limit int64) {
	w.c.setBusy(patience)
	_, _, err := w.c.checkpoint(mode)
	w.c.setBusy(busyMilliseconds)
	w.log += w.c.pagesWritten() // of the database
	e, isDB := errors.AsType[*dbError](err)
	switch {
	case err == nil:
		w.log = 0
		w.s.stats.resets.Add(1)
	case isDB && e.code&0xff == sqlite3.SQLITE_BUSY:
		w.log = max(limit/2, w.log-limit/2) // again before long
	default:
		w.log = 0
		w.s.log.Error("copying the write-ahead log failed", "error", err)
	}
}

// finish copies the log for good.
func (w *writer) finish() error {
	if w.broken != nil {
		return w.broken
	}
	if err := w.catchUp(); err != nil {
		return err
	}
	_, _, err := w.c.checkpoint(sqlite3.SQLITE_CHECKPOINT_TRUNCATE)
	return err
}
