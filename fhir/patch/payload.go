package patch

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// elements returns the elements of a type that go by a name: the types of a choice
// by its name without type, any by the name that JSON has for it.
func (o *change) elements(t fhir.TypeID, name string) []*fhir.ElementDef {
	var found []*fhir.ElementDef
	all := o.codec.Schema.ElementsOf(t)
	for i := range all {
		if e := &all[i]; e.Name == name || e.Choice == name && name != "" {
			found = append(found, e)
		}
	}
	return found
}

// payload reads the value in a part as that of an element of type t, and tells
// which element, for the type of the value decides between those of a choice.
// See https://hl7.org/fhir/R4/fhirpatch.html#format.
func (o *change) payload(t fhir.TypeID, name string, part fhir.Value) (*fhir.ElementDef, payload, error) {
	schema := o.codec.Schema
	candidates := o.elements(t, name)
	if len(candidates) == 0 {
		return nil, payload{}, o.fail(fhir.Unprocessable, "%s has no %s", schema.Types[t].Name, clip(name))
	}
	given, shadow, kind := fhir.Value{}, fhir.Value{}, fhir.TypeID(0)
	for m := range part.Children {
		switch {
		case m.Elem() != 0 && schema.Elements[m.Elem()].Choice == "value":
			kind = m.Type()
			if m.Node().Flags&fhir.Shadow != 0 {
				shadow = m
			} else {
				given = m
			}
		case m.Key() == "resource":
			given, kind = m, m.Type()
		}
	}
	if kind == 0 {
		return o.anonymous(candidates, part)
	}
	for _, e := range candidates {
		if e.Type == kind || schema.Types[kind].Kind == fhir.ResourceType && schema.IsA(kind, e.Type) {
			return e, payload{closed(given), closed(shadow)}, nil
		}
	}
	return nil, payload{}, o.fail(fhir.Unprocessable, "%s takes %s, not %s", clip(name), o.types(candidates), schema.Types[kind].Name)
}

// closed returns a place as a value, nil if it does not exist.
func closed(v fhir.Value) *value {
	if !v.Exists() {
		return nil
	}
	return &value{source: v}
}

// types lists the types of elements for a message.
func (o *change) types(elements []*fhir.ElementDef) string {
	var names []string
	for _, e := range elements {
		if len(names) == 5 {
			names = append(names, "…")
			break
		}
		names = append(names, o.codec.Schema.Types[e.Type].Name)
	}
	return strings.Join(names, " or ")
}

// anonymous reads a value that is given by its parts.
func (o *change) anonymous(candidates []*fhir.ElementDef, part fhir.Value) (*fhir.ElementDef, payload, error) {
	e := candidates[0]
	switch {
	case !part.Get("part").Exists():
		return nil, payload{}, o.fail(fhir.Invalid, "%q has neither a value nor parts", clip(part.Get("name").Text()))
	case len(candidates) > 1:
		return nil, payload{}, o.fail(fhir.Invalid, "%s can have several types: parts do not tell which is meant", e.Choice)
	case o.codec.Primitive(e.Type) != 0:
		return nil, payload{}, o.fail(fhir.Unprocessable, "%s takes %s, not parts", e.Name, o.types(candidates))
	case o.codec.Schema.Types[e.Type].Kind == fhir.ResourceType:
		return nil, payload{}, o.fail(fhir.Unprocessable, "%s takes a resource, not parts", e.Name)
	}
	object := slot{fresh("{}")}
	for p := range part.Get("part").Items {
		name := p.Get("name").Text()
		def, child, err := o.payload(e.Type, name, p)
		if err != nil {
			return nil, payload{}, err
		}
		switch {
		case def.Flags&fhir.Repeats != 0:
			object.insert(def.Name, object.length(def.Name), child)
		case object.has(def.Name):
			return nil, payload{}, o.fail(fhir.Unprocessable, "%s is given twice, and does not repeat", def.Name)
		default:
			object.set(def.Name, child)
		}
	}
	return e, payload{value: object.object}, nil
}
