package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

var here = clinic{size: 10 * perPatient}

var codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})

// TestResources checks that what the servers are fed is FHIR, of the size meant,
// and the same each time.
func TestResources(t *testing.T) {
	total := 0
	ids := map[string]bool{}
	for i := range 20 * perPatient {
		typ, json := here.resource(i, id(i))
		r, err := codec.ParseJSON(json)
		if err != nil {
			t.Fatalf("resource %d: %v\n%s", i, err, json)
		}
		if r.Type() != typ || r.ID() != id(i) || ids[r.ID()] {
			t.Errorf("resource %d is %s", i, r.Key())
		}
		ids[r.ID()] = true
		if _, again := here.resource(i, id(i)); !bytes.Equal(json, again) {
			t.Errorf("resource %d differs the second time", i)
		}
		total += len(json)
	}
	for _, json := range personnel() {
		if _, err := codec.ParseJSON(json); err != nil {
			t.Errorf("%v\n%s", err, json)
		}
	}
	if mean := total / len(ids); mean < 1400 || mean > 2200 {
		t.Errorf("resources have %d bytes", mean)
	}
}

func TestTransactionBundle(t *testing.T) {
	r, err := codec.ParseJSON(here.transactionBundle(3*perPatient+7, 2))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range r.Root().Get("entry").Children {
		n++
	}
	if n != 2*perPatient {
		t.Errorf("got %d entries", n)
	}
}

func TestClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunked":
			for i := range 3 {
				fmt.Fprint(w, strings.Repeat(fmt.Sprint(i), 1000))
				w.(http.Flusher).Flush()
			}
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		default:
			body := make([]byte, r.ContentLength)
			r.Body.Read(body)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, r.Method, r.Header.Get("If-Match"), string(body))
		}
	}))
	defer server.Close()
	c, err := dial(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	for range 2 { // the connection stays usable
		for _, test := range []struct {
			req    []byte
			status int
			want   string
		}{
			{request("GET", "/chunked", nil), 200, strings.Repeat("0", 1000) + strings.Repeat("1", 1000) + strings.Repeat("2", 1000)},
			{request("GET", "/304", nil), 304, ""},
			{request("PUT", "/x", []byte("body"), "If-Match: a"), 201, "PUTabody"},
		} {
			status, body, err := c.do(test.req)
			if err != nil || status != test.status || test.status != 304 && string(body) != test.want {
				t.Errorf("%.20s: got %d, %.50s, %v", test.req, status, body, err)
			}
		}
	}
}

// TestShapes checks that searches are ones the server answers, and that they
// find something where that is what they are for.
func TestShapes(t *testing.T) {
	if len(mix) != 30 {
		t.Errorf("the mix has %d shapes", len(mix))
	}
	here := clinic{size: 200 * perPatient}
	b := &bench{clinic: here, place: place{url: "sqlite:x", file: filepath.Join(t.TempDir(), "x.db")}}
	s, err := b.place.openInside()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, here, true)
	in := &insideBench{b, s}
	ctx := context.Background()
	for _, s := range slices.Concat(pages, pairs, links, mix) {
		found := 0
		for _, q := range parsed(t, in, s) {
			page, err := in.store.Search(ctx, search.Everything(), q)
			if err != nil {
				t.Fatalf("%s: %v", s.name, err)
			}
			found += len(page.Versions)
		}
		if found == 0 && !strings.Contains(s.name, "nothing") {
			t.Errorf("%s finds nothing", s.name)
		}
	}
	for _, and := range ands {
		if n, err := in.count(and.smallest); err != nil || n == 0 {
			t.Errorf("%s: %d, %v", and.smallest, n, err)
		}
		if n, err := in.count(and.search); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", and.search, n, err)
		}
	}
}

// fill stores the resources of a clinic, all in one unit or one by one.
func fill(t *testing.T, s *insideStore, c clinic, together bool) {
	t.Helper()
	var writes []store.Write
	texts := personnel()
	for i := range c.size {
		texts = append(texts, c.text(i, id(i), relative))
	}
	for _, text := range texts {
		r, err := s.registry.Codec.ParseJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		writes = append(writes, store.Prepare(s.registry, r, r.ID(), "PUT"))
	}
	put := func(w store.Write, to interface {
		Put(context.Context, search.Access, store.Write) (*store.Version, error)
	}) {
		if _, err := to.Put(t.Context(), search.Everything(), w); err != nil {
			t.Fatal(err)
		}
	}
	if !together {
		for _, w := range writes {
			put(w, s)
		}
		return
	}
	err := s.Update(t.Context(), func(tx store.Tx) error {
		for _, w := range writes {
			put(w, tx)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// parsed returns some searches of a shape, with a count even where only a total
// is asked for.
func parsed(t *testing.T, in *insideBench, s shape) []*search.Query {
	t.Helper()
	a, list := in.newAsking(), []*search.Query{}
	for range 30 {
		path := strings.ReplaceAll(s.next(a), "&_summary=count", "")
		q, err := in.parse(strings.ReplaceAll(path, "&_total=accurate", ""))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		list = append(list, q)
	}
	return list
}

func TestBehind(t *testing.T) {
	b := &bench{clinic: clinic{size: 60 * perPatient}, place: place{file: filepath.Join(t.TempDir(), "x.db")}}
	s, err := b.place.openInside()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, b.clinic, true)
	in := &insideBench{b, s}
	q, err := in.parse("Observation?_sort=date&_count=20")
	if err != nil {
		t.Fatal(err)
	}
	depth, behind, err := in.behind(q, 1500)
	if err != nil || depth != 2000 || behind.Count != 20 {
		t.Errorf("got %d, %d, %v", depth, behind.Count, err)
	}
	if _, _, err := in.behind(q, 5000); err == nil {
		t.Error("went behind the end")
	}
}

func TestFigures(t *testing.T) {
	b := &bench{clinic: here, group: groupSearch, progress: io.Discard, settings: settings{out: filepath.Join(t.TempDir(), "out.md")}}
	b.add("fast enough", 8, "µs", "GET", 2, atMost(4))
	b.add("too slow", 9, "µs", "GET", 2, atMost(4))
	b.group = groupMix
	b.add("only told", 3, "/s", "", 0, nil)
	b.remark("%d clients", 3)
	b.note("something %s", "failed")
	if err := b.save(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(b.settings.out)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| fast enough | 8 µs | GET: 2 | 4 × | ≤ 4 × | met |\n",
		"| too slow | 9 µs | GET: 2 | 4.5 × | ≤ 4 × | **missed** |\n",
		"With 500 resources, " + titles[groupMix],
		"| only told | 3 /s |  |  |  |  |\n\n3 clients\n",
		"- With 500 resources: something failed\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
}

// TestTolerant checks that what fails does not end what does not.
func TestTolerant(t *testing.T) {
	b := &bench{runs: 3, progress: io.Discard}
	tried := 0
	r, err := b.trials(
		b.tolerant("bad", func() (result, error) { tried++; return result{}, errors.New("no") }),
		b.tolerant("good", func() (result, error) { return result{rate: 7}, nil }),
	)
	if err != nil || !r[0].failed || r[1].failed || r[1].rate != 7 || tried != 1 || len(b.notes) != 1 {
		t.Errorf("got %+v, %v, %d tries, notes %q", r, err, tried, b.notes)
	}
}

func TestCommandLine(t *testing.T) {
	if _, err := parseGroups("core,mix"); err != nil {
		t.Error(err)
	}
	if _, err := parseGroups("core,all"); err == nil {
		t.Error("an unknown group was accepted")
	}
	for _, bad := range []settings{{filled: true}, {store: "sqlite:x.db"}} {
		if checkStore(bad, []int{100, 200}) == nil {
			t.Errorf("%+v accepted", bad)
		}
	}
	b := &bench{dir: "d", settings: settings{store: "sqlite:{n}.db"}}
	if got := b.placeOf(100); got != (place{"sqlite:100.db", "100.db", true}) {
		t.Errorf("got %+v", got)
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.256: "0.26", 0.3: "0.3", 2: "2", 14.04: "14", 14.06: "14.1", 123.4: "123", 1234.5: "1,234", 92114: "92,114"} {
		if got := number(v); got != want {
			t.Errorf("%g: got %s, want %s", v, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	if list, err := parseSizes("20000,120", false); err != nil || fmt.Sprint(list) != "[100 20000]" {
		t.Errorf("got %v, %v", list, err)
	}
	for _, bad := range []string{"x", "10", "100,"} {
		if _, err := parseSizes(bad, false); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}
