// Package terminology says which codes are in a value set and which code subsumes
// which, from CodeSystem and ValueSet resources.
//
// [New] makes a [Terminology] over a [Source], which finds the resources; nothing
// is remembered between two of them. What is not known, or known in part only, is
// an error, never an answer with less in it.
//
// The package imports fhir, and nothing that does I/O.
package terminology
