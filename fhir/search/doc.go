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
// Every value has a key, if only one that says it is there: so :missing is a
// range as well. [TypeKey] lists a type, [CompartmentKey] a patient's records.
// Contained resources have their keys among those of their container, behind a mark.
//
// The paths of a type's parameters are joined in a trie over its elements, so
// that one walk over a resource finds all keys. The few expressions that are no
// paths are evaluated one by one. Which keys are made of what is identified by
// [Registry.Fingerprint].
//
// # Where R4 leaves a choice
//
//   - Codes are compared with regard to case; strings and contact points searched
//     as tokens without, contact points also without spaces and punctuation.
//   - A code whose element is bound to one code system has that system.
//   - Strings are compared without regard to case, accents, punctuation and extra
//     white space.
//   - Dates without a time zone are in UTC. An instant with a fraction of a second
//     is a point; any other date is as long as its precision. A period without one
//     end is open there. Of a Timing the outer limits count.
//   - A quantity with a comparator is open on that side. Quantities in units of
//     UCUM are compared in a unit common to their kind.
//   - A reference that names a version is found without it as well.
//   - A contained resource has no logical id: a chain by _id leads to none.
//
// # Where to change what
//
// Each type of parameter has a file with its parser, its keys and its matching
// side by side: token.go, reference.go, string.go, date.go, number.go,
// quantity.go, uri.go, composite.go, near.go; :text and :of-type are in display.go,
// :above and :below on references in hierarchy.go.
// Modifiers are rows in modifier.go. Conditions on other resources are in link.go,
// on resources within others in nested.go and contained.go,
// _filter in filter.go, _text and _content in text.go. A change of keys raises
// keyFormat.
//
// The package imports fhir and fhirpath, and nothing that does I/O.
package search
