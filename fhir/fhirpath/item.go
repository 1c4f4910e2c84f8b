package fhirpath

import "github.com/noafhir/noafhir/fhir"

// A Kind says what an item is.
type Kind uint8

// The kinds of item.
const (
	NodeItem     Kind = iota + 1 // a place in the resource
	BooleanItem                  // computed
	StringItem                   // computed
	NumberItem                   // computed
	ResourceItem                 // what a reference points to, of which only the type is known
)

// An Item is one element of a collection: a place in a tree, or a computed value.
type Item struct {
	kind   Kind
	truth  bool
	typ    fhir.TypeID
	node   uint32
	shadow uint32 // node with id and extension of a primitive; 0: none
	tree   *fhir.Tree
	text   string // of a computed string or number
}

// Kind says what the item is.
func (i Item) Kind() Kind { return i.kind }

// Value returns the item's place in the resource; it does not exist for computed
// items. A primitive that has extensions but no value stands at its shadow.
func (i Item) Value() fhir.Value {
	if i.kind != NodeItem {
		return fhir.Value{}
	}
	return i.tree.At(i.node)
}

// Type returns the FHIR type of the item, 0 for computed ones.
func (i Item) Type() fhir.TypeID { return i.typ }

// Bool returns the item as a boolean, and whether it is one.
func (i Item) Bool() (value, ok bool) {
	switch i.kind {
	case BooleanItem:
		return i.truth, true
	case NodeItem:
		k := i.tree.Nodes[i.node].Kind
		return k == fhir.TrueNode, k == fhir.TrueNode || k == fhir.FalseNode
	}
	return false, false
}

// primitive returns the text of a primitive and the kind of value it is; no kind
// if the item is none or has no value.
func (i Item) primitive() (string, Kind) {
	switch i.kind {
	case StringItem, NumberItem:
		return i.text, i.kind
	case BooleanItem:
		if i.truth {
			return "true", BooleanItem
		}
		return "false", BooleanItem
	case NodeItem:
		v := i.tree.At(i.node)
		switch v.Kind() {
		case fhir.StringNode:
			return v.Text(), StringItem
		case fhir.NumberNode:
			return v.Text(), NumberItem
		case fhir.TrueNode, fhir.FalseNode:
			return v.Text(), BooleanItem
		}
	}
	return "", 0
}

func boolean(b bool) Item { return Item{kind: BooleanItem, truth: b} }

// nodeItem returns the item at a node of a tree.
func nodeItem(t *fhir.Tree, node, shadow uint32) Item {
	return Item{kind: NodeItem, typ: t.Nodes[node].Type, node: node, shadow: shadow, tree: t}
}
