package patch_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/patch"
)

func TestApplyXML(t *testing.T) {
	const doc = `{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>One</p> and <b>two</b><a id='x'></a><!-- c --> &amp; <i>a > b</i></div>"},"extension":[{"url":"http://x","valueCode":"1"},{"url":"http://y","valueCode":"2"}],"identifier":[{"system":"http://a","value":"1"},{"system":"http://b","value":"2"}],"active":true,"name":[{"family":"One"},{"family":"Two","given":["A","B"]}]}`
	// replaced returns doc with some text replaced.
	replaced := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(doc) }
	for _, test := range []struct{ Name, Patch, Want string }{
		{"no operations", `<diff/>`, doc},
		{"replace an attribute", `<diff xmlns="http://hl7.org/fhir"><replace sel="/Patient/active/@value">false</replace></diff>`, replaced(`"active":true`, `"active":false`)},
		{"prefixes", `<d:diff xmlns:d="urn:any" xmlns:f="http://hl7.org/fhir"><d:replace sel="f:Patient/f:active/@value">false</d:replace></d:diff>`, replaced(`"active":true`, `"active":false`)},
		{"no namespace at all", `<diff><replace sel="Patient/active/@value">false</replace></diff>`, replaced(`"active":true`, `"active":false`)},
		{"a declaration and comments", `<?xml version="1.0" encoding="UTF-8"?>
<!-- why --><diff><!-- first --><replace sel="Patient/active/@value">false</replace></diff>`, replaced(`"active":true`, `"active":false`)},
		{"a position", `<diff><replace sel="Patient/name[2]/family/@value">X</replace></diff>`, replaced(`"Two"`, `"X"`)},
		{"any name", `<diff><replace sel="*/name[2]/*[1]/@value">X</replace></diff>`, replaced(`"Two"`, `"X"`)},
		{"an attribute with a value", `<diff><replace sel="Patient/extension[@url='http://y']/valueCode/@value">3</replace></diff>`, replaced(`"valueCode":"2"`, `"valueCode":"3"`)},
		{"an attribute below with a value", `<diff><replace sel='Patient/identifier[ system/@value = "http://b" ][1]/value/@value'>3</replace></diff>`, replaced(`"value":"2"`, `"value":"3"`)},
		{"replace an element", `<diff xmlns="http://hl7.org/fhir"><replace sel="Patient/name[1]"><name><text value="x &amp; y"/></name></replace></diff>`, replaced(`{"family":"One"}`, `{"text":"x & y"}`)},
		{"replace the resource", `<diff xmlns="http://hl7.org/fhir"><replace sel="/Patient"><Patient><id value="q"/></Patient></replace></diff>`, `{"resourceType":"Patient","id":"q"}`},
		{"replace in narrative", `<diff xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><replace sel="Patient/text/h:div/h:p/text()">Uno</replace></diff>`, replaced(`<p>One</p>`, `<p>Uno</p>`)},
		{"replace one of several texts", `<diff xmlns:h="http://www.w3.org/1999/xhtml"><replace sel="Patient/text/h:div/text()[1]"> or </replace></diff>`, replaced(`</p> and <b>`, `</p> or <b>`)},
		{"add an element, last", `<diff xmlns="http://hl7.org/fhir"><add sel="Patient"><gender value="male"/><birthDate value="1930"/></add></diff>`, replaced(`"B"]}]}`, `"B"]}],"gender":"male","birthDate":"1930"}`)},
		{"add with white space around", "<diff>\n <add sel=\"Patient\">\n  <gender value=\"male\"/>\n </add>\n</diff>", replaced(`"B"]}]}`, `"B"]}],"gender":"male"}`)},
		{"add before", `<diff><add sel="Patient/name[1]" pos="before"><name><text value="0"/></name></add></diff>`, replaced(`"name":[`, `"name":[{"text":"0"},`)},
		{"add after", `<diff><add sel="Patient/name[1]" pos="after"><name><text value="0"/></name></add></diff>`, replaced(`{"family":"One"},`, `{"family":"One"},{"text":"0"},`)},
		{"add first", `<diff><add sel="Patient/name[2]" pos="prepend"><use value="usual"/></add></diff>`, replaced(`{"family":"Two"`, `{"use":"usual","family":"Two"`)},
		{"add an attribute", `<diff><add sel="Patient/name[1]" type="@id">n1</add></diff>`, replaced(`{"family":"One"}`, `{"id":"n1","family":"One"}`)},
		{"add to narrative", `<diff xmlns:h="http://www.w3.org/1999/xhtml"><add sel="Patient/text/h:div/h:p"> &lt; <h:i>2</h:i></add></diff>`, replaced(`<p>One</p>`, `<p>One &lt; <i>2</i></p>`)},
		{"remove an element", `<diff><remove sel="Patient/name[1]"/></diff>`, replaced(`{"family":"One"},`, ``)},
		{"remove with white space", `<diff><remove sel="Patient/active" ws="after"/></diff>`, replaced(`"active":true,`, ``)},
		{"remove a text", `<diff xmlns:h="http://www.w3.org/1999/xhtml"><remove sel="Patient/text/h:div/h:p/text()"/></diff>`, replaced(`<p>One</p>`, `<p></p>`)},
		{"each is applied to the outcome of those before", `<diff><add sel="Patient"><gender value="male"/></add><add sel="Patient/gender" type="@id">g</add><remove sel="Patient/name[1]"/><replace sel="Patient/name[1]/family/@value">X</replace></diff>`, replaced(`{"family":"One"},`, ``, `"Two"`, `"X"`, `"B"]}]}`, `"B"]}],"gender":"male","_gender":{"id":"g"}}`)},
	} {
		t.Run(test.Name, func(t *testing.T) {
			got, err := patch.ApplyXML(codec, resource(t, doc), []byte(test.Patch))
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.Want {
				t.Errorf("%s:\n got %s\nwant %s", test.Patch, got, test.Want)
			}
		})
	}
}

func TestApplyXMLRefuses(t *testing.T) {
	doc := resource(t, `{"resourceType":"Patient","id":"p","active":true,"name":[{"family":"One"},{"family":"Two"}]}`)
	for _, test := range []struct {
		Patch string
		Kind  fhir.Kind
		Want  string
	}{
		{``, fhir.Invalid, "no element"},
		{`<diff>`, fhir.Invalid, "<diff> does not end"},
		{`<diff></dif>`, fhir.Invalid, "ends nothing"},
		{`<diff/><diff/>`, fhir.Invalid, "second root"},
		{`<diff/>x`, fhir.Invalid, "outside the root"},
		{`<!DOCTYPE diff><diff/>`, fhir.Invalid, "document types"},
		{`<diff><?php x?></diff>`, fhir.Invalid, "processing instructions"},
		{`<diff>&nbsp;</diff>`, fhir.Invalid, "invalid character entity"},
		{`<p:diff/>`, fhir.Invalid, "the prefix p is not declared"},
		{`<diff p:a="1"/>`, fhir.Invalid, "the prefix p is not declared"},
		{`<diff a="1" a="2"/>`, fhir.Invalid, "given twice"},
		{"<diff>\xff</diff>", fhir.Invalid, "UTF-8"},
		{`<?xml version="1.0" encoding="ISO-8859-1"?><diff/>`, fhir.Invalid, "encoding"},
		{`<Patient/>`, fhir.Invalid, "a <diff> element"},
		{strings.Repeat("<diff>", 1000), fhir.Invalid, "deeper"},
		{`<diff>` + strings.Repeat(`<remove sel="Patient/active"/>`, 101) + `</diff>`, fhir.Unprocessable, "operation 1 (remove Patient/active): the selector finds 0"},
		{`<diff>` + strings.Repeat(`<replace sel="Patient/active/@value">true</replace>`, 101) + `</diff>`, fhir.TooLarge, "over 100"},
		{`<diff>x</diff>`, fhir.Invalid, "an operation is"},
		{`<diff><move sel="Patient"/></diff>`, fhir.Invalid, "an operation is"},
		{`<diff><add sel="Patient" position="after"/></diff>`, fhir.Invalid, "no attribute position"},
		{`<diff><remove/></diff>`, fhir.Invalid, "sel is missing"},
		{`<diff><remove sel="p:Patient"/></diff>`, fhir.Invalid, "the prefix p is not declared"},
		{`<diff><remove sel="//name"/></diff>`, fhir.Unsupported, "at character 2"},
		{`<diff><remove sel="Patient/name[last()]"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/name[family='x']"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/name[0]"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/name["/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/name[@id='x"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/name[@id=1]"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="id('x')"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/comment()"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="child::Patient"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel=""/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="@x"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/@x/y"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient/text()/y"/></diff>`, fhir.Unsupported, "at character"},
		{`<diff><remove sel="Patient"/></diff>`, fhir.Unprocessable, "the resource itself"},
		{`<diff><remove sel="Patient/name"/></diff>`, fhir.Unprocessable, "finds 2"},
		{`<diff><remove sel="Patient/name[3]"/></diff>`, fhir.Unprocessable, "finds 0"},
		{`<diff><remove sel="Patient/name[1]/@id"/></diff>`, fhir.Unprocessable, "finds 0"},
		{`<diff><remove sel="Patient/text()"/></diff>`, fhir.Unprocessable, "finds 0"},
		{`<diff><remove sel="Patient/active" ws="all"/></diff>`, fhir.Invalid, "ws is"},
		{`<diff><remove sel="Patient/active">x</remove></diff>`, fhir.Invalid, "is empty"},
		{`<diff><remove sel="Patient/active/@value"/></diff>`, fhir.Unprocessable, "no valid resource"},
		{`<diff><replace sel="Patient/active">x</replace></diff>`, fhir.Invalid, "exactly one element"},
		{`<diff><replace sel="Patient/active"/></diff>`, fhir.Invalid, "exactly one element"},
		{`<diff><replace sel="Patient/active/@value"><x/></replace></diff>`, fhir.Invalid, "must be text"},
		{`<diff><replace sel="Patient/active/@value">maybe</replace></diff>`, fhir.Unprocessable, "no valid resource"},
		{`<diff><add sel="Patient/active/@value">x</add></diff>`, fhir.Invalid, "added to an element"},
		{`<diff><add sel="Patient/active" pos="inside"><x/></add></diff>`, fhir.Invalid, "pos is"},
		{`<diff><add sel="Patient" pos="after"><x/></add></diff>`, fhir.Unprocessable, "beside the resource"},
		{`<diff><add sel="Patient/active" type="@value">false</add></diff>`, fhir.Unprocessable, "already"},
		{`<diff><add sel="Patient/active" type="namespace::x">false</add></diff>`, fhir.Unsupported, "not supported"},
		{`<diff><add sel="Patient/active" type="@id"><x/></add></diff>`, fhir.Invalid, "must be text"},
		{`<diff><add sel="Patient"><active value="true"/></add></diff>`, fhir.Unprocessable, "no valid resource"},
		{`<diff><add sel="Patient"><x:gender xmlns:x="urn:x" value="male"/></add></diff>`, fhir.Unprocessable, "namespace urn:x"},
		{`<diff><add sel="Patient"><gender xmlns:x="urn:x" x:y="z" value="male"/></add></diff>`, fhir.Unprocessable, "namespace urn:x"},
		{`<diff><add sel="Patient">text</add></diff>`, fhir.Unprocessable, "no valid resource"},
	} {
		_, err := patch.ApplyXML(codec, doc, []byte(test.Patch))
		if err == nil {
			t.Errorf("%.200s: no error, want %q", test.Patch, test.Want)
			continue
		}
		if fhir.KindOf(err) != test.Kind || !strings.Contains(err.Error(), test.Want) {
			t.Errorf("%.200s:\n got %d %v\nwant %d %s", test.Patch, fhir.KindOf(err), err, test.Kind, test.Want)
		}
	}
}
