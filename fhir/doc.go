// Package fhir is the vocabulary of FHIR R4: resources, keys, dates, decimals,
// issues and the kinds of error.
//
// A client's resource is never decoded into a struct. [Codec] reads its JSON
// once, strictly, into a flat [Tree] over the bytes received and ties every node
// to its definition in a [Schema]. Policy, index, validation, XML and storage
// all walk that one tree, and the bytes go back out as they came in, with only
// id and meta patched ([Stampable]).
//
//	bytes ──ParseJSON──▶ Tree (nodes: kind, span, element definition)
//	                       ├─▶ search.Registry.Index   keys
//	                       ├─▶ Codec.AppendXML         XML
//	                       └─▶ Stamp                   bytes to store and to send
//
// The definitions themselves are data in package fhir/r4. This package imports
// nothing of ours.
package fhir
