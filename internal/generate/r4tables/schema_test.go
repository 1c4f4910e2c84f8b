package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

// TestTypes checks the rows of the types in testdata/package.
func TestTypes(t *testing.T) {
	s := testSchema(t)
	for _, tt := range []struct {
		name string // what it shows
		typ  string
		want string
	}{
		{"a choice is a row per type, bound where it can be; a target Resource is any", "Survey", `
			Survey: Resource 1
			id: id 4
			contained: Resource 1
			status: code 14 bound r http://example.org/ValueSet/status|1 of http://example.org/CodeSystem/status
			about: Reference 0
			answerBoolean of answer: boolean 2
			answerCode of answer: code 2 bound e http://example.org/ValueSet/mixed of 
			answerReference of answer: Reference 2 to Page,Survey
			item: Survey.item 1`},
		{"a content reference leads back to the type; no value set, no binding", "Survey.item", `
			Survey.item: BackboneElement 3
			id: string 16
			extension: Extension 1
			text: string 2
			item: Survey.item 1`},
		{"a type defined by a FHIRPath type has the FHIR type", "Extension", `
			Extension: Element 2
			id: string 16
			extension: Extension 1
			url: uri 18`},
		{"the value of a primitive is no member", "code", `
			code: string 4
			id: string 16
			extension: Extension 1`},
		{"what is forbidden is left out", "xhtml", `
			xhtml: Element 4
			id: string 16`},
		{"a root has no base", "Resource", `
			Resource:  1 abstract
			id: id 4`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.ReplaceAll(strings.TrimPrefix(tt.want, "\n"), "\t", "")
			if got := describe(s, s.TypeByName(tt.typ)); got != want {
				t.Errorf("%s is\n%s\nwant\n%s", tt.typ, got, want)
			}
		})
	}
	for _, name := range []string{"Form", "strict-survey"} {
		if s.TypeByName(name) != 0 {
			t.Errorf("%s is a type, want none: only resources and data types have instances", name)
		}
	}
	if !slices.IsSortedFunc(s.Types, func(a, b fhir.TypeDef) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("types are not sorted by name")
	}
	if n := len(s.TargetSets); n != 2 {
		t.Errorf("%d target sets, want 2: the order of targets makes no difference", n)
	}
}

// describe returns a type and its elements, a line each.
func describe(s *fhir.Schema, id fhir.TypeID) string {
	d := s.Types[id]
	lines := []string{fmt.Sprintf("%s: %s %d", d.Name, s.Types[d.Base].Name, d.Kind)}
	if d.Abstract {
		lines[0] += " abstract"
	}
	for _, e := range s.ElementsOf(id) {
		line := e.Name
		if e.Choice != "" {
			line += " of " + e.Choice
		}
		line += fmt.Sprintf(": %s %d", s.Types[e.Type].Name, e.Flags)
		if e.Targets != 0 {
			line += " to " + strings.Join(s.TargetSets[e.Targets], ",")
		}
		if b := s.Bindings[e.Binding]; e.Binding != 0 {
			line += fmt.Sprintf(" bound %c %s of %s", b.Strength, b.ValueSet, b.System)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

func TestSearchParams(t *testing.T) {
	var got []string
	for _, p := range testSchema(t).SearchParams {
		got = append(got, fmt.Sprintf("%s %s of %v at %q to %v by %v", p.Code, p.Type, p.Base, p.Expression, p.Target, p.Component))
	}
	want := []string{
		`about reference of [Survey] at "Survey.about" to [Page Survey] by []`, // not An-example's
		`mood token of [Survey] at "" to [] by []`,                             // base by its ID
		`status-mood composite of [Survey] at "Survey" to [] by [{http://example.org/SearchParameter/survey-extensions-Survey-mood mood}]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("search parameters are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestCompartmentsAndOperations(t *testing.T) {
	s := testSchema(t)
	if got, want := fmt.Sprint(s.Compartments), "[{Survey [{Survey [about {def}]}]}]"; got != want {
		t.Errorf("compartments are %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(s.Operations), "[{ask http://example.org/OperationDefinition/ask [Survey] true false true false}]"; got != want {
		t.Errorf("operations are %s, want %s", got, want)
	}
}

// TestRefusals checks that a definition we would misread stops the generator.
func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ name, file, content string }{
		{"unknown type", "StructureDefinition-x", `{"type":"X","kind":"resource","snapshot":{"element":[{"path":"X.a","max":"1","type":[{"code":"Y"}]}]}}`},
		{"unknown base", "StructureDefinition-x", `{"type":"X","kind":"resource","baseDefinition":"http://example.org/Y"}`},
		{"unknown content reference", "StructureDefinition-x", `{"type":"X","kind":"resource","snapshot":{"element":[{"path":"X.a","max":"1","contentReference":"#X.b"}]}}`},
		{"no type", "StructureDefinition-x", `{"type":"X","kind":"resource","snapshot":{"element":[{"path":"X.a","max":"1"}]}}`},
		{"two types without a choice", "StructureDefinition-x", `{"type":"X","kind":"resource","snapshot":{"element":[{"path":"X.a","max":"1","type":[{"code":"code"},{"code":"uri"}]}]}}`},
		{"unknown strength", "StructureDefinition-x", `{"type":"X","kind":"resource","snapshot":{"element":[{"path":"X.a","max":"1","type":[{"code":"code"}],"binding":{"strength":"firm","valueSet":"v"}}]}}`},
		{"type defined twice", "StructureDefinition-x", `{"type":"Survey","kind":"resource"}`},
		{"unknown parameter type", "SearchParameter-x", `{"code":"x","type":"colour","base":["Survey"]}`},
		{"parameter without base", "SearchParameter-x", `{"id":"x","code":"x","type":"token"}`},
		{"code taken", "SearchParameter-x", `{"id":"x","version":"4.0.1","code":"about","type":"token","base":["Survey"]}`},
		{"not JSON", "ValueSet-x", `<ValueSet/>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := append(testFiles(t), file{tt.file + ".json", []byte(tt.content)})
			defs, err := readDefinitions(pack(t, files))
			if err == nil {
				_, err = newSchema(defs)
			}
			if err == nil {
				t.Error("accepted, want an error")
			}
		})
	}
}

// TestSameBytes checks that neither chance nor the order of the package shows.
func TestSameBytes(t *testing.T) {
	forward := testFiles(t)
	backward := slices.Clone(forward)
	slices.Reverse(backward)
	a, b := generate(t, forward), generate(t, backward)
	for i := range a {
		if a[i].name != b[i].name || !bytes.Equal(a[i].source, b[i].source) {
			t.Errorf("%s depends on the order of the package", a[i].name)
		}
	}
}

func generate(t *testing.T, files []file) []sourceFile {
	t.Helper()
	defs, err := readDefinitions(pack(t, files))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSchema(defs)
	if err != nil {
		t.Fatal(err)
	}
	sources, err := sourceFiles(s)
	if err != nil {
		t.Fatal(err)
	}
	return sources
}

func testSchema(t *testing.T) *fhir.Schema {
	t.Helper()
	defs, err := readDefinitions(pack(t, testFiles(t)))
	if err != nil {
		t.Fatal(err)
	}
	s, err := newSchema(defs)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type file struct {
	name    string
	content []byte
}

func testFiles(t *testing.T) []file {
	t.Helper()
	paths, err := filepath.Glob("testdata/package/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no test package: %v", err)
	}
	var files []file
	for _, p := range paths {
		content, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file{filepath.Base(p), content})
	}
	return files
}

// pack returns an npm package of the files.
func pack(t *testing.T, files []file) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{Name: "package/" + f.name, Mode: 0o644, Size: int64(len(f.content))}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}
