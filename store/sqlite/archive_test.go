package sqlite_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

func TestArchive(t *testing.T) {
	reg := storetest.NewRegistry(t)
	for name, o := range map[string]sqlite.Options{
		"as for serving": {Registry: reg},
		"as for imports": {Registry: reg, Bulk: true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.RunArchive(t, func(t *testing.T) store.Archive { return checkedStore{openAt(t, temp(t), o), t} }, reg)
		})
	}
}

// piece adds at most n versions of one store to another, behind the mark, which
// is a number of versions, and reports whether there may be more.
func piece(t *testing.T, from, to *sqlite.Store, n int) bool {
	t.Helper()
	id, err := from.ID(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r, err := to.Restore(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var done int
	fmt.Sscan(r.Mark(), &done)
	var some []store.Archived
	i := 0
	for v, err := range from.Versions(ctx, store.Place{}) {
		if err != nil {
			t.Fatal(err)
		}
		if i++; i > done && len(some) < n {
			some = append(some, v)
		}
	}
	if err := r.Add(ctx, some, fmt.Sprint(done+len(some))); err != nil {
		t.Fatal(err)
	}
	if len(some) == n {
		return true
	}
	for _, step := range []func() error{func() error { return r.Index(ctx, nil) }, func() error { return r.Finish(ctx) }} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return false
}

// TestUnfinishedCopy closes and opens a copy between its pieces. Only who means
// to complete it may open it.
func TestUnfinishedCopy(t *testing.T) {
	reg := storetest.NewRegistry(t)
	from := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer from.Close()
	for i := range 25 {
		put(t, from, reg, fmt.Sprint("p", i%10), fmt.Sprint("Poe", i))
	}
	path := temp(t)
	for more := true; more; {
		to := openAt(t, path, sqlite.Options{Registry: reg, Archive: true, Bulk: true})
		if more = piece(t, from, to, 10); more {
			if err := to.Close(); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, path, reg, "unfinished copy")
			continue
		}
		if err := to.Verify(ctx); err != nil {
			t.Error(err)
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s := openAt(t, path, sqlite.Options{Registry: reg})
	defer s.Close()
	if n := count(t, s, reg, "Poe2"); n != 5 { // Poe20 to Poe24
		t.Errorf("found %d, want 5", n)
	}
	put(t, s, reg, "p0", "Later")
	if v, err := s.Read(ctx, all, fhir.Key{Type: "Patient", ID: "p0"}); err != nil || v.Number != 4 {
		t.Errorf("got %+v, %v", v, err)
	}
}

// TestArchiveOnly opens a store to copy it: nothing of it changes.
func TestArchiveOnly(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openAt(t, path, sqlite.Options{Registry: reg})
	put(t, s, reg, "a", "Poe")
	if err := sqlite.Exec(s, "UPDATE meta SET value='other' WHERE key='index'"); err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = openAt(t, path, sqlite.Options{Registry: reg, Archive: true})
	defer s.Close()
	if n := len(collect(t, s)); n != 1 {
		t.Errorf("got %d versions", n)
	}
	if _, err := s.Put(ctx, all, write(t, reg, "b", "Poe")); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("writing: %v", err)
	}
	if err := s.Verify(ctx); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("the index was looked at: %v", err)
	}
}

func collect(t *testing.T, s *sqlite.Store) []store.Archived {
	t.Helper()
	var list []store.Archived
	for v, err := range s.Versions(ctx, store.Place{}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, v)
	}
	return list
}

// TestCopyCustomParams copies search parameters among resources: the copy knows
// them.
func TestCopyCustomParams(t *testing.T) {
	reg := storetest.NewRegistry(t)
	from := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer from.Close()
	patient := func(id string) {
		keep(t, from, fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"prefix":["Dr"]}]}`, id))
	}
	patient("before")
	keep(t, from, storetest.NameParam("name-prefix", "prefix"))
	patient("after")
	to := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer to.Close()
	piece(t, from, to, 100)
	if n := countBy(t, to, "name-prefix", "dr"); n != 2 {
		t.Errorf("the parameter finds %d", n)
	}
	if err := to.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// TestCopyWhole copies more than one batch of everything: many versions, large
// bodies, an index in several parts.
func TestCopyWhole(t *testing.T) {
	reg := storetest.NewRegistry(t)
	from := openAt(t, temp(t), sqlite.Options{Registry: reg, Bulk: true, Synchronous: "NORMAL"})
	defer from.Close()
	err := from.Update(ctx, func(tx store.Tx) error {
		for i := range 1300 {
			if _, err := tx.Put(ctx, all, write(t, reg, fmt.Sprint("p", i%700), strings.Repeat("Poe ", 1+i%2*(i%3)*1000))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	to := openAt(t, temp(t), sqlite.Options{Registry: reg, Archive: true, Bulk: true, Synchronous: "NORMAL"})
	defer to.Close()
	for piece(t, from, to, 600) {
	}
	got, want := collect(t, to), collect(t, from)
	if len(got) != len(want) {
		t.Fatalf("got %d versions, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Key != want[i].Key || string(got[i].Body) != string(want[i].Body) || !got[i].LastUpdated.Equal(want[i].LastUpdated) {
			t.Fatalf("got %+v, want %+v", got[i].Version, want[i].Version)
		}
	}
	if err := to.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// TestIndexGivenUp stops in the middle of the index: the copy stays unfinished.
func TestIndexGivenUp(t *testing.T) {
	reg := storetest.NewRegistry(t)
	from := openAt(t, temp(t), sqlite.Options{Registry: reg})
	defer from.Close()
	put(t, from, reg, "a", "Poe")
	path := temp(t)
	to := openAt(t, path, sqlite.Options{Registry: reg, Archive: true})
	id, _ := from.ID(ctx)
	r, err := to.Restore(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(ctx, collect(t, from), "1"); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(ctx)
	if err := r.Index(ended, func(int64, int64) { cancel() }); err == nil {
		t.Error("the index was made although nobody waited")
	}
	if err := r.Finish(ctx); fhir.KindOf(err) != fhir.Conflict {
		t.Errorf("finishing: %v", err)
	}
	to.Close()
	wantRefused(t, path, reg, "unfinished copy")
}
