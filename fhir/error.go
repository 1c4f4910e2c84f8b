package fhir

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// A Kind says what went wrong in terms a client can act on.
type Kind uint8

// The kinds of error. Internal is zero, so an error nobody classified is
// reported as ours, never as the client's.
const (
	Internal        Kind = iota // a bug or a broken dependency
	Invalid                     // the request is malformed
	Structure                   // the content does not have the shape FHIR gives it
	Unsupported                 // well formed, but this server does not do it
	Unprocessable               // breaks a profile or a business rule
	NotFound                    // has never existed
	Gone                        // existed and was deleted
	Conflict                    // another write got in the way
	Stale                       // If-Match names a version that is not current
	Ambiguous                   // a conditional criterion matches several resources
	Duplicate                   // the resource exists already
	Login                       // we do not know who is asking
	Forbidden                   // we know, and the answer is no
	TooLarge                    // the body is over the size limit
	TooLong                     // the URL is over the size limit
	TooCostly                   // the request would take too much time or space
	NotAllowed                  // no such method at this address
	NotAcceptable               // no such representation
	UnsupportedType             // the body has a content type we do not read
	Unavailable                 // the store can not be reached or written to now
)

// kinds maps each kind to the HTTP status of
// https://hl7.org/fhir/R4/http.html#Status-Codes and to the code of
// https://hl7.org/fhir/R4/valueset-issue-type.html.
var kinds = [...]struct {
	status int
	code   string
}{
	Internal:        {http.StatusInternalServerError, "exception"},
	Invalid:         {http.StatusBadRequest, "invalid"},
	Structure:       {http.StatusBadRequest, "structure"},
	Unsupported:     {http.StatusBadRequest, "not-supported"},
	Unprocessable:   {http.StatusUnprocessableEntity, "business-rule"},
	NotFound:        {http.StatusNotFound, "not-found"},
	Gone:            {http.StatusGone, "deleted"},
	Conflict:        {http.StatusConflict, "conflict"},
	Stale:           {http.StatusPreconditionFailed, "conflict"},
	Ambiguous:       {http.StatusPreconditionFailed, "multiple-matches"},
	Duplicate:       {http.StatusConflict, "duplicate"},
	Login:           {http.StatusUnauthorized, "login"},
	Forbidden:       {http.StatusForbidden, "forbidden"},
	TooLarge:        {http.StatusRequestEntityTooLarge, "too-long"},
	TooLong:         {http.StatusRequestURITooLong, "too-long"},
	TooCostly:       {http.StatusServiceUnavailable, "too-costly"},
	NotAllowed:      {http.StatusMethodNotAllowed, "not-supported"},
	NotAcceptable:   {http.StatusNotAcceptable, "not-supported"},
	UnsupportedType: {http.StatusUnsupportedMediaType, "not-supported"},
	Unavailable:     {http.StatusServiceUnavailable, "transient"},
}

// Status returns the HTTP status that tells a client about errors of kind k.
func (k Kind) Status() int { return kinds[k].status }

// IssueCode returns the OperationOutcome.issue.code for errors of kind k.
func (k Kind) IssueCode() string { return kinds[k].code }

// An Issue is one thing that is wrong with a request or worth telling about it.
type Issue struct {
	Severity   string // fatal | error | warning | information
	Code       string // https://hl7.org/fhir/R4/valueset-issue-type.html
	Text       string // for people; never holds patient data beyond what the client sent
	Expression string // FHIRPath of the element at fault, or empty
}

// An Error is a failure whose reason is known. Its kind says what the client can
// do about it; its text may be shown; its cause is for the log.
type Error struct {
	Kind       Kind
	Text       string
	Expression string  // FHIRPath of the element at fault, or empty
	Issues     []Issue // all that was found; empty means the one that Text tells
	Cause      error
}

// Error implements error. It is for logs: it includes the cause.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Expression != "" {
		b.WriteString(e.Expression)
		b.WriteString(": ")
	}
	b.WriteString(e.Text)
	if e.Cause != nil {
		b.WriteString(": ")
		b.WriteString(e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// All returns every issue of e, at least one.
func (e *Error) All() []Issue {
	if len(e.Issues) > 0 {
		return e.Issues
	}
	return []Issue{{Severity: "error", Code: e.Kind.IssueCode(), Text: e.Text, Expression: e.Expression}}
}

// Errorf returns an error of a kind, with a text for the client.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// ErrorAt returns an error of a kind at a FHIRPath, with a text for the client.
func ErrorAt(kind Kind, expression, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...), Expression: expression}
}

// Because returns an error of a kind with a text for the client and a cause for
// the log.
func Because(kind Kind, cause error, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...), Cause: cause}
}

// KindOf returns the kind of err, or Internal if nobody classified it.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
