package handlers

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
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
	// Host header is never used.
	BaseURL string
	Version string // of the software, for the CapabilityStatement

	// Access says what the caller behind a request may see and change. An error
	// of kind Login or Forbidden refuses the request. There is no default: an
	// open server says so with [Open].
	Access func(*http.Request) (search.Access, error)

	Limits            Limits            // zero values mean the defaults
	NoUpdateCreate    bool              // PUT to an id that does not exist is refused with 405
	ConditionalDelete ConditionalDelete // default: single
	CursorKey         []byte            // signs paging cursors, at least 16 bytes; empty: a random one, so that cursors end with the process

	Logger  *slog.Logger      // for the access log and internal errors; nil: none
	Observe func(Observation) // called after each response; nil: not
	Now     func() time.Time  // nil: time.Now
}

// Open permits everything to everybody: --auth off.
func Open(*http.Request) (search.Access, error) { return search.Everything(), nil }

// Limits bound what a client can make the server do. Zero means the default.
type Limits struct {
	ResourceBytes int // body of a single resource; 5 MiB
	BundleBytes   int // body of a batch or transaction; 50 MiB
	BundleEntries int // 1000
	FormBytes     int // body of a _search; 64 KiB
	URLBytes      int // path and query; 8 KiB
	Params        int // parameters of one request; 200
	GzipRatio     int // of a decompressed body to the compressed one; 100
	DefaultCount  int // page size if _count is absent; 50
	MaxCount      int // larger pages are cut to this; 1000
	DeleteCount   int // resources one conditional delete may delete; 1000
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
	Method      string
	Status      int
	Duration    time.Duration
	Bytes       int // of the body sent
}

// A Server performs FHIR interactions on a store. It is safe for concurrent use.
type Server struct {
	store    store.Store
	registry *search.Registry
	codec    *fhir.Codec
	base     string
	options  Options
	table    map[place]action
}

// New returns a server. The error says which option is missing or wrong.
func New(o Options) (*Server, error) {
	switch {
	case o.Store == nil, o.Registry == nil, o.Codec == nil:
		return nil, fhir.Errorf(fhir.Internal, "handlers: Store, Registry and Codec must be set")
	case o.Access == nil:
		return nil, fhir.Errorf(fhir.Internal, "handlers: Access must be set")
	}
	base, err := url.Parse(o.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.RawQuery != "" || base.Fragment != "" {
		return nil, fhir.Errorf(fhir.Internal, "handlers: BaseURL %q is no http or https URL", o.BaseURL)
	}
	o.Limits = o.Limits.orDefaults()
	s := &Server{
		store:    o.Store,
		registry: o.Registry,
		codec:    o.Codec,
		base:     strings.TrimRight(o.BaseURL, "/"),
		options:  o,
	}
	s.table = s.actions()
	return s, nil
}

// defaultLimits are those of docs/operations.md.
var defaultLimits = Limits{
	ResourceBytes: 5 << 20,
	BundleBytes:   50 << 20,
	BundleEntries: 1000,
	FormBytes:     64 << 10,
	URLBytes:      8 << 10,
	Params:        200,
	GzipRatio:     100,
	DefaultCount:  50,
	MaxCount:      1000,
	DeleteCount:   1000,
}

// orDefaults fills in the defaults.
func (l Limits) orDefaults() Limits {
	d := defaultLimits
	for _, f := range []struct{ value, byDefault *int }{
		{&l.ResourceBytes, &d.ResourceBytes},
		{&l.BundleBytes, &d.BundleBytes},
		{&l.BundleEntries, &d.BundleEntries},
		{&l.FormBytes, &d.FormBytes},
		{&l.URLBytes, &d.URLBytes},
		{&l.Params, &d.Params},
		{&l.GzipRatio, &d.GzipRatio},
		{&l.DefaultCount, &d.DefaultCount},
		{&l.MaxCount, &d.MaxCount},
		{&l.DeleteCount, &d.DeleteCount},
	} {
		if *f.value == 0 {
			*f.value = *f.byDefault
		}
	}
	return l
}
