package fhir_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

func TestParseJSON(t *testing.T) {
	tests := []struct {
		Name string
		JSON string
		Want string // the compact JSON; empty: as it was sent
	}{
		{Name: "least", JSON: `{"resourceType":"Patient"}`},
		{Name: "white space goes", JSON: "\n{ \"resourceType\" :\t\"Patient\",\r\n\"name\": [ { \"text\" : \"a  b\" } ] }\n", Want: `{"resourceType":"Patient","name":[{"text":"a  b"}]}`},
		{Name: "order, numbers and escapes stay", JSON: `{"valueQuantity":{"unit":"\u0061\/","value":1.500e-3},"status":"final","code":{"text":"x"},"resourceType":"Observation"}`},
		{Name: "a shadow before its value", JSON: `{"resourceType":"Patient","_birthDate":{"id":"x"},"birthDate":"2020"}`},
		{Name: "a shadow alone", JSON: `{"resourceType":"Patient","_birthDate":{"extension":[{"url":"u","valueCode":"c"}]}}`},
		{Name: "a choice by its shadow and its value", JSON: `{"resourceType":"Patient","deceasedBoolean":true,"_deceasedBoolean":{"id":"x"}}`},
		{Name: "nulls with partners", JSON: `{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]}`},
		{Name: "nulls with partners, shadow first", JSON: `{"resourceType":"Patient","name":[{"_given":[null,{"id":"x"}],"given":["a",null]}]}`},
		{Name: "no values but nulls", JSON: `{"resourceType":"Patient","name":[{"given":[null],"_given":[{"id":"x"}]}]}`},
		{Name: "shadow of a resource's id", JSON: `{"resourceType":"Patient","id":"a","_id":{"extension":[{"url":"u","valueCode":"c"}]}}`},
		{Name: "contained resources", JSON: `{"resourceType":"Patient","contained":[{"resourceType":"Group","id":"g"},{"id":"p","resourceType":"Patient"}]}`},
		{Name: "a long base64", JSON: `{"resourceType":"Binary","contentType":"a/b","data":"` + strings.Repeat("AAAA", 300_000) + `"}`},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			want := test.Want
			if want == "" {
				want = test.JSON
			}
			r, err := codec.ParseJSON([]byte(test.JSON))
			if err != nil {
				t.Fatalf("%.200s: %v", test.JSON, err)
			}
			if string(r.JSON()) != want {
				t.Errorf("got %.200s, want %.200s", r.JSON(), want)
			}
		})
	}
}

func TestParseJSONRefuses(t *testing.T) {
	// Patient puts members into a Patient.
	patient := func(members string) string { return `{"resourceType":"Patient",` + members + `}` }
	tests := []struct {
		Name string
		JSON string
		Kind fhir.Kind
		Path string
		Want string // part of the text
	}{
		{Name: "nothing", JSON: ``, Kind: fhir.Invalid, Want: "the JSON is empty"},
		{Name: "no JSON", JSON: patient(`"active":tru`), Kind: fhir.Invalid, Want: "JSON line 1 column 36: expected true"},
		{Name: "text after", JSON: patient(`"active":true`) + `x`, Kind: fhir.Invalid, Want: "after the end"},
		{Name: "half a pair", JSON: patient(`"name":[{"text":"\ud800"}]`), Kind: fhir.Invalid, Want: "surrogate"},
		{Name: "NUL", JSON: patient(`"name":[{"text":"\u0000"}]`), Kind: fhir.Invalid, Want: "NUL"},
		{Name: "escaped name", JSON: patient(`"act\u0069ve":true`), Kind: fhir.Invalid, Want: "ASCII"},

		{Name: "an array", JSON: `[]`, Kind: fhir.Structure, Want: "a resource is a JSON object"},
		{Name: "no type", JSON: `{"id":"x"}`, Kind: fhir.Structure, Want: "resourceType is missing"},
		{Name: "type is no string", JSON: `{"resourceType":1}`, Kind: fhir.Structure, Want: "resourceType is missing or no string"},
		{Name: "unknown type", JSON: `{"resourceType":"Foo"}`, Kind: fhir.Structure, Want: `"Foo" is no R4 resource type`},
		{Name: "type in lower case", JSON: `{"resourceType":"patient"}`, Kind: fhir.Structure, Want: "no R4 resource type"},
		{Name: "abstract type", JSON: `{"resourceType":"DomainResource"}`, Kind: fhir.Structure, Want: "no R4 resource type"},
		{Name: "data type", JSON: `{"resourceType":"HumanName"}`, Kind: fhir.Structure, Want: "no R4 resource type"},
		{Name: "type twice", JSON: patient(`"resourceType":"Patient"`), Kind: fhir.Structure, Path: "Patient", Want: "resourceType occurs twice"},
		{Name: "type in an element", JSON: patient(`"name":[{"resourceType":"HumanName"}]`), Kind: fhir.Structure, Path: "Patient.name[0].resourceType", Want: "no element"},

		{Name: "unknown member", JSON: patient(`"nick":"x"`), Kind: fhir.Structure, Path: "Patient.nick", Want: `Patient has no element "nick"`},
		{Name: "unknown member of a part", JSON: patient(`"contact":[{"x":1}]`), Kind: fhir.Structure, Path: "Patient.contact[0].x", Want: `Patient.contact has no element "x"`},
		{Name: "wrong case", JSON: patient(`"Active":true`), Kind: fhir.Structure, Path: "Patient.Active", Want: `did you mean "active"?`},
		{Name: "choice without type", JSON: patient(`"deceased":true`), Kind: fhir.Structure, Path: "Patient.deceased", Want: `like "deceasedBoolean"`},
		{Name: "choice of a wrong type", JSON: patient(`"deceasedString":"x"`), Kind: fhir.Structure, Path: "Patient.deceasedString", Want: "no element"},
		{Name: "two of a choice", JSON: patient(`"deceasedBoolean":true,"deceasedDateTime":"2020"`), Kind: fhir.Structure, Path: "Patient", Want: "only one of deceased[x] may be given, found deceasedBoolean and deceasedDateTime"},
		{Name: "two of a choice, one a shadow", JSON: patient(`"_deceasedBoolean":{"id":"x"},"active":true,"deceasedDateTime":"2020"`), Kind: fhir.Structure, Path: "Patient", Want: "only one of deceased[x]"},
		{Name: "member twice", JSON: patient(`"active":true,"gender":"male","active":true`), Kind: fhir.Structure, Path: "Patient", Want: "active occurs twice"},
		{Name: "shadow twice", JSON: patient(`"_active":{"id":"x"},"_active":{"id":"x"}`), Kind: fhir.Structure, Path: "Patient", Want: "_active occurs twice"},
		{Name: "comments of old", JSON: patient(`"fhir_comments":["x"]`), Kind: fhir.Structure, Path: "Patient.fhir_comments", Want: "no element"},

		{Name: "array of what does not repeat", JSON: patient(`"active":[true]`), Kind: fhir.Structure, Path: "Patient.active", Want: "does not repeat"},
		{Name: "no array of what repeats", JSON: patient(`"name":{"text":"x"}`), Kind: fhir.Structure, Path: "Patient.name", Want: "its value is an array"},
		{Name: "array in an array", JSON: patient(`"name":[[{"text":"x"}]]`), Kind: fhir.Structure, Path: "Patient.name[0]", Want: "expected an object of type HumanName"},
		{Name: "empty array", JSON: patient(`"name":[]`), Kind: fhir.Structure, Path: "Patient.name", Want: "array must not be empty"},
		{Name: "empty object", JSON: patient(`"name":[{"text":"x"},{}]`), Kind: fhir.Structure, Path: "Patient.name[1]", Want: "object must not be empty"},
		{Name: "empty string", JSON: patient(`"name":[{"text":""}]`), Kind: fhir.Structure, Path: "Patient.name[0].text", Want: "not valid for type string"},
		{Name: "null", JSON: patient(`"active":null`), Kind: fhir.Structure, Path: "Patient.active", Want: "null"},
		{Name: "null for an array", JSON: patient(`"name":null`), Kind: fhir.Structure, Path: "Patient.name", Want: "array"},
		{Name: "null among objects", JSON: patient(`"name":[null]`), Kind: fhir.Structure, Path: "Patient.name[0]", Want: "expected an object"},
		{Name: "null without shadow", JSON: patient(`"name":[{"given":["a",null]}]`), Kind: fhir.Structure, Path: "Patient.name[0].given[1]", Want: "_given"},
		{Name: "null twice", JSON: patient(`"name":[{"given":["a",null],"_given":[{"id":"x"},null]}]`), Kind: fhir.Structure, Path: "Patient.name[0].given[1]", Want: "_given"},
		{Name: "null beyond the values", JSON: patient(`"name":[{"given":["a"],"_given":[{"id":"x"},null]}]`), Kind: fhir.Structure, Path: "Patient.name[0].given[1]", Want: "same place of given"},
		{Name: "null shadow alone", JSON: patient(`"name":[{"_given":[null]}]`), Kind: fhir.Structure, Path: "Patient.name[0].given[0]", Want: "same place of given"},

		{Name: "object for a primitive", JSON: patient(`"active":{"value":true}`), Kind: fhir.Structure, Path: "Patient.active", Want: "expected true or false"},
		{Name: "primitive for an object", JSON: patient(`"maritalStatus":"M"`), Kind: fhir.Structure, Path: "Patient.maritalStatus", Want: "expected an object of type CodeableConcept"},
		{Name: "string for a boolean", JSON: patient(`"active":"true"`), Kind: fhir.Structure, Path: "Patient.active", Want: "expected true or false (type boolean)"},
		{Name: "number for a string", JSON: patient(`"name":[{"family":1}]`), Kind: fhir.Structure, Path: "Patient.name[0].family", Want: "type string"},
		{Name: "string for a number", JSON: patient(`"multipleBirthInteger":"1"`), Kind: fhir.Structure, Path: "Patient.multipleBirthInteger", Want: "32-bit integer"},
		{Name: "decimal for an integer", JSON: patient(`"multipleBirthInteger":1.0`), Kind: fhir.Structure, Path: "Patient.multipleBirthInteger", Want: "32-bit integer"},
		{Name: "impossible day", JSON: patient(`"birthDate":"2021-02-29"`), Kind: fhir.Structure, Path: "Patient.birthDate", Want: "a date:"},
		{Name: "bad id", JSON: patient(`"id":"a_b"`), Kind: fhir.Structure, Path: "Patient.id", Want: "an id"},
		{Name: "string for a shadow", JSON: patient(`"_active":"x"`), Kind: fhir.Structure, Path: "Patient.active", Want: "expected an object"},
		{Name: "shadow of what is not primitive", JSON: patient(`"_name":[{"id":"x"}]`), Kind: fhir.Structure, Path: "Patient._name", Want: "no element"},
		{Name: "shadow with a value", JSON: patient(`"_active":{"value":true}`), Kind: fhir.Structure, Path: "Patient.active.value", Want: "boolean has no element"},
		{Name: "shadow of an element's id", JSON: patient(`"name":[{"id":"x","_id":{"id":"y"}}]`), Kind: fhir.Structure, Path: "Patient.name[0]._id", Want: "no element"},
		{Name: "shadow of an extension's url", JSON: patient(`"extension":[{"_url":{"id":"y"},"valueCode":"c"}]`), Kind: fhir.Structure, Path: "Patient.extension[0]._url", Want: "no element"},
		{Name: "shadow of narrative", JSON: patient(`"text":{"_div":{"id":"y"}}`), Kind: fhir.Structure, Path: "Patient.text._div", Want: "no element"},
		{Name: "only an underscore", JSON: patient(`"_":1`), Kind: fhir.Structure, Path: "Patient._", Want: "no element"},
		{Name: "a member without name", JSON: patient(`"":1`), Kind: fhir.Structure, Path: "Patient.", Want: "no element"},

		{Name: "contained without type", JSON: patient(`"contained":[{"id":"x"}]`), Kind: fhir.Structure, Path: "Patient.contained[0]", Want: "resourceType is missing"},
		{Name: "deep in a bundle", JSON: `{"resourceType":"Bundle","entry":[{"fullUrl":"u"},{"resource":{"resourceType":"Patient","name":[{"text":"a"},{"given":["b",2]}]}}]}`, Kind: fhir.Structure, Path: "Bundle.entry[1].resource.name[1].given[1]", Want: "type string"},
		{Name: "a recursive definition", JSON: `{"resourceType":"Questionnaire","item":[{"item":[{"item":[{"x":1}]}]}]}`, Kind: fhir.Structure, Path: "Questionnaire.item[0].item[0].item[0].x", Want: "no element"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			r, err := codec.ParseJSON([]byte(test.JSON))
			if err == nil {
				t.Fatalf("%s: got %s, want an error", test.JSON, r.JSON())
			}
			e, ok := err.(*fhir.Error)
			if !ok || e.Kind != test.Kind || e.Expression != test.Path || !strings.Contains(e.Text, test.Want) {
				t.Errorf("%s:\n got kind %d %q\nwant kind %d %q: %q", test.JSON, fhir.KindOf(err), err, test.Kind, test.Path, test.Want)
			}
		})
	}
}

func TestParseJSONLimits(t *testing.T) {
	limits := fhir.Limits{Depth: 6, Nodes: 20, StringBytes: 50, NumberDigits: 10}
	small := codec.WithLimits(limits)
	names := func(n int) string {
		return `{"resourceType":"Patient","name":[{"given":["a"` + strings.Repeat(`,"a"`, n-1) + `]}]}`
	}
	number := func(digits int) string {
		return `{"resourceType":"Observation","valueQuantity":{"value":` + strings.Repeat("1", digits) + `}}`
	}
	tests := []struct {
		Name string
		JSON string
		Kind fhir.Kind // 0: accepted
	}{
		{Name: "20 values", JSON: names(15)},
		{Name: "21 values", JSON: names(16), Kind: fhir.TooLarge},
		{Name: "text of 48 characters", JSON: `{"resourceType":"Patient","name":[{"text":"` + strings.Repeat("x", 48) + `"}]}`},
		{Name: "text of 49 characters", JSON: `{"resourceType":"Patient","name":[{"text":"` + strings.Repeat("x", 49) + `"}]}`, Kind: fhir.Structure},
		{Name: "base64 of 52 characters", JSON: `{"resourceType":"Binary","data":"` + strings.Repeat("AAAA", 13) + `"}`},
		{Name: "number of 10 characters", JSON: number(10)},
		{Name: "number of 11 characters", JSON: number(11), Kind: fhir.Invalid},
		{Name: "6 levels", JSON: `{"resourceType":"Patient","maritalStatus":{"coding":[{"extension":[{"url":"u"}]}]}}`},
		{Name: "7 levels", JSON: `{"resourceType":"Patient","name":[{"period":{"extension":[{"valuePeriod":{"start":"2020"}}]}}]}`, Kind: fhir.Invalid},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			_, err := small.ParseJSON([]byte(test.JSON))
			if (err == nil) != (test.Kind == 0) || err != nil && fhir.KindOf(err) != test.Kind {
				t.Errorf("%s: got %v, want kind %d", test.JSON, err, test.Kind)
			}
		})
	}
	if codec.Limits.Depth != fhir.DefaultLimits.Depth || small.Limits != limits {
		t.Errorf("WithLimits gives %v and leaves %v", small.Limits, codec.Limits)
	}
}

// TestTreeIsTied holds that the nodes of a checked tree say which element and
// type they are.
func TestTreeIsTied(t *testing.T) {
	r, err := codec.ParseJSON([]byte(`{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}],"contained":[{"resourceType":"Group","actual":true}],"deceasedBoolean":true}`))
	if err != nil {
		t.Fatal(err)
	}
	root := r.Root()
	name := root.Get("name")
	tests := []struct {
		Name   string
		Value  fhir.Value
		Elem   string // name of the element; empty: none
		Type   string
		Shadow bool
	}{
		{Name: "root", Value: root, Type: "Patient"},
		{Name: "resourceType", Value: root.Get("resourceType")},
		{Name: "array", Value: name, Elem: "name", Type: "HumanName"},
		{Name: "item", Value: name.First(), Elem: "name", Type: "HumanName"},
		{Name: "primitive", Value: name.First().Get("given").First(), Elem: "given", Type: "string"},
		{Name: "null", Value: name.First().Get("given").First().Next(name.First().Get("given")), Elem: "given", Type: "string"},
		{Name: "shadow array", Value: name.First().Get("_given"), Elem: "given", Type: "string", Shadow: true},
		{Name: "shadow null", Value: name.First().Get("_given").First(), Elem: "given", Type: "string", Shadow: true},
		{Name: "contained", Value: root.Get("contained").First(), Elem: "contained", Type: "Group"},
		{Name: "in contained", Value: root.Get("contained").First().Get("actual"), Elem: "actual", Type: "boolean"},
		{Name: "choice", Value: root.Get("deceasedBoolean"), Elem: "deceasedBoolean", Type: "boolean"},
	}
	for _, test := range tests {
		v := test.Value
		elem, typ := codec.Schema.Elements[v.Elem()].Name, codec.Schema.Types[v.Type()].Name
		if !v.Exists() || elem != test.Elem || typ != test.Type || v.Node().Flags&fhir.Shadow != 0 != test.Shadow {
			t.Errorf("%s: exists %v, element %q, type %q, flags %v", test.Name, v.Exists(), elem, typ, v.Node())
		}
	}
	nested := codec.Nested(root.Get("contained").First())
	if nested.Type() != "Group" || string(nested.JSON()) != `{"resourceType":"Group","actual":true}` {
		t.Errorf("Nested: got %s %s", nested.Type(), nested.JSON())
	}
	if got := nested.Root().Get("actual").Text(); got != "true" {
		t.Errorf("Nested: actual is %q", got)
	}
}
