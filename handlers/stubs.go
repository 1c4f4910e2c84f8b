package handlers

import (
	"context"
	"net/http"

	"github.com/noafhir/noafhir/fhir"
)

var errStub = fhir.Errorf(fhir.Unsupported, "not yet")

func (s *Server) read(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) vread(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) update(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) patch(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) delete(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) history(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) create(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) conditionalUpdate(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) conditionalPatch(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) conditionalDelete(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) search(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}
func (s *Server) capabilities(ctx context.Context, u unit, req *Request) (*Response, error) {
	return nil, errStub
}

// Handler returns the HTTP interface.
func (s *Server) Handler() http.Handler { return http.NotFoundHandler() }

// ServerDefaults sets the timeouts and limits of an HTTP server.
func ServerDefaults(server *http.Server) {}
