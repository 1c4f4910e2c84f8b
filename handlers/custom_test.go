package handlers_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/handlers"
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
