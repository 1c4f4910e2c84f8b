package mongodb

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// A tally counts what a search has asked of the database, with all searches
// within it.
type tally struct {
	questions, rows atomic.Int64
}

// A question is put to cur. Its parts are evaluated in their order. Answers come
// in one batch: a cursor that is left open can cost some databases the whole
// result.
type question struct {
	match  bson.D // what of the index is read
	hint   bson.D // the index
	sort   bson.D // the order of the index, or nil
	most   int    // rows of the index that are read; 0: all
	judged bson.D // what the rows have to meet; nil: nothing
	after  bson.D // into which order they are then put, or nil
	skip   int
	limit  int    // answers; 0: all
	fields bson.D // what they have
}

// The fields of answers.
var (
	headFields = bson.D{{Key: "t", Value: 1}, {Key: "id", Value: 1}, {Key: "n", Value: 1}, {Key: "lu", Value: 1}, {Key: "d", Value: 1}}
	allFields  = versionFields
)

// unlimited is how many rows a question may read that may read all. Its $limit
// stays, as a fence: no database moves what stands behind it before it.
const unlimited = math.MaxInt32

// stages returns the pipeline.
func (q *question) stages() mongo.Pipeline {
	match := q.match
	if match == nil {
		match = bson.D{}
	}
	p := mongo.Pipeline{field("$match", match)}
	add := func(name string, value bson.D) {
		if value != nil {
			p = append(p, field(name, value))
		}
	}
	add("$sort", q.sort)
	most := q.most
	if most == 0 {
		most = unlimited
	}
	if q.judged != nil || q.most != 0 || q.after != nil {
		p = append(p, field("$limit", int64(most)))
	}
	add("$match", q.judged)
	add("$sort", q.after)
	if q.skip > 0 {
		p = append(p, field("$skip", int64(q.skip)))
	}
	if q.limit > 0 {
		p = append(p, field("$limit", int64(q.limit)))
	}
	add("$project", q.fields)
	return p
}

// answers puts a question and calls yield with each answer, which may keep it.
func (f *finder) answers(q *question, yield func(*doc) error) error {
	o := options.Aggregate().SetHint(q.hint)
	if q.limit > 0 {
		o.SetBatchSize(int32(q.limit + 1)) // with room to see that there is no more
	}
	cursor, err := f.s.aggregate(f.ctx, f.s.cur, q.stages(), o)
	if err != nil {
		return err
	}
	defer cursor.Close(context.WithoutCancel(f.ctx))
	f.tally.questions.Add(1)
	for cursor.Next(f.ctx) {
		d := &doc{}
		if err := cursor.Decode(d); err != nil {
			return err
		}
		f.tally.rows.Add(1)
		if err := yield(d); err != nil {
			return err
		}
	}
	return cursor.Err()
}

// all puts a question and returns the answers.
func (f *finder) all(q *question) ([]doc, error) {
	var docs []doc
	err := f.answers(q, func(d *doc) error {
		docs = append(docs, *d)
		return nil
	})
	return docs, err
}

// countUpTo counts the rows of an index, up to a limit; a limit of 0 is none.
func (f *finder) countUpTo(match, hint bson.D, limit int) (int, error) {
	q := question{match: match, hint: hint, limit: limit}
	n, err := f.number(&q)
	return int(n), err
}

// number puts a question and returns how many answers it has.
func (f *finder) number(q *question) (int64, error) {
	stages := append(q.stages(), bson.D{{Key: "$count", Value: "n"}})
	cursor, err := f.s.aggregate(f.ctx, f.s.cur, stages, options.Aggregate().SetHint(q.hint))
	if err != nil {
		return 0, err
	}
	defer cursor.Close(context.WithoutCancel(f.ctx))
	f.tally.questions.Add(1)
	var n struct{ N int64 }
	if cursor.Next(f.ctx) {
		err = cursor.Decode(&n)
	}
	if err == nil {
		err = cursor.Err()
	}
	return n.N, err
}

// aggregate puts a pipeline to a collection. The database gives up when the context
// will.
func (s *Store) aggregate(ctx context.Context, c *mongo.Collection, stages mongo.Pipeline, o *options.AggregateOptionsBuilder) (*mongo.Cursor, error) {
	if deadline, ok := ctx.Deadline(); ok {
		//lint:ignore SA1019 the driver leaves it out of commands that can have a cursor, and has no other way
		o.SetCustom(bson.M{"maxTimeMS": max(1, time.Until(deadline).Milliseconds())})
	}
	if asked := s.asked; asked != nil {
		asked(c, stages, o)
	}
	return c.Aggregate(ctx, stages, o)
}

// together runs calls, several at once where that may be: not in a transaction.
func (f *finder) together(n int, call func(i int) error) error {
	if n == 1 || mongo.SessionFromContext(f.ctx) != nil {
		for i := range n {
			if err := call(i); err != nil {
				return err
			}
		}
		return nil
	}
	errs := make([]error, n)
	slots := make(chan struct{}, f.s.tuning.parallel)
	var wait sync.WaitGroup
	for i := range n {
		slots <- struct{}{}
		wait.Go(func() {
			errs[i] = call(i)
			<-slots
		})
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// slices returns the filters that a condition is the union of: long lists are cut,
// and what is in several slices comes several times.
func (f *finder) slices(c *condition) func(yield func(bson.D) bool) {
	return func(yield func(bson.D) bool) {
		switch {
		case c.timed:
			yield(c.filter())
		case c.listed:
			for refs := range slices.Chunk(c.refs, f.s.tuning.slice) {
				if !yield(in("_id", refs)) {
					return
				}
			}
		default:
			for spans := range slices.Chunk(c.spans, f.s.tuning.slice) {
				if !yield(filterOf(c.field, spans)) {
					return
				}
			}
		}
	}
}
