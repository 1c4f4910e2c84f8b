package handlers

import (
	"slices"
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

func TestAddress(t *testing.T) {
	tests := []struct {
		URL     string
		Key     fhir.Key
		Within  fhir.Key
		Part    string
		Version string
		Query   [][2]string
		Kind    fhir.Kind // Internal: no error
	}{
		{URL: ""},
		{URL: "/"},
		{URL: "?_type=Patient", Query: [][2]string{{"_type", "Patient"}}},
		{URL: "metadata", Part: "metadata"},
		{URL: "_history", Part: "_history"},
		{URL: "Patient", Key: fhir.Key{Type: "Patient"}},
		{URL: "/Patient/", Key: fhir.Key{Type: "Patient"}},
		{URL: "Patient/1", Key: fhir.Key{Type: "Patient", ID: "1"}},
		{URL: "Patient/_search", Key: fhir.Key{Type: "Patient"}, Part: "_search"},
		{URL: "Patient/_history", Key: fhir.Key{Type: "Patient"}, Part: "_history"},
		{URL: "Patient/1/_history", Key: fhir.Key{Type: "Patient", ID: "1"}, Part: "_history"},
		{URL: "Patient/1/_history/2", Key: fhir.Key{Type: "Patient", ID: "1"}, Part: "_history", Version: "2"},
		{URL: "Patient/a%20b", Key: fhir.Key{Type: "Patient", ID: "a b"}},
		{URL: "Patient/a%2Fb", Key: fhir.Key{Type: "Patient", ID: "a/b"}},
		{
			URL:   "Patient?name=Ada+L&name=%C3%89&x&&y=a=b",
			Key:   fhir.Key{Type: "Patient"},
			Query: [][2]string{{"name", "Ada L"}, {"name", "É"}, {"x", ""}, {"y", "a=b"}},
		},
		{URL: "Patient//1", Kind: fhir.Invalid},
		{URL: "Patient/%zz", Kind: fhir.Invalid},
		{URL: "Patient?a=%zz", Kind: fhir.Invalid},
		{URL: "Patient/1/Observation", Within: fhir.Key{Type: "Patient", ID: "1"}, Key: fhir.Key{Type: "Observation"}},
		{URL: "Patient/1/*", Within: fhir.Key{Type: "Patient", ID: "1"}},
		{URL: "Patient/1/*/_search", Within: fhir.Key{Type: "Patient", ID: "1"}, Part: "_search"},
		{URL: "Patient/1/2/3", Kind: fhir.NotFound},
		{URL: "Patient/1/*/Observation", Kind: fhir.NotFound},
		{URL: "Patient/1/_history/2/3", Kind: fhir.NotFound},
		{URL: "Patient/_history/2", Kind: fhir.NotFound},
		{URL: "metadata/1", Kind: fhir.NotFound},
	}
	for _, test := range tests {
		t.Run(test.URL, func(t *testing.T) {
			var req Request
			err := req.address(test.URL)
			if err != nil || test.Kind != fhir.Internal {
				if fhir.KindOf(err) != test.Kind {
					t.Errorf("got error %v", err)
				}
				return
			}
			if req.Key != test.Key || req.Within != test.Within || req.Part != test.Part || req.Version != test.Version || !slices.Equal(req.Query, test.Query) {
				t.Errorf("got %+v", req)
			}
		})
	}
}

// FuzzAddress checks that any URL is read or refused, and that what is read says
// what it came from.
func FuzzAddress(f *testing.F) {
	for _, url := range []string{"", "Patient?name=Ada", "Patient/1/_history/2", "a%2fb/c", "?&=&%20"} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		var req Request
		if err := req.address(url); err != nil {
			if fhir.KindOf(err) == fhir.Internal {
				t.Fatalf("%q: %v", url, err)
			}
			return
		}
		if req.Version != "" && req.Part != "_history" || req.Key.ID != "" && req.Key.Type == "" {
			t.Fatalf("%q was read as %+v", url, req)
		}
		var again Request
		query := withQuery("", req.Query)
		if err := again.address(query); err != nil || !slices.Equal(again.Query, req.Query) {
			t.Fatalf("the query of %q is not the same when written as %q: %v", url, query, err)
		}
	})
}

func TestParsePrefer(t *testing.T) {
	tests := []struct {
		Headers []string
		Want    Prefer
	}{
		{Headers: []string{"return=minimal"}, Want: Prefer{Return: "minimal"}},
		{Headers: []string{"return=OperationOutcome, handling=lenient"}, Want: Prefer{Return: "OperationOutcome", Lenient: true}},
		{Headers: []string{`return="representation"`, "Handling = lenient"}, Want: Prefer{Return: "representation", Lenient: true}},
		{Headers: []string{"handling=strict; return=minimal"}, Want: Prefer{Return: "minimal"}},
		{Headers: []string{"respond-async, return=something"}},
	}
	for _, test := range tests {
		if got := parsePrefer(test.Headers); got != test.Want {
			t.Errorf("Prefer: %v: got %+v", test.Headers, got)
		}
	}
}

func TestRequestID(t *testing.T) {
	for _, id := range []string{"a", "A-b_c.9", "0123456789012345678901234567890123456789012345678901234567890123"} {
		if !isRequestID(id) {
			t.Errorf("%q is refused", id)
		}
	}
	for _, id := range []string{"", "a b", "é", "a\n", "01234567890123456789012345678901234567890123456789012345678901234"} {
		if isRequestID(id) {
			t.Errorf("%q is taken", id)
		}
	}
}
