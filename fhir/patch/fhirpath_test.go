package patch_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/patch"
	"github.com/noafhir/noafhir/fhir/r4"
)

var codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})

func resource(t testing.TB, json string) *fhir.Resource {
	t.Helper()
	r, err := codec.ParseJSON([]byte(json))
	if err != nil {
		t.Fatalf("%s: %v", json, err)
	}
	return r
}

// operations writes a FHIRPath Patch. Each operation is a line: type, path and
// then parts as name=JSON of the rest of the part.
func operations(lines ...string) string {
	var b strings.Builder
	b.WriteString(`{"resourceType":"Parameters","parameter":[`)
	for i, line := range lines {
		fields := strings.Split(line, " ; ")
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"name":"operation","part":[{"name":"type","valueCode":` + fhir.Quote(fields[0]) + `},{"name":"path","valueString":` + fhir.Quote(fields[1]) + `}`)
		for _, f := range fields[2:] {
			name, rest, _ := strings.Cut(f, "=")
			b.WriteString(`,{"name":"` + name + `",` + rest + `}`)
		}
		b.WriteString(`]}`)
	}
	b.WriteString(`]}`)
	return b.String()
}

const named = `"name":[{"family":"One"},{"family":"Two","given":["A","B"]}]`

func TestApplyFHIRPath(t *testing.T) {
	const p = `{"resourceType":"Patient"`
	for _, test := range []struct {
		Name  string
		Doc   string
		Patch string
		Want  string
	}{
		{"no operations", p + `,"active":true}`, `{"resourceType":"Parameters"}`, p + `,"active":true}`},
		{"add a primitive", p + `}`, operations(`add ; Patient ; name="valueString":"birthDate" ; value="valueDate":"1930-01-01"`), p + `,"birthDate":"1930-01-01"}`},
		{"add a primitive with extensions", p + `}`, operations(`add ; Patient ; name="valueString":"birthDate" ; value="valueDate":"1930-01-01","_valueDate":{"id":"x"}`), p + `,"birthDate":"1930-01-01","_birthDate":{"id":"x"}}`},
		{"add a choice by its name without type", p + `}`, operations(`add ; Patient ; name="valueString":"deceased" ; value="valueBoolean":true`), p + `,"deceasedBoolean":true}`},
		{"add a choice by its JSON name", p + `}`, operations(`add ; Patient ; name="valueString":"deceasedDateTime" ; value="valueDateTime":"2020"`), p + `,"deceasedDateTime":"2020"}`},
		{"add to a list", p + `,` + named + `}`, operations(`add ; Patient ; name="valueString":"name" ; value="valueHumanName":{"text":"Three"}`), p + `,"name":[{"family":"One"},{"family":"Two","given":["A","B"]},{"text":"Three"}]}`},
		{"add the first of a list", p + `}`, operations(`add ; Patient ; name="valueString":"name" ; value="valueHumanName":{"text":"Three"}`), p + `,"name":[{"text":"Three"}]}`},
		{"add below", p + `,` + named + `}`, operations(`add ; Patient.name.where(family = 'One') ; name="valueString":"given" ; value="valueString":"Z"`), p + `,"name":[{"family":"One","given":["Z"]},{"family":"Two","given":["A","B"]}]}`},
		{"add an extension to a primitive", p + `,"birthDate":"1930"}`, operations(`add ; Patient.birthDate ; name="valueString":"extension" ; value="part":[{"name":"url","valueUri":"http://x"},{"name":"value","valueCode":"y"}]`), p + `,"birthDate":"1930","_birthDate":{"extension":[{"url":"http://x","valueCode":"y"}]}}`},
		{"add an extension to an item of a primitive list", p + `,` + named + `}`, operations(`add ; Patient.name[1].given[1] ; name="valueString":"extension" ; value="part":[{"name":"url","valueUri":"http://x"},{"name":"value","valueCode":"y"}]`), p + `,"name":[{"family":"One"},{"family":"Two","given":["A","B"],"_given":[null,{"extension":[{"url":"http://x","valueCode":"y"}]}]}]}`},
		{"add a second extension to a primitive", p + `,"birthDate":"1930","_birthDate":{"extension":[{"url":"http://w","valueCode":"y"}]}}`, operations(`add ; Patient.birthDate ; name="valueString":"extension" ; value="part":[{"name":"url","valueUri":"http://x"},{"name":"value","valueCode":"y"}]`), p + `,"birthDate":"1930","_birthDate":{"extension":[{"url":"http://w","valueCode":"y"},{"url":"http://x","valueCode":"y"}]}}`},
		{"add an anonymous type by parts", p + `}`, operations(`add ; Patient ; name="valueString":"contact" ; value="part":[{"name":"name","valueHumanName":{"text":"a"}},{"name":"telecom","valueContactPoint":{"value":"1"}},{"name":"telecom","valueContactPoint":{"value":"2"}},{"name":"gender","valueCode":"male"}]`),
			p + `,"contact":[{"name":{"text":"a"},"telecom":[{"value":"1"},{"value":"2"}],"gender":"male"}]}`},
		{"add parts in parts", `{"resourceType":"Questionnaire","status":"draft"}`, operations(`add ; Questionnaire ; name="valueString":"item" ; value="part":[{"name":"linkId","valueString":"1"},{"name":"type","valueCode":"group"},{"name":"item","part":[{"name":"linkId","valueString":"1.1"},{"name":"type","valueCode":"choice"},{"name":"answerOption","part":[{"name":"value","valueInteger":3}]}]}]`),
			`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"1.1","type":"choice","answerOption":[{"valueInteger":3}]}]}]}`},
		{"add a contained resource", p + `}`, operations(`add ; Patient ; name="valueString":"contained" ; value="resource":{"resourceType":"Basic","id":"b","code":{"text":"x"}}`), p + `,"contained":[{"resourceType":"Basic","id":"b","code":{"text":"x"}}]}`},
		{"add a complex type by parts", p + `}`, operations(`add ; Patient ; name="valueString":"maritalStatus" ; value="part":[{"name":"text","valueString":"x"}]`), p + `,"maritalStatus":{"text":"x"}}`},

		{"insert", p + `,` + named + `}`, operations(`insert ; Patient.name ; index="valueInteger":1 ; value="valueHumanName":{"text":"x"}`), p + `,"name":[{"family":"One"},{"text":"x"},{"family":"Two","given":["A","B"]}]}`},
		{"insert at the end", p + `,` + named + `}`, operations(`insert ; Patient.name[1].given ; index="valueInteger":2 ; value="valueString":"C"`), p + `,"name":[{"family":"One"},{"family":"Two","given":["A","B","C"]}]}`},
		{"insert into nothing", p + `,` + named + `}`, operations(`insert ; Patient.name[0].given ; index="valueInteger":0 ; value="valueString":"C"`), p + `,"name":[{"family":"One","given":["C"]},{"family":"Two","given":["A","B"]}]}`},
		{"insert into a path without a head", p + `}`, operations(`insert ; name ; index="valueInteger":0 ; value="valueHumanName":{"text":"x"}`), p + `,"name":[{"text":"x"}]}`},
		{"insert keeps extensions beside their values", p + `,"name":[{"given":["A","B"],"_given":[null,{"id":"b"}]}]}`, operations(`insert ; Patient.name.given ; index="valueInteger":1 ; value="valueString":"X"`), p + `,"name":[{"given":["A","X","B"],"_given":[null,null,{"id":"b"}]}]}`},
		{"insert an extension only", p + `,"name":[{"given":["A"]}]}`, operations(`insert ; Patient.name.given ; index="valueInteger":0 ; value="_valueString":{"extension":[{"url":"http://x","valueCode":"y"}]}`), p + `,"name":[{"given":[null,"A"],"_given":[{"extension":[{"url":"http://x","valueCode":"y"}]},null]}]}`},
		{"insert into the list of a function", `{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"http://x","valueCode":"y"}]}`, operations(`insert ; Basic.extension('http://x') ; index="valueInteger":0 ; value="part":[{"name":"url","valueUri":"http://z"},{"name":"value","valueCode":"z"}]`), `{"resourceType":"Basic","code":{"text":"x"},"extension":[{"url":"http://z","valueCode":"z"},{"url":"http://x","valueCode":"y"}]}`},

		{"delete", p + `,"active":true,"gender":"male"}`, operations(`delete ; Patient.active`), p + `,"gender":"male"}`},
		{"delete what is not there", p + `,"active":true}`, operations(`delete ; Patient.birthDate`), p + `,"active":true}`},
		{"delete an item", p + `,` + named + `}`, operations(`delete ; Patient.name.where(family = 'One')`), p + `,"name":[{"family":"Two","given":["A","B"]}]}`},
		{"delete the last item", p + `,"name":[{"family":"One"}]}`, operations(`delete ; Patient.name[0]`), p + `}`},
		{"delete with extensions", p + `,"birthDate":"1930","_birthDate":{"id":"x"}}`, operations(`delete ; Patient.birthDate`), p + `}`},
		{"delete an item with extensions", p + `,"name":[{"given":["A","B",null],"_given":[null,{"id":"b"},{"id":"c"}]}]}`, operations(`delete ; Patient.name.given[1]`), p + `,"name":[{"given":["A",null],"_given":[null,{"id":"c"}]}]}`},
		{"delete what has extensions only", p + `,"name":[{"given":["A",null],"_given":[null,{"id":"c"}]}]}`, operations(`delete ; Patient.name.given[1]`), p + `,"name":[{"given":["A"]}]}`},
		{"delete the extension of a primitive", p + `,"birthDate":"1930","_birthDate":{"extension":[{"url":"http://x","valueCode":"y"}]}}`, operations(`delete ; Patient.birthDate.extension('http://x')`), p + `,"birthDate":"1930"}`},
		{"delete the extension of a primitive without value", p + `,"active":true,"_birthDate":{"extension":[{"url":"http://x","valueCode":"y"}]}}`, operations(`delete ; Patient.birthDate.extension`), p + `,"active":true}`},
		{"delete the extension of an item", p + `,"name":[{"given":["A","B"],"_given":[null,{"extension":[{"url":"http://x","valueCode":"y"}]}]}]}`, operations(`delete ; Patient.name.given[1].extension`), p + `,"name":[{"given":["A","B"]}]}`},
		{"delete the extension of an item without value", p + `,"name":[{"given":["A",null],"_given":[null,{"extension":[{"url":"http://x","valueCode":"y"}]}]}]}`, operations(`delete ; Patient.name.given[1].extension`), p + `,"name":[{"given":["A"]}]}`},
		{"delete the last child with its parents", p + `,"active":true,"contact":[{"name":{"text":"x"}}]}`, operations(`delete ; Patient.contact.name.text`), p + `,"active":true}`},
		{"delete a choice", p + `,"deceasedBoolean":true}`, operations(`delete ; Patient.deceased`), p + `}`},

		{"replace", p + `,"gender":"male","active":true}`, operations(`replace ; Patient.gender ; value="valueCode":"female"`), p + `,"gender":"female","active":true}`},
		{"replace drops extensions", p + `,"birthDate":"1930","_birthDate":{"id":"x"}}`, operations(`replace ; Patient.birthDate ; value="valueDate":"1931"`), p + `,"birthDate":"1931"}`},
		{"replace brings extensions", p + `,"birthDate":"1930"}`, operations(`replace ; Patient.birthDate ; value="_valueDate":{"extension":[{"url":"http://x","valueCode":"y"}]}`), p + `,"_birthDate":{"extension":[{"url":"http://x","valueCode":"y"}]}}`},
		{"replace a choice by another type", p + `,"deceasedBoolean":true,"_deceasedBoolean":{"id":"x"},"active":true}`, operations(`replace ; Patient.deceased ; value="valueDateTime":"2020"`), p + `,"deceasedDateTime":"2020","active":true}`},
		{"replace an item", p + `,` + named + `}`, operations(`replace ; Patient.name[0] ; value="valueHumanName":{"text":"x"}`), p + `,"name":[{"text":"x"},{"family":"Two","given":["A","B"]}]}`},
		{"replace an item of a primitive list", p + `,"name":[{"given":["A","B"],"_given":[{"id":"a"},{"id":"b"}]}]}`, operations(`replace ; Patient.name.given[0] ; value="valueString":"X"`), p + `,"name":[{"given":["X","B"],"_given":[null,{"id":"b"}]}]}`},
		{"replace by parts", p + `,"contact":[{"gender":"male"}]}`, operations(`replace ; Patient.contact[0] ; value="part":[{"name":"gender","valueCode":"female"}]`), p + `,"contact":[{"gender":"female"}]}`},
		{"replace in a contained resource", p + `,"contained":[{"resourceType":"Organization","id":"o","name":"x"}],"managingOrganization":{"reference":"#o"}}`, operations(`replace ; Patient.managingOrganization.resolve().name ; value="valueString":"y"`), p + `,"contained":[{"resourceType":"Organization","id":"o","name":"y"}],"managingOrganization":{"reference":"#o"}}`},

		{"move", p + `,"name":[{"text":"0"},{"text":"1"},{"text":"2"}]}`, operations(`move ; Patient.name ; source="valueInteger":0 ; destination="valueInteger":2`), p + `,"name":[{"text":"1"},{"text":"2"},{"text":"0"}]}`},
		{"move with extensions", p + `,"name":[{"given":["A","B"],"_given":[{"id":"a"},null]}]}`, operations(`move ; Patient.name.given ; source="valueInteger":1 ; destination="valueInteger":0`), p + `,"name":[{"given":["B","A"],"_given":[null,{"id":"a"}]}]}`},
		{"move to its own place", p + `,` + named + `}`, operations(`move ; Patient.name ; source="valueInteger":1 ; destination="valueInteger":1`), p + `,` + named + `}`},

		{"each is applied to the outcome of those before", p + `}`, operations(`add ; Patient ; name="valueString":"name" ; value="valueHumanName":{"text":"x"}`, `add ; Patient.name ; name="valueString":"family" ; value="valueString":"y"`, `delete ; Patient.name.text`), p + `,"name":[{"family":"y"}]}`},
		{"numbers stay as written", `{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.00}}`, operations(`replace ; Observation.status ; value="valueCode":"amended"`), `{"resourceType":"Observation","status":"amended","code":{"text":"x"},"valueQuantity":{"value":1.00}}`},
	} {
		t.Run(test.Name, func(t *testing.T) {
			got, err := patch.ApplyFHIRPath(codec, resource(t, test.Doc), resource(t, test.Patch))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.Want {
				t.Errorf("%s to %s:\n got %s\nwant %s", test.Patch, test.Doc, got, test.Want)
			}
			if _, err := codec.ParseJSON(got); err != nil {
				t.Errorf("the outcome is no resource: %v", err)
			}
		})
	}
}

func TestApplyFHIRPathRefuses(t *testing.T) {
	doc := resource(t, `{"resourceType":"Patient","active":true,"deceasedBoolean":false,`+named+`,"birthDate":"1930"}`)
	many := make([]string, 101)
	for i := range many {
		many[i] = `delete ; Patient.active`
	}
	for _, test := range []struct {
		Patch string
		Kind  fhir.Kind
		Want  string
	}{
		{`{"resourceType":"Basic","code":{"text":"x"}}`, fhir.Invalid, "Parameters"},
		{`{"resourceType":"Parameters","parameter":[{"name":"operations"}]}`, fhir.Invalid, `operation 0 ( ): a parameter is called "operations"`},
		{operations(`sort ; Patient`), fhir.Invalid, "the type must be"},
		{operations(`add ; Patient`), fhir.Invalid, `"name" is missing`},
		{operations(`delete ; Patient.active`, `insert ; Patient.name ; value="valueHumanName":{"text":"x"}`), fhir.Invalid, `operation 1 (insert Patient.name): the part "index" is missing`},
		{operations(`delete ; Patient.active ; path="valueString":"x"`), fhir.Invalid, "given twice"},
		{operations(`delete ; Patient.`), fhir.Invalid, "ends too early"},
		{operations(`delete ; Patient.activ`), fhir.Invalid, "Patient has no activ"},
		{operations(`delete ; Patient.frobnicate()`), fhir.Unsupported, "not known"},
		{operations(`move ; Patient.name ; source="valueString":"x" ; destination="valueInteger":1`), fhir.Invalid, "source must be a number"},
		{operations(`insert ; Patient.name ; index="valueInteger":-1 ; value="valueHumanName":{"text":"x"}`), fhir.Invalid, "index must be a number"},
		{operations(many...), fhir.TooLarge, "over 100 operations"},

		{operations(`delete ; Patient.name`), fhir.Unprocessable, "2 elements"},
		{operations(`delete ; Patient`), fhir.Unprocessable, "the resource itself"},
		{operations(`delete ; Patient.name.count()`), fhir.Unprocessable, "computed value"},
		{operations(`delete ; Patient.name + 1`), fhir.Unprocessable, "one item"},
		{operations(`delete ; 1.repeat($this + 1)`), fhir.TooCostly, "too many steps"},
		{operations(`replace ; Patient ; value="valueString":"x"`), fhir.Unprocessable, "the resource itself"},
		{operations(`replace ; Patient.gender ; value="valueCode":"male"`), fhir.Unprocessable, "0 elements"},
		{operations(`replace ; Patient.active ; value="valueString":"x"`), fhir.Unprocessable, "active takes boolean, not string"},
		{operations(`replace ; Patient.deceased ; value="valueString":"x"`), fhir.Unprocessable, "deceased takes boolean or dateTime, not string"},
		{operations(`add ; Patient.name ; name="valueString":"text" ; value="valueString":"x"`), fhir.Unprocessable, "2 elements"},
		{operations(`add ; Patient ; name="valueString":"nam" ; value="valueString":"x"`), fhir.Unprocessable, "Patient has no nam"},
		{operations(`add ; Patient ; name="valueString":"active" ; value="valueBoolean":true`), fhir.Unprocessable, "there already"},
		{operations(`add ; Patient ; name="valueString":"deceased" ; value="valueDateTime":"2020"`), fhir.Unprocessable, "deceasedBoolean is there already"},
		{operations(`add ; Patient ; name="valueString":"name" ; value="valueString":"x"`), fhir.Unprocessable, "name takes HumanName, not string"},
		{operations(`add ; Patient ; name="valueString":"deceased" ; value="part":[{"name":"x","valueString":"y"}]`), fhir.Invalid, "several types"},
		{operations(`add ; Patient ; name="valueString":"gender" ; value="part":[{"name":"x","valueString":"y"}]`), fhir.Unprocessable, "not parts"},
		{operations(`add ; Patient ; name="valueString":"contained" ; value="part":[{"name":"x","valueString":"y"}]`), fhir.Unprocessable, "takes a resource"},
		{operations(`add ; Patient ; name="valueString":"contact" ; value="part":[{"name":"x","valueString":"y"}]`), fhir.Unprocessable, "Patient.contact has no x"},
		{operations(`add ; Patient ; name="valueString":"contact" ; value="part":[{"name":"gender","valueCode":"male"},{"name":"gender","valueCode":"male"}]`), fhir.Unprocessable, "given twice"},
		{operations(`add ; Patient ; name="valueString":"contact" ; value="extension":[{"url":"http://x","valueCode":"y"}]`), fhir.Invalid, "neither a value nor parts"},
		{operations(`add ; Patient ; name="valueString":"name" ; value="resource":{"resourceType":"Basic","code":{"text":"x"}}`), fhir.Unprocessable, "not Basic"},
		{operations(`insert ; Patient.name ; index="valueInteger":3 ; value="valueHumanName":{"text":"x"}`), fhir.Unprocessable, "beyond the end of a list of 2"},
		{operations(`insert ; Patient.birthDate ; index="valueInteger":0 ; value="valueDate":"2020"`), fhir.Unprocessable, "does not repeat"},
		{operations(`insert ; Patient.name.given ; index="valueInteger":0 ; value="valueString":"x"`), fhir.Unprocessable, "2 elements"},
		{operations(`insert ; Patient.name.where(family = 'One') ; index="valueInteger":0 ; value="valueHumanName":{"text":"x"}`), fhir.Unprocessable, "1 of the 2 items"},
		{operations(`insert ; Patient.name.where(family = 'Two') ; index="valueInteger":0 ; value="valueHumanName":{"text":"x"}`), fhir.Unprocessable, "one whole list"},
		{operations(`insert ; Patient.extension('x') ; index="valueInteger":0 ; value="part":[{"name":"url","valueUri":"x"},{"name":"value","valueCode":"y"}]`), fhir.Unprocessable, "leads to nothing"},
		{operations(`insert ; Patient.nam ; index="valueInteger":0 ; value="valueString":"x"`), fhir.Unprocessable, "Patient has no nam"},
		{operations(`move ; Patient.name ; source="valueInteger":2 ; destination="valueInteger":0`), fhir.Unprocessable, "list of 2"},
		{operations(`move ; Patient.name ; source="valueInteger":0 ; destination="valueInteger":2`), fhir.Unprocessable, "list of 2"},
		{operations(`add ; Patient.name[0].family ; name="valueString":"value" ; value="valueString":"x"`), fhir.Unprocessable, "string has no value"},
		{operations(`add ; Patient ; name="valueString":"contained" ; value="resource":{"resourceType":"Basic","code":{"text":"x"}}`, `add ; Patient.contained ; name="valueString":"code" ; value="valueCodeableConcept":{"text":"y"}`), fhir.Unprocessable, "operation 1 (add Patient.contained): code is there already"},
	} {
		_, err := patch.ApplyFHIRPath(codec, doc, resource(t, test.Patch))
		if err == nil {
			t.Errorf("%.300s: no error, want %q", test.Patch, test.Want)
			continue
		}
		if fhir.KindOf(err) != test.Kind || !strings.Contains(err.Error(), test.Want) {
			t.Errorf("%.300s:\n got %d %v\nwant %d %s", test.Patch, fhir.KindOf(err), err, test.Kind, test.Want)
		}
	}
}
