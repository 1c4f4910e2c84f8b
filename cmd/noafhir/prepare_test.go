package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNormalisedImport imports results of a man, a boy and a woman, with the
// settings about hormones on and off.
func TestNormalisedImport(t *testing.T) {
	dir := t.TempDir()
	patients := `{"resourceType":"Patient","id":"man","gender":"male","birthDate":"1989-04-12"}
{"resourceType":"Patient","id":"boy","gender":"male","birthDate":"2999"}
{"resourceType":"Patient","id":"woman","gender":"female","birthDate":"1991"}
`
	var results strings.Builder
	for _, who := range []string{"man", "boy", "woman", "nobody"} {
		results.WriteString(`{"resourceType":"Observation","id":"` + who + `","meta":{"profile":["https://noa-fhir.example.org/StructureDefinition/noa-hormone"]},"status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2986-8"}]},"subject":{"reference":"Patient/` + who + `"},"effectiveDateTime":"2025-07-01T09:30:00Z","valueQuantity":{"value":176,"unit":"ng/dl"}}` + "\n")
	}
	first, then := filepath.Join(dir, "patients.ndjson"), filepath.Join(dir, "results.ndjson")
	for name, text := range map[string]string{first: patients, then: results.String()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		args []string
		want map[string]string // words that the result of that patient has, or with ! has not
	}{
		{name: "by default", want: map[string]string{"man": "6.10 !default-range !not-morning"}},
		{name: "ranges and zone", args: []string{"--default-ranges", "--facility-zone", "Europe/Berlin"}, want: map[string]string{
			"man": "6.10 default-range not-morning", "boy": "6.10 !default-range", "woman": "6.10 !default-range", "nobody": "6.10 !default-range",
		}},
		{name: "off", args: []string{"--normalise-hormones=false"}, want: map[string]string{"man": "!6.10 !not-morning"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			store := "sqlite:" + filepath.Join(t.TempDir(), "a.db")
			for _, file := range []string{first, then} {
				args := append([]string{"import", "--store", store}, test.args...)
				if code, _, errs := runHere(t, nil, append(args, file)...); code != 0 {
					t.Fatalf("import: exit code %d, %s", code, errs)
				}
			}
			for _, line := range exported(t, store)["Observation.ndjson"] {
				for who, words := range test.want {
					if !strings.Contains(line, `"id":"`+who+`"`) {
						continue
					}
					for word := range strings.FieldsSeq(words) {
						word, not := strings.CutPrefix(word, "!")
						if strings.Contains(line, word) == not {
							t.Errorf("%s: %q is there: %t\n%s", who, word, !not, line)
						}
					}
				}
			}
		})
	}
}
