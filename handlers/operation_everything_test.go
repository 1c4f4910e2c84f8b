package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/store"
)

// ward is what two patients have, and what belongs to nobody.
var ward = []string{
	`{"resourceType":"Organization","id":"clinic"}`,
	`{"resourceType":"Organization","id":"other"}`,
	`{"resourceType":"Practitioner","id":"direct"}`,
	`{"resourceType":"Practitioner","id":"by-role"}`,
	`{"resourceType":"Practitioner","id":"nobodys"}`,
	`{"resourceType":"PractitionerRole","id":"role","practitioner":{"reference":"Practitioner/by-role"}}`,
	`{"resourceType":"Medication","id":"m"}`,
	`{"resourceType":"Location","id":"l"}`,
	`{"resourceType":"Device","id":"scanner"}`,
	`{"resourceType":"Device","id":"implant-b","patient":{"reference":"Patient/b"}}`,
	`{"resourceType":"Patient","id":"a","managingOrganization":{"reference":"Organization/clinic"}}`,
	`{"resourceType":"Patient","id":"b","managingOrganization":{"reference":"Organization/other"}}`,
	`{"resourceType":"Encounter","id":"ea","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/a"},"location":[{"location":{"reference":"Location/l"}}],"period":{"start":"2020-03-01","end":"2020-03-20"}}`,
	`{"resourceType":"Encounter","id":"eb","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/b"}}`,
	`{"resourceType":"Observation","id":"oa1","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"encounter":{"reference":"Encounter/ea"},"performer":[{"reference":"Practitioner/direct"}],"focus":[{"reference":"Patient/b"}],"effectiveDateTime":"2020-03-10"}`,
	`{"resourceType":"Observation","id":"oa2","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"performer":[{"reference":"PractitionerRole/role"},{"reference":"Practitioner/direct"}],"device":{"reference":"Device/scanner"},"effectiveDateTime":"2021-05"}`,
	`{"resourceType":"Observation","id":"oa3","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"device":{"reference":"Device/implant-b"}}`,
	`{"resourceType":"Observation","id":"ob","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"},"performer":[{"reference":"Organization/other"}]}`,
	`{"resourceType":"MedicationRequest","id":"ma","status":"active","intent":"order","subject":{"reference":"Patient/a"},"medicationReference":{"reference":"Medication/m"}}`,
	`{"resourceType":"Basic","id":"unowned","code":{"text":"x"}}`,
	`{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Patient/b"},"inactive":true}]}`,
	`{"resourceType":"Group","id":"both","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/a"}},{"entity":{"reference":"Patient/b"}}]}`,
	`{"resourceType":"Group","id":"none","type":"person","actual":false}`,
}

// ofA is everything about patient a.
const ofA = "include Device/scanner,include Location/l,include Medication/m,include Organization/clinic,include Practitioner/by-role,include Practitioner/direct,include PractitionerRole/role," +
	"match Encounter/ea,match Group/both,match Group/g,match MedicationRequest/ma,match Observation/oa1,match Observation/oa2,match Observation/oa3,match Patient/a"

func TestEverything(t *testing.T) {
	tests := []struct {
		Name string
		Send string
		Want string // entries, sorted
	}{
		{Name: "patient", Send: "Patient/a/$everything", Want: ofA},
		{Name: "group", Send: "Group/g/$everything", Want: ofA},
		{Name: "an empty group", Send: "Group/none/$everything", Want: "match Group/none"},
		{
			Name: "encounter", Send: "Encounter/ea/$everything",
			Want: "include Location/l,include Patient/a,include Practitioner/direct,match Encounter/ea,match Observation/oa1",
		},
		{Name: "types", Send: "Patient/a/$everything?_type=Observation,Patient", Want: "match Observation/oa1,match Observation/oa2,match Observation/oa3,match Patient/a"},
		{Name: "a supporting type", Send: "Patient/a/$everything?_type=Practitioner&_type=Medication", Want: "include Medication/m,include Practitioner/by-role,include Practitioner/direct"},
		{Name: "a type that is never there", Send: "Patient/a/$everything?_type=Questionnaire", Want: ""},
		{Name: "in 2020", Send: "Patient/a/$everything?start=2020&end=2020&_type=Observation,Encounter", Want: "match Encounter/ea,match Observation/oa1,match Observation/oa3"},
		{Name: "a period counts as a whole", Send: "Patient/a/$everything?start=2020-03-15&end=2020-03-16&_type=Observation,Encounter", Want: "match Encounter/ea,match Observation/oa3"},
		{Name: "what only others refer to", Send: "Patient/a/$everything?end=2020&_type=Practitioner", Want: "include Practitioner/direct"},
		{Name: "since tomorrow", Send: "Patient/a/$everything?_since=2999-01-01T00:00:00Z", Want: ""},
		{Name: "all patients", Send: "Patient/$everything?_type=Patient,Observation,Basic,Organization,Practitioner", Want: "include Organization/clinic,include Organization/other,include Practitioner/by-role,include Practitioner/direct," +
			"match Observation/oa1,match Observation/oa2,match Observation/oa3,match Observation/ob,match Patient/a,match Patient/b"},
	}
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(ward...)
		for _, test := range tests {
			t.Run(test.Name, func(t *testing.T) {
				got := c.send("GET "+test.Send, "")
				entries := got.entries()
				slices.Sort(entries)
				if list := strings.Join(entries, ","); list != test.Want || got.status != 200 {
					t.Errorf("status %d\n got %s\nwant %s", got.status, list, test.Want)
				}
			})
		}
		t.Run("pages", func(t *testing.T) {
			for _, address := range []string{"Patient/a/$everything", "Group/both/$everything", "Encounter/ea/$everything", "Patient/$everything"} {
				whole := c.send("GET "+address, "").entries()
				for count := 1; count <= len(whole); count++ {
					var entries []string
					for next := fmt.Sprintf("%s?_count=%d", address, count); next != ""; {
						got := c.send("GET "+next, "")
						if n := len(got.entries()); got.status != 200 || n > count {
							t.Fatalf("GET %s: status %d, %d entries", next, got.status, n)
						}
						for _, entry := range got.entries() {
							// What several patients refer to may come again on another page.
							if !strings.HasPrefix(entry, "include ") || !slices.Contains(entries, entry) {
								entries = append(entries, entry)
							}
						}
						next = got.next()
					}
					if !slices.Equal(entries, whole) {
						t.Errorf("%s by %d:\n got %v\nwant %v", address, count, entries, whole)
					}
				}
			}
		})
		c.walk(t, []step{
			{Name: "a Bundle", Send: "GET Patient/a/$everything", Status: 200, Has: []string{"type = searchset", "total = 8", "link.0.url = {base}/Patient/a/$everything"}},
			{Name: "posted", Send: "POST Patient/a/$everything", Body: `{"resourceType":"Parameters","parameter":[{"name":"_count","valueInteger":2},{"name":"_type","valueCode":"Observation"},{"name":"start","valueDate":"2021-01-01"}]}`, Status: 200, Has: []string{"total = 2", "link.0.url = {base}/Patient/a/$everything?start=2021-01-01&_count=2&_type=Observation"}},
			{Name: "in summary", Send: "GET Patient/a/$everything?_summary=true&_count=1", Status: 200, Has: []string{"entry.0.resource.meta.tag.0.code = SUBSETTED"}},
			{Name: "of nobody", Send: "GET Patient/nobody/$everything", Status: 404},
			{Name: "of what has none", Send: "GET Observation/oa1/$everything", Status: 404},
			{Name: "of all encounters", Send: "GET Encounter/$everything", Status: 404},
			{Name: "a date that is none", Send: "GET Patient/a/$everything?start=yesterday", Status: 400, Text: "start"},
			{Name: "a count that is none", Send: "GET Patient/a/$everything?_count=0", Status: 400, Text: "_count"},
			{Name: "a type there is not", Send: "GET Patient/a/$everything?_type=Human", Status: 400, Text: "_type"},
			{Name: "a parameter there is not", Send: "GET Patient/a/$everything?code=x", Status: 400, Text: "code"},
			{Name: "a cursor that is none", Send: "GET Patient/a/$everything?_cursor=x", Status: 400},
			{Send: "DELETE Patient/b", Status: 204},
			{Name: "of who is gone", Send: "GET Patient/b/$everything", Status: 410},
			{
				Name: "in a transaction", Send: "POST ", Status: 200, Has: []string{"entry.0.resource.total = 8"},
				Body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"GET","url":"Patient/a/$everything"}}]}`,
			},
		})
	})
}

// TestEverythingFollows follows references that no search parameter knows, and further.
func TestEverythingFollows(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(
			`{"resourceType":"Patient","id":"a"}`, `{"resourceType":"Patient","id":"b"}`,
			`{"resourceType":"Location","id":"origin","partOf":{"reference":"Location/campus"}}`, `{"resourceType":"Location","id":"campus","managingOrganization":{"reference":"Organization/owner"}}`,
			`{"resourceType":"Organization","id":"owner","partOf":{"reference":"Organization/far"}}`, `{"resourceType":"Organization","id":"far"}`, `{"resourceType":"Organization","id":"maker"}`,
			`{"resourceType":"Practitioner","id":"extended"}`,
			`{"resourceType":"Binary","id":"scan","contentType":"text/plain","data":"eA=="}`,
			`{"resourceType":"Device","id":"own","patient":{"reference":"Patient/a"},"parent":{"reference":"Device/foreign"}}`,
			`{"resourceType":"Device","id":"foreign","patient":{"reference":"Patient/b"}}`,
			`{"resourceType":"Medication","id":"in","manufacturer":{"reference":"{base}/Organization/maker"}}`,
			`{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/a"},"hospitalization":{"origin":{"reference":"Location/origin"}},"account":[{"reference":"Account/acc"}]}`,
			`{"resourceType":"Account","id":"acc","status":"active"}`,
			`{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/a"},"extension":[{"url":"http://example.org/by","valueReference":{"reference":"Practitioner/extended/_history/1"}}]}`,
			`{"resourceType":"DocumentReference","id":"d","status":"current","subject":{"reference":"Patient/a"},"content":[{"attachment":{"url":"Binary/scan"}}]}`,
			`{"resourceType":"MedicationRequest","id":"m","status":"active","intent":"order","subject":{"reference":"Patient/a"},"medicationReference":{"reference":"Medication/in"}}`,
			`{"resourceType":"Appointment","id":"shared","status":"booked","participant":[{"actor":{"reference":"Patient/a"},"status":"accepted"},{"actor":{"reference":"Patient/b"},"status":"accepted"}]}`,
			`{"resourceType":"Observation","id":"ob","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/b"},"performer":[{"reference":"Practitioner/extended"}]}`,
			`{"resourceType":"Group","id":"both","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/b"}},{"entity":{"reference":"Patient/a"}}]}`,
		)
		const supports = "include Binary/scan,include Device/own,include Location/campus,include Location/origin,include Medication/in,include Organization/maker,include Organization/owner,include Practitioner/extended"
		for _, test := range []struct{ Send, Want string }{
			{"Patient/a/$everything?_type=Binary,Device,Location,Medication,Organization,Practitioner", supports},
			{"Patient/a/$everything?_type=Device,Observation", "include Device/own,match Observation/o"},
			{"Encounter/e/$everything", "include Account/acc,include Location/campus,include Location/origin,include Organization/owner,include Patient/a,match Encounter/e"},
			{"Group/both/$everything?_type=Appointment,Group,Practitioner,Device", "include Device/foreign,include Device/own,include Practitioner/extended,match Appointment/shared,match Group/both"},
			{"Patient/$everything?_type=Appointment,Practitioner", "include Practitioner/extended,match Appointment/shared"},
			{"Patient/b/$everything?_type=Appointment,Practitioner,Device", "include Device/foreign,include Practitioner/extended,match Appointment/shared"},
		} {
			got := c.send("GET "+test.Send, "")
			entries := got.entries()
			slices.Sort(entries)
			if list := strings.Join(entries, ","); list != test.Want || got.status != 200 {
				t.Errorf("%s: status %d\n got %s\nwant %s", test.Send, got.status, list, test.Want)
			}
		}
		// What comes with a patient who is gone meanwhile comes with the next.
		first := c.send("GET Patient/$everything?_count=1", "")
		c.walk(t, []step{{Send: "DELETE Patient/a", Status: 204}, {Send: "GET " + first.next(), Status: 200, Has: []string{"entry.0.search.mode = match"}}})
	})
}

// A countingStore counts the versions that are read.
type countingStore struct {
	store.Store
	read int
}

func (s *countingStore) Search(ctx context.Context, who search.Access, q *search.Query) (*store.Page, error) {
	page, err := s.Store.Search(ctx, who, q)
	if err == nil {
		s.read += len(page.Versions)
	}
	return page, err
}

func (s *countingStore) Read(ctx context.Context, who search.Access, key fhir.Key) (*store.Version, error) {
	s.read++
	return s.Store.Read(ctx, who, key)
}

// TestEverythingWork checks that a page reads about what it shows, however many there
// are.
func TestEverythingWork(t *testing.T) {
	var counting *countingStore
	c := newClient(t, func(t testing.TB, r *search.Registry) store.Store {
		counting = &countingStore{Store: openSQLite(t, r)}
		return counting
	}, handlers.Options{})
	var members, entries []string
	for i := range 150 {
		id := fmt.Sprintf("p%03d", i)
		members = append(members, `{"entity":{"reference":"Patient/`+id+`"}}`)
		entries = append(entries, `{"request":{"method":"PUT","url":"Patient/`+id+`"},"resource":{"resourceType":"Patient","id":"`+id+`"}}`)
		for j := range 3 {
			entries = append(entries, fmt.Sprintf(`{"request":{"method":"POST","url":"Observation"},"resource":{"resourceType":"Observation","status":"final","code":{"text":"%d"},"subject":{"reference":"Patient/%s"}}}`, j, id))
		}
	}
	if got := c.send("POST ", `{"resourceType":"Bundle","type":"batch","entry":[`+strings.Join(entries, ",")+`]}`); got.status != 200 {
		t.Fatalf("status %d", got.status)
	}
	c.store(`{"resourceType":"Group","id":"g","type":"person","actual":true,"member":[` + strings.Join(members, ",") + `]}`)
	for address, total := range map[string]int{"Group/g/$everything": 601, "Patient/$everything": 601, "Patient/$everything?_type=Questionnaire": 0} {
		seen, pages := map[string]bool{}, 0
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		for next := address + separator + "_count=10"; next != ""; pages++ {
			counting.read = 0
			got := c.send("GET "+next, "")
			if got.status != 200 || counting.read > 250 {
				t.Fatalf("GET %s: status %d, %d versions were read", next, got.status, counting.read)
			}
			for _, entry := range got.entries() {
				if seen[entry] {
					t.Errorf("%s comes twice", entry)
				}
				seen[entry] = true
			}
			next = got.next()
		}
		if len(seen) != total {
			t.Errorf("%s: %d resources on %d pages, want %d", address, len(seen), pages, total)
		}
	}
}

// TestEverythingPolicy lets nothing out that the caller may not see, neither by
// itself nor by what refers to it.
func TestEverythingPolicy(t *testing.T) {
	access := search.Everything()
	o := handlers.Options{Access: func(*http.Request) (search.Access, error) { return access, nil }}
	overStores(t, o, func(t *testing.T, c *client) {
		access = search.Everything()
		c.store(ward...)
		registry := newRegistry(t)
		var grants []search.Grant
		for _, typ := range []string{"Patient", "Observation"} {
			within, _ := registry.Compartment("Patient", "a", typ)
			grants = append(grants, search.Grant{Type: typ, Where: []search.Clause{within}})
		}
		grants = append(grants, search.Grant{Type: "Organization"}, search.Grant{Type: "Practitioner"}, search.Grant{Type: "Group"})
		access = search.Only(grants...)
		const mine = "include Organization/clinic,include Practitioner/direct,match Group/both,match Group/g,match Observation/oa1,match Observation/oa2,match Observation/oa3,match Patient/a"
		for address, want := range map[string]string{
			"Patient/a/$everything":  mine,
			"Group/both/$everything": mine,
			"Patient/$everything":    mine,
		} {
			entries := c.send("GET "+address, "").entries()
			slices.Sort(entries)
			if got := strings.Join(entries, ","); got != want {
				t.Errorf("%s:\n got %s\nwant %s", address, got, want)
			}
		}
		for _, address := range []string{"Patient/b/$everything", "Encounter/ea/$everything"} {
			if got := c.send("GET "+address, ""); got.status != 404 {
				t.Errorf("%s: status %d", address, got.status)
			}
		}
	})
}
