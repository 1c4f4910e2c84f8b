package handlers_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestWithoutTransactions runs a server on a database that has none: it says so,
// refuses transactions and does everything else.
func TestWithoutTransactions(t *testing.T) {
	open := func(_ testing.TB, r *search.Registry) store.Store { return storetest.NewSingleMemory(r) }
	c := newClient(t, open, handlers.Options{})
	const entries = `"entry":[
		{"resource":{"resourceType":"Patient","id":"a"},"request":{"method":"PUT","url":"Patient/a"}},
		{"resource":{"resourceType":"Patient","id":"b"},"request":{"method":"PUT","url":"Patient/b"}}]}`
	c.walk(t, []step{
		{Send: "POST ", Name: "transaction", Body: `{"resourceType":"Bundle","type":"transaction",` + entries, Status: 400,
			Has: []string{"issue.0.code = not-supported", "issue.0.expression.0 = Bundle.type"}, Text: "replica set"},
		{Name: "nothing is stored", Send: "GET Patient/a", Status: 404},
		{Send: "POST ", Name: "batch", Body: `{"resourceType":"Bundle","type":"batch",` + entries, Status: 200,
			Has: []string{"entry.0.response.status = 201 Created", "entry.1.response.status = 201 Created"}},
		{Name: "conditional create", Send: "POST Patient", With: []string{"If-None-Exist: _id=a"}, Body: `{"resourceType":"Patient"}`, Status: 200},
		{Name: "conditional delete", Send: "DELETE Patient?_id=a", Status: 204},
	})
	statement := string(c.send("GET metadata", "").body)
	if !strings.Contains(statement, `{"code":"batch"}`) || strings.Contains(statement, `{"code":"transaction"}`) {
		t.Error("the CapabilityStatement lacks batch, or lists transaction")
	}
}
