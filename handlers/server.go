package handlers

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// Options are what a server is made of.
type Options struct {
	Store    store.Store
	Registry *search.Registry
	Codec    *fhir.Codec

	// BaseURL is the address of the FHIR base as clients know it, such as
	// http://127.0.0.1:8080/fhir. Links and Location headers begin with it; the
	// Host header is never used. The server itself listens at /fhir, whatever a
	// proxy makes of it.
	BaseURL string
	Version string // of the software, for the CapabilityStatement

	// Access says what the caller behind a request may see and change. An error
	// of kind Login or Forbidden refuses the request. There is no default: an
	// open server says so with [Open].
	Access func(*http.Request) (search.Access, error)

	// Prepare looks at what clients store, before it is stored. Nil: nobody does.
	Prepare Preparer

	Limits            Limits            // zero values mean the defaults
	Explain           bool              // _explain is answered: callers may know how data is stored
	NoUpdateCreate    bool              // PUT to an id that does not exist is refused with 405
	ConditionalDelete ConditionalDelete // empty: single; a store without transactions takes no multiple
	CursorKey         []byte            // signs paging cursors, at least 16 bytes; empty: a random one, so that cursors end with the process

	Logger  *slog.Logger      // for the access log and internal errors; nil: none
	Observe func(Observation) // called after each response; nil: not
}

// Open permits everything to everybody: --auth off.
func Open(*http.Request) (search.Access, error) { return search.Everything(), nil }

// Limits bound what a client can make the server do. Zero means the default.
type Limits struct {
	ResourceBytes int           // body of a single resource; 5 MiB
	BundleBytes   int           // body of a batch or transaction; 50 MiB
	BundleEntries int           // 10,000
	AnswerBytes   int           // resources in the answer to a batch or transaction; 64 MiB
	BundleTime    time.Duration // of a batch or transaction over HTTP; 50 s
	FormBytes     int           // body of a _search; 64 KiB
	URLBytes      int           // path and query; 8 KiB
	Params        int           // parameters of one request; 200
	GzipRatio     int           // of a decompressed body to the compressed one; 100
	DefaultCount  int           // page size if _count is absent; 50
	MaxCount      int           // larger pages are cut to this; 1000
	DeleteCount   int           // resources one conditional delete may delete; 1000
	SearchTime    time.Duration // of one search or page of a history; 10 s
}

// defaultLimits are those of docs/operations.md.
var defaultLimits = Limits{
	ResourceBytes: 5 << 20,
	BundleBytes:   50 << 20,
	BundleEntries: 10_000,
	AnswerBytes:   64 << 20,
	BundleTime:    50 * time.Second,
	FormBytes:     64 << 10,
	URLBytes:      8 << 10,
	Params:        200,
	GzipRatio:     100,
	DefaultCount:  50,
	MaxCount:      1000,
	DeleteCount:   1000,
	SearchTime:    10 * time.Second,
}

// orDefaults fills in the defaults.
func (l Limits) orDefaults() Limits {
	d := &defaultLimits
	orDefault(&l.ResourceBytes, d.ResourceBytes)
	orDefault(&l.BundleBytes, d.BundleBytes)
	orDefault(&l.BundleEntries, d.BundleEntries)
	orDefault(&l.FormBytes, d.FormBytes)
	orDefault(&l.URLBytes, d.URLBytes)
	orDefault(&l.Params, d.Params)
	orDefault(&l.GzipRatio, d.GzipRatio)
	orDefault(&l.DefaultCount, d.DefaultCount)
	orDefault(&l.MaxCount, d.MaxCount)
	orDefault(&l.DeleteCount, d.DeleteCount)
	orDefault(&l.AnswerBytes, d.AnswerBytes)
	orDefault(&l.BundleTime, d.BundleTime)
	orDefault(&l.SearchTime, d.SearchTime)
	return l
}

func orDefault[T int | time.Duration](value *T, byDefault T) {
	if *value <= 0 {
		*value = byDefault
	}
}

// ConditionalDelete says how many matches a conditional delete may delete. Its
// values are those of CapabilityStatement.rest.resource.conditionalDelete.
type ConditionalDelete string

// The kinds of conditional delete.
const (
	NoConditionalDelete       ConditionalDelete = "not-supported"
	SingleConditionalDelete   ConditionalDelete = "single"
	MultipleConditionalDelete ConditionalDelete = "multiple"
)

// An Observation is what metrics may know of a request.
type Observation struct {
	Interaction string // read, search-type, …; empty if the request did not get that far
	Type        string // resource type, or empty
	Method      string // one of the methods HTTP defines, or "other"
	Status      int
	Duration    time.Duration
	Bytes       int // of the body sent, before compression
}

// A Server performs FHIR interactions on a store. It is safe for concurrent use.
type Server struct {
	store    store.Store
	params   *search.Registry // of a store that has none of its own
	codec    *fhir.Codec
	base     string
	options  Options
	table    map[cell]action
	links    *linkTable
	started  time.Time
	draining atomic.Bool

	ids        requestIDs
	statements sync.Map // statements of capabilities made so far, by statementKey
}

// New returns a server. The error says which option is missing or wrong.
func New(o Options) (*Server, error) {
	switch {
	case o.Store == nil || o.Registry == nil || o.Codec == nil:
		return nil, fhir.Errorf(fhir.Internal, "handlers: Store, Registry and Codec must be set")
	case o.Access == nil:
		return nil, fhir.Errorf(fhir.Internal, "handlers: Access must be set")
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fhir.Errorf(fhir.Internal, "handlers: the base URL %q is no http or https URL", o.BaseURL)
	}
	switch o.ConditionalDelete {
	case MultipleConditionalDelete:
		if !o.Store.Traits().Transactions {
			return nil, fhir.Errorf(fhir.Unsupported, "several resources can not be deleted at once by criteria: the database has no transactions")
		}
	case NoConditionalDelete, SingleConditionalDelete:
	case "":
		o.ConditionalDelete = SingleConditionalDelete
	default:
		return nil, fhir.Errorf(fhir.Internal, "handlers: conditional delete can not be %q", o.ConditionalDelete)
	}
	switch {
	case len(o.CursorKey) == 0:
		o.CursorKey = make([]byte, 32)
		rand.Read(o.CursorKey)
	case len(o.CursorKey) < 16:
		return nil, fhir.Errorf(fhir.Internal, "handlers: the cursor key has less than 16 bytes")
	}
	o.Limits = o.Limits.orDefaults()
	s := &Server{
		store:   o.Store,
		params:  o.Registry,
		codec:   o.Codec,
		base:    strings.TrimRight(o.BaseURL, "/"),
		options: o,
		links:   newLinkTable(o.Codec.Schema),
		started: time.Now(),
		ids:     newRequestIDs(),
	}
	s.table = s.actions()
	return s, nil
}

// registry returns what resources can be searched by now. Where the store takes
// custom parameters, that changes.
func (s *Server) registry() *search.Registry {
	if own, ok := s.store.(interface{ Registry() *search.Registry }); ok {
		return own.Registry()
	}
	return s.params
}

// Drain makes /readyz say that the server is about to stop, so that no new work
// is sent to it. It goes on answering.
func (s *Server) Drain() { s.draining.Store(true) }
