package fhir_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

// seeds adds the files of testdata/xml with an extension to a corpus.
func seeds(f *testing.F, extension string) {
	files, err := filepath.Glob("testdata/xml/*" + extension)
	if err != nil || len(files) == 0 {
		f.Fatalf("testdata/xml: %v, %d files", err, len(files))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

// FuzzParseXML holds that what is accepted is written and read again as the very
// same, and that what is refused is the client's fault.
func FuzzParseXML(f *testing.F) {
	seeds(f, ".xml")
	f.Add([]byte(`<f:Patient xmlns:f="http://hl7.org/fhir" xmlns="http://www.w3.org/1999/xhtml"><f:text><f:status value="empty"/><div><h:b xmlns:h="http://www.w3.org/1999/xhtml">x<![CDATA[<&]]></h:b></div></f:text></f:Patient>`))
	f.Fuzz(func(t *testing.T, xml []byte) {
		r, err := codec.ParseXML(xml)
		if err != nil {
			clientsFault(t, err)
			return
		}
		for _, pretty := range []bool{false, true} {
			out := codec.AppendXML(nil, r.Root(), pretty)
			back, err := codec.ParseXML(out)
			if err != nil {
				t.Fatalf("%s\nis accepted, but not as written:\n%s\n%v", xml, out, err)
			}
			if !same(r.Root(), back.Root()) {
				t.Fatalf("%s\nread:  %s\nagain: %s", xml, r.JSON(), back.JSON())
			}
		}
	})
}

// FuzzParseJSON holds that a resource that is accepted comes back equal from XML.
func FuzzParseJSON(f *testing.F) {
	seeds(f, ".json")
	f.Fuzz(func(t *testing.T, json []byte) {
		r, err := codec.ParseJSON(json)
		if err != nil {
			clientsFault(t, err)
			return
		}
		out := codec.AppendXML(nil, r.Root(), false)
		back, err := codec.ParseXML(out)
		if err != nil {
			t.Fatalf("%s\nis accepted, but not as XML:\n%s\n%v", json, out, err)
		}
		if !same(r.Root(), back.Root()) {
			t.Fatalf("%s\nas XML: %s\nback:   %s", json, out, back.JSON())
		}
	})
}

// clientsFault fails the test if err is not one that a client can act on.
func clientsFault(t *testing.T, err error) {
	t.Helper()
	if k := fhir.KindOf(err); k != fhir.Invalid && k != fhir.Structure && k != fhir.TooLarge {
		t.Fatalf("kind %d: %v", k, err)
	}
}
