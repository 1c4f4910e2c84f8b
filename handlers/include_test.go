package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
)

// entries returns the entries of a searchset as "mode Type/id".
func (r *reply) entries() []string {
	var bundle struct {
		Entry []struct {
			Resource struct{ ResourceType, ID string }
			Search   struct{ Mode string }
		}
	}
	if err := json.Unmarshal(r.body, &bundle); err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, e := range bundle.Entry {
		if e.Search.Mode == "outcome" {
			all = append(all, "outcome")
			continue
		}
		all = append(all, e.Search.Mode+" "+e.Resource.ResourceType+"/"+e.Resource.ID)
	}
	return all
}

// included is a small clinic: a patient with a chain of observations, a doctor and
// a tree of organizations.
var included = []string{
	`{"resourceType":"Organization","id":"top"}`,
	`{"resourceType":"Organization","id":"mid","partOf":{"reference":"Organization/top"}}`,
	`{"resourceType":"Organization","id":"low","partOf":{"reference":"Organization/mid"}}`,
	`{"resourceType":"Practitioner","id":"d"}`,
	`{"resourceType":"Patient","id":"p","managingOrganization":{"reference":"Organization/low"},"generalPractitioner":[{"reference":"Practitioner/d"}]}`,
	`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/p"}}`,
	`{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"encounter":{"reference":"{base}/Encounter/e"},"performer":[{"reference":"Practitioner/d"},{"reference":"Practitioner/gone"}],"effectiveDateTime":"2020-01-01"}`,
	`{"resourceType":"Observation","id":"o2","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p"},"hasMember":[{"reference":"Observation/o1"}],"effectiveDateTime":"2020-01-02"}`,
	`{"resourceType":"Observation","id":"o3","status":"final","code":{"text":"x"},"derivedFrom":[{"reference":"Observation/o2"}],"effectiveDateTime":"2020-01-03"}`,
}

func TestIncludes(t *testing.T) {
	tests := []struct {
		Name string
		Send string
		Want string // entries
	}{
		{Name: "one reference", Send: "Observation?_id=o1&_include=Observation:subject", Want: "match Observation/o1,include Patient/p"},
		{Name: "each resource once", Send: "Observation?_include=Observation:subject&_include=Observation:patient", Want: "match Observation/o1,match Observation/o2,match Observation/o3,include Patient/p"},
		{Name: "what is not there is left out", Send: "Observation?_id=o1&_include=Observation:performer", Want: "match Observation/o1,include Practitioner/d"},
		{Name: "written with the base URL", Send: "Observation?_id=o1&_include=Observation:encounter", Want: "match Observation/o1,include Encounter/e"},
		{Name: "typed", Send: "Observation?_id=o1&_include=Observation:performer:Organization", Want: "match Observation/o1"},
		{Name: "every reference", Send: "Observation?_id=o1&_include=*", Want: "match Observation/o1,include Encounter/e,include Patient/p,include Practitioner/d"},
		{Name: "every reference of a type", Send: "Observation?_id=o2&_include=Observation:*", Want: "match Observation/o2,include Observation/o1,include Patient/p"},
		{Name: "a match is not included", Send: "Observation?_id=o1,o2&_include=Observation:has-member", Want: "match Observation/o1,match Observation/o2"},
		{Name: "not from what is included", Send: "Observation?_id=o3&_include=Observation:derived-from&_include=Observation:has-member", Want: "match Observation/o3,include Observation/o2"},
		{Name: "from what is included", Send: "Observation?_id=o3&_include=Observation:derived-from&_include:iterate=Observation:has-member", Want: "match Observation/o3,include Observation/o1,include Observation/o2"},
		{Name: "further and further", Send: "Patient?_include=Patient:organization&_include:iterate=Organization:partof", Want: "match Patient/p,include Organization/low,include Organization/mid,include Organization/top"},
		{Name: "the other way", Send: "Patient?_revinclude=Observation:subject", Want: "match Patient/p,include Observation/o1,include Observation/o2"},
		{Name: "the other way, to the base URL", Send: "Encounter?_revinclude=Observation:encounter", Want: "match Encounter/e,include Observation/o1"},
		{Name: "the other way, every reference", Send: "Practitioner?_revinclude=Observation:*", Want: "match Practitioner/d,include Observation/o1"},
		{Name: "the other way, from what is included", Send: "Patient?_revinclude=Encounter:patient&_revinclude:iterate=Observation:encounter", Want: "match Patient/p,include Encounter/e,include Observation/o1"},
		{Name: "both ways", Send: "Encounter?_include=Encounter:patient&_revinclude=Observation:encounter", Want: "match Encounter/e,include Observation/o1,include Patient/p"},
		{Name: "of a page", Send: "Observation?_sort=-date&_count=1&_include=Observation:*", Want: "match Observation/o3,include Observation/o2"},
		{Name: "in a compartment", Send: "Patient/p/Encounter?_revinclude=Observation:encounter", Want: "match Encounter/e,include Observation/o1"},
		{Name: "on the whole system", Send: "?_id=o1&_include=Observation:subject", Want: "match Observation/o1,include Patient/p"},
	}
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(included...)
		for _, test := range tests {
			t.Run(test.Name, func(t *testing.T) {
				got := c.send("GET "+test.Send, "")
				entries := got.entries()
				if n := slices.IndexFunc(entries, func(e string) bool { return strings.HasPrefix(e, "include") }); n >= 0 {
					slices.Sort(entries[n:])
				}
				if list := strings.Join(entries, ","); list != test.Want {
					t.Errorf("got %s\nwant %s\nstatus %d", list, test.Want, got.status)
				}
			})
		}
		c.walk(t, []step{
			{Name: "the total is of matches", Send: "GET Patient?_revinclude=Observation:subject", Status: 200, Has: []string{"total = 1", "link.0.url = {base}/Patient?_revinclude=Observation%3Asubject"}},
			{Name: "counted", Send: "GET Patient?_revinclude=Observation:subject&_summary=count", Status: 200, Has: []string{"total = 1", "entry ="}},
			{Name: "with narratives only", Send: "GET Patient?_revinclude=Observation:subject&_summary=text", Status: 400},
			{Name: "in summary", Send: "GET Patient?_include=Patient:organization&_summary=true", Status: 200, Has: []string{"entry.1.resource.meta.tag.0.code = SUBSETTED"}},
			{Name: "elements of matches", Send: "GET Observation?_id=o1&_include=Observation:subject&_elements=status", Status: 200, Has: []string{"entry.0.resource.subject =", "entry.1.resource.managingOrganization.reference = Organization/low"}},
			{Name: "elements of what is included", Send: "GET Observation?_id=o1&_include=Observation:subject&_elements=status,Patient.active", Status: 200, Has: []string{"entry.1.resource.managingOrganization ="}},
			{Name: "no such parameter", Send: "GET Observation?_include=Observation:nonsense", Status: 400},
			{Name: "no reference", Send: "GET Observation?_include=Observation:code", Status: 400},
			{Name: "no type", Send: "GET Observation?_include=subject", Status: 400},
			{Name: "of what is no match", Send: "GET Observation?_include=Patient:organization", Status: 400},
			{Name: "left out", Send: "GET Observation?_id=o1&_include=Observation:nonsense", With: []string{"Prefer: handling=lenient"}, Status: 200, Has: []string{"entry.1.search.mode = outcome"}},
			{Name: "a condition", Send: "DELETE Observation?_id=o1&_include=Observation:subject", Status: 400},
		})
	})
}

// TestIncludeLimits includes more than there is room for, and deeper than it goes.
func TestIncludeLimits(t *testing.T) {
	overTransactions(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(`{"resourceType":"Patient","id":"p"}`)
		var entries []string
		for i := range 1100 {
			entries = append(entries, fmt.Sprintf(`{"request":{"method":"PUT","url":"Basic/b%d"},"resource":{"resourceType":"Basic","id":"b%d","code":{"text":"x"},"subject":{"reference":"Patient/p"}}}`, i, i))
		}
		if got := c.send("POST ", `{"resourceType":"Bundle","type":"transaction","entry":[`+strings.Join(entries, ",")+`]}`); got.status != 200 {
			t.Fatalf("status %d", got.status)
		}
		got := c.send("GET Patient?_revinclude=Basic:patient", "").entries()
		if len(got) != 1002 || got[1001] != "outcome" {
			t.Errorf("there are %d entries", len(got))
		}
		for i := range 8 {
			c.store(fmt.Sprintf(`{"resourceType":"Organization","id":"o%d","partOf":{"reference":"Organization/o%d"}}`, i, i+1))
		}
		deep := c.send("GET Organization?_id=o0&_include:iterate=Organization:partof", "").entries()
		if want := "match Organization/o0,include Organization/o1,include Organization/o2,include Organization/o3,include Organization/o4,outcome"; strings.Join(deep, ",") != want {
			t.Errorf("got %v", deep)
		}
		c.store(`{"resourceType":"Organization","id":"o4","partOf":{"reference":"Organization/o0"}}`)
		if round := c.send("GET Organization?_id=o0&_include:iterate=Organization:partof", "").entries(); len(round) < 5 || len(round) > 6 {
			t.Errorf("in a circle: got %v", round)
		}
	})
}

// TestIncludePolicy includes nothing that the caller may not see.
func TestIncludePolicy(t *testing.T) {
	access := search.Everything()
	o := handlers.Options{Access: func(*http.Request) (search.Access, error) { return access, nil }}
	overStores(t, o, func(t *testing.T, c *client) {
		access = search.Everything()
		c.store(included...)
		access = search.Only(search.Grant{Type: "Observation"}, search.Grant{Type: "Encounter"})
		for _, address := range []string{"Observation?_id=o1&_include=*&_include:iterate=Patient:*", "Encounter?_include=Encounter:patient&_revinclude:iterate=Observation:patient"} {
			for _, entry := range c.send("GET "+address, "").entries() {
				if !strings.Contains(entry, "Observation/") && !strings.Contains(entry, "Encounter/") {
					t.Errorf("%s: %s", address, entry)
				}
			}
		}
	})
}
