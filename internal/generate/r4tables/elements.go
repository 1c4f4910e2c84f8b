package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// elements returns the rows of an element: one, or one per type of a choice.
func (t *tables) elements(e element) ([]fhir.ElementDef, error) {
	if e.ContentReference != "" {
		return t.reference(e)
	}
	if len(e.Type) == 0 {
		return nil, errors.New("no type")
	}
	choice, isChoice := strings.CutSuffix(lastName(e.Path), "[x]")
	if !isChoice && len(e.Type) > 1 {
		return nil, errors.New("several types, but no choice")
	}
	var defs []fhir.ElementDef
	for _, ref := range e.Type {
		def, err := t.element(e, ref)
		if err != nil {
			return nil, err
		}
		if isChoice {
			def.Name, def.Choice = choice+strings.ToUpper(ref.Code[:1])+ref.Code[1:], choice
		}
		defs = append(defs, def)
	}
	return defs, nil
}

// reference returns an element whose content is defined at another one, such as
// Questionnaire.item.item: that element's path is the name of its type.
func (t *tables) reference(e element) ([]fhir.ElementDef, error) {
	id, err := t.typeID(strings.TrimPrefix(e.ContentReference, "#"))
	return []fhir.ElementDef{{Name: lastName(e.Path), Type: id, Flags: flags(e)}}, err
}

// element returns the row of an element with one of its types.
func (t *tables) element(e element, ref typeRef) (fhir.ElementDef, error) {
	name := typeName(e, ref)
	id, err := t.typeID(name)
	if err != nil {
		return fhir.ElementDef{}, err
	}
	def := fhir.ElementDef{Name: lastName(e.Path), Type: id, Flags: flags(e), Targets: t.targetSet(ref.TargetProfile)}
	if isChoice := strings.HasSuffix(e.Path, "[x]"); !isChoice || bindable[name] {
		def.Binding, err = t.binding(e.Binding)
	}
	return def, err
}

// bindable holds the types of a choice that its binding is about.
// See https://hl7.org/fhir/R4/terminologies.html#4.1.
var bindable = map[string]bool{"code": true, "Coding": true, "CodeableConcept": true, "Quantity": true, "string": true, "uri": true}

// typeName returns the name of an element's type in these tables.
func typeName(e element, ref typeRef) string {
	switch {
	case e.Base.Path == "Resource.id":
		return "id" // the definitions say string, https://hl7.org/fhir/R4/resource.html#id says id
	case ref.Code == "BackboneElement", ref.Code == "Element":
		return e.Path
	case strings.HasPrefix(ref.Code, "http://hl7.org/fhirpath/System."):
		return fhirType(ref)
	}
	return ref.Code
}

// fhirType returns the FHIR type of an element that is defined by a FHIRPath
// type: Element.id, Extension.url.
func fhirType(ref typeRef) string {
	for _, x := range ref.Extension {
		if x.URL == "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type" {
			return x.ValueURL
		}
	}
	return "string" // xhtml.id lacks the extension
}

func flags(e element) fhir.ElementFlags {
	var f fhir.ElementFlags
	for _, is := range []struct {
		flag fhir.ElementFlags
		true bool
	}{
		{fhir.Repeats, e.Max != "1"},
		{fhir.Required, e.Min > 0},
		{fhir.InSummary, e.IsSummary},
		{fhir.IsModifier, e.IsModifier},
		{fhir.Attribute, slices.Contains(e.Representation, "xmlAttr")},
	} {
		if is.true {
			f |= is.flag
		}
	}
	return f
}
