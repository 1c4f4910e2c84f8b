// Package mappings holds the translations that every outside format of
// laboratories and registries shares: units as laboratories write them, hormones
// and their canonical units, diagnosis codes, and codes that do not mean what they
// are used for. They are tables, each with its sources, and one function each.
//
// What a table does not have is told apart from what it has: nothing is guessed.
// Numbers are exact; a unit is never changed without its number, and mass is never
// taken for moles. The package imports fhir.
package mappings

import (
	"embed"
	"encoding/json"
)

//go:embed *.json
var files embed.FS

// read decodes a table, which is part of the binary.
func read[T any](name string) T {
	var table T
	text, err := files.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, &table)
	}
	if err != nil {
		panic("mappings: " + name + ": " + err.Error())
	}
	return table
}
