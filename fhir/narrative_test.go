package fhir_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

func TestCheckNarrative(t *testing.T) {
	tests := []struct {
		Name string
		Div  string // %s stands for the namespace declaration
		Want string // part of the message; empty: accepted
	}{
		{Name: "text", Div: `<div %s>x</div>`},
		{Name: "white space around", Div: "\n <div %s>x</div>\t"},
		{Name: "everything plain", Div: `<div %s><h1>a</h1><p class="c" style="color: red" id="i" title="t" lang="de" xml:lang="de" dir="ltr">b<br/><em>c</em></p><ul><li>d</li></ul><table border="1"><caption>e</caption><colgroup><col span="2"/></colgroup><thead><tr><th colspan="2">f</th></tr></thead><tbody><tr><td valign="top">g</td></tr></tbody></table><blockquote cite="http://e.org">h</blockquote><pre xml:space="preserve"> i </pre><hr/></div>`},
		{Name: "the namespace again", Div: `<div %s><p %s>x</p></div>`},
		{Name: "an image alone", Div: `<div %s><img src="#p" alt=""/></div>`},
		{Name: "a comment", Div: `<div %s>x<!-- note --></div>`},
		{Name: "references", Div: `<div %s>&#160;&#xA0;&amp;&lt;&gt;&quot;&apos;</div>`},
		{Name: "a reference alone", Div: `<div %s>&#65;</div>`},

		// What is said about the frame.
		{Name: "empty string", Div: ``, Want: "no element"},
		{Name: "text without element", Div: `x`, Want: "outside of the root"},
		{Name: "no content", Div: `<div %s> <p/>&#32;<!-- x --></div>`, Want: "no content"},
		{Name: "empty div", Div: `<div %s/>`, Want: "no content"},
		{Name: "no namespace", Div: `<div>x</div>`, Want: "must have xmlns="},
		{Name: "another namespace", Div: `<div xmlns="http://hl7.org/fhir">x</div>`, Want: "namespace of div"},
		{Name: "another namespace within", Div: `<div %s><p xmlns="urn:x">x</p></div>`, Want: "namespace of p"},
		{Name: "root is no div", Div: `<p %s>x</p>`, Want: "the root is a div"},
		{Name: "two divs", Div: `<div %s>x</div><div %s>y</div>`, Want: "second root"},
		{Name: "a comment before", Div: `<!-- x --><div %s>x</div>`, Want: "around the div"},
		{Name: "a comment after", Div: `<div %s>x</div><!-- x -->`, Want: "around the div"},
		{Name: "not closed", Div: `<div %s>x`, Want: "ends inside"},
		{Name: "HTML's br", Div: `<div %s>x<br>y</div>`, Want: "closes nothing"},
		{Name: "HTML's entity", Div: `<div %s>&nbsp;</div>`, Want: "unknown entity &nbsp;"},
		{Name: "document type", Div: `<!DOCTYPE div><div %s>x</div>`, Want: "document type"},
		{Name: "declaration", Div: `<?xml version="1.0"?><div %s>x</div>`, Want: "processing instruction"},
		{Name: "too deep", Div: `<div %s>` + strings.Repeat("<b>", 64) + "x" + strings.Repeat("</b>", 64) + `</div>`, Want: "nested deeper"},

		// Elements.
		{Name: "script", Div: `<div %s><script>alert(1)</script></div>`, Want: "element script"},
		{Name: "capitals", Div: `<div %s><B>x</B></div>`, Want: "element B"},
		{Name: "style", Div: `<div %s><style>b{}</style>x</div>`, Want: "element style"},
		{Name: "form", Div: `<div %s><form/>x</div>`, Want: "element form"},
		{Name: "input", Div: `<div %s><input/>x</div>`, Want: "element input"},
		{Name: "iframe", Div: `<div %s><iframe/>x</div>`, Want: "element iframe"},
		{Name: "object", Div: `<div %s><object/>x</div>`, Want: "element object"},
		{Name: "svg", Div: `<div %s><svg/>x</div>`, Want: "element svg"},
		{Name: "body", Div: `<div %s><body/>x</div>`, Want: "element body"},
		{Name: "link", Div: `<div %s><link/>x</div>`, Want: "element link"},
		{Name: "base", Div: `<div %s><base/>x</div>`, Want: "element base"},
		{Name: "font is deprecated", Div: `<div %s><font>x</font></div>`, Want: "element font"},
		{Name: "ins is of chapter 9.4", Div: `<div %s><ins>x</ins></div>`, Want: "element ins"},
		{Name: "a prefix", Div: `<div %s xmlns:h="http://www.w3.org/1999/xhtml">x</div>`, Want: "attribute xmlns:h"},

		// Attributes.
		{Name: "event", Div: `<div %s onclick="x()">x</div>`, Want: "attribute onclick"},
		{Name: "event on an image", Div: `<div %s><img src="x" onerror="x()"/></div>`, Want: "attribute onerror"},
		{Name: "attribute of another element", Div: `<div %s href="x">x</div>`, Want: "attribute href"},
		{Name: "xlink", Div: `<div %s xlink:href="x">x</div>`, Want: "attribute xlink:href"},
		{Name: "usemap", Div: `<div %s><img src="x" usemap="#m"/></div>`, Want: "attribute usemap"},
		{Name: "target", Div: `<div %s><a href="x" target="_blank">x</a></div>`, Want: "attribute target"},

		// What XML and HTML read differently.
		{Name: "CDATA", Div: `<div %s><![CDATA[><img src="x" onerror="x()"/>]]></div>`, Want: "CDATA"},
		{Name: "a comment that HTML ends at once", Div: `<div %s>x<!--><img src="x" onerror="x()"/>--></div>`, Want: "comment must not begin"},
		{Name: "another", Div: `<div %s>x<!-->a--></div>`, Want: "comment must not begin"},
		{Name: "a comment with a dash", Div: `<div %s>x<!--->a--></div>`, Want: "comment"},
		{Name: "a conditional comment", Div: `<div %s>x<!--[if IE]>a<![endif]--></div>`, Want: "comment must not begin"},
		{Name: "an empty comment", Div: `<div %s>x<!----></div>`},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			div := strings.ReplaceAll(test.Div, "%s", xhtml)
			err := fhir.CheckNarrative(div)
			switch {
			case test.Want == "" && err != nil:
				t.Errorf("%s: %v", div, err)
			case test.Want != "" && (err == nil || !strings.Contains(err.Error(), test.Want)):
				t.Errorf("%s: got %v, want %q", div, err, test.Want)
			case err != nil && fhir.KindOf(err) != fhir.Structure:
				t.Errorf("%s: got kind %d, want Structure", div, fhir.KindOf(err))
			}
		})
	}
}

func TestNarrativeLinks(t *testing.T) {
	tests := []struct {
		URL         string
		Link, Image bool // accepted as one
	}{
		{URL: "", Link: true, Image: true},
		{URL: "#x", Link: true, Image: true},
		{URL: "Patient/1", Link: true, Image: true},
		{URL: "../a:b", Link: true, Image: true},
		{URL: "?a:b", Link: true, Image: true},
		{URL: "//e.org/x", Link: true, Image: true},
		{URL: "http://e.org", Link: true, Image: true},
		{URL: "HTTPS://e.org", Link: true, Image: true},
		{URL: "mailto:a@e.org", Link: true},
		{URL: "tel:+49", Link: true},
		{URL: "ftp://e.org", Link: true},
		{URL: "urn:oid:1.2", Link: true, Image: true},
		{URL: "a-name-longer-than-any-scheme/x:y", Link: true, Image: true},
		{URL: "a-name-longer-than-any-scheme:x"},
		{URL: "data:image/png;base64,AAAA", Image: true},
		{URL: "DATA: Image/PNG;base64,AAAA", Image: true},
		{URL: "data:text/html,x"},
		{URL: "data:image"},
		{URL: "javascript:x"},
		{URL: "JavaScript:x"},
		{URL: " javascript:x"},
		{URL: "java&#x9;script:x"},
		{URL: "java&#10;script:x"},
		{URL: "java\nscript:x"},
		{URL: "&#106;avascript:x"},
		{URL: "javascript&#58;x"},
		{URL: "javascript&#x7F;:x"},
		{URL: "vbscript:x"},
		{URL: "file:///etc/passwd"},
		{URL: "blob:x"},
		{URL: "jAvAsCrIpT\u00a0:x"},
		{URL: ":x"},
	}
	for _, test := range tests {
		link := fhir.CheckNarrative(`<div ` + xhtml + `><a href="` + test.URL + `">x</a></div>`)
		if (link == nil) != test.Link {
			t.Errorf("link to %q: got %v, want accepted %v", test.URL, link, test.Link)
		}
		image := fhir.CheckNarrative(`<div ` + xhtml + `><img src="` + test.URL + `"/></div>`)
		if (image == nil) != test.Image {
			t.Errorf("image %q: got %v, want accepted %v", test.URL, image, test.Image)
		}
	}
}

func TestNarrativeStyles(t *testing.T) {
	tests := []struct {
		Style string
		Want  bool // accepted
	}{
		{Style: "", Want: true},
		{Style: "color: red; border: 1px solid #ccc", Want: true},
		{Style: "background-image: url(data: image/png;base64,AA/A==)", Want: true},
		{Style: "background: URL( 'http://e.org/x.png' ) no-repeat", Want: true},
		{Style: "background: url(a.png), url(&quot;b.png&quot;)", Want: true},
		{Style: "background: url(javascript:x)"},
		{Style: "background: url(a.png), url('java&#x9;script:x')"},
		{Style: "background: url(data:text/html,x)"},
		{Style: "width: expression(x())"},
		{Style: "width: EXPRESSION (x())"},
		{Style: "width: exp/**/ression(x())"},
		{Style: "width: \\65xpression(x())"},
		{Style: "behavior: url(x.htc)"},
		{Style: "background: url(a.png"},
		{Style: strings.Repeat("url(", 300_000)},
		{Style: "-moz-binding: url(x.xml)"},
		{Style: "@import 'x.css'"},
		{Style: "color: red&lt;/style>"},
	}
	for _, test := range tests {
		err := fhir.CheckNarrative(`<div ` + xhtml + ` style="` + test.Style + `">x</div>`)
		if (err == nil) != test.Want {
			t.Errorf("style %q: got %v, want accepted %v", test.Style, err, test.Want)
		}
	}
}

// TestNarrativeInResource holds that the codec refuses what CheckNarrative
// refuses, but for a lack of content, which is a matter of validation.
func TestNarrativeInResource(t *testing.T) {
	tests := []struct {
		Div  string
		Want string // beginning of the message; empty: accepted
	}{
		{Div: `<div ` + xhtml + `>x</div>`},
		{Div: `<div ` + xhtml + `/>`},
		{Div: `<div ` + xhtml + `><script/></div>`, Want: "Patient.contained[0].text.div: narrative line 1 column 43: the element script"},
	}
	for _, test := range tests {
		json := `{"resourceType":"Patient","contained":[{"resourceType":"Group","text":{"status":"empty","div":` + fhir.Quote(test.Div) + `}}]}`
		_, err := codec.ParseJSON([]byte(json))
		if test.Want == "" && err != nil || test.Want != "" && (err == nil || !strings.HasPrefix(err.Error(), test.Want)) {
			t.Errorf("%s: got %v, want %q", json, err, test.Want)
		}
	}
}

func BenchmarkCheckNarrative(b *testing.B) {
	div := `<div ` + xhtml + `><p><b>Generated</b></p><p><b>name</b>: Ada Example</p><table class="grid"><tr><td style="width: 10px">a</td><td><a href="Patient/1">the patient &amp; more</a></td></tr></table><p>Something else that makes it as long as usual.</p></div>`
	b.SetBytes(int64(len(div)))
	b.ReportAllocs()
	for b.Loop() {
		if err := fhir.CheckNarrative(div); err != nil {
			b.Fatal(err)
		}
	}
}
