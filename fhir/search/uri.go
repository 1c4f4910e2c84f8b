package search

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// wholeSize is how much of a URI or a code is in a key; of a longer one a hash
// follows.
const wholeSize = 48

// uri returns the URI that a value is, and the version of a canonical one.
func (el *element) uri() (uri, version string, ok bool) {
	switch el.kind {
	case uriKind:
		return el.v.Text(), "", true
	case canonicalKind:
		uri, version, _ = strings.Cut(el.v.Text(), "|")
		return uri, version, uri != ""
	}
	return "", "", false
}

// uri writes the key of a URI. Keys sort by their beginning, for :below.
func (w *writer) uri(p *path, el *element) {
	if uri, _, ok := el.uri(); ok {
		w.begin(p.hash, uriForm)
		w.buf = appendWhole(w.buf, uri)
		w.end()
	}
}

// appendWhole appends a text such that texts that differ do so in what is
// appended, and sort by their beginning.
func appendWhole(dst []byte, text string) []byte {
	if len(text) <= wholeSize {
		return append(dst, text...)
	}
	return appendHash(append(dst, text[:wholeSize]...), text)
}

// maxLevels bounds the URIs above one.
const maxLevels = 100

// A uriMode says how URIs are compared.
type uriMode uint8

const (
	sameURI uriMode = iota
	uriBelow
	uriAbove
)

// A uriValue is a URI to compare with. Nothing is done about case or escapes.
// See https://hl7.org/fhir/R4/search.html#uri.
type uriValue struct {
	mode     uriMode
	text     string // as given
	uri      string // of a canonical one: without version
	version  string
	prefixes []string // uriAbove: the URIs it is below of, with itself
}

// parseURI returns the parser for the values of a URI parameter.
func parseURI(mode uriMode) parser {
	return func(_ *Param, text string, _ *Options) (comparison, error) {
		text, err := unescape(text)
		if err != nil {
			return nil, err
		}
		if !fhir.PrimitiveURI.Valid(text) {
			return nil, invalid("it is no URI")
		}
		v := &uriValue{mode: mode, text: text, uri: text}
		if mode != sameURI && strings.HasPrefix(text, "urn:") {
			return nil, invalid("only URLs are above and below others, not URNs")
		}
		if mode == uriAbove {
			if strings.Count(text, "/") > maxLevels {
				return nil, invalid("it has more than %d levels", maxLevels)
			}
			v.prefixes = ancestors(text)
			return v, nil
		}
		v.uri, v.version, _ = strings.Cut(text, "|")
		return v, nil
	}
}

// ancestors returns a URI and those above it, up to its authority.
func ancestors(uri string) []string {
	least := 0
	if i := strings.Index(uri, "://"); i >= 0 {
		least = i + 3
	}
	all := []string{uri}
	for i := len(uri) - 1; i > least; i-- {
		if uri[i] == '/' {
			all = append(all, uri[:i+1], uri[:i])
		}
	}
	return all
}

func (u *uriValue) matches(el *element) bool {
	uri, version, ok := el.uri()
	if !ok {
		return false
	}
	switch u.mode {
	case sameURI:
		return uri == u.text || el.kind == canonicalKind && uri == u.uri && (u.version == "" || u.version == version)
	case uriBelow:
		return strings.HasPrefix(uri, u.text) || el.kind == canonicalKind && u.version != "" && uri == u.uri && isVersion(version, u.version)
	}
	for _, p := range u.prefixes {
		if p == uri {
			return true
		}
	}
	return false
}

func (u *uriValue) ranges(r *ranger, b branch) {
	switch u.mode {
	case sameURI:
		r.point(appendWhole(r.key(uriForm), u.text))
		if u.uri != u.text && b.path.kinds.has(canonicalKind) {
			r.point(appendWhole(r.key(uriForm), u.uri))
			r.inexact = true
		}
	case uriBelow:
		cut := u.text[:min(len(u.text), wholeSize)]
		r.prefixed(uriForm, []byte(cut))
		r.inexact = r.inexact || len(u.text) > wholeSize
		if u.version != "" && b.path.kinds.has(canonicalKind) {
			r.point(appendWhole(r.key(uriForm), u.uri))
			r.inexact = true
		}
	case uriAbove:
		for _, p := range u.prefixes {
			r.point(appendWhole(r.key(uriForm), p))
		}
	default:
		panic("search: a URI mode nobody knows")
	}
}
