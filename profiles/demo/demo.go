// Package demo holds the demo patients: four invented journeys through the care
// that this server is for, as plain R4 resources.
//
//	facility   the clinic, its staff, the tank and the cryoprotectant
//	patient A  Adam Doe, 47,XXY: the whole pathway with his partner Bea Roe
//	patient B  Ben Poe, AZFa deletion: surgery is contraindicated
//	patient C  Carl Moe: a first attempt without sperm, three plans for a second
//	patient D  Dan Loe: a mistranslated diagnosis that waits for a person
//
// They are data, one transaction Bundle a file, and every resource has a fixed
// id, so loading them twice makes no second copies. Local codes stand under the
// placeholder https://noa-fhir.example.org. The package imports nothing of ours.
package demo

import "embed"

//go:embed data
var data embed.FS

// order is the order of loading: each file refers only to itself and to those
// before it.
var order = []string{"facility", "patient-a", "patient-b", "patient-c", "patient-d"}

// Bundles returns the transaction Bundles, as JSON, in the order in which they
// must be loaded. The caller owns the bytes.
func Bundles() [][]byte {
	bundles := make([][]byte, len(order))
	for i, name := range order {
		b, err := data.ReadFile("data/" + name + ".json")
		if err != nil {
			panic(err) // the file is part of the binary
		}
		bundles[i] = b
	}
	return bundles
}
