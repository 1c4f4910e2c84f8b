package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/patch"
)

func TestApply(t *testing.T) {
	tests := []struct {
		Name  string
		Doc   string
		Patch string
		Want  string
	}{
		// add
		{Name: "add a member, last", Doc: `{"b":1}`, Patch: `[{"op":"add","path":"/a","value":"x"}]`, Want: `{"b":1,"a":"x"}`},
		{Name: "add replaces a member in its place", Doc: `{"a":1,"b":2}`, Patch: `[{"op":"add","path":"/a","value":3}]`, Want: `{"a":3,"b":2}`},
		{Name: "add null", Doc: `{}`, Patch: `[{"op":"add","path":"/a","value":null}]`, Want: `{"a":null}`},
		{Name: "add before an item", Doc: `{"a":["x","z"]}`, Patch: `[{"op":"add","path":"/a/1","value":"y"}]`, Want: `{"a":["x","y","z"]}`},
		{Name: "add as first item", Doc: `[1]`, Patch: `[{"op":"add","path":"/0","value":0}]`, Want: `[0,1]`},
		{Name: "add at the length", Doc: `[1]`, Patch: `[{"op":"add","path":"/1","value":2}]`, Want: `[1,2]`},
		{Name: "add with -", Doc: `[1]`, Patch: `[{"op":"add","path":"/-","value":[2]}]`, Want: `[1,[2]]`},
		{Name: "add to what was added", Doc: `{}`, Patch: `[{"op":"add","path":"/a","value":{"b":[]}},{"op":"add","path":"/a/b/-","value":1}]`, Want: `{"a":{"b":[1]}}`},
		{Name: "add whole document", Doc: `{"a":1}`, Patch: `[{"op":"add","path":"","value":{"b":2}}]`, Want: `{"b":2}`},
		{Name: "members of no meaning are passed over", Doc: `{}`, Patch: `[{"op":"add","path":"/a","value":1,"xyz":{"deep":[]}}]`, Want: `{"a":1}`},
		{Name: "a member called -", Doc: `{"-":1}`, Patch: `[{"op":"replace","path":"/-","value":2}]`, Want: `{"-":2}`},
		{Name: "a member that looks like an index", Doc: `{"01":1}`, Patch: `[{"op":"remove","path":"/01"}]`, Want: `{}`},
		{Name: "the member without a name", Doc: `{"":1}`, Patch: `[{"op":"replace","path":"/","value":2}]`, Want: `{"":2}`},

		// remove
		{Name: "remove a member", Doc: `{"a":1,"b":2,"c":3}`, Patch: `[{"op":"remove","path":"/b"}]`, Want: `{"a":1,"c":3}`},
		{Name: "remove an item", Doc: `{"a":[1,2,3]}`, Patch: `[{"op":"remove","path":"/a/1"}]`, Want: `{"a":[1,3]}`},
		{Name: "remove the last of an array leaves it empty", Doc: `{"a":[1]}`, Patch: `[{"op":"remove","path":"/a/0"}]`, Want: `{"a":[]}`},

		// replace
		{Name: "replace a member", Doc: `{"a":1,"b":2}`, Patch: `[{"op":"replace","path":"/a","value":{"c":null}}]`, Want: `{"a":{"c":null},"b":2}`},
		{Name: "replace an item", Doc: `[1,2]`, Patch: `[{"op":"replace","path":"/0","value":9}]`, Want: `[9,2]`},
		{Name: "replace whole document", Doc: `{"a":1}`, Patch: `[{"op":"replace","path":"","value":[]}]`, Want: `[]`},

		// move
		{Name: "move a member", Doc: `{"a":{"x":1,"y":2},"b":{"z":3}}`, Patch: `[{"op":"move","from":"/a/x","path":"/b/w"}]`, Want: `{"a":{"y":2},"b":{"z":3,"w":1}}`},
		{Name: "move an item: its place counts after it was taken out", Doc: `[0,1,2,3]`, Patch: `[{"op":"move","from":"/1","path":"/3"}]`, Want: `[0,2,3,1]`},
		{Name: "move to itself", Doc: `{"a":1,"b":2}`, Patch: `[{"op":"move","from":"/a","path":"/a"}]`, Want: `{"a":1,"b":2}`},
		{Name: "move the whole to itself", Doc: `{"a":1}`, Patch: `[{"op":"move","from":"","path":""}]`, Want: `{"a":1}`},
		{Name: "move a part to be the whole", Doc: `{"a":{"b":1}}`, Patch: `[{"op":"move","from":"/a","path":""}]`, Want: `{"b":1}`},
		{Name: "move to a name that begins alike", Doc: `{"a":1}`, Patch: `[{"op":"move","from":"/a","path":"/ab"}]`, Want: `{"ab":1}`},
		{Name: "move up, over its own parent", Doc: `{"a":{"b":{"c":1}}}`, Patch: `[{"op":"move","from":"/a/b","path":"/a"}]`, Want: `{"a":{"c":1}}`},

		// copy
		{Name: "copy a member", Doc: `{"a":[1],"b":2}`, Patch: `[{"op":"copy","from":"/a","path":"/c"}]`, Want: `{"a":[1],"b":2,"c":[1]}`},
		{Name: "copy into itself", Doc: `{"a":{"b":1}}`, Patch: `[{"op":"copy","from":"/a","path":"/a/c"}]`, Want: `{"a":{"b":1,"c":{"b":1}}}`},
		{Name: "a copy changes by itself", Doc: `{"a":{"x":[1]}}`, Patch: `[{"op":"add","path":"/a/x/-","value":2},{"op":"copy","from":"/a","path":"/b"},{"op":"add","path":"/b/x/-","value":3},{"op":"remove","path":"/a/x/0"}]`, Want: `{"a":{"x":[2]},"b":{"x":[1,2,3]}}`},
		{Name: "a value used twice changes by itself", Doc: `{}`, Patch: `[{"op":"add","path":"/a","value":{"x":1}},{"op":"copy","from":"/a","path":"/b"},{"op":"replace","path":"/b/x","value":2}]`, Want: `{"a":{"x":1},"b":{"x":2}}`},

		// test
		{Name: "test leaves all as it is, white space too", Doc: `{ "a" : [1, "x"] }`, Patch: `[{"op":"test","path":"/a/1","value":"x"}]`, Want: `{ "a" : [1, "x"] }`},
		{Name: "no operations", Doc: `{ "a":1}`, Patch: `[]`, Want: `{ "a":1}`},
		{Name: "test then change", Doc: `{"a":1}`, Patch: `[{"op":"test","path":"/a","value":1},{"op":"replace","path":"/a","value":2}]`, Want: `{"a":2}`},
		{Name: "test after change", Doc: `{"a":1}`, Patch: `[{"op":"add","path":"/b","value":2},{"op":"test","path":"","value":{"b":2,"a":1}}]`, Want: `{"a":1,"b":2}`},

		// pointers
		{Name: "~0 and ~1", Doc: `{"a/b":1,"c~d":2}`, Patch: `[{"op":"remove","path":"/a~1b"},{"op":"replace","path":"/c~0d","value":3}]`, Want: `{"c~d":3}`},
		{Name: "~01 is ~1 and no slash", Doc: `{"~1":1,"/":2}`, Patch: `[{"op":"remove","path":"/~01"}]`, Want: `{"/":2}`},
		{Name: "spaces", Doc: `{" ":1}`, Patch: `[{"op":"remove","path":"/ "}]`, Want: `{}`},
		{Name: "a percent sign is only that", Doc: `{"c%d":1}`, Patch: `[{"op":"remove","path":"/c%d"}]`, Want: `{}`},
		{Name: "a new name that needs escapes", Doc: `{}`, Patch: `[{"op":"add","path":"/a\"\\\n","value":1}]`, Want: `{"a\"\\\n":1}`},

		// what is not touched
		{Name: "numbers and escapes stay as written", Doc: `{"n":[1.00,-0.0,1e2],"s":"\u00e9\/","z":0}`, Patch: `[{"op":"replace","path":"/z","value":2.50},{"op":"remove","path":"/n/1"}]`, Want: `{"n":[1.00,1e2],"s":"\u00e9\/","z":2.50}`},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			got, err := patch.Apply([]byte(test.Doc), []byte(test.Patch), patch.Limits{})
			if err != nil {
				t.Fatalf("%s to %s: %v", test.Patch, test.Doc, err)
			}
			if string(got) != test.Want {
				t.Errorf("%s to %s:\n got %s\nwant %s", test.Patch, test.Doc, got, test.Want)
			}
		})
	}
}

func TestApplyRefuses(t *testing.T) {
	tests := []struct {
		Name  string
		Doc   string
		Patch string
		Kind  fhir.Kind
		Want  string // part of the message
	}{
		// A malformed patch.
		{Name: "no JSON", Patch: `[`, Kind: fhir.Invalid, Want: "the patch: JSON line 1"},
		{Name: "no document", Doc: `{`, Patch: `[]`, Kind: fhir.Invalid, Want: "the document: JSON line 1"},
		{Name: "no array", Patch: `{"op":"remove","path":"/a"}`, Kind: fhir.Invalid, Want: "array of operations"},
		{Name: "no object", Patch: `["remove"]`, Kind: fhir.Invalid, Want: "operation 0"},
		{Name: "no op", Patch: `[{"path":"/a"}]`, Kind: fhir.Invalid, Want: "op is missing"},
		{Name: "unknown op", Patch: `[{"op":"spam","path":"/a"}]`, Kind: fhir.Invalid, Want: "op must be"},
		{Name: "op in capitals", Patch: `[{"op":"Remove","path":"/a"}]`, Kind: fhir.Invalid, Want: "op must be"},
		{Name: "no path", Patch: `[{"op":"remove"}]`, Kind: fhir.Invalid, Want: "path is missing"},
		{Name: "path is a number", Patch: `[{"op":"remove","path":1}]`, Kind: fhir.Invalid, Want: "path is missing or no string"},
		{Name: "path without slash", Patch: `[{"op":"remove","path":"a"}]`, Kind: fhir.Invalid, Want: "no JSON Pointer"},
		{Name: "path with ~2", Patch: `[{"op":"remove","path":"/a~2"}]`, Kind: fhir.Invalid, Want: "no JSON Pointer"},
		{Name: "path ends in ~", Patch: `[{"op":"remove","path":"/a~"}]`, Kind: fhir.Invalid, Want: "no JSON Pointer"},
		{Name: "no value", Patch: `[{"op":"add","path":"/b"}]`, Kind: fhir.Invalid, Want: "value is missing"},
		{Name: "no value to test", Patch: `[{"op":"test","path":"/a"}]`, Kind: fhir.Invalid, Want: "value is missing"},
		{Name: "no from", Patch: `[{"op":"copy","path":"/b"}]`, Kind: fhir.Invalid, Want: "from is missing"},
		{Name: "from is no pointer", Patch: `[{"op":"move","from":"a","path":"/b"}]`, Kind: fhir.Invalid, Want: "from is no JSON Pointer"},
		{Name: "move into itself", Patch: `[{"op":"move","from":"/a","path":"/a/b"}]`, Kind: fhir.Invalid, Want: "into itself"},
		{Name: "op twice", Patch: `[{"op":"add","path":"/b","value":1,"op":"remove"}]`, Kind: fhir.Invalid, Want: `two members "op"`},
		{Name: "a member twice within a value", Patch: `[{"op":"add","path":"/b","value":[{"x":1,"x":2}]}]`, Kind: fhir.Invalid, Want: `two members "x"`},
		{Name: "a member of the document twice", Doc: `{"a":1,"a":2}`, Patch: `[{"op":"remove","path":"/a"}]`, Kind: fhir.Invalid, Want: `two members "a"`},
		{Name: "malformed after good: nothing applies", Patch: `[{"op":"remove","path":"/zz"},{"op":"?","path":""}]`, Kind: fhir.Invalid, Want: "operation 1"},

		// A patch that can not be applied.
		{Name: "remove nothing", Patch: `[{"op":"remove","path":"/b"}]`, Kind: fhir.Unprocessable, Want: `operation 0 (remove /b): there is no member "b"`},
		{Name: "remove all", Patch: `[{"op":"remove","path":""}]`, Kind: fhir.Unprocessable, Want: "can not be removed"},
		{Name: "replace nothing", Patch: `[{"op":"test","path":"/a","value":1},{"op":"replace","path":"/b","value":1}]`, Kind: fhir.Unprocessable, Want: "operation 1 (replace /b)"},
		{Name: "add to what is not there", Patch: `[{"op":"add","path":"/b/c","value":1}]`, Kind: fhir.Unprocessable, Want: `no member "b"`},
		{Name: "add into a number", Patch: `[{"op":"add","path":"/a/b","value":1}]`, Kind: fhir.Unprocessable, Want: "no members"},
		{Name: "through a string", Doc: `{"a":"xy"}`, Patch: `[{"op":"test","path":"/a/0","value":"x"}]`, Kind: fhir.Unprocessable, Want: "no members"},
		{Name: "add beyond the end", Doc: `[1]`, Patch: `[{"op":"add","path":"/2","value":1}]`, Kind: fhir.Unprocessable, Want: "beyond the end"},
		{Name: "remove beyond the end", Doc: `[1]`, Patch: `[{"op":"remove","path":"/1"}]`, Kind: fhir.Unprocessable, Want: "no item 1 in an array of 1"},
		{Name: "remove -", Doc: `[1]`, Patch: `[{"op":"remove","path":"/-"}]`, Kind: fhir.Unprocessable, Want: "after the last"},
		{Name: "replace -", Doc: `[1]`, Patch: `[{"op":"replace","path":"/-","value":1}]`, Kind: fhir.Unprocessable, Want: "after the last"},
		{Name: "through -", Doc: `[[1]]`, Patch: `[{"op":"add","path":"/-/0","value":1}]`, Kind: fhir.Unprocessable, Want: "after the last"},
		{Name: "copy from -", Doc: `[1]`, Patch: `[{"op":"copy","from":"/-","path":"/0"}]`, Kind: fhir.Unprocessable, Want: "after the last"},
		{Name: "leading zero", Doc: `[1,2]`, Patch: `[{"op":"remove","path":"/01"}]`, Kind: fhir.Unprocessable, Want: "no index"},
		{Name: "double zero", Doc: `[1,2]`, Patch: `[{"op":"add","path":"/00","value":0}]`, Kind: fhir.Unprocessable, Want: "no index"},
		{Name: "negative", Doc: `[1]`, Patch: `[{"op":"add","path":"/-1","value":0}]`, Kind: fhir.Unprocessable, Want: "no index"},
		{Name: "exponent", Doc: `[1,2]`, Patch: `[{"op":"remove","path":"/1e0"}]`, Kind: fhir.Unprocessable, Want: "no index"},
		{Name: "a name in an array", Doc: `[1]`, Patch: `[{"op":"test","path":"/bar","value":1}]`, Kind: fhir.Unprocessable, Want: "no index"},
		{Name: "huge", Doc: `[1]`, Patch: `[{"op":"test","path":"/99999999999999999999","value":1}]`, Kind: fhir.Unprocessable, Want: "no index"},
		{Name: "no name in an array", Doc: `[1]`, Patch: `[{"op":"test","path":"/","value":1}]`, Kind: fhir.Unprocessable, Want: "no index"},
		{Name: "test fails", Patch: `[{"op":"test","path":"/a","value":2}]`, Kind: fhir.Unprocessable, Want: "operation 0 (test /a)"},
		{Name: "test of what is not there", Patch: `[{"op":"test","path":"/b","value":null}]`, Kind: fhir.Unprocessable, Want: "no member"},
		{Name: "a test fails after a change", Patch: `[{"op":"replace","path":"/a","value":2},{"op":"test","path":"/a","value":1}]`, Kind: fhir.Unprocessable, Want: "operation 1"},
		{Name: "move nothing to itself", Patch: `[{"op":"move","from":"/b","path":"/b"}]`, Kind: fhir.Unprocessable, Want: "no member"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			doc := test.Doc
			if doc == "" {
				doc = `{"a":1}`
			}
			got, err := patch.Apply([]byte(doc), []byte(test.Patch), patch.Limits{})
			if err == nil {
				t.Fatalf("%s to %s: got %s, want an error", test.Patch, doc, got)
			}
			if fhir.KindOf(err) != test.Kind || !strings.Contains(err.Error(), test.Want) {
				t.Errorf("%s to %s: got %q (kind %d), want %q (kind %d)", test.Patch, doc, err, fhir.KindOf(err), test.Want, test.Kind)
			}
		})
	}
}

func TestEquality(t *testing.T) {
	tests := []struct {
		A, B string
		Want bool
	}{
		{A: `1`, B: `1`, Want: true},
		{A: `1.0`, B: `1.00`, Want: true},
		{A: `100`, B: `1e2`, Want: true},
		{A: `0.01`, B: `1E-2`, Want: true},
		{A: `120e-1`, B: `12.0`, Want: true},
		{A: `0`, B: `-0.00e5`, Want: true},
		{A: `9007199254740993`, B: `9007199254740992`},
		{A: `0.1`, B: `0.10000000000000000001`},
		{A: `1`, B: `-1`},
		{A: `10`, B: `1`},
		{A: `10`, B: `"10"`},
		{A: `"a"`, B: `"\u0061"`, Want: true},
		{A: `"\ud83d\ude00"`, B: `"😀"`, Want: true},
		{A: `"a"`, B: `"A"`},
		{A: `"\u00e9"`, B: `"e\u0301"`},
		{A: `true`, B: `true`, Want: true},
		{A: `true`, B: `false`},
		{A: `null`, B: `null`, Want: true},
		{A: `null`, B: `false`},
		{A: `[]`, B: `{}`},
		{A: `[]`, B: `null`},
		{A: `[1,[2]]`, B: `[ 1.0, [2e0] ]`, Want: true},
		{A: `[1,2]`, B: `[2,1]`},
		{A: `[1]`, B: `[1,1]`},
		{A: `{"a":1,"b":{"c":[]}}`, B: `{"b":{"c":[]},"a":1}`, Want: true},
		{A: `{"a":1}`, B: `{"a":1,"b":2}`},
		{A: `{"a":1}`, B: `{"b":1}`},
		{A: `{"a":null}`, B: `{}`},
	}
	for _, test := range tests {
		for _, pair := range [][2]string{{test.A, test.B}, {test.B, test.A}} {
			_, err := patch.Apply([]byte(pair[0]), fmt.Appendf(nil, `[{"op":"test","path":"","value":%s}]`, pair[1]), patch.Limits{})
			if got := err == nil; got != test.Want {
				t.Errorf("%s equals %s: got %v (%v), want %v", pair[0], pair[1], got, err, test.Want)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	remove := `{"op":"test","path":"","value":[]}`
	many := func(n int) []byte { return []byte("[" + strings.Repeat(remove+",", n-1) + remove + "]") }
	if _, err := patch.Apply([]byte(`[]`), many(100), patch.Limits{}); err != nil {
		t.Errorf("100 operations: %v", err)
	}
	if _, err := patch.Apply([]byte(`[]`), many(101), patch.Limits{}); fhir.KindOf(err) != fhir.TooLarge {
		t.Errorf("101 operations: got %v, want TooLarge", err)
	}
	if _, err := patch.Apply([]byte(`[]`), many(4), patch.Limits{Operations: 3}); fhir.KindOf(err) != fhir.TooLarge {
		t.Errorf("4 operations of 3: got %v, want TooLarge", err)
	}
	double := `{"op":"copy","from":"","path":"/-"}`
	bomb := []byte("[" + strings.Repeat(double+",", 99) + double + "]")
	if _, err := patch.Apply([]byte(`["0123456789"]`), bomb, patch.Limits{}); fhir.KindOf(err) != fhir.TooLarge {
		t.Errorf("doubling 100 times: got %v, want TooLarge", err)
	}
	if _, err := patch.Apply([]byte(`["0123456789"]`), []byte(`[]`), patch.Limits{Bytes: 15}); fhir.KindOf(err) != fhir.TooLarge {
		t.Errorf("16 bytes of 15: got %v, want TooLarge", err)
	}
	if _, err := patch.Apply([]byte(`[[1]]`), []byte(`[]`), patch.Limits{JSON: fhir.Limits{Depth: 1}}); fhir.KindOf(err) != fhir.Invalid {
		t.Errorf("depth 2 of 1: got %v, want Invalid", err)
	}
}
