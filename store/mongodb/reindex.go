package mongodb

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/store"
)

const (
	walkAtOnce = 200              // documents brought up to date together
	jobLife    = 30 * time.Second // after it, a server that brings the index up to date is taken for dead
)

// Reindex makes the keys of every resource anew. Servers go on meanwhile, and
// searches find what they find. Progress, if it is not nil, is called now and then
// with how many resources are done and how many there are. If ctx ends, servers do
// the rest.
func (s *Store) Reindex(ctx context.Context, progress func(done, total int64)) error {
	return s.ask(ctx, func() error {
		for {
			if err := s.look(ctx); err != nil {
				return err
			}
			is := &s.known.Load().index
			if is.Fingerprint != s.print {
				return errForeign()
			}
			changed, err := s.advance(ctx, is, is.after(is.Fingerprint, is.Params))
			if err != nil {
				return err
			}
			if changed {
				break
			}
		}
		if err := s.look(ctx); err != nil {
			return err
		}
		return s.finishIndex(ctx, progress)
	})
}

// finishIndex brings all documents into the present generation and says that they
// are.
func (s *Store) finishIndex(ctx context.Context, progress func(done, total int64)) error {
	k := s.known.Load()
	w := &walk{s: s, k: k, progress: progress}
	if err := w.all(ctx); err != nil {
		return err
	}
	if err := s.untilAllKnow(ctx, k); err != nil {
		return err
	}
	if err := w.all(ctx); err != nil {
		return err
	}
	if progress != nil {
		progress(w.total, w.total) // servers may have done a part
	}
	return s.complete(ctx, k)
}

// untilAllKnow waits until every server knows of a generation.
func (s *Store) untilAllKnow(ctx context.Context, k *known) error {
	return pauseFor(ctx, time.Until(k.since.Add(s.pace.all)))
}

// complete notes that no document is of an older generation than k has, unless a
// newer one has begun.
func (s *Store) complete(ctx context.Context, k *known) error {
	done := k.index
	done.Complete, done.Building, done.Stale = done.Params, false, false
	if done.same(&k.index) {
		return nil
	}
	changed, err := s.advance(ctx, &k.index, done)
	if err != nil {
		return err
	}
	if changed {
		s.log.Info("the index is up to date")
	}
	return s.look(ctx)
}

// left reports whether there are documents of an older generation.
func (s *Store) left(ctx context.Context, gen int32) (bool, error) {
	d, err := one[bson.D](s.cur.FindOne(ctx, olderThan(gen), options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}})))
	return d != nil, err
}

func olderThan(gen int32) bson.D {
	return bson.D{{Key: "gen", Value: bson.D{{Key: "$lt", Value: gen}}}}
}

// bringUp brings the index up to date, unless another server does.
func (s *Store) bringUp(ctx context.Context) error {
	if s.access.Load() != opened {
		return nil
	}
	k := s.known.Load()
	if k.part || k.index.Fingerprint != s.print {
		return nil
	}
	mine, err := s.takeLease(ctx, "job", jobLife)
	if err != nil || !mine {
		return err
	}
	defer s.dropLease(ctx, "job")
	// What servers write that do not know of the generation yet is then seen by one
	// walk.
	if err := s.untilAllKnow(ctx, k); err != nil {
		return err
	}
	w := &walk{s: s, k: k, kept: func() error {
		_, err := s.takeLease(ctx, "job", jobLife) // two servers at it do no harm
		return err
	}}
	if err := w.all(ctx); err != nil {
		return err
	}
	return s.complete(ctx, k)
}

// A walk brings documents of older generations into the one of k. It has no place
// to remember: what is done is not of an older generation any more.
type walk struct {
	s        *Store
	k        *known
	progress func(done, total int64)
	kept     func() error // called between batches

	done, total int64
}

// all goes on until there are none left, or a newer generation has begun.
func (w *walk) all(ctx context.Context) error {
	if w.progress != nil && w.total == 0 {
		var err error
		if w.total, err = w.s.cur.CountDocuments(ctx, olderThan(w.k.index.Gen)); err != nil {
			return err
		}
	}
	for {
		more, err := w.some(ctx)
		if err != nil || !more {
			return err
		}
		if w.kept != nil {
			if err := w.kept(); err != nil {
				return err
			}
		}
		if now := w.s.known.Load(); now.index.Gen != w.k.index.Gen {
			return nil
		}
	}
}

// some brings a batch up to date and reports whether there may be more.
func (w *walk) some(ctx context.Context) (bool, error) {
	cursor, err := w.s.cur.Find(ctx, olderThan(w.k.index.Gen), options.Find().SetLimit(walkAtOnce).SetProjection(versionFields).
		SetSort(bson.D{{Key: "gen", Value: 1}, {Key: "_id", Value: 1}}))
	if err != nil {
		return false, err
	}
	docs, err := someOf(ctx, cursor)
	if err != nil || len(docs) == 0 {
		return false, err
	}
	models := make([]mongo.WriteModel, len(docs))
	err = inParallel(len(docs), func(i int) (err error) {
		models[i], err = w.update(ctx, &docs[i])
		return err
	})
	if err != nil {
		return false, err
	}
	if _, err := w.s.cur.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false)); err != nil {
		return false, err
	}
	w.done += int64(len(docs))
	if w.progress != nil {
		w.progress(min(w.done, w.total), w.total)
	}
	return true, nil
}

// someOf reads documents as long as their bodies are not too large together.
func someOf(ctx context.Context, cursor *mongo.Cursor) ([]doc, error) {
	defer cursor.Close(ctx)
	var docs []doc
	for size := 0; size < store.PageBytes && cursor.Next(ctx); {
		var d doc
		if err := cursor.Decode(&d); err != nil {
			return nil, err
		}
		docs, size = append(docs, d), size+len(d.Body)
	}
	return docs, cursor.Err()
}

// update returns what brings a document up to date, unless it is changed before.
func (w *walk) update(ctx context.Context, d *doc) (mongo.WriteModel, error) {
	set := bson.D{{Key: "gen", Value: w.k.index.Gen}}
	if !d.Deleted {
		v, err := w.s.version(ctx, d)
		if err != nil {
			return nil, err
		}
		r, err := w.s.parse(v)
		if err != nil {
			return nil, err
		}
		date, keys, words := indexed(w.k.reg, d.ID, r)
		set = append(set, bson.E{Key: "d", Value: date}, bson.E{Key: "k", Value: keys}, bson.E{Key: "w", Value: words})
	}
	filter := append(byID(d.Ref), bson.E{Key: "ver", Value: d.Number}, bson.E{Key: "gen", Value: d.Gen})
	return mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(bson.D{{Key: "$set", Value: set}}), nil
}
