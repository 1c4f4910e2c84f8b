package search

import (
	"bytes"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A link is what a reference says, in the parts that searches tell apart.
type link struct {
	target  string // Type/id, or a URL; without version and fragment
	version string // of the resource, or of a canonical URL
}

// linkOf takes a reference apart. What points into the same resource is no link.
// See https://hl7.org/fhir/R4/search.html#reference.
func linkOf(text string, canonical bool) (l link, ok bool) {
	l.target = text
	if canonical {
		l.target, l.version, _ = strings.Cut(text, "|")
		if target, _, found := strings.Cut(l.target, "#"); found {
			l.target = target
		}
		if version, _, found := strings.Cut(l.version, "#"); found {
			l.version = version
		}
	} else if i := strings.Index(text, "/_history/"); i >= 0 {
		l.target, l.version = text[:i], text[i+len("/_history/"):]
	}
	return l, l.target != "" && l.target[0] != '#'
}

// link returns what a value of a reference parameter points to.
func (el *element) link() (link, bool) {
	switch el.kind {
	case referenceKind:
		return linkOf(el.v.Get("reference").Text(), false)
	case canonicalKind:
		return linkOf(el.v.Text(), true)
	case uriKind:
		return linkOf(el.v.Text(), false)
	case resourceKind:
		id := el.v.Get("id").Text()
		return link{target: el.v.Get("resourceType").Text() + "/" + id}, id != ""
	}
	return link{}, false
}

// What stands in the keys of references behind the type of the target, or in its
// place. Types begin with a letter.
const (
	untypedTarget = 0x01 // no type in the text
	remoteTarget  = 0x00 // a URL, not Type/id
	uuidTarget    = 0x01 // behind the slash: the id is a UUID, of which 16 bytes follow
)

// appendTarget appends the target of a reference to a key: the type and the id,
// UUIDs packed; URLs behind their type; or whatever it is. Nothing else has that key.
func (r *Registry) appendTarget(dst []byte, target string) []byte {
	typ := fhirpath.ReferenceType(target)
	if r.schema.ResourceByName(typ) == 0 {
		return appendWhole(append(dst, untypedTarget), target)
	}
	dst = append(dst, typ...)
	if len(target) <= len(typ) || target[len(typ)] != '/' || target[:len(typ)] != typ {
		return appendWhole(append(dst, remoteTarget), target)
	}
	id := target[len(typ)+1:]
	if packed, ok := packUUID(id); ok {
		return append(append(dst, '/', uuidTarget), packed[:]...)
	}
	return append(append(dst, '/'), id...)
}

// typedTargets returns the keys of references to one type; prefix is what keys of
// references begin with.
func typedTargets(prefix []byte, typ string) (low, high []byte) {
	low = append(append(bytes.Clone(prefix), typ...), remoteTarget)
	high = append(append(bytes.Clone(prefix), typ...), '/'+1)
	return low, high
}

// packUUID returns the bytes of a UUID in its canonical writing.
func packUUID(s string) (packed [16]byte, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return packed, false
	}
	at := 0
	for i := 0; i < len(s); i++ {
		if s[i] == '-' {
			continue
		}
		digit := strings.IndexByte("0123456789abcdef", s[i])
		if digit < 0 {
			return packed, false
		}
		packed[at/2] = packed[at/2]<<4 | byte(digit)
		at++
	}
	return packed, at == 32
}

// reference writes the key of what a reference points to, those of its
// identifier, and in the parameters that make a patient compartment its key too.
func (w *writer) reference(p *path, el *element) {
	if l, ok := el.link(); ok {
		w.begin(p.hash, referenceForm)
		w.buf = el.reg.appendTarget(w.buf, l.target)
		w.end()
		if patient, found := strings.CutPrefix(l.target, "Patient/"); found && p.patient != 0 && w.pair == nil && el.kind == referenceKind {
			w.compartment("Patient", patient, p.patient)
		}
	}
	if id, ok := el.nestedID(); ok && w.self != "" && w.pair == nil {
		w.begin(p.hash, nestedForm)
		w.buf = appendHash(w.buf, w.self, "#", id)
		w.end()
	}
	if el.kind != referenceKind || w.pair != nil {
		return
	}
	if id := el.v.Get("identifier"); id.Exists() {
		if c, ok := pairOf(id, "value"); ok {
			w.code(p.hash, c, identifierForm, valueForm)
		}
	}
}

// compartment writes the key of the compartment of a resource; typ is the hash of
// the type of what is in it.
func (w *writer) compartment(kind, id string, typ uint32) {
	if w.within != nil {
		return // the container alone is in compartments
	}
	w.begin(compartmentPath, compartmentForm)
	w.buf = appendHash(w.buf, kind, "/", id)
	w.buf = append(w.buf, byte(typ>>24), byte(typ>>16), byte(typ>>8), byte(typ))
	w.end()
}

// A referenceValue is one resource or URL to be pointed to, written in any of
// several ways.
type referenceValue struct {
	reg     *Registry
	targets []string // Type/id, or URL; any of them
	version string   // if not empty, the reference must name this version
}

// parseReference returns the parser for a reference parameter; typ is what a
// modifier like :Patient says, empty if nothing.
// See https://hl7.org/fhir/R4/search.html#reference.
func parseReference(typ string) parser {
	return func(p *Param, text string, o *Options) (comparison, error) {
		text, version, err := splitVersion(text)
		if err != nil {
			return nil, err
		}
		if version == "" {
			if l, ok := linkOf(text, false); ok {
				text, version = l.target, l.version
			}
		}
		targets, err := p.targets(text, typ, o.Base)
		return &referenceValue{p.reg, targets, version}, err
	}
}

// targets returns the ways in which a reference to what text names can be
// written. What is on this server may also be written with its base URL.
func (p *Param) targets(text, typ, base string) ([]string, error) {
	local := text
	if base != "" {
		local = strings.TrimPrefix(text, base+"/")
	}
	named := fhirpath.ReferenceType(local)
	if typ != "" && named != "" && named != typ {
		return nil, invalid("it is no reference to %s", typ)
	}
	if strings.Contains(local, ":") {
		return []string{local}, nil
	}
	var targets []string
	switch {
	case named == "" && fhir.ValidID(local):
		targets = p.candidates(typ, local)
	case named == "" || strings.Count(local, "/") > 1:
		return nil, invalid("it is no id, no Type/id and no URL")
	case p.reg.schema.ResourceByName(named) == 0:
		return nil, invalid("%s is no resource type", named)
	default:
		targets = []string{local}
	}
	if base != "" {
		for _, t := range targets {
			targets = append(targets, base+"/"+t)
		}
	}
	return targets, nil
}

// candidates are the resources of that id that the parameter can point to.
func (p *Param) candidates(typ, id string) []string {
	types := p.Target
	switch {
	case typ != "":
		types = []string{typ}
	case len(types) == 0:
		types = p.reg.names
	}
	targets := make([]string, len(types), 2*len(types))
	for i, t := range types {
		targets[i] = t + "/" + id
	}
	return targets
}

// splitVersion cuts a canonical URL's version off.
func splitVersion(text string) (url, version string, err error) {
	f, err := fields(text, '|')
	switch {
	case err != nil:
		return "", "", err
	case len(f) > 2 || len(f) == 2 && (f[0] == "" || f[1] == ""):
		return "", "", invalid("a | stands between a canonical URL and its version only")
	case len(f) == 2:
		return f[0], f[1], nil
	}
	return f[0], "", nil
}

func (r *referenceValue) matches(el *element) bool {
	l, ok := el.link()
	if !ok || r.version != "" && l.version != r.version {
		return false
	}
	return slices.Contains(r.targets, l.target)
}

func (r *referenceValue) ranges(to *ranger, b branch) {
	for _, t := range r.targets {
		named := fhirpath.ReferenceType(t)
		if b.target != "" && named != "" && named != b.target {
			continue
		}
		to.point(r.reg.appendTarget(to.key(referenceForm), t))
		to.inexact = to.inexact || b.target != "" && named == ""
	}
	to.inexact = to.inexact || r.version != ""
}

// An identifierValue is the identifier that a reference has beside or instead of
// its target.
type identifierValue struct{ tokenValue }

func parseIdentifier(p *Param, text string, o *Options) (comparison, error) {
	c, err := parseToken(p, text, o)
	if err != nil {
		return nil, err
	}
	return &identifierValue{*c.(*tokenValue)}, nil
}

func (i *identifierValue) matches(el *element) bool {
	if el.kind != referenceKind {
		return false
	}
	id := element{reg: el.reg, root: el.root, v: el.v.Get("identifier"), kind: identifierKind}
	return id.v.Exists() && i.tokenValue.matches(&id)
}

func (i *identifierValue) ranges(r *ranger, b branch) {
	r.inexact = r.inexact || b.target != ""
	switch {
	case i.bar && i.code == "":
		r.inexact = true
		r.prefixed(identifierForm, appendSystem(nil, i.system))
	case i.bar:
		r.point(appendToken(r.key(identifierForm), i.system, i.code))
	default:
		r.point(appendWhole(r.key(valueForm), i.code))
	}
}
