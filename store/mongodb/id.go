package mongodb

import (
	"context"
	"crypto/rand"
	"encoding/hex"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// ID returns what tells the store from any other: 32 hex digits, made when they
// are first asked for.
func (s *Store) ID(ctx context.Context) (id string, err error) {
	err = s.ask(ctx, func() error {
		id, err = s.id(ctx)
		return err
	})
	return id, err
}

func (s *Store) id(ctx context.Context) (string, error) {
	var name [16]byte
	rand.Read(name[:])
	_, err := s.meta.InsertOne(ctx, bson.D{{Key: "_id", Value: "store"}, {Key: "value", Value: hex.EncodeToString(name[:])}})
	if err != nil && !mongo.IsDuplicateKeyError(err) {
		return "", err
	}
	var kept struct {
		Value string `bson:"value"`
	}
	err = s.meta.FindOne(ctx, bson.D{{Key: "_id", Value: "store"}}).Decode(&kept)
	return kept.Value, err
}
