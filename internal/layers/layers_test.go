package layers

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/noafhir/noafhir"

// A row says what a package may import of ours.
type row struct {
	Package string // a folder, or a pattern of [path.Match]
	Imports []string
}

// vocabulary is what everything above the database is written in.
var vocabulary = []string{"fhir", "fhir/r4", "fhir/fhirpath", "fhir/search", "fhir/terminology", "fhir/validate", "fhir/patch", "fhir/statistics"}

// table is the one of docs/architecture.md, lowest package first.
var table = []row{
	{"fhir", nil},
	{"fhir/r4", []string{"fhir"}},
	{"internal/generate/*", []string{"fhir"}},
	{"fhir/fhirpath", []string{"fhir", "fhir/r4"}},
	{"fhir/search", []string{"fhir", "fhir/r4", "fhir/fhirpath"}},
	{"fhir/terminology", []string{"fhir", "fhir/r4"}},
	{"fhir/validate", []string{"fhir", "fhir/r4", "fhir/fhirpath", "fhir/terminology"}},
	{"fhir/patch", []string{"fhir", "fhir/fhirpath"}},
	{"fhir/statistics", nil},
	{"store", []string{"fhir", "fhir/search"}},
	{"store/custom", []string{"fhir", "fhir/search"}},
	{"store/ordering", []string{"store", "fhir", "fhir/search"}},
	{"store/storetest", []string{"store", "fhir", "fhir/r4", "fhir/fhirpath", "fhir/search"}},
	{"store/sqlite", []string{"store", "store/ordering", "store/custom", "fhir", "fhir/search"}},
	{"store/mongodb", []string{"store", "store/ordering", "store/custom", "fhir", "fhir/search"}},
	{"store/mongodb/mongotest", nil},
	{"auth", []string{"fhir", "fhir/search", "store"}},
	{"auth/smart", []string{"auth", "store"}},
	{"profiles/demo", nil},
	{"mappings", []string{"fhir"}},
	{"mappings/*", []string{"mappings", "fhir", "fhir/terminology"}},
	{"profiles", append([]string{"profiles/demo", "mappings"}, vocabulary...)},
	{"bulk", []string{"fhir", "fhir/search", "store", "auth"}},
	{"handlers", append([]string{"store", "auth", "auth/smart", "profiles", "mappings", "mappings/*", "bulk"}, vocabulary...)},
	{"web", nil},
	{"internal/config", nil},
	{"internal/metrics", nil},
	{"internal/transfer", []string{"fhir", "fhir/search", "store"}},
	{"cmd/noafhir", []string{"*"}},
	{"internal/bench", []string{"*"}},
	{"internal/layers", nil},
}

func TestImports(t *testing.T) {
	imports, err := importsBelow("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(imports) < 2 {
		t.Fatalf("found the packages %v only: is this the right folder?", imports)
	}
	for _, wrong := range violations(imports) {
		t.Error(wrong)
	}
}

// TestTableGoesDown keeps the table itself free of cycles.
func TestTableGoesDown(t *testing.T) {
	seen := map[string]bool{"*": true}
	for _, r := range table {
		for _, p := range r.Imports {
			if !seen[p] {
				t.Errorf("the row of %s allows %s, which is not a row above it", r.Package, p)
			}
		}
		seen[r.Package] = true
	}
}

func TestViolations(t *testing.T) {
	tests := []struct {
		Name    string
		Package string
		Import  string
		Want    string
	}{
		{Name: "down", Package: "store", Import: "fhir/search"},
		{Name: "a pattern", Package: "mappings/hl7v2", Import: "fhir/terminology"},
		{Name: "through a pattern", Package: "handlers", Import: "mappings/hl7v2"},
		{Name: "anything", Package: "cmd/noafhir", Import: "store/sqlite"},
		{Name: "up", Package: "fhir", Import: "store", Want: "fhir must not import store"},
		{Name: "a database in a handler", Package: "handlers", Import: "store/sqlite", Want: "handlers must not import store/sqlite"},
		{Name: "no row", Package: "fhir/util", Import: "fhir", Want: "fhir/util has no row"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			got := strings.Join(violations(map[string][]string{test.Package: {test.Import}}), "\n")
			if (test.Want == "") != (got == "") || !strings.Contains(got, test.Want) {
				t.Errorf("%s importing %s: got %q, want %q", test.Package, test.Import, got, test.Want)
			}
		})
	}
}

// violations returns a sentence for each import that the table does not allow.
func violations(imports map[string][]string) []string {
	var out []string
	for pkg, list := range imports {
		i := slices.IndexFunc(table, func(r row) bool { return matches(r.Package, pkg) })
		if i < 0 {
			out = append(out, pkg+" has no row in the table of internal/layers: add one there and in docs/architecture.md")
			continue
		}
		for _, imported := range list {
			if !slices.ContainsFunc(table[i].Imports, func(p string) bool { return p == "*" || matches(p, imported) }) {
				out = append(out, fmt.Sprintf("%s must not import %s: docs/architecture.md allows it only %v", pkg, imported, table[i].Imports))
			}
		}
	}
	slices.Sort(out)
	return out
}

func matches(pattern, pkg string) bool {
	ok, err := path.Match(pattern, pkg)
	return err == nil && ok
}

// importsBelow returns our own imports of each package below a folder. Tests
// are left out: they may import what they like.
func importsBelow(root string) (map[string][]string, error) {
	imports := map[string][]string{}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && skipped(entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(name))
		if err != nil {
			return err
		}
		list, err := ourImports(name)
		pkg := filepath.ToSlash(folder)
		imports[pkg] = append(imports[pkg], list...)
		return err
	})
	return imports, err
}

// skipped reports whether the go command, too, passes over a folder.
func skipped(name string) bool {
	return name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

// ourImports returns the packages of this module that a file imports.
func ourImports(name string) ([]string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		if pkg, ours := strings.CutPrefix(imported, module+"/"); ours {
			list = append(list, pkg)
		}
	}
	return list, nil
}
