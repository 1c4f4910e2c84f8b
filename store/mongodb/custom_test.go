package mongodb_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// keep stores a resource, indexed by what the store searches by now.
func keep(t testing.TB, s *mongodb.Store, text string) {
	t.Helper()
	if _, err := s.Put(ctx, all, write(t, s.Registry(), text)); err != nil {
		t.Fatal(err)
	}
}

// countBy returns how many patients a parameter finds, -1 if there is no such
// parameter.
func countBy(t testing.TB, s *mongodb.Store, code, value string) int64 {
	t.Helper()
	q, err := search.Parse(s.Registry(), "Patient", [][2]string{{code, value}}, search.Options{})
	if err != nil {
		return -1
	}
	n, err := s.Count(ctx, all, q)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// until waits for something that other goroutines bring about.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for !done() {
		select {
		case <-t.Context().Done():
			t.Fatalf("%s does not come", what)
		case <-time.After(time.Millisecond): // not to keep the processors from it
		}
	}
}

// verify checks that every document has the keys that its body gives by what the
// store indexes by, and is of its generation.
func verify(t testing.TB, url string, s *mongodb.Store) {
	t.Helper()
	until(t, "the end of the walk", func() bool { return !mongodb.Building(s) })
	if err := mongodb.Verify(ctx, s); err != nil {
		t.Error(err)
	}
}

// TestCustomParams defines, changes and removes parameters. Two servers are at it;
// what one stores the other finds, and neither ever finds a part of it.
func TestCustomParams(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	a, b := openQuick(t, url, mongodb.Options{Registry: reg}), openQuick(t, url, mongodb.Options{Registry: reg})
	const n = 30
	for i := range n {
		keep(t, a, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"prefix":["Dr"],"suffix":["Jr"]}]}`, i))
	}
	if got := countBy(t, b, "name-prefix", "dr"); got != -1 {
		t.Errorf("a parameter that is not defined finds %d", got)
	}
	keep(t, a, storetest.NameParam("name-prefix", "prefix"))
	for _, s := range []*mongodb.Store{a, b} {
		until(t, "the parameter", func() bool {
			got := countBy(t, s, "name-prefix", "dr")
			if got != -1 && got != n {
				t.Fatalf("a parameter that is being indexed finds %d of %d", got, n)
			}
			return got == n
		})
	}
	keep(t, b, `{"resourceType":"Patient","id":"new","name":[{"prefix":["Dr"]}]}`)
	if got := countBy(t, a, "name-prefix", "dr"); got != n+1 {
		t.Errorf("after a further patient it finds %d", got)
	}
	verify(t, url, a)

	// A changed one is another one; a deleted one is gone at once.
	keep(t, a, storetest.NameParam("name-prefix", "suffix"))
	if got := countBy(t, a, "name-prefix", "dr"); got > 0 {
		t.Errorf("a changed parameter finds %d by its old expression", got)
	}
	until(t, "the changed parameter", func() bool { return countBy(t, b, "name-prefix", "jr") == n })
	if _, err := a.Delete(ctx, all, fhir.Key{Type: "SearchParameter", ID: "name-prefix"}, 0); err != nil {
		t.Fatal(err)
	}
	if got := countBy(t, a, "name-prefix", "jr"); got != -1 {
		t.Errorf("a deleted parameter finds %d", got)
	}
	until(t, "its end in the other server", func() bool { return countBy(t, b, "name-prefix", "jr") == -1 })
	verify(t, url, b)
}

// TestDiedBeforeTelling has a server store a definition and die before it tells
// the others. They find out.
func TestDiedBeforeTelling(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	s := openQuick(t, url, mongodb.Options{Registry: reg})
	keep(t, s, `{"resourceType":"Patient","id":"p","name":[{"prefix":["Dr"]}]}`)
	died := openQuick(t, url, mongodb.Options{Registry: reg})
	if err := mongodb.PutAndDie(ctx, died, write(t, reg, storetest.NameParam("name-prefix", "prefix"))); err != nil {
		t.Fatal(err)
	}
	until(t, "the parameter", func() bool { return countBy(t, s, "name-prefix", "dr") == 1 })
}

// TestWalkGoesOn closes the only server in the middle of a walk. The next one ends
// it.
func TestWalkGoesOn(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	s, err := mongodb.OpenQuick(ctx, url, mongodb.Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		keep(t, s, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"prefix":["Dr"]}]}`, i))
	}
	keep(t, s, storetest.NameParam("name-prefix", "prefix"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openQuick(t, url, mongodb.Options{Registry: reg})
	until(t, "the parameter", func() bool { return countBy(t, s, "name-prefix", "dr") == 5 })
	verify(t, url, s)
}

// TestCustomParamsAtRandom defines and removes parameters while several servers
// write. Whenever one knows a parameter, it finds everything by it.
func TestCustomParamsAtRandom(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	codes := []string{"x-prefix", "x-suffix", "x-text"}
	servers := []*mongodb.Store{openQuick(t, url, mongodb.Options{Registry: reg}), openQuick(t, url, mongodb.Options{Registry: reg})}
	r := rand.New(rand.NewPCG(1, 2))
	stored := map[string]bool{}
	for i := range 60 {
		s := servers[r.IntN(len(servers))]
		code := codes[r.IntN(3)]
		switch r.IntN(4) {
		case 0, 1:
			id := fmt.Sprint("p", r.IntN(40))
			keep(t, s, fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"prefix":["V"],"suffix":["V"],"text":"V"}]}`, id))
			stored[id] = true
		case 2:
			keep(t, s, storetest.NameParam(code, code[2:]))
		case 3:
			if _, err := s.Delete(ctx, all, fhir.Key{Type: "SearchParameter", ID: code}, 0); err != nil {
				t.Fatal(err)
			}
		}
		for _, code := range codes {
			if got := countBy(t, s, code, "v"); got != -1 && got != int64(len(stored)) {
				t.Fatalf("step %d: %s finds %d of %d", i, code, got, len(stored))
			}
		}
	}
	for _, s := range servers {
		verify(t, url, s)
	}
}

// TestReindex makes the index anew while a server serves, and breaks it before.
func TestReindex(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	s := openQuick(t, url, mongodb.Options{Registry: reg})
	const n = 450
	for i := range n {
		keep(t, s, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"Poe"}]}`, i))
	}
	if _, err := s.Delete(ctx, all, fhir.Key{Type: "Patient", ID: "p0"}, 0); err != nil {
		t.Fatal(err)
	}
	damage(t, url, bson.D{{Key: "id", Value: "p7"}}, bson.D{{Key: "k", Value: bson.A{}}})
	if err := mongodb.Verify(ctx, s); err == nil {
		t.Error("a document without keys is not noticed")
	}
	other := openQuick(t, url, mongodb.Options{Registry: reg})
	var last, of int64
	err := other.Reindex(ctx, func(done, total int64) {
		if done < last {
			t.Errorf("from %d back to %d", last, done)
		}
		last, of = done, total
	})
	if err != nil || last != n || of != n {
		t.Errorf("got %v, %d of %d done", err, last, of)
	}
	if got := countBy(t, s, "family", "poe"); got != n-1 {
		t.Errorf("afterwards %d are found", got)
	}
	verify(t, url, other)
}

// damage changes documents behind the store's back.
func damage(t testing.TB, url string, of, set bson.D) {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(url))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(ctx)
	r, err := client.Database(mongodb.DatabaseOf(url)).Collection("cur").UpdateMany(ctx, of, bson.D{{Key: "$set", Value: set}})
	if err != nil || r.ModifiedCount == 0 {
		t.Fatalf("nothing was damaged: %+v, %v", r, err)
	}
}

// TestOtherParameters opens a database with the parameters of another version. The
// index is made anew; who still runs the old version neither writes nor searches.
func TestOtherParameters(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	fewer := slices.DeleteFunc(slices.Clone(reg.Codec.Schema.SearchParams), func(p fhir.SearchParam) bool { return len(p.Component) > 0 })
	some, err := search.NewRegistry(reg.Codec, fewer)
	if err != nil {
		t.Fatal(err)
	}
	old := openQuick(t, url, mongodb.Options{Registry: some})
	for i := range 10 {
		keep(t, old, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"family":"Poe"}]}`, i))
	}
	s := openQuick(t, url, mongodb.Options{Registry: reg})
	q, err := search.Parse(reg, "Patient", [][2]string{{"family", "poe"}}, search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	keep(t, s, `{"resourceType":"Patient","id":"meanwhile","name":[{"family":"Poe"}]}`)
	until(t, "the new index", func() bool {
		got, err := s.Count(ctx, all, q)
		if err != nil && fhir.KindOf(err) != fhir.Unavailable || err == nil && got != 11 {
			t.Fatalf("got %d, %v", got, err)
		}
		return err == nil
	})
	verify(t, url, s)
	_, err = old.Put(ctx, all, write(t, some, `{"resourceType":"Patient","id":"q"}`))
	if fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("the old version writes: %v", err)
	}
	_, err = old.Count(ctx, all, &search.Query{Type: "Patient"})
	if fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("the old version searches: %v", err)
	}
	if err := old.Check(ctx); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("the old version is fine: %v", err)
	}
}

// TestHold copies a database: others do not write to it meanwhile, and only one
// process copies.
func TestHold(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	served := openQuick(t, url, mongodb.Options{Registry: reg})
	keep(t, served, `{"resourceType":"Patient","id":"p"}`)

	var writing, ended sync.WaitGroup
	var stop atomic.Bool
	writing.Add(1)
	ended.Go(func() { // it writes as fast as it can
		for i := 0; !stop.Load(); i++ {
			_, err := served.Put(ctx, all, write(t, reg, `{"resourceType":"Patient","id":"p"}`))
			if err != nil && fhir.KindOf(err) != fhir.Unavailable {
				t.Errorf("writing: %v", err)
			}
			if i == 0 {
				writing.Done()
			}
		}
	})
	writing.Wait()
	copying, err := mongodb.OpenQuick(ctx, url, mongodb.Options{Registry: reg, Archive: true})
	if err != nil {
		t.Fatal(err)
	}
	walk := func() (n int) {
		for _, err := range copying.Versions(ctx, store.Place{}) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		return n
	}
	before := walk()
	if _, err := mongodb.OpenQuick(ctx, url, mongodb.Options{Registry: reg, Archive: true}); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("a second process copies: %v", err)
	}
	if now := walk(); now != before {
		t.Errorf("%d versions became %d", before, now)
	}
	mongodb.Die(copying)
	next, err := mongodb.OpenQuick(ctx, url, mongodb.Options{Registry: reg, Archive: true})
	if err != nil {
		t.Fatalf("after the process died that copied: %v", err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "writing after the copy", func() bool {
		_, err := served.Put(ctx, all, write(t, reg, `{"resourceType":"Patient","id":"afterwards"}`))
		return err == nil
	})
	stop.Store(true)
	ended.Wait()
}

// TestUnfinishedCopy opens a copy that is not complete, and has a server that was
// there before notice.
func TestUnfinishedCopy(t *testing.T) {
	url := mongotest.Fresh(t)
	reg := storetest.NewRegistry(t)
	served := openQuick(t, url, mongodb.Options{Registry: reg})
	m := storetest.NewMemory(reg)
	if _, err := m.Put(ctx, all, write(t, reg, `{"resourceType":"Patient","id":"p"}`)); err != nil {
		t.Fatal(err)
	}
	id, _ := m.ID(ctx)
	to, err := mongodb.OpenQuick(ctx, url, mongodb.Options{Registry: reg, Archive: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := to.Restore(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	for v := range m.Versions(ctx, store.Place{}) {
		for range 2 { // as after a process that died
			if err := r.Add(ctx, []store.Archived{v}, "x"); err != nil && fhir.KindOf(err) != fhir.Conflict {
				t.Fatal(err)
			}
		}
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := mongodb.OpenQuick(ctx, url, mongodb.Options{Registry: reg}); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("half a copy is opened: %v", err)
	}
	if _, err := served.Put(ctx, all, write(t, reg, `{"resourceType":"Patient","id":"q"}`)); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("half a copy is written to: %v", err)
	}
	if _, err := served.Count(ctx, all, &search.Query{Type: "Patient"}); fhir.KindOf(err) != fhir.Unavailable {
		t.Errorf("half a copy is searched: %v", err)
	}
}
