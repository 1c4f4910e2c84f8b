package mongodb

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
)

// layout is the version of what this file says the database is like.
const layout = 1

// An index is one that a collection has to have.
type index struct {
	collection string
	keys       bson.D
	unique     bool
	expires    bool // documents are removed at the time in the field
	late       bool // while the database is filled by a copy it is not there: made afterwards it costs less
}

func up(fields ...string) bson.D {
	var keys bson.D
	for _, f := range fields {
		keys = append(keys, bson.E{Key: f, Value: int32(1)})
	}
	return keys
}

// indexes are all there are, beside those of _id. The last two are as GridFS wants
// them.
var indexes = []index{
	{collection: "cur", keys: up("k", "d", "n"), late: true}, // by key, in the order of clinical dates
	{collection: "cur", keys: up("w", "d", "n"), late: true}, // by word, likewise
	{collection: "cur", keys: up("t", "d", "n")},             // a type, likewise
	{collection: "cur", keys: up("d", "n")},                  // everything, likewise
	{collection: "cur", keys: up("t", "lu", "_id")},          // a type by lastUpdated
	{collection: "cur", keys: up("lu", "_id")},               // everything by lastUpdated
	{collection: "cur", keys: up("id", "t")},                 // by id, of any type
	{collection: "cur", keys: up("gen", "_id")},              // what has keys of another generation
	{collection: "hist", keys: up("rk", "ver")},              // the versions of a resource
	{collection: "hist", keys: up("t", "lu", "rk")},          // those of a type, by lastUpdated
	{collection: "hist", keys: up("lu", "rk")},               // all, by lastUpdated
	{collection: "lock", keys: up("until"), expires: true},
	{collection: "body.files", keys: up("filename", "uploadDate")},
	{collection: "body.chunks", keys: up("files_id", "n"), unique: true},
}

// prepare sees to it that the database has the layout that this program knows,
// and its indexes.
func (s *Store) prepare(ctx context.Context, noDDL bool) error {
	if err := s.claim(ctx); err != nil {
		return err
	}
	s.noDDL = noDDL
	note, err := s.copyNote(ctx)
	if err != nil {
		return err
	}
	return s.makeIndexes(ctx, note == nil || note.Done)
}

// makeIndexes makes the indexes that are missing, also those that are made late
// if late is set.
func (s *Store) makeIndexes(ctx context.Context, late bool) error {
	missing, err := s.missing(ctx)
	if err != nil {
		return err
	}
	missing = slices.DeleteFunc(missing, func(ix index) bool { return ix.late && !late })
	if len(missing) > 0 && s.noDDL {
		return errMissing(missing)
	}
	for len(missing) > 0 {
		of := missing[0].collection
		var models []mongo.IndexModel
		rest := slices.DeleteFunc(slices.Clone(missing), func(ix index) bool { return ix.collection == of })
		for _, ix := range missing {
			if ix.collection == of {
				models = append(models, mongo.IndexModel{Keys: ix.keys, Options: ix.model()})
			}
		}
		if _, err := s.db.Collection(of).Indexes().CreateMany(ctx, models); err != nil {
			return err
		}
		missing = rest
	}
	return nil
}

// dropLate removes the indexes that are made late, if it may.
func (s *Store) dropLate(ctx context.Context) error {
	for _, ix := range indexes {
		if !ix.late || s.noDDL {
			continue
		}
		if err := s.db.Collection(ix.collection).Indexes().DropWithKey(ctx, ix.keys); err != nil {
			return err
		}
	}
	return nil
}

// claim marks an empty database as ours, and refuses those that are another's or
// have a layout that this program does not know.
func (s *Store) claim(ctx context.Context) error {
	var is struct {
		Version int32 `bson:"version"`
	}
	for {
		err := s.meta.FindOne(ctx, byID("layout")).Decode(&is)
		switch {
		case err == nil && is.Version == layout:
			return nil
		case err == nil && is.Version > layout:
			return fhir.Errorf(fhir.Unavailable, "the database was made by a newer version of this program (layout %d, this program knows %d): use that version", is.Version, layout)
		case err == nil:
			return fhir.Errorf(fhir.Unavailable, "the layout version %d of the database is not valid", is.Version)
		case !errors.Is(err, mongo.ErrNoDocuments):
			return err
		}
		for _, c := range []*mongo.Collection{s.cur, s.hist} {
			if n, err := c.CountDocuments(ctx, bson.D{}, options.Count().SetLimit(1)); err != nil || n > 0 {
				return errors.Join(err, fhir.Errorf(fhir.Unavailable, "the database has a collection %s that this program did not make: choose another database", c.Name()))
			}
		}
		made := bson.D{{Key: "version", Value: int32(layout)}, {Key: "store", Value: newID()}}
		if _, err := s.meta.InsertOne(ctx, append(byID("layout"), made...)); err != nil && !mongo.IsDuplicateKeyError(err) {
			return err
		}
	}
}

// missing returns the indexes that are not there.
func (s *Store) missing(ctx context.Context) ([]index, error) {
	there := map[string]bool{}
	var missing []index
	for _, ix := range indexes {
		if !there[ix.collection] {
			there[ix.collection] = true
			specs, err := s.db.Collection(ix.collection).Indexes().ListSpecifications(ctx)
			if err != nil && !noSuchCollection(err) {
				return nil, err
			}
			for _, spec := range specs {
				there[ix.collection+" "+fieldsOf(spec.KeysDocument)] = true
			}
		}
		if !there[ix.collection+" "+ix.fields()] {
			missing = append(missing, ix)
		}
	}
	return missing, nil
}

// noSuchCollection reports whether err says that a collection is not there.
func noSuchCollection(err error) bool {
	server, ok := errors.AsType[mongo.ServerError](err)
	return ok && server.HasErrorCode(26)
}

// model returns the options of an index.
func (ix *index) model() *options.IndexOptionsBuilder {
	o := options.Index()
	if ix.unique {
		o.SetUnique(true)
	}
	if ix.expires {
		o.SetExpireAfterSeconds(0)
	}
	return o
}

// fields writes what an index is over like k: 1, d: 1.
func (ix *index) fields() string {
	var fields []string
	for _, e := range ix.keys {
		fields = append(fields, e.Key+": 1")
	}
	return strings.Join(fields, ", ")
}

// fieldsOf writes what an index of the database is over as fields does.
func fieldsOf(keys bson.Raw) string {
	elements, err := keys.Elements()
	if err != nil {
		return ""
	}
	var fields []string
	for _, e := range elements {
		number, _ := e.Value().AsInt64OK()
		fields = append(fields, fmt.Sprintf("%s: %d", e.Key(), number))
	}
	return strings.Join(fields, ", ")
}

// errMissing lists indexes that somebody else has to make.
func errMissing(missing []index) error {
	var list strings.Builder
	for _, ix := range missing {
		how := ""
		if ix.unique {
			how = ", {unique: true}"
		}
		if ix.expires {
			how = ", {expireAfterSeconds: 0}"
		}
		fmt.Fprintf(&list, "\n  db.getCollection(%q).createIndex({%s}%s)", ix.collection, ix.fields(), how)
	}
	return fhir.Errorf(fhir.Unavailable, "the database lacks indexes that this server may not make; they are made by%s", list.String())
}

// ID returns what tells the database from any other: 32 hex digits, made with it.
func (s *Store) ID(ctx context.Context) (id string, err error) {
	err = s.ask(ctx, func() error {
		id, err = s.id(ctx)
		return err
	})
	return id, err
}

func (s *Store) id(ctx context.Context) (string, error) {
	var is struct {
		Store string `bson:"store"`
	}
	err := s.meta.FindOne(ctx, byID("layout")).Decode(&is)
	return is.Store, err
}

// newID makes an ID.
func newID() string {
	id := make([]byte, 16)
	rand.Read(id)
	return hex.EncodeToString(id)
}

// check writes something.
func (s *Store) check(ctx context.Context) error {
	if err := s.takesWrites(ctx); err != nil {
		return err
	}
	if err := s.takesSearches(ctx); err != nil {
		return err
	}
	now := bson.NewDateTimeFromTime(time.Now())
	_, err := s.meta.UpdateOne(ctx, byID("check"), bson.D{{Key: "$set", Value: bson.D{{Key: "at", Value: now}}}}, options.UpdateOne().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return nil // another server was as fast
	}
	return err
}
