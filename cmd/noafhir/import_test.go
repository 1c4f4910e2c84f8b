package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// invented returns a folder of files to import: of each kind one, and a
// transaction that refers to what comes after it.
func invented(t *testing.T) string {
	t.Helper()
	var lines strings.Builder
	for i := range 30 {
		fmt.Fprintf(&lines, `{"resourceType":"Observation","id":"o%d","status":"final","code":{"text":"FSH"},"subject":{"reference":"Patient/ann"},"valueQuantity":{"value":%d.10,"unit":"IU/L"}}`+"\n", i, i)
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, lines.String())
	z.Close()
	files := map[string]string{
		"0-refers-ahead.json": `{"resourceType":"Bundle","type":"transaction","entry":[
			{"fullUrl":"urn:uuid:8d2f0a3c-0000-4000-8000-000000000001","resource":{"resourceType":"Patient","name":[{"family":"Poe"}],
				"generalPractitioner":[{"reference":"Practitioner?identifier=urn:npi|77"}]},"request":{"method":"POST","url":"Patient"}}]}`,
		"1-batch.json": `{"resourceType":"Bundle","type":"batch","entry":[
			{"resource":{"resourceType":"Practitioner","identifier":[{"system":"urn:npi","value":"77"}]},
				"request":{"method":"POST","url":"Practitioner","ifNoneExist":"identifier=urn:npi|77"}}]}`,
		"2-patient.xml":            `<Patient xmlns="http://hl7.org/fhir"><id value="ann"/><birthDate value="1980-05"/></Patient>`,
		"deeper/3-lines.ndjson.gz": zipped.String(),
		"deeper/4-collection.json": `{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Organization","id":"lab","name":"Lab"}}]}`,
		"deeper/README.md":         "# not a resource",
	}
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// exported returns the lines of each file of an export of a store.
func exported(t *testing.T, store string, args ...string) map[string][]string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "out")
	if code, _, errs := runHere(t, nil, append([]string{"export", "--store", store, "--out", out}, args...)...); code != 0 {
		t.Fatalf("export: exit code %d, %s", code, errs)
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(out, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
		slices.Sort(lines)
		files[e.Name()] = lines
	}
	return files
}

func TestImportAndExport(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		needTransactions(t, store)
		testImportAndExport(t, store)
	})
}

func testImportAndExport(t *testing.T, store string) {
	dir := invented(t)
	code, out, errs := runHere(t, nil, "import", "--store", store, dir)
	if code != 0 || !strings.Contains(out, "loaded 34 resources") || !strings.Contains(out, " 0 errors") {
		t.Fatalf("got exit code %d, %s%s", code, out, errs)
	}
	if !strings.Contains(errs, "README.md is neither") {
		t.Errorf("does not tell what was passed over: %s", errs)
	}
	files := exported(t, store)
	for name, want := range map[string]int{"Patient.ndjson": 2, "Practitioner.ndjson": 1, "Observation.ndjson": 30, "Organization.ndjson": 1} {
		if len(files[name]) != want {
			t.Errorf("%s: got %d lines, want %d", name, len(files[name]), want)
		}
	}
	if len(files) != 4 {
		t.Errorf("got %d files, want 4", len(files))
	}
	if all := strings.Join(files["Observation.ndjson"], ""); !strings.Contains(all, `"value":6.10`) {
		t.Error("6.10 is not what it was")
	}
	if all := strings.Join(files["Patient.ndjson"], ""); !strings.Contains(all, `"reference":"Practitioner/`) {
		t.Errorf("the conditional reference was not resolved: %s", all)
	}
	if files = exported(t, store, "--type", "Patient,Organization", "--gzip"); len(files) != 2 || files["Patient.ndjson.gz"] == nil {
		t.Errorf("got %d files of two types", len(files))
	}
}

func TestReindex(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		needTransactions(t, store)
		testReindex(t, store)
	})
}

func testReindex(t *testing.T, store string) {
	dir := invented(t)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"import", "--store", store, dir}, "loaded 34 resources"},
		{[]string{"reindex", "--store", store}, "indexed 34 resources"},
	} {
		if code, out, errs := runHere(t, nil, test.args...); code != 0 || !strings.Contains(out, test.want) {
			t.Errorf("%v: got exit code %d, %s%s", test.args, code, out, errs)
		}
	}
	s := serveHere(t, "--store", store)
	if status, body := s.get(t, "/fhir/Practitioner?identifier=urn:npi%7C77"); status != 200 || strings.Count(body, `"fullUrl"`) != 1 {
		t.Errorf("got %d, %s", status, body)
	}
}

// TestExportIsImport takes resources from one store to another and wants them
// unchanged but for their versions.
func TestExportIsImport(t *testing.T) {
	dir, first, second := invented(t), storeIn(t.TempDir()), storeIn(t.TempDir())
	out := filepath.Join(t.TempDir(), "out")
	for _, args := range [][]string{
		{"import", "--store", first, dir},
		{"export", "--store", first, "--out", out, "--gzip"},
		{"import", "--store", second, out},
	} {
		if code, _, errs := runHere(t, nil, args...); code != 0 {
			t.Fatalf("%v: exit code %d, %s", args, code, errs)
		}
	}
	a, b := exported(t, first), exported(t, second)
	for name := range a {
		if len(a[name]) != len(b[name]) {
			t.Errorf("%s: %d lines became %d", name, len(a[name]), len(b[name]))
		}
		for i := range min(len(a[name]), len(b[name])) {
			if x, y := withoutMeta(a[name][i]), withoutMeta(b[name][i]); x != y {
				t.Errorf("%s became %s", x, y)
			}
		}
	}
}

// withoutMeta cuts the meta of one of our own resources out.
func withoutMeta(line string) string {
	before, rest, _ := strings.Cut(line, `,"meta":{`)
	_, after, _ := strings.Cut(rest, "}")
	return before + after
}

func TestImportFailures(t *testing.T) {
	dir := invented(t)
	if err := os.WriteFile(filepath.Join(dir, "bad.ndjson"), []byte(`{"resourceType":"Patient","id":"fine"}
{"resourceType":"Patient","id":"bad","birthdate":"1980"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	store, report := storeIn(t.TempDir()), filepath.Join(t.TempDir(), "report")
	code, out, errs := runHere(t, nil, "import", "--store", store, "--report", report, dir)
	if code != 1 || !strings.Contains(out, "loaded 35 resources") || !strings.Contains(out, "1 errors") || !strings.Contains(errs, "bad.ndjson:2: ") {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
	data, err := os.ReadFile(report)
	if err != nil || strings.Count(string(data), "\n") != 1 || !strings.Contains(string(data), `"line":2`) || !strings.Contains(string(data), "birthdate") {
		t.Errorf("got report %s, %v", data, err)
	}
}

// TestImportResume begins with an import that is interrupted before it has done
// anything, and goes on with its journal.
func TestImportResume(t *testing.T) {
	overStores(t, func(t *testing.T, store string) {
		needTransactions(t, store)
		testImportResume(t, store)
	})
}

func testImportResume(t *testing.T, store string) {
	dir, journal := invented(t), filepath.Join(t.TempDir(), "journal")
	args := []string{"import", "--store", store, "--resume", journal, dir}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var errs bytes.Buffer
	if code := run(ended, args, os.Getenv, &errs, &errs); code != 1 || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("got exit code %d, %s", code, &errs)
	}
	for i, want := range []string{"loaded 34 resources", "loaded 0 resources"} {
		code, out, errs := runHere(t, nil, args...)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("round %d: got exit code %d, %s%s", i, code, out, errs)
		}
	}
}

func TestImportIntoServer(t *testing.T) {
	dir := invented(t)
	s := serveHere(t, "--store", storeIn(t.TempDir()))
	code, out, errs := runHere(t, nil, "import", "--server", s.Base, dir)
	if code != 0 || !strings.Contains(out, "loaded 34 resources") {
		t.Errorf("got exit code %d, %s%s", code, out, errs)
	}
	if status, body := s.get(t, "/fhir/Observation/o7"); status != 200 || !strings.Contains(body, "7.10") {
		t.Errorf("got %d, %s", status, body)
	}
}

func TestExportRefuses(t *testing.T) {
	dir, st := invented(t), storeIn(t.TempDir())
	if code, _, errs := runHere(t, nil, "import", "--store", st, dir); code != 0 {
		t.Fatalf("import: exit code %d, %s", code, errs)
	}
	code, _, errs := runHere(t, nil, "export", "--store", st, "--out", dir)
	if code != 1 || !strings.Contains(errs, "is not empty") {
		t.Errorf("got exit code %d, %s", code, errs)
	}
}
