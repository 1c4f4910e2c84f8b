package search_test

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

func TestParseRefuses(t *testing.T) {
	reg := registry(t)
	long := strings.Repeat("x,", 100) + "x"
	for _, row := range []struct {
		typ, name, value string
		kind             fhir.Kind
	}{
		{"Patient", "nickname", "x", fhir.Unsupported},
		{"Patient", "Name", "x", fhir.Unsupported},
		{"Patient", "", "x", fhir.Unsupported},
		{"Patient", "name", "", fhir.Invalid},
		{"Patient", "name", "a,,b", fhir.Invalid},
		{"Patient", "name", "--", fhir.Invalid},
		{"Patient", "name", `a\b`, fhir.Invalid},
		{"Patient", "name", "a\xff", fhir.Invalid},
		{"Patient", "name", `a\`, fhir.Invalid},
		{"Patient", "name:", "a", fhir.Invalid},
		{"Patient", "name:like", "a", fhir.Invalid},
		{"Patient", "name:not", "a", fhir.Invalid},
		{"Patient", "identifier", long, fhir.Invalid},
		{"Patient", "identifier", "a|b|c", fhir.Invalid},
		{"Patient", "identifier", "|", fhir.Invalid},
		{"Patient", "identifier:text", "--", fhir.Invalid},
		{"Patient", "identifier:of-type", "a|b", fhir.Invalid},
		{"Patient", "identifier:of-type", "a|b|", fhir.Invalid},
		{"Patient", "gender:in", "http://v.example", fhir.Unsupported},
		{"Patient", "gender:missing", "maybe", fhir.Invalid},
		{"Patient", "gender:missing", "true,false", fhir.Invalid},
		{"Patient", "birthdate", "yesterday", fhir.Invalid},
		{"Patient", "birthdate", "2023-02-29", fhir.Invalid},
		{"Patient", "birthdate", "xx2023", fhir.Invalid},
		{"Patient", "birthdate", "gt", fhir.Invalid},
		{"Patient", "birthdate:exact", "2023", fhir.Invalid},
		{"Patient", "organization", "Organisation/1", fhir.Invalid},
		{"Patient", "organization", "a/b/c", fhir.Invalid},
		{"Patient", "organization", "Organization/ä", fhir.Invalid},
		{"Patient", "organization", "http://o.example|", fhir.Invalid},
		{"Patient", "organization:Patient", "Organization/1", fhir.Invalid},
		{"Patient", "organization:Nothing", "1", fhir.Invalid},
		{"Patient", "age", "3", fhir.Unsupported},
		{"Patient", "_profile", "not a uri", fhir.Invalid},
		{"Patient", "_id", "a/b", fhir.Invalid},
		{"Patient", "_id:not", "a", fhir.Invalid},
		{"Patient", "_lastUpdated", "soon", fhir.Invalid},
		{"Patient", "_lastUpdated:above", "2023", fhir.Invalid},
		{"Patient", "_count", "-1", fhir.Invalid},
		{"Patient", "_count", "+1", fhir.Invalid},
		{"Patient", "telecom", "phone|555", fhir.Invalid},
		{"Patient", "email:not", "email|", fhir.Invalid},
		{"Patient", "active", "http://example.org/yes|true", fhir.Invalid},
		{"Task", "intent", "http://hl7.org/fhir/request-intent|order", fhir.Invalid},
		{"Patient", "_filter", `telecom eq "phone|555"`, fhir.Invalid},
		{"Patient", "_filter", "name", fhir.Invalid},
		{"Patient", "_include:", "Patient:organization", fhir.Invalid},
		{"Patient", "_count", "many", fhir.Invalid},
		{"Patient", "_count", "", fhir.Invalid},
		{"Patient", "_sort", "nonsense", fhir.Unsupported},
		{"Patient", "_sort", "", fhir.Invalid},
		{"Observation", "_sort", "subject.identifier", fhir.Invalid},
		{"Observation", "_sort", "subject:Nonsense.name", fhir.Invalid},
		{"Observation", "_sort", "subject:Practitioner.name", fhir.Invalid},
		{"Observation", "_sort", "code.name", fhir.Invalid},
		{"QuestionnaireResponse", "_sort", "questionnaire.title", fhir.Unsupported},
		{"Observation", "_sort", "subject:Patient.", fhir.Unsupported},
		{"Observation", "_sort", ".name", fhir.Unsupported},
		{"Observation", "_sort", "subject:Patient.family:exact", fhir.Unsupported},
		{"Observation", "_sort", "has-member:Observation.has-member:Observation.has-member:Observation.has-member:Observation.has-member:Observation.date", fhir.Invalid},
		{"Location", "near", "1", fhir.Invalid},
		{"Location", "near", "91|2|3|km", fhir.Invalid},
		{"Location", "near", "1|181|3|km", fhir.Invalid},
		{"Location", "near", "1|2|-3|km", fhir.Invalid},
		{"Location", "near", "1|2|3|kg", fhir.Invalid},
		{"Location", "near", "1|2|3|km|x", fhir.Invalid},
		{"Location", "near", "NaN|2", fhir.Invalid},
		{"Location", "near", "0x1|2", fhir.Invalid},
		{"Observation", "value-quantity", "much", fhir.Invalid},
		{"Observation", "value-quantity", "1|mg", fhir.Invalid},
		{"Observation", "value-quantity", "1|http://u.example|", fhir.Invalid},
		{"Observation", "value-quantity", "1" + strings.Repeat("0", 70), fhir.Invalid},
		{"Observation", "code-value-quantity", "a", fhir.Invalid},
		{"Observation", "code-value-quantity", "a$1$2", fhir.Invalid},
		{"Observation", "code-value-quantity", "a$b", fhir.Invalid},
		{"Observation", "code-value-quantity:not", "a$1", fhir.Invalid},
		{"", "name", "x", fhir.Unsupported},
		{"", "_type", "Patients", fhir.Invalid},
		{"", "_type", "", fhir.Invalid},
		{"Patient", "_type", "Patient", fhir.Unsupported},
		{"Resource", "_id", "x", fhir.Invalid},
	} {
		q, err := search.Parse(reg, row.typ, [][2]string{{row.name, row.value}}, search.Options{})
		if err == nil {
			t.Errorf("%s?%s=%s is accepted: %+v", row.typ, row.name, row.value, q)
			continue
		}
		if fhir.KindOf(err) != row.kind || row.typ != "Resource" && !strings.Contains(err.Error(), strconv.Quote(row.name)) {
			t.Errorf("%s?%s=%s: kind %d, want %d: %v", row.typ, row.name, row.value, fhir.KindOf(err), row.kind, err)
		}
	}
}

func TestParseResultParameters(t *testing.T) {
	reg := registry(t)
	q, err := search.Parse(reg, "Patient", [][2]string{
		{"_count", "500"}, {"_sort", "-_lastUpdated,_id"}, {"_format", "xml"}, {"_pretty", "true"}, {"_summary", "count"},
		{"_elements", "name"}, {"_total", "none"}, {"_cursor", "abc"}, {"active", "true"},
	}, search.Options{DefaultCount: 20, MaxCount: 100})
	if err != nil {
		t.Fatal(err)
	}
	lastUpdated, _ := reg.Lookup("Patient", "_lastUpdated")
	id, _ := reg.Lookup("Patient", "_id")
	wantSort := []search.SortKey{{Param: lastUpdated, Descending: true}, {Param: id}}
	if q.Count != 100 || !reflect.DeepEqual(q.Sort, wantSort) || len(q.Where) != 1 {
		t.Errorf("count %d, sort %v, %d clauses", q.Count, q.Sort, len(q.Where))
	}
	want := [][2]string{{"_count", "100"}, {"_sort", "-_lastUpdated,_id"}, {"active", "true"}}
	if !slices.Equal(q.Applied, want) {
		t.Errorf("applied %q, want %q", q.Applied, want)
	}
	if q, err = search.Parse(reg, "Patient", [][2]string{{"_count", "0"}}, search.Options{DefaultCount: 20}); err != nil || q.Count != 0 {
		t.Errorf("_count=0: %v, %v", q, err)
	}
	if _, err = search.Parse(reg, "Patient", [][2]string{{"_count", "1"}, {"_count", "2"}}, search.Options{}); fhir.KindOf(err) != fhir.Invalid {
		t.Errorf("two counts: %v", err)
	}
	for _, name := range []string{"_count", "_sort", "_format", "_summary"} {
		if _, err := search.Parse(reg, "Patient", [][2]string{{name, "1"}}, search.Options{Conditional: true}); fhir.KindOf(err) != fhir.Invalid {
			t.Errorf("%s in a conditional interaction: %v", name, err)
		}
	}
	many := make([][2]string, 201)
	if _, err = search.Parse(reg, "Patient", many, search.Options{}); fhir.KindOf(err) != fhir.Invalid {
		t.Errorf("201 parameters: %v", err)
	}
}

func TestParseLenient(t *testing.T) {
	reg := registry(t)
	params := [][2]string{{"nickname", "x"}, {"active", "true"}, {"organization.nonsense", "y"}}
	q, err := search.Parse(reg, "Patient", params, search.Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(q.Where) != 1 || len(q.Applied) != 1 || len(q.Ignored) != 2 || q.Ignored[0].Severity != "warning" || !strings.Contains(q.Ignored[0].Text, `"nickname"`) {
		t.Errorf("where %d, applied %q, ignored %+v", len(q.Where), q.Applied, q.Ignored)
	}
	sorted, err := search.Parse(reg, "Patient", [][2]string{{"_sort", "height,-family,organization.nonsense"}}, search.Options{Lenient: true})
	if err != nil || len(sorted.Sort) != 1 || len(sorted.Ignored) != 2 || !slices.Equal(sorted.Applied, [][2]string{{"_sort", "-family"}}) {
		t.Errorf("sorted by what there is: %+v, %v", sorted, err)
	}
	if _, err := search.Parse(reg, "Patient", [][2]string{{"_sort", "family,"}}, search.Options{Lenient: true}); fhir.KindOf(err) != fhir.Invalid {
		t.Errorf("an empty key: %v", err)
	}
	if _, err := search.Parse(reg, "Patient", params, search.Options{Lenient: true, Conditional: true}); fhir.KindOf(err) != fhir.Unsupported {
		t.Errorf("criteria of a conditional interaction: %v", err)
	}
	if _, err := search.Parse(reg, "Patient", [][2]string{{"birthdate", "x"}}, search.Options{Lenient: true}); fhir.KindOf(err) != fhir.Invalid {
		t.Errorf("a bad value: %v", err)
	}
}

func TestParseIDs(t *testing.T) {
	reg := registry(t)
	r := parseResource(t, `{"resourceType":"Basic","id":"b"}`)
	for _, row := range []struct {
		values []string
		ids    []string
		match  bool
	}{
		{[]string{"a,b"}, []string{"a", "b"}, true},
		{[]string{"a,b", "b,c"}, []string{"b"}, true},
		{[]string{"b", "c"}, []string{"b"}, false},
	} {
		var params [][2]string
		for _, v := range row.values {
			params = append(params, [2]string{"_id", v})
		}
		q, err := search.Parse(reg, "Basic", params, search.Options{})
		if err != nil || !slices.Equal(q.IDs, row.ids) || q.Matches(r) != row.match {
			t.Errorf("_id=%v: ids %v, match %v, %v", row.values, q.IDs, q.Matches(r), err)
		}
	}
}

func TestSystemSearch(t *testing.T) {
	reg := registry(t)
	q, err := search.Parse(reg, "", [][2]string{{"_tag", "http://t.example|x"}}, search.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"resourceType":"Basic","id":"b","meta":{"tag":[{"system":"http://t.example","code":"x"}]}}`:                      true,
		`{"resourceType":"Binary","id":"b","meta":{"tag":[{"system":"http://t.example","code":"x"}]},"contentType":"a/b"}`: true,
		`{"resourceType":"Basic","id":"b","meta":{"tag":[{"system":"http://t.example","code":"y"}]}}`:                      false,
	} {
		r := parseResource(t, text)
		if q.Matches(r) != want || inRanges(reg.Index(r), &q.Where[0]) != want {
			t.Errorf("%s: Matches %v, keys %v, want %v", text, q.Matches(r), inRanges(reg.Index(r), &q.Where[0]), want)
		}
	}
}

// FuzzParse holds that no search makes Parse panic or take a filter for none,
// and that what it understood reads the same again.
func FuzzParse(f *testing.F) {
	reg := registry(f)
	for _, s := range [][2]string{
		{"name", "garcia marquez"}, {"name:exact", `a\,b`}, {"identifier", "http://s|v,|w"}, {"birthdate", "ge2020-01-01T00:00:00Z"},
		{"general-practitioner", "Practitioner/1/_history/2"}, {"_lastUpdated", "ap2020"}, {"_id", "a,b"}, {"link:RelatedPerson", "1"},
		{"organization:missing", "true"}, {"_profile:above", "http://a/b/c"}, {"_sort", "-_id"}, {"_count", "0"}, {"phone", "+49"},
		{"organization.name", "x"}, {"organization:Organization.partof.name:exact", "x"}, {"_has:Observation:patient:encounter.class", "AMB"},
		{"_list", "1,2"}, {"_text", `a "b c" NOT (d OR e*)`}, {"_include:iterate", "Organization:partof"}, {"_revinclude", "Observation:*"},
		{"_filter", `(name co "x" or gender ne male) and not(organization[partof pr true].name sw y)`}, {"_sort", "-name,birthdate,-organization.partof.name"},
	} {
		f.Add(s[0], s[1])
	}
	r := parseResource(f, patient)
	f.Fuzz(func(t *testing.T, name, value string) {
		o := search.Options{Base: "https://here.example/fhir"}
		q, err := search.Parse(reg, "Patient", [][2]string{{name, value}}, o)
		if err != nil {
			if kind := fhir.KindOf(err); kind != fhir.Invalid && kind != fhir.Unsupported {
				t.Errorf("%q=%q: kind %d: %v", name, value, kind, err)
			}
			return
		}
		result := name[0] == '_' && !strings.HasPrefix(name, "_has") && !slices.Contains([]string{"_list", "_text", "_content", "_filter"}, name)
		if len(q.Where) == 0 && q.IDs == nil && q.LastUpdated == nil && !result {
			t.Errorf("%q=%q filters nothing", name, value)
		}
		q.MatchesIn(r, world{r})
		again, err := search.Parse(reg, "Patient", q.Applied, o)
		if err != nil || !slices.Equal(q.Applied, again.Applied) || !reflect.DeepEqual(q.IDs, again.IDs) || len(q.Where) != len(again.Where) {
			t.Errorf("%q=%q reads differently again: %v", name, value, err)
		}
	})
}
