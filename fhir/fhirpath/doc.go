// Package fhirpath evaluates FHIRPath over resources: the language of
// https://hl7.org/fhirpath/N1/, functions of later releases, and what
// https://hl7.org/fhir/R4/fhirpath.html adds. docs/fhirpath.md lists all of it.
//
// [Parse] reads the language into a tree of [Expr]. [Compile] turns that into
// closures over the nodes of a [fhir.Tree]: nothing is copied out of the
// resource, and a result is an [Item], a place in the tree or a value that was
// computed.
//
//	text ──Parse──▶ Expr ──Compile──▶ Program ──Evaluate(Env, focus)──▶ items
//	                                          └─Append(value)─────────▶ items, for search
//
// Start with [Compile] and [Program.Evaluate]. Evaluation is bounded: a budget
// of steps, a limit on single values, and the end of a context. It reads nothing
// but the resource and what [Env] hands it.
//
// A file holds what belongs to one section of the language: collection.go,
// text.go, math.go, moment.go for dates and times, quantity.go and unit.go. A new
// function is a line in the table of its file.
//
// The package imports fhir only.
package fhirpath
