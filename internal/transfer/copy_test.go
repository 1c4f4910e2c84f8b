package transfer_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/internal/transfer"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

var everything = search.Everything()

// fillStore stores versions of invented resources, and deletes some.
func fillStore(t *testing.T, st store.Store, reg *search.Registry, n int) {
	t.Helper()
	ctx := t.Context()
	for i := range n {
		text := fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","multipleBirthInteger":%d}`, i%50, i)
		if i%3 == 0 {
			text = fmt.Sprintf(`{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"x"},"valueQuantity":{"value":%d.10}}`, i%70, i)
		}
		r, err := reg.Codec.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Put(ctx, everything, store.Prepare(reg, r, r.ID(), "PUT")); err != nil {
			t.Fatal(err)
		}
		if i%11 == 0 {
			if _, err := st.Delete(ctx, everything, fhir.Key{Type: "Patient", ID: fmt.Sprint("p", i%50)}, 0); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// contents returns all versions of a store, as text.
func contents(t *testing.T, a store.Archive) []string {
	t.Helper()
	var list []string
	for v, err := range a.Versions(t.Context(), store.Place{}) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s/%d %s %s %t %t %s", v.Key, v.Number, v.LastUpdated.Format(time.RFC3339Nano), v.Method, v.Deleted, v.Newest, v.Body))
	}
	return list
}

func registry(t testing.TB) *search.Registry { return storetest.NewRegistry(t) }

func openSQLite(t *testing.T, path string, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// openMongoDB opens a store in a database of its own, or returns nil if there is
// no server to test with.
func openMongoDB(t *testing.T, reg *search.Registry) store.Archive {
	t.Helper()
	server := os.Getenv("NOAFHIR_TEST_MONGODB")
	if server == "" {
		return nil
	}
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("NOAFHIR_TEST_MONGODB: %v", err)
	}
	u.Path = "/noafhir_test_" + rand.Text()
	s, err := mongodb.Open(t.Context(), u.String(), mongodb.Options{Registry: reg})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		client, err := mongo.Connect(options.Client().ApplyURI(server))
		if err == nil {
			err = client.Database(u.Path[1:]).Drop(context.Background())
			client.Disconnect(context.Background())
		}
		if err != nil {
			t.Errorf("dropping the database: %v", err)
		}
	})
	return s
}

// TestCopy copies between kinds of stores, there and back.
func TestCopy(t *testing.T) {
	reg := registry(t)
	first := storetest.NewMemory(reg)
	fillStore(t, first, reg, 300)
	second := openSQLite(t, filepath.Join(t.TempDir(), "n.db"), sqlite.Options{Registry: reg})
	third := storetest.NewMemory(reg)
	want := contents(t, first)
	var from store.Archive = first
	targets := []store.Archive{second, third}
	if m := openMongoDB(t, reg); m != nil {
		targets = []store.Archive{m, second, third}
	}
	for _, to := range targets {
		told := map[string]int{}
		verb := ""
		sum, err := transfer.Copy(t.Context(), transfer.CopyOptions{
			From: from, To: to, Codec: reg.Codec,
			Begin: func(v, _ string, total int64) { verb = v; told[v] -= int(total) },
			Step:  func(n int, _ bool) { told[verb] += n },
		})
		if err != nil || sum.Copied != int64(len(want)) || sum.Moved != 0 || sum.Before {
			t.Fatalf("got %+v, %v, want %d versions", sum, err, len(want))
		}
		for verb, n := range told {
			if n != 0 {
				t.Errorf("%s %d more than was said there were", verb, n)
			}
		}
		if got := contents(t, to); !slices.Equal(got, want) {
			t.Errorf("the copy differs: %d versions of %d", len(got), len(want))
		}
		again, err := transfer.Copy(t.Context(), transfer.CopyOptions{From: from, To: to, Codec: reg.Codec})
		if err != nil || !again.Before || transfer.Digest(again.Sums) != transfer.Digest(sum.Sums) {
			t.Errorf("copied again: %+v, %v", again, err)
		}
		from = to
	}
	fillStore(t, third, reg, 1)
	_, err := transfer.Copy(t.Context(), transfer.CopyOptions{From: second, To: third, Codec: reg.Codec})
	if d, ok := errors.AsType[*transfer.Difference](err); !ok || !strings.Contains(err.Error(), "Observation/o0 version") {
		t.Errorf("a copy that was written to: %v (%v)", err, d)
	}
}

func TestCopyRefuses(t *testing.T) {
	reg := registry(t)
	from, to := storetest.NewMemory(reg), storetest.NewMemory(reg)
	fillStore(t, from, reg, 1)
	fillStore(t, to, reg, 1)
	for name, to := range map[string]store.Archive{"not empty": to, "itself": from} {
		if _, err := transfer.Copy(t.Context(), transfer.CopyOptions{From: from, To: to, Codec: reg.Codec}); fhir.KindOf(err) != fhir.Conflict {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A changing archive shows its versions otherwise than they are stored.
type changing struct {
	store.Archive
	walks  int
	change func(walk int, v *store.Version)
}

func (c *changing) Versions(ctx context.Context, after store.Place) iter.Seq2[store.Archived, error] {
	walk := c.walks
	c.walks++
	return func(yield func(store.Archived, error) bool) {
		for v, err := range c.Archive.Versions(ctx, store.Place{}) {
			if err == nil {
				w := *v.Version
				c.change(walk, &w)
				v.Version = &w
			}
			if err == nil && v.Place().Compare(after) <= 0 {
				continue
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// TestCopyDiffers has a source that is not the same each time it is read.
func TestCopyDiffers(t *testing.T) {
	reg := registry(t)
	m := storetest.NewMemory(reg)
	fillStore(t, m, reg, 30)
	for name, change := range map[string]func(v *store.Version){
		"a byte":    func(v *store.Version) { v.Body = append(v.Body[:len(v.Body):len(v.Body)], ' ') },
		"a method":  func(v *store.Version) { v.Method = "PATCH" },
		"a number":  func(v *store.Version) { v.Number++ },
		"a moment":  func(v *store.Version) { v.LastUpdated = v.LastUpdated.Add(time.Nanosecond * 1000) },
		"a mark":    func(v *store.Version) { v.Deleted = true },
		"the order": func(v *store.Version) { v.Key.ID = "p7x" },
	} {
		from := &changing{Archive: m, change: func(walk int, v *store.Version) {
			if walk > 0 && v.Key.ID == "p7" {
				change(v)
			}
		}}
		to := storetest.NewMemory(reg)
		_, err := transfer.Copy(t.Context(), transfer.CopyOptions{From: from, To: to, Codec: reg.Codec})
		if _, ok := errors.AsType[*transfer.Difference](err); !ok || !strings.Contains(err.Error(), "Patient") || !strings.Contains(err.Error(), "/p7") {
			t.Errorf("%s: got %v", name, err)
		}
		_, err = to.Put(t.Context(), everything, store.Write{})
		if fhir.KindOf(err) != fhir.Unavailable {
			t.Errorf("%s: the copy can be used: %v", name, err)
		}
	}
}

// TestCopySharedInstants copies versions that share instants, with interruptions
// in between.
func TestCopySharedInstants(t *testing.T) {
	reg := registry(t)
	m := storetest.NewMemory(reg)
	fillStore(t, m, reg, 100)
	instants := map[string]time.Time{} // four versions share one, but not two of one resource
	last, group := time.Time{}, map[fhir.Key]bool{}
	for v := range m.Versions(t.Context(), store.Place{}) {
		if len(group) == 4 || group[v.Key] || last.IsZero() {
			last, group = v.LastUpdated, map[fhir.Key]bool{}
		}
		group[v.Key] = true
		instants[fmt.Sprint(v.Key, v.Number)] = last
	}
	from := &sharing{&changing{Archive: m, change: func(_ int, v *store.Version) {
		at := instants[fmt.Sprint(v.Key, v.Number)]
		if !v.Deleted {
			r, err := reg.Codec.ParseJSON(v.Body)
			if err != nil {
				t.Error(err)
				return
			}
			v.Body = r.Stampable(v.Key.ID).Stamp(v.Number, at)
		}
		v.LastUpdated = at
	}}}
	to := openSQLite(t, filepath.Join(t.TempDir(), "n.db"), sqlite.Options{Registry: reg})
	moved := int64(0)
	for done := 0; ; { // the context ends with each batch
		ctx, cancel := context.WithCancel(t.Context())
		now := 0
		sum, err := transfer.Copy(ctx, transfer.CopyOptions{From: from, To: to, Codec: reg.Codec, Most: 7, Step: func(n int, earlier bool) {
			if now += n; !earlier && now > done+14 {
				cancel()
			}
		}})
		cancel()
		moved += sum.Moved
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) && fhir.KindOf(err) != fhir.Unavailable || now <= done {
			t.Fatalf("after %d versions: %v", now, err)
		}
		done = now
	}
	if moved == 0 {
		t.Error("no version was moved")
	}
	if err := to.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(contents(t, to)); n != len(instants) {
		t.Errorf("got %d versions, want %d", n, len(instants))
	}
}

// sharing puts versions into the order of places, after their instants have been
// changed.
type sharing struct{ *changing }

func (s *sharing) Versions(ctx context.Context, after store.Place) iter.Seq2[store.Archived, error] {
	return func(yield func(store.Archived, error) bool) {
		var list []store.Archived
		for v, err := range s.changing.Versions(ctx, after) {
			if err != nil {
				yield(v, err)
				return
			}
			list = append(list, v)
		}
		slices.SortStableFunc(list, func(a, b store.Archived) int { return a.Place().Compare(b.Place()) })
		for _, v := range list {
			if !yield(v, nil) {
				return
			}
		}
	}
}

// copyTest names, for a child process, the files to copy and when to die.
const copyTest = "NOAFHIR_COPY_TEST"

func TestMain(m *testing.M) {
	if text := os.Getenv(copyTest); text != "" {
		if err := copyUntil(strings.Split(text, "\n")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestCopyKilled kills the process that copies at every stage of its work, and has
// another one go on.
func TestCopyKilled(t *testing.T) {
	reg := registry(t)
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from.db"), filepath.Join(dir, "to.db")
	s := openSQLite(t, from, sqlite.Options{Registry: reg})
	fillStore(t, s, reg, 400)
	want := contents(t, s)
	s.Close()
	for _, when := range []string{"before adding 1", "after adding 1", "before adding 3", "after adding 2", "while indexing", "while comparing", "before finishing", "after finishing"} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), copyTest+"="+strings.Join([]string{from, to, when}, "\n"))
		out, err := cmd.CombinedOutput()
		if err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("%s it was not killed: %v, %s", when, err, out)
		}
	}
	a, b := openSQLite(t, from, sqlite.Options{Registry: reg}), openSQLite(t, to, sqlite.Options{Registry: reg})
	if got := contents(t, b); !slices.Equal(got, want) {
		t.Errorf("the copy differs: %d versions of %d", len(got), len(want))
	}
	if err := b.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	if sum, err := transfer.Copy(t.Context(), transfer.CopyOptions{From: a, To: b, Codec: reg.Codec}); err != nil || !sum.Before {
		t.Errorf("afterwards: %+v, %v", sum, err)
	}
}

// copyUntil copies and dies on the way.
func copyUntil(args []string) error {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	reg, err := search.NewRegistry(codec, codec.Schema.SearchParams)
	if err != nil {
		return err
	}
	from, err := sqlite.Open(args[0], sqlite.Options{Registry: reg, Archive: true, Bulk: true})
	if err != nil {
		return err
	}
	to, err := sqlite.Open(args[1], sqlite.Options{Registry: reg, Archive: true, Bulk: true})
	if err != nil {
		return err
	}
	f := &fatal{when: args[2]}
	_, err = transfer.Copy(context.Background(), transfer.CopyOptions{
		From: from, To: fatalArchive{to, f}, Codec: codec, Most: 100,
		Begin: func(verb, _ string, _ int64) {
			if verb == "compared" {
				f.at("while comparing")
			}
		},
	})
	return err
}

// A fatal kills the process at a stage.
type fatal struct {
	when string
	adds int
}

func (f *fatal) at(stage string) {
	if stage == f.when {
		p, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = p.Kill()
		}
		if err != nil {
			panic(err)
		}
		select {}
	}
}

// A fatalArchive is a store to copy to.
type fatalArchive struct {
	store.Archive
	f *fatal
}

func (a fatalArchive) Restore(ctx context.Context, of string) (store.Restoration, error) {
	r, err := a.Archive.Restore(ctx, of)
	return fatalRestoration{r, a.f}, err
}

type fatalRestoration struct {
	store.Restoration
	f *fatal
}

func (r fatalRestoration) Add(ctx context.Context, versions []store.Archived, mark string) error {
	r.f.adds++
	r.f.at(fmt.Sprint("before adding ", r.f.adds))
	err := r.Restoration.Add(ctx, versions, mark)
	r.f.at(fmt.Sprint("after adding ", r.f.adds))
	return err
}

func (r fatalRestoration) Index(ctx context.Context, progress func(done, total int64)) error {
	return r.Restoration.Index(ctx, func(done, total int64) {
		r.f.at("while indexing")
		progress(done, total)
	})
}

func (r fatalRestoration) Finish(ctx context.Context) error {
	r.f.at("before finishing")
	err := r.Restoration.Finish(ctx)
	r.f.at("after finishing")
	return err
}
