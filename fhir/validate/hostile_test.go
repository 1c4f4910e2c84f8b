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

// TestHostileDefinitions holds that definitions that lead in circles, take the URL
// of others or ask for endless work end in an answer.
func TestHostileDefinitions(t *testing.T) {
	patient := func() *fhir.Resource {
		return definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.contained","min":0,"max":"*","type":[{"code":"Resource"}]}`)
	}
	const self = "http://hl7.org/fhir/StructureDefinition/profile"
	tests := []struct {
		Name string
		Src  source
		Want string // an issue code that must be there; empty for none at all
	}{
		{"a profile that takes the URL of its type", source{definition(t, "Patient", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.active","min":1,"max":"1"}`),
			definition(t, "profile", "Patient", "constraint", `{"path":"Patient"}`)}, "not-supported"},
		{"only the other one is the type's", source{definition(t, "Patient", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.active","min":1,"max":"1"}`), patient(),
			definition(t, "profile", "Patient", "constraint", `{"path":"Patient"}`)}, ""},
		{"a profile of itself", source{patient(), definition(t, "profile", "Patient", "constraint", `{"path":"Patient","min":0,"max":"*","type":[{"code":"Patient","profile":["`+self+`"]}]},
			{"path":"Patient.contained","min":0,"max":"*","type":[{"code":"Resource","profile":["`+self+`"]}]}`)}, ""},
		{"an expression that asks for itself", source{patient(), definition(t, "profile", "Patient", "constraint",
			`{"path":"Patient","min":0,"max":"*","constraint":[{"key":"k","severity":"error","human":"h","expression":"conformsTo('`+self+`') and conformsTo('`+self+`')"}]}`)}, ""},
		{"an expression without end", source{patient(), definition(t, "profile", "Patient", "constraint",
			`{"path":"Patient","min":0,"max":"*","constraint":[{"key":"k","severity":"warning","human":"h","expression":"repeat(id | $this).count() + descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants().select(%resource.descendants())))).count() > 1"}]}`)}, "too-costly"},
		{"elements beside the root", source{patient(), definition(t, "profile", "Patient", "constraint", `{"path":"Patient"},{"path":"Group"}`)}, "not-supported"},
		{"no such type", source{patient(), definition(t, "profile", "Nothing", "constraint", `{"path":"Nothing"}`)}, "not-supported"},
		{"a reference to nowhere", source{patient(), definition(t, "profile", "Patient", "constraint", `{"path":"Patient"},{"path":"Patient.link","contentReference":"#x"}`)}, "not-supported"},
	}
	body := `{"resourceType":"Patient","id":"a","contained":[` + strings.Repeat(`{"resourceType":"Patient","id":"b","name":[{"given":["a","b","c"]}]},`, 200) + `{"resourceType":"Patient","id":"c"}]}`
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			v := validate.New(r4.Schema(), test.Src, nil)
			_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{Profiles: []string{self}})
			issues = slices.DeleteFunc(issues, func(i fhir.Issue) bool { return i.Code == "duplicate" })
			if test.Want == "" && len(issues) > 0 || test.Want != "" && !slices.ContainsFunc(issues, func(i fhir.Issue) bool { return i.Code == test.Want }) {
				t.Errorf("want %q, got %v", test.Want, issues)
			}
		})
	}
}

func TestManyIssues(t *testing.T) {
	src := source{definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.name","min":0,"max":"*","type":[{"code":"HumanName"}],
		"constraint":[{"key":"w","severity":"warning","human":"h","expression":"false"}]},{"path":"Patient.gender","min":1,"max":"1"}`)}
	body := `{"resourceType":"Patient","name":[` + strings.Repeat(`{"text":"a"},`, 50) + `{"text":"b"}]}`
	v := validate.New(r4.Schema(), src, nil)
	_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{MaxIssues: 10})
	if len(issues) != 11 || issues[9].Severity != "error" || issues[10].Severity != "information" {
		t.Errorf("got %d issues: %v", len(issues), issues)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, issues = v.ValidateJSON(ctx, []byte(strings.Repeat(" ", 10)+body), validate.Request{})
	if len(issues) == 0 {
		t.Error("no issues after the end of a context")
	}
}

// TestInvalidate holds that definitions are read again, and that validation and
// invalidation may happen at once.
func TestInvalidate(t *testing.T) {
	src := source{definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"},{"path":"Patient.gender","min":1,"max":"1"}`)}
	v := validate.New(r4.Schema(), src, nil)
	body := []byte(`{"resourceType":"Patient","active":true}`)
	done := make(chan bool)
	for range 4 {
		go func() {
			for range 200 {
				if _, issues := v.ValidateJSON(context.Background(), body, validate.Request{}); describe(issues) != "error required Patient.gender" {
					t.Errorf("got %v", issues)
					break
				}
			}
			done <- true
		}()
	}
	for range 50 {
		v.Invalidate()
	}
	for range 4 {
		<-done
	}
	src[0] = definition(t, "Patient", "Patient", "specialization", `{"path":"Patient","min":0,"max":"*"}`)
	v.Invalidate()
	if _, issues := v.ValidateJSON(context.Background(), body, validate.Request{}); len(issues) > 0 {
		t.Errorf("after a change: got %v", issues)
	}
}
