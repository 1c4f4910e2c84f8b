package fhir_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

var update = flag.Bool("update", false, "write the golden files anew")

var codec = fhir.NewCodec(r4.Schema(), fhir.Limits{})

// same reports whether two values of checked trees say the same: members in any
// order, numbers digit by digit, narrative but for white space around it, and
// arrays of primitives without the nulls that only fill them up.
func same(a, b fhir.Value) bool {
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case fhir.ObjectNode:
		return sameMembers(a, b) && sameMembers(b, a)
	case fhir.ArrayNode:
		x, y := items(a), items(b)
		if len(x) != len(y) {
			return false
		}
		for i := range x {
			if !same(x[i], y[i]) {
				return false
			}
		}
		return true
	case fhir.StringNode:
		return strings.Trim(a.Text(), " \t\r\n") == strings.Trim(b.Text(), " \t\r\n") && (a.Key() == "div" || a.Text() == b.Text())
	}
	return string(a.Raw()) == string(b.Raw())
}

// sameMembers reports whether all members of a are in b, and the same.
func sameMembers(a, b fhir.Value) bool {
	for m := range a.Children {
		other := b.Get(m.Key())
		if !same(m, other) && len(items(m))+len(items(other)) > 0 {
			return false
		}
	}
	return true
}

// items returns the items of an array without nulls at its end, or the value
// itself.
func items(v fhir.Value) []fhir.Value {
	var list []fhir.Value
	for item := range v.Items {
		list = append(list, item)
	}
	for len(list) > 0 && list[len(list)-1].Kind() == fhir.NullNode {
		list = list[:len(list)-1]
	}
	return list
}

// TestXMLFiles reads each JSON file of testdata/xml, writes it as XML as the
// file beside it says, and reads that back.
func TestXMLFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/xml/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata/xml: %v, %d files", err, len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := codec.ParseJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			pretty := codec.AppendXML(nil, r.Root(), true)
			golden := strings.TrimSuffix(file, ".json") + ".xml"
			if *update {
				if err := os.WriteFile(golden, append(pretty, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(pretty)+"\n" != string(want) {
				t.Errorf("as XML:\n%s\nwant:\n%s", pretty, want)
			}
			for _, xml := range []string{string(want), string(codec.AppendXML(nil, r.Root(), false))} {
				back, err := codec.ParseXML([]byte(xml))
				if err != nil {
					t.Fatalf("reading back %s: %v", xml, err)
				}
				if !same(r.Root(), back.Root()) {
					t.Errorf("read back:\n%s\nwant:\n%s", back.JSON(), r.JSON())
				}
			}
		})
	}
}

// xhtml is the declaration of narrative's namespace.
const xhtml = `xmlns="http://www.w3.org/1999/xhtml"`

func TestParseXML(t *testing.T) {
	narrative := func(div string) string {
		return `<Patient xmlns="http://hl7.org/fhir" xmlns:h="http://www.w3.org/1999/xhtml"><text><status value="empty"/>` + div + `</text></Patient>`
	}
	withDiv := func(div string) string {
		return `{"resourceType":"Patient","text":{"status":"empty","div":` + fhir.Quote(div) + `}}`
	}
	tests := []struct {
		Name string
		XML  string
		Want string
	}{
		{Name: "least", XML: `<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>`, Want: `{"resourceType":"Patient","active":true}`},
		{Name: "declaration, byte order mark, comments, white space", XML: "\uFEFF<?xml version=\"1.0\" encoding='utf-8' standalone=\"yes\" ?>\n<!-- a --><Patient xmlns=\"http://hl7.org/fhir\"><!-- b\n> --><active\tvalue = 'true'\n/><![CDATA[ ]]></Patient>\n<!-- c -->\n", Want: `{"resourceType":"Patient","active":true}`},
		{Name: "a prefix for everything", XML: `<f:Patient xmlns:f="http://hl7.org/fhir"><f:active value="true"></f:active ></f:Patient >`, Want: `{"resourceType":"Patient","active":true}`},
		{Name: "a schema location says nothing", XML: `<Patient xmlns="http://hl7.org/fhir" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir ../patient.xsd"><active value="true"/></Patient>`, Want: `{"resourceType":"Patient","active":true}`},
		{Name: "the namespace declared again", XML: `<Patient xmlns="http://hl7.org/fhir"><active xmlns="http://hl7.org/fhir" value="true"/></Patient>`, Want: `{"resourceType":"Patient","active":true}`},
		{Name: "references and white space in attributes", XML: "<Patient xmlns='http://hl7.org/fhir'><name><text value='&lt;&amp;&gt;&quot;&apos;&#xA;&#9;&#x1F600;\r\nb\tc\"'/></name></Patient>", Want: `{"resourceType":"Patient","name":[{"text":"<&>\"'\n\t😀 b c\""}]}`},
		{Name: "numbers as written", XML: `<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="c"/></code><valueQuantity><value value="1.00"/></valueQuantity></Observation>`, Want: `{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.00}}`},
		{Name: "an element with an id only", XML: `<Patient xmlns="http://hl7.org/fhir"><birthDate id="b"/></Patient>`, Want: `{"resourceType":"Patient","_birthDate":{"id":"b"}}`},
		{Name: "values and shadows keep their places", XML: `<Patient xmlns="http://hl7.org/fhir"><name><given value="A"/><given id="x"/><given value="C"/></name></Patient>`, Want: `{"resourceType":"Patient","name":[{"given":["A",null,"C"],"_given":[null,{"id":"x"},null]}]}`},
		{Name: "attributes in any order", XML: `<Patient xmlns="http://hl7.org/fhir"><extension url="http://e.org" id="x"><valueCode id="y" value="c"/></extension></Patient>`, Want: `{"resourceType":"Patient","extension":[{"url":"http://e.org","id":"x","valueCode":"c","_valueCode":{"id":"y"}}]}`},

		{Name: "narrative as written", XML: narrative("<div " + xhtml + ">\n\t<p  class = 'x'>&#160;&amp;\u00a0<br /><!-- c --></p ></div >"), Want: withDiv("<div " + xhtml + ">\n\t<p  class = 'x'>&#160;&amp;\u00a0<br /><!-- c --></p ></div >")},
		{Name: "narrative with a prefix", XML: narrative(`<h:div><h:p title='a'>x<h:br/></h:p></h:div>`), Want: withDiv(`<div ` + xhtml + `><p title='a'>x<br/></p></div>`)},
		{Name: "narrative with mixed prefixes", XML: narrative(`<div ` + xhtml + `><h:b>x</h:b><i ` + xhtml + ` xmlns:z="urn:z">y</i></div>`), Want: withDiv(`<div ` + xhtml + `><b>x</b><i>y</i></div>`)},
		{Name: "narrative within a default namespace", XML: `<f:Patient xmlns="http://www.w3.org/1999/xhtml" xmlns:f="http://hl7.org/fhir"><f:text><f:status value="empty"/><div><b>x</b></div></f:text></f:Patient>`, Want: withDiv(`<div ` + xhtml + `><b>x</b></div>`)},
		{Name: "CDATA in narrative becomes text", XML: narrative(`<div ` + xhtml + `>a<![CDATA[<b> & ]]>c</div>`), Want: withDiv(`<div ` + xhtml + `>a&lt;b&gt; &amp; c</div>`)},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			r, err := codec.ParseXML([]byte(test.XML))
			if err != nil {
				t.Fatalf("%s: %v", test.XML, err)
			}
			if string(r.JSON()) != test.Want {
				t.Errorf("%s:\n got %s\nwant %s", test.XML, r.JSON(), test.Want)
			}
		})
	}
}

func TestParseXMLRefuses(t *testing.T) {
	// Around is put around a Patient's content.
	around := func(content string) string {
		return `<Patient xmlns="http://hl7.org/fhir">` + content + `</Patient>`
	}
	text := func(div string) string { return around(`<text><status value="empty"/>` + div + `</text>`) }
	deep := func(n int) string {
		return around(strings.Repeat(`<extension url="u">`, n) + `<valueCode value="c"/>` + strings.Repeat(`</extension>`, n))
	}
	tests := []struct {
		Name string
		XML  string
		Kind fhir.Kind
		Want string // part of the message, path included
	}{
		// XML
		{Name: "empty", XML: ``, Kind: fhir.Invalid, Want: "there is no element"},
		{Name: "text only", XML: `{"resourceType":"Patient"}`, Kind: fhir.Invalid, Want: "text outside"},
		{Name: "not closed", XML: `<Patient xmlns="http://hl7.org/fhir">`, Kind: fhir.Invalid, Want: "ends inside <Patient>"},
		{Name: "not balanced", XML: around(`<name></nam>`), Kind: fhir.Invalid, Want: "XML line 1 column 44: </nam> closes nothing"},
		{Name: "lines are counted", XML: "<Patient\n xmlns='http://hl7.org/fhir'>\n  <é/></Patient>", Kind: fhir.Invalid, Want: "line 3 column 4: names are plain ASCII"},
		{Name: "two roots", XML: around(``) + around(``), Kind: fhir.Invalid, Want: "second root"},
		{Name: "text after the root", XML: around(``) + `x`, Kind: fhir.Invalid, Want: "outside of the root"},
		{Name: "CDATA after the root", XML: around(``) + `<![CDATA[x]]>`, Kind: fhir.Invalid, Want: "outside of the root"},
		{Name: "document type", XML: `<!DOCTYPE Patient>` + around(``), Kind: fhir.Invalid, Want: "document type"},
		{Name: "document type with entities", XML: `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + around(`<id value="&a;"/>`), Kind: fhir.Invalid, Want: "document type"},
		{Name: "entity", XML: around(`<name><text value="&nbsp;"/></name>`), Kind: fhir.Invalid, Want: "unknown entity &nbsp;"},
		{Name: "bare ampersand", XML: around(`<name><text value="a & b"/></name>`), Kind: fhir.Invalid, Want: "&amp;"},
		{Name: "reference to no character", XML: around(`<name><text value="&#0;"/></name>`), Kind: fhir.Invalid, Want: "unknown entity &#0;"},
		{Name: "reference to half a pair", XML: around(`<name><text value="&#xD800;"/></name>`), Kind: fhir.Invalid, Want: "unknown entity"},
		{Name: "reference over the end", XML: around(`<name><text value="&#x110000;"/></name>`), Kind: fhir.Invalid, Want: "unknown entity"},
		{Name: "reference without digits", XML: around(`<name><text value="&#x;"/></name>`), Kind: fhir.Invalid, Want: "unknown entity"},
		{Name: "processing instruction", XML: around(`<?php x ?>`), Kind: fhir.Invalid, Want: "processing instruction"},
		{Name: "stylesheet", XML: `<?xml version="1.0"?><?xml-stylesheet href="x"?>` + around(``), Kind: fhir.Invalid, Want: "processing instruction"},
		{Name: "declaration not at the start", XML: ` <?xml version="1.0"?>` + around(``), Kind: fhir.Invalid, Want: "processing instruction"},
		{Name: "XML 1.1", XML: `<?xml version="1.1"?>` + around(``), Kind: fhir.Invalid, Want: "XML declaration"},
		{Name: "declaration without version", XML: `<?xml encoding="UTF-8"?>` + around(``), Kind: fhir.Invalid, Want: "XML declaration"},
		{Name: "another encoding", XML: `<?xml version="1.0" encoding="ISO-8859-1"?>` + around(``), Kind: fhir.Invalid, Want: "the encoding is ISO-8859-1"},
		{Name: "UTF-16", XML: "\xFF\xFE<\x00P\x00", Kind: fhir.Invalid, Want: "UTF-16"},
		{Name: "UTF-16 without mark", XML: "<\x00P\x00", Kind: fhir.Invalid, Want: "a name was expected"},
		{Name: "bad UTF-8", XML: around("<name><text value=\"\xC3\"/></name>"), Kind: fhir.Invalid, Want: "not valid UTF-8"},
		{Name: "NUL", XML: around("<name><text value=\"\x00\"/></name>"), Kind: fhir.Invalid, Want: "NUL"},
		{Name: "control character", XML: around("<name><text value=\"\x1B\"/></name>"), Kind: fhir.Invalid, Want: "control character"},
		{Name: "no character", XML: around("<name><text value=\"\uFFFE\"/></name>"), Kind: fhir.Invalid, Want: "U+FFFE"},
		{Name: "less-than in an attribute", XML: around(`<name><text value="<"/></name>`), Kind: fhir.Invalid, Want: "&lt;"},
		{Name: "attribute twice", XML: around(`<active value="true" value="false"/>`), Kind: fhir.Invalid, Want: "value occurs twice"},
		{Name: "attribute without quotes", XML: around(`<active value=true/>`), Kind: fhir.Invalid, Want: "quotes"},
		{Name: "attribute without value", XML: around(`<active value/>`), Kind: fhir.Invalid, Want: "expected ="},
		{Name: "attributes without white space", XML: around(`<active value="true"id="x"/>`), Kind: fhir.Invalid, Want: "white space"},
		{Name: "comment with --", XML: around(`<!-- a -- b -->`), Kind: fhir.Invalid, Want: "-- must not"},
		{Name: "comment without end", XML: around(`<!-- a`), Kind: fhir.Invalid, Want: "no end"},
		{Name: "]]> in text", XML: around(`]]>`), Kind: fhir.Invalid, Want: "]]>"},
		{Name: "name with two colons", XML: `<a:b:c/>`, Kind: fhir.Invalid, Want: "name"},
		{Name: "name ends in a colon", XML: `<a: />`, Kind: fhir.Invalid, Want: "name"},
		{Name: "unknown prefix", XML: `<f:Patient/>`, Kind: fhir.Invalid, Want: "prefix f is not declared"},
		{Name: "a prefix ends with its element", XML: around(`<f:name xmlns:f="http://hl7.org/fhir"/><f:photo/>`), Kind: fhir.Invalid, Want: "prefix f is not declared"},
		{Name: "prefix for nothing", XML: `<Patient xmlns="http://hl7.org/fhir" xmlns:f=""/>`, Kind: fhir.Invalid, Want: "prefix f"},
		{Name: "too many declarations", XML: around(strings.Repeat(`<extension xmlns="urn:a"><extension xmlns="urn:b">`, 20)), Kind: fhir.Invalid, Want: "namespace declarations"},
		{Name: "too deep", XML: deep(70), Kind: fhir.Invalid, Want: "nested deeper"},
		{Name: "much too deep", XML: strings.Repeat("<a>", 100_000), Kind: fhir.Invalid, Want: "nested deeper"},
		{Name: "too many attributes", XML: `<Patient ` + strings.Repeat(`a`, 70) + `="" ` + manyAttributes(70) + `/>`, Kind: fhir.Invalid, Want: "attributes"},

		// FHIR
		{Name: "no namespace", XML: `<Patient><active value="true"/></Patient>`, Kind: fhir.Structure, Want: `Patient: the element Patient is in the namespace "", not`},
		{Name: "another namespace", XML: `<ClinicalDocument xmlns="urn:hl7-org:v3"/>`, Kind: fhir.Structure, Want: "urn:hl7-org:v3"},
		{Name: "an element in another namespace", XML: around(`<active xmlns="urn:x" value="true"/>`), Kind: fhir.Structure, Want: `Patient.active: the element active is in the namespace "urn:x"`},
		{Name: "an element in no namespace", XML: around(`<active xmlns="" value="true"/>`), Kind: fhir.Structure, Want: `Patient.active: the element active is in the namespace ""`},
		{Name: "unknown type", XML: `<Patients xmlns="http://hl7.org/fhir"/>`, Kind: fhir.Structure, Want: `"Patients" is no R4 resource type`},
		{Name: "an abstract type", XML: `<Resource xmlns="http://hl7.org/fhir"/>`, Kind: fhir.Structure, Want: "no R4 resource type"},
		{Name: "unknown element", XML: around(`<name><nick value="x"/></name>`), Kind: fhir.Structure, Want: "Patient.name[0].nick: HumanName has no element"},
		{Name: "wrong case", XML: around(`<Active value="true"/>`), Kind: fhir.Structure, Want: `did you mean "active"`},
		{Name: "choice without type", XML: around(`<deceased value="true"/>`), Kind: fhir.Structure, Want: "deceased[x]"},
		{Name: "JSON's resourceType", XML: around(`<resourceType value="Patient"/>`), Kind: fhir.Structure, Want: "no element"},
		{Name: "JSON's shadow", XML: around(`<_birthDate id="x"/>`), Kind: fhir.Structure, Want: "no element"},
		{Name: "unknown attribute", XML: around(`<active value="true" nullFlavor="UNK"/>`), Kind: fhir.Structure, Want: `Patient.active: boolean has no attribute "nullFlavor"`},
		{Name: "attribute on a resource", XML: `<Patient xmlns="http://hl7.org/fhir" id="x"/>`, Kind: fhir.Structure, Want: `Patient: Patient has no attribute "id"`},
		{Name: "value on what is not primitive", XML: around(`<name value="x"/>`), Kind: fhir.Structure, Want: `Patient.name[0]: HumanName has no attribute "value"`},
		{Name: "xsi:type", XML: around(`<name xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="HumanName"/>`), Kind: fhir.Structure, Want: `"xsi:type"`},
		{Name: "a schema location within", XML: around(`<name xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x"/>`), Kind: fhir.Structure, Want: `"xsi:schemaLocation"`},
		{Name: "url as element", XML: around(`<extension><url value="http://e.org"/></extension>`), Kind: fhir.Structure, Want: "Patient.extension[0].url"},
		{Name: "text", XML: around(`<name>Ada</name>`), Kind: fhir.Structure, Want: "Patient.name[0]: text between elements"},
		{Name: "text in a primitive", XML: around(`<active>true</active>`), Kind: fhir.Structure, Want: "Patient.active: text between elements"},
		{Name: "text by reference", XML: around(`&#65;`), Kind: fhir.Structure, Want: "text between elements"},
		{Name: "CDATA", XML: around(`<name><![CDATA[Ada]]></name>`), Kind: fhir.Structure, Want: "text between elements"},
		{Name: "order", XML: around(`<gender value="male"/><active value="true"/>`), Kind: fhir.Structure, Want: "Patient.active: the element active must come before gender"},
		{Name: "repeats not side by side", XML: around(`<name><given value="a"/></name><gender value="male"/><name><given value="b"/></name>`), Kind: fhir.Structure, Want: "name must come before gender"},
		{Name: "does not repeat", XML: around(`<active value="true"/><active value="true"/>`), Kind: fhir.Structure, Want: "Patient.active: active does not repeat"},
		{Name: "two of a choice", XML: around(`<deceasedBoolean value="true"/><deceasedDateTime value="2020"/>`), Kind: fhir.Structure, Want: "only one of deceased[x]"},
		{Name: "two of a choice, the other way round", XML: around(`<deceasedDateTime value="2020"/><deceasedBoolean value="true"/>`), Kind: fhir.Structure, Want: "only one of deceased[x]"},
		{Name: "bad boolean", XML: around(`<active value="1"/>`), Kind: fhir.Structure, Want: "Patient.active: not valid for type boolean"},
		{Name: "JSON in a number", XML: around(`<multipleBirthInteger value="1,&quot;x&quot;:2"/>`), Kind: fhir.Structure, Want: "Patient.multipleBirthInteger: not valid for type integer"},
		{Name: "bad decimal", XML: `<Observation xmlns="http://hl7.org/fhir"><valueQuantity><value value="01.5"/></valueQuantity></Observation>`, Kind: fhir.Structure, Want: "Observation.valueQuantity.value: not valid for type decimal"},
		{Name: "bad date", XML: around(`<birthDate value="1970-02-30"/>`), Kind: fhir.Structure, Want: "Patient.birthDate: not valid for type date"},
		{Name: "bad second", XML: around(`<name><given value="a"/><given value=" "/></name>`), Kind: fhir.Structure, Want: "Patient.name[0].given[1]"},
		{Name: "empty value", XML: around(`<gender value=""/>`), Kind: fhir.Structure, Want: "Patient.gender"},
		{Name: "empty element", XML: around(`<name/>`), Kind: fhir.Structure, Want: "Patient.name[0]: an object must not be empty"},
		{Name: "empty primitive", XML: around(`<gender/>`), Kind: fhir.Structure, Want: "Patient.gender: an object must not be empty"},
		{Name: "no resource in contained", XML: around(`<contained/>`), Kind: fhir.Structure, Want: "Patient.contained[0]: contained holds one resource"},
		{Name: "two resources in contained", XML: around(`<contained><Group/><Group/></contained>`), Kind: fhir.Structure, Want: "Patient.contained[0]: contained holds one resource"},
		{Name: "an attribute on contained", XML: around(`<contained id="x"><Group/></contained>`), Kind: fhir.Structure, Want: "Patient.contained[0]: contained holds one resource"},
		{Name: "unknown type in contained", XML: around(`<contained><Foo/></contained>`), Kind: fhir.Structure, Want: `Patient.contained[0]: "Foo" is no R4 resource type`},

		// Narrative
		{Name: "div in FHIR's namespace", XML: text(`<div>x</div>`), Kind: fhir.Structure, Want: `Patient.text.div: the element div is in the namespace "http://hl7.org/fhir"`},
		{Name: "FHIR within narrative", XML: text(`<div ` + xhtml + `><b xmlns="http://hl7.org/fhir">x</b></div>`), Kind: fhir.Invalid, Want: "element b in narrative is not in the namespace"},
		{Name: "root is no div", XML: text(`<p ` + xhtml + `>x</p>`), Kind: fhir.Structure, Want: `Patient.text.p: Narrative has no element "p"`},
		{Name: "script", XML: text(`<div ` + xhtml + `><script>x</script></div>`), Kind: fhir.Structure, Want: "Patient.text.div: narrative line 1 column 43: the element script is not allowed"},
		{Name: "script by prefix", XML: text(`<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:script>x</h:script></h:div>`), Kind: fhir.Structure, Want: "element script is not allowed"},
		{Name: "XHTML elsewhere", XML: around(`<active ` + xhtml + ` value="true"/>`), Kind: fhir.Structure, Want: "Patient.active"},
		{Name: "XHTML as root", XML: `<div ` + xhtml + `>x</div>`, Kind: fhir.Structure, Want: "namespace"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			r, err := codec.ParseXML([]byte(test.XML))
			if err == nil {
				t.Fatalf("%s: got %s, want an error", test.XML, r.JSON())
			}
			if fhir.KindOf(err) != test.Kind || !strings.Contains(err.Error(), test.Want) {
				t.Errorf("%s:\n got %q (kind %d)\nwant %q (kind %d)", test.XML, err, fhir.KindOf(err), test.Want, test.Kind)
			}
		})
	}
}

// manyAttributes returns n attributes.
func manyAttributes(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat("b", i+1) + `="" `)
	}
	return b.String()
}

func TestParseXMLLimits(t *testing.T) {
	small := codec.WithLimits(fhir.Limits{Nodes: 10, StringBytes: 100})
	names := func(n int) string {
		return `<Patient xmlns="http://hl7.org/fhir"><name>` + strings.Repeat(`<given value="a"/>`, n) + `</name></Patient>`
	}
	tests := []struct {
		Name string
		XML  string
		Kind fhir.Kind // 0: accepted
	}{
		{Name: "few elements", XML: names(5)},
		{Name: "many elements", XML: names(9), Kind: fhir.TooLarge},
		{Name: "a long text", XML: `<Patient xmlns="http://hl7.org/fhir"><name><text value="` + strings.Repeat("x", 101) + `"/></name></Patient>`, Kind: fhir.Structure},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			_, err := small.ParseXML([]byte(test.XML))
			if (err == nil) != (test.Kind == 0) || err != nil && fhir.KindOf(err) != test.Kind {
				t.Errorf("%s: got %v, want kind %d", test.XML, err, test.Kind)
			}
		})
	}
}

func TestAppendXML(t *testing.T) {
	tests := []struct {
		Name string
		JSON string
		Want string // after the XML declaration and the root's tag
	}{
		{Name: "order of definition", JSON: `{"resourceType":"Patient","gender":"male","_active":{"id":"x"},"id":"p","active":true}`, Want: `<id value="p"/><active value="true" id="x"/><gender value="male"/>`},
		{Name: "escapes", JSON: `{"resourceType":"Patient","name":[{"text":"<&>'\"\n\r\t\u00a0\ud83d\ude00"}]}`, Want: "<name><text value=\"&lt;&amp;&gt;'&quot;&#xA;&#xD;&#x9;\u00a0😀\"/></name>"},
		{Name: "narrative without white space around", JSON: `{"resourceType":"Patient","text":{"status":"empty","div":"\n<div xmlns=\"http://www.w3.org/1999/xhtml\"> x </div> "}}`, Want: `<text><status value="empty"/><div xmlns="http://www.w3.org/1999/xhtml"> x </div></text>`},
		{Name: "more shadows than values", JSON: `{"resourceType":"Patient","name":[{"given":["a"],"_given":[null,{"id":"x"}]}]}`, Want: `<name><given value="a"/><given id="x"/></name>`},
		{Name: "url after nested extensions", JSON: `{"resourceType":"Patient","extension":[{"extension":[{"url":"b","valueCode":"c"}],"url":"a"}]}`, Want: `<extension url="a"><extension url="b"><valueCode value="c"/></extension></extension>`},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			r, err := codec.ParseJSON([]byte(test.JSON))
			if err != nil {
				t.Fatal(err)
			}
			want := `x<?xml version="1.0" encoding="UTF-8"?><Patient xmlns="http://hl7.org/fhir">` + test.Want + `</Patient>`
			if got := string(codec.AppendXML([]byte("x"), r.Root(), false)); got != want {
				t.Errorf("%s:\n got %s\nwant %s", test.JSON, got, want)
			}
		})
	}
}

func TestAppendXMLOfNested(t *testing.T) {
	r, err := codec.ParseJSON([]byte(`{"resourceType":"Bundle","type":"collection","entry":[{"resource":{"resourceType":"Group","type":"person","actual":true}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	got := string(codec.AppendXML(nil, r.Root().Get("entry").First().Get("resource"), false))
	want := `<?xml version="1.0" encoding="UTF-8"?><Group xmlns="http://hl7.org/fhir"><type value="person"/><actual value="true"/></Group>`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestJSONToXML(t *testing.T) {
	// More than a client may send.
	json := `{"resourceType":"Bundle","type":"collection","entry":[` + strings.Repeat(`{"fullUrl":"urn:x"},`, 250_000) + `{"fullUrl":"urn:x"}]}`
	xml, err := codec.JSONToXML([]byte(json), false)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(xml), `<entry><fullUrl value="urn:x"/></entry>`); got != 250_001 {
		t.Errorf("got %d entries, want 250001", got)
	}
	if _, err := codec.JSONToXML([]byte(`{"resourceType":"Bundle","typ":"x"}`), false); fhir.KindOf(err) != fhir.Internal || err == nil {
		t.Errorf("what is no Bundle: got %v, want Internal", err)
	}
}
