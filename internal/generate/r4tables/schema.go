package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// newSchema makes the tables.
func newSchema(defs *definitions) (*fhir.Schema, error) {
	t := newTables(defs.valueSets)
	if err := t.addTypes(defs.structures); err != nil {
		return nil, err
	}
	var err error
	if t.schema.SearchParams, err = searchParams(defs.searchParams); err != nil {
		return nil, err
	}
	t.schema.Compartments = compartments(defs.compartments)
	t.schema.Operations = operations(defs.operations)
	return &t.schema, nil
}

// tables is a schema while its types are being added.
type tables struct {
	schema   fhir.Schema
	typeIDs  map[string]fhir.TypeID
	targets  map[string]uint16  // by the names, joined
	bindings map[binding]uint16 // as published
	systems  codeSystems
}

func newTables(sets []valueSet) *tables {
	return &tables{
		schema: fhir.Schema{
			Types:      make([]fhir.TypeDef, 1),
			Elements:   make([]fhir.ElementDef, 1),
			TargetSets: make([][]string, 1),
			Bindings:   make([]fhir.Binding, 1),
		},
		typeIDs:  map[string]fhir.TypeID{},
		targets:  map[string]uint16{},
		bindings: map[binding]uint16{},
		systems:  newCodeSystems(sets),
	}
}

// typeID returns the ID of a type that must exist.
func (t *tables) typeID(name string) (fhir.TypeID, error) {
	id, ok := t.typeIDs[name]
	if !ok {
		return 0, fmt.Errorf("no type %q", name)
	}
	return id, nil
}

// targetSet returns the index of a set of types, given by their profiles. Any
// resource is no restriction, hence 0.
func (t *tables) targetSet(profiles []string) uint16 {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		names[i] = path.Base(p)
	}
	names = sorted(names)
	key := strings.Join(names, " ")
	if key == "" || key == "Resource" {
		return 0
	}
	i, ok := t.targets[key]
	if !ok {
		i = uint16(len(t.schema.TargetSets))
		t.targets[key] = i
		t.schema.TargetSets = append(t.schema.TargetSets, names)
	}
	return i
}

// binding returns the index of a binding, or 0 if it names no value set: then
// there is nothing to hold a code against.
func (t *tables) binding(b binding) (uint16, error) {
	if b.ValueSet == "" {
		return 0, nil
	}
	if i, ok := t.bindings[b]; ok {
		return i, nil
	}
	strength, ok := strengths[b.Strength]
	if !ok {
		return 0, fmt.Errorf("no binding strength %q", b.Strength)
	}
	i := uint16(len(t.schema.Bindings))
	t.bindings[b] = i
	t.schema.Bindings = append(t.schema.Bindings, fhir.Binding{
		Strength: strength,
		ValueSet: b.ValueSet,
		System:   t.systems.only(b.ValueSet),
	})
	return i, nil
}

// strengths maps https://hl7.org/fhir/R4/valueset-binding-strength.html.
var strengths = map[string]byte{"required": 'r', "extensible": 'e', "preferred": 'p', "example": 'x'}
