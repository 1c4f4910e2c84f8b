package fhirpath

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A want says which kinds of value a place takes.
type want uint16

// What places take. A number is an Integer or a Decimal; where a Decimal is
// wanted an Integer will do.
const (
	wantBoolean want = 1 << iota
	wantString
	wantInteger
	wantDecimal
	wantDate
	wantDateTime
	wantTime
	wantQuantity
	wantOther // nodes that are no primitives, and all that has no kind of its own
	optional  // of an argument: it may be missing or empty

	wantNumber = wantInteger | wantDecimal
	wantValue  = wantNumber | wantQuantity
	wantMoment = wantDate | wantDateTime | wantTime
	wantAny    = wantBoolean | wantString | wantValue | wantMoment | wantOther
)

// wantOf returns what a kind is good for.
var wantOf = [...]want{
	NodeItem: wantOther, BooleanItem: wantBoolean, StringItem: wantString, IntegerItem: wantInteger, DecimalItem: wantDecimal, DateItem: wantDate,
	DateTimeItem: wantDateTime, TimeItem: wantTime, QuantityItem: wantQuantity, ResourceItem: wantOther, TypeItem: wantOther,
}

// String lists the kinds for a message.
func (w want) String() string {
	var names []string
	for k := BooleanItem; k <= QuantityItem; k++ {
		if w&wantOf[k] != 0 {
			names = append(names, systemNames[k])
		}
	}
	return strings.Join(names, " or ")
}

// one reads a collection as the single value that what, named for messages,
// needs. It is false for an empty collection and where the evaluation has failed:
// https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections.
func (f *frame) one(e *Expr, items []Item, w want, what string) (Item, bool) {
	switch len(items) {
	case 0:
		return Item{}, false
	case 1:
	default:
		f.fail(fhir.Invalid, e, "%s must be one item, there are %d", what, len(items))
		return Item{}, false
	}
	i := f.value(items[0])
	if w&wantOf[i.kind] == 0 {
		if i.kind == NodeItem && f.m.primitive[i.typ] {
			return Item{}, false // it has no value, extensions only
		}
		f.fail(fhir.Invalid, e, "%s must be %s, not %s", what, w, f.describe(i))
		return Item{}, false
	}
	return i, true
}

// describe names the type of an item for a message.
func (f *frame) describe(i Item) string {
	if i.kind == NodeItem || i.kind == ResourceItem {
		return f.m.Types[i.typ].Name
	}
	if i.kind == TypeItem {
		return "TypeInfo"
	}
	return systemNames[i.kind]
}

// value returns an item as a value of the System namespace, if it is a FHIR
// primitive with a value or a quantity that has one; else the item itself.
// See https://hl7.org/fhir/R4/fhirpath.html#types.
func (f *frame) value(i Item) Item {
	if i.kind != NodeItem {
		return i
	}
	v := i.tree.At(i.node())
	kind := f.m.system[i.typ]
	switch v.Kind() {
	case fhir.ObjectNode:
		if f.m.IsA(i.typ, f.m.quantity) {
			if q, ok := quantityOf(v); ok {
				return q
			}
		}
	case fhir.StringNode:
		return Item{kind: kind, text: v.Text()}
	case fhir.NumberNode:
		if kind == IntegerItem {
			if n, ok := number(v.Text()); ok {
				return n
			}
		}
		return Item{kind: DecimalItem, text: v.Text()}
	case fhir.TrueNode, fhir.FalseNode:
		return Boolean(v.Kind() == fhir.TrueNode)
	}
	return i
}

// truth reads a collection where a boolean is wanted: a single item that is none
// counts as true.
func (f *frame) truth(e *Expr, items []Item) truth {
	switch len(items) {
	case 0:
		return unknown
	case 1:
		if b, ok := items[0].Bool(); ok {
			return truthOf(b)
		}
		return yes
	}
	f.fail(fhir.Invalid, e, "a condition must be one item, there are %d", len(items))
	return unknown
}
