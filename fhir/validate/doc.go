// Package validate judges resources by StructureDefinitions: the definitions of
// FHIR R4 always, and the profiles that a resource claims or a caller names.
//
//	StructureDefinition ──compile, once──▶ elements ──walk(resource)──▶ issues
//
// A definition becomes a tree of elements that hold nothing but rules, with
// FHIRPath compiled. A resource is walked by the definition of its type first;
// a profile is then walked by only those of its rules that its type does not
// have already. So a profile costs what it adds, and nothing is told twice.
//
// Start with [New] and [Validator.Validate]. docs/validation.md tells what is
// checked and how severe it is. A file holds what belongs to one kind of rule:
// slicing.go, extension.go, reference.go, binding.go, bundle.go and so on.
//
// The package does no I/O: definitions come from a [Source], codes are judged by
// [Terms], and other resources are found by [Request].Resolve.
package validate
