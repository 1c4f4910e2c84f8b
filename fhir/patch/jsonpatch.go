package patch

import (
	"fmt"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// Limits bound a patch. Zero means the default of [DefaultLimits].
type Limits struct {
	Operations int         // in one patch
	Bytes      int         // of document, patch and everything copied, together
	JSON       fhir.Limits // of the document and of the patch
}

// DefaultLimits suit patches of single resources.
var DefaultLimits = Limits{Operations: 100, Bytes: 32 << 20}

// or returns l with every zero taken from d, but for JSON, whose defaults are
// fhir's.
func (l Limits) or(d Limits) Limits {
	if l.Operations == 0 {
		l.Operations = d.Operations
	}
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	return l
}

// Apply returns doc, a JSON text, changed by the operations of patch, a JSON
// Patch document (RFC 6902). All of them apply or none does. The result is
// compact JSON; a patch that only tests returns doc itself.
//
// An error is Invalid if the patch (or doc) is malformed, TooLarge over a limit,
// and Unprocessable if an operation can not be applied or a test fails; it names
// the operation, counted from 0.
func Apply(doc, patch []byte, limits Limits) ([]byte, error) {
	limits = limits.or(DefaultLimits)
	ops, err := parse(patch, limits)
	if err != nil {
		return nil, err
	}
	tree, err := scan("document", doc, limits)
	if err != nil {
		return nil, err
	}
	d := document{root: &value{source: tree.Root()}, room: limits.Bytes - len(doc) - len(patch)}
	if d.room < 0 {
		return nil, fhir.Errorf(fhir.TooLarge, "document and patch are over %d bytes", limits.Bytes)
	}
	changed := false
	for i := range ops {
		if err := d.apply(&ops[i]); err != nil {
			return nil, err
		}
		changed = changed || ops[i].kind != "test"
	}
	if !changed {
		return doc, nil
	}
	return d.root.append(make([]byte, 0, len(doc)+len(patch))), nil
}

// scan reads a JSON text in which no object has two members of one name.
func scan(what string, text []byte, limits Limits) (*fhir.Tree, error) {
	tree, err := fhir.ScanJSON(text, limits.JSON)
	if err != nil {
		return nil, fhir.Errorf(fhir.KindOf(err), "the %s: %s", what, err)
	}
	if name := repeated(tree); name != "" {
		return nil, fhir.Errorf(fhir.Invalid, "the %s has an object with two members %q", what, clip(name))
	}
	return tree, nil
}

// repeated returns a name that two members of one object have, or "".
func repeated(tree *fhir.Tree) string {
	names := map[string]bool{}
	for i := range tree.Nodes {
		v := tree.At(uint32(i))
		if v.Kind() != fhir.ObjectNode {
			continue
		}
		clear(names)
		for m := range v.Children {
			if names[m.Key()] {
				return m.Key()
			}
			names[m.Key()] = true
		}
	}
	return ""
}

// An operation is one step of a patch.
type operation struct {
	index int
	kind  string
	path  pointer
	from  pointer    // of move and copy
	value fhir.Value // of add, replace and test
}

// fail returns an error that names the operation.
func (o *operation) fail(kind fhir.Kind, format string, args ...any) error {
	return fhir.Errorf(kind, "operation %d (%s %s): %s", o.index, clip(o.kind), clip(o.path.text), fmt.Sprintf(format, args...))
}

// clip shortens text from a client for use in a message.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// parse reads a patch.
func parse(patch []byte, limits Limits) ([]operation, error) {
	tree, err := scan("patch", patch, limits)
	if err != nil {
		return nil, err
	}
	root := tree.Root()
	if root.Kind() != fhir.ArrayNode {
		return nil, fhir.Errorf(fhir.Invalid, "a JSON Patch is an array of operations")
	}
	var ops []operation
	for item := range root.Children {
		if len(ops) == limits.Operations {
			return nil, fhir.Errorf(fhir.TooLarge, "the patch has over %d operations", limits.Operations)
		}
		o := operation{index: len(ops)}
		if err := o.parse(item); err != nil {
			return nil, err
		}
		ops = append(ops, o)
	}
	return ops, nil
}

// parse reads an operation. Members that its kind does not define are passed
// over, as RFC 6902 §4 says.
func (o *operation) parse(item fhir.Value) error {
	if item.Kind() != fhir.ObjectNode {
		return o.fail(fhir.Invalid, "an operation is an object")
	}
	var err error
	if o.kind, err = o.text(item, "op"); err != nil {
		return err
	}
	if o.path, err = o.pointer(item, "path"); err != nil {
		return err
	}
	switch o.kind {
	case "remove":
	case "add", "replace", "test":
		if o.value = item.Get("value"); !o.value.Exists() {
			return o.fail(fhir.Invalid, "value is missing")
		}
	case "move", "copy":
		if o.from, err = o.pointer(item, "from"); err != nil {
			return err
		}
		if o.kind == "move" && o.from.above(o.path) {
			return o.fail(fhir.Invalid, "a value can not be moved into itself")
		}
	default:
		return o.fail(fhir.Invalid, "op must be add, remove, replace, move, copy or test")
	}
	return nil
}

// text returns a member that must be a string.
func (o *operation) text(item fhir.Value, name string) (string, error) {
	v := item.Get(name)
	if v.Kind() != fhir.StringNode {
		return "", o.fail(fhir.Invalid, "%s is missing or no string", name)
	}
	return v.Text(), nil
}

// pointer returns a member that must be a JSON Pointer.
func (o *operation) pointer(item fhir.Value, name string) (pointer, error) {
	text, err := o.text(item, name)
	if err != nil {
		return pointer{}, err
	}
	p, ok := parsePointer(text)
	if !ok {
		return pointer{}, o.fail(fhir.Invalid, "%s is no JSON Pointer: it is empty or begins with /, and ~ is written ~0, / within a name ~1", name)
	}
	return p, nil
}

// A pointer is a JSON Pointer (RFC 6901).
type pointer struct {
	text   string
	tokens []string // unescaped; none: the whole document
}

// parsePointer reads a JSON Pointer.
func parsePointer(text string) (pointer, bool) {
	p := pointer{text: text}
	if text == "" {
		return p, true
	}
	if text[0] != '/' {
		return p, false
	}
	for token := range strings.SplitSeq(text[1:], "/") {
		for i := range len(token) {
			if token[i] == '~' && (i+1 == len(token) || token[i+1] != '0' && token[i+1] != '1') {
				return p, false
			}
		}
		// ~1 first: ~01 stands for ~1, not for a slash.
		token = strings.ReplaceAll(token, "~1", "/")
		p.tokens = append(p.tokens, strings.ReplaceAll(token, "~0", "~"))
	}
	return p, true
}

// above reports whether p leads to something that what q leads to is within.
func (p pointer) above(q pointer) bool {
	if len(p.tokens) >= len(q.tokens) {
		return false
	}
	for i, token := range p.tokens {
		if token != q.tokens[i] {
			return false
		}
	}
	return true
}
