package main

import (
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
)

// TestDocuments checks that a store in MongoDB is opened within the process, and
// that its floor reads what is in it and writes beside it.
func TestDocuments(t *testing.T) {
	b := &bench{clinic: clinic{size: 2 * perPatient}, span: time.Millisecond, place: place{url: mongotest.Fresh(t)}}
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
