package mongodb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// OpenQuick opens a store that does in milliseconds what others do in seconds.
func OpenQuick(ctx context.Context, url string, o Options) (*Store, error) {
	s := newStore(o)
	s.pace = pace{look: 5 * time.Millisecond, old: 20 * time.Millisecond, all: 50 * time.Millisecond, define: 50 * time.Millisecond, sweep: 50 * time.Millisecond, hold: time.Second}
	if err := s.open(ctx, url, o); err != nil {
		s.letGo()
		return nil, opening(err)
	}
	return s, nil
}

// Building reports whether a store believes that the index is not up to date.
func Building(s *Store) bool { return s.known.Load().index.Building }

// Generation returns the one a store writes.
func Generation(s *Store) int32 { return s.known.Load().index.Gen }

// Indexing returns what a store indexes by.
func Indexing(s *Store) *search.Registry { return s.known.Load().reg }

// PutAndDie stores a resource and does not tell anybody that search parameters may
// have changed.
func PutAndDie(ctx context.Context, s *Store, w store.Write) error {
	_, err := s.put(ctx, search.Everything(), &w)
	s.watch.end()
	return err
}

// Verify checks that every document has the keys that its body gives, and the
// generation of the store.
func Verify(ctx context.Context, s *Store) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	k := s.known.Load()
	cursor, err := s.cur.Find(ctx, bson.D{})
	if err != nil {
		return err
	}
	defer cursor.Close(ctx)
	for cursor.Next(ctx) {
		var d doc
		if err := cursor.Decode(&d); err != nil {
			return err
		}
		want := doc{Keys: []string{}, Words: []string{}}
		if !d.Deleted {
			v, err := s.version(ctx, &d)
			if err != nil {
				return err
			}
			r, err := s.parse(v)
			if err != nil {
				return err
			}
			want.Date, want.Keys, want.Words = indexed(k.reg, d.ID, r)
		}
		if d.Gen != k.index.Gen || !d.Deleted && d.Date != want.Date || !slices.Equal(d.Keys, want.Keys) || !slices.Equal(d.Words, want.Words) {
			return fmt.Errorf("%s of generation %d (the store is at %d) has %d keys, not the %d its body gives", d.Ref, d.Gen, k.index.Gen, len(d.Keys), len(want.Keys))
		}
	}
	return cursor.Err()
}

// DatabaseOf returns the name of the database in a connection string.
func DatabaseOf(url string) string {
	name, err := databaseOf(url)
	if err != nil {
		panic(err)
	}
	return name
}

// Missing returns how many indexes the database lacks.
func Missing(ctx context.Context, s *Store) (int, error) {
	missing, err := s.missing(ctx)
	return len(missing), err
}

// Forget has an unfinished copy forget how far it has come.
func Forget(ctx context.Context, s *Store) error {
	note, err := s.copyNote(ctx)
	if err == nil {
		err = s.setCopyNote(ctx, copyNote{Of: note.Of})
	}
	return err
}

// Die has a store end without a word to others.
func Die(s *Store) {
	s.held.Store(false)
	s.Close()
}
