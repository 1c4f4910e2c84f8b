package search_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// custom returns the parameter of a SearchParameter with these elements.
func custom(t testing.TB, elements string) (fhir.SearchParam, error) {
	t.Helper()
	text := `{"resourceType":"SearchParameter","name":"x","status":"active","description":"x",` + elements + `}`
	return search.ParamFromResource(parseResource(t, text))
}

func TestCustomParam(t *testing.T) {
	reg := registry(t)
	p, err := custom(t, `"url":"http://p.example/eyes","code":"eyes","base":["Patient"],"type":"token","expression":"Patient.extension('http://e.example/eyes').value"`)
	if err != nil {
		t.Fatal(err)
	}
	before := reg.Fingerprint()
	next, err := reg.With([]fhir.SearchParam{p})
	if err != nil {
		t.Fatal(err)
	}
	if reg.Fingerprint() != before || next.Fingerprint() == before {
		t.Error("the fingerprint does not tell of the new parameter")
	}
	if _, ok := reg.Lookup("Patient", "eyes"); ok {
		t.Error("the old registry has the new parameter")
	}
	r := parseResource(t, `{"resourceType":"Patient","id":"a","extension":[{"url":"http://e.example/eyes","valueCode":"green"}]}`)
	for value, want := range map[string]bool{"green": true, "blue": false} {
		q, err := search.Parse(next, "Patient", [][2]string{{"eyes", value}}, search.Options{})
		if err != nil || q.Matches(r) != want || inRanges(next.Index(r), &q.Where[0]) != want {
			t.Errorf("eyes=%s: want %v (error %v)", value, want, err)
		}
	}
}

func TestCustomParamRefused(t *testing.T) {
	reg := registry(t)
	const good = `"url":"http://p.example/x","code":"x","base":["Patient"],"type":"token","expression":"Patient.gender"`
	for _, row := range []struct{ name, old, new, want string }{
		{"no url", `"url":"http://p.example/x",`, ``, "SearchParameter.url"},
		{"a code that is a chain", `"code":"x"`, `"code":"x.y"`, "SearchParameter.code"},
		{"a code of ours", `"code":"x"`, `"code":"_x"`, "SearchParameter.code"},
		{"a code of filters", `"code":"x"`, `"code":"not"`, "SearchParameter.code"},
		{"a code with an ampersand", `"code":"x"`, `"code":"x&y"`, "SearchParameter.code"},
		{"a long code", `"code":"x"`, `"code":"` + strings.Repeat("x", 65) + `"`, "SearchParameter.code"},
		{"no code", `"code":"x",`, ``, "SearchParameter.code"},
		{"no base", `"base":["Patient"],`, ``, "SearchParameter.base"},
		{"no type", `"type":"token",`, ``, "SearchParameter.type"},
		{"no expression", `,"expression":"Patient.gender"`, ``, "SearchParameter.expression"},
		{"a broken expression", `Patient.gender"`, `Patient.("`, "SearchParameter.expression"},
		{"special", `"type":"token"`, `"type":"special"`, "SearchParameter.type"},
		{"a composite of nothing", `"type":"token"`, `"type":"composite"`, "SearchParameter.component"},
		{"a taken code", `"code":"x"`, `"code":"gender"`, "gender"},
		{"a code all types have", `"base":["Patient"],"type":"token","expression":"Patient.gender"`, `"base":["Resource"],"type":"token","expression":"Resource.language"`, ""},
		{"a taken url", `http://p.example/x`, `http://hl7.org/fhir/SearchParameter/individual-gender`, "already"},
	} {
		p, err := custom(t, strings.Replace(good, row.old, row.new, 1))
		if err == nil {
			_, err = reg.With([]fhir.SearchParam{p})
		}
		if row.want == "" {
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if err == nil || fhir.KindOf(err) != fhir.Unprocessable || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: error %v, want one about %s", row.name, err, row.want)
		}
	}
	p, _ := custom(t, good)
	if _, err := reg.With(slices.Repeat([]fhir.SearchParam{p}, 2)); fhir.KindOf(err) != fhir.Unprocessable {
		t.Errorf("twice the same: %v", err)
	}
	if _, err := search.ParamFromResource(parseResource(t, patient)); fhir.KindOf(err) != fhir.Unprocessable {
		t.Errorf("a patient: %v", err)
	}
}
