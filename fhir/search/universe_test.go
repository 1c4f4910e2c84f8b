package search_test

import (
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A world is a universe of a few resources, in order.
type world []*fhir.Resource

// Resource implements search.Universe.
func (w world) Resource(key fhir.Key) *fhir.Resource {
	for _, r := range w {
		if r.Key() == key {
			return r
		}
	}
	return nil
}

// Resources implements search.Universe.
func (w world) Resources(typ string) iter.Seq[*fhir.Resource] {
	return func(yield func(*fhir.Resource) bool) {
		for _, r := range w {
			if r.Type() == typ && !yield(r) {
				return
			}
		}
	}
}

// newWorld reads a resource from each line.
func newWorld(t testing.TB, text string) world {
	t.Helper()
	var w world
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			w = append(w, parseResource(t, line))
		}
	}
	return w
}

// params takes a query string apart, without unescaping.
func params(text string) [][2]string {
	var list [][2]string
	for p := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(p, "=")
		list = append(list, [2]string{name, value})
	}
	return list
}

// find returns the ids of what matches a search of the form Type?query.
func (w world) find(t testing.TB, reg *search.Registry, text string) (string, error) {
	t.Helper()
	typ, rest, _ := strings.Cut(text, "?")
	q, err := search.Parse(reg, typ, params(rest), search.Options{Contained: true})
	if err != nil {
		return "", err
	}
	var found []string
	for _, r := range w {
		if q.MatchesIn(r, w) {
			found = append(found, r.ID())
		}
	}
	slices.Sort(found)
	return strings.Join(found, " "), nil
}

const ward = `
{"resourceType":"Organization","id":"org1","name":"Sunrise Clinic"}
{"resourceType":"Organization","id":"org2","name":"Harbour Clinic","partOf":{"reference":"Organization/org1"}}
{"resourceType":"Practitioner","id":"doc","name":[{"family":"Stone"}],"gender":"female"}
{"resourceType":"Patient","id":"ada","name":[{"family":"Poe","given":["Ada"]}],"gender":"female","birthDate":"1980-05-06","managingOrganization":{"reference":"Organization/org2"},"generalPractitioner":[{"reference":"Practitioner/doc/_history/3"}]}
{"resourceType":"Patient","id":"bob","name":[{"family":"Roe","given":["Bob"]}],"gender":"male","birthDate":"1990","managingOrganization":{"reference":"https://here.example/fhir/Organization/org1"}}
{"resourceType":"Group","id":"grp","type":"person","actual":true,"code":{"text":"twins"}}
{"resourceType":"Encounter","id":"enc1","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ada"},"period":{"start":"2024-01-01","end":"2024-01-03"}}
{"resourceType":"Encounter","id":"enc2","status":"planned","class":{"code":"IMP"},"subject":{"reference":"Patient/bob"}}
{"resourceType":"Observation","id":"obs1","status":"final","code":{"coding":[{"system":"http://c.example","code":"a"}]},"subject":{"reference":"Patient/ada"},"encounter":{"reference":"Encounter/enc1"},"valueQuantity":{"value":5}}
{"resourceType":"Observation","id":"obs2","status":"final","code":{"coding":[{"system":"http://c.example","code":"b"}]},"subject":{"reference":"Group/grp"}}
{"resourceType":"Observation","id":"obs3","status":"amended","code":{"coding":[{"system":"http://c.example","code":"a"}]},"subject":{"reference":"Patient/nobody"},"hasMember":[{"reference":"Observation/obs1"}]}
{"resourceType":"List","id":"l1","status":"current","mode":"working","entry":[{"item":{"reference":"Patient/ada"}},{"item":{"reference":"Observation/obs2"}}]}
{"resourceType":"Observation","id":"obs4","contained":[{"resourceType":"Patient","id":"c","name":[{"family":"Noe"}],"gender":"female","managingOrganization":{"reference":"Organization/org1"},"generalPractitioner":[{"reference":"#d"}]},{"resourceType":"Practitioner","id":"d","name":[{"family":"Wood"}],"gender":"male"},{"resourceType":"Patient","id":"e","name":[{"family":"Bee"}],"gender":"male"}],"status":"final","code":{"text":"c"},"subject":{"reference":"#c"}}
{"resourceType":"Questionnaire","id":"q9","url":"http://q.example/phq","version":"1.9","status":"retired","title":"PHQ old"}
{"resourceType":"Questionnaire","id":"q10","url":"http://q.example/phq","version":"1.10","status":"active","title":"PHQ new"}
{"resourceType":"Questionnaire","id":"qx","url":"http://q.example/other","status":"active","title":"PHQ of others"}
{"resourceType":"QuestionnaireResponse","id":"r9","status":"completed","questionnaire":"http://q.example/phq|1.9"}
{"resourceType":"QuestionnaireResponse","id":"rnew","status":"in-progress","questionnaire":"http://q.example/phq"}
{"resourceType":"QuestionnaireResponse","id":"rnone","status":"completed","questionnaire":"http://q.example/phq|3"}
{"resourceType":"Bundle","id":"doc1","type":"document","entry":[{"resource":{"resourceType":"Composition","id":"ada","status":"final","type":{"text":"x"},"date":"2024","author":[{"display":"x"}],"title":"x"}}]}
`

func TestLinks(t *testing.T) {
	reg := registry(t)
	reg.Base = "https://here.example/fhir"
	w := newWorld(t, ward)
	for _, row := range []struct{ query, want string }{
		{"Observation?subject:Patient.name=poe", "obs1"},
		{"Observation?subject.name=poe", "obs1"},
		{"Observation?patient.gender=female", "obs1 obs4"},
		{"Observation?patient.gender=male,female", "obs1 obs4"},
		{"Observation?subject.code=x", ""},
		{"Observation?subject.name:missing=false", "obs1 obs4"},
		{"Observation?subject.name:exact=poe", ""},
		{"Observation?subject:Group._id=grp", "obs2"},
		{"Observation?subject._id=grp", "obs2"},
		{"Observation?encounter.subject:Patient.organization.partof.name=sun", "obs1"},
		{"Observation?encounter:Encounter.subject:Patient.organization:Organization.name=harb", "obs1"},
		{"Observation?has-member.subject:Patient.name=poe", "obs3"},
		{"Patient?organization.name=sunrise", "bob"},
		{"Patient?general-practitioner.name=stone", "ada"},
		{"Patient?general-practitioner:Practitioner.gender=male", ""},
		{"Patient?_has:Observation:patient:code=a", "ada"},
		{"Patient?_has:Observation:patient:code=b", ""},
		{"Patient?_has:Observation:subject:status=final&gender=female", "ada"},
		{"Patient?_has:Observation:patient:_has:Observation:has-member:status=amended", "ada"},
		{"Patient?_has:Observation:patient:encounter.class=AMB", "ada"},
		{"Observation?subject:Patient._has:Encounter:patient:status=finished", "obs1"},
		{"Organization?_has:Patient:organization:birthdate=lt1985", "org2"},
		{"Organization?_has:Patient:organization:_id=bob", "org1"},
		{"Patient?_list=l1", "ada"},
		{"Observation?_list=List/l1,l2", "obs2"},
		{"?_list=l1", "ada obs2"},
		{"?_type=Patient,Group", "ada bob grp"},
		{"?_type=Patient&name=poe", "ada"},
		{"?_type=Observation,Encounter&patient=ada", "enc1 obs1"},
		{"?_type=Observation,Encounter&subject:Patient.name=poe", "enc1 obs1"},
		{"?_type=Observation,Encounter&_id=enc2,ada", "enc2"},
		{"Patient?_contained=false&gender=male", "bob"},
		{"Patient?_contained=true", "obs4"},
		{"Patient?_contained=true&gender=female", "obs4"},
		{"Patient?_contained=true&gender=female&name=noe", "obs4"},
		{"Patient?_contained=true&gender=male&name=noe", ""},
		{"Patient?_contained=true&gender=unknown", ""},
		{"Patient?_contained=true&_id=c", "obs4"},
		{"Patient?_contained=true&_id=c&gender=male", ""},
		{"Patient?_contained=true&birthdate:missing=false", ""},
		{"Patient?_contained=true&gender:not=female&active:not=true", "obs4"},
		{"Patient?_contained=true&organization=org1", "obs4"},
		{"Patient?_contained=true&organization.name=sunrise", "obs4"},
		{"Patient?_contained=true&organization.name=harbour", ""},
		{"Patient?_contained=true&organization.name=sunrise&gender=male", ""},
		{"Patient?_contained=true&general-practitioner.name=wood", "obs4"},
		{"Patient?_contained=true&general-practitioner:Practitioner.gender=female", ""},
		{"Patient?_contained=both&gender=female", "ada obs4"},
		{"Patient?_contained=both&gender=male&_containedType=contained", "bob obs4"},
		{"Patient?_contained=both&organization.name=sunrise", "bob obs4"},
		{"Patient?_contained=true&_filter=gender eq male and name eq bee", "obs4"},
		{"Patient?_contained=true&_filter=gender eq male and name eq noe", ""},
		{"?_type=Patient,Practitioner&_contained=true&name=wood", "obs4"},
		{"?_contained=true", "obs4"},
		{"?_contained=true&_id=d", "obs4"},
		{"Observation?subject:Patient.name=noe", "obs4"},
		{"Observation?subject.name=noe", "obs4"},
		{"Observation?subject:Patient.name=bee", ""},
		{"Observation?subject:Patient._id=c", ""},
		{"Observation?subject:Patient.organization.name=sunrise", "obs4"},
		{"Observation?subject:Patient.general-practitioner.name=wood", "obs4"},
		{"Practitioner?_has:Patient:general-practitioner:name=noe", ""},
		{"Bundle?composition.title=x", "doc1"},
		{"QuestionnaireResponse?questionnaire.title=PHQ", "r9 rnew"},
		{"QuestionnaireResponse?questionnaire:Questionnaire.status=active", "rnew"},
		{"QuestionnaireResponse?questionnaire.status=retired", "r9"},
		{"QuestionnaireResponse?questionnaire._id=q10", "rnew"},
		{"Questionnaire?_has:QuestionnaireResponse:questionnaire:status=completed", "q9"},
		{"Questionnaire?_has:QuestionnaireResponse:questionnaire:status=in-progress", "q10"},
		{"Questionnaire?_has:QuestionnaireResponse:questionnaire:_id=rnone", ""},
		{"Bundle?composition:Composition.status=final", "doc1"},
		{"Bundle?composition.status=amended", ""},
		{"Bundle?message.event=x", ""},
		{"Patient?_include=Patient:organization", "ada bob"},
	} {
		got, err := w.find(t, reg, row.query)
		if err != nil || got != row.want {
			t.Errorf("%s finds %q, want %q (error %v)", row.query, got, row.want, err)
		}
	}
}

func TestLinksRefused(t *testing.T) {
	reg := registry(t)
	w := newWorld(t, ward)
	for _, query := range []string{
		"Observation?subject:Nothing.name=x",
		"Observation?subject:Practitioner.name=x",
		"Observation?subject.nonsense=x",
		"Observation?subject.birthdate=x",
		"Observation?subject:Patient.name=",
		"Observation?subject:Patient.=x",
		"Observation?subject:Patient=x.y.z/a",
		"Observation?code.name=x",
		"Observation?has-member.has-member.has-member.has-member.has-member.code=x",
		"Basic?subject.subject.subject.subject=x",
		"Provenance?target.subject.subject.subject._id=x",
		"Bundle?composition.patient.name=x",
		"Bundle?composition._has:Observation:patient:code=x",
		"Bundle?composition.nothing=x",
		"Bundle?composition:Patient.name=x",
		"Bundle?_include=Bundle:composition",
		"Composition?_has:Bundle:composition:type=document",
		"ConceptMap?source-uri.title=x",
		"QuestionnaireResponse?questionnaire.nothing=x",
		"Patient?_has=x",
		"Patient?_has:Observation=x",
		"Patient?_has:Observation:patient=x",
		"Patient?_has:Observation:patient:=x",
		"Patient?_has:Nothing:patient:code=x",
		"Patient?_has:Observation:nothing:code=x",
		"Patient?_has:Observation:code:code=x",
		"Patient?_has:Observation:encounter:code=x",
		"Patient?_has:Observation:patient:_has:Observation:has-member:_has:Observation:has-member:code=x",
		"Patient?_has:Observation:patient:value-quantity=much",
		"Patient?_list=$current-problems",
		"Patient?_list=a/b",
		"Patient?_list:not=a",
		"Patient?_type=Patient",
		"?_type=Patient,Nothing",
		"?_type=Patient&_type=Group",
		"?_type=Patient,Group&birthdate=2020",
		"Patient?_contained=perhaps",
		"Patient?_contained=true&_contained=both",
		"Patient?_containedType=container",
		"Patient?_contained=false&_containedType=container",
		"Patient?_contained=true&_containedType=both",
		"Observation?subject:Patient._contained=true",
		"Patient?_filter=_contained eq true",
		"Patient?_list=l1&_contained=true",
		"Patient?_has:Observation:patient:code=x&_contained=both",
		"Patient?_filter=not(_has:Observation:patient:code eq x)&_contained=true",
		"Observation?encounter._has:Observation:encounter:code=x&_contained=true",
		"Patient?_include=Patient:organization&_contained=true",
		"Patient?_sort=name&_contained=true",
		"Patient?_query=everything",
		"Patient?_include=organization",
		"Patient?_include=Patient:nothing",
		"Patient?_include=Patient:name",
		"Patient?_include=Observation:subject",
		"Patient?_include=Patient:organization:Patient",
		"Patient?_include=Patient:organization:Nothing",
		"Patient?_include=Patient:organization:Organization:x",
		"Patient?_include:always=Patient:organization",
		"Patient?_revinclude=*",
		"Patient?_revinclude=Observation:encounter",
		"Patient?_revinclude=Observation:subject:Group",
		"ConceptMap?_include=ConceptMap:source-uri",
		"Patient?_sort=nothing",
		"Patient?_sort=",
		"Patient?_sort=_id,_id,_id,_id,_id,_id,_id",
		"Observation?_sort=code-value-quantity",
	} {
		start, end, _ := strings.Cut(query, "?")
		name, _, _ := strings.Cut(end[strings.LastIndexByte(end, '&')+1:], "=")
		name = name[:min(len(name), 50)]
		got, err := w.find(t, reg, query)
		if kind := fhir.KindOf(err); err == nil || kind != fhir.Invalid && kind != fhir.Unsupported || !strings.Contains(err.Error(), name) {
			t.Errorf("%s on %q finds %q, error %v", query, start, got, err)
		}
	}
}

func TestIncludes(t *testing.T) {
	reg := registry(t)
	subject, _ := reg.Lookup("Observation", "subject")
	partOf, _ := reg.Lookup("Organization", "partof")
	for _, row := range []struct {
		typ, query string
		want       []search.Include
	}{
		{"Observation", "_include=Observation:subject", []search.Include{{Source: "Observation", Param: subject}}},
		{"Observation", "_include=Observation:subject:Patient", []search.Include{{Source: "Observation", Param: subject, Target: "Patient"}}},
		{"Observation", "_include=*", []search.Include{{Source: "Observation"}}},
		{"Observation", "_include=Observation:*", []search.Include{{Source: "Observation"}}},
		{"Patient", "_include:iterate=Organization:partof", []search.Include{{Source: "Organization", Param: partOf, Iterate: true}}},
		{"Patient", "_revinclude=Observation:subject", []search.Include{{Reverse: true, Source: "Observation", Param: subject}}},
		{"Patient", "_revinclude=Observation:subject:Patient&_revinclude:iterate=Observation:*", []search.Include{
			{Reverse: true, Source: "Observation", Param: subject, Target: "Patient"}, {Reverse: true, Source: "Observation", Iterate: true},
		}},
	} {
		q, err := search.Parse(reg, row.typ, params(row.query), search.Options{})
		if err != nil || !slices.Equal(q.Includes, row.want) || len(q.Applied) != len(row.want) {
			t.Errorf("%s?%s: %+v, want %+v (error %v)", row.typ, row.query, q, row.want, err)
		}
	}
	many := slices.Repeat([][2]string{{"_include", "Observation:subject"}}, 11)
	if _, err := search.Parse(reg, "Observation", many, search.Options{}); fhir.KindOf(err) != fhir.Invalid {
		t.Errorf("11 includes: %v", err)
	}
}

// What refers to a resource by References is what has one of the keys of
// ReferenceRanges.
func TestReferenceRanges(t *testing.T) {
	reg := registry(t)
	reg.Base = "https://here.example/fhir"
	w := newWorld(t, ward)
	for _, r := range w {
		keys := reg.Index(r).Keys
		for _, p := range reg.Params(r.Type()) {
			if p.Type != fhir.ReferenceParam {
				continue
			}
			refs := p.References(r)
			for _, target := range w {
				ranges := reg.ReferenceRanges(p, target.Key())
				found := slices.ContainsFunc(keys, func(k []byte) bool {
					return slices.ContainsFunc(ranges, func(s search.KeyRange) bool { return s.Contains(k) })
				})
				if found != slices.Contains(refs, target.Key()) {
					t.Errorf("%s of %s refers to %v; keys say %v of %s", p.Code, r.Key(), refs, found, target.Key())
				}
			}
		}
	}
}

func TestFilter(t *testing.T) {
	reg := registry(t)
	w := newWorld(t, ward)
	for _, row := range []struct{ query, want string }{
		{`Patient?_filter=name co "oe"`, "ada bob"},
		{`Patient?_filter=name co "po"`, "ada"},
		{`Patient?_filter=name sw ada`, "ada"},
		{`Patient?_filter=name ew da`, "ada"},
		{`Patient?_filter=family eq poe`, "ada"},
		{`Patient?_filter=family eq po`, ""},
		{`Patient?_filter=family ne poe`, "bob"},
		{`Patient?_filter=gender eq female`, "ada"},
		{`Patient?_filter=gender eq http://hl7.org/fhir/administrative-gender|female`, "ada"},
		{`Patient?_filter=gender ne female`, "bob"},
		{`Patient?_filter=gender sw FEM`, "ada"},
		{`Patient?_filter=birthdate ge 1985`, "bob"},
		{`Patient?_filter=birthdate lt 1985-01-01 and gender eq female`, "ada"},
		{`Patient?_filter=birthdate po 1990-03`, "bob"},
		{`Patient?_filter=birthdate sa 1980`, "bob"},
		{`Patient?_filter=birthdate eb 1990`, "ada"},
		{`Patient?_filter=birthdate ap 1980-05-06`, "ada"},
		{`Patient?_filter=birthdate pr true`, "ada bob"},
		{`Patient?_filter=death-date pr false`, "ada bob"},
		{`Patient?_filter=family eq poe or family eq roe and gender eq female`, "ada"},
		{`Patient?_filter=(family eq poe or family eq roe) and gender eq male`, "bob"},
		{`Patient?_filter=gender eq male or gender eq female and family eq nobody`, "bob"},
		{`Patient?_filter=not (gender eq male)`, "ada"},
		{`Patient?_filter=not(gender eq male) and not (not (family eq poe))`, "ada"},
		{`Patient?_filter=((gender eq male))`, "bob"},
		{`Patient?_filter=organization.name eq "Harbour Clinic"`, "ada"},
		{`Patient?_filter=organization re Organization/org2`, "ada"},
		{`Patient?_filter=organization eq org2`, "ada"},
		{`Patient?_filter=organization co org`, "ada bob"},
		{`Patient?_filter=organization[partof pr true].name co "clinic"`, "ada"},
		{`Patient?_filter=organization[partof.name eq "Sunrise Clinic"]._id eq org2`, "ada"},
		{`Patient?_filter=_id eq ada`, "ada"},
		{`Patient?_filter=_has:Observation:patient:code eq a`, "ada"},
		{`Patient?_filter=family eq "P\u006fe"`, "ada"},
		{`Observation?_filter=subject.id eq ada`, "obs1"},
		{`Observation?_filter=code eq http://c.example|a and value-quantity ge 5`, "obs1"},
		{`Observation?_filter=value-quantity ne 4`, "obs1"},
		{`Observation?_filter=encounter[status eq finished].subject[gender eq female].name co poe`, "obs1"},
		{`Observation?_filter=subject[gender eq female].name co poe`, "obs1"},
		{`Encounter?_filter=date po 2024-01-02T10:00:00Z`, "enc1"},
		{`?_type=Patient,Practitioner&_filter=gender eq female`, "ada doc"},
	} {
		got, err := w.find(t, reg, row.query)
		if err != nil || got != row.want {
			t.Errorf("%s finds %q, want %q (error %v)", row.query, got, row.want, err)
		}
	}
	if got, err := w.find(t, reg, `Location?_filter=near ne "1|2"`); fhir.KindOf(err) != fhir.Invalid {
		t.Errorf("near ne finds %q, error %v", got, err)
	}
	for _, text := range []string{
		"", " ", "name", "name eq", "name eq ", "name is poe", "name gt poe", "birthdate co 1980", "birthdate eq ge1980", "birthdate ge ge1980", "nothing eq 1",
		"birthdate eq soon", "gender po male", "organization ap org2", "name:exact eq Poe", "(name eq poe", "name eq poe)", "name eq poe and", "or name eq poe",
		"not name eq poe", "name eq \"poe", "gender in http://v.example", "birthdate pr maybe", "organization[name eq x]", "organization[name eq x.name eq y",
		"gender[code eq x].y eq z", "name co \"--\"", "_type eq Patient", "_text eq x", "_has:Observation:patient eq x", "name eq poe name eq roe",
		strings.Repeat("(", 30) + "name eq x" + strings.Repeat(")", 30), strings.Repeat("name eq x or ", 200) + "name eq x", strings.Repeat("x", 9000),
		"organization[" + strings.Repeat("partof[", 200) + "name eq x",
	} {
		if got, err := w.find(t, reg, "Patient?_filter="+text); err == nil || fhir.KindOf(err) == fhir.Internal || !strings.Contains(err.Error(), "_filter") {
			t.Errorf("_filter=%.60s finds %q, error %v", text, got, err)
		}
	}
}

const note = `{"resourceType":"DiagnosticReport","id":"r","meta":{"tag":[{"code":"invisible"}]},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Chest X-ray: no <b>pneu</b>monia.</p><p>Herr Müller &amp; wife, O&#39;Neill</p><!-- hidden --></div>"},
"status":"final","code":{"coding":[{"code":"36643-5","display":"XR Chest 2 Views"}]},"conclusion":"mild oedema"}`

func TestText(t *testing.T) {
	reg := registry(t)
	w := newWorld(t, strings.ReplaceAll(note, "\n", ""))
	for _, row := range []struct {
		query string
		want  bool
	}{
		{"_text=pneumonia", true},
		{"_text=PNEUMONIA muller", true},
		{"_text=pneum", false},
		{"_text=pneum*", true},
		{`_text="chest x-ray"`, true},
		{`_text="ray chest"`, false},
		{`_text="monia herr"`, false},
		{`_text="pneumonia herr"`, true},
		{"_text=x-ray", true},
		{"_text=oneill", true},
		{"_text=hidden", false},
		{"_text=oedema", false},
		{"_text=fracture OR pneumonia", true},
		{"_text=fracture,pneumonia", true},
		{"_text=pneumonia NOT chest", false},
		{"_text=pneumonia NOT fracture", true},
		{"_text=pneumonia AND NOT (fracture OR chest)", false},
		{"_text=(fracture OR chest) AND (muller OR smith)", true},
		{"_text=or", false},
		{"_content=oedema chest", true},
		{"_content=views pneumonia", true},
		{`_content="36643 5"`, true},
		{`_content="views final"`, false},
		{"_content=invisible", false},
		{"_content=r", false},
		{"_content:not=r", false},
	} {
		got, err := w.find(t, reg, "DiagnosticReport?"+row.query)
		if err != nil && row.query != "_content:not=r" || (got != "") != row.want {
			t.Errorf("%s finds %q, want %v (error %v)", row.query, got, row.want, err)
		}
	}
	for _, text := range []string{
		"", "--", "NOT x", "x OR NOT y", "(x", "x)", `"x`, "x AND", "AND x", "x OR", "()", "x,", `""`, "*", `x\y`,
		strings.Repeat("(", 20) + "x" + strings.Repeat(")", 20), strings.Repeat("x ", 200), strings.Repeat("x", 3000),
	} {
		if got, err := w.find(t, reg, "DiagnosticReport?_text="+text); fhir.KindOf(err) != fhir.Invalid || err == nil {
			t.Errorf("_text=%.40s finds %q, error %v", text, got, err)
		}
	}
}

func TestTextAsFTS5(t *testing.T) {
	reg := registry(t)
	for _, row := range []struct{ text, want string }{
		{"a", `"a"`},
		{"a b*", `("a" AND "b" *)`},
		{"X-ray OR b,c", `(("x ray" OR "b") OR "c")`},
		{"a NOT b NOT (c OR d)", `((("a") NOT "b") NOT ("c" OR "d"))`},
	} {
		q, err := search.Parse(reg, "Patient", [][2]string{{"_text", row.text}}, search.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Where[0].Text.FTS5(); got != row.want {
			t.Errorf("%s is %s, want %s", row.text, got, row.want)
		}
	}
}
