package patch

import (
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A selector is a path of XPath as [ApplyXML] knows it.
type selector struct {
	steps []selectorStep
	attr  string // the path ends in this attribute
	text  bool   // the path ends in the texts of an element
	which int    // the place of the text among them, from 1; 0: all
}

// A selectorStep leads from an element to some of its children.
type selectorStep struct {
	space, name string // name * is any
	conditions  []condition
}

// A condition is a predicate: a position among the elements that are left, or an
// attribute, of the element or of one below, that has a value.
type condition struct {
	position int
	path     []selectorStep
	attr     string
	value    string
}

// A selectorReader reads a selector.
type selectorReader struct {
	src   string
	at    int
	scope *scope
}

// parseSelector reads a selector with the namespaces in scope.
func parseSelector(src string, scope *scope) (selector, error) {
	r := selectorReader{src: strings.TrimSpace(src), scope: scope}
	var s selector
	r.skip("/")
	for {
		switch {
		case r.skip("@"):
			s.attr = r.word()
			if s.attr == "" || r.rest() != "" || len(s.steps) == 0 {
				return s, r.fail()
			}
			return s, nil
		case strings.HasPrefix(r.rest(), "text()"):
			r.at += len("text()")
			s.text = true
			if r.skip("[") {
				var ok bool
				if s.which, ok = r.number(); !ok || !r.skip("]") {
					return s, r.fail()
				}
			}
			if r.rest() != "" || len(s.steps) == 0 {
				return s, r.fail()
			}
			return s, nil
		}
		step, err := r.step(true)
		if err != nil {
			return s, err
		}
		s.steps = append(s.steps, step)
		if r.rest() == "" {
			return s, nil
		}
		if !r.skip("/") {
			return s, r.fail()
		}
	}
}

func (r *selectorReader) rest() string { return r.src[r.at:] }

// skip passes over a text, if it is next.
func (r *selectorReader) skip(text string) bool {
	if !strings.HasPrefix(r.rest(), text) {
		return false
	}
	r.at += len(text)
	return true
}

// fail says where a selector goes beyond what is known.
func (r *selectorReader) fail() error {
	return fhir.Errorf(fhir.Unsupported, "at character %d the selector is not one of /name/*[2]/name[@url='…'][system/@value='…']/@attribute or …/text(), which are all that is supported", r.at+1)
}

// word reads a name without prefix, empty if there is none.
func (r *selectorReader) word() string {
	start := r.at
	for r.at < len(r.src) && isNameByte(r.src[r.at], r.at > start) {
		r.at++
	}
	return r.src[start:r.at]
}

func isNameByte(c byte, inside bool) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || inside && (c >= '0' && c <= '9' || c == '-' || c == '.')
}

// isName reports whether s is a name without prefix.
func isName(s string) bool {
	r := selectorReader{src: s}
	return s != "" && r.word() == s
}

// number reads a position.
func (r *selectorReader) number() (int, bool) {
	start := r.at
	for r.at < len(r.src) && r.src[r.at] >= '0' && r.src[r.at] <= '9' {
		r.at++
	}
	n, err := strconv.Atoi(r.src[start:r.at])
	return n, err == nil && n > 0
}

// step reads a name test, and the conditions that follow.
func (r *selectorReader) step(conditions bool) (selectorStep, error) {
	var s selectorStep
	if r.skip("*") {
		s.name = "*"
	} else {
		prefix, name := "", r.word()
		if name != "" && r.skip(":") {
			prefix, name = name, r.word()
		}
		if name == "" {
			return s, r.fail()
		}
		var ok bool
		if s.space, ok = r.scope.lookup(prefix); !ok {
			return s, fhir.Errorf(fhir.Invalid, "the prefix %s is not declared", clip(prefix))
		}
		s.name = name
	}
	for conditions && r.skip("[") {
		c, err := r.condition()
		if err != nil {
			return s, err
		}
		s.conditions = append(s.conditions, c)
	}
	return s, nil
}

// condition reads what stands in brackets.
func (r *selectorReader) condition() (condition, error) {
	var c condition
	r.blanks()
	if n, ok := r.number(); ok {
		c.position = n
		r.blanks()
		if !r.skip("]") {
			return c, r.fail()
		}
		return c, nil
	}
	for !r.skip("@") {
		s, err := r.step(false)
		if err != nil {
			return c, err
		}
		c.path = append(c.path, s)
		if !r.skip("/") {
			return c, r.fail()
		}
	}
	if c.attr = r.word(); c.attr == "" {
		return c, r.fail()
	}
	r.blanks()
	if !r.skip("=") {
		return c, r.fail()
	}
	r.blanks()
	var ok bool
	if c.value, ok = r.quoted(); !ok {
		return c, r.fail()
	}
	r.blanks()
	if !r.skip("]") {
		return c, r.fail()
	}
	return c, nil
}

func (r *selectorReader) blanks() {
	for r.skip(" ") {
	}
}

// quoted reads a text in quotes of either kind.
func (r *selectorReader) quoted() (string, bool) {
	if r.rest() == "" || r.rest()[0] != '\'' && r.rest()[0] != '"' {
		return "", false
	}
	text, _, ok := strings.Cut(r.rest()[1:], r.rest()[:1])
	r.at += len(text) + 2
	return text, ok
}

// find returns the nodes that the selector leads to: for an attribute, the
// elements that have it.
func (s selector) find(document *element) []*element {
	at := []*element{document}
	for _, step := range s.steps {
		var next []*element
		for _, e := range at {
			next = append(next, step.find(e)...)
		}
		at = next
	}
	var found []*element
	for _, e := range at {
		switch {
		case s.attr != "":
			if _, ok := e.attr(s.attr); ok {
				found = append(found, e)
			}
		case s.text:
			found = append(found, e.texts(s.which)...)
		default:
			found = append(found, e)
		}
	}
	return found
}

// texts returns the texts of an element, or one of them.
func (e *element) texts(which int) []*element {
	var found []*element
	for _, c := range e.children {
		if c.kind == textNode {
			found = append(found, c)
		}
	}
	switch {
	case which == 0:
		return found
	case which > len(found):
		return nil
	}
	return found[which-1 : which]
}

// find returns the children of an element that a step leads to.
func (s selectorStep) find(e *element) []*element {
	var found []*element
	for _, c := range e.children {
		if c.kind == elementNode && (s.name == "*" || c.name == s.name && c.space == s.space) {
			found = append(found, c)
		}
	}
	for _, c := range s.conditions {
		var kept []*element
		for i, e := range found {
			if c.holds(e, i+1) {
				kept = append(kept, e)
			}
		}
		found = kept
	}
	return found
}

// holds reports whether an element at a position meets the condition.
func (c condition) holds(e *element, position int) bool {
	if c.position > 0 {
		return c.position == position
	}
	path := selector{steps: c.path, attr: c.attr}
	for _, found := range path.find(e) {
		if value, _ := found.attr(c.attr); value == c.value {
			return true
		}
	}
	return false
}
