package profiles_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/mappings"
	"github.com/noafhir/noafhir/profiles"
	"github.com/noafhir/noafhir/profiles/demo"
)

const ucumSystem = `"system":"http://unitsofmeasure.org"`

// result writes a result that claims the profile noa-hormone.
func result(loinc, quantity string, more ...string) string {
	return `{"resourceType":"Observation","id":"a","meta":{"profile":["https://noa-fhir.example.org/StructureDefinition/noa-hormone"]},"status":"final",
		"code":{"coding":[{"system":"http://loinc.org","code":"` + loinc + `"}]},"subject":{"reference":"Patient/a"},"valueQuantity":` + quantity + strings.Join(more, "") + `}`
}

// translated writes the extension with the value in the canonical unit.
func translated(value, unit string) string {
	return `{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation","valueQuantity":{"value":` + value + `,"unit":"` + unit + `",` + ucumSystem + `,"code":"` + unit + `"}}`
}

const (
	review     = `{"system":"https://noa-fhir.example.org/CodeSystem/noa-observation","code":"review-plausibility"}`
	notMorning = `{"url":"https://noa-fhir.example.org/StructureDefinition/noa-draw-flag","valueCode":"not-morning"}`
)

// TestNormalised brings results into form.
func TestNormalised(t *testing.T) {
	berlin := time.FixedZone("Berlin in winter", 3600)
	tests := []struct {
		Name   string
		Send   string
		Want   map[string]string // members as they shall be; the others stay
		Issues string            // severities, in order
		Zone   *time.Location
	}{
		{
			Name: "testosterone by mass",
			Send: result("2986-8", `{"value":176,"unit":"ng/dL",`+ucumSystem+`,"code":"ng/dL"}`, `,"effectiveDateTime":"2025-01-21T08:10:00+01:00"`),
			Want: map[string]string{"valueQuantity": `{"extension":[` + translated("6.10", "nmol/L") + `],"value":176,"unit":"ng/dL",` + ucumSystem + `,"code":"ng/dL"}`},
		},
		{
			Name: "in the canonical unit",
			Send: result("14913-8", `{"value":6.10,"unit":"nmol/L",`+ucumSystem+`,"code":"nmol/L"}`),
		},
		{
			Name:   "an alias of a unit",
			Send:   result("15067-2", `{"value":32.4,"unit":"mIU/mL"}`),
			Want:   map[string]string{"valueQuantity": `{"extension":[` + translated("32.4", "[iU]/L") + `],"value":32.4,"unit":"mIU/mL",` + ucumSystem + `,"code":"m[iU]/mL"}`},
			Issues: "information",
		},
		{
			Name:   "an alias as code",
			Send:   result("2243-4", `{"value":28,`+ucumSystem+`,"code":"pg/ml"}`),
			Want:   map[string]string{"valueQuantity": `{"extension":[` + translated("102.8", "pmol/L") + `],"value":28,` + ucumSystem + `,"code":"pg/mL"}`},
			Issues: "information",
		},
		{
			Name: "a comparator",
			Send: result("34319-4", `{"value":10,"comparator":"<","unit":"ng/L",`+ucumSystem+`,"code":"ng/L"}`),
			Want: map[string]string{"valueQuantity": `{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation","valueQuantity":{"value":10,"comparator":"<","unit":"pg/mL",` + ucumSystem + `,"code":"pg/mL"}}],
				"value":10,"comparator":"<","unit":"ng/L",` + ucumSystem + `,"code":"ng/L"}`},
		},
		{
			Name: "a correction with the old translation",
			Send: result("2986-8", `{"extension":[{"url":"http://e.example/x","valueCode":"a"},`+translated("6.10", "nmol/L")+`],"value":182,"unit":"ng/dL",`+ucumSystem+`,"code":"ng/dL"}`),
			Want: map[string]string{"valueQuantity": `{"extension":[{"url":"http://e.example/x","valueCode":"a"},` + translated("6.31", "nmol/L") + `],"value":182,"unit":"ng/dL",` + ucumSystem + `,"code":"ng/dL"}`},
		},
		{
			Name: "a translation into another unit",
			Send: result("14913-8", `{"extension":[`+translated("176", "ng/dL")+`],"value":6.1,"unit":"nmol/L",`+ucumSystem+`,"code":"nmol/L"}`),
		},
		{
			Name: "an extension that is there",
			Send: result("2842-3", `{"extension":[{"url":"http://e.example/x","valueCode":"a"}],"value":8.9,"unit":"µg/L",`+ucumSystem+`,"code":"ug/L"}`),
			Want: map[string]string{"valueQuantity": `{"extension":[{"url":"http://e.example/x","valueCode":"a"},` + translated("8.9", "ng/mL") + `],"value":8.9,"unit":"µg/L",` + ucumSystem + `,"code":"ug/L"}`},
		},
		{
			Name:   "unusual: mass sent as moles",
			Send:   result("14913-8", `{"value":176,"unit":"nmol/L",`+ucumSystem+`,"code":"nmol/L"}`),
			Want:   map[string]string{"meta": `{"tag":[` + review + `],"profile":["https://noa-fhir.example.org/StructureDefinition/noa-hormone"]}`},
			Issues: "warning",
		},
		{
			Name: "afternoon",
			Send: result("14913-8", `{"value":7.2,`+ucumSystem+`,"code":"nmol/L"}`, `,"effectiveDateTime":"2025-01-21T15:40:00+01:00"`),
			Want: map[string]string{"extension": `[` + notMorning + `]`}, Issues: "information",
		},
		{
			Name: "afternoon, said already",
			Send: result("14913-8", `{"value":7.2,`+ucumSystem+`,"code":"nmol/L"}`, `,"effectiveDateTime":"2025-01-21T15:40:00+01:00","extension":[`+notMorning+`]`),
		},
		{
			Name: "eleven o'clock",
			Send: result("14913-8", `{"value":7.2,`+ucumSystem+`,"code":"nmol/L"}`, `,"effectiveDateTime":"2025-01-21T11:00:00+01:00"`),
		},
		{
			Name: "by the clocks of the facility",
			Send: result("14913-8", `{"value":7.2,`+ucumSystem+`,"code":"nmol/L"}`, `,"effectiveDateTime":"2025-01-21T10:30:00Z","extension":[{"url":"http://e.example/x","valueCode":"a"}]`),
			Want: map[string]string{"extension": `[{"url":"http://e.example/x","valueCode":"a"},` + notMorning + `]`}, Issues: "information", Zone: berlin,
		},
		{
			Name: "a day without a time",
			Send: result("14913-8", `{"value":7.2,`+ucumSystem+`,"code":"nmol/L"}`, `,"effectiveDateTime":"2025-01-21"`),
		},
		{
			Name: "another hormone in the afternoon",
			Send: result("10501-5", `{"value":7.2,`+ucumSystem+`,"code":"[iU]/L"}`, `,"effectiveDateTime":"2025-01-21T15:40:00+01:00"`),
		},
		{
			Name: "no claim",
			Send: strings.Replace(result("2986-8", `{"value":-176,"unit":"ng/dL"}`), "noa-hormone", "noa-other", 1),
		},
		{
			Name: "entered in error",
			Send: strings.Replace(result("2986-8", `{"value":-176,"unit":"ng/dL"}`), "final", "entered-in-error", 1),
		},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			h := profiles.Hormones{Codec: fhir.NewCodec(r4.Schema(), fhir.Limits{}), Zone: test.Zone}
			got, issues, err := h.Prepare(t.Context(), parsed(t, test.Send))
			if err != nil {
				t.Fatal(err)
			}
			want := members(t, test.Send)
			for name, text := range test.Want {
				want[name] = members(t, `{"x":`+text+`}`)["x"]
			}
			if have := members(t, string(got.JSON())); !reflect.DeepEqual(have, want) {
				t.Errorf("got  %s\nwant %v", got.JSON(), want)
			}
			var severities []string
			for _, i := range issues {
				severities = append(severities, i.Severity)
			}
			if s := strings.Join(severities, " "); s != test.Issues {
				t.Errorf("issues %v, want %s", issues, test.Issues)
			}
			again, _, err := h.Prepare(t.Context(), got)
			if err != nil || string(again.JSON()) != string(got.JSON()) {
				t.Errorf("the second time makes of it %s, %v", again.JSON(), err)
			}
		})
	}
}

// TestRefused refuses what can not be stored as a hormone.
func TestRefused(t *testing.T) {
	tests := []struct{ Name, Send, Where, Why string }{
		{Name: "negative", Send: result("2986-8", `{"value":-5,"unit":"ng/dL"}`), Where: "Observation.value.value", Why: "R31"},
		{Name: "more than there can be", Send: result("14913-8", `{"value":201,"unit":"nmol/L"}`), Where: "Observation.value.value", Why: "R31"},
		{Name: "no unit", Send: result("15067-2", `{"value":32.4}`), Where: "Observation.value", Why: "the unit is missing"},
		{Name: "moles under the code of mass", Send: result("2986-8", `{"value":6.1,`+ucumSystem+`,"code":"nmol/L"}`), Where: "Observation.value.code", Why: "14913-8"},
		{Name: "mass under the code of moles", Send: result("14913-8", `{"value":176,"unit":"ng/dL"}`), Where: "Observation.value.unit", Why: "2986-8"},
		{Name: "prolactin in units under the code of mass", Send: result("2842-3", `{"value":180,"unit":"mIU/L"}`), Where: "Observation.value.unit", Why: "no unit of prolactin"},
		{Name: "not UCUM", Send: result("2986-8", `{"value":176,"system":"http://e.example/units","code":"ng/dL"}`), Where: "Observation.value.system", Why: "UCUM"},
		{Name: "beta-hCG as AMH", Send: result("21198-7", `{"value":2.4,"unit":"ng/mL"}`), Where: "Observation.code", Why: "21198-7"},
		{Name: "mass and moles", Send: strings.Replace(result("2986-8", `{"value":6,"unit":"nmol/L"}`), `[{"system":"http://loinc.org"`, `[{"system":"http://loinc.org","code":"14913-8"},{"system":"http://loinc.org"`, 1), Where: "Observation.code", Why: "ambiguous"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			h := profiles.Hormones{Codec: fhir.NewCodec(r4.Schema(), fhir.Limits{})}
			_, _, err := h.Prepare(t.Context(), parsed(t, test.Send))
			e, ok := errors.AsType[*fhir.Error](err)
			if !ok || e.Kind != fhir.Unprocessable || e.Expression != test.Where || !strings.Contains(e.Text, test.Why) {
				t.Errorf("got %v, want an error at %s about %s", err, test.Where, test.Why)
			}
		})
	}
}

// TestRanges gives men the interval of last resort where there is none.
func TestRanges(t *testing.T) {
	h := profiles.Hormones{
		Codec: fhir.NewCodec(r4.Schema(), fhir.Limits{}),
		Male:  func(_ context.Context, ref string) bool { return ref == "Patient/a" },
	}
	send := result("2243-4", `{"value":28,`+ucumSystem+`,"code":"pg/mL"}`)
	range1 := `,"referenceRange":[{"low":{"value":12}}]`
	for _, test := range []struct{ Name, Send, Want string }{
		{Name: "a man", Send: send, Want: "default-range"},
		{Name: "somebody else", Send: strings.Replace(send, "Patient/a", "Patient/b", 1)},
		{Name: "the laboratory has one", Send: strings.Replace(send, `,"valueQuantity"`, range1+`,"valueQuantity"`, 1)},
		{Name: "none is known", Send: result("2942-1", `{"value":4,`+ucumSystem+`,"code":"mg/L"}`)},
	} {
		t.Run(test.Name, func(t *testing.T) {
			got, _, err := h.Prepare(t.Context(), parsed(t, test.Send))
			if err != nil {
				t.Fatal(err)
			}
			if has := strings.Contains(string(got.JSON()), "default-range"); has != (test.Want != "") {
				t.Errorf("the interval of last resort is there: %t\n%s", has, got.JSON())
			}
		})
	}
}

func parsed(t *testing.T, text string) *fhir.Resource {
	t.Helper()
	r, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// members reads an object, with its numbers as they are written.
func members(t *testing.T, text string) map[string]any {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return m
}

// FuzzNormalise brings whatever claims to be a hormone into form: what comes out
// is a resource, and is in form.
func FuzzNormalise(f *testing.F) {
	f.Add("2986-8", `{"value":176,"unit":"ng/dL"}`, `,"effectiveDateTime":"2025-01-21T15:40:00+01:00"`)
	f.Add("14913-8", `{"value":176,"comparator":"<","unit":"nmol/l"}`, `,"extension":[{"url":"a","valueCode":"b"}]`)
	f.Add("2243-4", `{"extension":[{"url":"a","valueCode":"b"}],"value":1e-3,"code":"pg/ml"}`, ``)
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	h := profiles.Hormones{Codec: codec, Male: func(context.Context, string) bool { return true }}
	f.Fuzz(func(t *testing.T, loinc, quantity, more string) {
		r, err := codec.ParseJSON([]byte(result(loinc, quantity, more)))
		if err != nil {
			return
		}
		got, _, err := h.Prepare(t.Context(), r)
		if err != nil {
			if fhir.KindOf(err) != fhir.Unprocessable {
				t.Errorf("%s: %v", r.JSON(), err)
			}
			return
		}
		again, _, err := h.Prepare(t.Context(), got)
		if err != nil || string(again.JSON()) != string(got.JSON()) {
			t.Errorf("%s\nthen %s\nand %s, %v", r.JSON(), got.JSON(), again.JSON(), err)
		}
	})
}

// TestDemoHormones brings the hormones of the demo patients into form, as if they
// claimed the profile.
func TestDemoHormones(t *testing.T) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	h := profiles.Hormones{Codec: codec}
	found := 0
	for _, text := range demo.Bundles() {
		bundle, err := codec.ParseJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		for entry := range bundle.Root().Get("entry").Items {
			r := entry.Get("resource")
			if r.Get("resourceType").Text() != "Observation" || r.Get("meta").Exists() {
				continue
			}
			code := ""
			for c := range r.Get("code").Get("coding").Items {
				code = c.Get("code").Text()
			}
			if _, ok := mappings.HormoneOf(code); !ok {
				continue
			}
			found++
			claimed := strings.Replace(string(r.Raw()), `"resourceType":"Observation"`, `"resourceType":"Observation","meta":{"profile":["`+profiles.URL("StructureDefinition", "noa-hormone")+`"]}`, 1)
			if _, issues, err := h.Prepare(t.Context(), parsed(t, claimed)); err != nil || len(issues) > 0 {
				t.Errorf("%s: %v, %v", r.Get("id").Text(), issues, err)
			}
		}
	}
	if found == 0 {
		t.Skip("the demo patients claim their profiles: loading them says as much")
	}
}
