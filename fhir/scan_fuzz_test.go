package fhir_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

// stricter are the reasons for which [fhir.ScanJSON] refuses what encoding/json
// accepts; each is a limit, or something that FHIR or RFC 8259 §8 warns of.
var stricter = []string{
	"are no characters",
	"nested deeper than", "the JSON has over", "a number has over", "an exponent is over",
	"member names are written in plain ASCII", "half of a surrogate pair", "the NUL character",
	"not valid UTF-8",
}

// FuzzScanJSON compares the scanner with encoding/json: what it accepts is JSON,
// what it refuses is none or breaks one of the stricter rules. And the tree
// covers the whole text and scans to the same again.
func FuzzScanJSON(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0.5e+10,true,false,null,"x\u00e9\ud83d\ude00\n"],"b":{}}`,
		" [ 1 , { \"a\" :\t\"b c\" } ]\r\n", `"\ud800"`, `01`, `1.`, `-`, `[1,]`, `{"a":1,}`, `"\x"`, "\"\x01\"",
		`1e401`, "\"\xff\"", `{"é":1}`, `"\u0000"`, `nul`, `[[[[]]]]`, `"aaaaaaa\"bbbbbbbbb"`, ``, ` `, `1 2`,
	} {
		f.Add([]byte(text))
	}
	limits := fhir.Limits{Depth: 20, Nodes: 1000, NumberDigits: 20}
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := fhir.ScanJSON(text, limits)
		if err != nil {
			clientsFault(t, err)
			if json.Valid(text) && !isStricter(err) {
				t.Fatalf("%q is JSON, but refused: %v", text, err)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%q is no JSON, but accepted", text)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil || !bytes.Equal(compact.Bytes(), tree.Src) {
			t.Fatalf("%q is compacted to %q, want %q (%v)", text, tree.Src, compact.Bytes(), err)
		}
		if again := write(nil, tree.Root()); !bytes.Equal(again, tree.Src) {
			t.Fatalf("%q: the tree says %q", text, again)
		}
		again, err := fhir.ScanJSON(tree.Src, limits)
		if err != nil || len(again.Nodes) != len(tree.Nodes) {
			t.Fatalf("%q: scanned again it is %v (%v)", text, again, err)
		}
		for i := range tree.Nodes {
			if tree.Nodes[i] != again.Nodes[i] {
				t.Fatalf("%q: node %d is %v, scanned again %v", text, i, tree.Nodes[i], again.Nodes[i])
			}
		}
		sameText(t, tree)
	})
}

func isStricter(err error) bool {
	for _, reason := range stricter {
		if strings.Contains(err.Error(), reason) {
			return true
		}
	}
	return false
}

// write writes a value from the parts of its tree.
func write(dst []byte, v fhir.Value) []byte {
	start, end := byte('['), byte(']')
	switch v.Kind() {
	case fhir.ObjectNode:
		start, end = '{', '}'
	case fhir.ArrayNode:
	default:
		return append(dst, v.Raw()...)
	}
	dst = append(dst, start)
	for c := range v.Children {
		if dst[len(dst)-1] != start || c.Index() != v.Index()+1 {
			dst = append(dst, ',')
		}
		if v.Kind() == fhir.ObjectNode {
			dst = append(append(append(dst, '"'), c.Key()...), '"', ':')
		}
		dst = write(dst, c)
	}
	return append(dst, end)
}

// sameText compares the strings of a tree with what encoding/json reads, and
// with themselves quoted again.
func sameText(t *testing.T, tree *fhir.Tree) {
	t.Helper()
	for i := range tree.Nodes {
		v := tree.At(uint32(i))
		if v.Kind() != fhir.StringNode {
			continue
		}
		var want string
		if err := json.Unmarshal(v.Raw(), &want); err != nil || v.Text() != want {
			t.Fatalf("%s: text is %q, want %q (%v)", v.Raw(), v.Text(), want, err)
		}
		quoted := fhir.Quote(want)
		again, err := fhir.ScanJSON([]byte(quoted), fhir.Limits{})
		if strings.ContainsRune(want, 0) {
			continue
		}
		if err != nil || again.Root().Text() != want {
			t.Fatalf("%q: quoted it is %s (%v)", want, quoted, err)
		}
	}
}
