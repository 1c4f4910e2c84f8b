package handlers_test

import (
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestInstance(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{
				Name: "create", Send: "POST Patient", Body: `{"resourceType":"Patient","id":"mine","meta":{"versionId":"7","tag":[{"code":"a"}]},"active":true}`,
				Status: 201, Save: "p",
				Header: []string{`ETag: W/"1"`, "Content-Type: application/fhir+json; charset=utf-8"},
				Has:    []string{"resourceType = Patient", "meta.versionId = 1", "meta.tag.0.code = a", "active = true"},
			},
			{
				Name: "read", Send: "GET Patient/{p}",
				Status: 200, Header: []string{`ETag: W/"1"`, "Cache-Control: no-store", "X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "Location:"},
				Has: []string{"id = {p}"},
			},
			{Name: "its id is ours", Send: "GET Patient/mine", Status: 404, Has: []string{"issue.0.code = not-found", "issue.0.severity = error"}},
			{Name: "HEAD", Send: "HEAD Patient/{p}", Status: 200, Header: []string{`ETag: W/"1"`, "Content-Type: application/fhir+json; charset=utf-8"}},
			{Name: "HEAD of nothing", Send: "HEAD Patient/nobody", Status: 404, Header: []string{"Content-Type: application/fhir+json; charset=utf-8"}},
			{Name: "a slash at the end", Send: "GET Patient/{p}/", Status: 200},
			{
				Name: "update", Send: "PUT Patient/{p}", Body: `{"resourceType":"Patient","id":"{p}","active":false}`,
				Status: 200, Header: []string{`ETag: W/"2"`, "Location:", "Content-Location: {base}/Patient/{p}/_history/2"},
				Has: []string{"active = false", "meta.versionId = 2", "meta.tag ="},
			},
			{Name: "vread", Send: "GET Patient/{p}/_history/1", Status: 200, Header: []string{`ETag: W/"1"`}, Has: []string{"active = true", "meta.versionId = 1"}},
			{Name: "vread of the latest", Send: "GET Patient/{p}/_history/2", Status: 200, Has: []string{"active = false"}},
			{Name: "vread of none", Send: "GET Patient/{p}/_history/3", Status: 404},
			{Name: "vread of nonsense", Send: "GET Patient/{p}/_history/x", Status: 404},
			{Name: "vread of a number we do not write", Send: "GET Patient/{p}/_history/01", Status: 404},
			{Name: "If-Match holds", Send: "PUT Patient/{p}", With: []string{`If-Match: W/"2"`}, Body: `{"resourceType":"Patient","id":"{p}","gender":"male"}`, Status: 200, Header: []string{`ETag: W/"3"`}},
			{Name: "If-Match does not hold", Send: "PUT Patient/{p}", With: []string{`If-Match: W/"2"`}, Body: `{"resourceType":"Patient","id":"{p}"}`, Status: 412, Has: []string{"issue.0.code = conflict"}},
			{Name: "a part in place of the whole", Send: "PUT Patient/{p}", Body: `{"resourceType":"Patient","id":"{p}","meta":{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]}}`, Status: 422, Has: []string{"issue.0.expression.0 = Patient.meta.tag"}},
			{Name: "a reference that is a search", Send: "PUT Patient/{p}", Body: `{"resourceType":"Patient","id":"{p}","managingOrganization":{"reference":"Organization?name=x"}}`, Status: 400, Has: []string{"issue.0.expression.0 = Patient.managingOrganization.reference"}},
			{Name: "If-Match is malformed", Send: "PUT Patient/{p}", With: []string{`If-Match: 3`}, Body: `{"resourceType":"Patient","id":"{p}"}`, Status: 400},
			{Name: "If-Match for what does not exist", Send: "PUT Patient/none", With: []string{`If-Match: *`}, Body: `{"resourceType":"Patient","id":"none"}`, Status: 412},
			{Name: "only if new", Send: "PUT Patient/{p}", With: []string{`If-None-Match: *`}, Body: `{"resourceType":"Patient","id":"{p}"}`, Status: 412},
			{Name: "delete another version", Send: "DELETE Patient/{p}", With: []string{`If-Match: W/"1"`}, Status: 412},
			{Name: "delete", Send: "DELETE Patient/{p}", With: []string{`If-Match: W/"3"`}, Status: 204, Header: []string{`ETag: W/"4"`, "Content-Length:", "Content-Type:"}},
			{Name: "gone", Send: "GET Patient/{p}", Status: 410, Has: []string{"issue.0.code = deleted"}},
			{Name: "the version that says so", Send: "GET Patient/{p}/_history/4", Status: 410},
			{Name: "the version before", Send: "GET Patient/{p}/_history/3", Status: 200, Has: []string{"gender = male"}},
			{Name: "delete again", Send: "DELETE Patient/{p}", Status: 204},
			{Name: "delete what never was", Send: "DELETE Patient/nobody", Status: 204, Header: []string{"ETag:"}},
			{Name: "delete what must exist", Send: "DELETE Patient/nobody", With: []string{"If-Match: *"}, Status: 412},
			{Name: "back again", Send: "PUT Patient/{p}", Body: `{"resourceType":"Patient","id":"{p}"}`, Status: 201, Header: []string{`ETag: W/"5"`, "Location: {base}/Patient/{p}/_history/5"}},
			{Name: "update as create", Send: "PUT Patient/chosen", Body: `{"resourceType":"Patient","id":"chosen"}`, Status: 201, Header: []string{`ETag: W/"1"`, "Location: {base}/Patient/chosen/_history/1"}},
		})
	})
}

func TestNoUpdateCreate(t *testing.T) {
	overStores(t, handlers.Options{NoUpdateCreate: true}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Name: "an id that does not exist", Send: "PUT Patient/chosen", Body: `{"resourceType":"Patient","id":"chosen"}`, Status: 405, Header: []string{"Allow: DELETE, GET, HEAD, PATCH"}, Has: []string{"issue.0.code = not-supported"}},
			{Name: "by criteria", Send: "PUT Patient?identifier=a|1", Body: `{"resourceType":"Patient","id":"chosen"}`, Status: 405},
			{Send: "POST Patient", Body: `{"resourceType":"Patient"}`, Status: 201, Save: "p"},
			{Name: "one that does", Send: "PUT Patient/{p}", Body: `{"resourceType":"Patient","id":"{p}"}`, Status: 200},
			{Send: "DELETE Patient/{p}", Status: 204},
			{Name: "one that did", Send: "PUT Patient/{p}", Body: `{"resourceType":"Patient","id":"{p}"}`, Status: 201},
			{Name: "no id at all", Send: "PUT Patient?identifier=a|1", Body: `{"resourceType":"Patient"}`, Status: 201},
		})
	})
}

func TestConditionalRead(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.send("PUT Patient/p", `{"resourceType":"Patient","id":"p"}`)
		c.send("PUT Patient/p", `{"resourceType":"Patient","id":"p","active":true}`)
		c.saved["modified"] = c.send("GET Patient/p", "").header.Get("Last-Modified")
		c.walk(t, []step{
			{Name: "the same", Send: "GET Patient/p", With: []string{`If-None-Match: W/"2"`}, Status: 304, Header: []string{`ETag: W/"2"`, "Last-Modified: {modified}", "Content-Type:", "Content-Length:"}},
			{Name: "HEAD", Send: "HEAD Patient/p", With: []string{`If-None-Match: W/"2"`}, Status: 304},
			{Name: "another", Send: "GET Patient/p", With: []string{`If-None-Match: W/"1"`}, Status: 200},
			{Name: "an old version", Send: "GET Patient/p/_history/1", With: []string{`If-None-Match: W/"1"`}, Status: 304},
			{Name: "any", Send: "GET Patient/p", With: []string{"If-None-Match: *"}, Status: 304},
			{Name: "malformed", Send: "GET Patient/p", With: []string{"If-None-Match: 2"}, Status: 400},
			{Name: "not modified since", Send: "GET Patient/p", With: []string{"If-Modified-Since: {modified}"}, Status: 304},
			{Name: "modified since", Send: "GET Patient/p", With: []string{"If-Modified-Since: Mon, 03 Feb 2020 10:00:00 GMT"}, Status: 200},
			{Name: "a date that is none", Send: "GET Patient/p", With: []string{"If-Modified-Since: yesterday"}, Status: 200},
			{Name: "the tag decides", Send: "GET Patient/p", With: []string{`If-None-Match: W/"1"`, "If-Modified-Since: {modified}"}, Status: 200},
			{Name: "gone is gone", Send: "DELETE Patient/p", Status: 204},
			{Name: "also for who knew it", Send: "GET Patient/p", With: []string{`If-None-Match: W/"2"`}, Status: 410},
		})
	})
}

func TestConditionalWrites(t *testing.T) {
	const ada = `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"1"}],"active":true}`
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Name: "create: none", Send: "POST Patient", With: []string{"If-None-Exist: identifier=urn:mrn|1"}, Body: ada, Status: 201, Save: "ada"},
			{Name: "create: one", Send: "POST Patient", With: []string{"If-None-Exist: identifier=urn:mrn|1"}, Body: ada, Status: 200, Header: []string{`ETag: W/"1"`, "Location:", "Content-Location: {base}/Patient/{ada}/_history/1"}, Has: []string{"id = {ada}"}},
			{Name: "create: a whole search URL", Send: "POST Patient", With: []string{"If-None-Exist: Patient?identifier=urn:mrn%7C1"}, Body: ada, Status: 200, Has: []string{"id = {ada}"}},
			{Name: "create: about another type", Send: "POST Patient", With: []string{"If-None-Exist: Person?identifier=1"}, Body: ada, Status: 400},
			{Name: "create: an empty condition", Send: "POST Patient", With: []string{"If-None-Exist: "}, Body: ada, Status: 400},
			{Name: "create: no criteria", Send: "POST Patient", With: []string{"If-None-Exist: ?"}, Body: ada, Status: 400},
			{Name: "create: an unknown parameter", Send: "POST Patient", With: []string{"If-None-Exist: nonsense=1", "Prefer: handling=lenient"}, Body: ada, Status: 400},
			{Name: "update: one", Send: "PUT Patient?identifier=urn:mrn|1", Body: ada, Status: 200, Header: []string{`ETag: W/"2"`}, Has: []string{"id = {ada}"}},
			{Name: "update: one, its id", Send: "PUT Patient?identifier=urn:mrn|1", Body: `{"resourceType":"Patient","id":"{ada}","identifier":[{"system":"urn:mrn","value":"1"}]}`, Status: 200, Header: []string{`ETag: W/"3"`}},
			{Name: "update: one, another id", Send: "PUT Patient?identifier=urn:mrn|1", Body: `{"resourceType":"Patient","id":"other"}`, Status: 400},
			{Name: "update: none", Send: "PUT Patient?identifier=urn:mrn|2", Body: `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"2"}]}`, Status: 201, Save: "bob"},
			{Name: "update: none, an id", Send: "PUT Patient?identifier=urn:mrn|3", Body: `{"resourceType":"Patient","id":"chosen","identifier":[{"system":"urn:mrn","value":"3"}]}`, Status: 201, Header: []string{"Location: {base}/Patient/chosen/_history/1"}},
			{Name: "update: none, an id that another has", Send: "PUT Patient?identifier=urn:mrn|4", Body: `{"resourceType":"Patient","id":"chosen"}`, Status: 409},
			{Name: "update: a stale version", Send: "PUT Patient?identifier=urn:mrn|1", With: []string{`If-Match: W/"1"`}, Body: ada, Status: 412},
			{Name: "update: no criteria", Send: "PUT Patient", Body: ada, Status: 400},
			{Name: "patch: one", Send: "PATCH Patient?identifier=urn:mrn|2", With: []string{"Content-Type: application/json-patch+json"}, Body: `[{"op":"add","path":"/gender","value":"male"}]`, Status: 200, Has: []string{"id = {bob}", "gender = male"}},
			{Name: "patch: none", Send: "PATCH Patient?identifier=urn:mrn|9", With: []string{"Content-Type: application/json-patch+json"}, Body: `[{"op":"add","path":"/gender","value":"male"}]`, Status: 404},
			{Name: "a second of the kind", Send: "POST Patient", Body: ada, Status: 201},
			{Name: "create: many", Send: "POST Patient", With: []string{"If-None-Exist: identifier=urn:mrn|1"}, Body: ada, Status: 412, Has: []string{"issue.0.code = multiple-matches"}},
			{Name: "update: many", Send: "PUT Patient?identifier=urn:mrn|1", Body: ada, Status: 412},
			{Name: "patch: many", Send: "PATCH Patient?identifier=urn:mrn|1", With: []string{"Content-Type: application/json-patch+json"}, Body: `[{"op":"add","path":"/gender","value":"male"}]`, Status: 412},
			{Name: "delete: many", Send: "DELETE Patient?identifier=urn:mrn|1", Status: 412},
			{Name: "delete: no criteria", Send: "DELETE Patient", Status: 400},
			{Name: "delete: an unknown parameter", Send: "DELETE Patient?nonsense=1", With: []string{"Prefer: handling=lenient"}, Status: 400},
			{Name: "delete: one", Send: "DELETE Patient?identifier=urn:mrn|2", Status: 204},
			{Name: "it is gone", Send: "GET Patient/{bob}", Status: 410},
			{Name: "delete: none", Send: "DELETE Patient?identifier=urn:mrn|2", Status: 204},
		})
	})
}

func TestConditionalDeleteMultiple(t *testing.T) {
	const ada = `{"resourceType":"Patient","identifier":[{"system":"urn:mrn","value":"1"}]}`
	o := handlers.Options{ConditionalDelete: handlers.MultipleConditionalDelete, Limits: handlers.Limits{DeleteCount: 2}}
	overTransactions(t, o, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Send: "POST Patient", Body: ada, Status: 201, Save: "a"},
			{Send: "POST Patient", Body: ada, Status: 201, Save: "b"},
			{Send: "POST Patient", Body: ada, Status: 201, Save: "c"},
			{Name: "more than the limit", Send: "DELETE Patient?identifier=urn:mrn|1", Status: 412},
			{Name: "none is deleted", Send: "GET Patient/{a}", Status: 200},
			{Send: "DELETE Patient/{a}", Status: 204},
			{Name: "several", Send: "DELETE Patient?identifier=urn:mrn|1", With: []string{"Prefer: return=OperationOutcome"}, Status: 200, Has: []string{"issue.0.diagnostics = 2 resources are deleted"}},
			{Send: "GET Patient/{b}", Status: 410},
			{Send: "GET Patient/{c}", Status: 410},
		})
	})
}

func TestNoConditionalDelete(t *testing.T) {
	overStores(t, handlers.Options{ConditionalDelete: handlers.NoConditionalDelete}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Send: "DELETE Patient?identifier=1", Status: 405, Header: []string{"Allow: GET, HEAD, PATCH, POST, PUT"}},
		})
	})
}

func TestPatch(t *testing.T) {
	const asPatch = "Content-Type: application/json-patch+json"
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.send("PUT Patient/p", `{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"Doe"}]}`)
		c.walk(t, []step{
			{Name: "a change", Send: "PATCH Patient/p", With: []string{asPatch}, Body: `[{"op":"test","path":"/active","value":true},{"op":"replace","path":"/name/0/family","value":"Poe"}]`, Status: 200, Header: []string{`ETag: W/"2"`}, Has: []string{"name.0.family = Poe", "active = true"}},
			{Name: "a stale version", Send: "PATCH Patient/p", With: []string{asPatch, `If-Match: W/"1"`}, Body: `[{"op":"remove","path":"/active"}]`, Status: 412},
			{Name: "the current version", Send: "PATCH Patient/p", With: []string{asPatch, `If-Match: W/"2"`}, Body: `[{"op":"remove","path":"/active"}]`, Status: 200, Has: []string{"active ="}},
			{Name: "a test that fails", Send: "PATCH Patient/p", With: []string{asPatch}, Body: `[{"op":"test","path":"/name/0/family","value":"Doe"}]`, Status: 422},
			{Name: "an outcome that is no resource", Send: "PATCH Patient/p", With: []string{asPatch}, Body: `[{"op":"add","path":"/height","value":1}]`, Status: 422, Has: []string{"issue.0.expression.0 = Patient.height"}},
			{Name: "another id", Send: "PATCH Patient/p", With: []string{asPatch}, Body: `[{"op":"replace","path":"/id","value":"q"}]`, Status: 422},
			{Name: "another type", Send: "PATCH Patient/p", With: []string{asPatch}, Body: `[{"op":"replace","path":"/resourceType","value":"Person"}]`, Status: 422},
			{Name: "no JSON", Send: "PATCH Patient/p", With: []string{asPatch}, Body: `[`, Status: 400},
			{Name: "no patch", Send: "PATCH Patient/p", With: []string{asPatch}, Status: 400},
			{Name: "a FHIRPath Patch", Send: "PATCH Patient/p", Body: `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"add"},{"name":"path","valueString":"Patient"},{"name":"name","valueString":"gender"},{"name":"value","valueCode":"female"}]}]}`, Status: 200, Has: []string{"gender = female"}},
			{Name: "a FHIRPath Patch in XML", Send: "PATCH Patient/p", With: []string{"Content-Type: application/fhir+xml"}, Body: `<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="delete"/></part><part><name value="path"/><valueString value="Patient.gender"/></part></parameter></Parameters>`, Status: 200, Has: []string{"gender ="}},
			{Name: "an XML Patch", Send: "PATCH Patient/p", With: []string{"Content-Type: application/xml-patch+xml"}, Body: `<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:name/f:family/@value">Roe</replace></diff>`, Status: 200, Has: []string{"name.0.family = Roe"}},
			{Name: "a path that leads nowhere", Send: "PATCH Patient/p", Body: `{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.gender"},{"name":"value","valueCode":"male"}]}]}`, Status: 422},
			{Name: "no Parameters", Send: "PATCH Patient/p", Body: `{"resourceType":"Patient"}`, Status: 400},
			{Name: "another kind of patch", Send: "PATCH Patient/p", With: []string{"Content-Type: application/merge-patch+json"}, Body: `{}`, Status: 415},
			{Name: "nothing there", Send: "PATCH Patient/nobody", With: []string{asPatch}, Body: `[]`, Status: 404},
			{Name: "nothing there, a version wanted", Send: "PATCH Patient/nobody", With: []string{asPatch, `If-Match: W/"1"`}, Body: `[]`, Status: 412},
			{Name: "nothing has changed", Send: "GET Patient/p", Status: 200, Header: []string{`ETag: W/"6"`}},
			{Name: "delete", Send: "DELETE Patient/p", Status: 204},
			{Name: "gone", Send: "PATCH Patient/p", With: []string{asPatch}, Body: `[]`, Status: 410},
		})
	})
}

func TestPrefer(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		body := `{"resourceType":"Patient","id":"p"}`
		c.walk(t, []step{
			{Name: "minimal", Send: "PUT Patient/p", Body: body, With: []string{"Prefer: return=minimal"}, Status: 201, Header: []string{`ETag: W/"1"`, "Location: {base}/Patient/p/_history/1", "Content-Length: 0", "Content-Type:"}},
			{Name: "representation", Send: "PUT Patient/p", Body: body, With: []string{"Prefer: return=representation"}, Status: 200, Has: []string{"resourceType = Patient", "meta.versionId = 2"}},
			{Name: "OperationOutcome", Send: "PUT Patient/p", Body: body, With: []string{"Prefer: return=OperationOutcome"}, Status: 200, Header: []string{`ETag: W/"3"`}, Has: []string{"resourceType = OperationOutcome", "issue.0.severity = information"}},
			{Name: "something else", Send: "PUT Patient/p", Body: body, With: []string{"Prefer: return=cake"}, Status: 200, Has: []string{"resourceType = Patient"}},
			{Name: "delete", Send: "DELETE Patient/p", With: []string{"Prefer: return=OperationOutcome"}, Status: 200, Has: []string{"resourceType = OperationOutcome"}},
			{Name: "strict", Send: "GET Patient?nonsense=1", With: []string{"Prefer: handling=strict"}, Status: 400},
			{Name: "lenient", Send: "GET Patient?nonsense=1", With: []string{"Prefer: handling=lenient"}, Status: 200, Has: []string{"entry.0.search.mode = outcome", "entry.0.resource.issue.0.severity = warning", "link.0.url = {base}/Patient"}},
			{Name: "lenient, elsewhere", Send: "GET Patient/x?nonsense=1", With: []string{"Prefer: handling=lenient"}, Status: 404},
		})
	})
}

func TestBodies(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Name: "absent", Send: "POST Patient", Status: 400},
			{Name: "absent, to a place", Send: "PUT Patient/p", Status: 400},
			{Name: "another type", Send: "POST Patient", Body: `{"resourceType":"Person"}`, Status: 400},
			{Name: "no id", Send: "PUT Patient/p", Body: `{"resourceType":"Patient"}`, Status: 400, Has: []string{"issue.0.expression.0 = Patient.id"}},
			{Name: "another id", Send: "PUT Patient/p", Body: `{"resourceType":"Patient","id":"q"}`, Status: 400, Has: []string{"issue.0.expression.0 = Patient.id"}},
			{Name: "an id that is none", Send: "PUT Patient/a_b", Body: `{"resourceType":"Patient","id":"a_b"}`, Status: 400},
			{Name: "no JSON", Send: "POST Patient", Body: `{`, Status: 400, Has: []string{"issue.0.code = invalid"}},
			{Name: "an unknown member", Send: "POST Patient", Body: `{"resourceType":"Patient","height":1}`, Status: 400, Has: []string{"issue.0.code = structure", "issue.0.expression.0 = Patient.height"}},
			{Name: "a member twice", Send: "POST Patient", Body: `{"resourceType":"Patient","active":true,"active":false}`, Status: 400},
			{Name: "no type", Send: "POST Patient", Body: `{"resourceType":"Patient"}`, With: []string{"Content-Type:"}, Status: 415},
			{Name: "a type we do not read", Send: "POST Patient", Body: `Ada`, With: []string{"Content-Type: text/plain"}, Status: 415},
			{Name: "a short name", Send: "POST Patient", Body: `{"resourceType":"Patient"}`, With: []string{"Content-Type: json"}, Status: 415},
			{Name: "Latin 1", Send: "POST Patient", Body: `{"resourceType":"Patient"}`, With: []string{"Content-Type: application/fhir+json; charset=iso-8859-1"}, Status: 415},
			{Name: "UTF-8", Send: "POST Patient", Body: `{"resourceType":"Patient"}`, With: []string{"Content-Type: application/json; charset=UTF-8"}, Status: 201},
			{Name: "text/json", Send: "POST Patient", Body: `{"resourceType":"Patient"}`, With: []string{"Content-Type: text/json"}, Status: 201},
			{Name: "R4", Send: "POST Patient", Body: `{"resourceType":"Patient"}`, With: []string{"Content-Type: application/fhir+json; fhirVersion=4.0"}, Status: 201},
			{Name: "R5", Send: "POST Patient", Body: `{"resourceType":"Patient"}`, With: []string{"Content-Type: application/fhir+json; fhirVersion=5.0"}, Status: 415},
			{Name: "XML", Send: "POST Patient", Body: `<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>`, With: []string{"Content-Type: application/fhir+xml"}, Status: 201, Has: []string{"active = true"}},
			{Name: "broken XML", Send: "POST Patient", Body: `<Patient`, With: []string{"Content-Type: application/fhir+xml"}, Status: 400},
			{Name: "a document type", Send: "POST Patient", Body: `<!DOCTYPE x><Patient xmlns="http://hl7.org/fhir"/>`, With: []string{"Content-Type: text/xml"}, Status: 400},
			{Name: "a parameter that means nothing", Send: "POST Patient?name=Ada", Body: `{"resourceType":"Patient"}`, Status: 400},
			{Name: "a part of what is written", Send: "POST Patient?_summary=true", Body: `{"resourceType":"Patient"}`, Status: 400},
			{Name: "no bundle at the base", Send: "POST ", Body: `{"resourceType":"Patient"}`, Status: 400},
			{Name: "nothing at the base", Send: "POST ", Status: 400},
		})
	})
}

func TestAddresses(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Name: "a type there is not", Send: "GET Human/1", Status: 404, Has: []string{"issue.0.code = not-found"}},
			{Name: "an abstract type", Send: "GET DomainResource/1", Status: 404},
			{Name: "a data type", Send: "POST HumanName", Body: `{}`, Status: 404},
			{Name: "in lower case", Send: "GET patient/1", Status: 404},
			{Name: "too deep", Send: "GET Patient/1/2/3", Status: 404},
			{Name: "an operation there is not", Send: "GET Patient/1/$nothing", Status: 404},
			{Name: "POST to an instance", Send: "POST Patient/1", Body: `{"resourceType":"Patient"}`, Status: 405, Header: []string{"Allow: DELETE, GET, HEAD, PATCH, PUT"}},
			{Name: "DELETE of a version", Send: "DELETE Patient/1/_history/1", Status: 405, Header: []string{"Allow: GET, HEAD"}},
			{Name: "GET of _search", Send: "GET Patient/_search", Status: 405, Header: []string{"Allow: POST"}},
			{Name: "PUT to the base", Send: "PUT ", Body: `{}`, Status: 405, Header: []string{"Allow: GET, HEAD, POST"}},
			{Name: "POST to metadata", Send: "POST metadata", Body: `{}`, Status: 405, Header: []string{"Allow: GET, HEAD"}},
			{Name: "OPTIONS", Send: "OPTIONS metadata", Status: 405, Header: []string{"Allow: GET, HEAD"}},
			{Name: "a method HTTP has not", Send: "BREW Patient/1", Status: 405, Header: []string{"Allow: DELETE, GET, HEAD, PATCH, PUT"}},
			{Name: "an unknown parameter of a read", Send: "GET Patient/1?name=Ada", Status: 400, Text: "name"},
			{Name: "a parameter badly encoded", Send: "GET Patient?name=%zz", Status: 400},
			{Name: "above the base", Send: "GET ../other", Status: 404},
		})
	})
}
