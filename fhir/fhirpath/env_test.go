package fhirpath_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/r4"
)

// linked is a bundle whose entries point to each other.
const linked = `{"resourceType":"Bundle","type":"collection","entry":[
{"fullUrl":"http://example.org/fhir/Observation/o1","resource":{"resourceType":"Observation","id":"o1","status":"final","code":{"text":"x"},
 "contained":[{"resourceType":"Device","id":"d","deviceName":[{"name":"Cuff","type":"user-friendly-name"}],"owner":{"reference":"#"}}],
 "subject":{"reference":"Patient/p1"},"performer":[{"reference":"urn:uuid:11111111-2222-3333-4444-555555555555"},{"reference":"http://example.org/fhir/Patient/p1/_history/3"},{"reference":"Practitioner/elsewhere"}],"device":{"reference":"#d"}}},
{"fullUrl":"http://example.org/fhir/Patient/p1","resource":{"resourceType":"Patient","id":"p1","name":[{"family":"One"}]}},
{"fullUrl":"urn:uuid:11111111-2222-3333-4444-555555555555","resource":{"resourceType":"Practitioner","name":[{"family":"Two"}]}},
{"resource":{"resourceType":"Basic","code":{"text":"no url"},"subject":{"reference":"Patient/p1"}}}]}`

func TestResolve(t *testing.T) {
	run(t, linked, []evalCase{
		{"entry[0].resource.subject.resolve().name.family", "One"},
		{"entry[0].resource.performer.resolve().name.family", "Two,One"},
		{"entry[0].resource.device.resolve().deviceName.name", "Cuff"},
		{"entry[0].resource.contained.owner.resolve().id", "o1"},
		{"entry[3].resource.subject.resolve()", ""},
		{"'http://example.org/fhir/Patient/p1'.resolve().id", "p1"},
		{"'#nobody'.resolve()", ""},
		{"entry.first().resolve()", ""},
	})
	r := parse(t, linked)
	elsewhere := parse(t, `{"resourceType":"Practitioner","id":"elsewhere","name":[{"family":"Three"}]}`)
	env := &fhirpath.Env{
		TypedReferences: true,
		Resolve: func(_ context.Context, reference string) (fhir.Value, error) {
			switch reference {
			case "Practitioner/elsewhere":
				return elsewhere.Root(), nil
			case "Practitioner/down":
				return fhir.Value{}, fhir.Errorf(fhir.Unavailable, "the store is down")
			}
			return fhir.Value{}, nil
		},
	}
	runIn(t, linked, env, []evalCase{
		{"entry[0].resource.performer.resolve().name.family", "Two,One,Three"},
		{"'Practitioner/down'.resolve()", "!the store is down"},
		{"'Patient/unknown'.resolve() is Patient", "true"},
		{"'Patient/unknown'.resolve().name", ""},
		{"('Patient/a' | 'Patient/b').resolve().distinct().count()", "2"},
	})
	p, err := fhirpath.Compile(r4.Schema(), "'Patient/unknown'.resolve()")
	if err != nil {
		t.Fatal(err)
	}
	found, err := p.Evaluate(context.Background(), env, fhirpath.Node(r.Root()))
	if err != nil || len(found) != 1 || found[0].Kind() != fhirpath.ResourceItem || found[0].TypeName() != "Patient" || string(found[0].AppendJSON(nil)) != "null" {
		t.Errorf("a reference that tells a type only: got %v, %v", found, err)
	}
}

func TestResourceVariables(t *testing.T) {
	r := parse(t, linked)
	contained := r.Root().Get("entry").First().Get("resource").Get("contained").First()
	p, err := fhirpath.Compile(r4.Schema(), "%resource.id & '/' & %rootResource.id & '/' & %context.id")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		env   fhirpath.Env
		focus fhirpath.Item
		want  string
	}{
		{"a contained resource", fhirpath.Env{}, fhirpath.Node(contained), "d/o1/d"},
		{"a reference in a contained resource", fhirpath.Env{}, fhirpath.Node(contained.Get("owner")), "d/o1/"},
		{"an entry", fhirpath.Env{}, fhirpath.Node(r.Root().Get("entry").First()), "//"},
		{"given by the caller", fhirpath.Env{Resource: contained}, fhirpath.Node(r.Root()), "d/d/"},
		{"both given by the caller", fhirpath.Env{Resource: contained, RootResource: r.Root().Get("entry").First().Get("resource")}, fhirpath.Node(r.Root()), "d/o1/"},
	} {
		found, err := p.Evaluate(context.Background(), &c.env, c.focus)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: got %v, %v", c.name, found, err)
		}
		if got, _ := found[0].Text(); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestFilterAs(t *testing.T) {
	runIn(t, ada, &fhirpath.Env{FilterAs: true}, []evalCase{
		{"extension.value as code", "brown"},
		{"descendants().as(Coding).code", "M"},
	})
}

// terms is a terminology of three codes.
type terms struct{}

func (terms) MemberOf(_ context.Context, valueSet string, codings []fhirpath.Coding) (bool, error) {
	if valueSet != "http://example.org/vs" {
		return false, fhir.Errorf(fhir.NotFound, "the value set %s is not known", valueSet)
	}
	for _, c := range codings {
		if c.Code == "M" && c.System == "http://example.org/ms" && c.Version == "1" && c.Display == "Married" || c.Code == "female" && c.System == "" {
			return true, nil
		}
	}
	return false, nil
}

func (terms) Subsumes(_ context.Context, a, b fhirpath.Coding) (bool, error) {
	if a.Code == "broken" {
		return false, errors.New("broken")
	}
	return a.Code == b.Code || a.Code == "any", nil
}

func TestTerminology(t *testing.T) {
	runIn(t, ada, &fhirpath.Env{Terminology: terms{}}, []evalCase{
		{"maritalStatus.memberOf('http://example.org/vs')", "true"},
		{"maritalStatus.coding.memberOf('http://example.org/vs')", "true"},
		{"gender.memberOf('http://example.org/vs')", "true"},
		{"'male'.memberOf('http://example.org/vs')", "false"},
		{"gender.memberOf('http://example.org/other')", "!not known"},
		{"{}.memberOf('http://example.org/vs')", ""},
		{"name.first().memberOf('http://example.org/vs')", "!about codes"},
		{"telecom.memberOf('http://example.org/vs')", "!2 items"},
		{"maritalStatus.subsumes(maritalStatus.coding)", "true"},
		{"maritalStatus.coding.subsumes(gender)", "false"},
		{"'any'.subsumes(maritalStatus)", "true"},
		{"maritalStatus.subsumedBy('any')", "true"},
		{"maritalStatus.subsumes({})", ""},
		{"maritalStatus.subsumes(name)", "!one item with one"},
	})
	if _, err := evaluate(parse(t, ada), &fhirpath.Env{Terminology: terms{}}, "'broken'.subsumes('a')"); err == nil || err.Error() != "broken" {
		t.Errorf("an error of the terminology: got %v", err)
	}
}

func TestConforms(t *testing.T) {
	env := &fhirpath.Env{Conforms: func(_ context.Context, v fhir.Value, profile string) (bool, error) {
		if profile != "http://example.org/named" {
			return false, fhir.Errorf(fhir.NotFound, "the profile %s is not known", profile)
		}
		return v.Get("name").Exists(), nil
	}}
	runIn(t, ada, env, []evalCase{
		{"conformsTo('http://example.org/named')", "true"},
		{"maritalStatus.conformsTo('http://example.org/named')", "false"},
		{"conformsTo('http://example.org/other')", "!not known"},
		{"{}.conformsTo('http://example.org/named')", ""},
	})
}

func TestTrace(t *testing.T) {
	var told []string
	env := &fhirpath.Env{Trace: func(name string, items []fhirpath.Item) {
		told = append(told, name+":"+strings.Join(texts(items), ","))
	}}
	runIn(t, ada, env, []evalCase{{"name.trace('names', use).where(use = 'maiden').family.trace('f')", "Muster"}})
	if got := strings.Join(told, ";"); got != "names:official,maiden,nickname;f:Muster" {
		t.Errorf("traced %s", got)
	}
}

func TestCustomFunctions(t *testing.T) {
	double := fhirpath.Function{Min: 0, Max: 1, Call: func(in []fhirpath.Item, args [][]fhirpath.Item) ([]fhirpath.Item, error) {
		if len(in) == 0 {
			return nil, errors.New("nothing to double")
		}
		out := append(append([]fhirpath.Item(nil), in...), in...)
		if len(args) > 0 {
			out = append(out, args[0]...)
		}
		return out, nil
	}}
	run(t, ada, []evalCase{
		{"id.double()", "ada,ada"},
		{"id.double(gender)", "ada,ada,female"},
		{"id.double(1, 2)", "!0 to 1 arguments"},
		{"id.count()", "1"},
	}, fhirpath.WithFunction("double", double), fhirpath.WithFunction("count", double))
	if _, err := evaluate(parse(t, ada), &fhirpath.Env{}, "{}.double()", fhirpath.WithFunction("double", double)); err == nil || err.Error() != "nothing to double" {
		t.Errorf("an error of a custom function: got %v", err)
	}
}

func TestStrict(t *testing.T) {
	patient := r4.Schema().TypeByName("Patient")
	run(t, ada, []evalCase{
		{"name.given", "Ada,Maria,Ada,Adi,{\"id\":\"g\",\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/data-absent-reason\",\"valueCode\":\"masked\"}]}"},
		{"name.givn", "!HumanName has no givn"},
		{"deceasedBoolean", "!Patient has no deceasedBoolean"},
		{"deceased", "false"},
		{"Observation.status", "!evaluated on Patient, not on Observation"},
		{"DomainResource.id", "ada"},
		{"contained.name.first()", "Clinic"},
		{"extension.value.unit", "m"},
		{"gender.value", "female"},
		{"gender.system", "!code has no system"},
		{"1.value", "!Integer has no value"},
		{"(1 'mg').unit", "mg"},
		{"name.where(use)", "!the condition of where() is code"},
		{"iif('x', 1, 2)", "!the condition of iif() is String"},
		{"name.where(use = 'maiden').family", "Muster"},
		{"name.where(famly = 'x')", "!has no famly"},
		{"name.select(given | family).first()", "Ada"},
		{"name.select(given.length() > 1)", "!one item"},
		{"children().first()", "!no order"},
		{"descendants()[0]", "!no order"},
		{"children().where(id = 'm').skip(1)", "!no order"},
		{"children().id.sort().first()", "dr"},
		{"children().ofType(CodeableConcept).text", "married"},
		{"name.ofType(HumanName).use.last()", "nickname"},
		{"(name | telecom).use.first()", "official"},
		{"(name | telecom).rank", "2,1"},
		{"(name | telecom).city", "!HumanName or ContactPoint has no city"},
		{"iif(active, name, telecom).use.first()", "official"},
		{"(name as HumanName).usage", "!has no usage"},
		{"extension('x').valu", "!Extension has no valu"},
		{"name.first() is HumanName", "true"},
		{"name.sort(family desc).use.first()", "maiden"},
		{"generalPractitioner.resolve().whatever", ""},
		{"name.union(telecom).period", ""},
		{"%resource.whatever", ""},
	}, fhirpath.Strict(patient))
}

func TestBudget(t *testing.T) {
	r := parse(t, ada)
	for _, expr := range []string{
		"1.repeat($this + 1)",
		"'a'.repeat($this & 'a')",
		"1.repeatAll($this)",
		"(1|2|3|4|5|6|7|8|9).repeatAll(1|2|3|4|5|6|7|8|9).count()",
		"(1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17|18|19|20|21|22|23|24|25|26|27|28|29|30).aggregate($total & $total & 'ab')",
		"(1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17|18|19|20|21|22|23|24|25|26|27|28|29|30).aggregate($total.combine($total).combine($this), 1)",
	} {
		if _, err := evaluate(r, &fhirpath.Env{Steps: 1_000_000}, expr); fhir.KindOf(err) != fhir.TooCostly {
			t.Errorf("%s: got %v, want TooCostly", expr, err)
		}
	}
	if _, err := evaluate(r, &fhirpath.Env{Steps: 5}, "name.given.where($this = 'x')"); fhir.KindOf(err) != fhir.TooCostly {
		t.Errorf("a small budget: got %v, want TooCostly", err)
	}
	if _, err := evaluate(r, &fhirpath.Env{Steps: 50}, "name.given.where($this = 'x')"); err != nil {
		t.Errorf("a budget that is enough: got %v", err)
	}
	if found, err := evaluate(r, &fhirpath.Env{}, "(2.0).power(1000) * (2.0).power(1000)"); err != nil || len(found) != 0 {
		t.Errorf("a number that gets too long: got %v, %v, want nothing", found, err)
	}
}

func TestContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p, err := fhirpath.Compile(r4.Schema(), "1.repeat($this + 1)")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Evaluate(ctx, &fhirpath.Env{})
	if fhir.KindOf(err) != fhir.TooCostly || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestErrorsTellThePosition(t *testing.T) {
	r := parse(t, ada)
	for expr, want := range map[string]string{
		"name.given + 'x'":        "FHIRPath, at character 12: ",
		"1 + name.frobnicate()":   "FHIRPath, at character 10: ",
		"active and name.given":   "FHIRPath, at character 17: ",
		"name.where(given = %no)": "FHIRPath, at character 20: ",
		"'a' 'b'":                 "FHIRPath, at character 5: ",
	} {
		if _, err := evaluate(r, &fhirpath.Env{}, expr); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s…", expr, err, want)
		}
	}
}

func TestItems(t *testing.T) {
	r := parse(t, ada)
	for _, c := range []struct{ expr, typ, json string }{
		{"gender", "code", `"female"`},
		{"name[1]", "HumanName", `{"use":"maiden","family":"Muster","given":["Ada"]}`},
		{"birthDate", "date", `"1980-02-29"`},
		{"multipleBirth", "integer", `2`},
		{"1 + 1", "integer", `2`},
		{"1.50", "decimal", `1.50`},
		{"true", "boolean", `true`},
		{"'a\"b'", "string", `"a\"b"`},
		{"@2020", "date", `"2020"`},
		{"@2020T", "dateTime", `"2020"`},
		{"@T10:00", "time", `"10:00"`},
		{"1.0 'mg'", "Quantity", `{"value":1.0,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}`},
		{"4 days", "Quantity", `{"value":4,"unit":"days"}`},
		{"type()", "TypeInfo", `{"namespace":"FHIR","name":"Patient"}`},
	} {
		found, err := evaluate(r, &fhirpath.Env{}, c.expr)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: got %v, %v", c.expr, found, err)
		}
		if got := found[0].TypeName(); got != c.typ {
			t.Errorf("%s: got the type %s, want %s", c.expr, got, c.typ)
		}
		if got := string(found[0].AppendJSON(nil)); got != c.json {
			t.Errorf("%s: got %s, want %s", c.expr, got, c.json)
		}
	}
	if fhirpath.Node(fhir.Value{}).Kind() != 0 {
		t.Error("no place makes an item")
	}
	if text, _ := fhirpath.Integer(1 << 40).Text(); text != "1099511627776" {
		t.Errorf("a large integer: got %s", text)
	}
}

// TestSearch shows what the entry points for search do differently.
func TestSearch(t *testing.T) {
	r := parse(t, linked)
	o := r.Root().Get("entry").First().Get("resource")
	for expr, want := range map[string]string{
		"Observation.subject.where(resolve() is Patient).reference":             "Patient/p1",
		"(Observation.performer | Observation.subject).as(Reference).reference": "urn:uuid:11111111-2222-3333-4444-555555555555,http://example.org/fhir/Patient/p1/_history/3,Practitioner/elsewhere,Patient/p1",
		"Observation.performer.where(resolve() is Practitioner).count()":        "2",
		"Observation.performer + 1":                                             "",
	} {
		p, err := fhirpath.Compile(r4.Schema(), expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(texts(p.Append(nil, o, o)), ","); got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
	p, err := fhirpath.Compile(r4.Schema(), "Bundle.entry.count()")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(texts(p.Eval(r)), ","); got != "4" {
		t.Errorf("Eval: got %s", got)
	}
	if p.String() != "Bundle.entry.count()" {
		t.Errorf("String: got %s", p)
	}
}

// TestAppendKeepsAlone shows that results stay what they are while others are
// evaluated.
func TestAppendKeepsAlone(t *testing.T) {
	r := parse(t, ada)
	p, err := fhirpath.Compile(r4.Schema(), "name.given.where($this != 'x').select($this & '!')")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprint(texts(p.Eval(r)))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := fmt.Sprint(texts(p.Eval(r))); got != want {
					t.Errorf("got %s, want %s", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestReferenceType(t *testing.T) {
	for text, want := range map[string]string{
		"Patient/1": "Patient", "Patient/1/_history/2": "Patient", "http://example.org/fhir/Patient/1": "Patient",
		"#x": "", "urn:uuid:1": "", "patient/1": "", "Patient/": "", "": "", "Patient/a b": "",
	} {
		if got := fhirpath.ReferenceType(text); got != want {
			t.Errorf("ReferenceType(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestClockOfTheMachine(t *testing.T) {
	before := time.Now()
	found, err := evaluate(parse(t, ada), &fhirpath.Env{}, "now()")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := found[0].Text()
	got, err := time.Parse("2006-01-02T15:04:05.000Z07:00", text)
	if err != nil || got.Before(before.Truncate(time.Millisecond)) || got.After(time.Now()) {
		t.Errorf("now() = %s (%v), called at %s", text, err, before)
	}
}
