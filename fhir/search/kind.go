package search

import (
	"github.com/noafhir/noafhir/fhir"
)

// A kind says how the values of a data type are read.
type kind uint8

const (
	otherKind kind = iota // has no searchable value
	booleanKind
	codeKind
	idKind
	textKind // string and markdown
	uriKind
	canonicalKind
	dateKind
	dateTimeKind
	instantKind
	numberKind // integer and decimal
	codingKind
	conceptKind
	identifierKind
	contactKind
	referenceKind
	periodKind
	timingKind
	quantityKind
	moneyKind
	rangeKind
	nameKind
	addressKind
	extensionKind
	resourceKind
	positionKind
)

// kindNames maps data types to their kind.
var kindNames = map[string]kind{
	"boolean": booleanKind, "code": codeKind, "id": idKind,
	"string": textKind, "markdown": textKind,
	"uri": uriKind, "url": uriKind, "oid": uriKind, "uuid": uriKind, "canonical": canonicalKind,
	"date": dateKind, "dateTime": dateTimeKind, "instant": instantKind,
	"integer": numberKind, "positiveInt": numberKind, "unsignedInt": numberKind, "decimal": numberKind,
	"Coding": codingKind, "CodeableConcept": conceptKind, "Identifier": identifierKind, "ContactPoint": contactKind,
	"Reference": referenceKind, "Period": periodKind, "Timing": timingKind,
	"Quantity": quantityKind, "Age": quantityKind, "Count": quantityKind, "Distance": quantityKind, "Duration": quantityKind,
	"MoneyQuantity": quantityKind, "SimpleQuantity": quantityKind, "Money": moneyKind, "Range": rangeKind,
	"HumanName": nameKind, "Address": addressKind, "Extension": extensionKind, "Location.position": positionKind,
}

// kindsOf returns the kind of each type of a schema.
func kindsOf(s *fhir.Schema) []kind {
	kinds := make([]kind, len(s.Types))
	for i := range s.Types {
		t := &s.Types[i]
		kinds[i] = kindNames[t.Name]
		if t.Kind == fhir.ResourceType {
			kinds[i] = resourceKind
		}
	}
	return kinds
}

// A kindSet is a set of kinds.
type kindSet uint32

func setOf(kinds ...kind) kindSet {
	var s kindSet
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

func (s kindSet) has(k kind) bool        { return s&(1<<k) != 0 }
func (s kindSet) any(other kindSet) bool { return s&other != 0 }

// The kinds that have values for each type of parameter. A type of parameter
// that stands on another kind finds out only that the element is there.
var kindsFor = [...]kindSet{
	fhir.NumberParam: setOf(numberKind, rangeKind),
	fhir.DateParam:   setOf(dateKind, dateTimeKind, instantKind, periodKind, timingKind),
	fhir.StringParam: setOf(textKind, codeKind, idKind, uriKind, canonicalKind),
	fhir.TokenParam: setOf(booleanKind, codeKind, idKind, textKind, uriKind, canonicalKind, codingKind, conceptKind,
		identifierKind, contactKind),
	fhir.ReferenceParam: setOf(referenceKind, uriKind, canonicalKind, resourceKind),
	fhir.QuantityParam:  setOf(quantityKind, moneyKind, rangeKind),
	fhir.URIParam:       setOf(uriKind, canonicalKind),
	fhir.SpecialParam:   setOf(positionKind),
	fhir.CompositeParam: 0,
}

// parts lists, by kind, the elements that a string parameter on it reads instead.
// See https://hl7.org/fhir/R4/search.html#string.
var parts = map[kind][]string{
	nameKind:    {"text", "family", "given", "prefix", "suffix"},
	addressKind: {"text", "line", "city", "district", "state", "postalCode", "country"},
}

// An element is a value that a parameter's expression yielded, in reach of what
// is needed to compare it.
type element struct {
	reg  *Registry
	root fhir.Value // of the resource
	v    fhir.Value // does not exist for a computed boolean
	kind kind
	yes  bool // the computed boolean
}
