package patch

import (
	"slices"
	"strconv"

	"github.com/noafhir/noafhir/fhir"
)

// A document is a JSON value being changed.
type document struct {
	root *value
	room int // bytes that may still be copied
}

// A value is a JSON value of a document. It is closed, a place in a tree that
// nobody changes, until an operation leads through it: then its members or items
// become values of their own.
type value struct {
	source fhir.Value
	opened bool
	names  []string // of an opened object's members
	items  []*value // of an opened object or array
}

// open makes the members or items of v values of their own.
func (v *value) open() {
	if v.opened {
		return
	}
	v.opened = true
	for c := range v.source.Children {
		if v.source.Kind() == fhir.ObjectNode {
			v.names = append(v.names, c.Key())
		}
		v.items = append(v.items, &value{source: c})
	}
}

// kind returns the JSON kind.
func (v *value) kind() fhir.NodeKind { return v.source.Kind() }

// append writes v. What was never opened is copied as it was read.
func (v *value) append(dst []byte) []byte {
	if !v.opened {
		return append(dst, v.source.Raw()...)
	}
	start, end := byte('['), byte(']')
	if v.kind() == fhir.ObjectNode {
		start, end = '{', '}'
	}
	dst = append(dst, start)
	for i, item := range v.items {
		if i > 0 {
			dst = append(dst, ',')
		}
		if v.kind() == fhir.ObjectNode {
			dst = append(fhir.AppendQuoted(dst, v.names[i]), ':')
		}
		dst = item.append(dst)
	}
	return append(dst, end)
}

// copy returns a copy of v that shares nothing that can change, and its size.
func (v *value) copy() (*value, int) {
	if !v.opened {
		return &value{source: v.source}, len(v.source.Raw())
	}
	c := &value{source: v.source, opened: true, names: slices.Clone(v.names)}
	size := 2
	for i, item := range v.items {
		copied, n := item.copy()
		c.items = append(c.items, copied)
		size += n + 1
		if v.names != nil {
			size += len(v.names[i]) + 3
		}
	}
	return c, size
}

// apply performs an operation.
func (d *document) apply(o *operation) error {
	switch o.kind {
	case "add":
		return d.add(o, &value{source: o.value})
	case "remove":
		_, err := d.remove(o, o.path)
		return err
	case "replace":
		place, err := d.find(o, o.path)
		if err != nil {
			return err
		}
		*place = value{source: o.value}
		return nil
	case "move":
		return d.move(o)
	case "copy":
		return d.copy(o)
	case "test":
		return d.test(o)
	}
	panic("patch: an operation that was not parsed: " + o.kind)
}

func (d *document) move(o *operation) error {
	if o.from.text == o.path.text {
		_, err := d.find(o, o.from)
		return err
	}
	moved, err := d.remove(o, o.from)
	if err != nil {
		return err
	}
	return d.add(o, moved)
}

func (d *document) copy(o *operation) error {
	from, err := d.find(o, o.from)
	if err != nil {
		return err
	}
	// Copies of copies grow without bound; sizes must be known before.
	copied, size := from.copy()
	if d.room -= size; d.room < 0 {
		return o.fail(fhir.TooLarge, "the patch copies too much")
	}
	return d.add(o, copied)
}

func (d *document) test(o *operation) error {
	place, err := d.find(o, o.path)
	if err != nil {
		return err
	}
	if !equal(place, &value{source: o.value}) {
		return o.fail(fhir.Unprocessable, "the value there is another")
	}
	return nil
}

// find returns the value that a pointer leads to.
func (d *document) find(o *operation, p pointer) (*value, error) {
	v := d.root
	for depth := range p.tokens {
		i, err := v.child(o, p, depth)
		if err != nil {
			return nil, err
		}
		v = v.items[i]
	}
	return v, nil
}

// parent returns the value that all but the last token of a pointer lead to.
func (d *document) parent(o *operation, p pointer) (*value, error) {
	return d.find(o, pointer{text: p.text, tokens: p.tokens[:len(p.tokens)-1]})
}

// child returns which of v's members or items a token of a pointer names, and
// opens v.
func (v *value) child(o *operation, p pointer, depth int) (int, error) {
	token := p.tokens[depth]
	switch v.kind() {
	case fhir.ObjectNode:
		v.open()
		if i := slices.Index(v.names, token); i >= 0 {
			return i, nil
		}
		return 0, o.fail(fhir.Unprocessable, "there is no member %q", clip(token))
	case fhir.ArrayNode:
		v.open()
		i, err := arrayIndex(o, token)
		if err == nil && i >= len(v.items) {
			err = o.fail(fhir.Unprocessable, "there is no item %d in an array of %d", i, len(v.items))
		}
		return i, err
	}
	return 0, o.fail(fhir.Unprocessable, "%q leads into a value that has no members", clip(token))
}

// arrayIndex reads a token as the index of an item: RFC 6901 §4. The one after
// the last, "-", is never there.
func arrayIndex(o *operation, token string) (int, error) {
	if token == "-" {
		return 0, o.fail(fhir.Unprocessable, "there is no item after the last")
	}
	i, err := strconv.ParseUint(token, 10, 31)
	if err != nil || token[0] == '0' && len(token) > 1 {
		return 0, o.fail(fhir.Unprocessable, "%q is no index of an array", clip(token))
	}
	return int(i), nil
}

// add puts a value where o.path leads: RFC 6902 §4.1.
func (d *document) add(o *operation, added *value) error {
	if len(o.path.tokens) == 0 {
		d.root = added
		return nil
	}
	v, err := d.parent(o, o.path)
	if err != nil {
		return err
	}
	token := o.path.tokens[len(o.path.tokens)-1]
	switch v.kind() {
	case fhir.ObjectNode:
		v.open()
		if i := slices.Index(v.names, token); i >= 0 {
			v.items[i] = added
			return nil
		}
		v.names = append(v.names, token)
		v.items = append(v.items, added)
		return nil
	case fhir.ArrayNode:
		v.open()
		i := len(v.items)
		if token != "-" {
			if i, err = arrayIndex(o, token); err != nil {
				return err
			}
		}
		if i > len(v.items) {
			return o.fail(fhir.Unprocessable, "index %d is beyond the end of an array of %d", i, len(v.items))
		}
		v.items = slices.Insert(v.items, i, added)
		return nil
	}
	return o.fail(fhir.Unprocessable, "%q leads into a value that has no members", clip(token))
}

// remove takes out the value that a pointer leads to, and returns it.
func (d *document) remove(o *operation, p pointer) (*value, error) {
	if len(p.tokens) == 0 {
		return nil, o.fail(fhir.Unprocessable, "the whole document can not be removed")
	}
	v, err := d.parent(o, p)
	if err != nil {
		return nil, err
	}
	i, err := v.child(o, p, len(p.tokens)-1)
	if err != nil {
		return nil, err
	}
	removed := v.items[i]
	v.items = slices.Delete(v.items, i, i+1)
	if v.kind() == fhir.ObjectNode {
		v.names = slices.Delete(v.names, i, i+1)
	}
	return removed, nil
}
