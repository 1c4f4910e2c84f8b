package validate_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

// ofR4 validates by definitions of R4: testdata has those of some types, without
// words for people, and the value sets that they need.
var ofR4 = sync.OnceValue(func() *validate.Validator {
	src, err := readSource("testdata/r4.ndjson.gz")
	if err != nil {
		panic(err)
	}
	return validate.New(r4.Schema(), src, validate.NewCodes(src))
})

// readSource reads definitions, one a line.
func readSource(name string) (source, error) {
	packed, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, err
	}
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	var src source
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		r, err := codec.ParseJSON(line)
		if err != nil {
			return nil, err
		}
		src = append(src, r)
	}
	return src, nil
}

// bloodPressure is an Observation as clinics write it, of about 2 KB.
const bloodPressure = `{"resourceType":"Observation","id":"bp","meta":{"profile":["http://hl7.org/fhir/StructureDefinition/bp"]},
	"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Blood pressure of an invented patient, 107/60, taken sitting on the left arm, with words that stand for what a system would write here.</p></div>"},
	"identifier":[{"system":"urn:ietf:rfc:3986","value":"urn:uuid:187e0c12-8dd2-67e2-99b2-bf273c878281"}],"status":"final",
	"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],
	"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}],"text":"Blood pressure"},
	"subject":{"reference":"Patient/invented"},"effectiveDateTime":"2024-03-05T08:30:00+01:00","performer":[{"reference":"Practitioner/invented"}],
	"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"L","display":"Low"}],"text":"Below normal"}],
	"bodySite":{"coding":[{"system":"http://snomed.info/sct","code":"368209003","display":"Right arm"}]},
	"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic blood pressure"}]},
		"valueQuantity":{"value":107,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"},
		"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"Normal"}],"text":"Normal"}]},
	{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic blood pressure"}]},
		"valueQuantity":{"value":60,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"},
		"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"L","display":"Low"}],"text":"Below normal"}]}]}`

// TestBloodPressure breaks an Observation in one place after the other.
func TestBloodPressure(t *testing.T) {
	tests := []struct{ Name, Old, New, Want string }{
		{Name: "as it is"},
		{"no category", `"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],`, "", "error required Observation.category"},
		{"another category", `"code":"vital-signs","display":"Vital Signs"`, `"code":"laboratory"`, "error required Observation.category"},
		{"no subject", `"subject":{"reference":"Patient/invented"},`, "", "error required Observation.subject"},
		{"subject of another type", "Patient/invented", "Device/invented", "error structure Observation.subject"},
		{"status", `"status":"final"`, `"status":"done"`, "error code-invalid Observation.status"},
		{"not precise to the day", "2024-03-05T08:30:00+01:00", "2024-03", "error invariant Observation.effective.ofType(dateTime)"},
		{"another code", "85354-9", "8302-2", "error required Observation.code.coding"},
		{"no such code", "8480-6", "8480-7", "error code-invalid Observation.component[0].code.coding[0]\nerror required Observation.component"},
		{"another unit", `"value":60,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"`, `"value":60,"unit":"kPa","system":"http://unitsofmeasure.org","code":"kPa"`,
			"error value Observation.component[1].value.ofType(Quantity).code"},
		{"a code without its system", `"system":"http://unitsofmeasure.org","code":"mm[Hg]"},
		"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N"`, `"code":"mm[Hg]"},
		"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N"`, "error required Observation.component[0].value.ofType(Quantity).system"},
		{"value and reason why there is none", `"status":"final",`, `"status":"final","valueString":"x","dataAbsentReason":{"text":"y"},`, "error invariant Observation"},
		{"SNOMED check digit", "368209003", "368209004", "error code-invalid Observation.bodySite.coding[0]"},
		{"type of value", `"valueQuantity":{"value":107,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}`, `"valueString":"107"`, "error structure Observation.component[0].value.ofType(string)"},
		{"wrong member", `"status":"final"`, `"state":"x","status":"final"`, "error structure Observation.state"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			body := strings.Replace(bloodPressure, test.Old, test.New, 1)
			if test.Old != "" && body == bloodPressure {
				t.Fatal("the test replaces nothing")
			}
			_, issues := ofR4().ValidateJSON(context.Background(), []byte(body), validate.Request{})
			told := describe(issues)
			for want := range strings.SplitSeq(test.Want, "\n") {
				if want != "" && !strings.Contains(told, want) {
					t.Errorf("got\n%s\nwant\n%s\n%v", told, test.Want, issues)
				}
			}
			if test.Want == "" && strings.Contains(told, "error") {
				t.Errorf("got %v", issues)
			}
		})
	}
}

// TestRequired takes every required element out of some resources, one at a time,
// and each time validation must tell.
func TestRequired(t *testing.T) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	for _, text := range []string{
		bloodPressure,
		`{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"a","type":"group","item":[{"linkId":"b","type":"boolean","enableWhen":[{"question":"a","operator":"exists","answerBoolean":true}]}]}]}`,
		`{"resourceType":"Patient","contact":[{"name":{"text":"x"}}],"link":[{"other":{"reference":"Patient/2"},"type":"seealso"}],"communication":[{"language":{"text":"x"}}],"extension":[{"url":"urn:x","valueAttachment":{"title":"x"}}],
			"contained":[{"resourceType":"Condition","id":"c","subject":{"reference":"#"}}]}`,
		`{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient/1"}},{"resource":{"resourceType":"Encounter","status":"planned","class":{"code":"AMB"}},"request":{"method":"POST","url":"Encounter"}}]}`,
	} {
		r, err := codec.ParseJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if issues := ofR4().Validate(context.Background(), r, validate.Request{}); !validate.Valid(issues) {
			t.Errorf("%s: %v", text, issues)
		}
		tree, schema := r.Tree(), r4.Schema()
		removed := 0
		for _, n := range tree.Nodes {
			if n.Elem == 0 || n.KeyEnd == 0 || schema.Elements[n.Elem].Flags&fhir.Required == 0 {
				continue
			}
			start, end := n.KeyStart-1, n.End
			if tree.Src[end] == ',' {
				end++
			} else if tree.Src[start-1] == ',' {
				start--
			}
			removed++
			without := tree.Splice([]fhir.Edit{{Start: start, End: end}})
			if _, issues := ofR4().ValidateJSON(context.Background(), without, validate.Request{}); validate.Valid(issues) {
				t.Errorf("%s lacks %s, and is valid", without, schema.Elements[n.Elem].Name)
			}
		}
		if removed == 0 {
			t.Errorf("%s has no required elements", text)
		}
	}
}

// BenchmarkObservation validates a typical Observation against its profile. The
// floor is reading it.
func BenchmarkObservation(b *testing.B) {
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	r, err := codec.ParseJSON([]byte(bloodPressure))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("floor=parse", func(b *testing.B) {
		for b.Loop() {
			if _, err := codec.ParseJSON(r.JSON()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("validate", func(b *testing.B) {
		for b.Loop() {
			if issues := ofR4().Validate(context.Background(), r, validate.Request{}); !validate.Valid(issues) {
				b.Fatal(issues)
			}
		}
	})
}
