package handlers_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestNegotiation(t *testing.T) {
	const (
		isJSON = "Content-Type: application/fhir+json; charset=utf-8"
		isXML  = "Content-Type: application/fhir+xml; charset=utf-8"
	)
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.send("PUT Patient/p", `{"resourceType":"Patient","id":"p","active":true}`)
		c.walk(t, []step{
			{Name: "nothing said", Send: "GET Patient/p", Status: 200, Header: []string{isJSON, "Vary: Authorization, Accept, Accept-Encoding, Origin"}},
			{Name: "XML", Send: "GET Patient/p", With: []string{"Accept: application/fhir+xml"}, Status: 200, Header: []string{isXML, `ETag: W/"1"`}, Text: `<active value="true"/>`},
			{Name: "_format decides", Send: "GET Patient/p?_format=xml", With: []string{"Accept: application/fhir+json"}, Status: 200, Header: []string{isXML}},
			{Name: "_format with a plus sign", Send: "GET Patient/p?_format=application/fhir+xml", Status: 200, Header: []string{isXML}},
			{Name: "a browser", Send: "GET Patient/p", With: []string{"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, Status: 200, Header: []string{isJSON}},
			{Name: "turtle", Send: "GET Patient/p", With: []string{"Accept: text/turtle"}, Status: 406, Header: []string{isJSON}, Has: []string{"issue.0.code = not-supported"}},
			{Name: "_format=ttl", Send: "GET Patient/p?_format=ttl", Status: 406},
			{Name: "R5", Send: "GET Patient/p", With: []string{"Accept: application/fhir+json; fhirVersion=5.0"}, Status: 406},
			{Name: "an error in XML", Send: "GET Patient/q?_format=xml", Status: 404, Header: []string{isXML}, Text: `<code value="not-found"/>`},
			{Name: "a write answered in XML", Send: "PUT Patient/p", Body: `{"resourceType":"Patient","id":"p"}`, With: []string{"Accept: application/fhir+xml"}, Status: 200, Header: []string{isXML}, Text: `<id value="p"/>`},
			{Name: "a search in XML", Send: "GET Patient?_format=xml", Status: 200, Header: []string{isXML}, Text: `<search><mode value="match"/></search>`},
			{Name: "a history in XML", Send: "GET Patient/p/_history?_format=xml", Status: 200, Header: []string{isXML}, Text: `<type value="history"/>`},
			{Name: "pretty JSON", Send: "GET Patient/p?_pretty=true", Status: 200, Text: "\n  \"id\": \"p\""},
			{Name: "not pretty", Send: "GET Patient/p?_pretty=false", Status: 200, Text: `,"id":"p"`},
			{Name: "pretty XML", Send: "GET Patient/p?_pretty=true&_format=xml", Status: 200, Text: "\n  <id value=\"p\"/>"},
			{Name: "a part", Send: "GET Patient/p?_elements=id", Status: 200, Text: "SUBSETTED"},
			{Name: "a summary", Send: "GET Patient/p?_summary=true", Status: 200, Text: "SUBSETTED"},
			{Name: "an unknown part", Send: "GET Patient/p?_elements=height", Status: 400},
			{Name: "a summary there is not", Send: "GET Patient/p?_summary=short", Status: 400},
			{Name: "nothing to count", Send: "GET Patient/p?_summary=count", Status: 400},
		})
	})
}

func TestBinary(t *testing.T) {
	overStores(t, handlers.Options{Limits: handlers.Limits{ResourceBytes: 1000}}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{
				Name: "raw in", Send: "POST Binary", Body: "%PDF-1.7", With: []string{"Content-Type: application/pdf", "X-Security-Context: Patient/p"},
				Status: 201, Save: "b", Has: []string{"resourceType = Binary", "contentType = application/pdf", "data = JVBERi0xLjc=", "securityContext.reference = Patient/p"},
			},
			{Name: "raw out", Send: "GET Binary/{b}", Status: 200, Text: "%PDF-1.7", Header: []string{
				"Content-Type: application/pdf", "Content-Length: 8", "Content-Disposition: attachment", "X-Security-Context: Patient/p",
				"X-Content-Type-Options: nosniff", `ETag: W/"1"`, "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; sandbox",
			}},
			{Name: "a version, raw", Send: "GET Binary/{b}/_history/1", Status: 200, Text: "%PDF-1.7"},
			{Name: "HEAD", Send: "HEAD Binary/{b}", Status: 200, Header: []string{"Content-Type: application/pdf", "Content-Length: 8"}},
			{Name: "not again", Send: "GET Binary/{b}", With: []string{`If-None-Match: W/"1"`}, Status: 304},
			{Name: "its own type", Send: "GET Binary/{b}", With: []string{"Accept: application/pdf"}, Status: 200, Header: []string{"Content-Type: application/pdf"}},
			{Name: "a family of types", Send: "GET Binary/{b}", With: []string{"Accept: application/*"}, Status: 200, Header: []string{"Content-Type: application/pdf"}},
			{Name: "a type it has not", Send: "GET Binary/{b}", With: []string{"Accept: image/png"}, Status: 200, Header: []string{"Content-Type: application/pdf"}},
			{Name: "a browser", Send: "GET Binary/{b}", With: []string{"Accept: text/html,application/xml;q=0.9,*/*;q=0.8"}, Status: 200, Header: []string{"Content-Type: application/pdf"}},
			{Name: "as FHIR", Send: "GET Binary/{b}", With: []string{"Accept: application/fhir+json"}, Status: 200, Header: []string{"Content-Disposition:"}, Has: []string{"data = JVBERi0xLjc="}},
			{Name: "as FHIR before anything else", Send: "GET Binary/{b}", With: []string{"Accept: application/fhir+json, */*;q=0.1"}, Status: 200, Has: []string{"resourceType = Binary"}},
			{Name: "as FHIR in plain JSON", Send: "GET Binary/{b}", With: []string{"Accept: application/json"}, Status: 200, Has: []string{"resourceType = Binary"}},
			{Name: "as FHIR by _format", Send: "GET Binary/{b}?_format=xml", Status: 200, Text: `<contentType value="application/pdf"/>`},
			{Name: "raw update", Send: "PUT Binary/{b}", Body: "Grüße", With: []string{"Content-Type: text/plain; charset=utf-8"}, Status: 200, Header: []string{`ETag: W/"2"`}, Has: []string{"contentType = text/plain; charset=utf-8"}},
			{Name: "text", Send: "GET Binary/{b}", Status: 200, Text: "Grüße", Header: []string{"Content-Type: text/plain; charset=utf-8", "X-Security-Context:"}},
			{Name: "a resource in", Send: "PUT Binary/{b}", Body: `{"resourceType":"Binary","id":"{b}","contentType":"text/html","data":"PGI+\n PC9iPg=="}`, Status: 200},
			{Name: "nothing a browser runs", Send: "GET Binary/{b}", Status: 200, Text: "<b></b>", Header: []string{"Content-Type: application/octet-stream", "Content-Disposition: attachment"}},
			{Name: "no content", Send: "POST Binary", Body: `{"resourceType":"Binary","contentType":"text/plain"}`, Status: 201, Save: "empty"},
			{Name: "no content out", Send: "GET Binary/{empty}", Status: 200, Header: []string{"Content-Type: text/plain", "Content-Length: 0"}},
			{Name: "JSON that is no Binary", Send: "POST Binary", Body: `{"a":1}`, With: []string{"Content-Type: application/json"}, Status: 201, Has: []string{"data = eyJhIjoxfQ=="}},
			{Name: "XML that is no FHIR", Send: "POST Binary", Body: `<ClinicalDocument xmlns="urn:hl7-org:v3"/>`, With: []string{"Content-Type: application/xml"}, Status: 201, Has: []string{"contentType = application/xml"}},
			{Name: "a Binary with a flaw", Send: "POST Binary", Body: `{"resourceType":"Binary","foo":1}`, With: []string{"Content-Type: application/json"}, Status: 400},
			{Name: "too large", Send: "POST Binary", Body: strings.Repeat("a", 720), With: []string{"Content-Type: text/plain"}, Status: 413},
			{Name: "as large as may be", Send: "POST Binary", Body: strings.Repeat("a", 699), With: []string{"Content-Type: text/plain"}, Status: 201},
			{Name: "no body", Send: "POST Binary", With: []string{"Content-Type: text/plain"}, Status: 400},
			{Name: "nowhere", Send: "GET Binary/nowhere", With: []string{"Accept: image/png"}, Status: 404},
			{Name: "found", Send: "GET Binary?_id={b}", Status: 200, Has: []string{"entry.0.resource.resourceType = Binary"}},
		})
	})
}

func TestCompression(t *testing.T) {
	zip := func(text string) string {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		io.WriteString(w, text)
		w.Close()
		return out.String()
	}
	large := `{"resourceType":"Patient","id":"large","name":[` + strings.Repeat(`{"family":"Doe"},`, 100) + `{"family":"Poe"}]}`
	overStores(t, handlers.Options{Limits: handlers.Limits{ResourceBytes: 4000}}, func(t *testing.T, c *client) {
		unzipped := func(got *reply) string {
			in, err := gzip.NewReader(bytes.NewReader(got.body))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(in)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		const accepted = "Accept-Encoding: gzip"
		c.walk(t, []step{
			{Name: "in", Send: "PUT Patient/large", Body: zip(large), With: []string{"Content-Encoding: gzip"}, Status: 201, Has: []string{"name.100.family = Poe"}},
			{Name: "in, small", Send: "PUT Patient/p", Body: zip(`{"resourceType":"Patient","id":"p"}`), With: []string{"Content-Encoding: gzip"}, Status: 201},
			{Name: "not gzip", Send: "PUT Patient/p", Body: large, With: []string{"Content-Encoding: gzip"}, Status: 400},
			{Name: "cut off", Send: "PUT Patient/p", Body: zip(large)[:50], With: []string{"Content-Encoding: gzip"}, Status: 400},
			{Name: "another encoding", Send: "PUT Patient/p", Body: large, With: []string{"Content-Encoding: br"}, Status: 415},
			{Name: "over the limit", Send: "PUT Patient/p", Body: zip(large + strings.Repeat(" ab", 1000)), With: []string{"Content-Encoding: gzip"}, Status: 413},
			{Name: "small bodies stay", Send: "GET Patient/p", With: []string{accepted}, Status: 200, Header: []string{"Content-Encoding:"}, Has: []string{"id = p"}},
			{Name: "out", Send: "GET Patient/large", With: []string{accepted}, Status: 200, Header: []string{"Content-Encoding: gzip", `ETag: W/"1"`}},
			{Name: "not modified", Send: "GET Patient/large", With: []string{accepted, `If-None-Match: W/"1"`}, Status: 304, Header: []string{"Content-Encoding:", `ETag: W/"1"`}},
			{Name: "not wanted", Send: "GET Patient/large", Status: 200, Header: []string{"Content-Encoding:"}, Has: []string{"id = large"}},
		})
		got := c.send("GET Patient/large", "", accepted)
		if text := unzipped(got); !strings.Contains(text, `"family":"Poe"`) {
			t.Errorf("got %s", text)
		}
		if vary := strings.Join(got.header.Values("Vary"), ", "); !strings.Contains(vary, "Accept-Encoding") || !strings.Contains(vary, "Authorization") {
			t.Errorf("Vary: %s", vary)
		}
	})
	t.Run("a bomb", func(t *testing.T) {
		c := newClient(t, openSQLite, handlers.Options{})
		bomb := zip(`{"resourceType":"Patient"` + strings.Repeat(" ", 1<<20) + `}`)
		c.walk(t, []step{
			{Send: "POST Patient", Body: bomb, With: []string{"Content-Encoding: gzip"}, Status: 413, Text: "100 to 1"},
		})
	})
}

func TestLimits(t *testing.T) {
	o := handlers.Options{Limits: handlers.Limits{ResourceBytes: 100, BundleBytes: 200, FormBytes: 50, URLBytes: 80, Params: 3}}
	pad := func(text string, size int) string { return text + strings.Repeat(" ", size-len(text)) }
	overStores(t, o, func(t *testing.T, c *client) {
		const form = "Content-Type: application/x-www-form-urlencoded"
		patient := `{"resourceType":"Patient"}`
		bundle := `{"resourceType":"Bundle","type":"batch"}`
		c.walk(t, []step{
			{Name: "a resource", Send: "POST Patient", Body: pad(patient, 100), Status: 201},
			{Name: "a larger resource", Send: "POST Patient", Body: pad(patient, 101), Status: 413, Has: []string{"issue.0.code = too-long"}},
			{Name: "a bundle", Send: "POST ", Body: pad(bundle, 200), Status: 200},
			{Name: "a larger bundle", Send: "POST ", Body: pad(bundle, 201), Status: 413},
			{Name: "a form", Send: "POST Patient/_search", Body: "_id=" + strings.Repeat("1", 46), With: []string{form}, Status: 200},
			{Name: "a larger form", Send: "POST Patient/_search", Body: "_id=" + strings.Repeat("1", 47), With: []string{form}, Status: 413},
			{Name: "a URL", Send: "GET Patient?_id=" + strings.Repeat("1", 63), Status: 200},
			{Name: "a longer URL", Send: "GET Patient?_id=" + strings.Repeat("1", 64), Status: 414},
			{Name: "parameters", Send: "GET Patient?_id=1&_id=1&_id=1", Status: 200},
			{Name: "more parameters", Send: "GET Patient?_id=1&_id=1&_id=1&_id=1", Status: 400},
			{Name: "more parameters in a form", Send: "POST Patient/_search?_id=1", Body: "_id=1&_id=1&_id=1", With: []string{form}, Status: 400},
		})
		t.Run("a body of unknown size", func(t *testing.T) {
			for size, want := range map[int]int{100: 201, 101: 413} {
				r := httptest.NewRequest("POST", "/fhir/Patient", io.MultiReader(strings.NewReader(pad(patient, size))))
				r.Header.Set("Content-Type", "application/fhir+json")
				if got := c.roundTrip(r); got.status != want {
					t.Errorf("%d bytes: status %d, want %d", size, got.status, want)
				}
			}
		})
	})
}

func TestRequestIDs(t *testing.T) {
	c := newClient(t, openSQLite, handlers.Options{})
	c.walk(t, []step{
		{Name: "the client's", Send: "GET metadata", With: []string{"X-Request-Id: Trace_1.a-b"}, Status: 200, Header: []string{"X-Request-Id: Trace_1.a-b"}},
	})
	seen := map[string]bool{}
	for _, asked := range []string{"", "a b", "<script>", strings.Repeat("a", 65)} {
		id := c.send("GET Patient/p", "", "X-Request-Id: "+asked).header.Get("X-Request-Id")
		if id == asked || id == "" || seen[id] {
			t.Errorf("asked for %q, got %q", asked, id)
		}
		seen[id] = true
	}
}
