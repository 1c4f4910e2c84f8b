package handlers_test

import (
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestMeta(t *testing.T) {
	const returned = "parameter.0.valueMeta."
	meta := func(text string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":` + text + `}]}`
	}
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(
			`{"resourceType":"Patient","id":"p","meta":{"source":"urn:x","profile":["http://example.org/a"],"tag":[{"system":"urn:s","code":"1","display":"One"}]},"active":true}`,
			`{"resourceType":"Observation","id":"o","meta":{"security":[{"system":"urn:s","code":"R"}]},"status":"final","code":{"text":"x"}}`,
		)
		c.walk(t, []step{
			{Name: "of a resource", Send: "GET Patient/p/$meta", Status: 200, Has: []string{"resourceType = Parameters", "parameter.0.name = return", returned + "versionId = 1", returned + "tag.0.code = 1", returned + "source = urn:x"}},
			{Name: "posted", Send: "POST Patient/p/$meta", Status: 200, Has: []string{returned + "versionId = 1"}},
			{Name: "add", Send: "POST Patient/p/$meta-add", Body: meta(`{"tag":[{"system":"urn:s","code":"1","display":"Uno"},{"system":"urn:s","code":"2"}],"profile":["http://example.org/b"],"security":[{"code":"N"}]}`), Status: 200, Header: []string{`ETag: W/"2"`}, Has: []string{
				returned + "versionId = 2", returned + `tag = [{"code":"1","display":"One","system":"urn:s"},{"code":"2","system":"urn:s"}]`, returned + `profile = ["http://example.org/a","http://example.org/b"]`, returned + "security.0.code = N",
			}},
			{Name: "it is stored", Send: "GET Patient/p", Status: 200, Has: []string{"meta.versionId = 2", "meta.source = urn:x", "meta.tag.1.code = 2", "active = true"}},
			{Name: "it is found", Send: "GET Patient?_tag=urn:s|2", Status: 200, Has: []string{"total = 1"}},
			{Name: "add what is there", Send: "POST Patient/p/$meta-add", Body: meta(`{"tag":[{"system":"urn:s","code":"2"}]}`), Status: 200, Header: []string{`ETag: W/"2"`}, Has: []string{returned + "versionId = 2"}},
			{Name: "delete", Send: "POST Patient/p/$meta-delete", Body: meta(`{"tag":[{"system":"urn:s","code":"1"}],"profile":["http://example.org/a","http://example.org/none"]}`), Status: 200, Has: []string{returned + "versionId = 3", returned + `tag = [{"code":"2","system":"urn:s"}]`, returned + `profile = ["http://example.org/b"]`}},
			{Name: "delete all", Send: "POST Patient/p/$meta-delete", Body: meta(`{"tag":[{"system":"urn:s","code":"2"}],"profile":["http://example.org/b"],"security":[{"code":"N"}]}`), Status: 200, Has: []string{returned + "tag =", returned + "security =", returned + "versionId = 4"}},
			{Name: "of a version", Send: "GET Patient/p/_history/1/$meta", Status: 200, Has: []string{returned + "versionId = 1", returned + "tag.0.code = 1"}},
			{Name: "of a version there is not", Send: "GET Patient/p/_history/9/$meta", Status: 404},
			{Name: "of a type", Send: "GET Observation/$meta", Status: 200, Has: []string{returned + "security.0.code = R", returned + "tag ="}},
			{Name: "of a type without any", Send: "GET Basic/$meta", Status: 200, Has: []string{"resourceType = Parameters", "parameter ="}},
			{Name: "of the system", Send: "GET $meta", Status: 200, Has: []string{returned + "security.0.code = R"}},
			{Name: "in XML", Send: "GET $meta?_format=xml", Status: 200, Text: `<valueMeta><security>`},
			{Name: "a stale version", Send: "POST Patient/p/$meta-add", With: []string{`If-Match: W/"1"`}, Body: meta(`{"tag":[{"code":"x"}]}`), Status: 412},
			{Name: "by GET", Send: "GET Patient/p/$meta-add", Status: 405, Header: []string{"Allow: POST"}},
			{Name: "nothing to add", Send: "POST Patient/p/$meta-add", Status: 400, Text: "valueMeta"},
			{Name: "something else to add", Send: "POST Patient/p/$meta-add", Body: `{"resourceType":"Parameters","parameter":[{"name":"meta","valueString":"x"}]}`, Status: 400},
			{Name: "another type to add", Send: "POST Patient/p/$meta-add", Body: `{"resourceType":"Parameters","parameter":[{"name":"meta","valueCoding":{"code":"x"}}]}`, Status: 400},
			{Name: "another parameter", Send: "POST Patient/p/$meta-add", Body: `{"resourceType":"Parameters","parameter":[{"name":"mate","valueString":"x"}]}`, Status: 400, Text: "mate"},
			{Name: "another body", Send: "POST Patient/p/$meta-add", Body: `{"resourceType":"Patient"}`, Status: 400},
			{Name: "the mark of a part", Send: "POST Patient/p/$meta-add", Body: meta(`{"tag":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}]}`), Status: 422},
			{Name: "of nothing", Send: "GET Patient/none/$meta", Status: 404},
			{Name: "to nothing", Send: "POST Patient/none/$meta-add", Body: meta(`{"tag":[{"code":"x"}]}`), Status: 404},
			{Name: "at a level it has not", Send: "POST Patient/$meta-add", Body: meta(`{"tag":[{"code":"x"}]}`), Status: 404},
			{Name: "an operation there is not", Send: "GET Patient/p/$nothing", Status: 404},
			{
				Name: "in a batch", Send: "POST ", Status: 200,
				Body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"POST","url":"Patient/p/$meta-add"},"resource":` + meta(`{"tag":[{"code":"b"}]}`) + `},{"request":{"method":"GET","url":"Patient/p/$meta"}}]}`,
				Has:  []string{"entry.0.resource." + returned + "tag.0.code = b", "entry.1.resource." + returned + "tag.0.code = b", "entry.0.response.status = 200 OK"},
			},
			{
				Name: "in a transaction", Send: "POST ", Status: 200,
				Body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/p/$meta"}},{"request":{"method":"POST","url":"$meta"},"resource":{"resourceType":"Parameters"}}]}`,
				Has:  []string{"entry.0.resource." + returned + "tag.0.code = b"},
			},
			{
				Name: "a change in a transaction", Send: "POST ", Status: 400,
				Body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"POST","url":"Patient/p/$meta-add"},"resource":` + meta(`{"tag":[{"code":"c"}]}`) + `}]}`,
			},
			{Name: "it is said", Send: "GET metadata", Status: 200, Has: []string{
				`rest.0.operation = [{"definition":"http://hl7.org/fhir/OperationDefinition/Resource-meta","name":"meta"}]`,
				`rest.0.resource.0.operation.2 = {"definition":"http://hl7.org/fhir/OperationDefinition/Resource-meta-delete","name":"meta-delete"}`,
			}},
		})
	})
}
