package handlers

import (
	"context"
	"net/http"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// bundleNodes bounds the JSON values of one batch or transaction; its bytes and
// its entries have limits of their own.
const bundleNodes = 10_000_000

// bundleCodec returns the codec that reads batches and transactions: they have
// more values than a single resource may, and those of their entries stand three
// levels deeper. What is wrong with an entry's resource is for that entry to answer.
func (s *Server) bundleCodec() *fhir.Codec {
	return s.codec.WithLimits(fhir.Limits{Nodes: bundleNodes, Depth: s.codec.Limits.Depth + 3}).KeepingFlaws()
}

// Process performs a batch or transaction, given as the JSON of a Bundle, like a
// POST to the FHIR base by who. The response holds a Bundle whose entries answer
// those of the request in their order. A transaction is stored as a whole or, if
// there is an error, not at all; the expression of the error names the entry at
// fault. Process keeps bundle.
func (s *Server) Process(ctx context.Context, who search.Access, bundle []byte) (*Response, error) {
	r, err := s.bundleCodec().ParseJSON(bundle)
	if err != nil {
		return nil, err
	}
	return s.bundle(ctx, &Request{Method: http.MethodPost, Body: r, Who: who})
}

// bundle performs the batch or transaction in the body of a request.
// See https://hl7.org/fhir/R4/http.html#transaction.
func (s *Server) bundle(ctx context.Context, req *Request) (*Response, error) {
	if req.Body == nil || req.Body.Type() != "Bundle" {
		return nil, fhir.Errorf(fhir.Invalid, "only a Bundle can be posted to the base; to create a resource post it to its type, as to /Patient")
	}
	run, response := s.batch, "batch-response"
	switch typ := req.Body.Root().Get("type").Text(); typ {
	case "batch":
	case "transaction":
		if !s.store.Traits().Transactions {
			return nil, fhir.ErrorAt(fhir.Unsupported, "Bundle.type", "the database of this server has no transactions: send a batch, or run the server on a MongoDB replica set or on SQLite")
		}
		run, response = s.transact, "transaction-response"
	default:
		return nil, fhir.ErrorAt(fhir.Invalid, "Bundle.type", "a Bundle of type %q is no batch or transaction; to store it as it is, post it to /Bundle", clip(typ))
	}
	entries, err := s.readEntries(req)
	if err != nil {
		return nil, err
	}
	answers, err := run(ctx, req, entries)
	if err != nil {
		return nil, err
	}
	return &Response{Status: http.StatusOK, Body: s.answerBundle(response, entries, answers)}, nil
}
