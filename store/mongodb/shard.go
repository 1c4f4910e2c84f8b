package mongodb

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/noafhir/noafhir/fhir"
)

// sharded are the collections that are spread over shards, and by what. All are
// spread by a hash: of what is written and read alone, so that a write is on one
// shard. The others are small and stay on the primary shard of the database.
var sharded = []struct{ collection, field string }{
	{"cur", "_id"},              // Type/id
	{"hist", "rk"},              // Type/id, so that the versions of a resource stay together
	{"lock", "_id"},             //
	{"body.chunks", "files_id"}, // the parts of a large body stay together
}

// ShardCommands returns the commands for mongosh that spread the collections of
// the database that a connection string names.
func ShardCommands(url string) ([]string, error) {
	name, err := databaseOf(url)
	if err != nil {
		return nil, err
	}
	commands := []string{fmt.Sprintf("sh.enableSharding(%q)", name)}
	for _, s := range sharded {
		commands = append(commands,
			fmt.Sprintf("db.getSiblingDB(%q).getCollection(%q).createIndex({%q: \"hashed\"})", name, s.collection, s.field),
			fmt.Sprintf("sh.shardCollection(%q, {%q: \"hashed\"})", name+"."+s.collection, s.field))
	}
	return commands, nil
}

// CheckRouter returns an error unless a connection string leads to a router of a
// sharded cluster (mongos).
func CheckRouter(ctx context.Context, url string) error {
	s := &Store{}
	defer s.letGo()
	if err := s.connect(ctx, url, defaultWait); err != nil {
		return opening(err)
	}
	var hello struct {
		SetName string `bson:"setName"`
		Msg     string `bson:"msg"`
	}
	if err := s.db.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
		return opening(err)
	}
	switch {
	case hello.Msg == "isdbgrid":
		return nil
	case hello.SetName != "":
		return fhir.Errorf(fhir.Unsupported, "the address leads to the replica set %s, not to a sharded cluster: use the address of a mongos", hello.SetName)
	}
	return fhir.Errorf(fhir.Unsupported, "the address leads to a single server, not to a sharded cluster: use the address of a mongos")
}

// Shard spreads the collections over the shards of a cluster. What is spread so
// already stays as it is; what is spread otherwise is an error. The cluster moves
// what is there in the background.
func (s *Store) Shard(ctx context.Context) error {
	return s.ask(ctx, func() error {
		admin := s.client.Database("admin")
		if err := admin.RunCommand(ctx, bson.D{{Key: "enableSharding", Value: s.db.Name()}}).Err(); err != nil {
			return err
		}
		for _, c := range sharded {
			key := bson.D{{Key: c.field, Value: "hashed"}}
			if _, err := s.db.Collection(c.collection).Indexes().CreateOne(ctx, mongo.IndexModel{Keys: key}); err != nil {
				return err
			}
			namespace := s.db.Name() + "." + c.collection
			if err := admin.RunCommand(ctx, bson.D{{Key: "shardCollection", Value: namespace}, {Key: "key", Value: key}}).Err(); err != nil {
				return err
			}
		}
		return nil
	})
}
