package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/noafhir/noafhir/store/mongodb/mongotest"
)

// A ledger is what clients were told was stored.
type ledger struct {
	mu       sync.Mutex
	versions map[string]int // of Patient/id: the last acknowledged
	bundles  map[string]bool
}

// TestKill kills a server with SIGKILL while clients write, again and again on
// the same store. After each restart every acknowledged version is there, with
// its history and in the index, and no transaction is half there.
func TestKill(t *testing.T) {
	testKill(t, storeIn(t.TempDir()))
}

// TestKillOnMongoDB is TestKill on a database that does not die with the server.
// It may wait for a minute until that lets go of the transactions of the dead.
func TestKillOnMongoDB(t *testing.T) {
	t.Parallel()
	url := mongotest.Fresh(t)
	needTransactions(t, url)
	testKill(t, url)
}

func testKill(t *testing.T, store string) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	told := &ledger{versions: map[string]int{}, bundles: map[string]bool{}}
	for round := range rounds {
		verify(t, store)
		s := serveApart(t, "--store", store)
		told.check(t, s)
		told.writeUntilKilled(t, s, round)
		if t.Failed() {
			return
		}
	}
	verify(t, store)
	s := serveApart(t, "--store", store)
	told.check(t, s)
	s.stop(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
}

// verify checks that the whole database, index and all, is in order, where the
// store can do that.
func verify(t *testing.T, url string) {
	t.Helper()
	st := openHere(t, url)
	var err error
	if checks, ok := st.(interface{ Verify(context.Context) error }); ok {
		err = checks.Verify(t.Context())
	}
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
}

// writeUntilKilled has clients write until one of them kills the server in the
// middle of it.
func (l *ledger) writeUntilKilled(t *testing.T, s *server, round int) {
	const clients = 8
	limit := int64(60 + 45*round)
	var acknowledged atomic.Int64
	var killed atomic.Bool
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("r%d-c%d-%d", round, client, i/3)
				if !l.write(t, s, client, i, id, &killed) {
					return
				}
				if acknowledged.Add(1) == limit {
					killed.Store(true)
					s.stop(os.Kill)
				}
			}
		})
	}
	all.Wait()
	s.wait()
}

// write stores a version of a patient, or a transaction, and notes it if the
// server says that it is stored. It reports whether to go on.
func (l *ledger) write(t *testing.T, s *server, client, i int, id string, killed *atomic.Bool) bool {
	method, path, body := "PUT", "/fhir/Patient/"+id, crashPatient(id, i%3+1)
	if client%2 == 1 {
		method, path, body = "POST", "/fhir", transaction(fmt.Sprintf("%s-%d", id, i))
	}
	req, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("Content-Type", "application/fhir+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		if !killed.Load() {
			t.Error(err)
		}
		return false
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		t.Errorf("%s %s: got %s", method, path, resp.Status)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if method == "PUT" {
		l.versions[id] = i%3 + 1
	} else {
		l.bundles[fmt.Sprintf("%s-%d", id, i)] = true
	}
	return true
}

// crashPatient returns a version of a patient.
func crashPatient(id string, number int) string {
	return fmt.Sprintf(`{"resourceType":"Patient","id":"%s","identifier":[{"system":"urn:crash","value":"%s"}],"multipleBirthInteger":%d}`, id, id, number)
}

// parts is how many resources each transaction has.
const parts = 4

// transaction returns a Bundle of observations that share an identifier.
func transaction(tag string) string {
	entries := make([]string, parts)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"resource":{"resourceType":"Observation","status":"final","code":{"text":"x"},"identifier":[{"system":"urn:crash","value":"%s"}],"valueInteger":%d},"request":{"method":"POST","url":"Observation"}}`, tag, i)
	}
	return `{"resourceType":"Bundle","type":"transaction","entry":[` + strings.Join(entries, ",") + `]}`
}

// check compares the store with the ledger.
func (l *ledger) check(t *testing.T, s *server) {
	t.Helper()
	for id, number := range l.versions {
		for n := 1; n <= number; n++ {
			status, body := s.get(t, fmt.Sprintf("/fhir/Patient/%s/_history/%d", id, n))
			if want := fmt.Sprintf(`"multipleBirthInteger":%d`, n); status != 200 || !strings.Contains(body, want) {
				t.Errorf("version %d of %s: got %d, %s", n, id, status, body)
			}
		}
		if n := len(found(t, s, "Patient", id)); n != 1 {
			t.Errorf("%s: the index finds it %d times", id, n)
		}
	}
	for tag := range l.bundles {
		if n := len(found(t, s, "Observation", tag)); n != parts {
			t.Errorf("transaction %s: %d of its %d resources are there", tag, n, parts)
		}
	}
	count := map[string]int{}
	for _, r := range all(t, s, "/fhir/Observation?_count=1000") {
		count[r.Identifier[0].Value]++
	}
	for tag, n := range count {
		if n != parts {
			t.Errorf("transaction %s is there with %d of its %d resources", tag, n, parts)
		}
		if m := len(found(t, s, "Observation", tag)); m != n {
			t.Errorf("transaction %s: the index finds %d of %d", tag, m, n)
		}
	}
}

// A resource is what the test looks at.
type resource struct {
	ID         string
	Identifier []struct{ Value string }
}

// found returns the resources of a type with an identifier.
func found(t *testing.T, s *server, typ, identifier string) []resource {
	t.Helper()
	return all(t, s, "/fhir/"+typ+"?identifier=urn:crash%7C"+identifier)
}

// all returns the resources of all pages of a search.
func all(t *testing.T, s *server, path string) []resource {
	t.Helper()
	var list []resource
	for path != "" {
		status, body := s.get(t, path)
		var page struct {
			Link  []struct{ Relation, URL string }
			Entry []struct{ Resource resource }
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != 200 {
			t.Fatalf("%s: got %d, %v: %s", path, status, err, body)
		}
		for _, e := range page.Entry {
			list = append(list, e.Resource)
		}
		path = ""
		for _, link := range page.Link {
			if link.Relation == "next" {
				path = strings.TrimPrefix(link.URL, s.URL)
			}
		}
	}
	return list
}
