package fhir

import (
	"math"
	"slices"
	"unicode/utf8"
)

// AppendXML appends the resource at v, a checked place of a tree, as an XML
// document (https://hl7.org/fhir/R4/xml.html): elements in the order of their
// definition, primitives and decimals as they are written, narrative as it
// stands. Pretty puts every element on a line of its own.
func (c *Codec) AppendXML(dst []byte, v Value, pretty bool) []byte {
	w := xmlWriter{codec: c, out: dst, pretty: pretty}
	w.out = append(w.out, `<?xml version="1.0" encoding="UTF-8"?>`...)
	w.resource(v, 0, ` xmlns="`+fhirSpace+`"`)
	return w.out
}

// JSONToXML writes a resource that this program made, as JSON, as XML; there
// are no limits of size. An error is Internal: the JSON is not what it should
// be.
func (c *Codec) JSONToXML(json []byte, pretty bool) ([]byte, error) {
	const most = math.MaxInt32
	r, err := c.WithLimits(Limits{Depth: 1000, Nodes: most, StringBytes: most, NumberDigits: most}).ParseJSON(json)
	if err != nil {
		return nil, Because(Internal, err, "a resource of ours can not be written as XML")
	}
	return c.AppendXML(make([]byte, 0, 2*len(json)), r.Root(), pretty), nil
}

// An xmlWriter writes one document.
type xmlWriter struct {
	codec   *Codec
	out     []byte
	pretty  bool
	members []xmlMember // of the objects being written, the innermost last
}

// An xmlMember is an element of an object: its value, its shadow, or both.
type xmlMember struct {
	ordinal       int
	value, shadow Value
}

// line begins a line in pretty output.
func (w *xmlWriter) line(level int) {
	if !w.pretty {
		return
	}
	w.out = append(w.out, '\n')
	for range level {
		w.out = append(w.out, "  "...)
	}
}

// resource writes the resource at v, with more attributes in its tag.
func (w *xmlWriter) resource(v Value, level int, attrs string) {
	t := v.Type()
	name := w.codec.Schema.Types[t].Name
	w.line(level)
	w.out = append(append(append(w.out, '<'), name...), attrs...)
	w.content(name, v, t, level)
}

// content writes the attributes of an object of type t, the rest of the start
// tag that was begun, its elements, and the end tag.
func (w *xmlWriter) content(name string, v Value, t TypeID, level int) {
	base := len(w.members)
	w.collect(v, t)
	top := len(w.members)
	elems := w.codec.Schema.ElementsOf(t)
	for _, m := range w.members[base:] {
		if e := &elems[m.ordinal]; e.Flags&Attribute != 0 {
			w.attribute(e.Name, m.value.Text())
		}
	}
	w.elements(name, base, top, elems, level)
	w.members = w.members[:base]
}

// elements writes the members from base to top that are no attributes, and the
// tag ends around them.
func (w *xmlWriter) elements(name string, base, top int, elems []ElementDef, level int) {
	inside := false
	for i := base; i < top; i++ {
		m := w.members[i]
		e := &elems[m.ordinal]
		if e.Flags&Attribute != 0 {
			continue
		}
		if !inside {
			w.out = append(w.out, '>')
			inside = true
		}
		w.member(e, m, level+1)
	}
	if !inside {
		w.out = append(w.out, '/', '>')
		return
	}
	w.line(level)
	w.out = append(append(append(w.out, '<', '/'), name...), '>')
}

// collect pushes the members of v, an object of type t, in order of definition.
func (w *xmlWriter) collect(v Value, t TypeID) {
	base := len(w.members)
	first := w.codec.Schema.Types[t].First
	sorted := true
	for c := range v.Children {
		n := c.Node()
		if n.Elem == 0 {
			continue // resourceType
		}
		m := xmlMember{ordinal: int(n.Elem - first)}
		if n.Flags&Shadow != 0 {
			m.shadow = c
		} else {
			m.value = c
		}
		if last := len(w.members) - 1; last >= base {
			sorted = sorted && w.members[last].ordinal < m.ordinal
		}
		w.members = append(w.members, m)
	}
	if sorted {
		return
	}
	list := w.members[base:]
	slices.SortStableFunc(list, func(a, b xmlMember) int { return a.ordinal - b.ordinal })
	kept := 0
	for _, m := range list {
		if kept == 0 || list[kept-1].ordinal != m.ordinal {
			list[kept] = m
			kept++
		} else if m.value.Exists() {
			list[kept-1].value = m.value
		} else {
			list[kept-1].shadow = m.shadow
		}
	}
	w.members = w.members[:base+kept]
}

// member writes an element as often as it occurs.
func (w *xmlWriter) member(e *ElementDef, m xmlMember, level int) {
	if e.Flags&Repeats == 0 {
		w.element(e, m.value, m.shadow, level)
		return
	}
	value, shadow := m.value.First(), m.shadow.First()
	for value.Exists() || shadow.Exists() {
		w.element(e, value, shadow, level)
		if value.Exists() {
			value = value.Next(m.value)
		}
		if shadow.Exists() {
			shadow = shadow.Next(m.shadow)
		}
	}
}

// element writes one occurrence of an element.
func (w *xmlWriter) element(e *ElementDef, value, shadow Value, level int) {
	w.line(level)
	switch {
	case e.Type == w.codec.xhtml:
		w.out = append(w.out, trimXML(value.Text())...)
		return
	case w.codec.primitives[e.Type] != 0:
		w.out = append(append(w.out, '<'), e.Name...)
		if value.Exists() && value.Kind() != NullNode {
			w.attribute("value", value.Text())
		}
		w.content(e.Name, shadow, e.Type, level)
	case e.Type == w.codec.resource:
		w.out = append(append(append(w.out, '<'), e.Name...), '>')
		w.resource(value, level+1, "")
		w.line(level)
		w.out = append(append(append(w.out, '<', '/'), e.Name...), '>')
	default:
		w.out = append(append(w.out, '<'), e.Name...)
		w.content(e.Name, value, e.Type, level)
	}
}

// attribute writes an attribute.
func (w *xmlWriter) attribute(name, value string) {
	w.out = append(append(append(w.out, ' '), name...), '=', '"')
	w.out = appendXMLText(w.out, value)
	w.out = append(w.out, '"')
}

// appendXMLText appends text in a form that stands for itself in text and
// between double quotes, white space included. Characters that XML does not
// have, and checked text has not either, become U+FFFD.
func appendXMLText(dst []byte, text string) []byte {
	from := 0
	for i := 0; i < len(text); {
		c := text[i]
		n := 1
		var as string
		switch {
		case c == '&':
			as = "&amp;"
		case c == '<':
			as = "&lt;"
		case c == '>':
			as = "&gt;"
		case c == '"':
			as = "&quot;"
		case c == '\t':
			as = "&#x9;"
		case c == '\n':
			as = "&#xA;"
		case c == '\r':
			as = "&#xD;"
		case c < ' ':
			as = "\uFFFD"
		case c >= utf8.RuneSelf:
			var r rune
			if r, n = utf8.DecodeRuneInString(text[i:]); !xmlChar(r) {
				as = "\uFFFD"
			}
		}
		if as != "" {
			dst = append(append(dst, text[from:i]...), as...)
			from = i + n
		}
		i += n
	}
	return append(dst, text[from:]...)
}
