// Package search turns FHIR search into plain values.
//
// On the way in, [Parse] reads a query string into a [Query]. On the way out,
// [Registry.Index] lists the keys a resource can be found by. A store needs
// nothing else: it keeps the keys beside the resource and answers queries by
// ranging over them. [Query.Matches] is the definition of what a match is; the
// brute-force oracle calls it, and every store must agree with it.
//
//	GET /Patient?name=Ada ──Parse──▶ Query ─┐ key ranges
//	                                        ├─▶ store ─▶ matches
//	Patient{name: Ada} ──────Index──▶ keys ─┘
//
// # Keys
//
// A key is a byte string: path (4 bytes), form (1 byte), payload. The path
// identifies what is indexed, "Observation/subject" say, and not the parameter:
// parameters that read the same elements (subject, patient) share keys, and a
// parameter whose expression is a union is an OR over its paths. The form says
// how the value is written; payloads of equality forms are hashes, those of
// ordered forms sort like the values. What ranges cannot decide exactly is
// decided by Matches on the resource itself; a clause says whether it needs that.
//
// The package imports fhir and fhirpath, and nothing that does I/O.
package search
