package search

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// booleanSystem is the code system that booleans have in searches.
const booleanSystem = "http://terminology.hl7.org/CodeSystem/special-values"

// A codeMode says what the system of a code is.
type codeMode uint8

const (
	openCode   codeMode = iota // given beside the code, or missing there
	boundCode                  // the one that the element is bound to
	bareCode                   // none: an id, a URI, a boolean, a code bound to several systems
	foldedCode                 // none, and case does not matter: a string or contact point
)

// A code is what a token parameter compares with.
type code struct {
	system, code string
	mode         codeMode
}

// The kinds of element by the mode of their codes; codeKind may be bound or bare.
var (
	openKinds   = setOf(codingKind, conceptKind, identifierKind)
	bareKinds   = setOf(booleanKind, idKind, uriKind, canonicalKind)
	foldedKinds = setOf(textKind, contactKind)
)

// codes calls yield for every code of a value, until it returns false. Codes are
// compared as they are; strings and contact points without regard to case, the
// latter also without the punctuation people put into telephone numbers.
// See https://hl7.org/fhir/R4/search.html#token.
func (el *element) codes(yield func(code) bool) {
	if !el.v.Exists() {
		yield(code{code: map[bool]string{true: "true", false: "false"}[el.yes], mode: bareCode})
		return
	}
	switch el.kind {
	case booleanKind, idKind, uriKind, canonicalKind:
		yield(code{code: el.v.Text(), mode: bareCode})
	case codeKind:
		if system := el.reg.systemOf(el.v.Elem()); system != "" {
			yield(code{system: system, code: el.v.Text(), mode: boundCode})
		} else {
			yield(code{code: el.v.Text(), mode: bareCode})
		}
	case textKind:
		yield(code{code: foldCase(el.v.Text()), mode: foldedCode})
	case contactKind:
		if text := el.v.Get("value").Text(); text != "" {
			yield(code{code: foldContact(text), mode: foldedCode})
		}
	case codingKind:
		if c, ok := pairOf(el.v, "code"); ok {
			yield(c)
		}
	case identifierKind:
		if c, ok := pairOf(el.v, "value"); ok {
			yield(c)
		}
	case conceptKind:
		for coding := range el.v.Get("coding").Children {
			if c, ok := pairOf(coding, "code"); ok && !yield(c) {
				return
			}
		}
	}
}

// pairOf returns the system and the code of a Coding or an Identifier.
func pairOf(v fhir.Value, member string) (c code, ok bool) {
	for m := v.First(); m.Exists(); m = m.Next(v) {
		switch m.Key() {
		case "system":
			c.system = m.Text()
		case member:
			c.code = m.Text()
		}
	}
	return c, c.system != "" || c.code != ""
}

// systemOf returns the code system that an element of type code is bound to.
func (r *Registry) systemOf(id fhir.ElementID) string {
	b := &r.schema.Bindings[r.schema.Elements[id].Binding]
	if b.Strength == 'x' {
		return ""
	}
	return b.System
}

// foldContact folds an address or number of a contact point.
func foldContact(s string) string {
	s = foldCase(s)
	if strings.ContainsAny(s, "@:") {
		return s
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -()./\u00a0", r) {
			return -1
		}
		return r
	}, s)
}

// token writes the keys of a token: one with the system, by whose beginning all
// codes of a system are found, and one without. Codes of elements bound to one
// system have a form of their own, and what has no system only the latter. The
// keys that have the code, not a hash of it, are in its order.
func (w *writer) token(p *path, el *element) {
	el.codes(func(c code) bool {
		if c.mode == boundCode && !slices.Contains(p.systems, c.system) {
			c.mode = openCode // of a computed path, which does not know its elements
		}
		w.code(p.hash, c, tokenForm, codeForm)
		return true
	})
	if w.pair == nil {
		w.displays(p, el)
	}
}

// code writes the keys of one code, in the forms given.
func (w *writer) code(hash uint32, c code, whole, bare byte) {
	switch {
	case w.pair == nil && c.mode == boundCode:
		w.begin(hash, boundForm)
		w.buf = appendBound(w.buf, c.system, c.code)
		w.end()
		return
	case w.pair == nil && c.mode == openCode:
		w.begin(hash, whole)
		w.buf = appendToken(w.buf, c.system, c.code)
		w.end()
	case c.mode == foldedCode:
		bare = foldedForm
	}
	if c.code != "" {
		w.begin(hash, bare)
		w.buf = appendWhole(w.buf, c.code)
		w.end()
	}
}

// appendBound appends the payload of boundForm.
func appendBound(dst []byte, system, code string) []byte {
	return appendWhole(appendSystem(dst, system), code)
}

// appendToken appends the payload of tokenForm.
func appendToken(dst []byte, system, code string) []byte {
	return appendHash(appendSystem(dst, system), system, "\x00", code)
}

// appendSystem appends what the payloads of tokenForm and boundForm begin with.
func appendSystem(dst []byte, system string) []byte {
	return binary.BigEndian.AppendUint32(dst, pathHash(system))
}

// A tokenValue is code, system|code, |code or system|.
type tokenValue struct {
	system, code string
	bar          bool // a system, or that there is none, was given
}

// parseToken reads the value of a token parameter.
func parseToken(p *Param, text string, _ *Options) (comparison, error) {
	f, err := fields(text, '|')
	if err != nil {
		return nil, err
	}
	switch {
	case len(f) > 2:
		return nil, invalid("it has more than one |; a | that belongs to the code is written \\|")
	case len(f) == 2 && f[0] == "" && f[1] == "":
		return nil, invalid("it has neither system nor code")
	case len(f) == 2 && f[0] != "" && p.withoutSystem(f[0]):
		return nil, invalid("its values have no system: write the code alone, without system and |")
	case len(f) == 2:
		return &tokenValue{system: f[0], code: f[1], bar: true}, nil
	}
	return &tokenValue{code: f[0]}, nil
}

// withoutSystem reports whether no value of p has a system, so that none can have
// the one given. R4 allows none for contact points, URIs and booleans; that of codes
// of one of several systems is not known.
func (p *Param) withoutSystem(system string) bool {
	kinds := p.kinds()
	if p.Type != fhir.TokenParam || kinds == 0 || kinds.any(openKinds|setOf(extensionKind)) {
		return false
	}
	if kinds.has(booleanKind) && system == booleanSystem {
		return false
	}
	return !slices.ContainsFunc(p.branches, func(b branch) bool { return len(b.path.systems) > 0 })
}

func (t *tokenValue) matches(el *element) bool {
	found := false
	el.codes(func(c code) bool {
		found = t.is(c, el)
		return !found
	})
	return found
}

// is reports whether a code of an element is the one wanted.
func (t *tokenValue) is(c code, el *element) bool {
	if t.bar && t.code == "" {
		return c.system == t.system
	}
	switch c.mode {
	case foldedCode:
		want := foldCase(t.code)
		if el.kind == contactKind {
			want = foldContact(t.code)
		}
		return want == c.code && t.system == ""
	case bareCode:
		boolean := !el.v.Exists() || el.kind == booleanKind
		return t.code == c.code && (t.system == "" || boolean && t.system == booleanSystem)
	}
	return t.code == c.code && (!t.bar || t.system == c.system)
}

func (t *tokenValue) ranges(r *ranger, b branch) {
	if r.pair {
		t.pairRanges(r, b.path)
		return
	}
	p := b.path
	open, bare := p.kinds.any(openKinds), p.bare || p.kinds.any(bareKinds)
	switch {
	case t.bar && t.code == "":
		// The system is hashed to 32 bits only.
		r.inexact = true
		r.prefixed(tokenForm, appendSystem(nil, t.system))
		if slices.Contains(p.systems, t.system) {
			r.prefixed(boundForm, appendSystem(nil, t.system))
		}
		return
	case t.bar:
		if open {
			r.point(appendToken(r.key(tokenForm), t.system, t.code))
		}
		if slices.Contains(p.systems, t.system) {
			r.point(appendBound(r.key(boundForm), t.system, t.code))
		}
	default:
		for _, system := range p.systems {
			r.point(appendBound(r.key(boundForm), system, t.code))
		}
	}
	if t.system != "" && t.system != booleanSystem {
		return
	}
	if bare || open && !t.bar {
		r.point(appendWhole(r.key(codeForm), t.code))
		r.inexact = r.inexact || t.bar && (open || t.system != "")
	}
	if t.system == "" {
		t.foldedRanges(r, p)
	}
}

// foldedRanges adds the keys of strings and contact points.
func (t *tokenValue) foldedRanges(r *ranger, p *path) {
	var keys [][]byte
	if p.kinds.has(textKind) {
		keys = append(keys, appendWhole(r.key(foldedForm), foldCase(t.code)))
	}
	if p.kinds.has(contactKind) {
		keys = append(keys, appendWhole(r.key(foldedForm), foldContact(t.code)))
	}
	r.inexact = r.inexact || len(keys) > 1
	for _, k := range slices.CompactFunc(keys, bytes.Equal) {
		r.point(k)
	}
}

// pairRanges adds the keys of the second part of a composite, which are without
// system.
func (t *tokenValue) pairRanges(r *ranger, p *path) {
	r.inexact = r.inexact || t.bar
	if t.code == "" {
		r.everything()
		return
	}
	r.point(appendWhole(r.key(codeForm), t.code))
	t.foldedRanges(r, p)
}
