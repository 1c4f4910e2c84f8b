package patch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// ApplyXML returns doc changed by an XML Patch (RFC 5261): a <diff> element with
// the operations <add>, <replace> and <remove>. It works on the XML form of the
// resource, where elements stand in the order of their definition. All operations
// apply, one after the other, or none does. The result is compact JSON that codec
// accepts.
//
// Selectors are the paths of XPath that begin at the root: names, with * for any;
// in brackets positions, and attributes of the element or of its descendants that
// must have a value; and at the end, optionally, @name or text(). Names and
// elements without a namespace are taken to be FHIR's, which is the only one there
// is beside that of narrative.
//
// An error is Invalid if the patch is malformed, Unsupported for selectors and
// operations beyond these, TooLarge over a limit, and Unprocessable if an operation
// can not be applied or its outcome is no resource; it names the operation,
// counted from 0.
func ApplyXML(codec *fhir.Codec, doc *fhir.Resource, patch []byte) ([]byte, error) {
	diff, err := parseXML(patch, codec.Limits)
	if err != nil {
		return nil, fhir.Errorf(fhir.KindOf(err), "the patch: %s", err)
	}
	if diff.name != "diff" {
		return nil, fhir.Errorf(fhir.Invalid, "an XML Patch is a <diff> element, not <%s>", clip(diff.name))
	}
	root, err := parseXML(codec.AppendXML(nil, doc.Root(), false), fhir.Limits{Depth: 2 * codec.Limits.Depth, Nodes: 4 * codec.Limits.Nodes})
	if err != nil {
		return nil, fhir.Because(fhir.Internal, err, "the resource can not be read as XML")
	}
	document := &element{kind: documentNode, children: []*element{root}}
	root.parent = document
	index := 0
	for _, child := range diff.children {
		if child.kind == textNode && strings.TrimSpace(child.text) == "" || child.kind == commentNode {
			continue
		}
		if index == DefaultLimits.Operations {
			return nil, fhir.Errorf(fhir.TooLarge, "the patch has over %d operations", DefaultLimits.Operations)
		}
		e := edit{index: index, element: child, document: document}
		if err := e.apply(); err != nil {
			return nil, err
		}
		index++
	}
	if index == 0 {
		return doc.JSON(), nil
	}
	text, err := document.children[0].append(nil, "")
	if err != nil {
		return nil, err
	}
	r, err := codec.ParseXML(text)
	if err != nil {
		return nil, fhir.Errorf(fhir.Unprocessable, "the outcome of the patch is no valid resource: %s", err)
	}
	return r.JSON(), nil
}

// An edit is an operation of an XML Patch.
type edit struct {
	index    int
	element  *element // of the operation
	document *element // what it is applied to
}

// fail returns an error that names the operation.
func (e *edit) fail(kind fhir.Kind, format string, args ...any) error {
	sel, _ := e.element.attr("sel")
	return fhir.Errorf(kind, "operation %d (%s %s): %s", e.index, clip(e.element.name), clip(sel), fmt.Sprintf(format, args...))
}

// editAttributes are the attributes that each operation may have.
var editAttributes = map[string][]string{
	"add": {"sel", "pos", "type"}, "replace": {"sel"}, "remove": {"sel", "ws"},
}

func (e *edit) apply() error {
	op := e.element
	known, ok := editAttributes[op.name]
	if op.kind != elementNode || !ok {
		return e.fail(fhir.Invalid, "an operation is <add>, <replace> or <remove>")
	}
	for _, a := range op.attrs {
		if a.space != "" || !slices.Contains(known, a.name) {
			return e.fail(fhir.Invalid, "<%s> has no attribute %s", op.name, clip(a.name))
		}
	}
	sel, ok := op.attr("sel")
	if !ok {
		return e.fail(fhir.Invalid, "sel is missing")
	}
	s, err := parseSelector(sel, op.scope)
	if err != nil {
		return e.fail(fhir.KindOf(err), "%s", err)
	}
	found := s.find(e.document)
	if len(found) != 1 {
		return e.fail(fhir.Unprocessable, "the selector finds %d elements, not one", len(found))
	}
	switch op.name {
	case "add":
		return e.add(found[0], s)
	case "replace":
		return e.replace(found[0], s)
	}
	return e.remove(found[0], s)
}

// content returns copies of the nodes in the operation. White space around
// elements is left out, for it says nothing in FHIR.
func (e *edit) content() []*element {
	hasElements := slices.ContainsFunc(e.element.children, func(n *element) bool { return n.kind == elementNode })
	var nodes []*element
	for _, n := range e.element.children {
		if hasElements && n.kind == textNode && strings.TrimSpace(n.text) == "" {
			continue
		}
		nodes = append(nodes, n)
	}
	return nodes
}

// text returns the content of an operation that must be text.
func (e *edit) text() (string, error) {
	text := ""
	for _, n := range e.element.children {
		if n.kind == elementNode {
			return "", e.fail(fhir.Invalid, "the content must be text")
		}
		if n.kind == textNode {
			text += n.text
		}
	}
	return text, nil
}

// add appends content to an element, puts it before its other content or beside
// it, or gives it an attribute: RFC 5261 §4.3.
func (e *edit) add(at *element, s selector) error {
	if s.attr != "" || s.text {
		return e.fail(fhir.Invalid, "content is added to an element, not to an attribute or text")
	}
	if kind, ok := e.element.attr("type"); ok {
		return e.addAttribute(at, kind)
	}
	content := e.content()
	pos, _ := e.element.attr("pos")
	switch pos {
	case "":
		at.insert(len(at.children), content)
		return nil
	case "prepend":
		at.insert(0, content)
		return nil
	case "before", "after":
	default:
		return e.fail(fhir.Invalid, "pos is prepend, before or after")
	}
	if at.parent.kind == documentNode {
		return e.fail(fhir.Unprocessable, "nothing stands beside the resource itself")
	}
	place := slices.Index(at.parent.children, at)
	if pos == "after" {
		place++
	}
	at.parent.insert(place, content)
	return nil
}

func (e *edit) addAttribute(at *element, kind string) error {
	name, ok := strings.CutPrefix(kind, "@")
	if !ok || !isName(name) {
		return e.fail(fhir.Unsupported, "type is an attribute like @value; others are not supported")
	}
	if _, ok := at.attr(name); ok {
		return e.fail(fhir.Unprocessable, "<%s> has an attribute %s already", at.name, name)
	}
	text, err := e.text()
	at.touch()
	at.attrs = append(at.attrs, attribute{name: name, value: text})
	return err
}

// replace puts an element, a text or the value of an attribute in the place of
// another: RFC 5261 §4.4.
func (e *edit) replace(at *element, s selector) error {
	if s.attr != "" || at.kind == textNode {
		text, err := e.text()
		if err != nil {
			return err
		}
		at.touch()
		if at.kind == textNode {
			at.text = text
			return nil
		}
		for i := range at.attrs {
			if at.attrs[i].space == "" && at.attrs[i].name == s.attr {
				at.attrs[i].value = text
			}
		}
		return nil
	}
	content := slices.DeleteFunc(e.content(), func(n *element) bool { return n.kind == commentNode })
	if len(content) != 1 || content[0].kind != elementNode {
		return e.fail(fhir.Invalid, "an element is replaced by exactly one element")
	}
	place := slices.Index(at.parent.children, at)
	at.parent.take(place)
	at.parent.insert(place, content)
	return nil
}

// remove takes out an element, a text or an attribute: RFC 5261 §4.5. White space
// around elements is not kept in FHIR, so that ws changes nothing.
func (e *edit) remove(at *element, s selector) error {
	if ws, ok := e.element.attr("ws"); ok && ws != "before" && ws != "after" && ws != "both" {
		return e.fail(fhir.Invalid, "ws is before, after or both")
	}
	if len(e.element.children) > 0 && len(e.content()) > 0 {
		if text, err := e.text(); err != nil || strings.TrimSpace(text) != "" {
			return e.fail(fhir.Invalid, "<remove> is empty")
		}
	}
	switch {
	case s.attr != "":
		at.touch()
		at.attrs = slices.DeleteFunc(at.attrs, func(a attribute) bool { return a.space == "" && a.name == s.attr })
	case at.parent.kind == documentNode:
		return e.fail(fhir.Unprocessable, "the resource itself can not be removed")
	default:
		at.parent.take(slices.Index(at.parent.children, at))
	}
	return nil
}
