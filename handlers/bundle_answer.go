package handlers

import (
	"net/http"
	"strconv"

	"github.com/noafhir/noafhir/fhir"
)

// An answer is what came of an entry: a response, or an error that says why there
// is none.
type answer struct {
	response *Response
	err      error
}

// answerBundle returns the Bundle that answers entries.
// See https://hl7.org/fhir/R4/http.html#transaction-response.
func (s *Server) answerBundle(typ string, entries []entry, answers []answer) []byte {
	b := newBundle(typ, -1, 250*len(entries))
	for i := range entries {
		if err := answers[i].err; err != nil {
			status, issues := failure(err)
			if status == http.StatusInternalServerError {
				s.report(entries[i].request, err)
			}
			b.entry("", nil)
			s.appendAnswer(b, &Response{Status: status, Issues: issues})
			continue
		}
		resp := answers[i].response
		body, fullURL := entryBody(entries[i].request, resp), ""
		if body != nil && resp.Version != nil {
			fullURL = s.fullURL(resp.Version.Key)
		}
		b.entry(fullURL, body)
		s.appendAnswer(b, resp)
	}
	return b.bytes()
}

// appendAnswer ends an entry with what a response says.
func (s *Server) appendAnswer(b *pageWriter, resp *Response) {
	out := b.out
	if out[len(out)-1] != '{' {
		out = append(out, ',')
	}
	out = append(out, `"response":{"status":"`...)
	out = strconv.AppendInt(out, int64(resp.Status), 10)
	out = append(out, ' ')
	out = append(out, http.StatusText(resp.Status)...)
	out = append(out, '"')
	v := resp.Version
	if resp.Created {
		out = append(out, `,"location":`...)
		out = fhir.AppendQuoted(out, s.versionURL(v.Key, v.Number))
	}
	if v != nil {
		out = append(out, `,"etag":`...)
		out = fhir.AppendQuoted(out, quotedTag(v.Number))
		out = append(out, `,"lastModified":"`...)
		out = fhir.AppendInstant(out, v.LastUpdated)
		out = append(out, '"')
	}
	if len(resp.Issues) > 0 {
		out = append(out, `,"outcome":`...)
		out = append(out, outcomeJSON(resp.Issues)...)
	}
	b.out = append(out, "}}"...)
}

// entryBody returns the resource that an answer carries: what was read, or what
// was written if the client wants to see it. Nil: none.
func entryBody(req *Request, resp *Response) []byte {
	switch {
	case req.Method == http.MethodHead, resp.NoBody, len(resp.Issues) > 0, !readsOnly(req) && !req.isOperation() && req.Prefer.Return != "representation":
		return nil
	case resp.Body != nil:
		return resp.Body
	case resp.Version != nil && !resp.Version.Deleted:
		return resp.Version.Body
	}
	return nil
}
