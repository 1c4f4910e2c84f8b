package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"github.com/noafhir/noafhir/fhir"
)

// failure turns an error into the status and the issues that tell a client of
// it. What nobody classified is reported as ours, without its text.
func failure(err error) (int, []fhir.Issue) {
	known, ok := errors.AsType[*fhir.Error](err)
	switch {
	case ok && known.Kind != fhir.Internal:
		return known.Kind.Status(), known.All()
	case !ok && errors.Is(err, context.DeadlineExceeded):
		known = fhir.Errorf(fhir.TooCostly, "the request took too long")
	case !ok && errors.Is(err, context.Canceled):
		known = fhir.Errorf(fhir.Unavailable, "the request was given up")
	default:
		known = fhir.Errorf(fhir.Internal, "internal error")
	}
	return known.Kind.Status(), known.All()
}

// report logs an error that clients are not told about.
func (s *Server) report(req *Request, err error) {
	if s.options.Logger != nil {
		s.options.Logger.Error("internal error", "request", req.ID, "method", req.Method, "type", req.Key.Type, "error", err.Error())
	}
}

// note returns an issue that tells of a success.
func note(format string, args ...any) fhir.Issue {
	return fhir.Issue{Severity: "information", Code: "informational", Text: fmt.Sprintf(format, args...)}
}

// outcomeJSON returns the OperationOutcome that has the issues, at least one.
func outcomeJSON(issues []fhir.Issue) []byte {
	outcome := models.OperationOutcome{Issue: make([]models.OperationOutcomeIssue, len(issues))}
	for i, issue := range issues {
		told := models.OperationOutcomeIssue{
			Severity: code[models.IssueSeverity](issue.Severity),
			Code:     code[models.IssueType](issue.Code),
		}
		if issue.Text != "" {
			told.Diagnostics = &issue.Text
		}
		if issue.Expression != "" {
			told.Expression = []string{issue.Expression}
		}
		outcome.Issue[i] = told
	}
	return mustJSON(outcome)
}

// code returns the constant of a coded type for a code, which must be one of
// its codes.
func code[T any, P interface {
	*T
	json.Unmarshaler
}](text string) T {
	var value T
	if err := P(&value).UnmarshalJSON([]byte(`"` + text + `"`)); err != nil {
		panic(err)
	}
	return value
}

// mustJSON encodes a resource of our own. The models put resourceType last;
// it belongs where readers look for it.
func mustJSON(resource any) []byte {
	body, err := json.Marshal(resource)
	if err != nil {
		panic(err)
	}
	at := bytes.LastIndex(body, []byte(`,"resourceType":`))
	if at < 0 {
		return body
	}
	out := make([]byte, 0, len(body))
	out = append(out, '{')
	out = append(out, body[at+1:len(body)-1]...)
	out = append(out, ',')
	out = append(out, body[1:at]...)
	return append(out, '}')
}
