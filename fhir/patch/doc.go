// Package patch changes resources by the patch formats of
// https://hl7.org/fhir/R4/http.html#patch.
//
// [Apply] is JSON Patch (RFC 6902). It works on the bytes of a JSON document and
// knows nothing of FHIR: what it leaves alone keeps its order, its number
// literals and its escapes, and whether the outcome is a resource is for
// [fhir.Codec] to say. An operation that empties an array, say, leaves "[]",
// which FHIR then refuses.
//
// [ApplyFHIRPath] is FHIRPath Patch. It knows the definitions: values must have
// the type of the element they are for, and what gets empty goes.
//
// [ApplyXML] is XML Patch (RFC 5261). It works on the XML form of a resource.
//
// All three return JSON. The package may import fhir and fhir/fhirpath.
package patch
