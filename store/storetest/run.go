package storetest

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// NewRegistry returns a registry of all R4 search parameters.
func NewRegistry(t testing.TB) *search.Registry {
	t.Helper()
	schema := r4.Schema()
	reg, err := search.NewRegistry(fhir.NewCodec(schema, fhir.Limits{}), schema.SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// A part is one subject of the contract.
type part struct {
	name string
	run  func(*suite)
}

// Run holds a store to the contract. Open returns an empty store that indexes by
// reg; it is closed when the test that asked for it ends.
func Run(t *testing.T, open func(t *testing.T) store.Store, reg *search.Registry) {
	runParts(t, open, reg,
		part{"versions", versions},
		part{"bodies", bodies},
		part{"preconditions", preconditions},
		part{"deletions", deletions},
		part{"history", history},
		part{"access", access},
		part{"searches", searches},
		part{"pages", pages},
		part{"scripts", scripts},
	)
	RunUnits(t, open, reg)
}

// RunSearches is the part of [Run] that is about how results are found.
func RunSearches(t *testing.T, open func(t *testing.T) store.Store, reg *search.Registry) {
	runParts(t, open, reg,
		part{"searches", searches},
		part{"pages", pages},
		part{"scripts", scripts},
		part{"random", random},
	)
}

// RunUnits is the part of [Run] that is about units of work, in which stores
// differ by their [store.Traits].
func RunUnits(t *testing.T, open func(t *testing.T) store.Store, reg *search.Registry) {
	runParts(t, open, reg,
		part{"units", units},
		part{"rising", rising},
		part{"isolation", isolation},
		part{"concurrency", concurrency},
		part{"cancellation", cancellation},
		part{"random", random},
	)
}

func runParts(t *testing.T, open func(t *testing.T) store.Store, reg *search.Registry, parts ...part) {
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) { part.run(&suite{t, reg, open}) })
	}
}

// A suite is what one part of the contract works with.
type suite struct {
	*testing.T
	reg  *search.Registry
	open func(t *testing.T) store.Store
}

// run runs a subtest on a suite of its own.
func (s *suite) run(name string, test func(*suite)) {
	s.T.Run(name, func(t *testing.T) { test(&suite{t, s.reg, s.open}) })
}

// fresh returns an empty store to try things on.
func (s *suite) fresh() *trial {
	s.Helper()
	st := s.open(s.T)
	s.Cleanup(func() {
		if err := st.Close(); err != nil {
			s.Errorf("Close: %v", err)
		}
	})
	return &trial{s, st}
}

// A trial is a store under test.
type trial struct {
	*suite
	store.Store
}

var (
	all  = search.Everything()
	none search.Access
)

func key(text string) fhir.Key {
	typ, id, _ := strings.Cut(text, "/")
	return fhir.Key{Type: typ, ID: id}
}

// write prepares a resource, which has an id, to be stored.
func (s *suite) write(text string) store.Write {
	s.Helper()
	r, err := s.reg.Codec.ParseJSON([]byte(text))
	if err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	return store.Prepare(s.reg, r, r.ID(), "PUT")
}

// put stores a resource that has an id.
func (s *trial) put(text string) *store.Version {
	s.Helper()
	v, err := s.Put(context.Background(), all, s.write(text))
	if err != nil {
		s.Fatalf("putting %s: %v", text, err)
	}
	return v
}

// remove deletes a resource.
func (s *trial) remove(name string) *store.Version {
	s.Helper()
	v, err := s.Delete(context.Background(), all, key(name), 0)
	if err != nil {
		s.Fatalf("deleting %s: %v", name, err)
	}
	return v
}

// query parses a search as a client writes it: Patient?name=x.
func (s *suite) query(text string) *search.Query {
	s.Helper()
	q, err := s.tryQuery(text)
	if err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	return q
}

func (s *suite) tryQuery(text string) (*search.Query, error) { return s.parse(text, nil) }

// query parses a search by what is stored.
func (s *trial) query(text string) *search.Query {
	s.Helper()
	return s.queryFor(all, text)
}

// queryFor is query for one who may not see everything.
func (s *trial) queryFor(who search.Access, text string) *search.Query {
	s.Helper()
	q, err := s.parse(text, store.NewHierarchy(context.Background(), s, s.reg, who))
	if err != nil {
		s.Fatalf("%s: %v", text, err)
	}
	return q
}

func (s *trial) tryQuery(text string) (*search.Query, error) {
	return s.parse(text, store.NewHierarchy(context.Background(), s, s.reg, all))
}

func (s *suite) parse(text string, h search.Hierarchy) (*search.Query, error) {
	typ, rest, _ := strings.Cut(text, "?")
	var params [][2]string
	for pair := range strings.SplitSeq(rest, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		params = append(params, [2]string{name, value})
	}
	return search.Parse(s.reg, typ, params, search.Options{DefaultCount: 50, MaxCount: 1000, Base: "http://example.org/fhir", Hierarchy: h, Contained: true})
}

// find returns the keys of what a search finds on its first page.
func (s *trial) find(r store.Reader, who search.Access, q *search.Query) []string {
	s.Helper()
	page, err := r.Search(context.Background(), who, q)
	if err != nil {
		s.Fatalf("searching: %v", err)
	}
	return names(page.Versions)
}

// names lists versions by key.
func names(versions []*store.Version) []string {
	list := []string{}
	for _, v := range versions {
		list = append(list, v.Key.String())
	}
	return list
}

// numbered lists versions by key and number.
func numbered(versions []*store.Version) []string {
	list := []string{}
	for _, v := range versions {
		list = append(list, fmt.Sprintf("%s/%d", v.Key, v.Number))
	}
	return list
}

// wantKind fails the test unless err is of a kind.
func (s *suite) wantKind(what string, err error, kind fhir.Kind) {
	s.Helper()
	if err == nil || fhir.KindOf(err) != kind {
		s.Errorf("%s: error %v of kind %v, want kind %v", what, err, fhir.KindOf(err).IssueCode(), kind.IssueCode())
	}
}

// NameParam writes a SearchParameter in JSON, with its code as id: it looks for
// patients by a part of their name, such as family.
func NameParam(code, part string) string {
	return fmt.Sprintf(`{"resourceType":"SearchParameter","id":%q,"url":"http://example.org/sp/%s","name":"n","status":"active","description":"d",
		"code":%q,"base":["Patient"],"type":"string","expression":"Patient.name.%s"}`, code, code, code, part)
}

// patient writes a patient in JSON.
func patient(id, family string) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":%q,"name":[{"family":%q}]}`, id, family)
}

// withoutInstant cuts meta.lastUpdated out of a body that a store has stamped.
func withoutInstant(body []byte) string {
	before, after, _ := strings.Cut(string(body), `"lastUpdated":"`)
	_, after, _ = strings.Cut(after, `"`)
	return before + after
}
