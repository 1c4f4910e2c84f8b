package mongodb_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

var (
	ctx = context.Background()
	all = search.Everything()
)

// openAt opens the store in a database and closes it when the test ends.
func openAt(t testing.TB, url string, o mongodb.Options) *mongodb.Store {
	t.Helper()
	s, err := mongodb.Open(ctx, url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// write prepares a resource, which has an id, to be stored.
func write(t testing.TB, reg *search.Registry, text string) store.Write {
	t.Helper()
	r, err := reg.Codec.ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return store.Prepare(reg, r, r.ID(), "PUT")
}

func TestPutAndRead(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
	for number := int64(1); number <= 2; number++ {
		made, err := s.Put(ctx, all, write(t, reg, `{"resourceType":"Patient","id":"ada"}`))
		if err != nil || made.Number != number || made.Created != (number == 1) {
			t.Fatalf("Put: %+v, %v", made, err)
		}
		read, err := s.Read(ctx, all, fhir.Key{Type: "Patient", ID: "ada"})
		if err != nil || string(read.Body) != string(made.Body) || !read.LastUpdated.Equal(made.LastUpdated) {
			t.Errorf("Read: %+v, %v", read, err)
		}
	}
}
