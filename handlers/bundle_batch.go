package handlers

import (
	"context"
	"net/http"
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// batch performs entries one by one, in their order, each as if it had come
// alone. The answer to an entry that fails is its error; the batch itself does
// not fail.
// See https://hl7.org/fhir/R4/http.html#brules.
func (s *Server) batch(ctx context.Context, req *Request, entries []entry) ([]answer, error) {
	byURL := make(map[string]int, len(entries))
	for i := range entries {
		if entries[i].fullURL != "" {
			byURL[entries[i].fullURL] = i
		}
	}
	answers := make([]answer, len(entries))
	room := s.options.Limits.AnswerBytes
	for i := range entries {
		e := &entries[i]
		err := context.Cause(ctx) // what has been done is told all the same
		var resp *Response
		if err == nil {
			resp, err = s.batchEntry(ctx, e, byURL)
		}
		if err == nil {
			room, err = fit(room, e.request, resp)
		}
		if err != nil {
			err = e.fail(err)
		}
		answers[i] = answer{resp, err}
	}
	return answers, nil
}

// fit takes what an answer needs from the room that is left. The error is
// TooCostly if it is a read, and there is too little: what has been written is
// answered in any case.
func fit(room int, req *Request, resp *Response) (int, error) {
	size := len(entryBody(req, resp))
	if size > room && readsOnly(req) {
		return room, fhir.Errorf(fhir.TooCostly, "the answers to the bundle get too large: ask for less at once")
	}
	return room - size, nil
}

// readsOnly reports whether a request changes nothing.
func readsOnly(req *Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodPost && req.Part != "" && !req.changes()
}

// changes reports whether a request is for an operation that changes something.
func (req *Request) changes() bool {
	return req.isOperation() && slices.ContainsFunc(operations(), func(o operation) bool { return o.changes && "$"+o.name == req.Part })
}

// batchEntry performs one entry on the store.
func (s *Server) batchEntry(ctx context.Context, e *entry, byURL map[string]int) (*Response, error) {
	if e.err != nil {
		return nil, e.err
	}
	if e.resource.Exists() {
		if err := s.independent(e, byURL); err != nil {
			return nil, err
		}
		e.request.Body = s.codec.Nested(e.resource)
	}
	return s.perform(ctx, nil, e.request)
}

// independent refuses references to other entries, which only a transaction
// resolves: in a batch they would be stored as they are and lead nowhere.
func (s *Server) independent(e *entry, byURL map[string]int) error {
	return s.links.visit(e.resource, func(v fhir.Value, form linkForm) error {
		if form != referenceLink {
			return nil
		}
		l := splitLink(v.Text())
		if other, ok := byURL[l.path]; ok && isURN(l.path) {
			return fhir.ErrorAt(fhir.Invalid, expression(s.codec.Schema, v.Tree(), v.Index()), "the reference is to entry %d; only a transaction resolves such references", other)
		}
		return nil
	})
}
