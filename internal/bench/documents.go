package main

import (
	"context"
	"encoding/base64"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// documents are the floor of MongoDB: what a resource is in the database, written
// and read with the plain driver. They are in a collection of their own with the
// indexes of the store's, which is smaller: the floor is rather high.
type documents struct {
	rawSource
	client *mongo.Client
	own    *mongo.Collection
	cur    *mongo.Collection // the store's
}

// openDocuments opens the database of a store for its floor.
func openDocuments(url string, c clinic) (*documents, error) {
	registry, err := newRegistry()
	if err != nil {
		return nil, err
	}
	parts, err := connstring.Parse(url)
	if err != nil {
		return nil, err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(url).SetWriteConcern(writeconcern.Majority()))
	if err != nil {
		return nil, err
	}
	db := client.Database(parts.Database)
	d := &documents{rawSource{c, registry, rawFirst}, client, db.Collection("bench_floor"), db.Collection("cur")}
	return d, d.index()
}

// index gives our collection the indexes of the store's.
func (d *documents) index() error {
	ctx := context.Background()
	if err := d.own.Drop(ctx); err != nil {
		return err
	}
	existing, err := d.cur.Indexes().List(ctx)
	if err != nil {
		return err
	}
	var specs []struct{ Key bson.D }
	if err := existing.All(ctx, &specs); err != nil {
		return err
	}
	for _, s := range specs {
		if s.Key[0].Key == "_id" {
			continue
		}
		if _, err := d.own.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: s.Key}); err != nil {
			return err
		}
	}
	return nil
}

// create implements [floor].
func (d *documents) create(b *bench, each int) (result, error) { return d.rate(b.span, each, d.write) }

// write stores resources with one command.
func (d *documents) write(list []rawResource) error {
	now := time.Now().UnixMicro()
	docs := make([]any, len(list))
	for i, r := range list {
		keys := make([]string, len(r.entries.Keys))
		for k, key := range r.entries.Keys {
			keys[k] = base64.RawURLEncoding.EncodeToString(key)
		}
		docs[i] = bson.D{
			{Key: "_id", Value: r.typ + "/" + r.id}, {Key: "t", Value: r.typ}, {Key: "id", Value: r.id}, {Key: "n", Value: now + int64(i)},
			{Key: "ver", Value: int64(1)}, {Key: "lu", Value: now + int64(i)}, {Key: "d", Value: r.entries.Date}, {Key: "del", Value: false},
			{Key: "m", Value: "POST"}, {Key: "gen", Value: int32(1)}, {Key: "k", Value: keys}, {Key: "w", Value: []string{}}, {Key: "z", Value: r.body},
		}
	}
	_, err := d.own.InsertMany(context.Background(), docs)
	return err
}

// read implements [floor].
func (d *documents) read(b *bench) (result, error) {
	a := b.newAsking()
	fields := options.FindOne().SetProjection(bson.D{{Key: "k", Value: 0}, {Key: "w", Value: 0}})
	return repeat(b.span, func() error {
		return d.cur.FindOne(context.Background(), bson.D{{Key: "_id", Value: relative(a.IntN(a.size))}}, fields).Err()
	})
}

// scan implements [floor].
func (d *documents) scan() (result, error) {
	ctx, begin := context.Background(), time.Now()
	all, err := d.cur.Find(ctx, bson.D{}, options.Find().SetProjection(bson.D{{Key: "z", Value: 1}}))
	if err != nil {
		return result{}, err
	}
	defer all.Close(ctx)
	total := 0
	for all.Next(ctx) {
		total += len(all.Current.Lookup("z").Value)
	}
	return result{rate: float64(total) / time.Since(begin).Seconds()}, all.Err()
}

// close implements [floor].
func (d *documents) close() error {
	ctx := context.Background()
	if err := d.own.Drop(ctx); err != nil {
		return err
	}
	return d.client.Disconnect(ctx)
}
