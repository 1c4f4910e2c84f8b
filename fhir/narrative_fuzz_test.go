package fhir_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

// FuzzCheckNarrative reads what is accepted with encoding/xml, which must find
// it well formed and find nothing in it that runs.
func FuzzCheckNarrative(f *testing.F) {
	for _, content := range []string{
		`x`, `<p class='a' style="color: red">&#160;&amp;<br/></p><!-- c -->`,
		`<a href="java&#x9;script:x">x</a>`, `<img src="data:image/png;base64,AA=="/>`,
		`<b style="background: url( 'http://e.org' )">x</b>`, `<!--><script/>-->`, `<![CDATA[x]]>`, `<td onclick="x">y</td>`,
	} {
		f.Add(`<div xmlns="http://www.w3.org/1999/xhtml">` + content + `</div>`)
	}
	f.Fuzz(func(t *testing.T, div string) {
		if fhir.CheckNarrative(div) != nil {
			return
		}
		d := xml.NewDecoder(strings.NewReader(div))
		for {
			token, err := d.Token()
			if err == io.EOF {
				return
			}
			if err != nil {
				t.Fatalf("%q is accepted: %v", div, err)
			}
			start, ok := token.(xml.StartElement)
			if !ok {
				continue
			}
			if start.Name.Space != "http://www.w3.org/1999/xhtml" || active[start.Name.Local] {
				t.Fatalf("%q is accepted with %v", div, start.Name)
			}
			for _, a := range start.Attr {
				if runs(a) {
					t.Fatalf("%q is accepted with %s=%q", div, a.Name.Local, a.Value)
				}
			}
		}
	})
}

// active are elements that run, load or frame something.
var active = map[string]bool{
	"script": true, "style": true, "iframe": true, "object": true, "embed": true, "svg": true, "math": true,
	"form": true, "input": true, "base": true, "link": true, "meta": true, "template": true, "noscript": true,
}

// runs reports whether a browser might run an attribute.
func runs(a xml.Attr) bool {
	switch a.Name.Local {
	case "href", "src", "cite", "longdesc":
		var scheme strings.Builder
		for _, c := range strings.ToLower(a.Value) {
			if c == '/' || c == '?' || c == '#' {
				return false
			}
			if c > ' ' {
				scheme.WriteRune(c)
			}
		}
		return strings.Contains(scheme.String(), "script:")
	}
	return strings.HasPrefix(strings.ToLower(a.Name.Local), "on")
}
