package sqlite

import "github.com/noafhir/noafhir/fhir"

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
