package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/noafhir/noafhir/internal/config"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
)

// asProgram makes the test binary behave like the program, so that tests can
// send it signals.
const asProgram = "NOAFHIR_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// runHere runs the program within the test and returns what came of it.
func runHere(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, func(name string) string { return env[name] }, &out, &errs)
	return code, out.String(), errs.String()
}

// A server is a running "noafhir serve".
type server struct {
	URL  string // without a slash at the end
	Base string // of FHIR
	Log  *bufio.Scanner
	wait func() int
	stop func(os.Signal)
}

// serveHere runs a server within the test.
func serveHere(t *testing.T, args ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, w := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), func(string) string { return "" }, io.Discard, w)
		w.Close()
	}()
	return ready(t, &server{wait: func() int { return <-code }, stop: func(os.Signal) { cancel() }}, r)
}

// serveApart runs a server in a process of its own.
func serveApart(t *testing.T, args ...string) *server {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	wait := func() int {
		err := cmd.Wait()
		ended = true
		if _, isExit := err.(*exec.ExitError); err != nil && !isExit {
			t.Error(err)
		}
		return cmd.ProcessState.ExitCode()
	}
	t.Cleanup(func() {
		if !ended {
			cmd.Process.Kill()
			cmd.Wait()
		}
	})
	return ready(t, &server{wait: wait, stop: func(s os.Signal) { cmd.Process.Signal(s) }}, stderr)
}

// ready reads the log of a server until it tells its address, and keeps reading.
func ready(t *testing.T, s *server, log io.Reader) *server {
	t.Helper()
	s.Log = bufio.NewScanner(log)
	var seen []string
	for s.Log.Scan() {
		var line struct{ Msg, Address, Base string }
		seen = append(seen, s.Log.Text())
		if json.Unmarshal(s.Log.Bytes(), &line) == nil && line.Msg == "serving" {
			s.URL, s.Base = "http://"+line.Address, line.Base
			go func() {
				for s.Log.Scan() {
				}
			}()
			return s
		}
	}
	t.Fatalf("did not come up: %s", strings.Join(seen, "\n"))
	return nil
}

// get returns status and body of an address of the server.
func (s *server) get(t *testing.T, path string) (int, string) {
	t.Helper()
	resp, err := http.Get(s.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// send sends a resource and returns status and body.
func (s *server) send(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/fhir+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// storeIn returns the URL of a store in a folder.
func storeIn(dir string) string { return "sqlite:" + filepath.Join(dir, "n.db") }

// overStores runs a test with the URL of an empty store in each database there is
// to test with.
func overStores(t *testing.T, test func(t *testing.T, store string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, storeIn(t.TempDir())) })
	t.Run("mongodb", func(t *testing.T) { test(t, mongotest.Fresh(t)) })
}

// needTransactions skips a test on a database without transactions.
func needTransactions(t *testing.T, url string) {
	t.Helper()
	st := openHere(t, url)
	defer st.Close()
	mongotest.NeedTransactions(t, st.Traits().Transactions)
}

// openHere opens a store within the test.
func openHere(t *testing.T, url string) database {
	t.Helper()
	c := settings{Store: config.NewSecret(url)}
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		t.Fatal(err)
	}
	st, err := c.openStore(t.Context(), defs, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// write writes a file into a new folder and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
