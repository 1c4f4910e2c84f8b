package fhirpath

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

func TestPair(t *testing.T) {
	r, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(`{"resourceType":"Patient","birthDate":"2000-01-01","_birthDate":{"extension":[{"url":"urn:x","valueCode":"y"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	value, shadow := r.Root().Get("birthDate"), r.Root().Get("_birthDate")
	p, err := Compile(r4.Schema(), "hasValue().toString() & extension('urn:x').count().toString()")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		Name          string
		Value, Shadow fhir.Value
		Want          string
	}{
		{"both", value, shadow, "true1"},
		{"a value", value, fhir.Value{}, "true0"},
		{"extensions", fhir.Value{}, shadow, "false1"},
	} {
		used := 0
		found, err := p.Evaluate(context.Background(), &Env{Used: &used}, Pair(test.Value, test.Shadow))
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: got %v, %v", test.Name, found, err)
		}
		if text, _ := found[0].Text(); text != test.Want {
			t.Errorf("%s: got %q, want %q", test.Name, text, test.Want)
		}
		if used <= 0 || used > 1000 {
			t.Errorf("%s: used %d steps", test.Name, used)
		}
	}
}
