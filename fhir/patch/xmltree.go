package patch

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// The namespaces of resources in XML.
const (
	fhirSpace  = "http://hl7.org/fhir"
	xhtmlSpace = "http://www.w3.org/1999/xhtml"
	xmlSpace   = "http://www.w3.org/XML/1998/namespace"
)

// A nodeKind says what a node of an XML tree is.
type nodeKind uint8

const (
	documentNode nodeKind = iota + 1
	elementNode
	textNode
	commentNode
)

// An element is a node of an XML tree that can be changed.
type element struct {
	kind     nodeKind
	space    string // its namespace
	name     string // without prefix
	attrs    []attribute
	text     string // of a text or a comment
	children []*element
	parent   *element
	scope    *scope // the namespaces declared at an element
	begin    int    // where it begins in the text
	raw      []byte // of narrative that was not changed: how it is written
}

// touch forgets how an element, and those it is in, were written.
func (e *element) touch() {
	for ; e != nil; e = e.parent {
		e.raw = nil
	}
}

type attribute struct {
	space, name, value string
}

// A scope is a namespace declaration, and those around it.
type scope struct {
	prefix, space string
	outer         *scope
}

// lookup returns the namespace of a prefix. Without a prefix and a declaration it
// is FHIR's.
func (s *scope) lookup(prefix string) (string, bool) {
	for ; s != nil; s = s.outer {
		if s.prefix == prefix {
			if s.space == "" {
				return fhirSpace, true
			}
			return s.space, true
		}
	}
	switch prefix {
	case "":
		return fhirSpace, true
	case "xml":
		return xmlSpace, true
	}
	return "", false
}

// attr returns the value of an attribute without a namespace.
func (e *element) attr(name string) (string, bool) {
	for _, a := range e.attrs {
		if a.space == "" && a.name == name {
			return a.value, true
		}
	}
	return "", false
}

// insert puts copies of nodes among the children.
func (e *element) insert(at int, nodes []*element) {
	e.touch()
	for i, n := range nodes {
		e.children = slices.Insert(e.children, at+i, n.copy(e))
	}
}

// take takes out the child at a place.
func (e *element) take(at int) {
	e.touch()
	e.children = slices.Delete(e.children, at, at+1)
}

// copy returns a copy of a node for another parent.
func (e *element) copy(parent *element) *element {
	c := *e
	c.parent, c.attrs, c.children, c.raw = parent, slices.Clone(e.attrs), nil, nil // raw may have prefixes
	for _, child := range e.children {
		c.children = append(c.children, child.copy(&c))
	}
	return &c
}

// An xmlReader builds a tree.
type xmlReader struct {
	text    []byte
	decoder *xml.Decoder
	limits  fhir.Limits
	nodes   int
	depth   int
}

// parseXML reads an XML document. Document types, processing instructions but for
// the declaration, and encodings other than UTF-8 are refused.
func parseXML(text []byte, limits fhir.Limits) (*element, error) {
	r := xmlReader{text: text, decoder: xml.NewDecoder(bytes.NewReader(text)), limits: limits}
	document := &element{kind: documentNode}
	at := document
	for {
		begin := int(r.decoder.InputOffset())
		token, err := r.decoder.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, r.fail("%s", strings.TrimPrefix(err.Error(), "XML syntax error on "))
		}
		if at, err = r.token(at, token, begin); err != nil {
			return nil, err
		}
	}
	if at != document {
		return nil, r.fail("<%s> does not end", clip(at.name))
	}
	root := slices.IndexFunc(document.children, func(n *element) bool { return n.kind == elementNode })
	if root < 0 {
		return nil, r.fail("there is no element")
	}
	return document.children[root], nil
}

func (r *xmlReader) fail(format string, args ...any) error {
	line, column := r.decoder.InputPos()
	err := fhir.Errorf(fhir.Invalid, format, args...)
	return fhir.Errorf(fhir.Invalid, "XML line %d column %d: %s", line, column, err.Text)
}

// token adds a token to the tree and returns the element that the next one is in.
func (r *xmlReader) token(at *element, token xml.Token, begin int) (*element, error) {
	if r.nodes++; r.nodes > r.limits.Nodes {
		return nil, fhir.Errorf(fhir.TooLarge, "the XML has over %d nodes", r.limits.Nodes)
	}
	switch t := token.(type) {
	case xml.StartElement:
		if at.kind == documentNode && slices.ContainsFunc(at.children, func(n *element) bool { return n.kind == elementNode }) {
			return nil, r.fail("there is a second root element")
		}
		if r.depth++; r.depth > r.limits.Depth {
			return nil, r.fail("nested deeper than %d levels", r.limits.Depth)
		}
		return r.start(at, t, begin)
	case xml.EndElement:
		if at.kind == documentNode || at.text != qualified(t.Name) {
			return nil, r.fail("</%s> ends nothing", clip(qualified(t.Name)))
		}
		at.text = ""
		if at.space == xhtmlSpace {
			at.raw = r.text[at.begin:r.decoder.InputOffset()]
		}
		r.depth--
		return at.parent, nil
	case xml.CharData:
		if at.kind == documentNode {
			if len(bytes.TrimSpace(t)) > 0 {
				return nil, r.fail("there is text outside the root element")
			}
			return at, nil
		}
		at.addText(string(t))
	case xml.Comment:
		at.children = append(at.children, &element{kind: commentNode, text: string(t), parent: at})
	case xml.ProcInst:
		if t.Target != "xml" || at.kind != documentNode || len(at.children) > 0 {
			return nil, r.fail("processing instructions are not read")
		}
	case xml.Directive:
		return nil, r.fail("document types are not read")
	}
	return at, nil
}

// addText appends text, to text that was there if it can.
func (e *element) addText(s string) {
	if n := len(e.children); n > 0 && e.children[n-1].kind == textNode {
		e.children[n-1].text += s
		return
	}
	e.children = append(e.children, &element{kind: textNode, text: s, parent: e})
}

func qualified(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// start adds an element. Until it ends its text is its name as it was written.
func (r *xmlReader) start(at *element, t xml.StartElement, begin int) (*element, error) {
	e := &element{kind: elementNode, name: t.Name.Local, text: qualified(t.Name), parent: at, scope: at.scope, begin: begin}
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "xmlns":
			e.scope = &scope{a.Name.Local, a.Value, e.scope}
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			e.scope = &scope{"", a.Value, e.scope}
		}
	}
	var ok bool
	if e.space, ok = e.scope.lookup(t.Name.Space); !ok {
		return nil, r.fail("the prefix %s is not declared", clip(t.Name.Space))
	}
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns" {
			continue
		}
		space := ""
		if a.Name.Space != "" {
			if space, ok = e.scope.lookup(a.Name.Space); !ok {
				return nil, r.fail("the prefix %s is not declared", clip(a.Name.Space))
			}
		}
		if slices.ContainsFunc(e.attrs, func(o attribute) bool { return o.space == space && o.name == a.Name.Local }) {
			return nil, r.fail("the attribute %s is given twice", clip(a.Name.Local))
		}
		e.attrs = append(e.attrs, attribute{space, a.Name.Local, a.Value})
	}
	at.children = append(at.children, e)
	return e, nil
}

var (
	escapeText  = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	escapeValue = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;")
)

// append writes an element within one of that namespace.
func (e *element) append(dst []byte, outer string) ([]byte, error) {
	if e.space != fhirSpace && e.space != xhtmlSpace {
		return nil, fhir.Errorf(fhir.Unprocessable, "the patch makes an element <%s> of the namespace %s", clip(e.name), clip(e.space))
	}
	if e.raw != nil {
		return append(dst, e.raw...), nil
	}
	dst = append(append(dst, '<'), e.name...)
	if e.space != outer {
		dst = append(append(append(dst, ` xmlns="`...), e.space...), '"')
	}
	for _, a := range e.attrs {
		switch a.space {
		case "":
			dst = append(dst, ' ')
		case xmlSpace:
			dst = append(dst, " xml:"...)
		default:
			return nil, fhir.Errorf(fhir.Unprocessable, "the patch makes an attribute %s of the namespace %s", clip(a.name), clip(a.space))
		}
		dst = append(append(append(append(dst, a.name...), `="`...), escapeValue.Replace(a.value)...), '"')
	}
	// HTML, in which narrative is shown, closes no element but these with a slash.
	if len(e.children) == 0 && (e.space == fhirSpace || slices.Contains([]string{"br", "hr", "img", "col", "area"}, e.name)) {
		return append(dst, "/>"...), nil
	}
	dst = append(dst, '>')
	for _, c := range e.children {
		var err error
		switch c.kind {
		case textNode:
			dst = append(dst, escapeText.Replace(c.text)...)
		case commentNode:
			dst = append(append(append(dst, "<!--"...), c.text...), "-->"...)
		default:
			if dst, err = c.append(dst, e.space); err != nil {
				return nil, err
			}
		}
	}
	return append(append(append(dst, "</"...), e.name...), '>'), nil
}
