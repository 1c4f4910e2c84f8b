package handlers

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
)

// bundle performs a batch or transaction.
func (s *Server) bundle(ctx context.Context, req *Request) (*Response, error) {
	return nil, fhir.Errorf(fhir.Unsupported, "batch and transaction")
}
