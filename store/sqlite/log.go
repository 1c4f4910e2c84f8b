package sqlite

import (
	"errors"

	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// The log is copied into the database when it has so many pages. More make
	// writing cheaper, and the copying a longer pause.
	logPages     = 2_000
	bulkLogPages = 64_000

	// maxLogPages is where readers that keep the log from being reset are waited
	// for longer, and the size it is cut to.
	maxLogPages = 16_000
)

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
