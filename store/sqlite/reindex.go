package sqlite

import (
	"context"
	"strconv"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// reindexBatch is how many resources are indexed in one transaction. Their
// postings wait until there are reindexPostings: in the end each page of the
// index is written as often as that happens.
const (
	reindexBatch    = 20_000
	reindexPostings = 1_000_000
)

// reindexTables are filled beside the ones in use and take their places when they
// are complete. So searches go on meanwhile, and a crash leaves the old ones.
var reindexTables = `
DROP TABLE IF EXISTS new_cur;
DROP TABLE IF EXISTS new_post;
CREATE TABLE new_cur(n INTEGER PRIMARY KEY, t INTEGER NOT NULL, vid INTEGER NOT NULL, d INTEGER NOT NULL,
	keys BLOB NOT NULL) STRICT;
CREATE TABLE new_post(k BLOB NOT NULL, d INTEGER NOT NULL, n INTEGER NOT NULL,
	PRIMARY KEY(k, d, n)) STRICT, WITHOUT ROWID;
DROP TABLE IF EXISTS new_words;
` + newWordsTable

const reindexSwap = `
DROP TABLE cur;
DROP TABLE post;
DROP TABLE words;
ALTER TABLE new_cur RENAME TO cur;
ALTER TABLE new_post RENAME TO post;
ALTER TABLE new_words RENAME TO words;
CREATE INDEX cur_vid ON cur(t, vid);
`

// Reindex makes the search index anew from the bodies. Searches go on by the old
// one meanwhile; writes wait. Progress, if it is not nil, is called now and then
// with how many resources are done and how many there are. If ctx ends, the old
// index stays.
func (s *Store) Reindex(ctx context.Context, progress func(done, total int64)) error {
	return s.exclusively(ctx, func() error { return s.writer.reindex(ctx, progress) })
}

// matchIndex makes the index anew if it is not what the registry would make.
func (s *Store) matchIndex() error {
	made, err := meta(s.writer.c, "index")
	if err != nil || made == s.Registry().Fingerprint() {
		return err
	}
	resources, err := s.writer.c.value("SELECT count(*) FROM cur")
	if err != nil {
		return err
	}
	if resources == "0" {
		return s.writer.transact(func() error { return s.writer.endWalk(s.params.Load()) })
	}
	why := "the search parameters have changed"
	if made == "" {
		why = "an import was cut short"
	}
	s.log.Warn("making the index anew: "+why, "resources", resources)
	began, told := time.Now(), time.Now()
	err = s.writer.reindex(context.Background(), func(done, total int64) {
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			s.log.Info("making the index anew", "done", done, "of", total)
		}
	})
	if err == nil {
		s.log.Info("the index is made", "resources", resources, "duration", time.Since(began))
	}
	return err
}

// reindex makes the index anew, in transactions of its own.
func (w *writer) reindex(ctx context.Context, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	text, err := w.c.value("SELECT count(*) FROM cur")
	if err != nil {
		return err
	}
	total, _ := strconv.ParseInt(text, 10, 64)
	err = w.transact(func() error {
		if err := w.c.script(reindexTables); err != nil {
			return err
		}
		return tuneWords(w.c, "new_words", true)
	})
	if err != nil {
		return err
	}
	r := reindexer{w: w, after: -1 << 63, postings: newPostingBuffer("new_post")}
	for more := true; more && ctx.Err() == nil; {
		progress(r.done, total)
		if err := w.transact(func() (err error) { more, err = r.batch(); return err }); err != nil {
			return err
		}
		w.tend()
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	progress(r.done, total)
	p := w.s.params.Load()
	err = w.transact(func() error {
		if err := w.c.script(reindexSwap); err != nil {
			return err
		}
		return w.endWalk(p)
	})
	if err == nil {
		w.s.whole(p)
	}
	return err
}

// transact runs work in a transaction.
func (w *writer) transact(work func() error) error {
	if w.broken != nil {
		return w.broken
	}
	if err := w.c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := work()
	if err == nil {
		err = w.c.exec("COMMIT")
	}
	if err != nil {
		w.rollback()
	}
	return err
}

// A reindexer fills the new tables.
type reindexer struct {
	w     *writer
	after int64 // n of the last resource indexed
	done  int64

	postings postingBuffer
}

// batch indexes some resources and reports whether there may be more.
func (r *reindexer) batch() (bool, error) {
	read, err := r.w.c.prepare("SELECT c.n, c.t, c.vid, v.id, " + versionColumns + ` FROM cur c CROSS JOIN ver v ON v.vid=c.vid
		WHERE c.n>? ORDER BY c.n LIMIT ?`)
	if err != nil {
		return false, err
	}
	defer read.reset()
	read.int(r.after).int(reindexBatch)
	count := 0
	for ; ; count++ {
		row, err := read.step()
		if err != nil {
			return false, err
		}
		if !row {
			break
		}
		n, t, vid := read.num(0), read.num(1), read.num(2)
		version, err := r.w.tx.version(read, fhir.Key{Type: r.w.s.types.names[t], ID: read.text(3)}, 4)
		if err != nil {
			return false, err
		}
		resource, err := r.w.tx.parse(version)
		if err != nil {
			return false, err
		}
		e := r.w.s.indexing().Index(resource)
		if err := r.write(n, t, vid, e); err != nil {
			return false, err
		}
		words := store.WordsOf(r.w.s.indexing(), resource)
		if err := addWords(r.w.c, "new_words", n, resource.Type(), &words); err != nil {
			return false, err
		}
		r.postings.add(nil, 0, e.Keys, e.Date, n)
		r.after = n
		r.done++
	}
	more := count == reindexBatch
	if more && r.postings.waiting() < reindexPostings {
		return true, nil
	}
	_, err = r.postings.flush(r.w.c)
	r.postings.forget()
	return more, err
}

func (r *reindexer) write(n, t, vid int64, e *search.Entries) error {
	s, err := r.w.c.prepare("INSERT INTO new_cur(n, t, vid, d, keys) VALUES(?,?,?,?,?)")
	if err != nil {
		return err
	}
	return s.int(n).int(t).int(vid).int(e.Date).blob(packKeys(e.Keys)).run()
}

// alone has the writer run work between two transactions.
func (s *Store) alone(ctx context.Context, work func() error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return finish(ctx, s.queued(&unit{ctx: ctx, alone: work, done: make(chan struct{})}))
}

// exclusively is alone for work that needs the index whole.
func (s *Store) exclusively(ctx context.Context, work func() error) error {
	return s.alone(ctx, func() error {
		if err := s.writer.catchUp(); err != nil {
			return err
		}
		return work()
	})
}
