// Package fhirpath evaluates FHIRPath over resources.
//
// [Parse] reads the whole language of https://hl7.org/fhirpath/N1/ into a tree
// of [Expr]. [Compile] turns that into closures over the nodes of a
// [fhir.Tree]: nothing is copied out of the resource, and a result is an [Item],
// a place in the tree or a value that was computed.
//
//	text ──Parse──▶ Expr ──Compile──▶ Program ──Append(value)──▶ items
//
// So far Compile knows what the search parameters of R4 are written in: paths
// through choices, type tests and filters, unions, indexers, equality, logic,
// exists, extension and a resolve that goes by the text of a reference. Whatever
// else is written is refused with its position, never answered wrongly.
//
// The package imports fhir only.
package fhirpath
