package mongodb

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/noafhir/noafhir/fhir"
)

// A store that is opened to be copied, or to be made a copy, has the database for
// itself: no other server writes to it, as soon as all know. A lease, so that it
// ends with the process, stands as "hold" in meta.

// allow finds out what a store that is being opened may be used for.
func (s *Store) allow(ctx context.Context, archive bool) error {
	if !archive {
		if s.known.Load().part {
			return fhir.Errorf(fhir.Unavailable, "it is an unfinished copy of another store: noafhir copy completes it")
		}
		return nil
	}
	s.access.Store(sealed)
	if err := s.awaitHold(ctx); err != nil {
		return err
	}
	s.held.Store(true)
	return pauseFor(ctx, s.pace.all)
}

// awaitHold takes the lease, after the process that had it has died if need be.
func (s *Store) awaitHold(ctx context.Context) error {
	var first bson.DateTime
	for {
		taken, err := s.takeHold(ctx)
		if err != nil || taken {
			return err
		}
		note, err := one[holdNote](s.meta.FindOne(ctx, byID("hold")))
		switch {
		case err != nil:
			return err
		case note != nil && first != 0 && note.Until != first:
			return fhir.Errorf(fhir.Unavailable, "another process copies it")
		case note != nil:
			first = note.Until
		}
		if err := pauseFor(ctx, s.pace.look); err != nil {
			return err
		}
	}
}

// untilQuiet waits until no other server writes, if they have not known that for
// long.
func (s *Store) untilQuiet(ctx context.Context) error {
	if s.held.Load() {
		return nil
	}
	return pauseFor(ctx, s.pace.all)
}

// takeHold takes or keeps the lease and reports whether this process has it.
func (s *Store) takeHold(ctx context.Context) (bool, error) {
	return s.takeLease(ctx, "hold", s.pace.hold)
}

// dropHold ends the lease. Should that fail, it ends by itself.
func (s *Store) dropHold() {
	if s.held.CompareAndSwap(true, false) {
		s.dropLease(context.Background(), "hold")
	}
}

// takeLease takes or keeps the lease of a name in meta and reports whether this
// process has it.
func (s *Store) takeLease(ctx context.Context, name string, life time.Duration) (bool, error) {
	now := s.clock.time()
	note := bson.D{{Key: "by", Value: s.me}, {Key: "until", Value: bson.NewDateTimeFromTime(now.Add(life))}}
	_, err := s.meta.InsertOne(ctx, append(byID(name), note...))
	if !mongo.IsDuplicateKeyError(err) {
		return err == nil, err
	}
	free := bson.A{bson.D{{Key: "by", Value: s.me}}, bson.D{{Key: "until", Value: bson.D{{Key: "$lt", Value: bson.NewDateTimeFromTime(now)}}}}}
	r, err := s.meta.UpdateOne(ctx, append(byID(name), bson.E{Key: "$or", Value: free}), bson.D{{Key: "$set", Value: note}})
	return err == nil && r.MatchedCount == 1, err
}

// dropLease ends a lease of this process.
func (s *Store) dropLease(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyWait)
	defer cancel()
	if _, err := s.meta.DeleteOne(ctx, append(byID(name), bson.E{Key: "by", Value: s.me})); err != nil {
		s.log.Warn("a lease was not given up, and ends by itself", "error", translate(err))
	}
}
