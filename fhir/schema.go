package fhir

import "sort"

// A TypeID is the index of a type in [Schema.Types]. Zero is no type.
type TypeID uint16

// An ElementID is the index of an element in [Schema.Elements]. Zero is no
// element.
type ElementID uint16

// A TypeKind tells resources, data types and primitives apart.
type TypeKind uint8

// The kinds of type.
const (
	ResourceType  TypeKind = iota + 1 // Patient, also the abstract Resource and DomainResource
	ComplexType                       // Quantity, HumanName, Extension
	BackboneType                      // Patient.contact: a type that exists in one element only
	PrimitiveType                     // date, code, and xhtml
)

// A TypeDef is the definition of a type. Its elements stand in Schema.Elements
// from First on, Count of them, in the order of the definition, inherited ones
// included; each allowed type of a choice (value[x]) is an element of its own.
type TypeDef struct {
	Name     string // "Observation", "Observation.component", "Quantity", "code"
	Base     TypeID // what it specialises: DomainResource, BackboneElement, string; 0 at the root
	Kind     TypeKind
	Abstract bool
	First    ElementID
	Count    uint16
}

// ElementFlags say what holds for an element.
type ElementFlags uint8

// The flags of an element.
const (
	Repeats    ElementFlags = 1 << iota // max is not 1: a JSON array
	Required                            // min is 1 or more
	InSummary                           // part of _summary=true
	IsModifier                          // changes the meaning of its parent
	Attribute                           // an attribute in XML: Element.id, Extension.url
)

// An ElementDef is the definition of one element of one type.
type ElementDef struct {
	Name    string // the JSON member: "status", "valueQuantity"
	Choice  string // "value" for each type of value[x], else empty
	Type    TypeID // of its content; the abstract Resource for contained resources
	Flags   ElementFlags
	Targets uint16 // index in Schema.TargetSets; 0: not a reference, or any type
	Binding uint16 // index in Schema.Bindings; 0: none
}

// A Binding ties a coded element to a value set.
type Binding struct {
	Strength byte   // 'r' required, 'e' extensible, 'p' preferred, 'x' example
	ValueSet string // canonical URL, with |version if the definition has one
	System   string // the one code system all its codes come from; empty if there are several or it is open
}

// A SearchParam is the definition of a search parameter as published.
type SearchParam struct {
	Code       string
	URL        string
	Type       ParamType
	Base       []string         // resource types; may be Resource or DomainResource
	Expression string           // FHIRPath; empty if evaluation is defined in prose
	Target     []string         // types a reference parameter may point to
	Component  []ParamComponent // of a composite
}

// A ParamComponent is one part of a composite search parameter.
type ParamComponent struct {
	Definition string // canonical URL of the parameter
	Expression string // relative to the composite's expression
}

// A ParamType is the type of a search parameter.
// See https://hl7.org/fhir/R4/search.html#ptypes.
type ParamType uint8

// The types of search parameter.
const (
	NumberParam ParamType = iota + 1
	DateParam
	StringParam
	TokenParam
	ReferenceParam
	CompositeParam
	QuantityParam
	URIParam
	SpecialParam
)

var paramTypeNames = [...]string{"", "number", "date", "string", "token", "reference", "composite", "quantity", "uri", "special"}

// String returns the code of https://hl7.org/fhir/R4/valueset-search-param-type.html.
func (t ParamType) String() string { return paramTypeNames[t] }

// A Compartment says how resources belong to one.
// See https://hl7.org/fhir/R4/compartmentdefinition.html.
type Compartment struct {
	Type    string // Patient, Encounter, Practitioner, RelatedPerson, Device
	Members []CompartmentMember
}

// A CompartmentMember is a resource type that can be in a compartment, by the
// search parameters that put it there. The pseudo-parameter "{def}" means the
// resource of the compartment itself.
type CompartmentMember struct {
	Type   string
	Params []string
}

// An Operation is a published OperationDefinition, in short.
type Operation struct {
	Code         string // "everything", without $
	URL          string
	Resource     []string
	AffectsState bool
	System       bool
	TypeLevel    bool
	Instance     bool
}

// A Schema holds the definitions of one FHIR version. It is read-only data.
type Schema struct {
	Types        []TypeDef    // [0] is unused; sorted by name
	Elements     []ElementDef // [0] is unused
	TargetSets   [][]string   // [0] is unused
	Bindings     []Binding    // [0] is unused
	SearchParams []SearchParam
	Compartments []Compartment
	Operations   []Operation
}

// TypeByName returns the type of that exact name, or 0.
func (s *Schema) TypeByName(name string) TypeID {
	types := s.Types[1:]
	i := sort.Search(len(types), func(i int) bool { return types[i].Name >= name })
	if i < len(types) && types[i].Name == name {
		return TypeID(i + 1)
	}
	return 0
}

// ResourceByName returns the concrete resource type of that exact name, or 0.
func (s *Schema) ResourceByName(name string) TypeID {
	id := s.TypeByName(name)
	if id == 0 || s.Types[id].Kind != ResourceType || s.Types[id].Abstract {
		return 0
	}
	return id
}

// ElementsOf returns the elements of a type, in order of definition. The first
// has the ID s.Types[t].First.
func (s *Schema) ElementsOf(t TypeID) []ElementDef {
	d := &s.Types[t]
	return s.Elements[d.First : int(d.First)+int(d.Count)]
}

// IsA reports whether t is base or specialises it.
func (s *Schema) IsA(t, base TypeID) bool {
	for ; t != 0; t = s.Types[t].Base {
		if t == base {
			return true
		}
	}
	return false
}
