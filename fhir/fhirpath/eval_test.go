package fhirpath_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/r4"
)

// ada is an invented patient.
const ada = `{"resourceType":"Patient","id":"ada","language":"en",
"contained":[{"resourceType":"Organization","id":"org","name":"Clinic"},{"resourceType":"Practitioner","id":"dr","name":[{"family":"Moss"}]}],
"extension":[{"url":"http://example.org/eye","valueCode":"brown"},{"url":"http://example.org/height","valueQuantity":{"value":1.70,"unit":"m","system":"http://unitsofmeasure.org","code":"m"}}],
"identifier":[{"use":"official","system":"http://example.org/mrn","value":"A-7"},{"system":"http://example.org/card","value":"99","period":{"start":"2020","end":"2021-06"}}],
"active":true,"name":[{"use":"official","family":"Example","given":["Ada","Maria"]},{"use":"maiden","family":"Muster","given":["Ada"]},{"use":"nickname","given":["Adi",null],"_given":[null,{"id":"g","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"masked"}]}]}],
"telecom":[{"system":"phone","value":"1","use":"home","rank":2},{"system":"email","value":"a@example.org","rank":1}],
"gender":"female","birthDate":"1980-02-29","_birthDate":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-birthTime","valueDateTime":"1980-02-29T06:30:00+01:00"}]},
"deceasedBoolean":false,"multipleBirthInteger":2,
"maritalStatus":{"id":"m","coding":[{"system":"http://example.org/ms","version":"1","code":"M","display":"Married"}],"text":"married"},
"generalPractitioner":[{"reference":"#dr"},{"reference":"Practitioner/7"},{"reference":"http://other.example.org/fhir/Organization/8/_history/2"}],
"managingOrganization":{"reference":"#org"}}`

// now is the time at which the expressions in tests are evaluated.
var now = time.Date(2026, 3, 4, 7, 15, 30, 123_456_789, time.FixedZone("", 3600))

// An evalCase is an expression and what it makes: the texts of the items, joined
// by commas, or an error that contains what follows the exclamation mark.
type evalCase struct{ expr, want string }

// run evaluates cases on a resource.
func run(t *testing.T, json string, cases []evalCase, options ...fhirpath.Option) {
	t.Helper()
	runIn(t, json, &fhirpath.Env{Now: now}, cases, options...)
}

func runIn(t *testing.T, json string, env *fhirpath.Env, cases []evalCase, options ...fhirpath.Option) {
	t.Helper()
	r := parse(t, json)
	for _, c := range cases {
		found, err := evaluate(r, env, c.expr, options...)
		message, wantsError := strings.CutPrefix(c.want, "!")
		switch {
		case wantsError && err == nil:
			t.Errorf("%s\n\tgot %s, want an error with %q", c.expr, strings.Join(texts(found), ","), message)
		case wantsError:
			if !strings.Contains(err.Error(), message) {
				t.Errorf("%s\n\tgot the error %q, want one with %q", c.expr, err, message)
			}
			if k := fhir.KindOf(err); k == fhir.Internal {
				t.Errorf("%s\n\tthe error %q has no kind", c.expr, err)
			}
		case err != nil:
			t.Errorf("%s\n\tgot the error %q, want %s", c.expr, err, c.want)
		default:
			if got := strings.Join(texts(found), ","); got != c.want {
				t.Errorf("%s\n\tgot  %s\n\twant %s", c.expr, got, c.want)
			}
		}
	}
}

func evaluate(r *fhir.Resource, env *fhirpath.Env, expr string, options ...fhirpath.Option) ([]fhirpath.Item, error) {
	p, err := fhirpath.Compile(r4.Schema(), expr, options...)
	if err != nil {
		return nil, err
	}
	return p.Evaluate(context.Background(), env, fhirpath.Node(r.Root()))
}

func TestLiterals(t *testing.T) {
	run(t, ada, []evalCase{
		{"{}", ""},
		{"true", "true"},
		{"42", "42"},
		{"007", "7"},
		{"2147483647", "2147483647"},
		{"2147483648", "!out of range"},
		{"2147483648.0", "2147483648.0"},
		{"1.50", "1.50"},
		{"00.50", "0.50"},
		{`'it\'s \u00e9 \t|\\ \p \uD83D\uDD25'`, "it's é \t|\\ p 🔥"},
		{`'\uD83D'`, "!surrogate"},
		{`'\u12'`, "!four hex digits"},
		{`'open`, "!does not end"},
		{"@2024", "2024"},
		{"@2024-02-30", "!no date"},
		{"@2024T", "2024"},
		{"@2024-02-29T10", "2024-02-29T10"},
		{"@2024-02-29T10:20:30.5+02:00", "2024-02-29T10:20:30.5+02:00"},
		{"@2024-02-29T10:20+00:00", "2024-02-29T10:20Z"},
		{"@T10:20", "10:20"},
		{"@T25", "!no date"},
		{"4 days", "4 days"},
		{"1.5 'mg'", "1.5 'mg'"},
		{"1 + /* inside */ 1 // after", "2"},
		{"`name`.`family`", "Example,Muster"},
		{"1 +", "!ends too early"},
		{"1 ? 2", "!no meaning"},
		{"\xff", "!UTF-8"},
		{"$that", "!$that is not defined"},
	})
}

func TestPaths(t *testing.T) {
	run(t, ada, []evalCase{
		{"Patient.name.given", "Ada,Maria,Ada,Adi,{\"id\":\"g\",\"extension\":[{\"url\":\"http://hl7.org/fhir/StructureDefinition/data-absent-reason\",\"valueCode\":\"masked\"}]}"},
		{"name.given.count()", "5"},
		{"DomainResource.name.count()", "3"},
		{"Observation.name", ""},
		{"nothing", ""},
		{"name[1].family", "Muster"},
		{"name[9]", ""},
		{"name[-1]", ""},
		{"name['x']", "!must be Integer"},
		{"name[telecom.count()].use", "nickname"},
		{"deceased", "false"},
		{"deceasedBoolean", ""},
		{"multipleBirth + 1", "3"},
		{"birthDate.extension.value", "1980-02-29T06:30:00+01:00"},
		{"birthDate.value", "1980-02-29"},
		{"birthDate.value is System.Date", "true"},
		{"contained.name", "Clinic,{\"family\":\"Moss\"}"},
		{"id", "ada"},
		{"$this.id", "ada"},
		{"name.where($index = 1).use", "maiden"},
		{"(5 'mg').value", "5"},
		{"(5 'mg').unit", "mg"},
		{"$total", "!aggregate"},
	})
}

func TestVariables(t *testing.T) {
	env := &fhirpath.Env{Now: now, Variables: map[string][]fhirpath.Item{"limit": {fhirpath.Integer(3)}, "a-b": {fhirpath.String("x"), fhirpath.Boolean(true)}}}
	runIn(t, ada, env, []evalCase{
		{"%context.id", "ada"},
		{"%resource.id & %rootResource.id", "adaada"},
		{"%ucum", "http://unitsofmeasure.org"},
		{"%sct", "http://snomed.info/sct"},
		{"%loinc", "http://loinc.org"},
		{"%`vs-administrative-gender`", "http://hl7.org/fhir/ValueSet/administrative-gender"},
		{"%'ext-patient-birthTime'", "http://hl7.org/fhir/StructureDefinition/patient-birthTime"},
		{"%\"vs-x\"", "http://hl7.org/fhir/ValueSet/x"},
		{"%limit + 1", "4"},
		{"%`a-b`", "x,true"},
		{"%unset", ""},
		{"%other", "!not defined"},
		{"name.select(%context.id).first()", "ada"},
		{"defineVariable('n', name.first()).telecom.select(%n.family & value)", "Example1,Examplea@example.org"},
		{"name.defineVariable('all').first().select(%all.count())", "3"},
		{"name.select(defineVariable('one').given.select(%one.use & $this)).first()", "officialAda"},
		{"defineVariable('x', 1).select(%x) | %x", "!not defined"},
		{"defineVariable('x', 1).defineVariable('x', 2)", "!defined already"},
		{"defineVariable('context')", "!defined already"},
		{"defineVariable(id)", "!written out"},
	}, fhirpath.WithVariables("limit", "a-b", "unset"))
}

func TestTypes(t *testing.T) {
	run(t, ada, []evalCase{
		{"gender is code", "true"},
		{"gender is string", "true"},
		{"gender is uri", "false"},
		{"gender is System.String", "false"},
		{"gender.is(FHIR.code)", "true"},
		{"gender as string", ""},
		{"gender as code", "female"},
		{"gender.as(System.String)", "female"},
		{"gender.ofType(Element)", "female"},
		{"name is HumanName", "!one item"},
		{"name as HumanName", "!ofType() filters"},
		{"nothing is Patient", ""},
		{"name.ofType(HumanName).count()", "3"},
		{"name.ofType(Quantity)", ""},
		{"extension.value.ofType(Quantity).value", "1.70"},
		{"contained.ofType(Practitioner).name.family", "Moss"},
		{"$this is Resource", "true"},
		{"$this is Element", "false"},
		{"name.first() is Element", "true"},
		{"maritalStatus is Sometype", "!no type"},
		{"maritalStatus is System.Sometype", "false"},
		{"1 is Integer", "true"},
		{"1 is Decimal", "false"},
		{"1 is System.Any", "true"},
		{"1.0.is(Decimal)", "true"},
		{"'a' is String", "true"},
		{"true is Boolean", "true"},
		{"@2020 is Date", "true"},
		{"@2020T is DateTime", "true"},
		{"@T10 is Time", "true"},
		{"1 'mg' is Quantity", "true"},
		{"1 'mg' is System.Quantity", "true"},
		{"active is Boolean", "false"},
		{"active is boolean", "true"},
		{"type().namespace & type().name", "FHIRPatient"},
		{"gender.type().baseType", "FHIR.string"},
		{"1.type().namespace & '.' & 1.type().name", "System.Integer"},
		{"1.type().baseType", "System.Any"},
		{"name.type().name.distinct()", "HumanName"},
		{"type().type().name", "TypeInfo"},
		{"ofType()", "!takes one type"},
		{"ofType('Patient')", "!takes a type"},
	})
}
