package handlers_test

import (
	"context"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/handlers"
)

// shorten stores patients named Long as Short, and refuses those named Nobody.
func shorten(_ context.Context, r *fhir.Resource) (*fhir.Resource, []fhir.Issue, error) {
	body := string(r.JSON())
	switch {
	case strings.Contains(body, `"Nobody"`):
		return nil, nil, fhir.ErrorAt(fhir.Conflict, "Patient.name", "nobody is no name")
	case strings.Contains(body, `"Long"`):
		short, err := codec.ParseJSON([]byte(strings.ReplaceAll(body, `"Long"`, `"Short"`)))
		return short, []fhir.Issue{{Severity: "warning", Code: "value", Text: "the name is shortened"}}, err
	}
	return r, nil, nil
}

// TestPrepare sends what a Preparer changes and refuses through everything that
// stores resources.
func TestPrepare(t *testing.T) {
	c := newClient(t, stores["sqlite"], handlers.Options{Prepare: shorten})
	const patient = `{"resourceType":"Patient","id":"a","name":[{"family":"NAME"}]}`
	const entry = `{"resourceType":"Bundle","type":"KIND","entry":[{"resource":` + patient + `,"request":{"method":"PUT","url":"Patient/a"}}]}`
	patch := `[{"op":"replace","path":"/name/0/family","value":"NAME"}]`
	tests := []struct {
		name, request, body string
		header              []string
		refused             int
	}{
		{name: "update", request: "PUT Patient/a", body: patient, refused: 409},
		{name: "conditional update", request: "PUT Patient?_id=a", body: patient, refused: 409},
		{name: "patch", request: "PATCH Patient/a", body: patch, header: []string{"Content-Type: application/json-patch+json"}, refused: 409},
		{name: "transaction", request: "POST ", body: strings.Replace(entry, "KIND", "transaction", 1), refused: 409},
		{name: "batch", request: "POST ", body: strings.Replace(entry, "KIND", "batch", 1), refused: 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			send := func(name string) string {
				got := c.send(test.request, strings.Replace(test.body, "NAME", name, 1), append(test.header, "Prefer: return=OperationOutcome")...)
				if name == "Nobody" && got.status != test.refused {
					t.Errorf("status %d, want %d\n%s", got.status, test.refused, got.body)
				}
				return string(got.body)
			}
			if got := send("Nobody"); !strings.Contains(got, "nobody is no name") {
				t.Errorf("refused without the reason: %s", got)
			}
			if got := send("Long"); !strings.Contains(got, "the name is shortened") {
				t.Errorf("the note is missing: %s", got)
			}
			if got := c.send("GET Patient/a", "").at("name.0.family"); got != "Short" {
				t.Errorf("stored with the name %q", got)
			}
			send("Other")
		})
	}
	c.send("PUT Patient/m", strings.NewReplacer("NAME", "Other", `"a"`, `"m"`).Replace(patient))
	meta := func(member string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{` + member + `}}]}`
	}
	tag, claim := meta(`"tag":[{"system":"http://e.example/t","code":"Nobody"}]`), meta(`"profile":["http://e.example/p"]`)
	if got := c.send("POST Patient/m/$meta-add", tag); got.status != 200 {
		t.Errorf("a tag: status %d\n%s", got.status, got.body)
	}
	if got := c.send("POST Patient/m/$meta-add", claim); got.status != 409 {
		t.Errorf("a claim: status %d\n%s", got.status, got.body)
	}
	if got := c.send("POST Patient", strings.Replace(patient, "NAME", "Long", 1)); got.status != 201 || got.at("name.0.family") != "Short" {
		t.Errorf("create: status %d\n%s", got.status, got.body)
	}
}
