package handlers

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

func TestRestfulRoot(t *testing.T) {
	tests := []struct{ url, want string }{
		{"http://example.org/fhir/Patient/1", "http://example.org/fhir/"},
		{"https://example.org/Patient/a.b-c", "https://example.org/"},
		{"http://example.org/fhir/patient/1", ""},
		{"http://example.org/fhir/Patient/", ""},
		{"http://example.org/fhir/Patient/1/_history/2", ""},
		{"urn:uuid:0b2c8a5e-2f0c-4f0e-9f0a-0123456789ab", ""},
		{"Patient/1", ""},
		{"http://", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := restfulRoot(r4.Schema(), tt.url); got != tt.want {
			t.Errorf("restfulRoot(%q) = %q, want %q", tt.url, got, tt.want)
		}
	}
}

func TestRelink(t *testing.T) {
	resolve := func(url string) (string, bool) {
		switch url {
		case "urn:uuid:1":
			return "Patient/a", true
		case "http://x.org/?a=1&b=2":
			return "Binary/b?c=1&d=2", true
		}
		return "", false
	}
	tests := []struct{ name, html, want string }{
		{"anchor", `<div><a href="urn:uuid:1">Ada</a></div>`, `<div><a href="Patient/a">Ada</a></div>`},
		{"image, single quotes, spaces", `<div><img alt='x' src = 'urn:uuid:1' /></div>`, `<div><img alt='x' src = 'Patient/a' /></div>`},
		{"several", `<div><a href="urn:uuid:1">1</a><a class="c" href="urn:uuid:1">2</a></div>`, `<div><a href="Patient/a">1</a><a class="c" href="Patient/a">2</a></div>`},
		{"entities", `<div><a href="http://x.org/?a=1&amp;b=2">1</a></div>`, `<div><a href="Binary/b?c=1&amp;d=2">1</a></div>`},
		{"a sign in a value does not end the tag", `<div><a title="a > b" href="urn:uuid:1">1</a></div>`, `<div><a title="a > b" href="Patient/a">1</a></div>`},
		{"unknown", `<div><a href="urn:uuid:2">Ada</a></div>`, ""},
		{"in text", `<div>href="urn:uuid:1"</div>`, ""},
		{"in a comment", `<div><!-- <a href="urn:uuid:1"> --></div>`, ""},
		{"in character data", `<div><![CDATA[<a href="urn:uuid:1">]]></div>`, ""},
		{"other attribute", `<div><a title="urn:uuid:1" xhref="urn:uuid:1">Ada</a></div>`, ""},
		{"part of a value", `<div><a href="urn:uuid:12">Ada</a></div>`, ""},
		{"no end", `<div><a href="urn:uuid:1`, ""},
		{"comment without end", `<div><!-- <a href="urn:uuid:1">`, ""},
		{"nothing", ``, ""},
	}
	for _, tt := range tests {
		got, found := relink(tt.html, resolve)
		want := tt.want
		if want == "" {
			want = tt.html
		}
		if got != want || found != (tt.want != "") {
			t.Errorf("%s: relink(%s) = %s, %v; want %s", tt.name, tt.html, got, found, want)
		}
	}
}

func FuzzRelink(f *testing.F) {
	f.Add(`<div><a href="urn:uuid:1">Ada</a><!-- x --><img src='urn:uuid:1'/></div>`)
	f.Fuzz(func(t *testing.T, html string) {
		same, found := relink(html, func(string) (string, bool) { return "", false })
		if found || same != html {
			t.Errorf("relink changed %q to %q though nothing resolves", html, same)
		}
		itself := func(url string) (string, bool) { return url, true }
		once, _ := relink(html, itself)
		if twice, _ := relink(once, itself); twice != once {
			t.Errorf("relink made %q of %q, then %q", once, html, twice)
		}
	})
}

func TestVisit(t *testing.T) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	r, err := codec.ParseJSON([]byte(`{"resourceType":"DocumentReference","id":"id","implicitRules":"uri:rules",` +
		`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">narrative</div>"},` +
		`"contained":[{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"contained"}},` +
		`{"resourceType":"Bundle","type":"collection","entry":[{"fullUrl":"inner","resource":{"resourceType":"Basic","code":{"text":"c"},"subject":{"reference":"inner"}}}]}],` +
		`"extension":[{"url":"extension","valueReference":{"reference":"in an extension"}},{"url":"e","valueUri":"uri:value"},{"url":"e","valueUrl":"url:value"},` +
		`{"url":"e","valueCanonical":"canonical"},{"url":"e","valueUuid":"urn:uuid:0b2c8a5e-2f0c-4f0e-9f0a-0123456789ab"},{"url":"e","valueString":"string"}],` +
		`"identifier":[{"system":"system","value":"value","assigner":{"reference":"assigner","type":"uri:type"}}],` +
		`"status":"current","content":[{"attachment":{"url":"url:attachment"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	table := newLinkTable(r4.Schema())
	var got []string
	err = table.visit(r.Root(), func(v fhir.Value, form linkForm) error {
		got = append(got, []string{"", "reference", "url", "uri", "narrative"}[form]+" "+expression(r4.Schema(), r.Tree(), v.Index()))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"uri DocumentReference.implicitRules",
		"narrative DocumentReference.text.div",
		"reference DocumentReference.contained[0].subject.reference",
		"reference DocumentReference.extension[0].valueReference.reference",
		"uri DocumentReference.extension[1].valueUri",
		"url DocumentReference.extension[2].valueUrl",
		"reference DocumentReference.identifier[0].assigner.reference",
		"uri DocumentReference.identifier[0].assigner.type",
		"url DocumentReference.content[0].attachment.url",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
