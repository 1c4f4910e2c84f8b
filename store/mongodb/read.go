package mongodb

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// The functions here work within a transaction if ctx carries one.

// current returns the document of a resource without keys and words, nil if there
// is none.
func (s *Store) current(ctx context.Context, key fhir.Key) (*doc, error) {
	return one[doc](s.cur.FindOne(ctx, byID(key.String()), options.FindOne().SetProjection(versionFields)))
}

// old returns a version from hist, nil if it is not there.
func (s *Store) old(ctx context.Context, key fhir.Key, number int64) (*doc, error) {
	o, err := one[oldDoc](s.hist.FindOne(ctx, byID(versionName(key.String(), number))))
	if o == nil || err != nil {
		return nil, err
	}
	return o.doc(), nil
}

// one returns what was found, nil if nothing was.
func one[T any](r *mongo.SingleResult) (*T, error) {
	found := new(T)
	err := r.Decode(found)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

func byID(id string) bson.D { return bson.D{{Key: "_id", Value: id}} }

// read returns the current version.
func (s *Store) read(ctx context.Context, who search.Access, key fhir.Key) (*store.Version, error) {
	d, err := s.current(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.visible(ctx, who, key, d)
}

// readVersion returns the version of that number. What it does not find in cur is
// in hist, for it is there before cur has another.
func (s *Store) readVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (*store.Version, error) {
	d, err := s.current(ctx, key)
	if err != nil {
		return nil, err
	}
	if d != nil && d.Number != number {
		if number < 1 || number > d.Number {
			d = nil
		} else if d, err = s.old(ctx, key, number); err != nil {
			return nil, err
		}
	}
	return s.visible(ctx, who, key, d)
}

// visible returns the version in a document if who may see it, and the error for
// him if not, or if there is no document.
func (s *Store) visible(ctx context.Context, who search.Access, key fhir.Key, d *doc) (*store.Version, error) {
	if d == nil {
		return nil, store.ErrNotFound(key)
	}
	v, err := s.version(ctx, d)
	if err != nil {
		return nil, err
	}
	switch permitted, err := s.permits(ctx, who, v); {
	case err != nil:
		return nil, err
	case !permitted:
		return nil, store.ErrNotFound(key)
	case v.Deleted:
		return nil, store.ErrGone(key)
	}
	return v, nil
}

// permits reports whether who may see a version. A mark of deletion is seen by
// those who might see the version before it.
func (s *Store) permits(ctx context.Context, who search.Access, v *store.Version) (bool, error) {
	if who.Unrestricted() {
		return true, nil
	}
	if v.Deleted {
		d, err := s.old(ctx, v.Key, v.Number-1)
		if err != nil || d == nil {
			return false, err
		}
		if v, err = s.version(ctx, d); err != nil {
			return false, err
		}
	}
	r, err := s.parse(v)
	if err != nil {
		return false, err
	}
	return who.Permits(r), nil
}
