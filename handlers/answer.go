package handlers

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// fail presents an error.
func (x *exchange) fail(err error) {
	status, issues := failure(err)
	if status == http.StatusInternalServerError {
		x.server.report(&x.req, err)
		issues = x.internalIssues()
	}
	switch fhir.KindOf(err) {
	case fhir.NotAllowed:
		x.w.Header().Set("Allow", x.server.allowed(&x.req))
	case fhir.Unavailable:
		x.w.Header().Set("Retry-After", "1")
	}
	x.present(status, issues)
}

// internalIssues tell of an error of ours: nothing but where to find it in the
// log.
func (x *exchange) internalIssues() []fhir.Issue {
	return fhir.Errorf(fhir.Internal, "internal error; the request id is %s", x.id).All()
}

// present sends issues as an OperationOutcome.
func (x *exchange) present(status int, issues []fhir.Issue) {
	body, err := x.server.encode(x.format, outcomeJSON(issues), x.pretty)
	if err != nil {
		x.format = jsonFormat
		body = outcomeJSON(issues)
	}
	x.w.Header()["Content-Type"] = contentTypes[x.format]
	x.send(status, body)
}

// answer presents a response.
func (x *exchange) answer(resp *Response) error {
	x.describe(resp)
	body := resp.Body
	switch {
	case resp.NoBody:
		x.send(resp.Status, nil)
		return nil
	case resp.Issues != nil:
		x.present(resp.Status, resp.Issues)
		return nil
	case body == nil:
		body = resp.Version.Body
		if x.readsBinary() {
			if sent, err := x.sendContent(body); sent || err != nil {
				return err
			}
		}
	}
	body, err := x.server.encode(x.format, body, x.pretty)
	if err != nil {
		return err
	}
	x.w.Header()["Content-Type"] = contentTypes[x.format]
	x.send(resp.Status, body)
	return nil
}

// describe sets the headers that tell which version a response is about.
// See https://hl7.org/fhir/R4/http.html#versioning.
func (x *exchange) describe(resp *Response) {
	h := x.w.Header()
	if resp.Tag != "" {
		h.Set("Etag", resp.Tag)
		h.Set("Cache-Control", "no-cache")
	}
	v := resp.Version
	if v == nil {
		return
	}
	h["Etag"] = []string{quotedTag(v.Number)}
	h["Last-Modified"] = []string{v.LastUpdated.UTC().Format(http.TimeFormat)}
	switch {
	case resp.Created:
		h.Set("Location", x.server.versionURL(v.Key, v.Number))
	case x.r.Method != http.MethodGet && x.r.Method != http.MethodHead && !v.Deleted:
		h.Set("Content-Location", x.server.versionURL(v.Key, v.Number))
	}
}

// versionURL returns the address of a version as clients know it.
func (s *Server) versionURL(key fhir.Key, number int64) string {
	return s.fullURL(key) + "/_history/" + strconv.FormatInt(number, 10)
}

// quotedTag returns the entity tag of a version.
func quotedTag(number int64) string {
	var tag [24]byte
	return string(append(strconv.AppendInt(append(tag[:0], `W/"`...), number, 10), '"'))
}

// send writes the response. It is called once, and last.
func (x *exchange) send(status int, body []byte) {
	h := x.w.Header()
	if status != http.StatusNoContent && status != http.StatusNotModified {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.status = status
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodHead || len(body) == 0 {
		return
	}
	x.size, _ = x.w.Write(body) // an error means that the client is gone
}

// Headers that every response has. They are shared, so nobody may change them.
var (
	noStore      = []string{"no-store"}
	noSniff      = []string{"nosniff"}
	noContent    = []string{"default-src 'none'; frame-ancestors 'none'; sandbox"}
	noReferrer   = []string{"no-referrer"}
	variesByWhom = []string{"Authorization, Accept, Accept-Encoding, Origin"}
)

// setHeaders sets what every response has: it is private, it is no web page, and
// it can be found in the log.
func (x *exchange) setHeaders() {
	h := x.w.Header()
	h["X-Request-Id"] = []string{x.id}
	h["Cache-Control"] = noStore
	h["X-Content-Type-Options"] = noSniff
	h["Content-Security-Policy"] = noContent
	h["Referrer-Policy"] = noReferrer
	h["Vary"] = variesByWhom
}

// allowed lists the methods there are at the address of a request, but for its
// own, which was refused.
func (s *Server) allowed(req *Request) string {
	at := req.cell()
	var methods []string
	for c := range s.table {
		if c.level == at.level && c.part == at.part && c.method != at.method {
			methods = append(methods, c.method)
			if c.method == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}
