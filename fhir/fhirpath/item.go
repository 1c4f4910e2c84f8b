package fhirpath

import (
	"strconv"

	"github.com/noafhir/noafhir/fhir"
)

// A Kind says what an item is.
type Kind uint8

// The kinds of item. All but nodes, resources and types are the types of the
// System namespace: https://hl7.org/fhirpath/N1/#literals.
const (
	NodeItem    Kind = iota + 1 // a place in a resource
	BooleanItem                 // computed, like all that follow
	StringItem
	IntegerItem
	DecimalItem
	DateItem
	DateTimeItem
	TimeItem
	QuantityItem
	ResourceItem // what a reference points to, of which only the type is known
	TypeItem     // a type, as type() returns it
)

// systemNames are the names of the kinds in the System namespace.
var systemNames = [...]string{
	BooleanItem: "Boolean", StringItem: "String", IntegerItem: "Integer", DecimalItem: "Decimal", DateItem: "Date",
	DateTimeItem: "DateTime", TimeItem: "Time", QuantityItem: "Quantity", TypeItem: "",
}

// fhirNames are the FHIR types with the same content as computed values.
var fhirNames = [...]string{
	NodeItem: "", BooleanItem: "boolean", StringItem: "string", IntegerItem: "integer", DecimalItem: "decimal", DateItem: "date",
	DateTimeItem: "dateTime", TimeItem: "time", QuantityItem: "Quantity", ResourceItem: "", TypeItem: "TypeInfo",
}

// An Item is one element of a collection: a place in a tree, or a computed
// value. Items share the bytes of the trees they came from.
type Item struct {
	kind Kind
	ucum bool        // of a quantity: the unit is a UCUM code, not a word for a unit of time
	typ  fhir.TypeID // of a node or a resource
	at   uint64      // of a node: its index and, shifted by 32, that of its shadow; else the integer, or 1 for true
	tree *fhir.Tree
	text string // a string; a number, date or time as FHIRPath writes it; the number of a quantity; a type's name
	unit string // of a quantity; the namespace of a type; of items given to callers, the name of a node's type
}

// Node returns the item at a place in a resource, to evaluate an expression at or
// to give as the value of a variable.
func Node(v fhir.Value) Item {
	if !v.Exists() {
		return Item{}
	}
	return nodeItem(v.Tree(), v.Index(), 0)
}

// Pair returns the item of a primitive: its value and what "_name" holds beside it,
// either of which may be missing.
func Pair(value, shadow fhir.Value) Item {
	switch {
	case !value.Exists():
		return Node(shadow)
	case !shadow.Exists():
		return Node(value)
	}
	return nodeItem(value.Tree(), value.Index(), shadow.Index())
}

// Boolean returns a computed boolean.
func Boolean(b bool) Item {
	if b {
		return Item{kind: BooleanItem, at: 1}
	}
	return Item{kind: BooleanItem}
}

// String returns a computed string.
func String(s string) Item { return Item{kind: StringItem, text: s} }

// Integer returns a computed integer. One that 32 bits can not hold becomes a
// decimal.
func Integer(n int64) Item {
	if n != int64(int32(n)) {
		return Item{kind: DecimalItem, text: strconv.FormatInt(n, 10)}
	}
	return Item{kind: IntegerItem, at: uint64(n)}
}

// nodeItem returns the item at a node of a tree. The shadow is the node with id
// and extensions of a primitive; 0: there is none.
func nodeItem(t *fhir.Tree, node, shadow uint32) Item {
	return Item{kind: NodeItem, typ: t.Nodes[node].Type, at: uint64(node) | uint64(shadow)<<32, tree: t}
}

func (i Item) node() uint32   { return uint32(i.at) }
func (i Item) shadow() uint32 { return uint32(i.at >> 32) }
func (i Item) integer() int64 { return int64(i.at) }

// Kind says what the item is; 0 for the zero Item.
func (i Item) Kind() Kind { return i.kind }

// Value returns the item's place in the resource; it does not exist for computed
// items. A primitive that has extensions but no value stands at its shadow.
func (i Item) Value() fhir.Value {
	if i.kind != NodeItem {
		return fhir.Value{}
	}
	return i.tree.At(i.node())
}

// Type returns the FHIR type of the item, 0 for computed ones.
func (i Item) Type() fhir.TypeID { return i.typ }

// TypeName returns the name of the item's FHIR type: "HumanName", "code". For
// computed values it is the type with the same content: "integer" for an Integer.
// It is known for the results of [Program.Evaluate], [Program.Eval] and
// [Program.Append].
func (i Item) TypeName() string {
	if i.kind == NodeItem || i.kind == ResourceItem {
		return i.unit
	}
	return fhirNames[i.kind]
}

// Bool returns the item as a boolean, and whether it is one.
func (i Item) Bool() (value, ok bool) {
	switch i.kind {
	case BooleanItem:
		return i.at == 1, true
	case NodeItem:
		k := i.tree.Nodes[i.node()].Kind
		return k == fhir.TrueNode, k == fhir.TrueNode || k == fhir.FalseNode
	}
	return false, false
}

// Text returns what a primitive says: the content of a string, and numbers,
// dates and booleans as they are written. It is false for everything else and for
// a primitive without a value.
func (i Item) Text() (string, bool) {
	switch i.kind {
	case NodeItem:
		v := i.tree.At(i.node())
		k := v.Kind()
		return v.Text(), k >= fhir.StringNode && k <= fhir.FalseNode
	case BooleanItem:
		return strconv.FormatBool(i.at == 1), true
	case IntegerItem:
		return strconv.FormatInt(i.integer(), 10), true
	case StringItem, DecimalItem, DateItem, DateTimeItem, TimeItem:
		return i.text, true
	}
	return "", false
}

// AppendJSON appends the item as JSON: a node as it stands in its resource, a
// computed value as FHIR writes that type. A resource of which only the type is
// known is null.
func (i Item) AppendJSON(dst []byte) []byte {
	switch i.kind {
	case NodeItem:
		return append(dst, i.Value().Raw()...)
	case BooleanItem, IntegerItem, DecimalItem:
		text, _ := i.Text()
		return append(dst, text...)
	case StringItem, DateItem, DateTimeItem, TimeItem:
		return fhir.AppendQuoted(dst, i.text)
	case QuantityItem:
		return i.appendQuantity(dst)
	case TypeItem:
		dst = fhir.AppendQuoted(append(dst, `{"namespace":`...), i.unit)
		dst = fhir.AppendQuoted(append(dst, `,"name":`...), i.text)
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

func (i Item) appendQuantity(dst []byte) []byte {
	dst = append(append(dst, `{"value":`...), i.text...)
	dst = fhir.AppendQuoted(append(dst, `,"unit":`...), i.unit)
	if i.ucum {
		dst = fhir.AppendQuoted(append(dst, `,"system":"`+ucumSystem+`","code":`...), i.unit)
	}
	return append(dst, '}')
}
