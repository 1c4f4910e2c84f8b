// Package handlers is the REST interface of
// https://hl7.org/fhir/R4/http.html: the interactions, and HTTP around them.
//
// An interaction is a function of a request and a unit of work. It knows no
// HTTP server and no resource type, so a route, a bundle entry and a test run
// the same code. [Server.perform] picks it from a table by method and address;
// the table also makes the CapabilityStatement, so that what is said is what is
// done.
//
//	HTTP ──exchange──▶ Request ──perform──▶ interaction ──▶ store
//	HTTP ◀──answer─── Response ◀───────────────┘
//
// An exchange is one HTTP request: it negotiates formats, reads the body,
// presents the response or the error, and is what the access log is about. Gin
// is seen in gin.go only.
//
// Responses are made of the bytes the store keeps. A resource is parsed on its
// way in, and on its way out only if a client wants XML or a part of it.
package handlers
