package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// An index is one that a collection has to have.
type index struct {
	collection string
	keys       bson.D
}

func up(fields ...string) bson.D {
	var keys bson.D
	for _, f := range fields {
		keys = append(keys, bson.E{Key: f, Value: int32(1)})
	}
	return keys
}

// indexes are all there are, beside those of _id and of GridFS.
var indexes = []index{
	{"cur", up("k", "d", "n")},    // by key, in the order of clinical dates
	{"cur", up("w", "d", "n")},    // by word, likewise
	{"cur", up("d", "n")},         // everything, likewise
	{"cur", up("t", "lu", "_id")}, // a type by lastUpdated
	{"cur", up("lu", "_id")},      // everything by lastUpdated
	{"cur", up("id", "t")},        // by id without a type
	{"cur", up("gen", "_id")},     // what has keys of an older registry
	{"hist", up("rk", "ver")},     // the versions of a resource
	{"hist", up("t", "lu", "rk")}, // those of a type, by lastUpdated
	{"hist", up("lu", "rk")},      // all, by lastUpdated
}

// prepare makes what is missing of the database's layout.
func (s *Store) prepare(ctx context.Context, noDDL bool) error {
	for _, ix := range indexes {
		if _, err := s.db.Collection(ix.collection).Indexes().CreateOne(ctx, mongo.IndexModel{Keys: ix.keys}); err != nil {
			return err
		}
	}
	return nil
}
