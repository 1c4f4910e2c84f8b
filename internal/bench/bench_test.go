package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

var here = clinic{size: 10 * perPatient}

var codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})

// TestResources checks that what the servers are fed is FHIR, of the size meant,
// and the same each time.
func TestResources(t *testing.T) {
	total := 0
	ids := map[string]bool{}
	for i := range 20 * perPatient {
		typ, json := here.resource(i, id(i))
		r, err := codec.ParseJSON(json)
		if err != nil {
			t.Fatalf("resource %d: %v\n%s", i, err, json)
		}
		if r.Type() != typ || r.ID() != id(i) || ids[r.ID()] {
			t.Errorf("resource %d is %s", i, r.Key())
		}
		ids[r.ID()] = true
		if _, again := here.resource(i, id(i)); !bytes.Equal(json, again) {
			t.Errorf("resource %d differs the second time", i)
		}
		total += len(json)
	}
	if mean := total / len(ids); mean < 1400 || mean > 2200 {
		t.Errorf("resources have %d bytes", mean)
	}
}

func TestTransactionBundle(t *testing.T) {
	r, err := codec.ParseJSON(here.transactionBundle(3*perPatient+7, 2))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for range r.Root().Get("entry").Children {
		n++
	}
	if n != 2*perPatient {
		t.Errorf("got %d entries", n)
	}
}

func TestClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunked":
			for i := range 3 {
				fmt.Fprint(w, strings.Repeat(fmt.Sprint(i), 1000))
				w.(http.Flusher).Flush()
			}
		case "/304":
			w.WriteHeader(http.StatusNotModified)
		default:
			body := make([]byte, r.ContentLength)
			r.Body.Read(body)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, r.Method, r.Header.Get("If-Match"), string(body))
		}
	}))
	defer server.Close()
	c, err := dial(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.conn.Close()
	for range 2 { // the connection stays usable
		for _, test := range []struct {
			req    []byte
			status int
			want   string
		}{
			{request("GET", "/chunked", nil), 200, strings.Repeat("0", 1000) + strings.Repeat("1", 1000) + strings.Repeat("2", 1000)},
			{request("GET", "/304", nil), 304, ""},
			{request("PUT", "/x", []byte("body"), "If-Match: a"), 201, "PUTabody"},
		} {
			status, body, err := c.do(test.req)
			if err != nil || status != test.status || test.status != 304 && string(body) != test.want {
				t.Errorf("%.20s: got %d, %.50s, %v", test.req, status, body, err)
			}
		}
	}
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.256: "0.26", 0.3: "0.3", 2: "2", 14.04: "14", 14.06: "14.1", 123.4: "123", 1234.5: "1,234", 92114: "92,114"} {
		if got := number(v); got != want {
			t.Errorf("%g: got %s, want %s", v, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	if list, err := parseSizes("20000,120", false); err != nil || fmt.Sprint(list) != "[100 20000]" {
		t.Errorf("got %v, %v", list, err)
	}
	for _, bad := range []string{"x", "10", "100,"} {
		if _, err := parseSizes(bad, false); err == nil {
			t.Errorf("%q accepted", bad)
		}
	}
}
