package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// A level says how much an address names.
type level uint8

const (
	systemLevel level = iota
	typeLevel
	instanceLevel
	versionLevel     // an instance and a version
	compartmentLevel // an instance, and a type or * for all
)

// A cell is one place in the REST API: a method at a kind of address.
type cell struct {
	method string
	level  level
	part   string
}

// An action is what there is in a cell.
type action struct {
	name string // a code of https://hl7.org/fhir/R4/valueset-restful-interaction.html, or ours where it has none
	run  Interaction

	// Of an operation, whose name begins with $:
	changes bool
	types   []string          // the resource types it is for, nil for all
	defs    map[string]string // URLs of definitions, by type; Resource for all
}

// actions is the REST API: every interaction there is. Routes, bundle entries and
// the CapabilityStatement follow from it.
func (s *Server) actions() map[cell]action {
	table := map[cell]action{
		{http.MethodGet, instanceLevel, ""}:         {name: "read", run: s.read},
		{http.MethodGet, versionLevel, "_history"}:  {name: "vread", run: s.vread},
		{http.MethodPut, instanceLevel, ""}:         {name: "update", run: s.update},
		{http.MethodPatch, instanceLevel, ""}:       {name: "patch", run: s.patch},
		{http.MethodDelete, instanceLevel, ""}:      {name: "delete", run: s.delete},
		{http.MethodGet, instanceLevel, "_history"}: {name: "history-instance", run: s.history},

		{http.MethodPost, typeLevel, ""}:        {name: "create", run: s.create},
		{http.MethodPut, typeLevel, ""}:         {name: "update", run: s.conditionalUpdate},
		{http.MethodPatch, typeLevel, ""}:       {name: "patch", run: s.conditionalPatch},
		{http.MethodDelete, typeLevel, ""}:      {name: "delete", run: s.conditionalDelete},
		{http.MethodGet, typeLevel, ""}:         {name: "search-type", run: s.search},
		{http.MethodPost, typeLevel, "_search"}: {name: "search-type", run: s.search},
		{http.MethodGet, typeLevel, "_history"}: {name: "history-type", run: s.history},

		{http.MethodGet, compartmentLevel, ""}:         {name: "search-compartment", run: s.search},
		{http.MethodPost, compartmentLevel, "_search"}: {name: "search-compartment", run: s.search},

		{http.MethodGet, systemLevel, "metadata"}: {name: "capabilities", run: s.capabilities},
		{http.MethodPost, systemLevel, ""}:        {name: "transaction", run: s.process},
		{http.MethodGet, systemLevel, ""}:         {name: "search-system", run: s.search},
		{http.MethodPost, systemLevel, "_search"}: {name: "search-system", run: s.search},
		{http.MethodGet, systemLevel, "_history"}: {name: "history-system", run: s.history},
	}
	s.addOperations(table)
	return table
}

// cell returns where a request is directed. HEAD is a GET of which only the
// headers are sent.
func (req *Request) cell() cell {
	p := cell{req.Method, systemLevel, req.Part}
	switch {
	case req.Within.Type != "":
		p.level = compartmentLevel
	case req.Version != "":
		p.level = versionLevel
	case req.Key.ID != "":
		p.level = instanceLevel
	case req.Key.Type != "":
		p.level = typeLevel
	}
	if p.method == http.MethodHead {
		p.method = http.MethodGet
	}
	return p
}

// perform performs a request on a unit of work, or on the store if u is nil. It
// is what routes and bundle entries have in common. Errors: NotFound if there is
// no such address or type, NotAllowed if it has no such method, and those of the
// interaction.
func (s *Server) perform(ctx context.Context, u unit, req *Request) (*Response, error) {
	if u == nil {
		u = s.store
	}
	act, err := s.choose(req)
	if err != nil {
		return nil, err
	}
	return act.run(ctx, u, req)
}

// choose returns what a request asks for.
func (s *Server) choose(req *Request) (action, error) {
	if req.Key.Type != "" && s.codec.Schema.ResourceByName(req.Key.Type) == 0 {
		return action{}, fhir.Errorf(fhir.NotFound, "%q is no R4 resource type", clip(req.Key.Type))
	}
	if req.Within.Type != "" {
		if err := s.checkCompartment(req); err != nil {
			return action{}, err
		}
	}
	p := req.cell()
	if act, ok := s.table[p]; ok {
		if act.types != nil && !slices.Contains(act.types, req.Key.Type) {
			return action{}, fhir.Errorf(fhir.NotFound, "there is no %s of %s", act.name, req.Key.Type)
		}
		return act, nil
	}
	for other := range s.table {
		if other.level == p.level && other.part == p.part {
			return action{}, fhir.Errorf(fhir.NotAllowed, "%s is not possible at this address", clip(req.Method))
		}
	}
	return action{}, fhir.Errorf(fhir.NotFound, "there is nothing at this address")
}

// process performs the bundle in the body of a request.
func (s *Server) process(ctx context.Context, u unit, req *Request) (*Response, error) {
	if _, whole := u.(store.Store); !whole {
		return nil, fhir.Errorf(fhir.Invalid, "a bundle can not be an entry of a bundle")
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.options.Limits.BundleTime, errBundleTime)
	defer cancel()
	return s.bundle(ctx, req)
}

// errBundleTime is why an entry of a batch is not performed any more.
var errBundleTime = fhir.Errorf(fhir.TooCostly, "the bundle takes too long: send less at once")

// address sets Key, Part, Version and Query of a request from a URL relative to
// the FHIR base, such as Patient/1/_history/2 or Patient?name=Ada. Errors:
// Invalid if it is not written like that, NotFound if nothing can be there.
func (req *Request) address(relative string) error {
	path, query, _ := strings.Cut(relative, "?")
	var err error
	if req.Query, err = parseQuery(query); err != nil {
		return err
	}
	return req.path(path)
}

// path sets Key, Part and Version of a request from the path of its address,
// which is still URL-encoded.
func (req *Request) path(path string) error {
	req.Key, req.Within, req.Part, req.Version = fhir.Key{}, fhir.Key{}, "", ""
	rest := strings.Trim(path, "/")
	for rest != "" {
		segment, after, more := strings.Cut(rest, "/")
		segment, err := url.PathUnescape(segment)
		if err != nil || segment == "" || more && after == "" {
			return fhir.Errorf(fhir.Invalid, "%q is no address", clip(path))
		}
		if !req.place(segment) {
			return fhir.Errorf(fhir.NotFound, "there is nothing at this address")
		}
		rest = after
	}
	return nil
}

// place puts the next segment of a path where it belongs. It reports whether
// there is room for it.
func (req *Request) place(segment string) bool {
	switch {
	case segment == "." || segment == "..":
		return false // as ids they could not be addressed: RFC 3986 §5.2.4
	case req.Part == "" && (isPart(segment) || segment == "metadata" && req.Key.Type == ""):
		req.Part = segment
	case req.Part == "" && req.Key.Type == "" && req.Within.Type == "":
		req.Key.Type = segment
	case req.Part == "" && req.Key.ID == "" && req.Within.Type == "":
		req.Key.ID = segment
	case req.Part == "" && req.Within.Type == "":
		req.Within, req.Key = req.Key, fhir.Key{Type: segment}
		if segment == "*" {
			req.Key.Type = ""
		}
	case req.Part == "_history" && req.Key.ID != "" && req.Version == "":
		req.Version = segment
	case req.Part == "_history" && req.Version != "" && strings.HasPrefix(segment, "$"):
		req.Part = segment
	default:
		return false
	}
	return true
}

// isPart tells the fixed parts of addresses from types and ids.
func isPart(segment string) bool {
	return strings.HasPrefix(segment, "_") || strings.HasPrefix(segment, "$")
}

// parseQuery decodes the query part of a URL, in order. The error is Invalid.
func parseQuery(query string) ([][2]string, error) {
	if query == "" {
		return nil, nil
	}
	params := make([][2]string, 0, strings.Count(query, "&")+1)
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, fhir.Errorf(fhir.Invalid, "the parameter %q is not URL-encoded", clip(pair))
		}
		params = append(params, [2]string{name, value})
	}
	return params, nil
}

// within runs work in one unit: in u if that is one already, else in a new one.
// Work may run several times.
func within(ctx context.Context, u unit, work func(tx store.Tx) error) error {
	if whole, ok := u.(store.Store); ok {
		return whole.Update(ctx, work)
	}
	return work(u)
}

// clip shortens text from a client for use in a message.
func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
