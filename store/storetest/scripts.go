package storetest

import (
	"context"
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

//go:embed testdata/*.txt
var scriptFiles embed.FS

// scripts runs the search scripts, each on a store of its own.
func scripts(s *suite) {
	files, err := fs.Glob(scriptFiles, "testdata/*.txt")
	if err != nil || len(files) == 0 {
		s.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		text, err := scriptFiles.ReadFile(file)
		if err != nil {
			s.Fatal(err)
		}
		s.T.Run(strings.TrimSuffix(path.Base(file), ".txt"), func(t *testing.T) {
			runScript(&suite{t, s.reg, s.open}, string(text))
		})
	}
}

// runScript runs the lines of a script:
//
//	# a comment
//	put JSON            stores a resource that has an id
//	delete Type/id      deletes it
//	find Type?query     has to find what stands indented below it, in that order,
//	    Type/id         and to count as many
//	    + Type/id       beside them, what is included, in any order
//	refuse Type?query   must not be a query
func runScript(s *suite, script string) {
	st := s.fresh()
	lines := strings.Split(script, "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		verb, rest, _ := strings.Cut(line, " ")
		switch verb {
		case "", "#":
		case "put":
			st.put(rest)
		case "delete":
			st.remove(rest)
		case "find":
			var want, beside []string
			for i+1 < len(lines) && strings.HasPrefix(lines[i+1], "    ") {
				i++
				if name, included := strings.CutPrefix(strings.TrimSpace(lines[i]), "+ "); included {
					beside = append(beside, name)
				} else {
					want = append(want, strings.TrimSpace(lines[i]))
				}
			}
			st.scriptFind(rest, want)
			st.scriptInclude(rest, beside)
		case "refuse":
			if _, err := st.tryQuery(rest); err == nil {
				s.Errorf("%s is accepted", rest)
			} else if kind := fhir.KindOf(err); kind == fhir.Internal {
				s.Errorf("%s: %v", rest, err)
			}
		default:
			s.Fatalf("line %d: %q is no command", i+1, line)
		}
	}
}

// scriptFind checks a search, in one page and in pages of two.
func (s *trial) scriptFind(text string, want []string) {
	s.Helper()
	q, err := s.tryQuery(text)
	if err != nil {
		s.Errorf("%s: %v", text, err)
		return
	}
	for _, count := range []int{1000, 2} {
		q.Count = count
		if got := s.walk(s, all, q); !slices.Equal(got, want) {
			s.Errorf("%s by pages of %d finds\n%v, want\n%v", text, count, got, want)
			return
		}
	}
	s.wantTotal(s.Store, all, q, text, int64(len(want)))
}

// scriptInclude checks what a search includes beside its matches.
func (s *trial) scriptInclude(text string, want []string) {
	s.Helper()
	q, err := s.tryQuery(text)
	if err != nil || q.Includes == nil {
		return
	}
	q.Count = 1000
	page, err := s.Search(context.Background(), all, q)
	if err != nil {
		s.Errorf("%s: %v", text, err)
		return
	}
	found, err := store.Include(context.Background(), s, s.reg, all, q.Includes, page.Versions)
	got := names(found.Versions)
	slices.Sort(got)
	slices.Sort(want)
	if err != nil || !slices.Equal(got, want) {
		s.Errorf("%s includes %v, want %v (error %v)", text, got, want, err)
	}
}
