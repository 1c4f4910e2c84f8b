package handlers

import (
	"context"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A Request is one interaction to perform, from HTTP or from a bundle entry.
type Request struct {
	ID      string         // of the HTTP request, for the log
	Method  string         // GET, HEAD, POST, PUT, PATCH or DELETE
	Key     fhir.Key       // ID is empty at type level, Type too at system level
	Within  fhir.Key       // whose compartment is searched, for Key.Type or, if that is empty, for any type
	Part    string         // what follows the key in the address: _history, _search, metadata; or empty
	Version string         // what follows _history, or empty
	Query   [][2]string    // parameters in the order they came, decoded
	Body    *fhir.Resource // nil if there is none
	Patch   []byte         // body of a PATCH
	PatchAs string         // its media type

	// Write is Body prepared by the caller, so that no unit of work has to wait
	// for it; its Key says the id that a create shall use. Nil: not yet prepared.
	Write *store.Write

	Notes []fhir.Issue // what there is to tell about what is stored

	IfMatch         string // header values as sent
	IfNoneMatch     string
	IfNoneExist     string
	IfModifiedSince time.Time

	Prefer Prefer
	Who    search.Access
}

// Prefer is what a client asked for in its Prefer header.
type Prefer struct {
	Return  string // minimal, representation or OperationOutcome; empty: not said
	Lenient bool   // handling=lenient
}

// A Response is the answer to an interaction. Presenting it (format, headers)
// is the adapter's work.
type Response struct {
	Status  int
	Version *store.Version // the version the answer is about: gives ETag, Last-Modified, and the body unless Body is set
	Created bool           // Version is new: gives Location
	Body    []byte         // compact JSON of a resource that is no stored version, such as a Bundle
	Issues  []fhir.Issue   // for an OperationOutcome as body
	Tag     string         // the entity tag of Body, if it has one
	NoBody  bool           // nothing is to be sent but the headers
}

// An Interaction performs a request on a unit. Its errors are of the kinds in
// package fhir; the caller decides how to present them.
type Interaction func(ctx context.Context, u unit, req *Request) (*Response, error)

// A unit is what interactions work on: the store itself, or a unit of work
// within it. Both give the same guarantees for one write.
type unit interface {
	store.Reader
	Put(ctx context.Context, who search.Access, w store.Write) (*store.Version, error)
	Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (*store.Version, error)
}

var (
	_ unit = store.Store(nil)
	_ unit = store.Tx(nil)
)
