package sqlite

import (
	"context"
	"errors"
	"os"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// enter begins a call, which has to be ended by leave.
func (s *Store) enter() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed()
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) leave() { s.calls.Done() }

// read runs a question on a connection for reading. The connection sees one
// state of the database for as long as the question takes.
func (s *Store) read(ctx context.Context, ask func(v *view) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	var c *conn
	select {
	case c = <-s.conns:
	default:
		select {
		case c = <-s.conns:
		case <-ctx.Done():
			return store.ErrGivenUp(ctx)
		}
	}
	defer func() { s.conns <- c }()
	err := finish(ctx, ask(&view{s: s, c: c}))
	if damaged(err) && s.damage.CompareAndSwap(nil, &err) {
		s.log.Error("the database is damaged: restore a backup, or run sqlite3 .recover", "error", err)
	}
	return err
}

// present reports whether the file that is open still is the one at its path. If
// it is not, what is written is gone with the process.
func (s *Store) present() error {
	now, err := os.Stat(s.path)
	if err != nil || !os.SameFile(now, s.file) {
		return fhir.Because(fhir.Unavailable, err, "the database file was removed or replaced")
	}
	return nil
}

// snapshot is read for questions of several statements.
func (s *Store) snapshot(ctx context.Context, ask func(v *view) error) error {
	return s.read(ctx, func(v *view) error {
		if err := v.c.exec("BEGIN"); err != nil {
			return err
		}
		defer v.c.exec("COMMIT") // it has only read
		defer v.c.until(ctx)()
		return ask(v)
	})
}

// indexed is snapshot for questions that the search index answers. Where that is
// behind, the writer answers, and before that brings it up to date if the question
// is about what waits. A nil query is about everything.
func (s *Store) indexed(ctx context.Context, q *search.Query, ask func(v *view) error) error {
	if err := s.takesSearches(); err != nil {
		return err
	}
	behind := false
	err := s.snapshot(ctx, func(v *view) error {
		if s.writer.bulk {
			made, err := meta(v.c, "index")
			if behind = err == nil && made == ""; err != nil || behind {
				return err
			}
		}
		return ask(v)
	})
	if err != nil || !behind {
		return err
	}
	return s.alone(ctx, func() error {
		w := s.writer
		if q == nil || w.tx.postings.touches(q, s.tuning.streams) {
			if err := w.catchUp(); err != nil {
				return err
			}
		}
		defer w.c.until(ctx)()
		return ask(&view{s: s, c: w.c})
	})
}

// finish gives the error of a question its kind.
func finish(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && (interrupted(err) || errors.Is(err, ctx.Err())) {
		return store.ErrGivenUp(ctx)
	}
	return translate(err)
}
