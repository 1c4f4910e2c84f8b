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

// current returns the document of a resource without keys and words, nil if there
// is none.
func (s *Store) current(ctx context.Context, key fhir.Key) (*doc, error) {
	d := &doc{}
	err := s.cur.FindOne(ctx, bson.D{{Key: "_id", Value: key.String()}}, options.FindOne().SetProjection(versionFields)).Decode(d)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return d, err
}

// read returns the current version. Within a transaction, ctx carries it.
func (s *Store) read(ctx context.Context, who search.Access, key fhir.Key) (*store.Version, error) {
	d, err := s.current(ctx, key)
	if err != nil {
		return nil, err
	}
	if d == nil {
		return nil, notFound(key)
	}
	return s.visible(ctx, who, d)
}

// visible returns the version in a document if who may see it, and the error for
// him if not.
func (s *Store) visible(ctx context.Context, who search.Access, d *doc) (*store.Version, error) {
	v, err := s.version(ctx, d)
	if err != nil {
		return nil, err
	}
	switch permitted, err := s.permits(ctx, who, v); {
	case err != nil:
		return nil, err
	case !permitted:
		return nil, notFound(v.Key)
	case v.Deleted:
		return nil, gone(v.Key)
	}
	return v, nil
}

// permits reports whether who may see a version. A mark of deletion is seen by
// those who might see the version before it.
func (s *Store) permits(ctx context.Context, who search.Access, v *store.Version) (bool, error) {
	if who.Unrestricted() {
		return true, nil
	}
	r, err := s.parse(v)
	if err != nil {
		return false, err
	}
	return who.Permits(r), nil
}
