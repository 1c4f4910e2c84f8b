package search

import (
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// unfit are the parameters of R4 that find nothing, because their expressions are
// about other types or yield what their type does not compare.
var unfit = []string{
	"http://hl7.org/fhir/SearchParameter/example-extension", "http://hl7.org/fhir/SearchParameter/DocumentReference-relationship",
}

// What R4 defines passes for custom parameters.
func TestStandardParamsFit(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for i := range reg.params {
		p := reg.params[i]
		if p.Expression == "" || p.Type == fhir.SpecialParam {
			continue
		}
		n++
		d, err := reg.define(&p, nil)
		for at := range p.Base {
			if err == nil {
				err = reg.fits(d, at, reg.schema.TypeByName(p.Base[at]))
			}
		}
		if (err != nil) != slices.Contains(unfit, p.URL) {
			t.Errorf("%s of %v, %s, %s: %v", p.URL, p.Base, p.Type, p.Expression, err)
		}
		if err == nil && !reg.Repeats(&p) {
			t.Errorf("%s does not repeat itself", p.Code)
		}
	}
	t.Logf("%d parameters", n)
}

func TestAdmit(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	before := reg.Fingerprint()
	other := fhir.SearchParam{URL: "http://p.example/other", Code: "other", Base: []string{"Patient"}, Type: fhir.TokenParam, Expression: "Patient.gender"}
	for _, row := range []struct {
		name, base, typ, expression string
		change                      func(p *fhir.SearchParam)
		want                        string // where the error is; empty: none
	}{
		{name: "token on a code", base: "Patient", typ: "token", expression: "Patient.gender"},
		{name: "token on what is computed", base: "Patient", typ: "token", expression: "Patient.deceased.exists()"},
		{name: "string on names", base: "Patient Practitioner", typ: "string", expression: "Patient.name | Practitioner.name"},
		{name: "string on a text", base: "Patient", typ: "string", expression: "Patient.name.text"},
		{name: "date on a choice", base: "Observation", typ: "date", expression: "Observation.effective"},
		{name: "extension", base: "Patient", typ: "token", expression: "Patient.extension.where(url='http://e.example/x').value"},
		{name: "extension as a whole", base: "Patient", typ: "date", expression: "Patient.extension('http://e.example/x')"},
		{name: "number on an extension", base: "DomainResource", typ: "number", expression: "DomainResource.extension('http://e.example/x').value"},
		{name: "reference", base: "Observation", typ: "reference", expression: "Observation.subject.where(resolve() is Patient)"},
		{name: "canonical reference", base: "QuestionnaireResponse", typ: "reference", expression: "QuestionnaireResponse.questionnaire"},
		{name: "no head", base: "Patient", typ: "string", expression: "name.family"},
		{name: "first of many", base: "Patient", typ: "string", expression: "Patient.name.first().family"},
		{name: "all types", base: "Resource", typ: "token", expression: "Resource.language"},
		{name: "what R4 has", base: "Patient", typ: "token", expression: "Patient.gender", change: func(p *fhir.SearchParam) { p.Code = "gender" }},
		{name: "a part of what R4 has", base: "Patient", typ: "string", expression: "Patient.name", change: func(p *fhir.SearchParam) { p.Code = "name" }},

		{name: "unknown type", base: "Patientt", typ: "token", expression: "Patient.gender", want: "base[0]"},
		{name: "a data type", base: "Patient HumanName", typ: "string", expression: "Patient.name | HumanName.text", want: "base[1]"},
		{name: "code taken by R4", base: "Patient", typ: "token", expression: "Patient.active", change: func(p *fhir.SearchParam) { p.Code = "gender" }, want: "code"},
		{name: "code every type has", base: "Patient", typ: "token", expression: "Patient.active", change: func(p *fhir.SearchParam) { p.Code = "_tag" }, want: "code"},
		{name: "code that some types have", base: "Resource", typ: "token", expression: "Resource.language", change: func(p *fhir.SearchParam) { p.Code = "gender" }, want: "code"},
		{name: "code taken by another", base: "Patient", typ: "token", expression: "Patient.active", change: func(p *fhir.SearchParam) { p.Code = "other" }, want: "code"},
		{name: "the same code elsewhere", base: "Practitioner", typ: "token", expression: "Practitioner.active", change: func(p *fhir.SearchParam) { p.Code = "other" }},
		{name: "url taken by another", base: "Patient", typ: "token", expression: "Patient.active", change: func(p *fhir.SearchParam) { p.URL = "http://p.example/other" }, want: "url"},
		{name: "url taken by R4", base: "Patient", typ: "token", expression: "Patient.active", change: func(p *fhir.SearchParam) { p.URL = "http://hl7.org/fhir/SearchParameter/individual-gender" }, want: "url"},
		{name: "unknown target", base: "Patient", typ: "reference", expression: "Patient.link.other", change: func(p *fhir.SearchParam) { p.Target = []string{"Patient", "Nobody"} }, want: "target[1]"},
		{name: "another type's expression", base: "Patient", typ: "token", expression: "Observation.status", want: "expression"},
		{name: "nothing about one of the types", base: "Patient Practitioner", typ: "token", expression: "Patient.gender", want: "expression"},
		{name: "no such element", base: "Patient", typ: "token", expression: "Patient.gendre", want: "expression"},
		{name: "no such element further down", base: "Patient", typ: "string", expression: "Patient.name.nick", want: "expression"},
		{name: "no such function", base: "Patient", typ: "string", expression: "Patient.name.family.reverse()", want: "expression"},
		{name: "what the clock says", base: "Patient", typ: "token", expression: "Patient.birthDate < today()", want: "expression"},
		{name: "what the clock says within", base: "Patient", typ: "string", expression: "Patient.name.where(period.end > now()).family", want: "expression"},
		{name: "an element named as a function", base: "Patient", typ: "string", expression: "Patient.name.where(use = 'now()').family"},
		{name: "no such variable", base: "Patient", typ: "string", expression: "Patient.name.family & %unknown", want: "expression"},
		{name: "a computed text", base: "Patient", typ: "string", expression: "Patient.name.family.upper()", want: "type"},
		{name: "a literal", base: "Patient", typ: "string", expression: "'x'", want: "type"},
		{name: "a date as number", base: "Patient", typ: "number", expression: "Patient.birthDate", want: "type"},
		{name: "a name as date", base: "Patient", typ: "date", expression: "Patient.name", want: "type"},
		{name: "a reference as uri", base: "Observation", typ: "uri", expression: "Observation.subject", want: "type"},
		{name: "a backbone as token", base: "Patient", typ: "token", expression: "Patient.contact", want: "type"},
		{name: "a type the choice has not", base: "Observation", typ: "date", expression: "(Observation.effective as Quantity)", want: "type"},
		{name: "a code as reference", base: "Patient", typ: "reference", expression: "Patient.gender", want: "type"},
		{name: "a boolean as quantity", base: "Patient", typ: "quantity", expression: "Patient.active", want: "type"},
	} {
		p := fhir.SearchParam{URL: "http://p.example/x", Code: "x", Base: strings.Fields(row.base), Type: paramType(row.typ), Expression: row.expression}
		if row.change != nil {
			row.change(&p)
		}
		wantAt(t, row.name, reg.Admit(&p, []fhir.SearchParam{other}), row.want)
		if row.want == "" {
			if _, err := reg.With([]fhir.SearchParam{p}); err != nil && !reg.Repeats(&p) {
				t.Errorf("%s: admitted, but %v", row.name, err)
			}
		}
	}
	if reg.Fingerprint() != before {
		t.Error("the registry has changed")
	}
}

func TestAdmitComposite(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	const clinicalCode, valueQuantity = "http://hl7.org/fhir/SearchParameter/clinical-code", "http://hl7.org/fhir/SearchParameter/Observation-value-quantity"
	for _, row := range []struct {
		name  string
		parts []fhir.ParamComponent
		want  string
	}{
		{"code and value", []fhir.ParamComponent{{Definition: clinicalCode, Expression: "code"}, {Definition: valueQuantity + "|4.0.1", Expression: "value.as(Quantity)"}}, ""},
		{"the value first", []fhir.ParamComponent{{Definition: valueQuantity, Expression: "value.as(Quantity)"}, {Definition: clinicalCode, Expression: "code"}}, "component[0].definition"},
		{"a part nobody knows", []fhir.ParamComponent{{Definition: clinicalCode, Expression: "code"}, {Definition: "http://p.example/nothing", Expression: "value"}}, "component[1].definition"},
		{"a composite in a composite", []fhir.ParamComponent{{Definition: clinicalCode, Expression: "code"}, {Definition: "http://hl7.org/fhir/SearchParameter/Observation-code-value-quantity", Expression: "value"}}, "component[1].definition"},
		{"no such element", []fhir.ParamComponent{{Definition: clinicalCode, Expression: "code"}, {Definition: valueQuantity, Expression: "valeu"}}, "component[1].expression"},
		{"another type", []fhir.ParamComponent{{Definition: clinicalCode, Expression: "code"}, {Definition: valueQuantity, Expression: "subject"}}, "component[1].expression"},
	} {
		p := fhir.SearchParam{URL: "http://p.example/x", Code: "x", Base: []string{"Observation"}, Type: fhir.CompositeParam, Expression: "Observation", Component: row.parts}
		wantAt(t, row.name, reg.Admit(&p, nil), row.want)
		if row.want == "" {
			if _, err := reg.With([]fhir.SearchParam{p}); err != nil {
				t.Errorf("%s: admitted, but %v", row.name, err)
			}
		}
	}
}

// wantAt checks that an error names an element of SearchParameter.
func wantAt(t *testing.T, what string, err error, at string) {
	t.Helper()
	if at == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if err == nil || fhir.KindOf(err) != fhir.Unprocessable || !strings.HasPrefix(err.Error(), "SearchParameter."+at+":") {
		t.Errorf("%s: error %v, want one at %s", what, err, at)
	}
}
