package mongodb

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Tighten makes a store change plans, ask again and cut off as early as it can, so
// that few resources go through all of that. Results stay the same.
func Tighten(s *Store) {
	s.tuning = tuning{
		few: 3, budget: 2, growth: 2, gathered: 1000, kept: 3, batch: 3, streams: 2, targets: 40, window: 4, slice: 2, parallel: 2,
	}
}

// Explained calls yield with how the database would answer each question that is
// put from now on, of those that differ by their values only once.
func Explained(s *Store, yield func(hint bson.D, plan bson.M, err error)) {
	var mu sync.Mutex
	known := map[string]bool{}
	s.asked = func(c *mongo.Collection, stages mongo.Pipeline, o *options.AggregateOptionsBuilder) {
		var set options.AggregateOptions
		for _, apply := range o.Opts {
			apply(&set)
		}
		command := bson.D{{Key: "aggregate", Value: c.Name()}, {Key: "pipeline", Value: stages}, {Key: "cursor", Value: bson.D{}}, {Key: "hint", Value: set.Hint}}
		shape := shapeOf(command)
		mu.Lock()
		again := known[shape]
		known[shape] = true
		mu.Unlock()
		if again {
			return
		}
		var plan bson.M
		err := s.db.RunCommand(context.Background(), bson.D{{Key: "explain", Value: command}, {Key: "verbosity", Value: "queryPlanner"}}).Decode(&plan)
		hint, _ := set.Hint.(bson.D)
		yield(hint, plan, err)
	}
}

// Limits calls yield with how long the database may take for each question that is
// put from now on, in milliseconds, 0 for as long as it likes.
func Limits(s *Store, yield func(ms int64)) {
	s.asked = func(_ *mongo.Collection, _ mongo.Pipeline, o *options.AggregateOptionsBuilder) {
		var set options.AggregateOptions
		for _, apply := range o.Opts {
			apply(&set)
		}
		//lint:ignore SA1019 as where it is set
		ms, _ := set.Custom["maxTimeMS"].(int64)
		yield(ms)
	}
}

// shapeOf returns what a question looks like without its values.
func shapeOf(v any) string {
	switch v := v.(type) {
	case bson.D:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(e.Key + "(" + shapeOf(e.Value) + ")")
		}
		return b.String()
	case bson.A:
		parts := map[string]bool{}
		for _, e := range v {
			parts[shapeOf(e)] = true
		}
		return strings.Join(slices.Sorted(maps.Keys(parts)), "|")
	case mongo.Pipeline:
		var parts []string
		for _, stage := range v {
			parts = append(parts, shapeOf(stage))
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprintf("%T", v)
}

// EncodeKey returns what stands in the database for an index key.
func EncodeKey(key []byte) string { return encodeKey(key) }
