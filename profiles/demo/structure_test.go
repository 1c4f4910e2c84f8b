package demo

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// TestStructure holds every Bundle to the definitions of R4: members, their
// shapes and choices, and that nothing required is missing.
func TestStructure(t *testing.T) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	for i, text := range Bundles() {
		bundle, err := codec.ParseJSON(text)
		if err != nil {
			t.Errorf("%s: %v", order[i], err)
			continue
		}
		requireAll(t, order[i], bundle.Root())
	}
}

// requireAll reports each required element that an object below v lacks.
func requireAll(t *testing.T, path string, v fhir.Value) {
	t.Helper()
	schema := r4.Schema()
	switch v.Kind() {
	case fhir.ArrayNode:
		for item := range v.Items {
			requireAll(t, path, item)
		}
	case fhir.ObjectNode:
		missing := map[string]bool{}
		elements := schema.ElementsOf(v.Type())
		for _, e := range elements {
			if e.Flags&fhir.Required != 0 {
				missing[nameOf(e)] = true
			}
		}
		for _, e := range elements {
			if v.Get(e.Name).Exists() {
				delete(missing, nameOf(e))
			}
		}
		for name := range missing {
			t.Errorf("%s: %s lacks %s", path, schema.Types[v.Type()].Name, name)
		}
		if id := v.Get("id"); id.Exists() {
			path += " " + id.Text()
		}
		for child := range v.Children {
			requireAll(t, path, child)
		}
	}
}

// nameOf returns the name of an element, or of the choice it is one type of.
func nameOf(e fhir.ElementDef) string {
	if e.Choice != "" {
		return e.Choice
	}
	return e.Name
}
