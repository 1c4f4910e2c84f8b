package handlers

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// update stores the body as the next version of a resource, or as its first one
// where the server lets clients choose ids.
// See https://hl7.org/fhir/R4/http.html#update.
func (s *Server) update(ctx context.Context, u unit, req *Request) (*Response, error) {
	if err := req.onlyParams(); err != nil {
		return nil, err
	}
	if err := req.checkBody(); err != nil {
		return nil, err
	}
	if id := req.Body.ID(); id != req.Key.ID {
		return nil, fhir.ErrorAt(fhir.Invalid, req.Key.Type+".id", "the body has the id %q, the address has %q", id, clip(req.Key.ID))
	}
	w, err := s.write(ctx, req, req.Key.ID)
	if err != nil {
		return nil, err
	}
	if err := req.preconditions(&w); err != nil {
		return nil, err
	}
	v, err := s.put(ctx, u, req, w)
	if err != nil {
		return nil, err
	}
	return written(req, v, v.Created || v.Number == 1), nil
}

// preconditions ties a write to If-Match, and to If-None-Match: *, which asks
// that there be nothing yet.
func (req *Request) preconditions(w *store.Write) error {
	must, err := parseIfMatch(req.IfMatch)
	if err != nil {
		return err
	}
	w.IfVersion, w.MustExist = must.version, must.exists
	switch req.IfNoneMatch {
	case "":
	case "*":
		w.MustBeNew = true
	default:
		return fhir.Errorf(fhir.Invalid, "If-None-Match: only * has a meaning for a write")
	}
	return nil
}

// put stores a write whose id is the client's.
func (s *Server) put(ctx context.Context, u unit, req *Request, w store.Write) (*store.Version, error) {
	if s.options.NoUpdateCreate {
		w.MustExist = true
	}
	v, err := u.Put(ctx, req.Who, w)
	if fhir.KindOf(err) == fhir.Gone && req.IfMatch == "" {
		w.MustExist = false // the id was the server's: the resource may come back
		v, err = u.Put(ctx, req.Who, w)
	}
	return v, req.putError(w.Key, err)
}

// putError says in the terms of the request why a write was refused: a
// precondition does not hold, or clients may not choose ids here.
func (req *Request) putError(key fhir.Key, err error) error {
	if err == nil {
		return nil
	}
	switch kind := fhir.KindOf(err); {
	case req.IfMatch != "" && (kind == fhir.NotFound || kind == fhir.Gone):
		return fhir.Because(fhir.Stale, err, "If-Match: %s does not exist", key)
	case req.IfNoneMatch != "" && kind == fhir.Duplicate:
		return fhir.Because(fhir.Stale, err, "If-None-Match: %s exists", key)
	case kind == fhir.NotFound:
		return fhir.Because(fhir.NotAllowed, err, "%s does not exist, and this server chooses the ids: use POST", key)
	}
	return err
}

// conditionalUpdate updates the one resource that meets the criteria in the
// query, or creates it if there is none.
// See https://hl7.org/fhir/R4/http.html#cond-update.
func (s *Server) conditionalUpdate(ctx context.Context, u unit, req *Request) (*Response, error) {
	criteria, err := s.criteria(s.knowledge(ctx, u, req.Who), req.Key.Type, req.Query)
	if err != nil {
		return nil, err
	}
	if err := req.checkBody(); err != nil {
		return nil, err
	}
	id := req.Body.ID()
	w, err := s.write(ctx, req, id)
	if err != nil {
		return nil, err
	}
	if err := req.preconditions(&w); err != nil {
		return nil, err
	}
	given := id != ""
	w.MustExist = w.MustExist || given && s.options.NoUpdateCreate
	var v *store.Version
	err = within(ctx, u, func(tx store.Tx) (err error) {
		v, err = store.UpdateFound(ctx, tx, req.Who, criteria, w, given)
		return err
	})
	if err != nil {
		return nil, req.putError(w.Key, err)
	}
	return written(req, v, v.Created || v.Number == 1), nil
}
