package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A draft is a type before types have numbers.
type draft struct {
	name     string
	base     string
	kind     fhir.TypeKind
	abstract bool
	elements []element
}

var kinds = map[string]fhir.TypeKind{
	"resource":       fhir.ResourceType,
	"complex-type":   fhir.ComplexType,
	"primitive-type": fhir.PrimitiveType,
}

// addTypes adds the types that the structures define, and their elements. Not
// all do: profiles constrain a type, and logical models such as Event and FiveWs
// have no instances.
func (t *tables) addTypes(structures []structure) error {
	var drafts []draft
	for _, s := range structures {
		if s.Derivation != "constraint" && kinds[s.Kind] != 0 {
			drafts = append(drafts, newDrafts(s)...)
		}
	}
	slices.SortFunc(drafts, func(a, b draft) int { return cmp.Compare(a.name, b.name) })
	for i, d := range drafts {
		if _, twice := t.typeIDs[d.name]; twice {
			return fmt.Errorf("type %s is defined twice", d.name)
		}
		t.typeIDs[d.name] = fhir.TypeID(i + 1)
	}
	for _, d := range drafts {
		if err := t.addType(d); err != nil {
			return fmt.Errorf("%s: %w", d.name, err)
		}
	}
	if n := len(t.schema.Elements); n > math.MaxUint16 {
		return fmt.Errorf("%d elements are too many for an ElementID", n)
	}
	return nil
}

// newDrafts returns the type that s defines and one for each of its elements
// that has elements itself.
func newDrafts(s structure) []draft {
	all := s.Snapshot.Element
	children := map[string][]element{s.Type: nil}
	for _, e := range all {
		if dot := strings.LastIndexByte(e.Path, '.'); dot > 0 {
			children[e.Path[:dot]] = append(children[e.Path[:dot]], e)
		}
	}
	drafts := []draft{{
		name:     s.Type,
		base:     path.Base(s.BaseDefinition),
		kind:     kinds[s.Kind],
		abstract: s.Abstract,
		elements: children[s.Type],
	}}
	delete(children, s.Type)
	for _, e := range all {
		if nested, ok := children[e.Path]; ok && len(e.Type) == 1 {
			drafts = append(drafts, draft{name: e.Path, base: e.Type[0].Code, kind: fhir.BackboneType, elements: nested})
		}
	}
	return drafts
}

// addType adds a type, whose turn it is, and its elements.
func (t *tables) addType(d draft) error {
	def := fhir.TypeDef{Name: d.name, Kind: d.kind, Abstract: d.abstract, First: fhir.ElementID(len(t.schema.Elements))}
	var err error
	if d.base != "." { // path.Base of no base
		if def.Base, err = t.typeID(d.base); err != nil {
			return err
		}
	}
	for _, e := range d.elements {
		if !isMember(d.kind, e) {
			continue
		}
		defs, err := t.elements(e)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		t.schema.Elements = append(t.schema.Elements, defs...)
	}
	def.Count = uint16(len(t.schema.Elements) - int(def.First))
	t.schema.Types = append(t.schema.Types, def)
	return nil
}

// isMember reports whether an element can be a member of its type's JSON object.
// The value of a primitive is the JSON value itself, and xhtml forbids the
// extensions it inherits.
func isMember(kind fhir.TypeKind, e element) bool {
	return e.Max != "0" && (kind != fhir.PrimitiveType || lastName(e.Path) != "value")
}

func lastName(p string) string { return p[strings.LastIndexByte(p, '.')+1:] }

// sorted returns the distinct strings of list in order, nil if there are none.
func sorted(list []string) []string {
	set := map[string]bool{}
	for _, s := range list {
		set[s] = true
	}
	return slices.Sorted(maps.Keys(set))
}
