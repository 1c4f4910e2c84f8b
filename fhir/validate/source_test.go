package validate_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// A source is a list of definitions.
type source []*fhir.Resource

// Canonical implements [validate.Source].
func (s source) Canonical(typ, url string) ([]*fhir.Resource, error) {
	var found []*fhir.Resource
	for _, r := range s {
		if r.Type() == typ && r.Root().Get("url").Text() == url {
			found = append(found, r)
		}
	}
	return found, nil
}

// definition returns a StructureDefinition with the elements of a snapshot.
func definition(t testing.TB, name, typ, derivation, elements string) *fhir.Resource {
	t.Helper()
	text := `{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/` + name + `","name":"` + name +
		`","status":"active","kind":"resource","abstract":false,"type":"` + typ + `","derivation":"` + derivation +
		`","snapshot":{"element":[` + elements + `]}}`
	r, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// differential returns a StructureDefinition with the elements of a differential.
func differential(t testing.TB, name, typ, base, elements string) *fhir.Resource {
	t.Helper()
	text := `{"resourceType":"StructureDefinition","url":"http://hl7.org/fhir/StructureDefinition/` + name + `","name":"` + name +
		`","status":"active","kind":"resource","abstract":false,"type":"` + typ + `","derivation":"constraint","baseDefinition":"` + base +
		`","differential":{"element":[` + elements + `]}}`
	r, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// describe writes issues as lines "severity code expression".
func describe(issues []fhir.Issue) string {
	var lines []string
	for _, i := range issues {
		lines = append(lines, i.Severity+" "+i.Code+" "+i.Expression)
	}
	return strings.Join(lines, "\n")
}

func TestOwnDefinitions(t *testing.T) {
	src := source{
		definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},
			{"path":"Patient.name","min":0,"max":"*","type":[{"code":"HumanName"}]},
			{"path":"Patient.gender","min":1,"max":"1","type":[{"code":"code"}]},
			{"path":"Patient.deceased[x]","min":0,"max":"1","type":[{"code":"boolean"},{"code":"dateTime"}]}`),
		definition(t, "strict", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*","constraint":[{"key":"x-1","severity":"error","human":"names have families","expression":"name.family.exists()"}]},
			{"path":"Patient.name","min":1,"max":"1","type":[{"code":"HumanName"}]},
			{"path":"Patient.gender","min":1,"max":"1","type":[{"code":"code"}],"fixedCode":"female"},
			{"path":"Patient.deceased[x]","min":0,"max":"1","type":[{"code":"boolean"}]}`),
	}
	tests := []struct{ Name, JSON, Want string }{
		{"conforms", `{"resourceType":"Patient","name":[{"family":"A"}],"gender":"female"}`, ""},
		{"everything is told", `{"resourceType":"Patient","nmae":1,"name":[{"text":"a"},{"text":"b"}],"gender":"male","deceasedDateTime":"2020"}`,
			"error structure Patient.nmae\nerror invariant Patient\nerror value Patient.gender\nerror structure Patient.deceased.ofType(dateTime)\nerror structure Patient.name"},
		{"missing", `{"resourceType":"Patient","deceasedBoolean":false}`, "error required Patient.gender\nerror invariant Patient\nerror required Patient.name"},
		{"no JSON", `{"resourceType":`, "fatal invalid "},
		{"no definition", `{"resourceType":"Basic"}`, "error not-supported Basic\nerror structure Basic"},
	}
	v := validate.New(r4.Schema(), src, nil)
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			_, issues := v.ValidateJSON(context.Background(), []byte(test.JSON), validate.Request{Profiles: []string{"http://hl7.org/fhir/StructureDefinition/strict"}})
			if got := describe(issues); got != test.Want {
				t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", test.JSON, got, test.Want, issues)
			}
		})
	}
}

func TestUnknownProfile(t *testing.T) {
	src := source{definition(t, "Basic", "Basic", "specialization", `{"path":"Basic","min":0,"max":"*"}`)}
	v := validate.New(r4.Schema(), src, nil)
	body := `{"resourceType":"Basic","meta":{"profile":["http://example.org/p"]},"code":{"text":"x"}}`
	_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
	if got := describe(issues); got != "warning not-found Basic.meta.profile[0]" {
		t.Errorf("a claim: got %q", got)
	}
	_, issues = v.ValidateJSON(context.Background(), []byte(body), validate.Request{Profiles: []string{"http://example.org/p"}})
	if !slices.ContainsFunc(issues, func(i fhir.Issue) bool { return i.Severity == "error" && i.Code == "not-found" }) {
		t.Errorf("a demand: got %v", issues)
	}
	if _, issues = v.ValidateJSON(context.Background(), []byte(body), validate.Request{IgnoreClaims: true}); len(issues) != 0 {
		t.Errorf("claims ignored: got %v", issues)
	}
}
