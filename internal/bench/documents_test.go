package main

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// TestDocuments checks that a store in MongoDB is opened within the process, and
// that its floor reads what is in it and writes beside it.
func TestDocuments(t *testing.T) {
	server := os.Getenv("NOAFHIR_TEST_MONGODB")
	if server == "" {
		if os.Getenv("NOAFHIR_TEST_REQUIRE_MONGODB") != "" {
			t.Fatal("NOAFHIR_TEST_MONGODB is not set: it is the URL of a MongoDB to test with")
		}
		t.Skip("the floors of MongoDB are not tested: set NOAFHIR_TEST_MONGODB to the URL of a server")
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/noafhir_bench_" + rand.Text()
	t.Cleanup(func() { dropDatabase(t, server, u.Path[1:]) })
	b := &bench{clinic: clinic{size: 2 * perPatient}, span: time.Millisecond, place: place{url: u.String()}}
	s, err := b.place.openInside()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, b.clinic, false)
	f, err := b.openFloor()
	if err != nil {
		t.Fatal(err)
	}
	for _, floor := range []trial{
		func() (result, error) { return f.create(b, 1) },
		func() (result, error) { return f.create(b, 30) },
		func() (result, error) { return f.read(b) },
		f.scan,
	} {
		if r, err := floor(); err != nil || r.rate <= 0 {
			t.Errorf("got %+v, %v", r, err)
		}
	}
	if err := f.close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Read(t.Context(), search.Everything(), fhir.Key{Type: "Patient", ID: id(perPatient)}); err != nil {
		t.Errorf("after the floors: %v", err)
	}
}

func dropDatabase(t *testing.T, server, name string) {
	client, err := mongo.Connect(options.Client().ApplyURI(server))
	if err == nil {
		err = client.Database(name).Drop(context.Background())
		client.Disconnect(context.Background())
	}
	if err != nil {
		t.Errorf("dropping the database: %v", err)
	}
}
