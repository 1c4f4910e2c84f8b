package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// keep stores a resource, indexed by what the store has now.
func keep(t *testing.T, s *sqlite.Store, text string) {
	t.Helper()
	reg := s.Registry()
	r, err := reg.Codec.ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(ctx, all, store.Prepare(reg, r, r.ID(), "PUT")); err != nil {
		t.Fatal(err)
	}
}

// countBy returns how many patients a parameter finds, -1 if there is no such
// parameter.
func countBy(t *testing.T, s *sqlite.Store, code, value string) int64 {
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

func openTight(t *testing.T, path string, reg *search.Registry) *sqlite.Store {
	t.Helper()
	s, err := sqlite.OpenTight(path, sqlite.Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCustomParams(t *testing.T) {
	path := temp(t)
	reg := storetest.NewRegistry(t)
	s := openTight(t, path, reg)
	const n = 50
	for i := range n {
		keep(t, s, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","name":[{"prefix":["Dr"],"suffix":["Jr"]}]}`, i))
	}
	if got := countBy(t, s, "name-prefix", "dr"); got != -1 {
		t.Errorf("a parameter that is not defined finds %d", got)
	}
	keep(t, s, storetest.NameParam("name-prefix", "prefix"))
	for { // it is not known, or it finds all
		if got := countBy(t, s, "name-prefix", "dr"); got == n {
			break
		} else if got != -1 {
			t.Fatalf("a parameter that is being indexed finds %d of %d", got, n)
		}
		runtime.Gosched()
	}
	keep(t, s, `{"resourceType":"Patient","id":"new","name":[{"prefix":["Dr"]}]}`)
	if got := countBy(t, s, "name-prefix", "dr"); got != n+1 {
		t.Errorf("after a further patient it finds %d", got)
	}

	// What is not finished goes on when the store is opened again.
	keep(t, s, storetest.NameParam("name-suffix", "suffix"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, sqlite.Options{Registry: reg})
	defer s.Close()
	if got := countBy(t, s, "name-prefix", "dr"); got != n+1 {
		t.Errorf("opened again it finds %d", got)
	}
	for countBy(t, s, "name-suffix", "jr") == -1 {
		runtime.Gosched()
	}
	if got := countBy(t, s, "name-suffix", "jr"); got != n {
		t.Errorf("the other parameter finds %d", got)
	}

	// A changed one is another one; a deleted one is gone at once.
	keep(t, s, storetest.NameParam("name-prefix", "suffix"))
	if got := countBy(t, s, "name-prefix", "dr"); got > 0 {
		t.Errorf("a changed parameter finds %d by its old expression", got)
	}
	for countBy(t, s, "name-prefix", "jr") != n {
		runtime.Gosched()
	}
	if _, err := s.Delete(ctx, all, fhir.Key{Type: "SearchParameter", ID: "name-prefix"}, 0); err != nil {
		t.Fatal(err)
	}
	if got := countBy(t, s, "name-prefix", "jr"); got != -1 {
		t.Errorf("a deleted parameter finds %d", got)
	}
	for sqlite.Walking(s) {
		runtime.Gosched()
	}
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Reindex(ctx, nil); err != nil {
		t.Error(err)
	}
	if got := countBy(t, s, "name-suffix", "jr"); got != n {
		t.Errorf("indexed anew the other parameter finds %d", got)
	}
}

// TestCustomParamsAtRandom defines and removes parameters, and opens the store
// again, at any time.
func TestCustomParamsAtRandom(t *testing.T) {
	reg := storetest.NewRegistry(t)
	path := temp(t)
	s := openTight(t, path, reg)
	r := rand.New(rand.NewPCG(1, 2))
	stored := map[string]bool{}
	for i := range 120 {
		code := []string{"x-prefix", "x-suffix", "x-text"}[r.IntN(3)]
		switch r.IntN(5) {
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
		default:
			if i%4 == 0 {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openTight(t, path, reg)
			}
		}
		for _, code := range []string{"x-prefix", "x-suffix", "x-text"} {
			if got := countBy(t, s, code, "v"); got != -1 && got != int64(len(stored)) {
				t.Fatalf("step %d: %s finds %d of %d", i, code, got, len(stored))
			}
		}
		if i%10 == 0 {
			if err := s.Verify(ctx); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
	for sqlite.Walking(s) {
		runtime.Gosched()
	}
	if err := s.Verify(ctx); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
