package search

import (
	"bytes"

	"github.com/noafhir/noafhir/fhir"
)

// displaySize is how much of a folded text beside a code is in a key.
const displaySize = 24

// displays calls yield for every text that says what a code means, until it
// returns false: CodeableConcept.text, Coding.display and Identifier.type.text.
// See https://hl7.org/fhir/R4/search.html#modifiers.
func (el *element) displays(yield func(string) bool) {
	text := func(v fhir.Value) bool {
		s := v.Text()
		return s == "" || yield(s)
	}
	switch el.kind {
	case codingKind:
		text(el.v.Get("display"))
	case identifierKind:
		text(el.v.Get("type").Get("text"))
	case conceptKind:
		if !text(el.v.Get("text")) {
			return
		}
		for coding := range el.v.Get("coding").Children {
			if !text(coding.Get("display")) {
				return
			}
		}
	}
}

// displays writes the keys for :text, and for :of-type.
func (w *writer) displays(p *path, el *element) {
	el.displays(func(text string) bool {
		w.begin(p.hash, displayForm)
		start := len(w.buf)
		w.buf = appendFolded(w.buf, text)
		if len(w.buf) == start {
			w.buf = w.buf[:w.start]
			return true
		}
		w.buf = w.buf[:min(len(w.buf), start+displaySize)]
		w.end()
		return true
	})
	if el.kind != identifierKind {
		return
	}
	value := el.v.Get("value").Text()
	if value == "" {
		return
	}
	for coding := range el.v.Get("type").Get("coding").Children {
		if c, ok := pairOf(coding, "code"); ok && c.code != "" {
			w.begin(p.hash, typedForm)
			w.buf = appendTyped(w.buf, c, value)
			w.end()
		}
	}
}

// A displayValue is the beginning of a text beside a code.
type displayValue struct{ folded []byte }

// parseDisplay reads the value of a token parameter with :text.
func parseDisplay(_ *Param, text string, _ *Options) (comparison, error) {
	text, err := unescape(text)
	if err != nil {
		return nil, err
	}
	v := &displayValue{appendFolded(nil, text)}
	if len(v.folded) == 0 {
		return nil, invalid("it has no letter or digit")
	}
	return v, nil
}

func (d *displayValue) matches(el *element) bool {
	found := false
	el.displays(func(text string) bool {
		var buf [128]byte
		found = bytes.HasPrefix(appendFolded(buf[:0], text), d.folded)
		return !found
	})
	return found
}

func (d *displayValue) ranges(r *ranger, _ branch) {
	r.prefixed(displayForm, d.folded[:min(len(d.folded), displaySize)])
	r.inexact = r.inexact || len(d.folded) > displaySize
}

// A typedValue is an identifier of a type.
type typedValue struct {
	typ   code
	value string
}

// parseTyped reads system|code|value, the former two being the identifier's type.
func parseTyped(_ *Param, text string, _ *Options) (comparison, error) {
	f, err := fields(text, '|')
	if err != nil {
		return nil, err
	}
	if len(f) != 3 || f[0] == "" || f[1] == "" || f[2] == "" {
		return nil, invalid("it is written system|code|value: system and code of the identifier's type, and its value")
	}
	return &typedValue{code{system: f[0], code: f[1]}, f[2]}, nil
}

func (t *typedValue) matches(el *element) bool {
	if el.kind != identifierKind || el.v.Get("value").Text() != t.value {
		return false
	}
	for coding := range el.v.Get("type").Get("coding").Children {
		if c, ok := pairOf(coding, "code"); ok && c == t.typ {
			return true
		}
	}
	return false
}

func (t *typedValue) ranges(r *ranger, _ branch) {
	r.point(appendTyped(r.key(typedForm), t.typ, t.value))
}

// appendTyped appends the payload of typedForm.
func appendTyped(dst []byte, typ code, value string) []byte {
	return appendHash(dst, typ.system, "\x00", typ.code, "\x00", value)
}
