package handlers

import (
	"context"
	"net/http"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// delete marks a resource as deleted. What does not exist, or no more, is gone
// as the client wants it: that is a success.
// See https://hl7.org/fhir/R4/http.html#delete.
func (s *Server) delete(ctx context.Context, u unit, req *Request) (*Response, error) {
	if err := req.onlyParams(); err != nil {
		return nil, err
	}
	must, err := parseIfMatch(req.IfMatch)
	if err != nil {
		return nil, err
	}
	if must.exists {
		if _, err := u.Read(ctx, req.Who, req.Key); err != nil {
			return nil, req.putError(req.Key, err)
		}
	}
	v, err := u.Delete(ctx, req.Who, req.Key, must.version)
	if err != nil {
		return nil, err
	}
	return deleted(req, v), nil
}

// deleted answers a delete. The mark may be nil.
func deleted(req *Request, mark *store.Version) *Response {
	resp := &Response{Status: http.StatusNoContent, Version: mark, NoBody: true}
	if req.Prefer.Return != "OperationOutcome" {
		return resp
	}
	resp.Status, resp.NoBody = http.StatusOK, false
	resp.Issues = []fhir.Issue{note("there is nothing to delete")}
	if mark != nil {
		resp.Issues[0] = note("%s is deleted", mark.Key)
	}
	return resp
}

// conditionalDelete deletes the resources that meet the criteria in the query:
// one, or all, as the server is configured.
// See https://hl7.org/fhir/R4/http.html#2.11.0.7.1.
func (s *Server) conditionalDelete(ctx context.Context, u unit, req *Request) (*Response, error) {
	limit := s.deleteLimit()
	if limit == 0 {
		return nil, fhir.Errorf(fhir.NotAllowed, "this server does not delete by criteria")
	}
	criteria, err := s.criteria(s.knowledge(ctx, u, req.Who), req.Key.Type, req.Query)
	if err != nil {
		return nil, err
	}
	must, err := parseIfMatch(req.IfMatch)
	if err != nil {
		return nil, err
	}
	var marks []*store.Version
	err = within(ctx, u, func(tx store.Tx) (err error) {
		marks, err = store.DeleteFound(ctx, tx, req.Who, criteria, must.version, limit)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(marks) == 1 {
		return deleted(req, marks[0]), nil
	}
	resp := deleted(req, nil)
	if resp.Issues != nil {
		resp.Issues[0] = note("%d resources are deleted", len(marks))
	}
	return resp, nil
}

// deleteLimit returns how many resources a conditional delete may delete.
func (s *Server) deleteLimit() int {
	switch s.options.ConditionalDelete {
	case NoConditionalDelete:
		return 0
	case MultipleConditionalDelete:
		return s.options.Limits.DeleteCount
	}
	return 1
}
