package handlers_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
)

// TestCustomParameters defines a search parameter, searches by it, and deletes it.
func TestCustomParameters(t *testing.T) {
	c := newClient(t, stores["sqlite"], handlers.Options{})
	c.send("PUT Patient/a", `{"resourceType":"Patient","id":"a","name":[{"suffix":["Esq"]}]}`)
	c.put(t, "b")
	if got := c.send("GET Patient?name-suffix=esq", ""); got.status != 400 {
		t.Errorf("a parameter that is not defined: status %d", got.status)
	}
	got := c.send("PUT SearchParameter/s", `{"resourceType":"SearchParameter","id":"s","url":"http://example.org/sp/s","name":"n","status":"active",
		"description":"d","code":"name-suffix","base":["Patient"],"type":"string","expression":"Patient.name.suffix"}`)
	if got.status != 201 {
		t.Fatalf("status %d\n%s", got.status, got.body)
	}
	for got = c.send("GET Patient?name-suffix=esq", ""); got.status == 400; got = c.send("GET Patient?name-suffix=esq", "") {
		runtime.Gosched() // it is being indexed
	}
	if got.at("total") != "1" || got.at("entry.0.resource.id") != "a" {
		t.Errorf("status %d\n%s", got.status, got.body)
	}
	if body := string(c.send("GET metadata", "").body); !strings.Contains(body, `"name-suffix"`) {
		t.Error("the CapabilityStatement lacks the parameter")
	}
	c.send("PUT Patient/b", `{"resourceType":"Patient","id":"b","name":[{"suffix":["Esq"]}]}`)
	if got := c.send("GET Patient?name-suffix=esq", ""); got.at("total") != "2" {
		t.Errorf("after a change: %s", got.body)
	}
	c.send("DELETE SearchParameter/s", "")
	if got := c.send("GET Patient?name-suffix=esq", ""); got.status != 400 {
		t.Errorf("a parameter that was deleted: status %d", got.status)
	}
	if body := string(c.send("GET metadata", "").body); strings.Contains(body, `"name-suffix"`) {
		t.Error("the CapabilityStatement has a parameter that was deleted")
	}
}

// TestExplain asks how a search is carried out.
func TestExplain(t *testing.T) {
	c := newClient(t, stores["sqlite"], handlers.Options{Explain: true})
	c.put(t, "a")
	got := c.send("GET Patient?name=Secretname&_explain=true", "")
	text := got.at("entry.0.resource.issue.0.diagnostics") + got.at("entry.0.resource.issue.0.details.text")
	if got.status != 200 || got.at("entry.0.search.mode") != "outcome" || !strings.Contains(text, "Patient?name") {
		t.Errorf("status %d\n%s", got.status, got.body)
	}
	if got := c.send("GET Patient?_explain=maybe", ""); got.status != 400 {
		t.Errorf("status %d", got.status)
	}
	c = newClient(t, stores["sqlite"], handlers.Options{})
	if got := c.send("GET Patient?_explain=true", ""); got.status != 403 {
		t.Errorf("status %d where nobody may ask", got.status)
	}
}

// parameter writes a SearchParameter for patients.
func parameter(id, status, code, expression string) string {
	return fmt.Sprintf(`{"resourceType":"SearchParameter","id":%q,"url":"http://example.org/sp/%s","name":"n","status":%q,"description":"d",
		"code":%q,"base":["Patient"],"type":"string","expression":%q}`, id, id, status, code, expression)
}

// TestWrongParameters stores SearchParameters that can not be searched by.
func TestWrongParameters(t *testing.T) {
	c := newClient(t, stores["sqlite"], handlers.Options{})
	entry := func(method, url, resource string) string {
		return fmt.Sprintf(`{"resource":%s,"request":{"method":%q,"url":%q}}`, resource, method, url)
	}
	good, broken := parameter("good", "active", "name-suffix", "Patient.name.suffix"), parameter("bad", "active", "bad", "Patient.name.(")
	c.walk(t, []step{
		{Name: "create", Send: "POST SearchParameter", Body: broken, Status: 422, Has: []string{"issue.0.expression.0 =SearchParameter.expression", "issue.0.severity =error"}},
		{Name: "update", Send: "PUT SearchParameter/bad", Body: broken, Status: 422, Has: []string{"issue.0.expression.0 =SearchParameter.expression"}},
		{Name: "nothing is stored", Send: "GET SearchParameter/bad", Status: 404},
		{Name: "an element nobody has", Send: "PUT SearchParameter/bad", Body: parameter("bad", "draft", "bad", "Patient.nick"), Status: 422, Text: "nick"},
		{Name: "a type that does not fit", Send: "PUT SearchParameter/bad", Body: parameter("bad", "active", "bad", "Patient.birthDate"), Status: 422,
			Has: []string{"issue.0.expression.0 =SearchParameter.type"}},
		{Name: "retired it is a text like any other", Send: "PUT SearchParameter/bad", Body: parameter("bad", "retired", "bad", "Patient.name.("), Status: 201},
		{Name: "made active", Send: "PATCH SearchParameter/bad", Body: `[{"op":"replace","path":"/status","value":"active"}]`,
			With: []string{"Content-Type: application/json-patch+json"}, Status: 422},
		{Name: "a good one", Send: "PUT SearchParameter/good", Body: good, Status: 201},
		{Name: "a good one again", Send: "PUT SearchParameter/good", Body: good, Status: 200},
		{Name: "another with its code", Send: "PUT SearchParameter/next", Body: parameter("next", "active", "name-suffix", "Patient.name.prefix"), Status: 422,
			Has: []string{"issue.0.expression.0 =SearchParameter.code"}, Text: "http://example.org/sp/good"},
		{Name: "what R4 has", Send: "PUT SearchParameter/next", Body: parameter("next", "active", "family", "Patient.name.given"), Status: 422,
			Has: []string{"issue.0.expression.0 =SearchParameter.code"}},
		{Name: "in a batch", Send: "POST ", Status: 200, Body: `{"resourceType":"Bundle","type":"batch","entry":[` +
			entry("POST", "SearchParameter", broken) + `,` + entry("PUT", "Patient/p", `{"resourceType":"Patient","id":"p"}`) + `]}`,
			Has: []string{"entry.0.response.status =422 Unprocessable Entity", "entry.0.response.outcome.issue.0.expression.0 =Bundle.entry[0].resource.expression", "entry.1.response.status =201 Created"}},
		{Name: "in a transaction", Send: "POST ", Status: 422, Body: `{"resourceType":"Bundle","type":"transaction","entry":[` +
			entry("PUT", "Patient/q", `{"resourceType":"Patient","id":"q"}`) + `,` + entry("POST", "SearchParameter", broken) + `]}`,
			Has: []string{"issue.0.expression.0 =Bundle.entry[1].resource.expression"}},
		{Name: "nothing of the transaction is stored", Send: "GET Patient/q", Status: 404},
		{Name: "two of one code in a transaction", Send: "POST ", Status: 422, Body: `{"resourceType":"Bundle","type":"transaction","entry":[` +
			entry("PUT", "SearchParameter/a", parameter("a", "active", "twice", "Patient.name.given")) + `,` +
			entry("PUT", "SearchParameter/b", parameter("b", "active", "twice", "Patient.name.family")) + `]}`,
			Has: []string{"issue.0.expression.0 =Bundle.entry[1].resource.code"}},
		{Name: "conditionally", Send: "PUT SearchParameter?url=http://example.org/sp/bad2", Body: parameter("bad2", "active", "_x", "Patient.name"), Status: 422,
			Has: []string{"issue.0.expression.0 =SearchParameter.code"}},
		{Name: "deleted, its code is free", Send: "DELETE SearchParameter/good", Status: 204},
		{Name: "another takes it", Send: "PUT SearchParameter/next", Body: parameter("next", "active", "name-suffix", "Patient.name.prefix"), Status: 201},
	})
}

// TestCustomParametersRestart stops the server while a parameter is being indexed,
// and lets it go on, changed and retired.
func TestCustomParametersRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	open := func(t testing.TB, registry *search.Registry) store.Store {
		db, err := sqlite.Open(path, sqlite.Options{Registry: registry})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	var db store.Store
	start := func() *client {
		return newClient(t, func(t testing.TB, registry *search.Registry) store.Store {
			db = open(t, registry)
			return db
		}, handlers.Options{})
	}
	stop := func() {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	total := func(c *client, query string) string {
		got := c.send("GET Patient?"+query, "")
		for got.status == 400 && strings.Contains(string(got.body), "name-part") {
			runtime.Gosched() // it is being indexed
			got = c.send("GET Patient?"+query, "")
		}
		return got.at("total")
	}
	c := start()
	var entries []string
	for i := range 500 {
		entries = append(entries, fmt.Sprintf(`{"resource":{"resourceType":"Patient","id":"p%d","name":[{"suffix":["Esq"],"prefix":["Dr"]}]},"request":{"method":"PUT","url":"Patient/p%d"}}`, i, i))
	}
	if got := c.send("POST ", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`); got.status != 200 {
		t.Fatalf("status %d\n%s", got.status, got.body)
	}
	c.send("PUT SearchParameter/s", parameter("s", "draft", "name-part", "Patient.name.suffix"))
	stop()
	c = start()
	if got := total(c, "name-part=esq&_total=accurate"); got != "500" {
		t.Errorf("started again, it finds %s", got)
	}
	c.send("PUT SearchParameter/s", parameter("s", "active", "name-part", "Patient.name.prefix"))
	stop()
	c = start()
	defer stop()
	if got := total(c, "name-part=dr&_total=accurate"); got != "500" {
		t.Errorf("changed and started again, it finds %s", got)
	}
	if got := total(c, "name-part=esq&_total=accurate"); got != "0" {
		t.Errorf("by what it was before it finds %s", got)
	}
	c.send("PUT SearchParameter/s", parameter("s", "retired", "name-part", "Patient.name.prefix"))
	if got := c.send("GET Patient?name-part=dr", ""); got.status != 400 {
		t.Errorf("retired: status %d", got.status)
	}
}
