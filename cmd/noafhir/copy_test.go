package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
)

// TestCopy copies a store with history, deletions and a search parameter of its
// own, and serves the copy.
func TestCopy(t *testing.T) {
	from, to := storeIn(t.TempDir()), storeIn(t.TempDir())
	s := serveHere(t, "--store", from)
	for _, w := range []struct{ method, path, body string }{
		{"PUT", "/fhir/Patient/ann", `{"resourceType":"Patient","id":"ann","name":[{"prefix":["Dr"],"family":"Poe"}]}`},
		{"PUT", "/fhir/Patient/ann", `{"resourceType":"Patient","id":"ann","name":[{"prefix":["Dr"],"family":"Roe"}]}`},
		{"PUT", "/fhir/Patient/bob", `{"resourceType":"Patient","id":"bob"}`},
		{"DELETE", "/fhir/Patient/bob", ""},
		{"PUT", "/fhir/SearchParameter/prefix", `{"resourceType":"SearchParameter","id":"prefix","url":"http://example.org/prefix","name":"prefix","status":"active",
			"description":"d","code":"name-prefix","base":["Patient"],"type":"string","expression":"Patient.name.prefix"}`},
	} {
		if status, body := s.send(t, w.method, w.path, w.body); status >= 300 {
			t.Fatalf("%s %s: got %d, %s", w.method, w.path, status, body)
		}
	}
	_, history := s.get(t, "/fhir/_history")

	args := []string{"copy", "--from", from, "--to", to}
	if code, _, errs := runHere(t, nil, args...); code != 1 || !strings.Contains(errs, "has it open") {
		t.Errorf("a store that is served: got exit code %d, %s", code, errs)
	}
	s.stop(os.Interrupt)
	s.wait()

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code := run(ended, args, os.Getenv, &out, &out); code != 1 || !strings.Contains(out.String(), "interrupted") {
		t.Errorf("interrupted: got exit code %d, %s", code, &out)
	}
	if code, out, errs := runHere(t, nil, args...); code != 0 || !strings.Contains(out, "the copy is complete: 2 resources of 2 types, 1 deleted ones, 5 versions") {
		t.Fatalf("got exit code %d, %s%s", code, out, errs)
	}

	s = serveHere(t, "--store", to)
	_, copied := s.get(t, "/fhir/_history")
	if got, want := entriesOf(copied), entriesOf(history); got != want {
		t.Errorf("the history became %s\nwas %s", got, want)
	}
	if got := all(t, s, "/fhir/Patient?name-prefix=dr"); len(got) != 1 {
		t.Errorf("the search parameter finds %v", got)
	}
	if status, _ := s.get(t, "/fhir/Patient/bob"); status != 410 {
		t.Errorf("what was deleted is %d", status)
	}
	if status, body := s.send(t, "PUT", "/fhir/Patient/bob", `{"resourceType":"Patient","id":"bob"}`); status != 201 || !strings.Contains(body, `"versionId":"3"`) {
		t.Errorf("got %d, %s", status, body)
	}
	s.stop(os.Interrupt)
	s.wait()
	verify(t, to)
	if code, _, errs := runHere(t, nil, args...); code != 3 || !strings.Contains(errs, "first, Patient/bob version 3 is in the copy only") {
		t.Errorf("copied again: got exit code %d, %s", code, errs)
	}
}

// entriesOf returns the entries of a Bundle, without the address of the server.
func entriesOf(bundle string) string {
	_, rest, _ := strings.Cut(bundle, `"entry":`)
	_, address, _ := strings.Cut(rest, `"fullUrl":"`)
	address, _, _ = strings.Cut(address, "/fhir/")
	return strings.ReplaceAll(rest, address, "")
}

func TestCopyRefuses(t *testing.T) {
	full, other := storeIn(t.TempDir()), storeIn(t.TempDir())
	for _, st := range []string{full, other} {
		if code, _, errs := runHere(t, nil, "import", "--store", st, write(t, "p.json", `{"resourceType":"Patient","id":"a"}`)); code != 0 {
			t.Fatalf("import: exit code %d, %s", code, errs)
		}
	}
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "--from: must name a store"},
		{[]string{"--from", full}, 2, "--to: must name a store"},
		{[]string{"--from", full, "--to", full}, 2, "must not be the same"},
		{[]string{"--from", "file:x", "--to", "sqlite:"}, 2, "--to: sqlite: needs a path"},
		{[]string{"--from", storeIn(t.TempDir()), "--to", storeIn(t.TempDir())}, 1, "there is no store"},
		{[]string{"--from", full, "--to", other}, 1, "it is not empty"},
	} {
		if code, out, errs := runHere(t, nil, append([]string{"copy"}, test.args...)...); code != test.code || !strings.Contains(errs, test.want) {
			t.Errorf("%v: got exit code %d, %s%s, want %d and %s", test.args, code, out, errs, test.code, test.want)
		}
	}
}

// TestServeUnfinishedCopy refuses to serve half a copy.
func TestServeUnfinishedCopy(t *testing.T) {
	from, to := storeIn(t.TempDir()), storeIn(t.TempDir())
	if code, _, errs := runHere(t, nil, "import", "--store", from, write(t, "p.json", `{"resourceType":"Patient","id":"a"}`)); code != 0 {
		t.Fatalf("import: exit code %d, %s", code, errs)
	}
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		t.Fatal(err)
	}
	c := settings{}
	st, err := c.openArchive(t.Context(), to, defs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Restore(t.Context(), "some store"); err != nil {
		t.Fatal(err)
	}
	st.Close()
	if code, _, errs := runHere(t, nil, "serve", "--store", to); code != 1 || !strings.Contains(errs, "unfinished copy") {
		t.Errorf("got exit code %d, %s", code, errs)
	}
	if code, _, errs := runHere(t, nil, "copy", "--from", from, "--to", to); code != 1 || !strings.Contains(errs, "copy of another store") {
		t.Errorf("got exit code %d, %s", code, errs)
	}
}
