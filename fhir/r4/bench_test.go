package r4_test

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

func BenchmarkTypeByName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if r4.Schema().TypeByName("Observation.component") == 0 {
			b.Fatal("no type")
		}
	}
}

func BenchmarkElementsOf(b *testing.B) {
	s := r4.Schema()
	id := s.TypeByName("Observation")
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for _, e := range s.ElementsOf(id) {
			if e.Flags&fhir.Required != 0 {
				n++
			}
		}
	}
	if n == 0 {
		b.Fatal("nothing required")
	}
}
