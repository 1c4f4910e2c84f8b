package search

import (
	"bytes"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// stringSize is how much of a folded text is in a key.
const stringSize = 48

// texts calls yield for every text of a value: those of all parts of a name or
// an address. See https://hl7.org/fhir/R4/search.html#string.
func (el *element) texts(yield func(string) bool) {
	switch names := parts[el.kind]; {
	case names != nil:
		for _, name := range names {
			for v := range el.v.Get(name).Items {
				if text := v.Text(); text != "" && !yield(text) {
					return
				}
			}
		}
	case kindsFor[fhir.StringParam].has(el.kind):
		yield(el.v.Text())
	}
}

// string writes the key of a text: folded, its first bytes.
func (w *writer) string(p *path, el *element) {
	if !kindsFor[fhir.StringParam].has(el.kind) {
		return
	}
	w.begin(p.hash, stringForm)
	start := len(w.buf)
	w.buf = appendFolded(w.buf, el.v.Text())
	if len(w.buf) == start {
		w.buf = w.buf[:w.start]
		return
	}
	w.buf = w.buf[:min(len(w.buf), start+stringSize)]
	w.end()
}

// A stringMode says how texts are compared.
type stringMode uint8

const (
	startsWith stringMode = iota
	exactly
	contains
	equals
)

// A stringValue is a text to look for.
type stringValue struct {
	mode   stringMode
	text   string
	folded []byte
}

// parseString returns the parser for the values of a string parameter.
func parseString(mode stringMode) parser {
	return func(_ *Param, text string, _ *Options) (comparison, error) {
		text, err := unescape(text)
		if err != nil {
			return nil, err
		}
		s := &stringValue{mode: mode, text: text, folded: appendFolded(nil, text)}
		if len(s.folded) == 0 && mode != exactly {
			return nil, invalid("it has no letter or digit")
		}
		return s, nil
	}
}

func (s *stringValue) matches(el *element) bool {
	found := false
	el.texts(func(text string) bool {
		var buf [128]byte
		switch s.mode {
		case startsWith:
			found = bytes.HasPrefix(appendFolded(buf[:0], text), s.folded)
		case exactly:
			found = text == s.text
		case contains:
			found = bytes.Contains(appendFolded(buf[:0], text), s.folded)
		case equals:
			found = bytes.Equal(appendFolded(buf[:0], text), s.folded)
		default:
			panic("search: a string mode nobody knows: " + strings.Repeat("?", int(s.mode)))
		}
		return !found
	})
	return found
}

func (s *stringValue) ranges(r *ranger, _ branch) {
	if s.mode == contains {
		r.span(stringForm, nil, nil)
		r.inexact = true
		return
	}
	cut := s.folded[:min(len(s.folded), stringSize)]
	r.prefixed(stringForm, cut)
	r.inexact = r.inexact || s.mode != startsWith || len(s.folded) > stringSize
}
