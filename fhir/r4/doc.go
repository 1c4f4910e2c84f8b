// Package r4 holds the definitions of FHIR R4 (4.0.1) as tables: every type and
// element, search parameter, compartment and operation.
//
// The tables are constants of the program. They cost nothing at start: there is
// nothing to parse and nothing to fill in, and pages nobody reads are never
// loaded. Begin with [Schema].
//
// The files *_gen.go come from the package that HL7 publishes; go generate
// writes them again. The package imports fhir only.
package r4

//go:generate go run ../../internal/generate/r4tables

import "github.com/noafhir/noafhir/fhir"

var schema = fhir.Schema{
	Types:        types,
	Elements:     elements,
	TargetSets:   targetSets,
	Bindings:     bindings,
	SearchParams: searchParams,
	Compartments: compartments,
	Operations:   operations,
}

// Schema returns the definitions of R4. All callers share the one value; nobody
// may change it.
//
// Search parameters are sorted by code, then URL. A code is defined once for a
// type; but a resource type also has the parameters of Resource and
// DomainResource. Targets, bases and parameter lists are sorted.
func Schema() *fhir.Schema { return &schema }
