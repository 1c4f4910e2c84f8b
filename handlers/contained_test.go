package handlers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

// addresses returns the entries of a searchset as "mode fullUrl Type/id".
func (r *reply) addresses() []string {
	var bundle struct {
		Entry []struct {
			FullURL  string
			Resource struct{ ResourceType, ID string }
			Search   struct{ Mode string }
		}
	}
	if err := json.Unmarshal(r.body, &bundle); err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, e := range bundle.Entry {
		all = append(all, strings.Join([]string{e.Search.Mode, strings.TrimPrefix(e.FullURL, base+"/"), e.Resource.ResourceType + "/" + e.Resource.ID}, " "))
	}
	return all
}

// mixture writes a prescription with contained medications of some statuses.
func mixture(id string, statuses ...string) string {
	var contained []string
	for i, status := range statuses {
		contained = append(contained, fmt.Sprintf(`{"resourceType":"Medication","id":"m%d","status":%q,"code":{"text":"c"},"text":{"status":"empty","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"}}`, i, status))
	}
	return fmt.Sprintf(`{"resourceType":"MedicationRequest","id":%q,"status":"active","intent":"order","subject":{"reference":"Patient/p"},"medicationReference":{"reference":"#m0"},"contained":[%s]}`,
		id, strings.Join(contained, ","))
}

func TestContained(t *testing.T) {
	tests := []struct {
		Send   string
		Want   string // entries
		Total  string
		Status int
	}{
		{"GET Medication?status=active", "match Medication/alone Medication/alone", "1", 200},
		{"GET Medication?status=active&_contained=false", "match Medication/alone Medication/alone", "1", 200},
		{"GET Medication?status=active&_contained=true", "match MedicationRequest/a MedicationRequest/a,match MedicationRequest/b MedicationRequest/b", "2", 200},
		{"GET Medication?status=active&_contained=true&_containedType=container", "match MedicationRequest/a MedicationRequest/a,match MedicationRequest/b MedicationRequest/b", "2", 200},
		{"GET Medication?status=active&_contained=true&_containedType=contained", "match MedicationRequest/a#m0 Medication/m0,match MedicationRequest/b#m1 Medication/m1", "2", 200},
		{"GET Medication?_contained=true&_containedType=contained", "match MedicationRequest/a#m0 Medication/m0,match MedicationRequest/a#m1 Medication/m1,match MedicationRequest/b#m0 Medication/m0,match MedicationRequest/b#m1 Medication/m1", "4", 200},
		{"GET Medication?status=active&_contained=both", "match MedicationRequest/a MedicationRequest/a,match Medication/alone Medication/alone,match MedicationRequest/b MedicationRequest/b", "3", 200},
		{"GET Medication?status=active&_contained=both&_containedType=contained", "match MedicationRequest/a#m0 Medication/m0,match Medication/alone Medication/alone,match MedicationRequest/b#m1 Medication/m1", "3", 200},
		{"GET Medication?status=active&_contained=true&_total=accurate&_count=1", "match MedicationRequest/a MedicationRequest/a", "2", 200},
		{"GET Medication?status=active&_contained=true&_summary=count", "", "2", 200},
		{"GET Medication?status=active&_contained=true&_sort=-_id", "match MedicationRequest/b MedicationRequest/b,match MedicationRequest/a MedicationRequest/a", "2", 200},
		{"GET MedicationRequest?medication.status=active", "match MedicationRequest/a MedicationRequest/a", "1", 200},
		{"POST Medication/_search?status=active&_contained=true", "match MedicationRequest/a MedicationRequest/a,match MedicationRequest/b MedicationRequest/b", "2", 200},
		{"GET ?_type=Medication&status=active&_contained=true", "match MedicationRequest/a MedicationRequest/a,match MedicationRequest/b MedicationRequest/b", "2", 200},
		{"GET Medication?_contained=true&_containedType=contained&_total=accurate", "", "", 400},
		{"GET Medication?_contained=true&_containedType=contained&_count=0", "", "", 400},
		{"GET Medication?_contained=true&_containedType=inner", "", "", 400},
		{"GET Medication?_containedType=contained", "", "", 400},
		{"GET Patient/p/MedicationRequest?_contained=true", "", "", 400},
		{"DELETE Medication?_contained=true&status=active", "", "", 400},
	}
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(mixture("a", "active", "inactive"), `{"resourceType":"Medication","id":"alone","status":"active"}`, mixture("b", "inactive", "active"))
		for _, test := range tests {
			got := c.send(test.Send, "")
			if got.status != test.Status || got.status == 200 && (strings.Join(got.addresses(), ",") != test.Want || got.at("total") != test.Total) {
				t.Errorf("%s: status %d\n%s", test.Send, got.status, got.body)
			}
		}
		got := c.send("GET Medication?_contained=true&_containedType=contained&status=active&_elements=status", "")
		if got.at("entry.0.resource.code.text") == "" && got.at("entry.0.resource.text.div") == "" && got.at("entry.0.resource.meta.tag.0.code") == "SUBSETTED" && got.at("entry.0.resource.status") == "active" {
			return
		}
		t.Errorf("a part of a contained resource: %s", got.body)
	})
}

// TestContainedPages walks through contained resources.
func TestContainedPages(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		for i := range 5 {
			statuses := slices.Repeat([]string{"active"}, 1+i%3)
			c.store(mixture(fmt.Sprint("r", i), append(statuses, "inactive")...))
		}
		want := c.send("GET Medication?_contained=true&_containedType=contained&status=active&_count=100", "").addresses()
		if len(want) != 9 {
			t.Fatalf("all at once: %v", want)
		}
		for count := 1; count < 6; count++ {
			var all []string
			got := c.send(fmt.Sprintf("GET Medication?_contained=true&_containedType=contained&status=active&_count=%d", count), "")
			last := ""
			for {
				page := got.addresses()
				if len(page) > max(count, 3) {
					t.Errorf("a page of %d has %v", count, page)
				}
				all = append(all, page...)
				next := got.next()
				if next == "" {
					break
				}
				last = next
				got = c.send("GET "+next, "")
			}
			if !slices.Equal(all, want) {
				t.Errorf("by pages of %d: %v, want %v", count, all, want)
			}
			if last == "" {
				continue
			}
			var back []string
			for at := last; at != ""; at = got.link("prev") {
				got = c.send("GET "+at, "")
				back = append(got.addresses(), back...)
			}
			if !slices.Equal(back, want) {
				t.Errorf("back by pages of %d: %v, want %v", count, back, want)
			}
		}
	})
}
