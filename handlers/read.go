package handlers

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// read returns the current version of a resource.
// See https://hl7.org/fhir/R4/http.html#read.
func (s *Server) read(ctx context.Context, u unit, req *Request) (*Response, error) {
	if err := req.onlyParams("_summary", "_elements"); err != nil {
		return nil, err
	}
	v, err := u.Read(ctx, req.Who, req.Key)
	if err != nil {
		return nil, err
	}
	return s.shown(req, v)
}

// vread returns one version of a resource.
// See https://hl7.org/fhir/R4/http.html#vread.
func (s *Server) vread(ctx context.Context, u unit, req *Request) (*Response, error) {
	if err := req.onlyParams("_summary", "_elements"); err != nil {
		return nil, err
	}
	number, ok := parseVersion(req.Version)
	if !ok {
		return nil, fhir.Errorf(fhir.NotFound, "%s has no version %q", req.Key, clip(req.Version))
	}
	v, err := u.ReadVersion(ctx, req.Who, req.Key, number)
	if err != nil {
		return nil, err
	}
	return s.shown(req, v)
}

// shown answers a read with a version, or with 304 if the client has it. The
// view is part of what is read, so a part has the same entity tag as the whole:
// tags are weak.
func (s *Server) shown(req *Request, v *store.Version) (*Response, error) {
	same, err := notModified(req, v)
	if err != nil {
		return nil, err
	}
	if same {
		return &Response{Status: http.StatusNotModified, Version: v, NoBody: true}, nil
	}
	resp := &Response{Status: http.StatusOK, Version: v}
	view, err := s.resourceView(req.Key.Type, req.Query)
	if err != nil || view.whole() {
		return resp, err
	}
	resp.Body, err = s.subset(view, v.Body)
	return resp, err
}

// resourceView reads how a client wants to see resources where there is nothing
// to count.
func (s *Server) resourceView(typ string, query [][2]string) (view, error) {
	v, err := s.parseView(typ, query)
	if err == nil && v.mode == summaryCount {
		err = fhir.Errorf(fhir.Invalid, "_summary=count is for searches")
	}
	return v, err
}

// notModified evaluates a conditional read. If-None-Match decides if it is
// there, as RFC 9110 §13.2.2 has it.
// See https://hl7.org/fhir/R4/http.html#cread.
func notModified(req *Request, v *store.Version) (bool, error) {
	if req.IfNoneMatch != "" {
		var tag [20]byte
		return tagListed(req.IfNoneMatch, string(strconv.AppendInt(tag[:0], v.Number, 10)))
	}
	if req.IfModifiedSince.IsZero() {
		return false, nil
	}
	return !v.LastUpdated.Truncate(time.Second).After(req.IfModifiedSince), nil
}
