package handlers

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// An exchange is one HTTP request to the FHIR base and the response to it.
type exchange struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	id     string // of the request, for logs and the client
	start  time.Time

	req    Request
	action action
	format format // of the response
	pretty bool

	status int // sent
	size   int // of the body sent
}

// serve performs an exchange, whatever happens.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	x := exchange{server: s, w: w, r: r, start: time.Now()}
	x.id = s.ids.of(r)
	defer x.finish()
	x.setHeaders()
	if err := x.run(); err != nil {
		x.fail(err)
	}
}

// finish turns a panic into a response, and reports the exchange.
func (x *exchange) finish() {
	if reason := recover(); reason != nil {
		x.recovered(reason)
	}
	duration := time.Since(x.start)
	x.log(duration)
	if observe := x.server.options.Observe; observe != nil {
		observe(Observation{
			Interaction: x.action.name,
			Type:        x.loggedType(),
			Method:      x.loggedMethod(),
			Status:      x.status,
			Duration:    duration,
			Bytes:       x.size,
		})
	}
}

// recovered answers after a panic. The reason may hold what a client sent, so
// only its type is logged, beside the stack.
func (x *exchange) recovered(reason any) {
	if reason == http.ErrAbortHandler {
		panic(reason)
	}
	if logger := x.server.options.Logger; logger != nil {
		text := fmt.Sprintf("%T", reason)
		if err, ok := reason.(interface{ RuntimeError() }); ok {
			text = err.(error).Error()
		}
		logger.Error("panic", "request", x.id, "interaction", x.action.name, "reason", text, "stack", string(debug.Stack()))
	}
	if x.status != 0 {
		panic(http.ErrAbortHandler) // the response is cut off, so the client must not take it for whole
	}
	x.present(http.StatusInternalServerError, x.internalIssues())
}

// run reads the request, performs it and answers.
func (x *exchange) run() error {
	if err := x.read(); err != nil {
		return err
	}
	resp, err := x.server.perform(x.r.Context(), nil, &x.req)
	if err != nil {
		return err
	}
	return x.answer(resp)
}

// read reads everything of the request.
func (x *exchange) read() error {
	limits := &x.server.options.Limits
	if len(x.r.URL.Path)+len(x.r.URL.RawQuery) > limits.URLBytes {
		return fhir.Errorf(fhir.TooLong, "the URL is over %d bytes", limits.URLBytes)
	}
	x.req.Method = x.r.Method
	query, queryErr := parseQuery(x.r.URL.RawQuery)
	x.req.Query = query
	formatErr := x.negotiate()
	path, below := strings.CutPrefix(x.r.URL.EscapedPath(), basePath)
	if !below || path != "" && path[0] != '/' {
		return fhir.Errorf(fhir.NotFound, "the FHIR base is %s; there is nothing at this address", basePath)
	}
	if err := x.req.path(path); err != nil {
		return err
	}
	var err error
	if x.action, err = x.server.choose(&x.req); err != nil {
		return err
	}
	switch {
	case queryErr != nil:
		return queryErr
	case formatErr != nil && !x.readsBinary():
		return formatErr
	}
	if err := x.checkParams(); err != nil {
		return err
	}
	if x.req.Who, err = x.server.options.Access(x.r); err != nil {
		return err
	}
	x.readHeaders()
	switch x.req.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return x.readBody()
	}
	return nil
}

// checkParams bounds the number of parameters.
func (x *exchange) checkParams() error {
	if most := x.server.options.Limits.Params; len(x.req.Query) > most {
		return fhir.Errorf(fhir.Invalid, "there are %d parameters; at most %d are allowed", len(x.req.Query), most)
	}
	return nil
}

// negotiate chooses the format of the response, also of errors.
func (x *exchange) negotiate() (err error) {
	if pretty, ok := x.req.param("_pretty"); ok {
		x.pretty = pretty != "false"
	}
	if name, ok := x.req.param("_format"); ok {
		x.format, err = namedFormat(name)
		return err
	}
	switch accept := x.r.Header["Accept"]; len(accept) {
	case 0:
	case 1:
		x.format, err = acceptedFormat(accept[0])
	default:
		x.format, err = acceptedFormat(strings.Join(accept, ","))
	}
	return err
}

// readsBinary reports whether the response may be the content of a Binary
// rather than a resource.
func (x *exchange) readsBinary() bool {
	return x.req.Key.Type == "Binary" && (x.action.name == "read" || x.action.name == "vread")
}

// readHeaders reads the headers that are part of an interaction.
func (x *exchange) readHeaders() {
	h := x.r.Header
	x.req.ID = x.id
	x.req.IfMatch = h.Get("If-Match")
	x.req.IfNoneMatch = h.Get("If-None-Match")
	x.req.IfNoneExist = h.Get("If-None-Exist")
	if since := h.Get("If-Modified-Since"); since != "" {
		// One that can not be read is as good as none: RFC 9110 §13.1.3.
		x.req.IfModifiedSince, _ = http.ParseTime(since)
	}
	if prefer := h["Prefer"]; len(prefer) > 0 {
		x.req.Prefer = parsePrefer(prefer)
	}
}

// parsePrefer reads Prefer headers. What we do not know is ignored, as RFC 7240
// demands.
func parsePrefer(headers []string) Prefer {
	var prefer Prefer
	for member := range strings.FieldsFuncSeq(strings.Join(headers, ","), func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(member), "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "return":
			switch value {
			case "minimal", "representation", "OperationOutcome":
				prefer.Return = value
			}
		case "handling":
			prefer.Lenient = value == "lenient"
		}
	}
	return prefer
}

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

// allowed lists the methods there are at the address of a request.
func (s *Server) allowed(req *Request) string {
	at := req.cell()
	var methods []string
	for c := range s.table {
		if c.level == at.level && c.part == at.part {
			methods = append(methods, c.method)
			if c.method == http.MethodGet {
				methods = append(methods, http.MethodHead)
			}
		}
	}
	slices.Sort(methods)
	return strings.Join(methods, ", ")
}

// log writes the access log: what was done to what, and how it went. There is
// nothing of a patient in it but a logical id.
func (x *exchange) log(duration time.Duration) {
	logger := x.server.options.Logger
	if logger == nil {
		return
	}
	level := slog.LevelInfo
	if x.status >= 500 {
		level = slog.LevelWarn
	}
	logger.LogAttrs(x.r.Context(), level, "request",
		slog.String("request", x.id),
		slog.String("method", x.loggedMethod()),
		slog.String("interaction", x.action.name),
		slog.String("type", x.loggedType()),
		slog.String("id", x.loggedID()),
		slog.Int("status", x.status),
		slog.Duration("duration", duration),
		slog.Int("bytes", x.size),
	)
}

// loggedType returns the resource type, if there is such a type: anything else
// is text from the client.
func (x *exchange) loggedType() string {
	if x.server.codec.Schema.ResourceByName(x.req.Key.Type) == 0 {
		return ""
	}
	return x.req.Key.Type
}

// loggedID returns the logical id, if it is one.
func (x *exchange) loggedID() string {
	if !fhir.ValidID(x.req.Key.ID) {
		return ""
	}
	return x.req.Key.ID
}

// loggedMethod returns the method, if HTTP has it.
func (x *exchange) loggedMethod() string {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return x.r.Method
	}
	return "other"
}
