package validate_test

import (
	"context"
	"errors"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// A flaky source fails as long as it is told to.
type flaky struct {
	source
	broken bool
}

// Canonical implements [validate.Source].
func (f *flaky) Canonical(typ, url string) ([]*fhir.Resource, error) {
	if f.broken {
		return nil, errors.New("the disk is on fire")
	}
	return f.source.Canonical(typ, url)
}

// TestPassingFailures holds that what could not be read is read the next time, and
// that a client is not told why it failed.
func TestPassingFailures(t *testing.T) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	src := &flaky{broken: true, source: source{
		definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.gender","min":0,"max":"1","type":[{"code":"code"}],"binding":{"strength":"required","valueSet":"urn:v"}}`),
		differential(t, "p", "Patient", "http://hl7.org/fhir/StructureDefinition/Patient", `{"id":"Patient.birthDate","path":"Patient.birthDate","min":1}`),
	}}
	for _, text := range []string{
		`{"resourceType":"ValueSet","url":"urn:v","status":"active","compose":{"include":[{"system":"urn:c","concept":[{"code":"a"}]}]}}`,
		`{"resourceType":"CodeSystem","url":"urn:c","status":"active","content":"complete","concept":[{"code":"a"}]}`,
	} {
		r, err := codec.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		src.source = append(src.source, r)
	}
	v := validate.New(r4.Schema(), src, validate.NewCodes(src))
	validation := func() string {
		_, issues := v.ValidateJSON(context.Background(), []byte(`{"resourceType":"Patient","gender":"b"}`), validate.Request{Profiles: []string{"http://hl7.org/fhir/StructureDefinition/p"}})
		return describe(issues)
	}
	for range 2 {
		if got, want := validation(), "error not-supported Patient\nerror not-supported Patient"; got != want {
			t.Errorf("while it fails: got %s, want %s", got, want)
		}
	}
	src.broken = false
	if got, want := validation(), "error code-invalid Patient.gender\nerror required Patient.birthDate"; got != want {
		t.Errorf("afterwards: got %s, want %s", got, want)
	}
}
