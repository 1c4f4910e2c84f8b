package mongodb_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// A plan is what an explain says, as far as MongoDB and a database on PostgreSQL
// both say it.
type plan struct {
	scans   []string // of collections as a whole
	indexes []string // read
}

// read collects what an explain tells, in whichever of the two shapes.
func (p *plan) read(v any) {
	switch v := v.(type) {
	case bson.M:
		for name, value := range v {
			p.member(name, value)
		}
	case bson.D:
		for _, e := range v {
			p.member(e.Key, e.Value)
		}
	case bson.A:
		for _, e := range v {
			p.read(e)
		}
	}
}

func (p *plan) member(name string, value any) {
	text, _ := value.(string)
	switch {
	case name == "rejectedPlans" || name == "command" || name == "IndexCosts":
		return
	case name == "stage" && text == "COLLSCAN", name == "Node Type" && strings.Contains(text, "Seq Scan"):
		p.scans = append(p.scans, text)
	case name == "indexName":
		p.indexes = append(p.indexes, text)
	}
	p.read(value)
}

// nameOf is the name that databases give an index.
func nameOf(keys bson.D) string {
	if len(keys) == 1 && keys[0].Key == "_id" {
		return "_id_"
	}
	var parts []string
	for _, e := range keys {
		parts = append(parts, fmt.Sprint(e.Key, "_", e.Value))
	}
	return strings.Join(parts, "_")
}

// TestPlan holds the reading of plans to both shapes.
func TestPlan(t *testing.T) {
	tests := []struct{ name, explain, scans, indexes string }{
		{"MongoDB, by an index", `{"queryPlanner":{"winningPlan":{"stage":"FETCH","inputStage":{"stage":"IXSCAN","indexName":"k_1_d_1_n_1"}},"rejectedPlans":[{"stage":"COLLSCAN"}]}}`, "[]", "[k_1_d_1_n_1]"},
		{"MongoDB, by a scan", `{"stages":[{"$cursor":{"queryPlanner":{"winningPlan":{"stage":"COLLSCAN"}}}}]}`, "[COLLSCAN]", "[]"},
		{"PostgreSQL, by an index", `{"queryPlanner":{"Plan":{"Node Type":"Limit","Plans":[{"IndexDetails":[{"indexName":"k_1_d_1_n_1"}],"Plans":[{"Node Type":"Index Scan"}]}]}}}`, "[]", "[k_1_d_1_n_1]"},
		{"PostgreSQL, by a scan", `{"queryPlanner":{"Plan":{"Node Type":"Limit","Plans":[{"Node Type":"Seq Scan"}]}}}`, "[Seq Scan]", "[]"},
	}
	for _, test := range tests {
		var explain bson.M
		if err := bson.UnmarshalExtJSON([]byte(test.explain), false, &explain); err != nil {
			t.Fatal(err)
		}
		p := plan{scans: []string{}, indexes: []string{}}
		p.read(explain)
		if fmt.Sprint(p.scans) != test.scans || fmt.Sprint(p.indexes) != test.indexes {
			t.Errorf("%s: scans %v and indexes %v, want %s and %s", test.name, p.scans, p.indexes, test.scans, test.indexes)
		}
	}
}

// asked are searches of every kind.
var asked = []string{
	"Patient?", "Observation?code=http://example.org/a|a", "Observation?code=a,b,c", "Observation?code=a&subject=Patient/p1&status=final",
	"Observation?date=2024-02", "Observation?date=ge2024-02&code=a&_sort=-date", "Observation?code:not=a", "Observation?code:missing=true",
	"Observation?value-quantity=gt1", "Observation?value-quantity=gt1&_sort=value-quantity", "Observation?_sort=-value-quantity", "Patient?_sort=family", "Patient?_sort=-family,birthdate",
	"Patient?_sort=_id", "Patient?_sort=-_lastUpdated", "Patient?_lastUpdated=gt2020&_sort=_lastUpdated", "Patient?_lastUpdated=ge2020&family=poe", "?_sort=-_lastUpdated", "?_sort=_id", "?", "?_type=Patient,Observation",
	"?_lastUpdated=gt2020", "?_tag=x", "Patient?_id=p1,p2,p3", "?_id=p1,o2", "Patient?_content=poe", "Patient?_content=poe NOT roe", "Patient?_content=po*", `Patient?_text="a b"`, "?_content=poe OR final",
	"Observation?subject:Patient.family=poe", "Observation?subject:Patient.family=poe&code=a", "Patient?_has:Observation:subject:code=a", "Patient?_has:Observation:subject:status=final,amended&gender=male", "Observation?_sort=code", "Patient?_list=l",
	"Patient?_filter=family eq poe or gender eq male", "Patient?_filter=not (family eq poe)", "Observation?_sort=-date", "Observation?_sort=date&code=a&value-quantity=gt0",
}

// TestPlans puts searches of every kind and looks how the database would answer
// each question that comes of them: by the index it was told, never by going
// through the collection.
func TestPlans(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
	for i := range 60 {
		for _, text := range somebody(i) {
			if _, err := s.Put(ctx, all, write(t, reg, text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var mu sync.Mutex
	var now string
	questions := 0
	mongodb.Explained(s, func(hint bson.D, explained bson.M, err error) {
		mu.Lock()
		defer mu.Unlock()
		questions++
		p := plan{}
		p.read(explained)
		switch text, _ := json.MarshalIndent(explained, "", " "); {
		case err != nil:
			t.Errorf("%s: %v", now, err)
		case len(p.scans) > 0 || !slices.Contains(p.indexes, nameOf(hint)) && nameOf(hint) != "_id_":
			t.Errorf("%s: by %v, not by %s: %s", now, append(p.scans, p.indexes...), nameOf(hint), text)
		}
	})
	for _, tight := range []bool{false, true} {
		if tight {
			mongodb.Tighten(s)
		}
		for _, text := range asked {
			mu.Lock()
			now = text
			mu.Unlock()
			turnPages(t, s, parse(t, reg, text))
		}
	}
	if questions < len(asked) {
		t.Errorf("only %d questions were looked at", questions)
	}
}

// turnPages goes through three pages, back through one, and counts.
func turnPages(t *testing.T, s *mongodb.Store, q *search.Query) {
	t.Helper()
	q.Count = 3
	for _, backward := range []bool{false, false, false, true} {
		if q.Backward = backward; backward && q.After == nil {
			break
		}
		page, err := s.Search(ctx, all, q)
		if err != nil {
			t.Fatal(err)
		}
		if q.After = page.Next; page.Next == nil {
			break
		}
	}
	if _, err := s.Count(ctx, all, q); err != nil {
		t.Fatal(err)
	}
}
