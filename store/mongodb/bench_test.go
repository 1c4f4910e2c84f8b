package mongodb_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// observationText is of the kind that most of a hospital's records are of.
const observationText = `{"resourceType":"Observation","id":"%[1]s","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/vitalsigns"]},"status":"final",` +
	`"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],` +
	`"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"Heart rate"}],"text":"Heart rate"},` +
	`"subject":{"reference":"Patient/p%[2]d"},"encounter":{"reference":"Encounter/e%[2]d"},"effectiveDateTime":"2026-03-%02[3]dT10:%02[4]d:00+01:00",` +
	`"issued":"2026-03-%02[3]dT10:%02[4]d:00.000+01:00","performer":[{"reference":"Practitioner/n%[3]d","display":"Nurse %[3]d"}],` +
	`"valueQuantity":{"value":%[5]d.5,"unit":"beats/minute","system":"http://unitsofmeasure.org","code":"/min"}}`

func observation(i int) string {
	return fmt.Sprintf(observationText, fmt.Sprintf("o%d", i), i%500, i%28+1, i%60, 40+i%100)
}

// floorOf returns a collection beside cur that has the same indexes and documents.
func floorOf(b *testing.B, db *mongo.Database) (*mongo.Collection, []bson.D) {
	b.Helper()
	floor := db.Collection("floor")
	specs, err := db.Collection("cur").Indexes().ListSpecifications(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for _, spec := range specs {
		if spec.Name == "_id_" {
			continue
		}
		if _, err := floor.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: spec.KeysDocument}); err != nil {
			b.Fatal(err)
		}
	}
	found, err := db.Collection("cur").Find(ctx, bson.D{})
	if err != nil {
		b.Fatal(err)
	}
	var docs []bson.D
	if err := found.All(ctx, &docs); err != nil {
		b.Fatal(err)
	}
	if _, err := floor.InsertMany(ctx, docs); err != nil {
		b.Fatal(err)
	}
	return floor, docs
}

// BenchmarkFloor compares creating and reading one resource with what the driver
// alone does with the same documents, by turns. A ratio of 1 is as fast.
func BenchmarkFloor(b *testing.B) {
	const there = 2000
	reg := storetest.NewRegistry(b)
	s := openAt(b, mongotest.Fresh(b), mongodb.Options{Registry: reg})
	size := 0
	for from := 0; from < there; from += 500 {
		err := s.Update(ctx, func(tx store.Tx) error {
			for i := range 500 {
				v, err := tx.Put(ctx, all, write(b, reg, observation(from+i)))
				if err != nil {
					return err
				}
				size += len(v.Body)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	floor, docs := floorOf(b, mongodb.Database(s))
	stored := 0
	for _, d := range docs {
		raw, err := bson.Marshal(d)
		if err != nil {
			b.Fatal(err)
		}
		stored += len(raw)
	}
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("create/%d", clients), func(b *testing.B) {
			var i, j atomic.Int64
			byTurns(b, func() error {
				return together(clients, func() error {
					r, err := reg.Codec.ParseJSON([]byte(observation(int(i.Add(1)))))
					if err != nil {
						return err
					}
					_, err = s.Put(ctx, all, store.Prepare(reg, r, bson.NewObjectID().Hex(), "POST"))
					return err
				})
			}, func() error {
				return together(clients, func() error {
					_, err := floor.InsertOne(ctx, another(docs[j.Add(1)%there]))
					return err
				})
			})
			b.ReportMetric(float64(stored)/float64(size), "documentbytes/jsonbyte")
		})
	}
	b.Run("read", func(b *testing.B) {
		i, j := 0, 0
		byTurns(b, func() error {
			i++
			_, err := s.Read(ctx, all, fhir.Key{Type: "Observation", ID: fmt.Sprintf("o%d", i%there)})
			return err
		}, func() error {
			j++
			var d bson.Raw
			return floor.FindOne(ctx, bson.D{{Key: "_id", Value: fmt.Sprintf("Observation/o%d", j%there)}}).Decode(&d)
		})
	})
}

// eachClient is how often every client does it in a turn.
const eachClient = 10

// together has some clients do something at once.
func together(clients int, do func() error) error {
	errs := make([]error, clients)
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for range eachClient {
				if errs[c] = do(); errs[c] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// another returns a document with an id, an instant and a place in the order of
// its own: a database takes longer to index what it does not have yet.
func another(d bson.D) bson.D {
	id, now := bson.NewObjectID().Hex(), time.Now().UnixMicro()
	own := map[string]any{"_id": "Observation/" + id, "id": id, "n": now, "lu": now}
	d = slices.Clone(d)
	for i := range d {
		if value, ok := own[d[i].Key]; ok {
			d[i].Value = value
		}
	}
	return d
}

// byTurns runs the store and the floor and reports how fast the one is by the
// measure of the other.
func byTurns(b *testing.B, ours, bare func() error) {
	var spent [2]time.Duration
	for b.Loop() {
		for i, do := range []func() error{ours, bare} {
			start := time.Now()
			if err := do(); err != nil {
				b.Fatal(err)
			}
			spent[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(spent[1])/float64(spent[0]), "ratio")
}
