package sqlite_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

const (
	crashFile    = "NOAFHIR_CRASH_TEST_FILE"
	crashRound   = "NOAFHIR_CRASH_TEST_ROUND"
	crashWriters = 8
	groupSize    = 5
)

// TestMain lets the test binary run as the server that is to be killed.
func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		err := writeUntilKilled(path, os.Getenv(crashRound))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestCrash kills a process again and again, at arbitrary moments of writing.
// Each time, everything it was told is stored has to be there, with its history,
// no unit by halves, and the index as the bodies give it.
func TestCrash(t *testing.T) {
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	reg := storetest.NewRegistry(t)
	path := temp(t)
	var told []string
	for round := range rounds {
		told = append(told, killed(t, path, round)...)
		s := openAt(t, path, sqlite.Options{Registry: reg})
		for _, line := range told {
			checkTold(t, s, line)
		}
		checkGroups(t, s, reg)
		if err := s.Verify(ctx); err != nil {
			t.Errorf("after round %d: %v", round, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("after round %d of kill -9, with %d writes acknowledged", round, len(told))
		}
	}
	t.Logf("%d rounds, %d writes acknowledged", rounds, len(told))
}

// killed starts a process that writes, kills it after some acknowledgements, and
// returns these.
func killed(t *testing.T, path string, round int) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashFile+"="+path, fmt.Sprint(crashRound, "=", round))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// Every third process gets time to grow its log and to copy it.
	patience := 1 + rand.IntN(100)
	if round%3 == 2 {
		patience = 500 + rand.IntN(500)
	}
	var lines []string
	in := bufio.NewReader(out)
	for {
		line, err := in.ReadString('\n')
		if err != nil { // what is cut off was not told
			if err != io.EOF || len(lines) < patience {
				t.Errorf("after %d lines: %v", len(lines), err)
			}
			break
		}
		if lines = append(lines, strings.TrimSpace(line)); len(lines) == patience {
			cmd.Process.Kill()
		}
	}
	cmd.Wait()
	return lines
}

// checkTold checks one acknowledgement: key, number, and what made it.
func checkTold(t *testing.T, s *sqlite.Store, line string) {
	t.Helper()
	var typ, id, method string
	var number int64
	if _, err := fmt.Sscan(line, &typ, &id, &number, &method); err != nil {
		t.Fatalf("%q: %v", line, err)
	}
	v, err := s.ReadVersion(ctx, all, fhir.Key{Type: typ, ID: id}, number)
	switch {
	case method == "DELETE" && fhir.KindOf(err) == fhir.Gone:
	case err != nil || v.Method != method:
		t.Errorf("%s: read %+v, %v", line, v, err)
	}
}

// checkGroups checks that of every unit there is all or nothing.
func checkGroups(t *testing.T, s *sqlite.Store, reg *search.Registry) {
	t.Helper()
	q, err := search.Parse(reg, "Group", nil, search.Options{DefaultCount: 1000})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for {
		page, err := s.Search(ctx, all, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			unit, _, _ := strings.Cut(v.Key.ID, ".")
			found[unit]++
		}
		if q.After = page.Next; q.After == nil {
			break
		}
	}
	for unit, n := range found {
		if n != groupSize {
			t.Errorf("unit %s: %d of %d resources are there", unit, n, groupSize)
		}
	}
}

// writeUntilKilled writes from several goroutines and prints what was stored.
func writeUntilKilled(path, round string) error {
	reg, err := search.NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		return err
	}
	// Some processes write as an import does, the index late.
	bulk := strings.HasSuffix(round, "1") || strings.HasSuffix(round, "4") || strings.HasSuffix(round, "8")
	s, err := sqlite.Open(path, sqlite.Options{Registry: reg, Bulk: bulk})
	if err != nil {
		return err
	}
	if bulk {
		sqlite.Tighten(s)
	}
	errs := make(chan error)
	var tell sync.Mutex
	for c := range crashWriters {
		go func() {
			for i := 0; ; i++ {
				told, err := crashWrite(s, reg, fmt.Sprintf("%s-%d-%d", round, c, i))
				if err != nil {
					errs <- err
					return
				}
				tell.Lock()
				os.Stdout.WriteString(told)
				tell.Unlock()
			}
		}()
	}
	return <-errs
}

// crashWrite stores something, named after what is only used once, and returns
// what is to be told.
func crashWrite(s *sqlite.Store, reg *search.Registry, name string) (string, error) {
	switch rand.IntN(5) {
	case 0:
		told := ""
		err := s.Update(ctx, func(tx store.Tx) error {
			told = ""
			for i := range groupSize {
				w, err := crashResource(reg, "Group", fmt.Sprintf("%s.%d", name, i), `"type":"person","actual":true`)
				if err != nil {
					return err
				}
				v, err := tx.Put(ctx, all, w)
				if err != nil {
					return err
				}
				told += tellVersion(v)
			}
			return nil
		})
		return told, err
	case 1:
		key := fhir.Key{Type: "Patient", ID: fmt.Sprint("shared", rand.IntN(20))}
		mark, err := s.Delete(ctx, all, key, 0)
		return tellVersion(mark), err
	case 2:
		w, err := crashResource(reg, "Patient", name, `"name":[{"family":"`+strings.Repeat("Poe", rand.IntN(3000))+`"}]`)
		if err != nil {
			return "", err
		}
		v, err := s.Put(ctx, all, w)
		return tellVersion(v), err
	}
	w, err := crashResource(reg, "Patient", fmt.Sprint("shared", rand.IntN(20)), `"name":[{"family":"`+name+`"}],"active":true`)
	if err != nil {
		return "", err
	}
	v, err := s.Put(ctx, all, w)
	return tellVersion(v), err
}

func crashResource(reg *search.Registry, typ, id, rest string) (store.Write, error) {
	r, err := reg.Codec.ParseJSON(fmt.Appendf(nil, `{"resourceType":%q,"id":%q,%s}`, typ, id, strings.ReplaceAll(rest, `""`, `"-"`)))
	if err != nil {
		return store.Write{}, err
	}
	return store.Prepare(reg, r, id, "PUT"), nil
}

func tellVersion(v *store.Version) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintln(v.Key.Type, v.Key.ID, v.Number, v.Method)
}
