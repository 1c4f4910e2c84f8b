package mongodb

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// Several servers work on one database, and each has to know what the others have
// changed about it: which search parameters there are, whether it is being copied.
// That stands in meta. Each server looks there every second, and before it writes
// or searches if it has not for some; so what stands there is known to all after a
// while, and who changes it waits for so long before relying on that.

// A pace says how often that is. Tests are in a hurry.
type pace struct {
	look   time.Duration // between two looks
	old    time.Duration // what a server knows is not used when it is older
	all    time.Duration // after which all servers know; older than old
	define time.Duration // between two looks at whether a server died before it told of SearchParameters
	sweep  time.Duration // between two looks for what was indexed by a server that did not know
	hold   time.Duration // after which a server that has the database for itself is taken for dead
}

var usualPace = pace{look: time.Second, old: 3 * time.Second, all: 6 * time.Second, define: 10 * time.Second, sweep: time.Minute, hold: 30 * time.Second}

// known is what a server knows about the database. It does not change.
type known struct {
	at    time.Time // when it was so
	since time.Time // when this generation of the index was first seen
	index indexNote
	reg   *search.Registry // what is written is indexed by
	held  bool             // another server has the database for itself
	part  bool             // the database is an unfinished copy
}

// A holdNote says that a server has the database for itself.
type holdNote struct {
	By    bson.ObjectID `bson:"by"`
	Until bson.DateTime `bson:"until"`
}

// look reads what stands in meta.
func (s *Store) look(ctx context.Context) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	return s.lookLocked(ctx)
}

func (s *Store) lookLocked(ctx context.Context) error {
	began := time.Now()
	k := &known{at: began}
	cursor, err := s.meta.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: bson.A{"index", "copy", "hold"}}}}})
	if err != nil {
		return err
	}
	defer cursor.Close(ctx)
	there := false
	for cursor.Next(ctx) {
		id, _ := cursor.Current.Lookup("_id").StringValueOK()
		switch id {
		case "index":
			there = true
			err = cursor.Decode(&k.index)
		case "copy":
			var note copyNote
			err = cursor.Decode(&note)
			k.part = !note.Done
		case "hold":
			var note holdNote
			err = cursor.Decode(&note)
			k.held = note.By != s.me && note.Until.Time().After(s.clock.time())
		}
		if err != nil {
			return err
		}
	}
	if err := cursor.Err(); err != nil {
		return err
	}
	if !there {
		return fhir.Errorf(fhir.Unavailable, "the database has lost what it knows about its index")
	}
	return s.learn(ctx, k)
}

// learn makes what meta says what this server goes by.
func (s *Store) learn(ctx context.Context, k *known) error {
	before := s.known.Load()
	if before != nil && before.index.same(&k.index) {
		k.since, k.reg = before.since, before.reg
		s.known.Store(k)
		return nil
	}
	k.since = k.at
	if k.index.Fingerprint != s.print {
		k.reg = s.base // nothing is written
		s.known.Store(k)
		return nil
	}
	reg, active, err := s.registries(ctx, &k.index)
	if err != nil {
		return err
	}
	k.reg = reg
	s.known.Store(k)
	s.reg.Store(active)
	return nil
}

// fresh returns what this server knows, and looks again if that is too old.
func (s *Store) fresh(ctx context.Context) (*known, error) {
	if k := s.known.Load(); time.Since(k.at) <= s.pace.old {
		return k, nil
	}
	s.looking.Lock()
	defer s.looking.Unlock()
	if k := s.known.Load(); time.Since(k.at) <= s.pace.old {
		return k, nil
	}
	if err := s.lookLocked(outside(ctx)); err != nil {
		return nil, err
	}
	return s.known.Load(), nil
}

// takesWrites refuses what may not be written now.
func (s *Store) takesWrites(ctx context.Context) error {
	if s.access.Load() != opened {
		return errCopying()
	}
	k, err := s.fresh(ctx)
	switch {
	case err != nil:
		return err
	case k.held || k.part:
		return errCopying()
	case k.index.Fingerprint != s.print:
		return errForeign()
	}
	return nil
}

// takesSearches refuses searches that the index can not answer now.
func (s *Store) takesSearches(ctx context.Context) error {
	access := s.access.Load()
	if access == sealed {
		return errCopying()
	}
	k, err := s.fresh(ctx)
	switch {
	case err != nil:
		return err
	case k.part && access == opened:
		return errCopying()
	case k.index.Fingerprint != s.print:
		return errForeign()
	case k.index.Stale:
		return fhir.Errorf(fhir.Unavailable, "the search index is being made for this version of the server")
	}
	return nil
}

func errCopying() error { return fhir.Errorf(fhir.Unavailable, "the store is being copied") }

func errForeign() error {
	return fhir.Errorf(fhir.Unavailable, "another version of this program has taken the database over: start that one in place of this server")
}

// A watch looks at meta until it is stopped.
type watch struct {
	stop context.CancelFunc
	all  sync.WaitGroup
	kick chan struct{} // the index is not what it should be
}

// startWatch has the store keep up with what other servers change.
func (s *Store) startWatch() {
	ctx, stop := context.WithCancel(context.Background())
	s.watch = &watch{stop: stop, kick: make(chan struct{}, 1)}
	s.watch.all.Go(func() { s.lookOften(ctx) })
	s.watch.all.Go(func() { s.indexOften(ctx) })
}

func (w *watch) end() {
	if w != nil {
		w.stop()
		w.all.Wait()
	}
}

// lookOften looks at meta, and now and then at whether it tells of all
// SearchParameters.
func (s *Store) lookOften(ctx context.Context) {
	tick := time.NewTicker(s.pace.look)
	defer tick.Stop()
	var defined time.Time
	swept, held := time.Now(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.look(ctx); err != nil {
			continue // writes and searches will say so
		}
		if s.held.Load() && time.Since(held) > s.pace.hold/3 {
			held = time.Now()
			if mine, err := s.takeHold(ctx); err == nil && !mine {
				s.log.Error("another process has the database for itself")
			}
		}
		if s.access.Load() != opened {
			continue
		}
		if time.Since(defined) > s.pace.define {
			defined = time.Now()
			s.redefineIfNew(ctx)
		}
		k := s.known.Load()
		if time.Since(swept) > s.pace.sweep {
			swept = time.Now()
			if left, err := s.left(ctx, k.index.Gen); err == nil && left {
				s.watch.wake()
			}
		}
		if k.index.Building {
			s.watch.wake()
		}
	}
}

// wake has the index brought up to date.
func (w *watch) wake() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}

// indexOften brings the index up to date whenever that is wanted.
func (s *Store) indexOften(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.watch.kick:
		}
		if err := s.bringUp(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("bringing the index up to date failed: it is tried again", "error", translate(err))
			if pauseFor(ctx, s.pace.define) != nil {
				return
			}
		}
	}
}

// pauseFor waits.
func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return store.ErrGivenUp(ctx)
	}
}
