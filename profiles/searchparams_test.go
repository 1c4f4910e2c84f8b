package profiles_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/profiles"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/sqlite"
)

// TestAdmitted holds each parameter to what a server asks of one that is posted
// to it.
func TestAdmitted(t *testing.T) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	reg, err := search.NewRegistry(codec, codec.Schema.SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	params := profiles.SearchParams()
	for i := range params {
		others := slices.Delete(slices.Clone(params), i, i+1)
		if err := reg.Admit(&params[i], others); err != nil {
			t.Errorf("%s: %v", params[i].Code, err)
		}
	}
}

// TestFound stores the resources of testdata/search on each database and finds
// them by each parameter, as queries.txt says.
func TestFound(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		testFound(t, newServer(t, func(reg *search.Registry) (store.Store, error) {
			return sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{Registry: reg})
		}))
	})
	t.Run("mongodb", func(t *testing.T) {
		testFound(t, newServer(t, func(reg *search.Registry) (store.Store, error) {
			return mongodb.Open(t.Context(), mongotest.Fresh(t), mongodb.Options{Registry: reg})
		}))
	})
}

func testFound(t *testing.T, handler http.Handler) {
	t.Helper()
	queries, err := os.ReadFile(filepath.Join("testdata", "search", "queries.txt"))
	if err != nil {
		t.Fatal(err)
	}
	typ, asked := "", map[string]bool{}
	for line := range strings.Lines(string(queries)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasSuffix(line, ".json"):
			typ = put(t, handler, filepath.Join("testdata", "search", line))
		default:
			query, not := strings.CutPrefix(line, "not ")
			name, value, _ := strings.Cut(query, "=")
			answer := send(handler, "GET", "/fhir/"+typ+"?"+name+"="+url.QueryEscape(value), nil)
			want := `"total":1`
			if not {
				want = `"total":0`
			}
			if !strings.Contains(answer.Body.String(), want) {
				t.Errorf("%s?%s: want %s, got status %d\n%s", typ, query, want, answer.Code, answer.Body)
			}
			asked[typ+"."+name] = asked[typ+"."+name] || !not
		}
	}
	for _, p := range profiles.SearchParams() {
		if !asked[p.Base[0]+"."+p.Code] {
			t.Errorf("no query finds anything by %s?%s", p.Base[0], p.Code)
		}
	}
}

// TestRepeated posts the parameters to a server that has them, as installing the
// guide as a package does: they are stored, and change nothing.
func TestRepeated(t *testing.T) {
	handler := newServer(t, func(reg *search.Registry) (store.Store, error) {
		return sqlite.Open(filepath.Join(t.TempDir(), "a.db"), sqlite.Options{Registry: reg})
	})
	for _, key := range profiles.Keys("SearchParameter") {
		if answer := send(handler, "PUT", "/fhir/"+key.String(), resource(t, key).JSON()); answer.Code != http.StatusCreated {
			t.Errorf("%s: status %d\n%s", key, answer.Code, answer.Body)
		}
	}
	if answer := send(handler, "GET", "/fhir/Condition?aetiology=idiopathic", nil); answer.Code != http.StatusOK {
		t.Errorf("status %d\n%s", answer.Code, answer.Body)
	}
}

// newServer returns a server on an empty store that has the search parameters of
// the guide.
func newServer(t *testing.T, open func(*search.Registry) (store.Store, error)) http.Handler {
	t.Helper()
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	reg, err := search.NewRegistry(codec, slices.Concat(codec.Schema.SearchParams, profiles.SearchParams()))
	if err != nil {
		t.Fatal(err)
	}
	const base = "http://example.com/fhir"
	reg.Base = base
	st, err := open(reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	server, err := handlers.New(handlers.Options{Store: st, Registry: reg, Codec: codec, BaseURL: base, Access: handlers.Open})
	if err != nil {
		t.Fatal(err)
	}
	return server.Handler()
}

// put stores the resource of a file and returns its type.
func put(t *testing.T, handler http.Handler, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if answer := send(handler, "PUT", "/fhir/"+r.Key().String(), text); answer.Code != http.StatusCreated {
		t.Fatalf("%s: status %d\n%s", name, answer.Code, answer.Body)
	}
	return r.Type()
}

func send(handler http.Handler, method, target string, body []byte) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/fhir+json")
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, req)
	return answer
}
