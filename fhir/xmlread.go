package fhir

import "strings"

// fhirSpace is the namespace of everything but narrative.
const fhirSpace = "http://hl7.org/fhir"

// maxXMLScopes bounds the namespace declarations in force at one place.
const maxXMLScopes = 32

// ParseXML reads a resource from XML (https://hl7.org/fhir/R4/xml.html),
// strictly: with the guarantees of ParseJSON, and the elements in the namespace
// and the order of FHIR. Refused are document types, processing instructions,
// encodings other than UTF-8, text between elements, and attributes FHIR does
// not define; only xsi:schemaLocation on the root is passed over. Comments are
// dropped. Narrative is kept as it is written, with its comments, but for
// prefixes and CDATA, which are resolved. The resource is the one ParseJSON
// would have made of the same content. Errors are Invalid for what is no XML,
// Structure with the FHIRPath of the element for what is no FHIR, and TooLarge
// over a limit.
func (c *Codec) ParseXML(data []byte) (*Resource, error) {
	nodes, err := parseXML(string(data), c.Limits)
	if err != nil {
		return nil, err
	}
	x := xmlConverter{
		checker: checker{codec: c, schema: c.Schema},
		nodes:   nodes,
		out:     make([]byte, 0, len(data)),
	}
	if err := x.resource(0); err != nil {
		return nil, err
	}
	return c.ParseJSON(x.out)
}

// An xmlNode is an element. Nodes stand in document order: the children of node
// i begin at i+1, and next leads past the whole subtree.
type xmlNode struct {
	name  string // without prefix
	space string // its namespace
	attrs []xmlAttr
	text  bool   // there is text between its children
	div   string // the narrative, if it is an XHTML element; it has no children then
	next  int
}

// parseXML reads a document into nodes.
func parseXML(text string, limits Limits) ([]xmlNode, error) {
	if strings.HasPrefix(text, "\xFE\xFF") || strings.HasPrefix(text, "\xFF\xFE") {
		return nil, Errorf(Invalid, "the XML is encoded as UTF-16; only UTF-8 is read")
	}
	text = strings.TrimPrefix(text, "\uFEFF")
	p := xmlParser{
		xmlScanner: xmlScanner{src: text, label: "XML", depth: levels(limits) + narrativeDepth},
		limits:     limits,
	}
	if err := p.declaration(); err != nil {
		return nil, err
	}
	if err := p.document(); err != nil {
		return nil, err
	}
	return p.nodes, nil
}

// levels returns how deep elements may be nested, narrative aside: XML has one
// for each object or array of the JSON at most, and one for the value in it.
func levels(l Limits) int { return l.Depth + 1 }

// An xmlScope is a namespace declaration in force.
type xmlScope struct {
	prefix, space string
	depth         int // of the element that declares it
}

// An xmlParser builds the nodes of one document.
type xmlParser struct {
	xmlScanner
	limits Limits
	nodes  []xmlNode
	scopes []xmlScope
}

// declaration reads the XML declaration, if there is one.
func (p *xmlParser) declaration() error {
	rest, ok := strings.CutPrefix(p.src, "<?xml")
	if !ok || rest == "" || !xmlWhite(rest[0]) {
		return nil
	}
	p.at = len("<?xml")
	for p.white() && p.peek() != '?' {
		if err := p.attr(); err != nil {
			return err
		}
	}
	if !strings.HasPrefix(p.src[p.at:], "?>") {
		return p.fail("expected ?> at the end of the XML declaration")
	}
	for i := range p.attrs {
		a := &p.attrs[i]
		known := false
		switch a.name {
		case "version":
			known = i == 0 && a.raw == "1.0"
		case "encoding":
			if known = i == 1; known && !strings.EqualFold(a.raw, "UTF-8") && !strings.EqualFold(a.raw, "US-ASCII") {
				return p.fail("the encoding is %s; only UTF-8 is read", clip(a.raw))
			}
		case "standalone":
			known = i > 0 && i == len(p.attrs)-1 && (a.raw == "yes" || a.raw == "no")
		}
		if !known {
			return p.fail(`the XML declaration is like <?xml version="1.0" encoding="UTF-8"?>`)
		}
	}
	if len(p.attrs) == 0 {
		return p.fail("the XML declaration has no version")
	}
	p.at += 2
	return nil
}

// document reads everything after the declaration.
func (p *xmlParser) document() error {
	var parents []int
	for {
		kind, err := p.next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlEOF:
			return nil
		case xmlText, xmlCDATA:
			if p.visible {
				p.nodes[parents[len(parents)-1]].text = true
			}
		case xmlStart:
			at := len(p.nodes)
			narrative, err := p.element()
			if err != nil {
				return err
			}
			if narrative {
				p.nodes[at].next = at + 1
			} else {
				parents = append(parents, at)
			}
		case xmlEnd:
			last := len(parents) - 1
			p.nodes[parents[last]].next = len(p.nodes)
			parents = parents[:last]
			p.leave()
		}
	}
}

// element adds the element of the start tag in hand. Narrative is read to its
// end, and reported.
func (p *xmlParser) element() (narrative bool, err error) {
	name, space, err := p.enter()
	if err != nil {
		return false, err
	}
	n := xmlNode{name: name, space: space}
	if space == xhtmlSpace {
		n.div, err = p.narrative(name)
		p.nodes = append(p.nodes, n)
		return true, err
	}
	if len(p.open) > levels(p.limits) {
		return false, p.fail("nested deeper than %d levels", levels(p.limits))
	}
	if len(p.nodes) >= p.limits.Nodes {
		return false, Errorf(TooLarge, "the XML has over %d elements", p.limits.Nodes)
	}
	for i := range p.attrs {
		if a := &p.attrs[i]; !declares(a.name) && !p.schemaLocation(a) {
			n.attrs = append(n.attrs, *a)
		}
	}
	p.nodes = append(p.nodes, n)
	return false, nil
}

// declares reports whether an attribute of that name declares a namespace.
func declares(name string) bool { return name == "xmlns" || strings.HasPrefix(name, "xmlns:") }

// enter puts the declarations of the start tag in hand into force and returns
// the element's name without prefix and its namespace.
// See https://www.w3.org/TR/xml-names/.
func (p *xmlParser) enter() (name, space string, err error) {
	for i := range p.attrs {
		a := &p.attrs[i]
		if !declares(a.name) {
			continue
		}
		prefix := strings.TrimPrefix(strings.TrimPrefix(a.name, "xmlns"), ":")
		space := a.value()
		if prefix == "xmlns" || prefix == "xml" || prefix != "" && space == "" {
			return "", "", p.fail("the prefix %s can not be declared so", prefix)
		}
		if p.space(prefix) == space {
			continue
		}
		if len(p.scopes) == maxXMLScopes {
			return "", "", p.fail("over %d namespace declarations at one place", maxXMLScopes)
		}
		p.scopes = append(p.scopes, xmlScope{prefix, space, len(p.open)})
	}
	prefix, name, prefixed := strings.Cut(p.name, ":")
	if !prefixed {
		prefix, name = "", p.name
	}
	space = p.space(prefix)
	if prefixed && space == "" {
		return "", "", p.fail("the prefix %s is not declared", clip(prefix))
	}
	return name, space, nil
}

// space returns the namespace that a prefix stands for, empty if it is not
// declared.
func (p *xmlParser) space(prefix string) string {
	for i := len(p.scopes) - 1; i >= 0; i-- {
		if p.scopes[i].prefix == prefix {
			return p.scopes[i].space
		}
	}
	return ""
}

// schemaLocation reports whether an attribute of the root only says where a
// schema is, which is nothing the resource says.
func (p *xmlParser) schemaLocation(a *xmlAttr) bool {
	prefix, found := strings.CutSuffix(a.name, ":schemaLocation")
	return found && len(p.open) == 1 && p.space(prefix) == "http://www.w3.org/2001/XMLSchema-instance"
}

// leave ends the declarations of the element that was closed.
func (p *xmlParser) leave() {
	for i := len(p.scopes); i > 0 && p.scopes[i-1].depth > len(p.open); i-- {
		p.scopes = p.scopes[:i-1]
	}
}

// narrative reads the XHTML element whose start tag is in hand to its end and
// returns it as text that needs no context: as written, but with the namespace
// declared on it, no prefixes, and CDATA sections as text. What it may hold is
// for CheckNarrative to say.
func (p *xmlParser) narrative(name string) (string, error) {
	var out []byte
	from := p.start // what comes before is in out
	level := len(p.open)
	if p.foreign(true) {
		out = p.appendTag(out, name, true)
		from = p.at
	}
	for {
		kind, err := p.next()
		if err != nil {
			return "", err
		}
		switch kind {
		case xmlStart:
			name, space, err := p.enter()
			if err != nil {
				return "", err
			}
			if space != xhtmlSpace {
				return "", p.fail("the element %s in narrative is not in the namespace %s", clip(p.name), xhtmlSpace)
			}
			if p.foreign(false) {
				out = append(out, p.src[from:p.start]...)
				out = p.appendTag(out, name, false)
				from = p.at
			}
		case xmlCDATA:
			out = append(out, p.src[from:p.start]...)
			out = appendXMLText(out, p.src[p.start+len("<![CDATA["):p.at-len("]]>")])
			from = p.at
		case xmlEnd:
			if _, local, prefixed := strings.Cut(p.name, ":"); prefixed && p.at > p.start {
				out = append(out, p.src[from:p.start]...)
				out = append(append(append(out, "</"...), local...), '>')
				from = p.at
			}
			p.leave()
			if len(p.open) < level {
				if out == nil {
					return p.src[from:p.at], nil
				}
				return string(append(out, p.src[from:p.at]...)), nil
			}
		}
	}
}

// foreign reports whether the start tag in hand needs to be written anew to be
// understood without context.
func (p *xmlParser) foreign(root bool) bool {
	declared := false
	for i := range p.attrs {
		a := &p.attrs[i]
		if a.name == "xmlns" && a.value() == xhtmlSpace {
			declared = true
		} else if declares(a.name) {
			return true
		}
	}
	return root && !declared || strings.IndexByte(p.name, ':') >= 0
}

// appendTag writes the start tag in hand anew, without prefix and declarations;
// the root gets the one declaration that is needed.
func (p *xmlParser) appendTag(out []byte, name string, root bool) []byte {
	out = append(append(out, '<'), name...)
	if root {
		out = append(out, ` xmlns="`+xhtmlSpace+`"`...)
	}
	for i := range p.attrs {
		if a := &p.attrs[i]; !declares(a.name) {
			out = append(append(out, ' '), p.src[a.start:a.end]...)
		}
	}
	if p.empty {
		out = append(out, '/')
	}
	return append(out, '>')
}

// An xmlConverter turns the nodes of a document into the JSON of the resource.
// It knows where elements belong and what becomes an array; whether values are
// right is for the check of the JSON.
type xmlConverter struct {
	checker // for its path
	nodes   []xmlNode
	out     []byte
}

// resource writes the resource whose element is node i.
func (x *xmlConverter) resource(i int) error {
	n := &x.nodes[i]
	if len(x.path) == 0 {
		x.path = append(x.path, step{clip(n.name), -1})
	}
	if n.space != fhirSpace {
		return x.fail("the element %s is in the namespace %q, not %q", clip(n.name), clip(n.space), fhirSpace)
	}
	t := x.schema.ResourceByName(n.name)
	if t == 0 {
		return x.fail("%q is no R4 resource type", clip(n.name))
	}
	x.out = append(x.out, `{"resourceType":"`...)
	x.out = append(append(x.out, n.name...), '"')
	return x.members(i, t)
}

// object writes node i as an object of type t.
func (x *xmlConverter) object(i int, t TypeID) error {
	x.out = append(x.out, '{')
	return x.members(i, t)
}

// members writes the attributes and children of node i, of type t, and the
// closing brace. The value of a primitive is not among them.
func (x *xmlConverter) members(i int, t TypeID) error {
	n := &x.nodes[i]
	if n.text {
		return x.fail("text between elements: values stand in attributes")
	}
	elems := x.schema.ElementsOf(t)
	if err := x.attributes(n, elems, t); err != nil {
		return err
	}
	last := -1
	for c := i + 1; c < n.next; {
		ordinal, err := x.ordinal(&x.nodes[c], elems, t, last)
		if err != nil {
			return err
		}
		last = ordinal
		if c, err = x.member(c, n.next, &elems[ordinal]); err != nil {
			return err
		}
	}
	x.out = append(x.out, '}')
	return nil
}

// attributes writes the attributes of a node that are elements of its type.
func (x *xmlConverter) attributes(n *xmlNode, elems []ElementDef, t TypeID) error {
	for i := range n.attrs {
		a := &n.attrs[i]
		if a.name == "value" && x.codec.primitives[t] != 0 {
			continue
		}
		ordinal := find(elems, a.name, 0)
		if ordinal < 0 || elems[ordinal].Flags&Attribute == 0 {
			return x.fail("%s has no attribute %q", x.schema.Types[t].Name, clip(a.name))
		}
		x.key(a.name, "")
		x.out = AppendQuoted(x.out, a.value())
	}
	return nil
}

// key begins a member.
func (x *xmlConverter) key(prefix, name string) {
	if x.out[len(x.out)-1] != '{' {
		x.out = append(x.out, ',')
	}
	x.out = append(append(append(x.out, '"'), prefix...), name...)
	x.out = append(x.out, '"', ':')
}

// ordinal returns the place of a child among the elements of its parent's type,
// which must be after the last one.
func (x *xmlConverter) ordinal(n *xmlNode, elems []ElementDef, t TypeID, last int) (int, error) {
	ordinal := find(elems, n.name, last+1)
	if ordinal < 0 || elems[ordinal].Flags&Attribute != 0 {
		return 0, x.unknown(elems, t, n.name)
	}
	e := &elems[ordinal]
	space := fhirSpace
	if e.Type == x.codec.xhtml {
		space = xhtmlSpace
	}
	if n.space != space {
		x.path = append(x.path, step{e.Name, -1})
		return 0, x.fail("the element %s is in the namespace %q, not %q", e.Name, clip(n.space), space)
	}
	if ordinal > last {
		return ordinal, nil
	}
	x.path = append(x.path, step{e.Name, -1})
	if after := &elems[last]; e.Choice != "" && e.Choice == after.Choice {
		return 0, x.fail("only one of %s[x] may be given, found %s and %s", e.Choice, after.Name, e.Name)
	}
	return 0, x.fail("the element %s must come before %s", e.Name, elems[last].Name)
}

// member writes the siblings from c on, before end, that are of element e. It
// returns the node after them.
func (x *xmlConverter) member(c, end int, e *ElementDef) (int, error) {
	after := x.nodes[c].next
	for after < end && x.nodes[after].name == e.Name && x.nodes[after].space == x.nodes[c].space {
		after = x.nodes[after].next
	}
	top := len(x.path)
	x.path = append(x.path, step{e.Name, -1})
	var err error
	switch {
	case e.Flags&Repeats == 0 && after != x.nodes[c].next:
		err = x.fail("%s does not repeat", e.Name)
	case x.codec.primitives[e.Type] != 0:
		err = x.primitives(c, after, e)
	default:
		err = x.objects(c, after, e)
	}
	x.path = x.path[:top]
	return after, err
}

// objects writes the nodes from c to after as the value of element e.
func (x *xmlConverter) objects(c, after int, e *ElementDef) error {
	x.key(e.Name, "")
	return x.items(c, after, e, func(i int) error {
		if e.Type == x.codec.resource {
			return x.container(i)
		}
		return x.object(i, e.Type)
	})
}

// items writes the nodes from c to after with a function, in an array if e
// repeats.
func (x *xmlConverter) items(c, after int, e *ElementDef, write func(i int) error) error {
	if e.Flags&Repeats == 0 {
		return write(c)
	}
	top := len(x.path) - 1
	x.out = append(x.out, '[')
	for i, index := c, 0; i < after; i, index = x.nodes[i].next, index+1 {
		if index > 0 {
			x.out = append(x.out, ',')
		}
		x.path[top].index = index
		if err := write(i); err != nil {
			return err
		}
	}
	x.out = append(x.out, ']')
	return nil
}

// container writes the one resource within node i.
func (x *xmlConverter) container(i int) error {
	n := &x.nodes[i]
	if n.text || len(n.attrs) > 0 || n.next == i+1 || x.nodes[i+1].next != n.next {
		return x.fail("%s holds one resource, no attributes and no text", n.name)
	}
	return x.resource(i + 1)
}

// primitives writes the nodes from c to after as the value of element e: values
// in one member, ids and extensions in the other.
// See https://hl7.org/fhir/R4/json.html#primitive.
func (x *xmlConverter) primitives(c, after int, e *ElementDef) error {
	p := x.codec.primitives[e.Type]
	values, shadows := false, false
	for i := c; i < after; i = x.nodes[i].next {
		n := &x.nodes[i]
		valued := p == PrimitiveXHTML || n.attr("value") != nil
		values = values || valued
		shadows = shadows || n.next > i+1 || n.text || len(n.attrs) > 1 || !valued
	}
	if values {
		x.key(e.Name, "")
		err := x.items(c, after, e, func(i int) error { return x.value(&x.nodes[i], p) })
		if err != nil {
			return err
		}
	}
	if !shadows {
		return nil
	}
	x.key("_", e.Name)
	return x.items(c, after, e, func(i int) error {
		n := &x.nodes[i]
		if n.next == i+1 && !n.text && len(n.attrs) == 1 && n.attr("value") != nil {
			x.out = append(x.out, "null"...)
			return nil
		}
		return x.object(i, e.Type)
	})
}

// attr returns the attribute of that name, or nil.
func (n *xmlNode) attr(name string) *xmlAttr {
	for i := range n.attrs {
		if n.attrs[i].name == name {
			return &n.attrs[i]
		}
	}
	return nil
}

// value writes the value of a primitive's node, null if it has none.
func (x *xmlConverter) value(n *xmlNode, p Primitive) error {
	if p == PrimitiveXHTML {
		x.out = AppendQuoted(x.out, n.div)
		return nil
	}
	a := n.attr("value")
	if a == nil {
		x.out = append(x.out, "null"...)
		return nil
	}
	value := a.value()
	if p.JSON() == StringNode {
		x.out = AppendQuoted(x.out, value)
		return nil
	}
	if !p.Valid(value) {
		return x.fail("not valid for type %s: expected %s", p, p.Form())
	}
	x.out = append(x.out, value...)
	return nil
}
