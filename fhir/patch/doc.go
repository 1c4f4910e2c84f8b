// Package patch changes resources by the patch formats of
// https://hl7.org/fhir/R4/http.html#patch.
//
// [Apply] is JSON Patch (RFC 6902). It works on the bytes of a JSON document and
// knows nothing of FHIR: what it leaves alone keeps its order, its number
// literals and its escapes, and whether the outcome is a resource is for
// [fhir.Codec] to say. An operation that empties an array, say, leaves "[]",
// which FHIR then refuses.
//
// FHIRPath Patch and XML Patch are to stand here as well, each a function with
// a file of its own, working on checked trees; they need the FHIRPath engine.
//
// Start with [Apply]. The package may import fhir and fhir/fhirpath.
package patch
