package validate

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/r4"
)

// TestNatives holds the quick ways to what the expressions themselves say, at every
// object of some resources.
func TestNatives(t *testing.T) {
	resources := []string{
		`{"resourceType":"Observation","text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"valueQuantity":{"value":1,"code":"g"},"subject":{"reference":"#a"}}`,
		`{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"a"},{"resourceType":"Patient","id":"b","meta":{"versionId":"1"}}],"subject":{"reference":"#a"},"focus":[{"reference":"#c"},{"reference":"Patient/1"},{"display":"x"}],
			"valueQuantity":{"value":1,"code":"g","system":"urn:x"},"effectivePeriod":{"start":"2020","end":"2019"}}`,
		`{"resourceType":"Observation","valueQuantity":{"value":1,"_code":{"extension":[{"url":"urn:x","valueCode":"x"}]}},"effectivePeriod":{"start":"2019","end":"2020"}}`,
		`{"resourceType":"Observation","valueQuantity":{"value":1,"unit":"g"},"effectivePeriod":{"_start":{"extension":[{"url":"urn:x","valueCode":"x"}]},"end":"2020"}}`,
		`{"resourceType":"Observation","effectivePeriod":{"start":"2019"},"referenceRange":[{"low":{"value":1},"text":"x"}]}`,
	}
	places := map[string]string{"qty-3": "Quantity", "per-1": "Period", "ref-1": "Reference", "txt-1": "xhtml", "txt-2": "xhtml"}
	schema := r4.Schema()
	codec := fhir.NewCodec(schema, fhir.Limits{})
	for n, quick := range natives {
		program, err := fhirpath.Compile(schema, n.expression)
		if err != nil {
			t.Fatalf("%s: %v", n.key, err)
		}
		asked := 0
		for _, text := range resources {
			r, err := codec.ParseJSON([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			for i := range r.Tree().Nodes {
				v := r.Tree().At(uint32(i))
				place := places[n.key]
				if place == "" && i != 0 || place != "" && schema.Types[v.Type()].Name != place || v.Kind() == fhir.ArrayNode {
					continue
				}
				answer := quick(v)
				if asked++; answer == unsure {
					continue
				}
				found, err := program.Evaluate(context.Background(), &fhirpath.Env{FilterAs: true}, fhirpath.Node(v))
				if err != nil {
					t.Fatalf("%s at %s: %v", n.key, v.Raw(), err)
				}
				if len(found) == 0 {
					continue // an empty subject: what the quick way says of it is right
				}
				if met, _ := found[0].Bool(); met != (answer == holds) {
					t.Errorf("%s at %s: the quick way says %d, the expression %v", n.key, v.Raw(), answer, met)
				}
			}
		}
		if asked == 0 {
			t.Errorf("%s was never asked", n.key)
		}
	}
}

func TestCorrectionsCompile(t *testing.T) {
	for n, corrected := range corrections {
		for _, expression := range []string{n.expression, corrected} {
			if _, err := fhirpath.Compile(r4.Schema(), expression); err != nil {
				t.Errorf("%s: %s: %v", n.key, expression, err)
			}
		}
	}
}
