package handlers_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestHierarchySearch(t *testing.T) {
	tests := []struct {
		Send   string
		Want   string // entries
		Status int
	}{
		{"GET Patient?organization:below=top", "match Patient/p", 200},
		{"GET Patient?organization:below={base}/Organization/top", "match Patient/p", 200},
		{"GET Patient?organization=top", "", 200},
		{"GET Patient?organization:above=low", "match Patient/p", 200},
		{"GET Observation?patient.organization:below=mid&_sort=_id", "match Observation/o1,match Observation/o2", 200},
		{"GET Organization?partof:below=top&_sort=_id", "match Organization/low,match Organization/mid", 200},
		{"GET Patient?general-practitioner:below=Practitioner/d", "", 400},
		{"DELETE Patient?organization:below=Practitioner/d", "", 400},
		{"DELETE Patient?organization:below=top", "", 204},
	}
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(included...)
		for _, test := range tests {
			got := c.send(test.Send, "")
			if got.status != test.Status || got.status == 200 && strings.Join(got.entries(), ",") != test.Want {
				t.Errorf("%s: status %d\n%s", test.Send, got.status, got.body)
			}
		}
	})
}
