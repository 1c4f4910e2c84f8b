package fhirpath_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/r4"
)

// observation is an invented resource of about 2 KB.
const observation = `{"resourceType":"Observation","id":"bp-1","meta":{"profile":["http://example.org/fhir/StructureDefinition/bp"],"tag":[{"system":"http://example.org/tags","code":"home"}]},
"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>Blood pressure of 142/91 mmHg, taken at home, left arm, sitting.</p></div>"},
"extension":[{"url":"http://example.org/fhir/StructureDefinition/device-battery","valueDecimal":0.82}],
"identifier":[{"system":"http://example.org/observations","value":"2026-000417"}],
"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel"},{"system":"http://snomed.info/sct","code":"75367002","display":"Blood pressure"}],"text":"Blood pressure"},
"subject":{"reference":"Patient/p1","type":"Patient","display":"Ada Example"},"encounter":{"reference":"Encounter/e9"},
"effectiveDateTime":"2026-03-04T07:15:00+01:00","issued":"2026-03-04T07:16:02.114+01:00","performer":[{"reference":"#me"},{"reference":"Practitioner/dr1"}],
"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"H"}]}],
"contained":[{"resourceType":"RelatedPerson","id":"me","patient":{"reference":"Patient/p1"},"name":[{"family":"Example"}]}],
"bodySite":{"coding":[{"system":"http://snomed.info/sct","code":"368208006","display":"Left arm"}]},
"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic"}]},"valueQuantity":{"value":142,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4","display":"Diastolic"}]},"valueQuantity":{"value":91.50,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}`

func parse(tb testing.TB, json string) *fhir.Resource {
	tb.Helper()
	r, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(json))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// searches are expressions as search parameters have them.
var searches = []string{
	"Observation.code",
	"Observation.subject.where(resolve() is Patient)",
	"(Observation.value as Quantity) | (Observation.component.value as Quantity)",
	"Observation.component.code.coding",
}

func TestSearchAllocations(t *testing.T) {
	const most = 4 // there are 0 to 2; the race detector makes more
	r := parse(t, observation)
	for _, src := range searches {
		p, err := fhirpath.Compile(r4.Schema(), src)
		if err != nil {
			t.Fatal(err)
		}
		var buf [8]fhirpath.Item
		if got := testing.AllocsPerRun(100, func() { p.Append(buf[:0], r.Root(), r.Root()) }); got > most {
			t.Errorf("%s: %v allocations, at most %v expected", src, got, most)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	r := parse(b, observation)
	for _, src := range searches {
		b.Run(src, func(b *testing.B) {
			p, err := fhirpath.Compile(r4.Schema(), src)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			var buf [8]fhirpath.Item
			for b.Loop() {
				p.Append(buf[:0], r.Root(), r.Root())
			}
		})
	}
}

func BenchmarkEvaluate(b *testing.B) {
	r := parse(b, observation)
	for _, src := range []string{
		"Observation.status",
		"component.all(value.value > 60 and value.value < 200.5)",
		"descendants().where($this is Coding).code.distinct().count()",
		"component.value.select((value / 7.5006).round(1).toString()).join(', ')",
	} {
		b.Run(src, func(b *testing.B) {
			p, err := fhirpath.Compile(r4.Schema(), src)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Evaluate(context.Background(), &fhirpath.Env{}, fhirpath.Node(r.Root())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
