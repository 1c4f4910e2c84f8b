package mongodb_test

import (
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

func TestArchive(t *testing.T) {
	reg := storetest.NewRegistry(t)
	storetest.RunArchive(t, func(t *testing.T) store.Archive {
		return openQuick(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
	}, reg)
}

// openQuick opens a store that does not wait long for others.
func openQuick(t testing.TB, url string, o mongodb.Options) *mongodb.Store {
	t.Helper()
	s, err := mongodb.OpenQuick(ctx, url, o)
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

// TestAddedAgain stores a batch, forgets that it has, as a process that died
// before it noted so, and stores it again together with what came later. Large
// bodies, which lie in files, are still there.
func TestAddedAgain(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	m := storetest.NewMemory(reg)
	id, _ := m.ID(ctx)
	versions := func(texts ...string) (list []store.Archived) {
		t.Helper()
		for _, text := range texts {
			if _, err := m.Put(ctx, all, write(t, reg, text)); err != nil {
				t.Fatal(err)
			}
		}
		for v, err := range m.Versions(ctx, store.Place{}) {
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, v)
		}
		return list
	}
	noise := make([]byte, 3<<20)
	rand.Read(noise)
	large := func(rest string) string {
		return `{"resourceType":"Binary","id":"b","contentType":"x/y` + rest + `","data":"` + base64.StdEncoding.EncodeToString(noise) + `"}`
	}
	before := versions(`{"resourceType":"Patient","id":"p","active":true}`, large(""), `{"resourceType":"Patient","id":"q"}`, large("1"))
	after := versions(`{"resourceType":"Patient","id":"p","active":false}`, large("2"))

	to := openQuick(t, url, mongodb.Options{Registry: reg, Archive: true})
	for _, batch := range [][]store.Archived{before, before, after} {
		r, err := to.Restore(ctx, id)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Add(ctx, batch, "some"); err != nil {
			t.Fatal(err)
		}
		if err := mongodb.Forget(ctx, to); err != nil {
			t.Fatal(err)
		}
	}
	i := 0
	for v, err := range to.Versions(ctx, store.Place{}) {
		if err != nil || i >= len(after) {
			t.Fatalf("version %d of %d: %v", i, len(after), err)
		}
		w := after[i]
		if v.Key != w.Key || v.Number != w.Number || v.Newest != w.Newest || string(v.Body) != string(w.Body) {
			t.Errorf("got %s/%d newest %t, %d bytes, want %s/%d newest %t, %d bytes", v.Key, v.Number, v.Newest, len(v.Body), w.Key, w.Number, w.Newest, len(w.Body))
		}
		i++
	}
	if i != len(after) {
		t.Errorf("got %d versions, want %d", i, len(after))
	}
	if err := mongodb.Verify(ctx, to); err != nil {
		t.Error(err)
	}
}

// TestLateIndexes closes and opens a copy before it has its indexes.
func TestLateIndexes(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	m := storetest.NewMemory(reg)
	id, _ := m.ID(ctx)
	missing := func(s *mongodb.Store, want int) {
		t.Helper()
		if n, err := mongodb.Missing(ctx, s); err != nil || n != want {
			t.Errorf("%d indexes are missing (error %v), want %d", n, err, want)
		}
	}
	for range 2 {
		s, err := mongodb.OpenQuick(ctx, url, mongodb.Options{Registry: reg, Archive: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Restore(ctx, id); err != nil {
			t.Fatal(err)
		}
		missing(s, 2)
		s.Close()
	}
	s := openQuick(t, url, mongodb.Options{Registry: reg, Archive: true})
	r, err := s.Restore(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	var last, of int64 = -1, -1
	if err := r.Index(ctx, func(done, total int64) { last, of = done, total }); err != nil || last != of || last < 0 {
		t.Errorf("got %v, %d of %d done", err, last, of)
	}
	missing(s, 0)
	if err := r.Finish(ctx); err != nil {
		t.Error(err)
	}
}
