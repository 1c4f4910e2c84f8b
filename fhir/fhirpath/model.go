package fhirpath

import (
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

// A model is what evaluation asks of a schema, looked up once.
type model struct {
	*fhir.Schema
	system    []Kind // by TypeID: what a value of the type converts to; 0: nothing
	primitive []bool // by TypeID

	element, resource, extension, quantity, reference, coding, concept, xhtml, canonical fhir.TypeID
}

var models sync.Map // *fhir.Schema → *model

// modelOf returns the model of a schema.
func modelOf(s *fhir.Schema) *model {
	if m, ok := models.Load(s); ok {
		return m.(*model)
	}
	m, _ := models.LoadOrStore(s, newModel(s))
	return m.(*model)
}

// systemTypes are the primitives that convert to something other than a String.
// See https://hl7.org/fhir/R4/fhirpath.html#types; that dates become a Date, not
// a DateTime, is of later releases and loses nothing, for a Date converts again.
var systemTypes = map[string]Kind{
	"boolean": BooleanItem, "integer": IntegerItem, "unsignedInt": IntegerItem, "positiveInt": IntegerItem,
	"decimal": DecimalItem, "date": DateItem, "dateTime": DateTimeItem, "instant": DateTimeItem, "time": TimeItem,
}

func newModel(s *fhir.Schema) *model {
	m := &model{Schema: s, system: make([]Kind, len(s.Types)), primitive: make([]bool, len(s.Types))}
	for name, id := range map[string]*fhir.TypeID{
		"Element": &m.element, "Resource": &m.resource, "Extension": &m.extension, "Quantity": &m.quantity,
		"Reference": &m.reference, "Coding": &m.coding, "CodeableConcept": &m.concept, "xhtml": &m.xhtml, "canonical": &m.canonical,
	} {
		*id = s.TypeByName(name)
	}
	for id := 1; id < len(s.Types); id++ {
		t := &s.Types[id]
		if t.Kind != fhir.PrimitiveType {
			continue
		}
		m.primitive[id] = true
		if m.system[id] = systemTypes[t.Name]; m.system[id] == 0 {
			m.system[id] = StringItem
		}
	}
	return m
}

// A typeRef is a type specifier, resolved.
type typeRef struct {
	fhir   fhir.TypeID // 0: none
	system Kind        // 0: none
	any    bool        // System.Any
}

// typeRef resolves a type specifier: FHIR.Patient, System.String, or a bare name,
// which is looked for in FHIR first. A name that System lacks is no error, it
// fits nothing.
func (m *model) typeRef(name string) (typeRef, bool) {
	space, bare, qualified := strings.Cut(name, ".")
	switch {
	case qualified && space == "System":
		return typeRef{system: systemKind(bare), any: bare == "Any"}, true
	case qualified && space == "FHIR":
		id := m.TypeByName(bare)
		return typeRef{fhir: id}, id != 0
	}
	ref := typeRef{fhir: m.TypeByName(name)}
	// Quantity is the one name that both have; whoever writes it bare means
	// either.
	if ref.fhir == 0 || ref.fhir == m.quantity {
		ref.system, ref.any = systemKind(name), name == "Any"
	}
	return ref, ref.fhir != 0 || ref.system != 0 || ref.any
}

// systemKind returns the kind of a type of the System namespace, 0 if there is
// none of that name.
func systemKind(name string) Kind {
	for k, n := range systemNames {
		if n == name && n != "" {
			return Kind(k)
		}
	}
	return 0
}

// is reports whether an item is of a type or of one that specialises it.
func (m *model) is(i Item, t typeRef) bool {
	if i.kind == NodeItem || i.kind == ResourceItem {
		return t.any || t.fhir != 0 && m.IsA(i.typ, t.fhir)
	}
	return t.any || t.system != 0 && i.kind == t.system
}

// selects reports whether as and ofType keep an item. They differ from is where
// FHIR says so: primitives are independent types, so a code is no string here,
// and a primitive may be asked for by the System type that it converts to.
// See https://hl7.org/fhir/R4/fhirpath.html#functions.
func (m *model) selects(i Item, t typeRef) bool {
	if i.kind != NodeItem || !m.primitive[i.typ] {
		return m.is(i, t)
	}
	return t.any || t.fhir == i.typ || t.fhir != 0 && !m.primitive[t.fhir] && m.IsA(i.typ, t.fhir) ||
		t.system != 0 && m.system[i.typ] == t.system
}
