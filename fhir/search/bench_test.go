package search_test

import (
	"encoding/json"
	"os"
	"testing"
)

// BenchmarkIndex measures what a write costs before the store: reading,
// checking and indexing a laboratory result of 1.6 KB. The floors are what
// encoding/json takes to look at the same bytes.
func BenchmarkIndex(b *testing.B) {
	data, err := os.ReadFile("testdata/observation.json")
	if err != nil {
		b.Fatal(err)
	}
	reg := registry(b)
	b.Run("floor/valid", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			json.Valid(data)
		}
	})
	b.Run("floor/map", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m map[string]any
			if err := json.Unmarshal(data, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
	r := parseResource(b, string(data))
	b.Run("parse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := codec.ParseJSON(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("keys", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			reg.Index(r)
		}
		b.ReportMetric(float64(len(reg.Index(r).Keys)), "rows")
	})
	b.Run("parse+keys", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r, err := codec.ParseJSON(data)
			if err != nil {
				b.Fatal(err)
			}
			reg.Index(r)
		}
	})
}
