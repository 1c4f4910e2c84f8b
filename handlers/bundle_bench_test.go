package handlers

import (
	"context"
	"strconv"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
)

// BenchmarkTransaction stores a patient with 99 observations, each of which names
// the patient by a URN and a practitioner by its identifier. The store does not
// wait for the disk.
func BenchmarkTransaction(b *testing.B) {
	t := newBundleTest(b, Options{})
	t.done(entryText{does: "POST Practitioner", with: `{"resourceType":"Practitioner","identifier":[{"system":"http://example.org/npi","value":"1"}]}`})
	entries := []entryText{{url: urnA, does: "POST Patient", with: patientText("1")}}
	for i := range 99 {
		entries = append(entries, entryText{url: "urn:uuid:cccccccc-0000-4000-8000-" + strconv.Itoa(100_000_000_000+i), does: "POST Observation",
			with: `{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],` +
				`"code":{"coding":[{"system":"http://loinc.org","code":"15067-2","display":"Follitropin"}]},"subject":{"reference":"` + urnA + `"},` +
				`"effectiveDateTime":"2020-01-0` + strconv.Itoa(1+i%9) + `T08:00:00Z","performer":[{"reference":"Practitioner?identifier=http://example.org/npi|1"}],` +
				`"valueQuantity":{"value":4.` + strconv.Itoa(i) + `,"unit":"IU/L","system":"http://unitsofmeasure.org","code":"[IU]/L"}}`})
	}
	bundle := []byte(bundleText("transaction", entries...))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.server.Process(context.Background(), search.Everything(), bundle); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(entries)*b.N)/b.Elapsed().Seconds(), "resources/s")
}
