package handlers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestOneOfMany lets many clients at once write on the same condition.
func TestOneOfMany(t *testing.T) {
	const clients = 64
	const body = `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"1"}]}`
	requests := []struct {
		Name   string
		Send   string
		With   []string
		Body   string
		Status map[int]int // how many responses of which status
	}{
		{Name: "conditional create", Send: "POST Patient", With: []string{"If-None-Exist: identifier=urn:mrn|1"}, Body: body, Status: map[int]int{201: 1, 200: clients - 1}},
		{Name: "conditional update", Send: "PUT Patient?identifier=urn:mrn|1", Body: body, Status: map[int]int{201: 1, 200: clients - 1}},
		{Name: "update of a version", Send: "PUT Patient/p", With: []string{`If-Match: W/"1"`}, Body: `{"resourceType":"Patient","id":"p"}`, Status: map[int]int{200: 1, 412: clients - 1}},
		{Name: "update of nothing", Send: "PUT Patient/new", With: []string{`If-None-Match: *`}, Body: `{"resourceType":"Patient","id":"new"}`, Status: map[int]int{201: 1, 412: clients - 1}},
		{Name: "patch", Send: "PATCH Patient/p", With: []string{"Content-Type: application/json-patch+json"}, Body: `[{"op":"add","path":"/name/-","value":{"family":"Doe"}}]`, Status: map[int]int{200: clients}},
	}
	for _, request := range requests {
		t.Run(request.Name, func(t *testing.T) {
			overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
				c.send("PUT Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"Doe"}]}`)
				got := map[int]int{}
				var lock sync.Mutex
				var all sync.WaitGroup
				for range clients {
					all.Go(func() {
						status := c.send(request.Send, request.Body, request.With...).status
						lock.Lock()
						got[status]++
						lock.Unlock()
					})
				}
				all.Wait()
				if fmt.Sprint(got) != fmt.Sprint(request.Status) {
					t.Errorf("got %v, want %v", got, request.Status)
				}
				if request.Name == "patch" {
					if names := c.send("GET Patient/p", "").at(fmt.Sprintf("name.%d.family", clients)); names != "Doe" {
						t.Error("a patch is lost")
					}
				}
				if found := c.send("GET Patient?identifier=urn:mrn|1", "").at("total"); found != "0" && found != "1" {
					t.Errorf("there are %s resources", found)
				}
			})
		})
	}
}

// A brokenStore fails in the way a test wants.
type brokenStore struct {
	store.Store
	read func() error
}

func (b brokenStore) Read(context.Context, search.Access, fhir.Key) (*store.Version, error) {
	return nil, b.read()
}

func (b brokenStore) Check(context.Context) error { return b.read() }

func TestFailures(t *testing.T) {
	const secret = "Ada Lovelace"
	tests := []struct {
		Name   string
		Read   func() error
		Status int
		Code   string
		Logged string
	}{
		{Name: "a bug", Read: func() error { return errors.New("disk: " + secret) }, Status: 500, Code: "exception", Logged: "internal error"},
		{Name: "a known bug", Read: func() error { return fhir.Because(fhir.Internal, errors.New("x"), "%s", secret) }, Status: 500, Code: "exception", Logged: "internal error"},
		{Name: "a panic", Read: func() error { panic(secret) }, Status: 500, Code: "exception", Logged: "panic"},
		{Name: "a panic of the runtime", Read: func() error { return errors.New(strings.Fields("")[0]) }, Status: 500, Code: "exception", Logged: "index out of range"},
		{Name: "too slow", Read: func() error { return context.DeadlineExceeded }, Status: 503, Code: "too-costly"},
		{Name: "no database", Read: func() error { return fhir.Errorf(fhir.Unavailable, "the database is locked") }, Status: 503, Code: "transient"},
		{Name: "not wrapped", Read: func() error { return fmt.Errorf("reading: %w", fhir.Errorf(fhir.NotFound, "no")) }, Status: 404, Code: "not-found"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			var log bytes.Buffer
			open := func(t testing.TB, r *search.Registry) store.Store { return brokenStore{openSQLite(t, r), test.Read} }
			c := newClient(t, open, handlers.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			got := c.send("GET Patient/p", "", "X-Request-Id: trace-me")
			if got.status != test.Status || got.at("issue.0.code") != test.Code {
				t.Errorf("status %d\n%s", got.status, got.body)
			}
			if bytes.Contains(got.body, []byte(secret)) {
				t.Errorf("the response tells what only the log may: %s", got.body)
			}
			if got.status == 500 && !bytes.Contains(got.body, []byte("trace-me")) {
				t.Errorf("the response lacks the request id: %s", got.body)
			}
			if !strings.Contains(log.String(), test.Logged) || !strings.Contains(log.String(), "trace-me") {
				t.Errorf("the log lacks %q or the request id:\n%s", test.Logged, &log)
			}
			if test.Name == "a panic" && strings.Contains(log.String(), secret) {
				t.Errorf("the log has the value of the panic:\n%s", &log)
			}
			if got := c.send("GET metadata", ""); got.status != 200 {
				t.Errorf("afterwards: status %d", got.status)
			}
		})
	}
}

func TestHealth(t *testing.T) {
	broken := false
	db := brokenStore{openSQLite(t, newRegistry(t)), func() error {
		if broken {
			return errors.New("at /secret/path")
		}
		return nil
	}}
	server, err := handlers.New(handlers.Options{Store: db, Registry: newRegistry(t), Codec: codec, BaseURL: base, Access: handlers.Open})
	if err != nil {
		t.Fatal(err)
	}
	handler := server.Handler()
	get := func(path string, want int) {
		t.Helper()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("GET %s: status %d, want %d: %s", path, w.Code, want, w.Body)
		}
	}
	get("/healthz", 200)
	get("/readyz", 200)
	get("/elsewhere", 404)
	get("/fhirside/Patient/1", 404)
	get("/Patient/1", 404)
	broken = true
	get("/healthz", 200)
	get("/readyz", 503)
	broken = false
	server.Drain()
	get("/healthz", 200)
	get("/readyz", 503)
	get("/fhir/metadata", 200)
}

// TestLog holds the access log to what it may say of a patient: a logical id.
func TestLog(t *testing.T) {
	var log bytes.Buffer
	var seen []handlers.Observation
	c := newClient(t, openSQLite, handlers.Options{
		Logger:  slog.New(slog.NewJSONHandler(&log, nil)),
		Observe: func(o handlers.Observation) { seen = append(seen, o) },
	})
	c.send("PUT Patient/p", `{"resourceType":"Patient","id":"p","name":[{"family":"Lovelace"}]}`)
	c.send("GET Patient?family=Lovelace", "")
	c.send("GET Lovelace/Lovelace!", "")
	c.send("LOVELACE Patient/p", "")
	c.send("PUT Patient/p", `{"resourceType":"Patient","id":"p","lovelace":"Lovelace"}`)
	c.send("POST Patient/_search", "family=Lovelace", "Content-Type: application/x-www-form-urlencoded")
	if strings.Contains(strings.ToLower(log.String()), "lovelace") {
		t.Errorf("the log names the patient:\n%s", &log)
	}
	want := []handlers.Observation{
		{Interaction: "update", Type: "Patient", Method: "PUT", Status: 201},
		{Interaction: "search-type", Type: "Patient", Method: "GET", Status: 200},
		{Method: "GET", Status: 404},
		{Type: "Patient", Method: "other", Status: 405},
		{Interaction: "update", Type: "Patient", Method: "PUT", Status: 400},
		{Interaction: "search-type", Type: "Patient", Method: "POST", Status: 200},
	}
	lines := json.NewDecoder(&log)
	for i := range want {
		if seen[i].Bytes == 0 || seen[i].Duration <= 0 {
			t.Errorf("nothing was measured: %+v", seen[i])
		}
		var line struct {
			Method, Interaction, Type, ID, Request string
			Status                                 int
			Duration                               time.Duration
		}
		if err := lines.Decode(&line); err != nil {
			t.Fatal(err)
		}
		logged := handlers.Observation{Interaction: line.Interaction, Type: line.Type, Method: line.Method, Status: line.Status}
		seen[i].Bytes, seen[i].Duration = 0, 0
		if seen[i] != want[i] || logged != want[i] || line.Request == "" {
			t.Errorf("request %d:\nobserved %+v\n  logged %+v\n    want %+v", i, seen[i], line, want[i])
		}
	}
}

func TestAccess(t *testing.T) {
	answer := error(nil)
	c := newClient(t, openSQLite, handlers.Options{Access: func(*http.Request) (search.Access, error) { return search.Access{}, answer }})
	c.walk(t, []step{
		{Name: "nothing is permitted", Send: "PUT Patient/p", Body: `{"resourceType":"Patient","id":"p"}`, Status: 403, Has: []string{"issue.0.code = forbidden"}},
		{Name: "nothing is there", Send: "GET Patient", Status: 200, Has: []string{"total = 0"}},
	})
	answer = fhir.Errorf(fhir.Login, "who are you?")
	c.walk(t, []step{
		{Name: "not without a login", Send: "GET Patient/p", Status: 401, Has: []string{"issue.0.code = login"}},
	})
}

func TestCapabilities(t *testing.T) {
	c := newClient(t, openSQLite, handlers.Options{NoUpdateCreate: true, ConditionalDelete: handlers.MultipleConditionalDelete})
	got := c.send("GET metadata", "")
	c.saved["tag"] = got.header.Get("ETag")
	c.walk(t, []step{
		{
			Name: "full", Send: "GET metadata", Status: 200, Header: []string{"Cache-Control: no-cache"},
			Has: []string{
				"resourceType = CapabilityStatement", "status = active", "kind = instance", "fhirVersion = 4.0.1", "software.version = test", "implementation.url = {base}",
				`format = ["application/fhir+json","application/fhir+xml","json","xml"]`, `patchFormat = ["application/json-patch+json","application/xml-patch+xml","application/fhir+json","application/fhir+xml"]`, "rest.0.mode = server",
				`rest.0.interaction = [{"code":"history-system"},{"code":"search-system"},{"code":"batch"},{"code":"transaction"}]`,
				"rest.0.resource.0.type = Account", "rest.0.resource.145.type = VisionPrescription", "rest.0.resource.146 =",
				`rest.0.resource.0.interaction = [{"code":"create"},{"code":"delete"},{"code":"history-instance"},{"code":"history-type"},{"code":"patch"},{"code":"read"},{"code":"search-type"},{"code":"update"},{"code":"vread"}]`,
				"rest.0.resource.0.versioning = versioned", "rest.0.resource.0.readHistory = true", "rest.0.resource.0.updateCreate = false",
				"rest.0.resource.0.conditionalCreate = true", "rest.0.resource.0.conditionalRead = full-support", "rest.0.resource.0.conditionalUpdate = true", "rest.0.resource.0.conditionalDelete = multiple",
			},
		},
		{Name: "not again", Send: "GET metadata", With: []string{"If-None-Match: {tag}"}, Status: 304, Header: []string{"ETag: {tag}"}},
		{Name: "normative", Send: "GET metadata?mode=normative", Status: 200, Has: []string{"resourceType = CapabilityStatement"}},
		{Name: "terminology", Send: "GET metadata?mode=terminology", Status: 200, Has: []string{"resourceType = TerminologyCapabilities", "kind = instance"}},
		{Name: "some other mode", Send: "GET metadata?mode=full-blast", Status: 400},
		{Name: "XML", Send: "GET metadata?_format=xml", Status: 200, Header: []string{"Content-Type: application/fhir+xml; charset=utf-8"}, Text: `<fhirVersion value="4.0.1"/>`},
		{Name: "terminology in XML", Send: "GET metadata?mode=terminology&_format=xml", Status: 200, Text: `<TerminologyCapabilities xmlns="http://hl7.org/fhir">`},
		{Name: "a part", Send: "GET metadata?_elements=fhirVersion", Status: 200, Has: []string{"fhirVersion = 4.0.1", "software ="}},
		{Name: "HEAD", Send: "HEAD metadata", Status: 200},
	})

	t.Run("what is said can be done", func(t *testing.T) {
		var statement struct {
			Rest []struct {
				Resource []struct {
					Type        string
					SearchParam []struct{ Name, Type, Definition string }
				}
			}
		}
		if err := json.Unmarshal(got.body, &statement); err != nil {
			t.Fatal(err)
		}
		for _, r := range statement.Rest[0].Resource {
			if !slices.ContainsFunc(r.SearchParam, func(p struct{ Name, Type, Definition string }) bool { return p.Name == "_id" }) {
				t.Errorf("%s can not be searched by _id", r.Type)
			}
			for _, p := range r.SearchParam {
				if got := c.send("GET "+r.Type+"?"+p.Name+":missing=false&_summary=count", ""); got.status == 500 {
					t.Errorf("%s?%s: status %d\n%s", r.Type, p.Name, got.status, got.body)
				}
			}
		}
	})
	t.Run("it is a resource", func(t *testing.T) {
		for _, mode := range []string{"full", "terminology"} {
			if _, err := codec.ParseJSON(c.send("GET metadata?mode="+mode, "").body); err != nil {
				t.Errorf("%s: %v", mode, err)
			}
		}
	})
}

func TestNew(t *testing.T) {
	registry := newRegistry(t)
	db := openSQLite(t, registry)
	good := handlers.Options{Store: db, Registry: registry, Codec: codec, BaseURL: base, Access: handlers.Open}
	tests := []struct {
		Name   string
		Change func(o *handlers.Options)
		Works  bool
	}{
		{Name: "as it should be", Change: func(*handlers.Options) {}, Works: true},
		{Name: "no store", Change: func(o *handlers.Options) { o.Store = nil }},
		{Name: "no access", Change: func(o *handlers.Options) { o.Access = nil }},
		{Name: "no base URL", Change: func(o *handlers.Options) { o.BaseURL = "" }},
		{Name: "a base URL without a scheme", Change: func(o *handlers.Options) { o.BaseURL = "example.org/fhir" }},
		{Name: "a short key", Change: func(o *handlers.Options) { o.CursorKey = []byte("short") }},
		{Name: "several deletes without transactions", Change: func(o *handlers.Options) {
			o.Store, o.ConditionalDelete = storetest.NewSingleMemory(registry), handlers.MultipleConditionalDelete
		}},
		{Name: "some delete", Change: func(o *handlers.Options) { o.ConditionalDelete = "all" }},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			o := good
			test.Change(&o)
			if _, err := handlers.New(o); (err == nil) != test.Works {
				t.Errorf("got %v", err)
			}
		})
	}
}

// FuzzServe checks that nothing a client sends is answered with an internal
// error.
func FuzzServe(f *testing.F) {
	f.Add("GET", "Patient/p", "application/fhir+json", "")
	f.Add("GET", "Patient?_id=p&_count=1&_cursor=abc", "*/*;q=0.5, application/fhir+xml", "")
	f.Add("PUT", "Patient/p", "application/fhir+json", `{"resourceType":"Patient","id":"p","name":[{"family":"Doe"}]}`)
	f.Add("POST", "Patient?_format=xml", "application/fhir+xml", `<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>`)
	f.Add("PATCH", "Patient?_id=p", "application/json-patch+json", `[{"op":"remove","path":"/name"}]`)
	f.Add("DELETE", "Patient?_id=p", "", "")
	f.Add("POST", "Binary", "text/plain", "text")
	f.Add("POST", "", "application/json", `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/p"}}]}`)
	f.Add("POST", "Patient/_search", "application/x-www-form-urlencoded", "_id=p&_elements=name")
	f.Add("GET", "Patient/p/_history?_since=2020&_at=2020-01", "text/html", "")
	c := newClient(f, openSQLite, handlers.Options{})
	f.Fuzz(func(t *testing.T, method, address, mediaType, body string) {
		r, err := http.NewRequest(method, "http://localhost/fhir/"+address, strings.NewReader(body))
		if err != nil {
			return
		}
		r.Header.Set("Content-Type", mediaType)
		r.Header.Set("Accept", mediaType)
		got := c.roundTrip(r)
		if got.status == http.StatusInternalServerError {
			t.Errorf("%s %s: %s", method, address, got.body)
		}
	})
}

// A discarder is a ResponseWriter that allocates nothing of its own.
type discarder struct{ header http.Header }

func (d *discarder) Header() http.Header         { return d.header }
func (d *discarder) Write(b []byte) (int, error) { return len(b), nil }
func (d *discarder) WriteHeader(int)             {}

// observation is 1.8 KB, like those of many servers.
var observation = `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2986-8"}]},"note":[{"text":"` + strings.Repeat("An invented note. ", 90) + `"}]}`

// TestReadAllocations holds a read, with access log, from the handler down to
// the database, to its number of allocations. What net/http adds is about 21.
func TestReadAllocations(t *testing.T) {
	c := newClient(t, openSQLite, handlers.Options{Logger: slog.New(slog.NewJSONHandler(&discard{}, nil))})
	c.send("PUT Observation/o", observation)
	r := httptest.NewRequest("GET", "/fhir/Observation/o", nil)
	r.Header.Set("Accept", "application/fhir+json")
	w := &discarder{http.Header{}}
	allocations := testing.AllocsPerRun(1000, func() {
		clear(w.header)
		c.handler.ServeHTTP(w, r)
	})
	t.Logf("%v allocations", allocations)
	if most := 39.0; allocations > most {
		t.Errorf("%v allocations, at most %v are good", allocations, most)
	}
}

type discard struct{}

func (*discard) Write(b []byte) (int, error) { return len(b), nil }

func BenchmarkRead(b *testing.B) {
	for _, bench := range []struct{ name, address, tag string }{
		{name: "read", address: "/fhir/Observation/o"},
		{name: "vread", address: "/fhir/Observation/o/_history/1"},
		{name: "not modified", address: "/fhir/Observation/o", tag: `W/"1"`},
		{name: "search by id", address: "/fhir/Observation?_id=o"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			c := newClient(b, openSQLite, handlers.Options{Logger: slog.New(slog.NewJSONHandler(&discard{}, nil))})
			c.send("PUT Observation/o", observation)
			r := httptest.NewRequest("GET", bench.address, nil)
			if bench.tag != "" {
				r.Header.Set("If-None-Match", bench.tag)
			}
			w := &discarder{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				c.handler.ServeHTTP(w, r)
			}
		})
	}
}

func BenchmarkCreate(b *testing.B) {
	c := newClient(b, openSQLite, handlers.Options{})
	for _, clients := range []int{1, 64} {
		b.Run(fmt.Sprintf("%d clients", clients), func(b *testing.B) {
			b.SetParallelism((clients + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if got := c.send("POST Observation", observation); got.status != 201 {
						b.Errorf("status %d", got.status)
						return
					}
				}
			})
		})
	}
}
