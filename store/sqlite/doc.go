// Package sqlite keeps a store in one SQLite file.
//
// It needs no set-up: [Open] makes the file, its tables and what a newer program
// wants changed in them. One program at a time may have a file open.
//
//	Put, Delete, Update ──queue──▶ writer ──▶ one transaction for many units
//	Read, Search, History ──▶ connections of their own, which never wait for it
//
// Writes queue for a single goroutine, which runs all that wait in one
// transaction, makes them durable with one fsync and then answers. A unit that
// fails after it has written is undone alone.
//
// What the tables are stands in schema.go, how the index is kept in keys.go, how
// a search finds its way in plan.go, how it sorts in sorted.go.
//
// The package imports store, fhir and fhir/search, and modernc.org/sqlite, which
// is SQLite translated to Go.
package sqlite
