package mongodb

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// A transaction whose connection broke goes on in the database, and whatever it
// wrote can not be written by others, until the database has waited for its end
// long enough: a minute. A later transaction of the same session ends it at once.

const (
	orphanWait  = 70 * time.Second // a little longer than the database waits
	orphanPause = time.Second
)

// part ends the session of a turn, and what may be left of its last transaction.
func (s *Store) part(t *turn) {
	switch {
	case t.session == nil:
	case t.lost:
		s.tidying.Go(func() { s.disown(t.session) })
	default:
		t.session.EndSession(context.Background())
	}
}

// disown ends the last transaction of a session as soon as the database can be
// reached. When the store is closed it tries once more.
func (s *Store) disown(session *mongo.Session) {
	ctx, cancel := context.WithTimeout(s.ending, orphanWait)
	defer cancel()
	defer session.EndSession(context.Background())
	for ctx.Err() == nil {
		if err := s.supersede(ctx, session); err == nil {
			return
		}
		select {
		case <-time.After(orphanPause):
		case <-ctx.Done():
		}
	}
	if s.ending.Err() != nil {
		last, stop := context.WithTimeout(context.Background(), tidyWait)
		defer stop()
		_ = s.supersede(last, session) // else the database waits for its end
	}
}

// supersede runs a transaction that does nothing.
func (s *Store) supersede(ctx context.Context, session *mongo.Session) error {
	if err := session.StartTransaction(); err != nil {
		return err
	}
	err := s.meta.FindOne(mongo.NewSessionContext(ctx, session), byID("layout")).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		err = nil
	}
	return errors.Join(err, session.AbortTransaction(ctx))
}
