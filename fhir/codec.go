package fhir

import (
	"fmt"
	"strconv"
	"strings"
)

// A Codec reads and writes resources by the definitions of a schema. It is
// immutable and safe for concurrent use.
type Codec struct {
	Schema *Schema
	Limits Limits

	primitives []Primitive // by TypeID
	resource   TypeID      // the abstract Resource
	isResource []bool      // by TypeID: concrete resource types
	xhtml      TypeID
	keepFlaws  bool
}

// NewCodec returns a codec for a schema. Zero limits mean the defaults.
func NewCodec(schema *Schema, limits Limits) *Codec {
	c := &Codec{
		Schema:     schema,
		Limits:     limits.or(DefaultLimits),
		primitives: make([]Primitive, len(schema.Types)),
		isResource: make([]bool, len(schema.Types)),
		resource:   schema.TypeByName("Resource"),
		xhtml:      schema.TypeByName("xhtml"),
	}
	for p := range primitiveRules {
		if p > 0 {
			c.primitives[schema.TypeByName(primitiveRules[p].name)] = Primitive(p)
		}
	}
	c.primitives[0] = 0
	for id := range schema.Types {
		t := &schema.Types[id]
		c.isResource[id] = t.Kind == ResourceType && !t.Abstract
	}
	return c
}

// Primitive returns which primitive type t is, 0 if it is none.
func (c *Codec) Primitive(t TypeID) Primitive { return c.primitives[t] }

// WithLimits returns a codec that differs in its limits only.
func (c *Codec) WithLimits(l Limits) *Codec {
	d := *c
	d.Limits = l.or(c.Limits)
	return &d
}

// KeepingFlaws returns a codec that does not refuse a Bundle for what is wrong in
// the resource of an entry; [Resource.Flaw] tells it. Such a resource must not be
// used.
func (c *Codec) KeepingFlaws() *Codec {
	d := *c
	d.keepFlaws = true
	return &d
}

// ParseJSON reads a resource, strictly: what is returned has the structure FHIR
// gives it (members known and unique, arrays and objects where they belong,
// primitives written as their types are, narrative that is safe to show, no empty
// objects, arrays or strings).
// Errors are Invalid for what is no JSON, Structure with the FHIRPath of the
// element for what is no FHIR, and TooLarge over a limit. The resource may keep
// data.
func (c *Codec) ParseJSON(data []byte) (*Resource, error) {
	tree, err := ScanJSON(data, c.Limits)
	if err != nil {
		return nil, err
	}
	return c.Check(tree)
}

// Check ties the nodes of a tree to their definitions and returns the resource,
// with the guarantees and errors of ParseJSON.
func (c *Codec) Check(tree *Tree) (*Resource, error) {
	k := checker{codec: c, schema: c.Schema, tree: tree}
	if err := k.resource(0); err != nil {
		return nil, err
	}
	r := c.newResource(tree)
	r.flaws = k.flaws
	return r, nil
}

// A checker ties one tree to its definitions.
type checker struct {
	codec  *Codec
	schema *Schema
	tree   *Tree
	path   []step // from the root to the node in hand
	flaws  map[uint32]error

	lenient int // note so many of the things that are wrong in issues, and go on
	issues  []Issue
}

// A step is an element name and, for repeating elements, an index.
type step struct {
	name  string
	index int // -1: does not repeat
}

// fail returns a Structure error at the current path.
func (k *checker) fail(format string, args ...any) error {
	return &Error{Kind: Structure, Text: fmt.Sprintf(format, args...), Expression: k.expression()}
}

// expression writes the current path as FHIRPath.
func (k *checker) expression() string {
	var b strings.Builder
	for i, s := range k.path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			b.WriteByte('[')
			b.WriteString(strconv.Itoa(s.index))
			b.WriteByte(']')
		}
	}
	return b.String()
}

// resource checks the object at node i as a resource of the type it names.
func (k *checker) resource(i uint32) error {
	n := &k.tree.Nodes[i]
	if n.Kind != ObjectNode {
		return k.fail("a resource is a JSON object")
	}
	name := k.tree.At(i).Get("resourceType")
	if name.Kind() != StringNode {
		return k.fail("resourceType is missing or no string")
	}
	id := k.schema.ResourceByName(name.Text())
	if id == 0 {
		return k.fail("%q is no R4 resource type", clip(name.Text()))
	}
	n.Type = id
	if len(k.path) == 0 {
		k.path = append(k.path, step{k.schema.Types[id].Name, -1})
	}
	return k.object(i, id)
}

// seen remembers which elements of one object have occurred, as values and as
// shadows.
type seen struct {
	values, shadows [maxElements / 64]uint64
}

// maxElements bounds the elements of one type, alternatives of choices counted
// one by one; a test of the tables holds it.
const maxElements = 512

// add marks an element and reports whether it was new.
func (s *seen) add(ordinal int, shadow bool) bool {
	set := &s.values
	if shadow {
		set = &s.shadows
	}
	word, bit := &set[ordinal/64], uint64(1)<<(ordinal%64)
	old := *word
	*word |= bit
	return old&bit == 0
}

// object checks the members of the object at node i, an instance of type t.
func (k *checker) object(i uint32, t TypeID) error {
	nodes := k.tree.Nodes
	end := nodes[i].Next
	if end == i+1 {
		return k.fail("an object must not be empty")
	}
	elems := k.schema.ElementsOf(t)
	first := k.schema.Types[t].First
	resource := k.codec.isResource[t]
	var marks seen
	nulls := false
	choices := false // a member of some choice was seen
	resourceTypes := 0
	at := 0
	depth := len(k.path)
	for m := i + 1; m < end; m = nodes[m].Next {
		n := &nodes[m]
		name := k.tree.text(n.KeyStart, n.KeyEnd)
		if resource && name == "resourceType" {
			if resourceTypes++; resourceTypes > 1 {
				if err := k.pass(k.fail("resourceType occurs twice"), n, depth); err != nil {
					return err
				}
			}
			continue
		}
		shadow := len(name) > 0 && name[0] == '_'
		if shadow {
			name = name[1:]
		}
		ordinal := find(elems, name, at)
		if ordinal < 0 || shadow && !k.codec.extensible(&elems[ordinal]) {
			if err := k.pass(k.unknown(elems, t, k.tree.text(n.KeyStart, n.KeyEnd)), n, depth); err != nil {
				return err
			}
			continue
		}
		at = ordinal
		e := &elems[ordinal]
		if !marks.add(ordinal, shadow) {
			if err := k.pass(k.fail("%s occurs twice", k.tree.text(n.KeyStart, n.KeyEnd)), n, depth); err != nil {
				return err
			}
			continue
		}
		if e.Choice != "" {
			if choices {
				if other := k.otherChoice(i, m, e); other != "" {
					err := k.fail("only one of %s[x] may be given, found %s and %s", e.Choice, other, e.Name)
					if err := k.pass(err, n, depth); err != nil {
						return err
					}
				}
			}
			choices = true
		}
		holes, err := k.member(m, first+ElementID(ordinal), e, shadow)
		if err != nil {
			if err := k.pass(err, n, depth); err != nil {
				return err
			}
		}
		nulls = nulls || holes
	}
	if nulls {
		return k.pairs(i)
	}
	return nil
}

// extensible reports whether an element is a primitive that can have an id and
// extensions. Attributes of XML can not, nor can XHTML, whose id stands in it.
func (c *Codec) extensible(e *ElementDef) bool {
	return c.primitives[e.Type] != 0 && e.Flags&Attribute == 0 && e.Type != c.xhtml
}

// find returns the place of the element called name, looking first where the
// previous member's neighbour is: most resources keep the order of definition.
func find(elems []ElementDef, name string, from int) int {
	for j := from; j < len(elems); j++ {
		if elems[j].Name == name {
			return j
		}
	}
	for j := range from {
		if elems[j].Name == name {
			return j
		}
	}
	return -1
}

// otherChoice returns the name of an earlier member of object i, before node m,
// that is another type of the same choice as e.
func (k *checker) otherChoice(i, m uint32, e *ElementDef) string {
	for j := i + 1; j < m; j = k.tree.Nodes[j].Next {
		if o := k.tree.Nodes[j].Elem; o != 0 {
			if d := &k.schema.Elements[o]; d.Choice == e.Choice && d.Name != e.Name {
				return d.Name
			}
		}
	}
	return ""
}

// unknown says that a type has no such member, and what was meant if only the
// case differs.
func (k *checker) unknown(elems []ElementDef, t TypeID, key string) error {
	k.path = append(k.path, step{clip(key), -1})
	name := k.schema.Types[t].Name
	for i := range elems {
		if strings.EqualFold(elems[i].Name, key) {
			return k.fail("%s has no element %q; did you mean %q?", name, clip(key), elems[i].Name)
		}
		if elems[i].Choice == key {
			return k.fail("%s has no element %q; write %s[x] with its type, like %q", name, key, key, elems[i].Name)
		}
	}
	return k.fail("%s has no element %q", name, clip(key))
}

// member checks the value of one member. It reports whether an array of it has
// nulls, which must be paired.
func (k *checker) member(m uint32, id ElementID, e *ElementDef, shadow bool) (bool, error) {
	n := &k.tree.Nodes[m]
	n.Elem, n.Type = id, e.Type
	if shadow {
		n.Flags |= Shadow
	}
	k.path = append(k.path, step{e.Name, -1})
	if e.Flags&Repeats == 0 {
		if n.Kind == ArrayNode {
			return false, k.fail("%s does not repeat: give one value, no array", e.Name)
		}
		if n.Kind == NullNode {
			return false, k.fail("null stands only inside arrays; leave the member out")
		}
		if err := k.item(m, e, shadow); err != nil {
			return false, err
		}
		k.path = k.path[:len(k.path)-1]
		return false, nil
	}
	if n.Kind != ArrayNode {
		err := k.pass(k.fail("%s repeats: its value is an array", e.Name), nil, len(k.path))
		if err != nil {
			return false, err
		}
		top := len(k.path) - 1
		if err := k.item(m, e, shadow); err != nil {
			return false, err
		}
		k.path = k.path[:top]
		return false, nil
	}
	if n.Next == m+1 {
		return false, k.fail("an array must not be empty")
	}
	nulls := false
	index := 0
	top := len(k.path) - 1
	for i := m + 1; i < n.Next; i = k.tree.Nodes[i].Next {
		item := &k.tree.Nodes[i]
		item.Elem, item.Type = id, e.Type
		if shadow {
			item.Flags |= Shadow
		}
		k.path[top].index = index
		index++
		if item.Kind == NullNode && k.codec.primitives[e.Type] != 0 {
			nulls = true
			continue
		}
		if err := k.item(i, e, shadow); err != nil {
			if err := k.pass(err, item, top+1); err != nil {
				return false, err
			}
		}
	}
	k.path = k.path[:top]
	return nulls, nil
}

// item checks one value of an element.
func (k *checker) item(i uint32, e *ElementDef, shadow bool) error {
	n := &k.tree.Nodes[i]
	p := k.codec.primitives[e.Type]
	switch {
	case p != 0 && !shadow:
		return k.primitive(i, p)
	case n.Kind != ObjectNode:
		return k.fail("expected an object of type %s", k.schema.Types[e.Type].Name)
	case e.Type == k.codec.resource:
		return k.nested(i)
	}
	return k.object(i, e.Type)
}

// entryDepth is the number of steps of Bundle.entry.resource.
const entryDepth = 3

// nested checks a resource within another.
func (k *checker) nested(i uint32) error {
	depth := len(k.path)
	err := k.resource(i)
	if err == nil || !k.codec.keepFlaws || depth != entryDepth || k.path[0].name != "Bundle" {
		return err
	}
	if k.flaws == nil {
		k.flaws = map[uint32]error{}
	}
	k.flaws[i] = err
	k.path = k.path[:depth]
	return nil
}

// primitive checks the value of a primitive.
func (k *checker) primitive(i uint32, p Primitive) error {
	n := &k.tree.Nodes[i]
	kind := n.Kind
	if kind == FalseNode {
		kind = TrueNode
	}
	rule := &primitiveRules[p]
	if kind != rule.json {
		return k.fail("expected %s (type %s)", rule.form, rule.name)
	}
	if kind == TrueNode || p == PrimitiveDecimal {
		return nil
	}
	if int(n.End-n.Start) > k.codec.Limits.StringBytes && p != PrimitiveBase64Binary {
		return k.fail("the text is over %d bytes", k.codec.Limits.StringBytes)
	}
	if p == PrimitiveXHTML {
		if _, err := checkXHTML(k.tree.At(i).Text()); err != nil {
			return k.fail("%s", err)
		}
		return nil
	}
	if !rule.valid(k.tree.At(i).Text()) {
		return k.fail("not valid for type %s: expected %s", rule.name, rule.form)
	}
	return nil
}

// pairs checks that in object i every null of a primitive array has a partner
// in its shadow array, and the other way round.
// See https://hl7.org/fhir/R4/json.html#primitive.
func (k *checker) pairs(i uint32) error {
	object := k.tree.At(i)
	for m := range object.Children {
		if m.Kind() != ArrayNode || k.codec.primitives[m.Type()] == 0 {
			continue
		}
		name := m.Key()
		partner := "_" + name
		if name[0] == '_' {
			partner = name[1:]
		}
		others := object.Get(partner)
		other := others.First()
		index := 0
		for item := range m.Children {
			if item.Kind() == NullNode && (!other.Exists() || other.Kind() == NullNode) {
				k.path = append(k.path, step{k.schema.Elements[m.Elem()].Name, index})
				return k.fail("null needs a value at the same place of %s", partner)
			}
			if other.Exists() {
				other = other.Next(others)
			}
			index++
		}
	}
	return nil
}

// clip shortens text from a client for use in a message.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
