package handlers_test

import (
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

// store stores resources under the ids they have.
func (c *client) store(resources ...string) {
	c.Helper()
	for _, text := range resources {
		r, err := codec.ParseJSON([]byte(c.fill(text)))
		if err != nil {
			c.Fatal(err)
		}
		if got := c.send("PUT "+r.Key().String(), text); got.status != 201 && got.status != 200 {
			c.Fatalf("PUT %s: status %d\n%s", r.Key(), got.status, got.body)
		}
	}
}

func TestCompartments(t *testing.T) {
	const asForm = "Content-Type: application/x-www-form-urlencoded"
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(
			`{"resourceType":"Patient","id":"a"}`,
			`{"resourceType":"Patient","id":"b","link":[{"other":{"reference":"Patient/a"},"type":"seealso"},{"other":{"reference":"RelatedPerson/r"},"type":"seealso"}]}`,
			`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/a"}}`,
			`{"resourceType":"Encounter","id":"f","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/b"}}`,
			`{"resourceType":"Observation","id":"a1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"encounter":{"reference":"Encounter/e"},"effectiveDateTime":"2020-01-01"}`,
			`{"resourceType":"Observation","id":"a2","status":"amended","code":{"text":"x"},"subject":{"reference":"Patient/a"},"performer":[{"reference":"Practitioner/d"}],"effectiveDateTime":"2020-01-02"}`,
			`{"resourceType":"Observation","id":"b1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"},"device":{"reference":"Device/m"}}`,
		)
		c.walk(t, []step{
			{Name: "a type", Send: "GET Patient/a/Observation", Status: 200, Has: []string{"total = 2", "entry.0.resource.id = a1", "entry.1.resource.id = a2", "link.0.url = {base}/Patient/a/Observation", "entry.0.search.mode = match"}},
			{Name: "a type and a parameter", Send: "GET Patient/a/Observation?status=final", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = a1", "link.0.url = {base}/Patient/a/Observation?status=final"}},
			{Name: "the parameters are those of the type", Send: "GET Patient/a/Observation?family=x", Status: 400},
			{Name: "posted", Send: "POST Patient/a/Observation/_search", With: []string{asForm}, Body: "status=amended", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = a2", "link.0.url = {base}/Patient/a/Observation?status=amended"}},
			{Name: "every type", Send: "GET Patient/a/*", Status: 200, Has: []string{"total = 5", "link.0.url = {base}/Patient/a/*"}},
			{Name: "every type, posted", Send: "POST Patient/a/*/_search", With: []string{asForm}, Body: "_type=Encounter,Patient", Status: 200, Has: []string{"total = 3", "link.0.url = {base}/Patient/a/*?_type=Encounter%2CPatient"}},
			{Name: "some of them", Send: "GET Patient/a/*?_type=Encounter", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = e"}},
			{Name: "one that is never there", Send: "GET Patient/a/*?_type=Organization", Status: 200, Has: []string{"total = 0"}},
			{Name: "the patient and who is linked", Send: "GET Patient/a/Patient?_sort=_id", Status: 200, Has: []string{"total = 2", "entry.0.resource.id = a", "entry.1.resource.id = b"}},
			{Name: "sorted and counted", Send: "GET Patient/a/Observation?_sort=-date&_count=1&_total=accurate", Status: 200, Has: []string{"total = 2", "entry.0.resource.id = a2", "link.1.relation = next"}},
			{Name: "encounter", Send: "GET Encounter/e/Observation", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = a1"}},
			{Name: "encounter, all", Send: "GET Encounter/e/*?_sort=_id", Status: 200, Has: []string{"total = 2", "entry.0.resource.id = a1", "entry.1.resource.id = e"}},
			{Name: "encounter, itself", Send: "GET Encounter/e/Encounter", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = e"}},
			{Name: "practitioner", Send: "GET Practitioner/d/*", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = a2"}},
			{Name: "related person", Send: "GET RelatedPerson/r/Patient", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = b"}},
			{Name: "device", Send: "GET Device/m/Observation", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = b1"}},
			{Name: "of nobody", Send: "GET Patient/nobody/Observation", Status: 200, Has: []string{"total = 0"}},
			{Name: "a type that is never there", Send: "GET Patient/a/Organization", Status: 404},
			{Name: "a type there is not", Send: "GET Patient/a/Human", Status: 404},
			{Name: "no compartment", Send: "GET Organization/o/Observation", Status: 404},
			{Name: "too deep", Send: "GET Patient/a/Observation/a1", Status: 404},
			{Name: "too deep, all", Send: "GET Patient/a/*/a1", Status: 404},
			{Name: "an operation", Send: "GET Patient/a/Observation/$stats", Status: 404},
			{Name: "written to", Send: "POST Patient/a/Observation", Body: `{"resourceType":"Observation"}`, Status: 405, Header: []string{"Allow: GET, HEAD"}},
			{Name: "deleted from", Send: "DELETE Patient/a/Observation?status=final", Status: 405},
			{
				Name: "in a transaction", Send: "POST ", Status: 200, Has: []string{"entry.0.resource.total = 2"},
				Body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/a/Observation"}}]}`,
			},
			{
				Name: "deleted from in a transaction", Send: "POST ", Status: 405,
				Body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Patient/a/Observation?status=final"}}]}`,
			},
			{Name: "nothing is lost", Send: "GET Observation?_summary=count", Status: 200, Has: []string{"total = 3"}},
			{Name: "it is said", Send: "GET metadata", Status: 200, Text: `"compartment":["http://hl7.org/fhir/CompartmentDefinition/device","http://hl7.org/fhir/CompartmentDefinition/encounter","http://hl7.org/fhir/CompartmentDefinition/patient","http://hl7.org/fhir/CompartmentDefinition/practitioner","http://hl7.org/fhir/CompartmentDefinition/relatedPerson"]`},
		})
	})
}
