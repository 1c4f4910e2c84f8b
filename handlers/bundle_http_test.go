package handlers_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestBundlesOverHTTP(t *testing.T) {
	const (
		made = `{"resourceType":"Bundle","type":"transaction","entry":[` +
			`{"fullUrl":"urn:uuid:aaaaaaaa-0000-4000-8000-000000000000","resource":{"resourceType":"Patient","id":"p","active":true},"request":{"method":"PUT","url":"Patient/p"}},` +
			`{"resource":{"resourceType":"Basic","code":{"text":"c"},"subject":{"reference":"urn:uuid:aaaaaaaa-0000-4000-8000-000000000000"}},"request":{"method":"POST","url":"Basic"}}]}`
		stale = `{"resourceType":"Bundle","type":"TYPE","entry":[` +
			`{"resource":{"resourceType":"Patient","id":"q"},"request":{"method":"PUT","url":"Patient/q"}},` +
			`{"resource":{"resourceType":"Patient","id":"p"},"request":{"method":"PUT","url":"Patient/p","ifMatch":"W/\"7\""}}]}`
		wrong = `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/p"}},` +
			`{"resource":{"resourceType":"Patient","nam":"p"},"request":{"method":"POST","url":"Patient"}}]}`
		xml = `<Bundle xmlns="http://hl7.org/fhir"><type value="batch"/><entry><request><method value="GET"/><url value="Patient/p?_summary=text"/></request></entry></Bundle>`
	)
	overTransactions(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Name: "transaction", Send: "POST ", Body: made, Status: 200, Has: []string{
				"type = transaction-response",
				"entry.0.response.status = 201 Created", `entry.0.response.etag = W/"1"`, "entry.0.response.location = {base}/Patient/p/_history/1", "entry.0.resource =",
				"entry.1.response.status = 201 Created", "entry.2 =",
			}},
			{Name: "it is there", Send: "GET Basic?subject=Patient/p", Status: 200, Has: []string{"entry.0.resource.subject.reference = Patient/p"}},
			{Name: "representation", Send: "POST ", Body: made, With: []string{"Prefer: return=representation"}, Status: 200, Has: []string{
				"entry.0.fullUrl = {base}/Patient/p", "entry.0.resource.meta.versionId = 2", "entry.0.response.status = 200 OK", "entry.0.response.location =",
			}},
			{Name: "a failure fails all", Send: "POST ", Body: strings.Replace(stale, "TYPE", "transaction", 1), Status: 412, Has: []string{"issue.0.expression.0 = Bundle.entry[1]"}, Text: "entry 1 (PUT Patient/p)"},
			{Name: "nothing of it is there", Send: "GET Patient/q", Status: 404},
			{Name: "in a batch it fails alone", Send: "POST ", Body: strings.Replace(stale, "TYPE", "batch", 1), Status: 200, Has: []string{
				"type = batch-response", "entry.0.response.status = 201 Created", "entry.1.response.status = 412 Precondition Failed", "entry.1.response.outcome.issue.0.code = conflict",
			}},
			{Name: "the rest is there", Send: "GET Patient/q", Status: 200},
			{Name: "structure", Send: "POST ", Body: wrong, Status: 400, Has: []string{"issue.0.code = structure", "issue.0.expression.0 = Bundle.entry[1].resource.nam"}},
			{Name: "no bundle", Send: "POST ", Body: `{"resourceType":"Patient"}`, Status: 400},
			{Name: "a bundle to be stored", Send: "POST ", Body: `{"resourceType":"Bundle","type":"collection"}`, Status: 400, Has: []string{"issue.0.expression.0 = Bundle.type"}, Text: "post it to /Bundle"},
			{Name: "stored", Send: "POST Bundle", Body: made, Status: 201},
			{Name: "XML", Send: "POST ", Body: xml, With: []string{"Content-Type: application/fhir+xml", "Accept: application/fhir+xml"}, Status: 200, Text: `<code value="SUBSETTED"/>`},
		})
	})
}

func TestSummaries(t *testing.T) {
	const patient = `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">Ada</div>"},` +
		`"active":true,"name":[{"family":"Ada"}],"maritalStatus":{"text":"m"}}`
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		const code = "meta.tag.0.code = SUBSETTED"
		c.walk(t, []step{
			{Send: "PUT Patient/p", Body: patient, Status: 201},
			{Send: "GET Patient/p?_summary=true", Status: 200, Header: []string{`ETag: W/"1"`}, Has: []string{code, "meta.versionId = 1", "name.0.family = Ada", "text =", "maritalStatus ="}},
			{Send: "GET Patient/p?_summary=text", Status: 200, Has: []string{code, "text.status = generated", "name =", "active ="}},
			{Send: "GET Patient/p?_summary=data", Status: 200, Has: []string{code, "text =", "maritalStatus.text = m"}},
			{Send: "GET Patient/p?_summary=false", Status: 200, Has: []string{"meta.tag =", "text.status = generated"}},
			{Send: "GET Patient/p?_summary=count", Status: 400},
			{Send: "GET Patient/p?_summary=some", Status: 400},
			{Send: "GET Patient/p?_elements=maritalStatus", Status: 200, Has: []string{code, "maritalStatus.text = m", "active = true", "name ="}},
			{Send: "GET Patient/p?_elements=nonsense", Status: 400, Text: "nonsense"},
			{Send: "GET Patient/p/_history/1?_elements=name", Status: 200, Has: []string{code, "name.0.family = Ada", "maritalStatus ="}},
			{Send: "GET Patient?_summary=text", Status: 200, Has: []string{"entry.0.resource." + code, "entry.0.resource.name ="}},
			{Send: "GET Patient?_elements=name", Status: 200, Has: []string{"entry.0.resource." + code, "entry.0.resource.maritalStatus ="}},
			{Send: "GET Patient/p/_history?_summary=text", Status: 200, Has: []string{"entry.0.resource." + code, "entry.0.resource.name ="}},
			{Send: "GET Patient?_summary=count", Status: 200, Has: []string{"total = 1", "entry ="}},
		})
	})
}
