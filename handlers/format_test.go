package handlers

import "testing"

func TestAcceptedFormat(t *testing.T) {
	tests := []struct {
		Name   string
		Accept string
		Want   format
		None   bool
	}{
		{Name: "absent"},
		{Name: "anything", Accept: "*/*"},
		{Name: "FHIR JSON", Accept: "application/fhir+json"},
		{Name: "FHIR XML", Accept: "application/fhir+xml", Want: xmlFormat},
		{Name: "plain XML", Accept: "application/xml", Want: xmlFormat},
		{Name: "text XML", Accept: "text/xml; charset=utf-8", Want: xmlFormat},
		{Name: "upper case", Accept: "Application/FHIR+XML", Want: xmlFormat},
		{Name: "the first of equals", Accept: "application/fhir+xml, application/fhir+json", Want: xmlFormat},
		{Name: "the better", Accept: "application/fhir+xml;q=0.5, application/fhir+json;q=0.9"},
		{Name: "the better, later", Accept: "application/fhir+json;q=0.5, application/fhir+xml", Want: xmlFormat},
		{Name: "a wildcard as the second choice", Accept: "application/fhir+xml, */*;q=0.1", Want: xmlFormat},
		{Name: "a browser", Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
		{Name: "our version", Accept: "application/fhir+xml; fhirVersion=4.0", Want: xmlFormat},
		{Name: "another version", Accept: "application/fhir+json; fhirVersion=3.0", None: true},
		{Name: "another version first", Accept: "application/fhir+xml; fhirVersion=5.0, application/fhir+json; fhirVersion=4.0"},
		{Name: "not this one", Accept: "application/fhir+json;q=0", None: true},
		{Name: "anything but JSON", Accept: "application/fhir+json;q=0, application/fhir+xml;q=0.1, */*", Want: xmlFormat},
		{Name: "something else", Accept: "text/turtle", None: true},
		{Name: "JSON refused, anything else", Accept: "application/fhir+json;q=0, */*", Want: xmlFormat},
		{Name: "another name refused", Accept: "application/xml;q=0, application/fhir+xml", Want: xmlFormat},
		{Name: "all names refused", Accept: "application/*;q=0, */*", None: true},
		{Name: "a short name", Accept: "xml", Want: xmlFormat},
		{Name: "a bad quality", Accept: "application/fhir+json;q=2", None: true},
		{Name: "garbage", Accept: ";;,=/", None: true},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			got, err := acceptedFormat(test.Accept)
			if got != test.Want || (err != nil) != test.None {
				t.Errorf("Accept: %s: got %v, %v", test.Accept, got, err)
			}
		})
	}
}

func TestNamedFormat(t *testing.T) {
	tests := []struct {
		Name string
		Want format
		None bool
	}{
		{Name: "json"},
		{Name: "xml", Want: xmlFormat},
		{Name: "application/fhir+xml", Want: xmlFormat},
		{Name: "application/fhir xml", Want: xmlFormat}, // the plus sign was not encoded
		{Name: "application/json"},
		{Name: "text/xml", Want: xmlFormat},
		{Name: "html"},
		{Name: "application/fhir+json; fhirVersion=4.0"},
		{Name: "application/fhir+json; fhirVersion=3.0", None: true},
		{Name: "ttl", None: true},
		{Name: "", None: true},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			got, err := namedFormat(test.Name)
			if got != test.Want || (err != nil) != test.None {
				t.Errorf("_format=%s: got %v, %v", test.Name, got, err)
			}
		})
	}
}

func TestSafeType(t *testing.T) {
	tests := []struct{ Type, Want string }{
		{Type: "application/pdf", Want: "application/pdf"},
		{Type: "text/plain; charset=utf-8", Want: "text/plain; charset=utf-8"},
		{Type: "image/png", Want: "image/png"},
		{Type: "text/html", Want: "application/octet-stream"},
		{Type: "application/xhtml+xml", Want: "application/octet-stream"},
		{Type: "image/svg+xml", Want: "application/octet-stream"},
		{Type: "text/javascript", Want: "application/octet-stream"},
		{Type: "nonsense", Want: "application/octet-stream"},
		{Type: "a/b\r\nX: y", Want: "application/octet-stream"},
	}
	for _, test := range tests {
		if got := safeType(test.Type); got != test.Want {
			t.Errorf("%q: got %q, want %q", test.Type, got, test.Want)
		}
	}
}
