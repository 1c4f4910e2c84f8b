// Package storetest holds the contract of [store.Store] as tests that every
// store passes.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { return openTemp(t) }, registry)
//	}
//
// A store that has no transactions ([store.Traits]) is held to refuse them.
//
// [RunArchive] is the same for [store.Archive]: stores that can be copied.
//
// What a store should have answered is told by [Memory], the brute-force oracle:
// a store that keeps everything in a slice, looks at all of it for every question
// and asks [search.Query.Matches] what a match is. It is as simple and as slow as
// that sounds, and useful where a test needs a store and cares for no database.
//
// The searches in testdata are scripts that a clinician can read:
//
//	put {"resourceType":"Patient","id":"jose","name":[{"given":["José"]}]}
//
//	# Accents do not matter.
//	find Patient?given=jose
//	    Patient/jose
//
//	refuse Patient?given:below=jose
//
// The package imports store, fhir, fhir/r4 and fhir/search.
package storetest
