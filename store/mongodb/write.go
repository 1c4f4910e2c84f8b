package mongodb

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A change takes a resource from the version that is stored to another.
type change struct {
	base int64     // the number of the version that is stored; 0: there is none
	old  []*oldDoc // that version and those between
	new  *doc
}

// changed returns the change from one document, nil if there is none, to another.
func changed(from, to *doc) *change {
	c := &change{new: to}
	if from != nil {
		c.base, c.old = from.Number, []*oldDoc{from.superseded()}
	}
	return c
}

// errConflict says that another write came between: what was asked has to be done
// again from the start.
var errConflict = errors.New("another write got in the way")

// put stores the next version of a resource.
func (s *Store) put(ctx context.Context, who search.Access, w *store.Write) (*store.Version, error) {
	fresh := w.Method == "POST" && w.IfVersion == 0 && !w.MustExist
	return s.single(ctx, w.Key, fresh, func(d *doc) (*doc, *store.Version, error) { return s.next(ctx, who, w, d) })
}

// delete marks a resource as deleted.
func (s *Store) delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (*store.Version, error) {
	return s.single(ctx, key, false, func(d *doc) (*doc, *store.Version, error) { return s.mark(ctx, who, key, ifVersion, d) })
}

// single is a unit of one write, without a transaction. From the document that
// is stored, judge makes the next one; nil: it is to stay as it is. If the
// resource is fresh there most probably is none.
func (s *Store) single(ctx context.Context, key fhir.Key, fresh bool, judge func(*doc) (*doc, *store.Version, error)) (*store.Version, error) {
	leave, err := s.byKey.enter(ctx, key.String())
	if err != nil {
		return nil, err
	}
	defer leave()
	for try := 0; ; try++ {
		var from *doc
		if !fresh || try > 0 {
			if from, err = s.current(ctx, key); err != nil {
				return nil, err
			}
		}
		to, v, err := judge(from)
		if err != nil || to == nil {
			return v, err
		}
		if err = s.apply(ctx, changed(from, to)); err == nil {
			return v, nil
		}
		if !errors.Is(err, errConflict) {
			return nil, err
		}
		s.drop(to.File)
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

// next returns the document that w makes of another, nil if there is none, and
// the version in it.
func (s *Store) next(ctx context.Context, who search.Access, w *store.Write, from *doc) (*doc, *store.Version, error) {
	if !slices.Contains([]string{"POST", "PUT", "PATCH"}, w.Method) {
		return nil, nil, fhir.Errorf(fhir.Internal, "%q makes no version", w.Method)
	}
	if !who.Permits(w.Resource) {
		return nil, nil, store.ErrForbidden(w.Key)
	}
	found, err := s.find(ctx, who, from)
	if err != nil {
		return nil, nil, err
	}
	if err := w.Check(found); err != nil {
		return nil, nil, err
	}
	if err := s.admit(ctx, w); err != nil {
		return nil, nil, err
	}
	entries, gen := s.entriesOf(w)
	to := &doc{
		Ref: w.Key.String(), Type: w.Key.Type, ID: w.Key.ID, Date: entries.Date, Method: w.Method,
		Gen: gen, Keys: encodeKeys(entries.Keys), Words: wordsOf(w.Words),
	}
	s.follow(from, to)
	v := &store.Version{Key: w.Key, Number: to.Number, LastUpdated: instant(to.LastUpdated), Method: w.Method, Created: from == nil || from.Deleted}
	v.Body = w.Body.Stamp(v.Number, v.LastUpdated)
	to.Body, to.File, err = s.keep(ctx, w.Key, v.Body)
	return to, v, err
}

// follow gives a document the number and the instant after another's.
func (s *Store) follow(from, to *doc) {
	if from == nil {
		to.Number, to.LastUpdated = 1, s.clock.next(0)
		to.N = to.LastUpdated
		return
	}
	to.Number, to.LastUpdated, to.N = from.Number+1, s.clock.next(from.LastUpdated), from.N
}

// find returns what who finds in a document, which is nil if there is none.
func (s *Store) find(ctx context.Context, who search.Access, d *doc) (store.Found, error) {
	if d == nil {
		return store.Found{}, nil
	}
	found := store.Found{Exists: true, Deleted: d.Deleted, Number: d.Number}
	if who.Unrestricted() {
		return found, nil
	}
	v, err := s.version(ctx, d)
	if err != nil {
		return found, err
	}
	permitted, err := s.permits(ctx, who, v)
	found.Hidden = !permitted
	return found, err
}

// mark returns the document that marks a resource as deleted, and the version in
// it. If there is nothing to do the document is nil.
func (s *Store) mark(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64, from *doc) (*doc, *store.Version, error) {
	found, err := s.find(ctx, who, from)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case ifVersion != 0 && (!found.Visible() || found.Number != ifVersion):
		return nil, nil, store.ErrStale(key, ifVersion)
	case !found.Visible():
		return nil, nil, nil
	case found.Deleted:
		v, err := s.version(ctx, from)
		return nil, v, err
	}
	to := &doc{
		Ref: key.String(), Type: key.Type, ID: key.ID, Deleted: true, Method: "DELETE",
		Gen: s.known.Load().index.Gen, Keys: []string{}, Words: []string{},
	}
	s.follow(from, to)
	v, err := s.version(ctx, to)
	return to, v, err
}

// apply stores a change without a transaction: what is superseded first, which
// does no harm if the rest fails, and then the new version in place of the one it
// was made from. The error is errConflict if that is not there any more.
func (s *Store) apply(ctx context.Context, c *change) error {
	for _, o := range c.old {
		if _, err := s.hist.InsertOne(ctx, o); conflicting(err) {
			return errConflict
		} else if err != nil && !mongo.IsDuplicateKeyError(err) {
			return err
		}
	}
	stored, err := s.swap(ctx, c)
	if conflicting(err) {
		return errConflict
	}
	if err != nil || stored {
		return err
	}
	// A command that was sent again after a broken connection may meet itself.
	stored, err = s.stored(ctx, c.new)
	if err == nil && !stored {
		err = errConflict
	}
	return err
}

// swap puts the new version in the place of the one it was made from. It reports
// whether that was there.
func (s *Store) swap(ctx context.Context, c *change) (bool, error) {
	if c.base == 0 {
		_, err := s.cur.InsertOne(ctx, c.new)
		if mongo.IsDuplicateKeyError(err) {
			return false, nil
		}
		return err == nil, err
	}
	r, err := s.cur.ReplaceOne(ctx, c.filter(), c.new)
	return err == nil && r.MatchedCount == 1, err
}

// filter finds the document that a change replaces.
func (c *change) filter() bson.D {
	return bson.D{{Key: "_id", Value: c.new.Ref}, {Key: "ver", Value: c.base}}
}

// stored reports whether exactly this version is there.
func (s *Store) stored(ctx context.Context, d *doc) (bool, error) {
	there, err := s.current(ctx, d.key())
	if err == nil && there != nil && there.Number > d.Number {
		there, err = s.old(ctx, d.key(), d.Number)
	}
	if err != nil || there == nil {
		return false, err
	}
	sameFile := (there.File == nil) == (d.File == nil) && (d.File == nil || *there.File == *d.File)
	return there.Number == d.Number && there.LastUpdated == d.LastUpdated && there.Method == d.Method &&
		sameFile && bytes.Equal(there.Body, d.Body), nil
}
