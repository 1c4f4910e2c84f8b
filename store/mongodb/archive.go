package mongodb

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

var _ store.Archive = (*Store)(nil)

// versionsAtOnce is how many versions are read in one go. A cursor that is kept
// open for as long as a copy takes would be closed by the server.
const versionsAtOnce = 500

// Versions implements [store.Archive].
func (s *Store) Versions(ctx context.Context, after store.Place) iter.Seq2[store.Archived, error] {
	return func(yield func(store.Archived, error) bool) {
		current := &lane{s: s, in: s.cur, ref: "_id", after: after}
		old := &lane{s: s, in: s.hist, ref: "rk", after: after}
		for {
			var a store.Archived
			err := s.ask(ctx, func() (err error) {
				a, err = nextOf(ctx, current, old)
				return err
			})
			if err == nil && a.Version == nil {
				return
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

// nextOf returns the next version of two lanes; none is left if it has none. A
// version that was about to be superseded is in both.
func nextOf(ctx context.Context, current, old *lane) (store.Archived, error) {
	c, err := current.peek(ctx)
	if err != nil {
		return store.Archived{}, err
	}
	o, err := old.peek(ctx)
	if err != nil {
		return store.Archived{}, err
	}
	from, d := current, c
	switch order := comparePlaces(c, o); {
	case c == nil && o == nil:
		return store.Archived{}, nil
	case order == 0:
		old.take()
	case order > 0:
		from, d = old, o
	}
	from.take()
	v, err := from.s.version(ctx, d)
	return store.Archived{Version: v, Newest: from == current}, err
}

// comparePlaces compares where the versions of two documents stand. No document
// stands behind all others.
func comparePlaces(a, b *doc) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return placeOf(a).Compare(placeOf(b))
}

func placeOf(d *doc) store.Place {
	return store.Place{Time: instant(d.LastUpdated), Key: d.key()}
}

// A lane walks the documents of one collection by place.
type lane struct {
	s     *Store
	in    *mongo.Collection
	ref   string // the field that decides among those of one instant
	after store.Place
	docs  []doc
	ended bool
}

// peek returns the next document, nil if there is none.
func (l *lane) peek(ctx context.Context) (*doc, error) {
	for limit := int64(versionsAtOnce); len(l.docs) == 0 && !l.ended; limit *= 2 {
		if err := l.read(ctx, limit); err != nil {
			return nil, err
		}
	}
	if len(l.docs) == 0 {
		return nil, nil
	}
	return &l.docs[0], nil
}

func (l *lane) take() {
	l.after = placeOf(&l.docs[0])
	l.docs = l.docs[1:]
}

// read reads documents behind l.after. Those of the same instant that are before
// it are read in vain: asking for the others only would take two ranges.
func (l *lane) read(ctx context.Context, limit int64) error {
	filter := bson.D{}
	if !l.after.Time.IsZero() {
		filter = bson.D{{Key: "lu", Value: bson.D{{Key: "$gte", Value: l.after.Time.UnixMicro()}}}}
	}
	cursor, err := l.in.Find(ctx, filter, options.Find().SetProjection(versionFields).SetLimit(limit).
		SetSort(bson.D{{Key: "lu", Value: 1}, {Key: l.ref, Value: 1}}))
	if err != nil {
		return err
	}
	defer cursor.Close(ctx)
	n, size := int64(0), 0
	for ; size < store.PageBytes && cursor.Next(ctx); n++ {
		var d doc
		if err := cursor.Decode(&d); err != nil {
			return err
		}
		if placeOf(&d).Compare(l.after) > 0 {
			l.docs = append(l.docs, d)
			size += len(d.Body)
		}
	}
	l.ended = n < limit && size < store.PageBytes
	return cursor.Err()
}

// Census implements [store.Archive].
func (s *Store) Census(ctx context.Context) (all []store.TypeCensus, err error) {
	err = s.ask(ctx, func() error {
		cursor, err := s.cur.Aggregate(ctx, mongo.Pipeline{
			{{Key: "$group", Value: bson.D{
				{Key: "_id", Value: bson.D{{Key: "t", Value: "$t"}, {Key: "del", Value: "$del"}}},
				{Key: "n", Value: bson.D{{Key: "$sum", Value: int64(1)}}},
				{Key: "ver", Value: bson.D{{Key: "$sum", Value: "$ver"}}},
			}}},
		})
		if err != nil {
			return err
		}
		var groups []struct {
			Of struct {
				Type    string `bson:"t"`
				Deleted bool   `bson:"del"`
			} `bson:"_id"`
			N        int64 `bson:"n"`
			Versions int64 `bson:"ver"`
		}
		if err := cursor.All(ctx, &groups); err != nil {
			return err
		}
		for _, g := range groups {
			i, found := slices.BinarySearchFunc(all, g.Of.Type, func(c store.TypeCensus, typ string) int { return strings.Compare(c.Type, typ) })
			if !found {
				all = slices.Insert(all, i, store.TypeCensus{Type: g.Of.Type})
			}
			all[i].Versions += g.Versions
			if g.Of.Deleted {
				all[i].Deleted += g.N
			} else {
				all[i].Resources += g.N
			}
		}
		return nil
	})
	return all, err
}

// A copyNote is what the database knows about being a copy.
type copyNote struct {
	Of   string `bson:"of"`   // the store that it is a copy of
	Mark string `bson:"mark"` // of the last versions added
	Last int64  `bson:"last"` // their instant, in microseconds
	Done bool   `bson:"done"`
}

// copyNote returns nil if the database is no copy.
func (s *Store) copyNote(ctx context.Context) (*copyNote, error) {
	return one[copyNote](s.meta.FindOne(ctx, byID("copy")))
}

// setCopyNote changes what the database knows.
func (s *Store) setCopyNote(ctx context.Context, note copyNote) error {
	_, err := s.meta.UpdateOne(ctx, byID("copy"), bson.D{{Key: "$set", Value: note}}, options.UpdateOne().SetUpsert(true))
	return err
}

// A restoration is a [store.Restoration].
type restoration struct {
	s       *Store
	note    copyNote
	indexed bool
}

// Restore implements [store.Archive].
func (s *Store) Restore(ctx context.Context, of string) (store.Restoration, error) {
	r := &restoration{s: s}
	err := s.ask(ctx, func() error {
		note, err := s.copyNote(ctx)
		if err != nil {
			return err
		}
		if note == nil {
			note = &copyNote{Of: of}
			if err := s.beginCopy(ctx, note); err != nil {
				return err
			}
		}
		if note.Of != of {
			return fhir.Errorf(fhir.Conflict, "it is a copy of another store already")
		}
		if r.note = *note; note.Done {
			return nil
		}
		s.access.Store(sealed)
		if err := s.matchIndex(ctx, true); err != nil {
			return err
		}
		return s.look(ctx)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// beginCopy makes an empty database an unfinished copy.
func (s *Store) beginCopy(ctx context.Context, note *copyNote) error {
	id, err := s.id(ctx)
	if err != nil {
		return err
	}
	if id == note.Of {
		return fhir.Errorf(fhir.Conflict, "it is the same store")
	}
	if err := s.isEmpty(ctx); err != nil {
		return err
	}
	if err := s.setCopyNote(ctx, *note); err != nil {
		return err
	}
	// Now others find out, and until then may write.
	if err := s.untilQuiet(ctx); err != nil {
		return err
	}
	if err := s.isEmpty(ctx); err != nil {
		_, gone := s.meta.DeleteOne(ctx, byID("copy"))
		return errors.Join(err, gone)
	}
	return s.dropLate(ctx)
}

// isEmpty returns the error for a database that holds something.
func (s *Store) isEmpty(ctx context.Context) error {
	for _, in := range []*mongo.Collection{s.cur, s.hist} {
		switch err := in.FindOne(ctx, bson.D{}, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})).Err(); {
		case errors.Is(err, mongo.ErrNoDocuments):
		case err != nil:
			return err
		default:
			return fhir.Errorf(fhir.Conflict, "it is not empty")
		}
	}
	return nil
}

// Mark implements [store.Restoration].
func (r *restoration) Mark() string { return r.note.Mark }

// Complete implements [store.Restoration].
func (r *restoration) Complete() bool { return r.note.Done }

// Add implements [store.Restoration].
func (r *restoration) Add(ctx context.Context, versions []store.Archived, mark string) error {
	if r.note.Done {
		return fhir.Errorf(fhir.Conflict, "the copy is complete")
	}
	return r.s.ask(ctx, func() error {
		r.indexed = false
		r.s.access.Store(sealed)
		b := &restoreBatch{s: r.s, versions: versions, last: r.note.Last}
		if err := b.store(ctx); err != nil {
			return err
		}
		note := r.note
		note.Mark, note.Last = mark, b.last
		if err := r.s.setCopyNote(ctx, note); err != nil {
			return err
		}
		r.note = note
		return nil
	})
}

// Index implements [store.Restoration]. What was added has keys by the program's
// own parameters; if there are others among it, it gets those of them.
func (r *restoration) Index(ctx context.Context, progress func(done, total int64)) error {
	if r.note.Done {
		return nil
	}
	return r.s.ask(ctx, func() error {
		if err := r.s.tryRedefine(ctx); err != nil {
			return err
		}
		k := r.s.known.Load()
		if k.index.Fingerprint != r.s.print {
			return errForeign()
		}
		if k.index.Building {
			w := &walk{s: r.s, k: k, progress: progress}
			if err := w.all(ctx); err != nil {
				return err
			}
			if err := r.s.complete(ctx, k); err != nil {
				return err
			}
			progress = nil
		}
		if err := r.makeIndexes(ctx, progress); err != nil {
			return err
		}
		r.indexed = true
		r.s.access.Store(readOnly)
		return nil
	})
}

// makeIndexes has the database make the indexes that it did not have while it was
// filled. It does not tell how far it is.
func (r *restoration) makeIndexes(ctx context.Context, progress func(done, total int64)) error {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	total, err := r.s.cur.CountDocuments(ctx, bson.D{})
	if err != nil {
		return err
	}
	progress(0, total)
	if err := r.s.makeIndexes(ctx, true); err != nil {
		return err
	}
	progress(total, total)
	return nil
}

// Finish implements [store.Restoration].
func (r *restoration) Finish(ctx context.Context) error {
	if !r.note.Done && !r.indexed {
		return fhir.Errorf(fhir.Conflict, "the copy has no index yet")
	}
	return r.s.ask(ctx, func() error {
		note := r.note
		note.Done = true
		if err := r.s.setCopyNote(ctx, note); err != nil {
			return err
		}
		r.note = note
		if err := r.s.look(ctx); err != nil {
			return err
		}
		r.s.access.Store(opened)
		return nil
	})
}

// What a store that is being copied, or made a copy, answers to.
const (
	opened   int32 = iota
	readOnly       // to everything but writes
	sealed         // nor to searches: not everything is there
)

// isMicros reports whether a time can be told in microseconds.
func isMicros(t time.Time) bool { return instant(t.UnixMicro()).Equal(t) }
