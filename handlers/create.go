package handlers

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// create stores a resource under a new id, unless criteria in If-None-Exist are
// met already. An id in the body is ignored.
// See https://hl7.org/fhir/R4/http.html#create.
func (s *Server) create(ctx context.Context, u unit, req *Request) (*Response, error) {
	if err := req.onlyParams(); err != nil {
		return nil, err
	}
	w, err := s.write(ctx, req, "")
	if err != nil {
		return nil, err
	}
	w.MustBeNew = true
	if req.IfNoneExist == "" {
		v, err := u.Put(ctx, req.Who, w)
		if err != nil {
			return nil, err
		}
		return written(req, v, true), nil
	}
	criteria, err := s.ifNoneExist(s.knowledge(ctx, u, req.Who), req.Key.Type, req.IfNoneExist)
	if err != nil {
		return nil, err
	}
	var v *store.Version
	var created bool
	err = within(ctx, u, func(tx store.Tx) (err error) {
		v, created, err = store.CreateUnlessFound(ctx, tx, req.Who, criteria, w)
		return err
	})
	if err != nil {
		return nil, err
	}
	return written(req, v, created), nil
}

// write returns the write that stores the body of a request under an id, or
// under a new one if that is empty. The caller may have prepared it. Errors are
// Invalid, or those of the server's Preparer.
func (s *Server) write(ctx context.Context, req *Request, id string) (store.Write, error) {
	if err := req.checkBody(); err != nil {
		return store.Write{}, err
	}
	if req.Write != nil {
		if id == "" {
			return *req.Write, nil
		}
		return req.Write.WithID(id), nil
	}
	if id == "" {
		var err error
		if id, err = newID(); err != nil {
			return store.Write{}, err
		}
	}
	if err := s.settled(req.Body.Root()); err != nil {
		return store.Write{}, err
	}
	w, notes, err := s.prepare(ctx, req.Body, id, req.Method)
	req.Notes = notes
	return w, err
}

// settled refuses references that are searches: only a transaction resolves
// them, and stored as they are they would lead nowhere. The error is Invalid.
func (s *Server) settled(resource fhir.Value) error {
	return s.links.visit(resource, func(v fhir.Value, form linkForm) error {
		if form == referenceLink && isConditional(s.codec.Schema, v.Text()) {
			return fhir.ErrorAt(fhir.Invalid, expression(s.codec.Schema, v.Tree(), v.Index()), "the reference is a search; only a transaction resolves such references")
		}
		return nil
	})
}

// checkBody refuses a body that is missing or of another type than the address
// says.
func (req *Request) checkBody() error {
	if req.Body == nil {
		return fhir.Errorf(fhir.Invalid, "the body is missing: expected a resource of type %s", req.Key.Type)
	}
	if typ := req.Body.Type(); typ != req.Key.Type {
		return fhir.Errorf(fhir.Invalid, "the body is a resource of type %s, the address says %s", typ, req.Key.Type)
	}
	if req.Method == http.MethodPut {
		return whole(req.Body)
	}
	return nil
}

// whole refuses a resource that is marked as a part of one: it would replace the
// whole. See https://hl7.org/fhir/R4/search.html#elements.
func whole(r *fhir.Resource) error {
	for tag := range r.Meta().Get("tag").Children {
		if tag.Get("code").Text() == "SUBSETTED" && tag.Get("system").Text() == "http://terminology.hl7.org/CodeSystem/v3-ObservationValue" {
			return fhir.ErrorAt(fhir.Unprocessable, r.Type()+".meta.tag", "the resource is marked SUBSETTED: it is a part, and would replace the whole")
		}
	}
	return nil
}

// newID returns a new logical id: a UUIDv7, so that ids made at the same time
// stand together in an index. The error is Internal: there is no randomness.
func newID() (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fhir.Because(fhir.Internal, err, "no randomness for an id")
	}
	return id.String(), nil
}

// written answers a write as the client prefers.
// See https://hl7.org/fhir/R4/http.html#ops.
func written(req *Request, v *store.Version, created bool) *Response {
	resp := &Response{Status: http.StatusOK, Version: v, Created: created}
	text := "%s was not changed: this is version %d"
	switch {
	case created:
		resp.Status = http.StatusCreated
		text = "created %s as version %d"
	case req.Method != http.MethodPost:
		text = "updated %s to version %d"
	}
	switch req.Prefer.Return {
	case "minimal":
		resp.NoBody = true
	case "OperationOutcome":
		resp.Issues = append([]fhir.Issue{note(text, v.Key, v.Number)}, req.Notes...)
	}
	return resp
}
