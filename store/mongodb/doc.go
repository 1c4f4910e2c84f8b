// Package mongodb keeps resources in a MongoDB database, or one that speaks its
// protocol, so that many servers can work on the same records.
//
// The collection cur has one document for each resource there ever was: its
// newest version with its body, and the keys it is found by as an array of
// strings with a multikey index. What was superseded is in hist. A single write
// is one atomic replacement of a document in cur that demands the version it was
// made from; units of several writes are transactions of the database, and
// refused where it has none. Bodies that are too large for a document lie in
// GridFS.
//
// What of a search the keys do not decide is asked of [search.Query.Matches].
//
// What the documents are stands in document.go, which collections and indexes there
// are in schema.go, how a search finds its way in plan.go, how the index follows
// changed search parameters in watch.go.
//
// The package imports store and what it builds on, and MongoDB's driver.
package mongodb
