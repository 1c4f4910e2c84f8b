package patch_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/patch"
)

// FuzzApply holds that a patch gives valid JSON or an error of a kind the client
// can act on, that it does not change what it was given, and that a patch of
// tests alone changes nothing.
func FuzzApply(f *testing.F) {
	const doc = `{"resourceType":"Patient","name":[{"given":["Ada","B"]},{"family":"Example"}],"a/b":{"c~d":[1.00,[],null]}}`
	for _, p := range []string{
		`[{"op":"add","path":"/name/0/given/-","value":{"x":1}},{"op":"remove","path":"/name/1"}]`,
		`[{"op":"move","from":"/name/0","path":"/a~1b/c~0d/1"},{"op":"replace","path":"/a~1b","value":-0.0}]`,
		`[{"op":"copy","from":"","path":"/name/-"},{"op":"copy","from":"/name","path":"/name/0"},{"op":"test","path":"/name/0/0/given/0","value":"Ada"}]`,
		`[{"op":"test","path":"","value":{"resourceType":"Patient"}},{"op":"test","path":"/a~1b/c~0d/0","value":1e0}]`,
		`[{"op":"add","path":"/é\u0001","value":"\ud83d\ude00"}]`,
	} {
		f.Add([]byte(doc), []byte(p))
	}
	f.Fuzz(func(t *testing.T, doc, p []byte) {
		before := bytes.Clone(doc)
		got, err := patch.Apply(doc, p, patch.Limits{Bytes: 1 << 20})
		if !bytes.Equal(doc, before) {
			t.Fatalf("%s changed its document %s to %s", p, before, doc)
		}
		if err != nil {
			if k := fhir.KindOf(err); k != fhir.Invalid && k != fhir.Unprocessable && k != fhir.TooLarge {
				t.Fatalf("%s to %s: kind %d: %v", p, doc, k, err)
			}
			return
		}
		if !json.Valid(got) {
			t.Fatalf("%s to %s gives no JSON: %s", p, doc, got)
		}
		if onlyTests(p) && !bytes.Equal(doc, got) {
			t.Fatalf("tests %s changed %s to %s", p, doc, got)
		}
	})
}

// onlyTests reports whether all operations of a good patch are tests.
func onlyTests(p []byte) bool {
	tree, err := fhir.ScanJSON(p, fhir.Limits{})
	if err != nil {
		return false
	}
	for op := range tree.Root().Children {
		if op.Get("op").Text() != "test" {
			return false
		}
	}
	return true
}
