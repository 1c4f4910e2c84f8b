package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// put stores the next version of a resource.
func (s *Store) put(ctx context.Context, who search.Access, w *store.Write) (*store.Version, error) {
	old, err := s.current(ctx, w.Key)
	if err != nil {
		return nil, err
	}
	v := &store.Version{Key: w.Key, Number: 1, Method: w.Method, Created: old == nil || old.Deleted}
	if old != nil {
		v.Number = old.Number + 1
	}
	lu := s.clock.next(0)
	v.LastUpdated = instant(lu)
	v.Body = w.Body.Stamp(v.Number, v.LastUpdated)
	entries := s.entriesOf(w)
	d := &doc{
		Ref: w.Key.String(), Type: w.Key.Type, ID: w.Key.ID, N: lu, Number: v.Number, LastUpdated: lu, Date: entries.Date,
		Method: w.Method, Gen: s.gen.Load(), Keys: encodeKeys(entries.Keys), Words: wordsOf(w.Words),
	}
	if d.Body, d.File, err = s.keep(ctx, w.Key, v.Body); err != nil {
		return nil, err
	}
	if old == nil {
		_, err = s.cur.InsertOne(ctx, d)
		return v, err
	}
	d.N = old.N
	_, err = s.cur.ReplaceOne(ctx, bson.D{{Key: "_id", Value: d.Ref}, {Key: "ver", Value: old.Number}}, d)
	return v, err
}

func (s *Store) delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (*store.Version, error) {
	return nil, fhir.Errorf(fhir.Unsupported, "this store can not delete yet")
}

func (s *Store) update(ctx context.Context, work func(tx store.Tx) error) error {
	return fhir.Errorf(fhir.Unsupported, "this store has no units of work yet")
}

func (s *Store) readVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (*store.Version, error) {
	return nil, fhir.Errorf(fhir.Unsupported, "this store has no history yet")
}

func (s *Store) history(ctx context.Context, who search.Access, q store.HistoryQuery) (*store.Page, error) {
	return nil, fhir.Errorf(fhir.Unsupported, "this store has no history yet")
}

func (s *Store) check(ctx context.Context) error { return s.client.Ping(ctx, nil) }
