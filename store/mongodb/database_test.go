package mongodb_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// database opens the database of a store behind its back.
func database(t testing.TB, address string) *mongo.Database {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(address))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Disconnect(ctx) })
	return client.Database(u.Path[1:])
}

// TestLargeBodies puts bodies of more than a document may have in and out, alone
// and in a unit, and checks that no file is left that nothing refers to.
func TestLargeBodies(t *testing.T) {
	reg := storetest.NewRegistry(t)
	address := mongotest.Fresh(t)
	s := openAt(t, address, mongodb.Options{Registry: reg})
	noise := make([]byte, 20<<20)
	rand.Read(noise)
	text := `{"resourceType":"Binary","id":"%s","contentType":"image/tiff","data":"` + base64.StdEncoding.EncodeToString(noise) + `"}`
	files := func(want int64) {
		t.Helper()
		n, err := database(t, address).Collection("body.files").CountDocuments(ctx, bson.D{})
		if err != nil || n != want {
			t.Errorf("there are %d files (error %v), want %d", n, err, want)
		}
	}
	alone, within := write(t, reg, fmt.Sprintf(text, "alone")), write(t, reg, fmt.Sprintf(text, "within"))
	made := map[fhir.Key]*store.Version{}
	var err error
	if made[alone.Key], err = s.Put(ctx, all, alone); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(ctx, func(tx store.Tx) error { _, _ = tx.Put(ctx, all, within); return fhir.Errorf(fhir.Ambiguous, "no") }); err == nil {
		t.Error("a unit that fails does not")
	}
	files(1)
	err = s.Update(ctx, func(tx store.Tx) error {
		var err error
		if made[within.Key], err = tx.Put(ctx, all, within); err != nil {
			return err
		}
		read, err := tx.Read(ctx, all, within.Key)
		if err == nil && !bytes.Equal(read.Body, made[within.Key].Body) {
			t.Error("within a unit, a large body comes back otherwise")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(ctx, all, write(t, reg, `{"resourceType":"Binary","id":"alone","contentType":"image/tiff"}`)); err != nil {
		t.Fatal(err)
	}
	for key, v := range made {
		read, err := s.ReadVersion(ctx, all, key, 1)
		if err != nil || !bytes.Equal(read.Body, v.Body) {
			t.Errorf("%s comes back otherwise (error %v)", key, err)
		}
	}
	files(2)
}

// TestLeftover has hist hold a version that is still current, as after the end of
// a process between two steps.
func TestLeftover(t *testing.T) {
	reg := storetest.NewRegistry(t)
	for _, unit := range []bool{false, true} {
		t.Run(fmt.Sprintf("unit %t", unit), func(t *testing.T) {
			address := mongotest.Fresh(t)
			s := openAt(t, address, mongodb.Options{Registry: reg})
			w := write(t, reg, `{"resourceType":"Patient","id":"ada"}`)
			first, err := s.Put(ctx, all, w)
			if err != nil {
				t.Fatal(err)
			}
			db := database(t, address)
			var d bson.M
			if err := db.Collection("cur").FindOne(ctx, bson.D{{Key: "_id", Value: "Patient/ada"}}).Decode(&d); err != nil {
				t.Fatal(err)
			}
			for _, field := range []string{"k", "w", "gen", "d", "n"} {
				delete(d, field)
			}
			d["_id"], d["rk"] = "Patient/ada|1", "Patient/ada"
			if _, err := db.Collection("hist").InsertOne(ctx, d); err != nil {
				t.Fatal(err)
			}
			look := func(want int) {
				t.Helper()
				for _, key := range []fhir.Key{w.Key, {Type: "Patient"}, {}} {
					wantVersions(t, s, key, want)
				}
				v, err := s.ReadVersion(ctx, all, w.Key, 1)
				if err != nil || !bytes.Equal(v.Body, first.Body) {
					t.Errorf("version 1: %+v, %v", v, err)
				}
			}
			look(1)
			put := func(tx store.Tx) error { _, err := tx.Put(ctx, all, w); return err }
			if unit {
				err = s.Update(ctx, put)
			} else {
				_, err = s.Put(ctx, all, w)
			}
			if err != nil {
				t.Fatal(err)
			}
			look(2)
		})
	}
}

// TestLayout opens databases that are not what they should be.
func TestLayout(t *testing.T) {
	reg := storetest.NewRegistry(t)
	tests := []struct {
		name  string
		spoil func(t *testing.T, db *mongo.Database, address string)
		o     mongodb.Options
		want  string // in the error
	}{
		{
			name: "a newer layout",
			spoil: func(t *testing.T, db *mongo.Database, address string) {
				if _, err := db.Collection("meta").InsertOne(ctx, bson.D{{Key: "_id", Value: "layout"}, {Key: "version", Value: 99}}); err != nil {
					t.Fatal(err)
				}
			},
			want: "made by a newer version of this program (layout 99",
		},
		{
			name: "another program's",
			spoil: func(t *testing.T, db *mongo.Database, address string) {
				if _, err := db.Collection("cur").InsertOne(ctx, bson.D{{Key: "x", Value: 1}}); err != nil {
					t.Fatal(err)
				}
			},
			want: "that this program did not make",
		},
		{
			name:  "nothing may be made",
			spoil: func(*testing.T, *mongo.Database, string) {},
			o:     mongodb.Options{NoDDL: true},
			want:  `db.getCollection("cur").createIndex({k: 1, d: 1, n: 1})`,
		},
		{
			name: "an index is missing",
			spoil: func(t *testing.T, db *mongo.Database, address string) {
				s, err := mongodb.Open(ctx, address, mongodb.Options{Registry: reg})
				if err != nil {
					t.Fatal(err)
				}
				s.Close()
				if err := db.Collection("hist").Indexes().DropOne(ctx, "rk_1_ver_1"); err != nil {
					t.Fatal(err)
				}
			},
			o:    mongodb.Options{NoDDL: true},
			want: `made by` + "\n" + `  db.getCollection("hist").createIndex({rk: 1, ver: 1})`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := mongotest.Fresh(t)
			test.spoil(t, database(t, address), address)
			test.o.Registry = reg
			s, err := mongodb.Open(ctx, address, test.o)
			if err == nil {
				s.Close()
				t.Fatal("the database was opened")
			}
			if !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q does not say %q", err, test.want)
			}
		})
	}
}

// TestIndexes counts the indexes of each collection, and opens a database again
// without being allowed to make any.
func TestIndexes(t *testing.T) {
	reg := storetest.NewRegistry(t)
	address := mongotest.Fresh(t)
	openAt(t, address, mongodb.Options{Registry: reg})
	openAt(t, address, mongodb.Options{Registry: reg, NoDDL: true})
	db := database(t, address)
	for collection, most := range map[string]int{"cur": 14, "hist": 14} {
		specs, err := db.Collection(collection).Indexes().ListSpecifications(ctx)
		if err != nil || len(specs) < 3 || len(specs) > most {
			t.Errorf("%s has %d indexes (error %v), want at most %d", collection, len(specs), err, most)
		}
	}
}

// TestUnreachable opens a store where there is no server.
func TestUnreachable(t *testing.T) {
	reg := storetest.NewRegistry(t)
	_, err := mongodb.Open(ctx, "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100", mongodb.Options{Registry: reg})
	if fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("error %v, want one of kind Unavailable", err)
	}
}
