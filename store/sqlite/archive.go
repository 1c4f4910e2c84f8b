package sqlite

import (
	"context"
	"encoding/json"
	"iter"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

var _ store.Archive = (*Store)(nil)

// What a store that is being copied, or made a copy, answers to.
const (
	opened   int32 = iota
	readOnly       // to everything but writes
	sealed         // nor to searches: the index is not what it should be
)

// A copyNote is what the database, as "copy" in meta, knows about being a copy.
type copyNote struct {
	Of   string `json:"of"`             // the store that it is a copy of
	Mark string `json:"mark,omitempty"` // of the last versions added
	Done bool   `json:"done,omitempty"`
}

// unfinished reports whether the database is a copy that is not complete.
func unfinished(c *conn) (bool, error) {
	note, err := readCopyNote(c)
	return err == nil && note != nil && !note.Done, err
}

// readCopyNote returns nil if the database is no copy.
func readCopyNote(c *conn) (*copyNote, error) {
	text, err := meta(c, "copy")
	if err != nil || text == "" {
		return nil, err
	}
	note := &copyNote{}
	if err := json.Unmarshal([]byte(text), note); err != nil {
		return nil, errDamagedFile(err)
	}
	return note, nil
}

func (note *copyNote) write(c *conn) error {
	text, err := json.Marshal(note)
	if err != nil {
		return err
	}
	return setMeta(c, "copy", string(text))
}

// takesWrites refuses what changes the store while it is copied.
func (s *Store) takesWrites() error {
	if s.access.Load() != opened {
		return errCopying()
	}
	return nil
}

// takesSearches refuses what needs the index while that is not whole.
func (s *Store) takesSearches() error {
	if s.access.Load() == sealed {
		return errCopying()
	}
	return nil
}

func errCopying() error {
	return fhir.Errorf(fhir.Unavailable, "the store is being copied")
}

// versionsAtOnce is how many versions are read in one go.
const versionsAtOnce = 500

// Versions implements [store.Archive].
func (s *Store) Versions(ctx context.Context, after store.Place) iter.Seq2[store.Archived, error] {
	return func(yield func(store.Archived, error) bool) {
		last := after.Time.UnixMicro()
		if after.Time.IsZero() {
			last = -1 << 63
		}
		for {
			var some []store.Archived
			err := s.snapshot(ctx, func(v *view) (err error) {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				some, err = v.versionsAfter(last)
				return err
			})
			if err != nil {
				yield(store.Archived{}, err)
				return
			}
			for _, a := range some {
				if !yield(a, nil) {
					return
				}
				last = a.LastUpdated.UnixMicro()
			}
			if len(some) == 0 {
				return
			}
		}
	}
}

// versionsAfter returns some of the versions behind a vid, at least one if there
// are any.
func (v *view) versionsAfter(vid int64) ([]store.Archived, error) {
	s, err := v.c.prepare("SELECT v.t, v.id, " + versionColumns + `, r.vid FROM ver v
		CROSS JOIN res r ON r.t=v.t AND r.id=v.id WHERE v.vid>? ORDER BY v.vid LIMIT ?`)
	if err != nil {
		return nil, err
	}
	defer s.reset()
	s.int(vid).int(versionsAtOnce)
	var some []store.Archived
	for size := 0; size < store.PageBytes; {
		row, err := s.step()
		if err != nil || !row {
			return some, err
		}
		version, err := v.version(s, fhir.Key{Type: v.s.types.names[s.num(0)], ID: s.text(1)}, 2)
		if err != nil {
			return nil, err
		}
		size += len(version.Body)
		some = append(some, store.Archived{Version: version, Newest: s.num(2) == s.num(6)})
	}
	return some, nil
}

// Census implements [store.Archive].
func (s *Store) Census(ctx context.Context) (all []store.TypeCensus, err error) {
	err = s.snapshot(ctx, func(v *view) error {
		c, err := v.c.prepare(`SELECT t.name, count(*)-sum(r.deleted), sum(r.deleted), sum(r.number)
			FROM res r JOIN type t ON t.t=r.t GROUP BY r.t ORDER BY t.name`)
		if err != nil {
			return err
		}
		for {
			row, err := c.step()
			if err != nil || !row {
				return err
			}
			all = append(all, store.TypeCensus{Type: c.text(0), Resources: c.num(1), Deleted: c.num(2), Versions: c.num(3)})
		}
	})
	return all, err
}

// A restoration is a [store.Restoration].
type restoration struct {
	s    *Store
	note copyNote
}

// Restore implements [store.Archive].
func (s *Store) Restore(ctx context.Context, of string) (store.Restoration, error) {
	r := &restoration{s: s}
	err := s.exclusively(ctx, func() error {
		note, err := readCopyNote(s.writer.c)
		if err != nil {
			return err
		}
		if note == nil {
			note = &copyNote{Of: of}
			if err := s.writer.beginCopy(note); err != nil {
				return err
			}
		}
		if note.Of != of {
			return fhir.Errorf(fhir.Conflict, "it is a copy of another store already")
		}
		if r.note = *note; !note.Done {
			s.access.Store(sealed)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// beginCopy makes an empty database an unfinished copy.
func (w *writer) beginCopy(note *copyNote) error {
	id, err := meta(w.c, "store")
	if err != nil {
		return err
	}
	if id == note.Of {
		return fhir.Errorf(fhir.Conflict, "it is the same store")
	}
	something, err := w.c.value("SELECT 1 FROM ver LIMIT 1")
	if err != nil {
		return err
	}
	if something != "" {
		return fhir.Errorf(fhir.Conflict, "it is not empty")
	}
	return w.transact(func() error {
		if err := setMeta(w.c, "index", ""); err != nil {
			return err
		}
		return note.write(w.c)
	})
}

// Mark implements [store.Restoration].
func (r *restoration) Mark() string { return r.note.Mark }

// Complete implements [store.Restoration].
func (r *restoration) Complete() bool { return r.note.Done }

// A restored is a version to be added, prepared outside of the transaction.
type restored struct {
	*store.Version
	method int64
	body   []byte // as it is stored
}

// Add implements [store.Restoration].
func (r *restoration) Add(ctx context.Context, versions []store.Archived, mark string) error {
	if r.note.Done {
		return fhir.Errorf(fhir.Conflict, "the copy is complete")
	}
	rows := make([]restored, len(versions))
	for i, v := range versions {
		rows[i] = restored{v.Version, methodNumber(v.Method), nil}
		if rows[i].method == 0 || v.Deleted != (rows[i].method == deleteMethod) || v.Deleted != (len(v.Body) == 0) {
			return fhir.Errorf(fhir.Conflict, "%s version %d was made by %q, which can not be", v.Key, v.Number, v.Method)
		}
		if !v.Deleted {
			rows[i].body = r.s.packer.pack(v.Body)
		}
	}
	note := r.note
	note.Mark = mark
	err := r.s.exclusively(ctx, func() error { return r.s.writer.restore(rows, &note) })
	if err == nil {
		r.note = note
	}
	return err
}

// restore adds versions in a transaction of its own.
func (w *writer) restore(rows []restored, note *copyNote) error {
	w.s.access.Store(sealed)
	lastVid, lastN := w.lastVid, w.lastN
	err := w.transact(func() error {
		for i := range rows {
			if err := w.tx.restore(&rows[i]); err != nil {
				return err
			}
		}
		if err := setMeta(w.c, "index", ""); err != nil {
			return err
		}
		return note.write(w.c)
	})
	w.tx.failure = nil
	if err != nil {
		w.lastVid, w.lastN = lastVid, lastN
		return err
	}
	w.tend()
	return nil
}

// restore adds a version as it is. The keys of current ones are made later.
func (tx *transaction) restore(v *restored) error {
	h, err := tx.head(search.Everything(), v.Key)
	if err != nil {
		return err
	}
	vid := v.LastUpdated.UnixMicro()
	switch {
	case v.Number != h.Number+1:
		return fhir.Errorf(fhir.Conflict, "%s version %d comes after version %d", v.Key, v.Number, h.Number)
	case vid <= tx.w.lastVid || !instant(vid).Equal(v.LastUpdated):
		return fhir.Errorf(fhir.Conflict, "%s version %d is of %s, which is not later than what came before", v.Key, v.Number, v.LastUpdated.Format(time.RFC3339Nano))
	}
	tx.w.lastVid = vid
	if !h.Exists {
		tx.w.lastN++
		h.n = tx.w.lastN
	}
	if err := tx.addVersion(&h, v.Key.ID, vid, v.method, v.body); err != nil {
		return err
	}
	switch current := h.Exists && !h.Deleted; {
	case v.Deleted:
		if err := tx.oldVid(h.t, vid); err != nil || !current {
			return err
		}
		return tx.row("DELETE FROM cur WHERE n=?", func(s *stmt) { s.int(h.n) })
	case current:
		return tx.row("UPDATE cur SET vid=? WHERE n=?", func(s *stmt) { s.int(vid).int(h.n) })
	}
	return tx.row("INSERT INTO cur(n, t, vid, d, keys) VALUES(?,?,?,0,x'')", func(s *stmt) { s.int(h.n).int(h.t).int(vid) })
}

// Index implements [store.Restoration]. It is the whole index in one go, however
// often a resource was changed.
func (r *restoration) Index(ctx context.Context, progress func(done, total int64)) error {
	if r.note.Done {
		return nil
	}
	return r.s.exclusively(ctx, func() error {
		w := r.s.writer
		p, err := w.tx.paramsAs("")
		if err != nil {
			return err
		}
		made, err := meta(w.c, "index")
		if err != nil {
			return err
		}
		p.active = p.index
		r.s.params.Store(p)
		if made != p.index.Fingerprint() {
			err = w.reindex(ctx, progress)
		}
		if err == nil {
			r.s.access.Store(readOnly)
		}
		return err
	})
}

// Finish implements [store.Restoration].
func (r *restoration) Finish(ctx context.Context) error {
	note := r.note
	note.Done = true
	err := r.s.exclusively(ctx, func() error {
		if !r.note.Done && r.s.access.Load() != readOnly {
			return fhir.Errorf(fhir.Conflict, "the copy has no index yet")
		}
		if err := r.s.writer.transact(func() error { return note.write(r.s.writer.c) }); err != nil {
			return err
		}
		r.s.access.Store(opened)
		return nil
	})
	if err == nil {
		r.note = note
	}
	return err
}
