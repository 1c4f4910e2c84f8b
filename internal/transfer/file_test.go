package transfer

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.String()
}

// put writes files into a new folder and returns it.
func put(t *testing.T, files map[string]string) string {
	t.Helper()
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

func find(t *testing.T, paths ...string) []*File {
	t.Helper()
	files, err := Find(paths)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

var codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})

func TestItems(t *testing.T) {
	const a, b = `{"resourceType":"Patient","id":"a"}`, `{"resourceType":"Patient","id":"b"}`
	pretty := "{\n  \"resourceType\": \"Patient\",\n  \"id\": \"a\"\n}\n"
	tests := []struct {
		Name string
		File string
		Text string
		Want []string // line:text; !line for a failure
		Err  string
	}{
		{Name: "one line", Text: a, Want: []string{"1:" + a}},
		{Name: "one line, ended", Text: a + "\n", Want: []string{"1:" + a}},
		{Name: "many lines", Text: pretty, Want: []string{"1:" + pretty}},
		{Name: "mark and blanks first", Text: "\xEF\xBB\xBF \r\n" + a, Want: []string{"1:" + a}},
		{Name: "NDJSON by content", Text: a + "\n" + b, Want: []string{"1:" + a, "2:" + b}},
		{Name: "NDJSON with empty lines", Text: a + "\r\n\n" + b + "\n\n", Want: []string{"1:" + a + "\r", "3:" + b}},
		{Name: "NDJSON by name, first line broken", File: "x.ndjson", Text: "{\n" + b + "\n", Want: []string{"1:{", "2:" + b}},
		{Name: "NDJSON by name, one line", File: "x.NDJSON.gz", Text: a, Want: []string{"1:" + a}},
		{Name: "gzip whatever its name", File: "x.json", Text: zipped(a + "\n" + b + "\n"), Want: []string{"1:" + a, "2:" + b}},
		{Name: "XML", File: "x.json", Text: `<?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"><id value="a"/></Patient>`, Want: []string{"1:" + a}},
		{Name: "empty", Text: "", Err: "is empty"},
		{Name: "blank", Text: " \n", Err: "is empty"},
		{Name: "prose", Text: "# Read me", Err: "is neither"},
		{Name: "an array", Text: "[" + a + "]", Err: "is neither"},
		{Name: "cut gzip", Text: zipped(strings.Repeat(a+"\n", 100))[:60], Err: "unexpected EOF"},
		{Name: "no gzip", Text: "\x1f\x8b", Err: "gzip"},
		{Name: "bad XML", Text: "<html></html>", Err: "html"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			name := test.File
			if name == "" {
				name = "x"
			}
			dir := put(t, map[string]string{name: test.Text})
			var got []string
			r := &reader{codec: codec, read: func(int) {}, skip: (*Journal)(nil).has}
			err := r.items(find(t, dir)[0],
				func(it item) bool { got = append(got, digits(it.line)+":"+string(it.json)); return true },
				func(line int, err error) { got = append(got, "!"+digits(line)) })
			if test.Err != "" {
				if err == nil || !strings.Contains(err.Error(), test.Err) {
					t.Errorf("got %q, %v; want error %q", got, err, test.Err)
				}
				return
			}
			if err != nil || strings.Join(got, "\x00") != strings.Join(test.Want, "\x00") {
				t.Errorf("got %q, %v; want %q", got, err, test.Want)
			}
		})
	}
}

func digits(n int) string { return Thousands(n) }

func TestFind(t *testing.T) {
	dir := put(t, map[string]string{"b.json": "", "a/2.json": "", "a/1.json.gz": "", ".hidden/x.json": "", "a/.x.json": "", "0-first": ""})
	var got []string
	for _, f := range find(t, dir, filepath.Join(dir, "b.json")) {
		rel, _ := filepath.Rel(dir, f.Path)
		if f.Found {
			rel += "*"
		}
		got = append(got, rel)
	}
	want := "0-first* a/1.json.gz* a/2.json* b.json* b.json"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	if _, err := Find([]string{filepath.Join(dir, "absent")}); err == nil {
		t.Error("found what is not there")
	}
}

func FuzzItems(f *testing.F) {
	f.Add("x.json", `{"resourceType":"Patient"}`)
	f.Add("x.ndjson", "{}\n\n{}")
	f.Add("x", zipped("{}\n{}"))
	path := filepath.Join(f.TempDir(), "x")
	f.Fuzz(func(t *testing.T, name, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		last := 0
		r := &reader{codec: codec, read: func(int) {}, skip: (*Journal)(nil).has}
		g := &gatherer{most: 2, mostBytes: 1000, emit: func(u *unit) bool {
			if _, err := fhir.ScanJSON(u.bundle(), anyNumber); err != nil {
				t.Errorf("made no JSON: %v", err)
			}
			return true
		}, fail: func(place, error) {}}
		_ = r.items(&File{Path: path}, func(it item) bool {
			if it.line <= last {
				t.Errorf("line %d after %d", it.line, last)
			}
			last = it.line
			return g.add(it)
		}, func(int, error) {})
		g.flush()
	})
}
