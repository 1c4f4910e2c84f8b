// Package transfer moves many resources at once: from files into a server
// ([Import]), from a store into files ([Export]), and from store to store with all
// versions ([Copy]).
//
// What is imported becomes Bundles, whatever it was: a batch or transaction is
// passed on as it is, single resources are gathered into transactions, or into
// batches for a target that has no transactions. So there is one thing for a
// [Target] to do, and it is what a POST to the FHIR base does.
//
//	files ─▶ items (file, line, JSON) ─▶ units (Bundles) ─▶ Target
//	                                        │ failed for what is not there yet
//	                                        └──▶ again, after all others
//
// The package knows resources only by their type and id. It imports fhir,
// fhir/search and store, and no database.
package transfer
