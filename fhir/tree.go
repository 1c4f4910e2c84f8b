package fhir

import (
	"strings"
	"unsafe"
)

// A NodeKind is the JSON kind of a node.
type NodeKind uint8

// The kinds of node.
const (
	ObjectNode NodeKind = iota + 1
	ArrayNode
	StringNode
	NumberNode
	TrueNode
	FalseNode
	NullNode
)

// NodeFlags say how a node is written.
type NodeFlags uint8

// The flags of a node.
const (
	Escaped  NodeFlags = 1 << iota // the string has a backslash
	Shadow                         // holds id and extension of a primitive: the value of "_birthDate", or an item of it
	NonASCII                       // the string has a byte over 127
	Flawed                         // not as its definition has it; only Codec.Survey leaves such nodes
)

// A Node is one JSON value. Nodes stand in document order: the children of node
// i begin at i+1, and Next leads past the whole subtree.
type Node struct {
	KeyStart, KeyEnd uint32 // member name in Src, without quotes; empty for array items and the root
	Start, End       uint32 // the value in Src; strings with their quotes
	Next             uint32 // index of the node after this one's subtree
	Elem             ElementID
	Type             TypeID // for objects the actual type, also of contained resources; for arrays the type of the items
	Kind             NodeKind
	Flags            NodeFlags
}

// A Tree is one parsed JSON text: the compact bytes and a flat list of nodes
// over them. It is immutable.
//
// Elem and Type are set where the text was checked against a [Schema]: on the
// value of a member, on every item of an array, and on both the value and the
// shadow ("_name") of a primitive. The root has no Elem.
type Tree struct {
	Src   []byte
	Nodes []Node
}

// A Value is a place in a tree. The zero Value is no place; all its methods
// answer as for something absent.
type Value struct {
	t *Tree
	i uint32
}

// Root returns the outermost value.
func (t *Tree) Root() Value { return Value{t, 0} }

// At returns the value of node i.
func (t *Tree) At(i uint32) Value { return Value{t, i} }

// Exists reports whether v is a place in a tree.
func (v Value) Exists() bool { return v.t != nil }

// Tree returns the tree v is in.
func (v Value) Tree() *Tree { return v.t }

// Index returns the index of v's node.
func (v Value) Index() uint32 { return v.i }

// Node returns v's node, or nil if v does not exist.
func (v Value) Node() *Node {
	if v.t == nil {
		return nil
	}
	return &v.t.Nodes[v.i]
}

// Kind returns the JSON kind, 0 if v does not exist.
func (v Value) Kind() NodeKind {
	if v.t == nil {
		return 0
	}
	return v.t.Nodes[v.i].Kind
}

// Elem returns the definition v is an instance of, 0 for a root.
func (v Value) Elem() ElementID {
	if v.t == nil {
		return 0
	}
	return v.t.Nodes[v.i].Elem
}

// Type returns the type of v's content, 0 if unknown.
func (v Value) Type() TypeID {
	if v.t == nil {
		return 0
	}
	return v.t.Nodes[v.i].Type
}

// Key returns the member name of v, empty for array items and roots. The
// string shares the tree's bytes.
func (v Value) Key() string {
	n := v.Node()
	if n == nil {
		return ""
	}
	return v.t.text(n.KeyStart, n.KeyEnd)
}

// Raw returns the JSON of v. The bytes belong to the tree.
func (v Value) Raw() []byte {
	n := v.Node()
	if n == nil {
		return nil
	}
	return v.t.Src[n.Start:n.End:n.End]
}

// Text returns the content of a string, unescaped, or the literal text of a
// number, true or false; it is empty for everything else. The string shares the
// tree's bytes unless it had escapes.
func (v Value) Text() string {
	n := v.Node()
	if n == nil {
		return ""
	}
	switch n.Kind {
	case StringNode:
		s := v.t.text(n.Start+1, n.End-1)
		if n.Flags&Escaped != 0 {
			return Unescape(s)
		}
		return s
	case NumberNode, TrueNode, FalseNode:
		return v.t.text(n.Start, n.End)
	}
	return ""
}

// First returns the first child: the value of an object's first member, or an
// array's first item.
func (v Value) First() Value {
	n := v.Node()
	if n == nil || n.Next == v.i+1 {
		return Value{}
	}
	return Value{v.t, v.i + 1}
}

// Next returns the next child of the same parent, which the caller names.
func (v Value) Next(parent Value) Value {
	next := v.t.Nodes[v.i].Next
	if next >= v.t.Nodes[parent.i].Next {
		return Value{}
	}
	return Value{v.t, next}
}

// Children iterates over an object's member values or an array's items.
func (v Value) Children(yield func(Value) bool) {
	for c := v.First(); c.Exists(); c = c.Next(v) {
		if !yield(c) {
			return
		}
	}
}

// Get returns the value of the member of that name.
func (v Value) Get(name string) Value {
	if v.Kind() != ObjectNode {
		return Value{}
	}
	for c := v.First(); c.Exists(); c = c.Next(v) {
		if c.Key() == name {
			return c
		}
	}
	return Value{}
}

// Items iterates over an array's items, or over v itself if it is no array.
func (v Value) Items(yield func(Value) bool) {
	if v.Kind() == ArrayNode {
		v.Children(yield)
		return
	}
	if v.Exists() {
		yield(v)
	}
}

// text returns the bytes from a to b as a string that shares them.
func (t *Tree) text(a, b uint32) string {
	if a == b {
		return ""
	}
	return unsafe.String(&t.Src[a], int(b-a))
}

// Subtree returns a tree of its own for node i, sharing the bytes.
func (t *Tree) Subtree(i uint32) *Tree {
	root := t.Nodes[i]
	nodes := make([]Node, root.Next-i)
	copy(nodes, t.Nodes[i:root.Next])
	for k := range nodes {
		n := &nodes[k]
		n.KeyStart, n.KeyEnd = n.KeyStart-root.Start, n.KeyEnd-root.Start
		n.Start, n.End = n.Start-root.Start, n.End-root.Start
		n.Next -= i
	}
	nodes[0].KeyStart, nodes[0].KeyEnd = 0, 0
	nodes[0].Elem = 0
	return &Tree{Src: t.Src[root.Start:root.End:root.End], Nodes: nodes}
}

// An Edit replaces the bytes from Start to End of a tree's Src.
type Edit struct {
	Start, End uint32
	Text       string
}

// Splice returns a copy of the tree's bytes with edits applied. They must be in
// order and must not overlap.
func (t *Tree) Splice(edits []Edit) []byte {
	size := len(t.Src)
	for _, e := range edits {
		size += len(e.Text) - int(e.End-e.Start)
	}
	out := make([]byte, 0, size)
	var at uint32
	for _, e := range edits {
		out = append(out, t.Src[at:e.Start]...)
		out = append(out, e.Text...)
		at = e.End
	}
	return append(out, t.Src[at:]...)
}

// Quote returns s as a JSON string. It escapes what JSON requires and nothing
// else.
func Quote(s string) string { return string(AppendQuoted(nil, s)) }

// AppendQuoted appends s as a JSON string.
func AppendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[from:]...)
	return append(dst, '"')
}

// Unescape resolves the escapes of a JSON string's content, which must be valid.
func Unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		switch c := s[i+1]; c {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r := rune(hex4(s[i+2:]))
			if r >= 0xD800 && r < 0xDC00 {
				low := rune(hex4(s[i+8:]))
				r = (r-0xD800)<<10 + (low - 0xDC00) + 0x10000
				i += 6
			}
			b.WriteRune(r)
			i += 4
		default:
			b.WriteByte(c)
		}
		s = s[i+2:]
	}
}

// hex4 returns the value of the four hex digits s begins with, -1 if there are
// none.
func hex4(s string) int32 {
	if len(s) < 4 {
		return -1
	}
	var v int32
	for i := range 4 {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | int32(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | int32(c|0x20-'a'+10)
		default:
			return -1
		}
	}
	return v
}
