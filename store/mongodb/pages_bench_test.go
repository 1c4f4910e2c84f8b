package mongodb_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// BenchmarkPages compares pages of searches with what the driver alone does with the
// same documents, by the best index for it, by turns. A ratio of 1 is as fast.
func BenchmarkPages(b *testing.B) {
	const there, size = 5000, 20
	reg := storetest.NewRegistry(b)
	s := openAt(b, mongotest.Fresh(b), mongodb.Options{Registry: reg})
	for from := 0; from < there; from += 500 {
		err := s.Update(ctx, func(tx store.Tx) error {
			for i := range 500 {
				if _, err := tx.Put(ctx, all, write(b, reg, observation(from+i))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	floor, _ := floorOf(b, mongodb.Database(s))
	keyOf := func(text string) string {
		return mongodb.EncodeKey(parse(b, reg, text).Where[0].Ranges[0].Low)
	}
	up, down := bson.D{{Key: "d", Value: 1}, {Key: "n", Value: 1}}, bson.D{{Key: "d", Value: -1}, {Key: "n", Value: -1}}
	byKey, byType := bson.D{{Key: "k", Value: 1}, {Key: "d", Value: 1}, {Key: "n", Value: 1}}, bson.D{{Key: "t", Value: 1}, {Key: "d", Value: 1}, {Key: "n", Value: 1}}
	code, subject := keyOf("Observation?code=http://loinc.org|8867-4"), keyOf("Observation?subject=Patient/p7")
	observations := bson.D{{Key: "t", Value: "Observation"}}
	tests := []struct {
		name, search string
		page         int // 0 is the first
		filter       bson.D
		hint, sort   bson.D
	}{
		{"type", "Observation?", 0, observations, byType, up},
		{"type, page 3", "Observation?", 2, observations, byType, up},
		{"type, newest first", "Observation?_sort=-date", 0, observations, byType, down},
		{"frequent key", "Observation?code=http://loinc.org|8867-4", 0, bson.D{{Key: "k", Value: code}}, byKey, up},
		{"frequent key, page 3", "Observation?code=http://loinc.org|8867-4", 2, bson.D{{Key: "k", Value: code}}, byKey, up},
		{"rare key", "Observation?subject=Patient/p7", 0, bson.D{{Key: "k", Value: subject}}, byKey, up},
		{"both", "Observation?subject=Patient/p7&code=http://loinc.org|8867-4", 0, bson.D{{Key: "k", Value: bson.D{{Key: "$all", Value: bson.A{subject, code}}}}}, byKey, up},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			q := parse(b, reg, test.search)
			q.Count = size
			for range test.page {
				page, err := s.Search(ctx, all, q)
				if err != nil {
					b.Fatal(err)
				}
				q.After = page.Next
			}
			byTurns(b, func() error { return turn(s, q) }, func() error {
				o := options.Find().SetHint(test.hint).SetSort(test.sort).SetSkip(int64(test.page * size)).SetLimit(size + 1).SetProjection(bson.D{{Key: "k", Value: 0}, {Key: "w", Value: 0}})
				found, err := floor.Find(ctx, test.filter, o)
				if err != nil {
					return err
				}
				var docs []bson.Raw
				return found.All(ctx, &docs)
			})
		})
	}
}

func turn(s *mongodb.Store, q *search.Query) error {
	_, err := s.Search(ctx, all, q)
	return err
}
