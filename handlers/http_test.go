package handlers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/sqlite"
)

// stores are the databases that the tests of this package run on.
var stores = map[string]func(t testing.TB, registry *search.Registry) store.Store{
	"sqlite":  openSQLite,
	"mongodb": openMongoDB,
}

// openMongoDB skips the test where there is no MongoDB.
func openMongoDB(t testing.TB, registry *search.Registry) store.Store {
	t.Helper()
	db, err := mongodb.Open(t.Context(), mongotest.Fresh(t), mongodb.Options{Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func openSQLite(t testing.TB, registry *search.Registry) store.Store {
	t.Helper()
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "test.db"), sqlite.Options{Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// base is the base URL of the servers in tests. Nothing listens there.
const base = "https://fhir.example.org/r4"

// A client talks to a server on an empty store.
type client struct {
	testing.TB
	handler http.Handler
	saved   map[string]string // what stands for {name} in steps
	traits  store.Traits
}

// codec and registry are those of every test.
var codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})

// newRegistry returns the search parameters of R4.
func newRegistry(t testing.TB) *search.Registry {
	t.Helper()
	registry, err := search.NewRegistry(codec, r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	return registry
}

// newClient returns a client of a new server with options.
func newClient(t testing.TB, open func(testing.TB, *search.Registry) store.Store, o handlers.Options) *client {
	t.Helper()
	o.Codec, o.Registry, o.BaseURL, o.Version = codec, newRegistry(t), base, "test"
	if o.Access == nil {
		o.Access = handlers.Open
	}
	o.Registry.Base = base
	o.Store = open(t, o.Registry)
	server, err := handlers.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, server.Handler(), map[string]string{"base": base}, o.Store.Traits()}
}

// overStores runs a test with a client of a new server on each database.
func overStores(t *testing.T, o handlers.Options, test func(t *testing.T, c *client)) {
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		t.Run(name, func(t *testing.T) {
			test(t, newClient(t, stores[name], o))
		})
	}
}

// overTransactions is overStores for tests that are about transactions.
func overTransactions(t *testing.T, o handlers.Options, test func(t *testing.T, c *client)) {
	for _, name := range slices.Sorted(maps.Keys(stores)) {
		t.Run(name, func(t *testing.T) {
			test(t, newClient(t, func(t testing.TB, r *search.Registry) store.Store {
				db := stores[name](t, r)
				mongotest.NeedTransactions(t, db.Traits().Transactions)
				return db
			}, o))
		})
	}
}

// A reply is the response to a request.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// send sends a request like "GET Patient/1" to the FHIR base. Headers are like
// "If-Match: *"; with no value the header is not sent.
func (c *client) send(line, body string, headers ...string) *reply {
	c.Helper()
	method, address, _ := strings.Cut(c.fill(line), " ")
	var content io.Reader
	if body != "" {
		content = strings.NewReader(c.fill(body))
	}
	r := httptest.NewRequest(method, "/fhir/"+address, content)
	if body != "" {
		r.Header.Set("Content-Type", "application/fhir+json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(c.fill(header), ":")
		r.Header.Del(name)
		if value != "" {
			r.Header.Set(name, strings.TrimSpace(value))
		}
	}
	return c.roundTrip(r)
}

func (c *client) roundTrip(r *http.Request) *reply {
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	got := w.Result()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		c.Fatal(err)
	}
	return &reply{got.StatusCode, got.Header, body}
}

// fill puts saved values in the place of {name}.
func (c *client) fill(text string) string {
	for name, value := range c.saved {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

// at returns the text of a JSON value in the body: "entry.0.resource.id". It is
// empty if there is none.
func (r *reply) at(path string) string {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(r.body))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return "no JSON: " + err.Error()
	}
	for name := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(v) {
				return ""
			}
			value = v[i]
		default:
			return ""
		}
	}
	if value == nil {
		return ""
	}
	switch value.(type) {
	case map[string]any, []any:
		text, _ := json.Marshal(value)
		return string(text)
	}
	return fmt.Sprint(value)
}

// A step is a request and what its response must be.
type step struct {
	Name   string
	Send   string   // method and address
	With   []string // headers
	Body   string
	Status int
	Header []string // "ETag: W/\"1\""; with no value: the header must be absent
	Has    []string // "issue.0.code = not-found"; with no value: there must be none
	Text   string   // part of the body
	Save   string   // the name under which the id in Location is kept
}

// walk performs steps one after another.
func (c *client) walk(t *testing.T, steps []step) {
	t.Helper()
	for _, s := range steps {
		name := s.Name
		if name == "" {
			name = s.Send
		}
		t.Run(name, func(t *testing.T) {
			t.Helper()
			got := c.send(s.Send, s.Body, s.With...)
			if !c.traits.Transactions && strings.Contains(s.Body, `"type":"transaction"`) {
				c.check(t, &step{Send: s.Send, Status: 400, Has: []string{"issue.0.code = not-supported"}}, got)
				return
			}
			c.check(t, &s, got)
			if s.Save != "" {
				c.saved[s.Save] = idOf(got.header.Get("Location"))
			}
		})
	}
}

// check compares a response with what a step expects.
func (c *client) check(t *testing.T, s *step, got *reply) {
	t.Helper()
	if got.status != s.Status {
		t.Errorf("status %d, want %d\n%s", got.status, s.Status, got.body)
	}
	for _, header := range s.Header {
		name, want, _ := strings.Cut(c.fill(header), ":")
		if value := got.header.Get(name); value != strings.TrimSpace(want) {
			t.Errorf("header %s: %q, want %q", name, value, strings.TrimSpace(want))
		}
	}
	for _, has := range s.Has {
		path, want, _ := strings.Cut(c.fill(has), " =")
		if value := got.at(path); value != strings.TrimSpace(want) {
			t.Errorf("%s is %q, want %q\n%s", path, value, strings.TrimSpace(want), got.body)
		}
	}
	if !strings.Contains(string(got.body), c.fill(s.Text)) {
		t.Errorf("the body lacks %q\n%s", c.fill(s.Text), got.body)
	}
	if got.header.Get("X-Request-Id") == "" {
		t.Error("there is no request id")
	}
	if got.status >= 400 && s.Send[:4] != "HEAD" && !bytes.Contains(got.body, []byte("OperationOutcome")) {
		t.Errorf("an error without an OperationOutcome: %s", got.body)
	}
}

// idOf returns the logical id in the address of a version.
func idOf(location string) string {
	parts := strings.Split(location, "/")
	if len(parts) < 4 {
		return ""
	}
	return parts[len(parts)-3]
}
