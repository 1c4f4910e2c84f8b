package search

import (
	"math/rand/v2"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// FuzzQuery reads whole query strings. One is refused, with the parameter named, or
// keys agree with Matches, it reads the same again, and it is not less than what was
// asked: each parameter is a condition, or about the result.
func FuzzQuery(f *testing.F) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		f.Fatal(err)
	}
	reg.Base = "https://here.example/fhir"
	m := maker{reg, rand.New(rand.NewPCG(3, 4))}
	var all []*fhir.Resource
	var entries []*Entries
	for range 4 {
		for _, typ := range []string{"Patient", "Observation", "Location", "ValueSet", "QuestionnaireResponse", "MedicationRequest"} {
			r := m.resource(f, typ)
			all, entries = append(all, r), append(entries, reg.Index(r))
		}
	}
	for _, seed := range []string{
		"Patient?name=ada&gender=male,female", "Patient?name:exact=Ada&birthdate=ge2020&_sort=-birthdate,_id&_count=3", "Patient?active:missing=true",
		"Observation?code=http://s.example/1|a&value-quantity=lt5.4|http://unitsofmeasure.org|mg", "Observation?code-value-quantity=a$gt1", "Observation?date=sa2020-02&date=eb2021",
		"Observation?subject:Patient.name=ada&_has:Observation:has-member:status=final", "Observation?code:in=http://v.example", "Observation?code:not=a\\,b",
		"Location?near=0|0|100|km", "Location?partof:below=1", "ValueSet?url:below=http://u.example/a", "ValueSet?url:above=http://u.example/a/b",
		"QuestionnaireResponse?questionnaire:below=http://u.example/a|2", "MedicationRequest?medication.code=a&_contained=both", "Patient?_contained=true&_containedType=contained&name=a",
		"Patient?_filter=name%20co%20%22a%22%20and%20not(gender%20eq%20male)", "Patient?_text=a%20OR%20b", "Patient?_list=1", "?_type=Patient,Observation&_id=1", "Patient?_include=*&_revinclude=Observation:subject",
		"Patient?identifier:of-type=http://s.example/1|a|b", "Patient?birthdate=", "Patient?name=%ff", "Patient?:=x", "Patient?name:=x", "Patient?.=x", "Patient?_has:::=x", "Observation?value-quantity=1e999999999",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		typ, rest, _ := strings.Cut(text, "?")
		var params [][2]string
		for pair := range strings.SplitSeq(rest, "&") {
			name, value, _ := strings.Cut(pair, "=")
			name, err := url.QueryUnescape(name)
			if err != nil {
				return
			}
			if value, err = url.QueryUnescape(value); err != nil {
				return
			}
			params = append(params, [2]string{name, value})
		}
		o := Options{Contained: true, Now: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Hierarchy: family{}}
		q, err := Parse(reg, typ, params, o)
		if err != nil {
			if kind := fhir.KindOf(err); kind != fhir.Invalid && kind != fhir.Unsupported {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		checkWhole(t, reg, q, params, o, typ)
		for i, r := range all {
			if q.Local() && (q.Type == "" || q.Type == r.Type()) {
				q.Matches(r)
				checkAll(t, text, r, entries[i], q)
			}
		}
	})
}

// checkWhole checks that nothing was lost between parameters and query.
func checkWhole(t *testing.T, reg *Registry, q *Query, params [][2]string, o Options, typ string) {
	t.Helper()
	again, err := Parse(reg, typ, q.Applied, o)
	if err != nil || !reflect.DeepEqual(q.Where, again.Where) || !reflect.DeepEqual(q.IDs, again.IDs) || !reflect.DeepEqual(q.LastUpdated, again.LastUpdated) {
		t.Fatalf("%v read differently again: %v", q.Applied, err)
	}
	asked := 0
	for _, p := range params {
		code, _, _ := strings.Cut(p[0], ":")
		switch code {
		case "_format", "_pretty", "_summary", "_elements", "_total", "_cursor", "_count", "_sort", "_include", "_revinclude", "_contained", "_containedType":
		default:
			asked++
		}
	}
	if asked > 0 && len(q.Where) == 0 && q.IDs == nil && q.LastUpdated == nil && q.Type == typ {
		t.Fatalf("%v came to no condition", params)
	}
	for i := range q.Where {
		if c := &q.Where[i]; c.Param == nil && c.Links == nil && c.Or == nil && c.Not == nil && c.Text == nil && c.Inside == nil && c.types == nil {
			t.Fatalf("%v has an empty condition", params)
		}
	}
}
