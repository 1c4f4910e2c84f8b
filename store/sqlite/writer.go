package sqlite

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/noafhir/noafhir/fhir"
)

// What bounds one transaction.
const (
	maxUnits    = 256
	maxRows     = 20_000
	maxBulkRows = 300_000
)

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
	if err := w.s.takesWrites(); err != nil {
		return err
	}
	w.tx.ctx = u.ctx
	return u.work(&w.tx)
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
