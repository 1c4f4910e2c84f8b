package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
)

// documents are the floor of MongoDB: what a resource is in the database, written
// and read with the plain driver. They are those of the store, under other names, in
// a collection of their own with the same indexes, which is smaller: the floor is
// rather high.
type documents struct {
	client *mongo.Client
	own    *mongo.Collection
	cur    *mongo.Collection // the store's
}

// openDocuments opens the database of a store for its floor.
func openDocuments(url string) (*documents, error) {
	parts, err := connstring.Parse(url)
	if err != nil {
		return nil, err
	}
	client, err := mongo.Connect(options.Client().ApplyURI(url).SetWriteConcern(durable()))
	if err != nil {
		return nil, err
	}
	db := client.Database(parts.Database)
	d := &documents{client, db.Collection("bench_floor"), db.Collection("cur")}
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

// durable is the write concern of the store.
func durable() *writeconcern.WriteConcern {
	journal := true
	return &writeconcern.WriteConcern{W: "majority", Journal: &journal}
}

// maxSample is how many documents of the store the floor writes again and again.
const maxSample = 2000

// create implements [floor].
func (d *documents) create(b *bench, each int) (result, error) {
	ctx := context.Background()
	found, err := d.cur.Find(ctx, bson.D{}, options.Find().SetLimit(maxSample))
	if err != nil {
		return result{}, err
	}
	var sample []bson.D
	if err := found.All(ctx, &sample); err != nil {
		return result{}, err
	}
	if len(sample) == 0 {
		return result{}, errors.New("the store has no documents to write")
	}
	docs, done := make([]any, each), 0
	var working time.Duration
	for working < b.span {
		for i := range docs {
			docs[i] = renamed(sample[done%len(sample)])
			done++
		}
		begin := time.Now()
		if _, err := d.own.InsertMany(ctx, docs); err != nil {
			return result{}, err
		}
		working += time.Since(begin)
	}
	return result{rate: float64(done) / working.Seconds()}, nil
}

// renamed returns a document of the store with an id, an instant and a place in the
// order of its own.
func renamed(doc bson.D) bson.D {
	id, now := bson.NewObjectID().Hex(), time.Now().UnixMicro()
	own := map[string]any{"_id": "New/" + id, "id": id, "n": now, "lu": now}
	doc = slices.Clone(doc)
	for i, e := range doc {
		if value, ok := own[e.Key]; ok {
			doc[i].Value = value
		}
	}
	return doc
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
