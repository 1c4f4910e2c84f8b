package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/store/mongodb/mongotest"
)

// TestTwoServers has two processes on one database, and 64 clients that all want
// the same: exactly one of them gets it.
func TestTwoServers(t *testing.T) {
	const clients, rounds = 64, 3
	url := mongotest.Fresh(t)
	servers := []*server{serveApart(t, "--store", url), serveApart(t, "--store", url)}
	for round := range rounds {
		t.Run(fmt.Sprint("conditional create ", round), func(t *testing.T) {
			tag := fmt.Sprintf("urn:race|%d", round)
			body := fmt.Sprintf(`{"resourceType":"Patient","identifier":[{"system":"urn:race","value":"%d"}]}`, round)
			got := race(t, servers, clients, func(s *server) *http.Request {
				return request(t, "POST", s.URL+"/fhir/Patient", body, "If-None-Exist", "identifier="+tag)
			})
			if len(got[http.StatusCreated]) != 1 || len(got[http.StatusOK]) != clients-1 {
				t.Errorf("got %v, want one 201 and %d 200", counts(got), clients-1)
			}
			for _, s := range servers {
				if n := len(all(t, s, "/fhir/Patient?identifier="+strings.ReplaceAll(tag, "|", "%7C"))); n != 1 {
					t.Errorf("%d patients are there", n)
				}
			}
		})
		t.Run(fmt.Sprint("update of one version ", round), func(t *testing.T) {
			if status, body := servers[0].send(t, "PUT", fmt.Sprintf("/fhir/Patient/p%d", round), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, round)); status != http.StatusCreated {
				t.Fatalf("got %d, %s", status, body)
			}
			body := fmt.Sprintf(`{"resourceType":"Patient","id":"p%d","active":true}`, round)
			got := race(t, servers, clients, func(s *server) *http.Request {
				return request(t, "PUT", fmt.Sprintf("%s/fhir/Patient/p%d", s.URL, round), body, "If-Match", `W/"1"`)
			})
			if len(got[http.StatusOK]) != 1 || len(got[http.StatusPreconditionFailed]) != clients-1 {
				t.Errorf("got %v, want one 200 and %d 412", counts(got), clients-1)
			}
			if status, body := servers[1].get(t, fmt.Sprintf("/fhir/Patient/p%d/_history", round)); status != http.StatusOK || strings.Count(body, `"fullUrl"`) != 2 {
				t.Errorf("the history is %d, %s", status, body)
			}
		})
	}
}

// request makes a request with a resource and one more header.
func request(t *testing.T, method, url, body, header, value string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/fhir+json")
	r.Header.Set(header, value)
	return r
}

// race has clients send the same request at once, to servers by turns, and returns
// the ETags of the answers by status.
func race(t *testing.T, servers []*server, clients int, of func(s *server) *http.Request) map[int][]string {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[int][]string{}
	start := make(chan struct{})
	for c := range clients {
		r := of(servers[c%len(servers)])
		wg.Go(func() {
			<-start
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			mu.Lock()
			defer mu.Unlock()
			got[resp.StatusCode] = append(got[resp.StatusCode], resp.Header.Get("ETag"))
		})
	}
	close(start)
	wg.Wait()
	return got
}

// counts returns how many answers there are of each status.
func counts(got map[int][]string) map[int]int {
	n := map[int]int{}
	for status, list := range got {
		n[status] = len(list)
	}
	return n
}
