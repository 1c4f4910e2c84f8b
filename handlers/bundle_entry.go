package handlers

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// An entry is one request of a batch or transaction.
type entry struct {
	index    int
	fullURL  string
	resource fhir.Value // its place in the bundle; does not exist if there is none
	request  *Request   // without Body
	err      error      // what is wrong with the entry itself
}

// readEntries reads the entries of a bundle. An entry that is wrong in itself
// carries its error: it may fail alone.
func (s *Server) readEntries(req *Request) ([]entry, error) {
	list := req.Body.Root().Get("entry")
	count := 0
	for range list.Children {
		count++
	}
	if limit := s.options.Limits.BundleEntries; count > limit {
		return nil, fhir.ErrorAt(fhir.TooLarge, "Bundle.entry", "the Bundle has %d entries; at most %d are allowed", count, limit)
	}
	entries := make([]entry, 0, count)
	urls := make(map[string]int, count)
	for v := range list.Children {
		e := entry{index: len(entries), fullURL: v.Get("fullUrl").Text(), resource: v.Get("resource")}
		e.request, e.err = s.readEntry(v, req)
		if flaw := req.Body.Flaw(e.resource); flaw != nil {
			e.err = flaw
		}
		if e.fullURL != "" {
			if first, twice := urls[e.fullURL]; twice {
				return nil, fhir.ErrorAt(fhir.Invalid, e.path("fullUrl"), "the entries %d and %d have the same fullUrl", first, e.index)
			}
			urls[e.fullURL] = e.index
			if e.err == nil && strings.Contains(e.fullURL, "/_history/") {
				e.err = fhir.ErrorAt(fhir.Invalid, "fullUrl", "a fullUrl must not name a version")
			}
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// readEntry reads what a bundle's entry asks for. Expressions of its errors are
// relative to the entry.
// See https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request.
func (s *Server) readEntry(v fhir.Value, bundle *Request) (*Request, error) {
	r := v.Get("request")
	req := &Request{
		ID:          bundle.ID,
		Method:      r.Get("method").Text(),
		IfMatch:     r.Get("ifMatch").Text(),
		IfNoneMatch: r.Get("ifNoneMatch").Text(),
		IfNoneExist: r.Get("ifNoneExist").Text(),
		Prefer:      bundle.Prefer,
		Who:         bundle.Who,
	}
	switch {
	case !r.Exists():
		return req, fhir.ErrorAt(fhir.Structure, "request", "an entry of a batch or transaction needs a request")
	case req.Method == "":
		return req, fhir.ErrorAt(fhir.Structure, "request.method", "the request has no method")
	case !r.Get("url").Exists():
		return req, fhir.ErrorAt(fhir.Structure, "request.url", "the request has no url")
	}
	if since := r.Get("ifModifiedSince").Text(); since != "" {
		d, _ := fhir.ParseDate(since)
		req.IfModifiedSince = d.Start
	}
	if err := s.entryAddress(req, r.Get("url").Text()); err != nil {
		return req, err
	}
	if err := entryConditions(req); err != nil {
		return req, err
	}
	resource := v.Get("resource")
	if err := s.entrySize(resource); err != nil {
		return req, err
	}
	return req, entryContent(req, resource)
}

// entrySize holds the resource of an entry to the limits of one that comes alone.
func (s *Server) entrySize(resource fhir.Value) error {
	if limit := s.options.Limits.ResourceBytes; len(resource.Raw()) > limit {
		return fhir.ErrorAt(fhir.TooLarge, "resource", "the resource is over %d bytes", limit)
	}
	limit := s.codec.Limits.Nodes
	if n := resource.Node(); n != nil && int(n.Next-resource.Index()) > limit {
		return fhir.ErrorAt(fhir.TooLarge, "resource", "the resource has over %d values", limit)
	}
	return nil
}

// entryConditions refuses conditions that have no meaning for the method: they
// would be ignored, and the client would never know.
func entryConditions(req *Request) error {
	reads := req.Method == http.MethodGet || req.Method == http.MethodHead
	creates := req.Method == http.MethodPost
	for _, condition := range [...]struct {
		name           string
		given, allowed bool
	}{
		{"ifNoneExist", req.IfNoneExist != "", creates},
		{"ifMatch", req.IfMatch != "", !creates && !reads},
		{"ifNoneMatch", req.IfNoneMatch != "", reads || req.Method == http.MethodPut},
		{"ifModifiedSince", !req.IfModifiedSince.IsZero(), reads},
	} {
		if condition.given && !condition.allowed {
			return fhir.ErrorAt(fhir.Invalid, "request."+condition.name, "%s has no meaning for %s", condition.name, clip(req.Method))
		}
	}
	return nil
}

// entryAddress reads the URL of an entry: relative to the base, or absolute and
// below it.
func (s *Server) entryAddress(req *Request, url string) error {
	relative := url
	if rest, own := strings.CutPrefix(url, s.base); own && (rest == "" || rest[0] == '/' || rest[0] == '?') {
		relative = rest
	} else if path, _, _ := strings.Cut(url, "?"); strings.Contains(path, ":") {
		return fhir.ErrorAt(fhir.Invalid, "request.url", "%q is no address of this server", clip(url))
	}
	if err := req.address(relative); err != nil {
		return under("request.url", err)
	}
	if req.Method == http.MethodPost && req.Key.Type == "" && req.Part == "" {
		return fhir.ErrorAt(fhir.Invalid, "request.url", "a bundle can not be an entry of a bundle")
	}
	if req.Within.Type != "" && !readsOnly(req) && req.Method != http.MethodHead {
		return fhir.ErrorAt(fhir.NotAllowed, "request.url", "compartments are for searches only")
	}
	return nil
}

// entryContent checks that an entry has a resource exactly if its method takes
// one, and unpacks a patch.
func entryContent(req *Request, resource fhir.Value) error {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodDelete:
		if resource.Exists() {
			return fhir.ErrorAt(fhir.Invalid, "resource", "a %s takes no resource", req.Method)
		}
	case http.MethodPost, http.MethodPut:
		if !resource.Exists() && req.Part == "" {
			return fhir.ErrorAt(fhir.Invalid, "resource", "a %s needs a resource", req.Method)
		}
		if resource.Exists() && req.Part != "" && !req.isOperation() {
			return fhir.ErrorAt(fhir.Invalid, "resource", "a %s to %s takes no resource; parameters stand in the url", req.Method, clip(req.Part))
		}
	case http.MethodPatch:
		return entryPatch(req, resource)
	default:
		return fhir.ErrorAt(fhir.Invalid, "request.method", "%q is no method of https://hl7.org/fhir/R4/valueset-http-verb.html", clip(req.Method))
	}
	return nil
}

// entryPatch unpacks the patch in a Binary, or passes on a FHIRPath patch.
// See https://hl7.org/fhir/R4/http.html#patch.
func entryPatch(req *Request, resource fhir.Value) error {
	switch resource.Get("resourceType").Text() {
	case "Binary":
		data := strings.Map(dropSpace, resource.Get("data").Text())
		patch, err := base64.StdEncoding.DecodeString(data)
		if err != nil || len(patch) == 0 {
			return fhir.ErrorAt(fhir.Invalid, "resource.data", "the Binary holds no patch")
		}
		req.Patch = patch
		req.PatchAs, _, err = mime.ParseMediaType(resource.Get("contentType").Text())
		if err != nil {
			return fhir.ErrorAt(fhir.UnsupportedType, "resource.contentType", "it is no media type")
		}
	case "Parameters":
		req.Patch, req.PatchAs = resource.Raw(), "application/fhir+json"
	default:
		return fhir.ErrorAt(fhir.Invalid, "resource", "a PATCH needs a Binary that holds a JSON patch, or Parameters")
	}
	return nil
}

// dropSpace maps the white space that base64Binary may have to nothing.
func dropSpace(r rune) rune {
	if r <= ' ' {
		return -1
	}
	return r
}

// path returns the FHIRPath of a part of the entry.
func (e *entry) path(part string) string {
	return "Bundle.entry[" + strconv.Itoa(e.index) + "]." + part
}

// fail says in an error which entry it comes from. Paths within the resource
// become paths within the bundle.
func (e *entry) fail(err error) error {
	known, ok := errors.AsType[*fhir.Error](err)
	if !ok {
		return fmt.Errorf("entry %d of the bundle: %w", e.index, err)
	}
	out := *known
	who := fmt.Sprintf("entry %d (%s %s)", e.index, clip(e.request.Method), clip(e.target()))
	out.Text = who + ": " + known.Text
	out.Expression = e.locate(known.Expression)
	out.Issues = nil
	for _, issue := range known.Issues {
		issue.Text = who + ": " + issue.Text
		issue.Expression = e.locate(issue.Expression)
		out.Issues = append(out.Issues, issue)
	}
	return &out
}

// target names what the entry is directed at, without criteria: they may tell
// about a person, and errors end in logs.
func (e *entry) target() string {
	switch {
	case e.request.Within.Type != "":
		return e.request.searchAddress()
	case e.request.Key.ID != "":
		return e.request.Key.String()
	case e.request.Key.Type != "":
		return e.request.Key.Type
	}
	return "system"
}

// locate turns the expression of an error into one from the bundle's root.
func (e *entry) locate(expression string) string {
	if strings.HasPrefix(expression, "Bundle.entry[") {
		return expression
	}
	own := "Bundle.entry[" + strconv.Itoa(e.index) + "]"
	for _, part := range [...]string{"request", "resource", "fullUrl"} {
		if strings.HasPrefix(expression, part) {
			return own + "." + expression
		}
	}
	if typ := e.resource.Get("resourceType").Text(); typ != "" && expression != "" {
		if rest, ok := strings.CutPrefix(expression, typ); ok {
			return own + ".resource" + rest
		}
	}
	return own
}

// under puts an error at an expression, if it is not yet at one.
func under(expression string, err error) error {
	if known, ok := errors.AsType[*fhir.Error](err); ok && known.Expression == "" {
		out := *known
		out.Expression = expression
		return &out
	}
	return err
}
