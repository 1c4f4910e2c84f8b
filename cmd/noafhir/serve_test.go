package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/noafhir/noafhir/store/mongodb/mongotest"
)

func TestServe(t *testing.T) {
	for store, metrics := range map[string][]string{
		"sqlite":  {`noafhir_store_units_total 1`, `noafhir_store_commits_total 1`},
		"mongodb": {`noafhir_store_commands_total`, `noafhir_store_connections_busy`},
	} {
		t.Run(store, func(t *testing.T) {
			url := storeIn(t.TempDir())
			if store == "mongodb" {
				url = mongotest.Fresh(t)
			}
			testServe(t, url, metrics)
		})
	}
}

func testServe(t *testing.T, store string, metrics []string) {
	s := serveHere(t, "--store", store)
	for path, want := range map[string]string{
		"/healthz":       "ok",
		"/readyz":        "ready",
		"/fhir/metadata": `"CapabilityStatement"`,
		"/metrics":       "noafhir_build_info",
	} {
		if status, body := s.get(t, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: got %d, %.200s", path, status, body)
		}
	}
	if status, body := s.send(t, "PUT", "/fhir/Patient/a", `{"resourceType":"Patient","id":"a","birthDate":"1980"}`); status != http.StatusCreated {
		t.Errorf("got %d, %s", status, body)
	}
	if status, body := s.get(t, "/fhir/Patient/a"); status != http.StatusOK || !strings.Contains(body, `"birthDate":"1980"`) {
		t.Errorf("got %d, %s", status, body)
	}
	_, body := s.get(t, "/metrics")
	for _, want := range append(metrics,
		`noafhir_requests_total{interaction="update",status="2xx"} 1`,
		`noafhir_requests_total{interaction="read",status="2xx"} 1`,
	) {
		if !strings.Contains(body, want) {
			t.Errorf("metrics lack %q", want)
		}
	}
	if code, _, errs := runHere(t, nil, "healthcheck", s.URL+"/readyz"); code != 0 {
		t.Errorf("healthcheck: %d, %s", code, errs)
	}
	s.stop(os.Interrupt)
	if code := s.wait(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
}

// TestSettings shows that settings reach what they are about.
func TestSettings(t *testing.T) {
	s := serveHere(t, "--store", storeIn(t.TempDir()), "--base-url", "https://ehr.example.org/r4",
		"--update-create=false", "--max-resource-bytes", "1KiB", "--max-url-bytes", "100", "--max-values", "10", "--max-string-bytes", "500B")
	long := `{"resourceType":"Patient","name":[{"family":"` + strings.Repeat("x", 600) + `"}]}`
	tests := []struct {
		Name         string
		Method, Path string
		Body         string
		Status       int
		Want         string
	}{
		{Name: "update-create", Method: "PUT", Path: "/fhir/Patient/a", Body: `{"resourceType":"Patient","id":"a"}`, Status: 405},
		{Name: "max-resource-bytes", Method: "POST", Path: "/fhir/Patient", Body: long + strings.Repeat(" ", 1000), Status: 413},
		{Name: "max-string-bytes", Method: "POST", Path: "/fhir/Patient", Body: long, Status: 400},
		{Name: "max-values", Method: "POST", Path: "/fhir/Patient", Body: `{"resourceType":"Patient","name":[{"given":["a","b","c","d","e","f","g"]}]}`, Status: 413},
		{Name: "max-url-bytes", Method: "GET", Path: "/fhir/Patient?name=" + strings.Repeat("x", 100), Status: 414},
		{Name: "base-url", Method: "GET", Path: "/fhir/Patient", Status: 200, Want: `"url":"https://ehr.example.org/r4/Patient`},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			status, body := s.send(t, test.Method, test.Path, test.Body)
			if status != test.Status || !strings.Contains(body, test.Want) {
				t.Errorf("got %d, %.500s; want %d, %s", status, body, test.Status, test.Want)
			}
		})
	}
}

func TestAdminListen(t *testing.T) {
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	admin := probe.Addr().String()
	probe.Close()
	s := serveHere(t, "--store", storeIn(t.TempDir()), "--admin-listen", admin)
	if status, _ := s.get(t, "/metrics"); status != http.StatusNotFound {
		t.Errorf("/metrics is at the main address, too: %d", status)
	}
	resp, err := http.Get("http://" + admin + "/metrics")
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %v, %v", resp, err)
	}
	resp.Body.Close()
}

func TestDemo(t *testing.T) { overStores(t, testDemo) }

func testDemo(t *testing.T, store string) {
	totals := make([]string, 2)
	for i := range totals {
		s := serveHere(t, "--store", store, "--demo")
		status, body := s.get(t, "/fhir/Patient?name=Doe")
		if status != http.StatusOK || !strings.Contains(body, `"Adam"`) {
			t.Errorf("got %d, %.500s", status, body)
		}
		_, totals[i] = s.get(t, "/fhir/_history?_count=1000")
		s.stop(os.Interrupt)
		if code := s.wait(); code != 0 {
			t.Errorf("got exit code %d", code)
		}
	}
	if a, b := strings.Count(totals[0], `"fullUrl"`), strings.Count(totals[1], `"fullUrl"`); a == 0 || a != b {
		t.Errorf("%d versions after the first start, %d after the second", a, b)
	}
}

// TestDrain sends SIGTERM while a request is being received: it is answered, and
// the process exits with 0.
func TestDrain(t *testing.T) {
	s := serveApart(t, "--store", storeIn(t.TempDir()))
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := `{"resourceType":"Patient","id":"a"}`
	fmt.Fprintf(conn, "PUT /fhir/Patient/a HTTP/1.1\r\nHost: x\r\nContent-Type: application/fhir+json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	answer := bufio.NewReader(conn)
	// The server asks for the body: so it is at work on the request.
	if line, err := answer.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		t.Fatalf("got %q, %v", line, err)
	}
	if _, err := answer.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	s.stop(syscall.SIGTERM)
	waitRefused(t, strings.TrimPrefix(s.URL, "http://"))
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(answer, nil)
	if err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("got %v, %v", resp, err)
	}
	if code := s.wait(); code != 0 {
		t.Errorf("got exit code %d", code)
	}
}

// waitRefused returns when nobody listens at an address any more.
func waitRefused(t *testing.T, address string) {
	t.Helper()
	for t.Context().Err() == nil {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
	}
}
