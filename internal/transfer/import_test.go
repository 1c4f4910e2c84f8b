package transfer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

// A fake is a target that knows ids only. A resource of family "bad" is refused;
// "full" for want of space, and one of "needs-x" as long as there is no Patient/x.
type fake struct {
	mu      sync.Mutex
	have    map[string]bool
	bundles []string // type:entries
	before  func(n int) error
}

func (f *fake) Process(_ context.Context, bundle []byte) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	tree, err := fhir.ScanJSON(bundle, fhir.Limits{})
	if err != nil {
		return nil, err
	}
	if f.before != nil {
		if err := f.before(len(f.bundles)); err != nil {
			return nil, err
		}
	}
	typ := tree.Root().Get("type").Text()
	var entries []fhir.Value
	for e := range tree.Root().Get("entry").Children {
		entries = append(entries, e)
	}
	f.bundles = append(f.bundles, fmt.Sprintf("%s:%d", typ, len(entries)))
	if typ == "transaction" {
		for _, e := range entries {
			if err := f.refuse(e); err != nil {
				return nil, err
			}
		}
	}
	out := `{"resourceType":"Bundle","type":"` + typ + `-response","entry":[`
	for i, e := range entries {
		if i > 0 {
			out += ","
		}
		if err := f.refuse(e); err != nil {
			status := "400"
			if fhir.KindOf(err) == fhir.Unavailable {
				status = "503 Service Unavailable"
			}
			out += `{"response":{"status":"` + status + `","outcome":{"resourceType":"OperationOutcome","issue":[{"diagnostics":"` + err.Error() + `"}]}}}`
			continue
		}
		f.have[e.Get("request").Get("url").Text()] = true
		out += `{"response":{"status":"201"}}`
	}
	return []byte(out + `]}`), nil
}

func (f *fake) refuse(entry fhir.Value) error {
	family := entry.Get("resource").Get("name").First().Get("family").Text()
	if need, ok := strings.CutPrefix(family, "needs-"); ok && !f.have["Patient/"+need] {
		return fhir.Errorf(fhir.Invalid, "there is no %s", need)
	}
	if family == "full" {
		return fhir.Errorf(fhir.Unavailable, "the disk is full")
	}
	if family == "bad" {
		return fhir.Errorf(fhir.Invalid, "it is bad")
	}
	return nil
}

func (f *fake) ids() string {
	var list []string
	for url := range f.have {
		list = append(list, strings.TrimPrefix(url, "Patient/"))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// patient returns a resource; no id, no family if empty.
func patient(id, family string) string {
	text := `{"resourceType":"Patient"`
	if id != "" {
		text += `,"id":"` + id + `"`
	}
	if family != "" {
		text += `,"name":[{"family":"` + family + `"}]`
	}
	return text + `}`
}

// bundle returns a Bundle of resources, with requests if it is one to perform.
func bundle(typ string, resources ...string) string {
	var entries []string
	for _, r := range resources {
		tree, _ := fhir.ScanJSON([]byte(r), fhir.Limits{})
		entry := `{"resource":` + r
		if typ == "batch" || typ == "transaction" {
			entry += `,"request":{"method":"PUT","url":"Patient/` + tree.Root().Get("id").Text() + `"}`
		}
		entries = append(entries, entry+`}`)
	}
	return `{"resourceType":"Bundle","type":"` + typ + `","entry":[` + strings.Join(entries, ",") + `]}`
}

func TestImport(t *testing.T) {
	tests := []struct {
		Name     string
		Files    map[string]string
		Most     int
		Batches  bool
		Want     string // ids loaded
		Bundles  string // as they came, if not empty
		Failures []string
	}{
		{Name: "bundles as they are",
			Files: map[string]string{"a": bundle("batch", patient("a", ""), patient("b", "")), "b": bundle("transaction", patient("c", ""))},
			Want:  "a b c", Bundles: "batch:2 transaction:1"},
		{Name: "lines are gathered, over files too",
			Files: map[string]string{"a.ndjson": patient("a", "") + "\n" + patient("b", "") + "\n" + patient("c", ""), "b": patient("d", "")},
			Most:  3, Want: "a b c d", Bundles: "transaction:3 transaction:1"},
		{Name: "without id",
			Files: map[string]string{"a": patient("", "")}, Want: "Patient", Bundles: "transaction:1"},
		{Name: "the same id twice",
			Files: map[string]string{"a.ndjson": patient("a", "") + "\n" + patient("b", "") + "\n" + patient("a", "")},
			Want:  "a b", Bundles: "transaction:2 transaction:1"},
		{Name: "a collection stays together",
			Files: map[string]string{"a": patient("x", ""), "b": bundle("collection", patient("a", ""), patient("b", ""), patient("c", ""))},
			Most:  2, Want: "a b c x", Bundles: "transaction:1 transaction:3"},
		{Name: "a failing batch entry",
			Files: map[string]string{"a": bundle("batch", patient("a", ""), patient("b", "bad"))},
			Want:  "a", Failures: []string{"a:1: entry 2: 400: it is bad"}},
		{Name: "a bad line does not keep out its neighbours",
			Files: map[string]string{"a.ndjson": patient("a", "") + "\n" + patient("b", "bad") + "\n{broken\n" + patient("c", "")},
			Want:  "a c", Failures: []string{"a.ndjson:3: ", "a.ndjson:2: it is bad"}},
		{Name: "Bundles that are resources, as exported",
			Files: map[string]string{"Bundle.ndjson": `{"resourceType":"Bundle","id":"x","type":"document"}` + "\n" + `{"resourceType":"Bundle","id":"y","type":"batch"}`},
			Want:  "Bundle/x Bundle/y", Bundles: "transaction:2"},
		{Name: "a collection is loaded as a whole or not at all",
			Files: map[string]string{"a": bundle("collection", patient("a", ""), patient("b", "bad")), "b": patient("c", "")},
			Want:  "c", Failures: []string{"a:1: it is bad"}},
		{Name: "a failing transaction",
			Files: map[string]string{"a": bundle("transaction", patient("a", ""), patient("b", "bad")), "b": patient("c", "")},
			Want:  "c", Failures: []string{"a:1: it is bad"}},
		{Name: "references that come later",
			Files: map[string]string{
				"1": bundle("transaction", patient("a", "needs-b")),
				"2": bundle("transaction", patient("b", "needs-c")),
				"3": bundle("transaction", patient("c", "")),
				"4": bundle("transaction", patient("d", "needs-nothing")),
				"5": patient("e", "needs-d")},
			Want: "a b c", Failures: []string{"4:1: there is no nothing", "5:1: there is no d"}},
		{Name: "no transactions", Batches: true, Most: 10,
			Files: map[string]string{
				"1.ndjson": patient("a", "") + "\n" + patient("b", "bad") + "\n" + patient("c", "") + "\n",
				"2":        bundle("transaction", patient("d", "")),
				"3":        bundle("collection", patient("e", "")),
				"4":        bundle("batch", patient("f", "bad"), patient("g", "")),
				"5":        patient("h", "")},
			Want: "a c g h", Bundles: "batch:3 batch:2 batch:1",
			Failures: []string{"1.ndjson:2: 400: it is bad", "2:1: it has to be loaded as a whole", "3:1: it has to be loaded as a whole", "4:1: entry 1: 400: it is bad"}},
		{Name: "what is no resource",
			Files: map[string]string{"a": `{"a":1}`, "b": bundle("history", patient("a", "")), "c": "", "README": "# prose"},
			Want:  "", Failures: []string{"a:1: is no FHIR resource", `b:1: a Bundle of type "history"`, "c: is empty"}},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			dir := put(t, test.Files)
			target := &fake{have: map[string]bool{}}
			var failures []string
			var report bytes.Buffer
			loaded, lost := 0, 0
			sum, err := Import(t.Context(), ImportOptions{Files: find(t, dir), Target: target, Codec: codec, Most: test.Most, Batches: test.Batches,
				Report: &report, Failed: func(f Failure) { failures = append(failures, strings.TrimPrefix(f.String(), dir+"/")) },
				Loaded: func(n, m int) { loaded += n; lost += m }})
			if err != nil {
				t.Fatal(err)
			}
			if target.ids() != test.Want {
				t.Errorf("loaded %q, want %q", target.ids(), test.Want)
			}
			if got := strings.Join(target.bundles, " "); test.Bundles != "" && got != test.Bundles {
				t.Errorf("got bundles %s, want %s", got, test.Bundles)
			}
			if sum.Failures != len(test.Failures) || len(failures) != len(test.Failures) || strings.Count(report.String(), "\n") != len(test.Failures) {
				t.Fatalf("got failures %q, report %s, want %q", failures, &report, test.Failures)
			}
			for i, want := range test.Failures {
				if !strings.HasPrefix(failures[i], want) {
					t.Errorf("got failure %q, want %q", failures[i], want)
				}
			}
			if loaded != sum.Resources {
				t.Errorf("told of %d loaded, the summary says %d", loaded, sum.Resources)
			}
		})
	}
}

// TestWorkers loads many files at once; a later version of a resource must not
// be overtaken by an earlier one.
func TestWorkers(t *testing.T) {
	files := map[string]string{}
	for i := range 40 {
		files[fmt.Sprintf("%02d.ndjson", i)] = patient("same", fmt.Sprint(i)) + "\n" + patient(fmt.Sprint("p", i), "") + "\n"
	}
	target := &fake{have: map[string]bool{}}
	sum, err := Import(t.Context(), ImportOptions{Files: find(t, put(t, files)), Target: target, Codec: codec, Workers: 8, Most: 2})
	if err != nil || sum.Resources != 80 || sum.Failures != 0 || len(target.have) != 41 {
		t.Errorf("got %+v, %v and %d resources", sum, err, len(target.have))
	}
}

// TestResume interrupts an import again and again: what is loaded stays loaded
// and is not loaded twice, and what failed is tried again.
func TestResume(t *testing.T) {
	var lines strings.Builder
	for i := range 20 {
		lines.WriteString(patient(fmt.Sprintf("n%02d", i), "") + "\n")
	}
	dir := put(t, map[string]string{"a": bundle("transaction", patient("a", "")), "b.ndjson": lines.String(), "c.ndjson": patient("c", "bad") + "\n"})
	name := filepath.Join(t.TempDir(), "journal")
	have := map[string]bool{}
	total := 0
	for round := 0; ; round++ {
		journal, err := OpenJournal(name, "here")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		target := &fake{have: have, before: func(n int) error {
			if n == 1 && round < 4 {
				cancel() // the bundle that is being performed is seen through
			}
			return nil
		}}
		sum, err := Import(ctx, ImportOptions{Files: find(t, dir), Target: target, Codec: codec, Most: 3, Journal: journal})
		cancel()
		if err := journal.Close(); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		total += sum.Resources
		if !sum.Interrupted {
			if sum.Failures != 1 || round != 4 {
				t.Errorf("got %+v in round %d, want four interruptions and the bad resource told", sum, round)
			}
			break
		}
	}
	if total != 21 || len(have) != 21 {
		t.Errorf("loaded %d resources in all and have %d, want 21", total, len(have))
	}
}

// TestTargetGone wants an import to stop at once, and to forget nothing, when
// nothing can be stored any more.
func TestTargetGone(t *testing.T) {
	for _, first := range []string{patient("a", "full"), bundle("transaction", patient("a", "full")), bundle("batch", patient("x", ""), patient("a", "full"))} {
		target := &fake{have: map[string]bool{}}
		files := map[string]string{"a": first, "b": bundle("transaction", patient("b", "")), "c": patient("c", "")}
		sum, err := Import(t.Context(), ImportOptions{Files: find(t, put(t, files)), Target: target, Codec: codec, Most: 1})
		if err == nil || !strings.Contains(err.Error(), "disk is full") || sum.Resources != 0 || len(target.bundles) != 1 {
			t.Errorf("%.60s: got %v and %+v after %v, want it to stop at once", first, err, sum, target.bundles)
		}
	}
}

func TestJournal(t *testing.T) {
	name := filepath.Join(t.TempDir(), "journal")
	f := &File{Path: "x", Size: 10, absolute: "/x"}
	j, err := OpenJournal(name, "here")
	if err != nil {
		t.Fatal(err)
	}
	places := []place{{file: f, line: 1}, {file: f, line: 2}, {file: f, line: 3}, {file: f, line: 5}}
	if err := j.add(places, map[place]bool{places[1]: true}); err != nil {
		t.Fatal(err)
	}
	if err := j.add([]place{{file: f, line: 4}}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := j.file.WriteString(`{"file":"/x","si`); err != nil { // died while writing
		t.Fatal(err)
	}
	j.Close()
	if j, err = OpenJournal(name, "here"); err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for line, want := range map[int]bool{1: true, 2: false, 3: true, 4: true, 5: true, 6: false} {
		if got := j.has(f, line); got != want {
			t.Errorf("line %d: got %t", line, got)
		}
	}
	if touched := (&File{Size: 10, absolute: "/x", modified: 1}); j.has(touched, 1) {
		t.Error("a file that was written again counts as loaded")
	}
	if _, err := OpenJournal(name, "elsewhere"); err == nil || !strings.Contains(err.Error(), "another store") {
		t.Errorf("the journal of another target: got %v", err)
	}
	if grown := (&File{Size: 11, absolute: "/x"}); j.has(grown, 1) {
		t.Error("a file that has changed counts as loaded")
	}
	if len(j.loaded["/x"]) != 2 {
		t.Errorf("got spans %v, want 1 and 3-5", j.loaded["/x"])
	}
}

func TestJournalOfSomethingElse(t *testing.T) {
	dir := put(t, map[string]string{"x": "# a file of the user's\n"})
	if _, err := OpenJournal(filepath.Join(dir, "x"), "here"); err == nil {
		t.Error("took it for a journal")
	}
	dir = put(t, map[string]string{"x": "no end of line"})
	if _, err := OpenJournal(filepath.Join(dir, "x"), "here"); err == nil {
		t.Error("took text without an end for a journal")
	}
	if text, _ := os.ReadFile(filepath.Join(dir, "x")); string(text) != "no end of line" {
		t.Errorf("the file is now %q", text)
	}
}
