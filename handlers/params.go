package handlers

import (
	"net/url"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// presentational reports whether a parameter only changes how a response is
// written. See https://hl7.org/fhir/R4/http.html#parameters.
func presentational(name string) bool { return name == "_format" || name == "_pretty" }

// viewing reports whether a parameter changes how, or how much of, what is read
// is shown.
func viewing(name string) bool {
	return presentational(name) || name == "_summary" || name == "_elements"
}

// param returns the first parameter of that name, and whether there is one.
func (req *Request) param(name string) (string, bool) {
	for i := range req.Query {
		if req.Query[i][0] == name {
			return req.Query[i][1], true
		}
	}
	return "", false
}

// once returns the parameter of that name, empty if there is none. The error is
// Invalid if it is repeated.
func (req *Request) once(name string) (string, error) {
	value, found := "", false
	for i := range req.Query {
		if req.Query[i][0] != name {
			continue
		}
		if found {
			return "", fhir.Errorf(fhir.Invalid, "the parameter %s is repeated", name)
		}
		value, found = req.Query[i][1], true
	}
	return value, nil
}

// onlyParams refuses parameters that are neither presentational nor among those
// named. A lenient client has them ignored.
func (req *Request) onlyParams(names ...string) error {
	if req.Prefer.Lenient {
		return nil
	}
next:
	for i := range req.Query {
		name := req.Query[i][0]
		if presentational(name) {
			continue
		}
		for _, known := range names {
			if name == known {
				continue next
			}
		}
		return fhir.Errorf(fhir.Unsupported, "the parameter %q has no meaning here", clip(name))
	}
	return nil
}

// criteria parses the search criteria of a conditional interaction. They are
// never treated leniently: a criterion left out would hit other resources. Codes are
// looked up here, before a unit of work begins.
func (s *Server) criteria(known knowledge, typ string, params [][2]string) (*search.Query, error) {
	kept := make([][2]string, 0, len(params))
	for _, p := range params {
		if !presentational(p[0]) {
			kept = append(kept, p)
		}
	}
	if len(kept) == 0 {
		return nil, fhir.Errorf(fhir.Invalid, "a conditional interaction needs search criteria, as in %s?identifier=…", typ)
	}
	return search.Parse(s.registry(), typ, kept, search.Options{
		Base:         s.base,
		DefaultCount: s.options.Limits.DefaultCount,
		MaxCount:     s.options.Limits.MaxCount,
		Conditional:  true,
		Terminology:  known.terms,
		Hierarchy:    known.parts,
	})
}

// ifNoneExist parses the criteria of a conditional create: what stands in a
// search URL after the question mark.
func (s *Server) ifNoneExist(known knowledge, typ, header string) (*search.Query, error) {
	if before, after, found := strings.Cut(header, "?"); found {
		if before != "" && before != typ {
			return nil, fhir.Errorf(fhir.Invalid, "If-None-Exist: the criteria are not about %s", typ)
		}
		header = after
	}
	params, err := parseQuery(header)
	if err != nil {
		return nil, err
	}
	return s.criteria(known, typ, params)
}

// withQuery returns an address with parameters.
func withQuery(address string, params [][2]string) string {
	var b strings.Builder
	b.WriteString(address)
	for i, p := range params {
		if i == 0 {
			b.WriteByte('?')
		} else {
			b.WriteByte('&')
		}
		b.WriteString(url.QueryEscape(p[0]))
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(p[1]))
	}
	return b.String()
}
