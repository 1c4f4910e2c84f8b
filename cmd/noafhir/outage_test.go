package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/noafhir/noafhir/store/mongodb/mongotest"
)

// TestOutage takes the database away from a server that is at work, and gives it
// back. Meanwhile the server says that it can not, and what it has acknowledged is
// there.
func TestOutage(t *testing.T) {
	proxy := mongotest.NewProxy(t, mongotest.Fresh(t))
	s := serveHere(t, "--store", proxy.URL)
	told := &ledger{versions: map[string]int{}, bundles: map[string]bool{}}
	const clients, writes = 8, 40
	var wg sync.WaitGroup
	var done, refused atomic.Int64
	for c := range clients {
		wg.Go(func() {
			for i := range writes {
				if done.Add(1) == clients*writes/2 {
					proxy.Cut()
				}
				id := fmt.Sprintf("c%d-%d", c, i)
				status, body := s.send(t, "PUT", "/fhir/Patient/"+id, crashPatient(id, 1))
				switch status {
				case http.StatusCreated:
					told.mu.Lock()
					told.versions[id] = 1
					told.mu.Unlock()
				case http.StatusServiceUnavailable:
					if refused.Add(1) == clients {
						proxy.Mend()
					}
				default:
					t.Errorf("got %d, %s", status, body)
				}
			}
		})
	}
	wg.Wait()
	if refused.Load() < clients {
		t.Errorf("only %d writes were refused", refused.Load())
	}
	proxy.Cut()
	for path, want := range map[string]int{
		"/fhir/Patient/c0-0": http.StatusServiceUnavailable, "/fhir/Patient": http.StatusServiceUnavailable,
		"/readyz": http.StatusServiceUnavailable, "/healthz": http.StatusOK, "/fhir/metadata": http.StatusOK,
	} {
		status, body := s.get(t, path)
		if status != want || status == http.StatusServiceUnavailable && strings.HasPrefix(path, "/fhir") && !strings.Contains(body, `"transient"`) {
			t.Errorf("without a database, %s: got %d, %s; want %d", path, status, body, want)
		}
	}
	proxy.Mend()
	for tries := 0; ; tries++ {
		status, body := s.get(t, "/readyz")
		if status == http.StatusOK {
			break
		}
		if tries == 20 {
			t.Fatalf("with a database again: got %d, %s", status, body)
		}
	}
	told.check(t, s)
}
