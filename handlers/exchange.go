package handlers

import (
	"net/http"
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
	if queryErr == nil && (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead) {
		query, queryErr = x.server.unpack(query)
	}
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
	if err := x.readHeaders(); err != nil {
		return err
	}
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

// readHeaders reads the headers that are part of an interaction. A condition that
// is empty is refused: the client asked for a guard and would get none.
func (x *exchange) readHeaders() error {
	h := x.r.Header
	x.req.ID = x.id
	for _, c := range [...]struct {
		name string
		to   *string
	}{{"If-Match", &x.req.IfMatch}, {"If-None-Match", &x.req.IfNoneMatch}, {"If-None-Exist", &x.req.IfNoneExist}} {
		values := h[c.name]
		if len(values) == 0 {
			continue
		}
		if len(values) > 1 && c.name == "If-None-Exist" {
			return fhir.Errorf(fhir.Invalid, "%s is given %d times", c.name, len(values))
		}
		if *c.to = strings.Join(values, ", "); strings.TrimSpace(*c.to) == "" {
			return fhir.Errorf(fhir.Invalid, "%s is empty", c.name)
		}
	}
	if since := h.Get("If-Modified-Since"); since != "" {
		// One that can not be read is as good as none: RFC 9110 §13.1.3.
		x.req.IfModifiedSince, _ = http.ParseTime(since)
	}
	if prefer := h["Prefer"]; len(prefer) > 0 {
		x.req.Prefer = parsePrefer(prefer)
	}
	return nil
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
