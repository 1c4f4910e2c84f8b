package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/profiles"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/sqlite"
)

// definitions are what every command knows of R4.
type definitions struct {
	codec    *fhir.Codec
	registry *search.Registry
}

// loadDefinitions compiles the definitions that are part of the binary.
func loadDefinitions(limits fhir.Limits) (definitions, error) {
	codec := fhir.NewCodec(r4.Schema(), limits)
	registry, err := search.NewRegistry(codec, slices.Concat(codec.Schema.SearchParams, profiles.SearchParams()))
	if err != nil {
		return definitions{}, fmt.Errorf("compiling the search parameters: %w", err)
	}
	return definitions{codec, registry}, nil
}

// A database is a store with what commands ask of it beyond the contract.
type database interface {
	store.Store

	// Registry returns the search parameters that all resources are indexed by.
	Registry() *search.Registry

	// ID tells the database from any other. It is made with it and stays.
	ID(ctx context.Context) (string, error)

	// Reindex makes the search index anew.
	Reindex(ctx context.Context, progress func(done, total int64)) error
}

// openStore opens the store of the settings, which have been checked. Bulk says
// that many resources are about to be written.
func (c *settings) openStore(ctx context.Context, d definitions, bulk bool, log *slog.Logger) (database, error) {
	if isMongoDB(c.Store.Reveal()) {
		return mongodb.Open(ctx, c.Store.Reveal(), mongodb.Options{
			Registry: d.registry,
			NoDDL:    c.NoDDL,
			Logger:   log,
		})
	}
	return sqlite.Open(sqlitePath(c.Store.Reveal()), sqlite.Options{
		Registry:    d.registry,
		Synchronous: c.Synchronous,
		Bulk:        bulk,
		Logger:      log,
	})
}

// openArchive opens the store of an address, which has been checked, to copy it
// or to make it a copy.
func (c *settings) openArchive(ctx context.Context, address string, d definitions) (store.Archive, error) {
	if isMongoDB(address) {
		return mongodb.Open(ctx, address, mongodb.Options{Registry: d.registry, NoDDL: c.NoDDL, Archive: true})
	}
	return sqlite.Open(sqlitePath(address), sqlite.Options{
		Registry:    d.registry,
		Synchronous: c.Synchronous,
		Bulk:        true,
		Archive:     true,
	})
}

// isMongoDB reports whether an address is of a store in MongoDB.
func isMongoDB(address string) bool {
	return strings.HasPrefix(address, "mongodb://") || strings.HasPrefix(address, "mongodb+srv://")
}

// sqlitePath returns the path in the address of a store in SQLite.
func sqlitePath(address string) string { return strings.TrimPrefix(address, "sqlite:") }

// storeExists refuses a store that is not there, for commands that only make
// sense on one that is: opening it would make an empty one.
func (c *settings) storeExists(ctx context.Context) error { return exists(ctx, c.Store.Reveal()) }

// exists is storeExists for any address.
func exists(ctx context.Context, address string) error {
	if isMongoDB(address) {
		there, err := mongodb.Exists(ctx, address)
		if err == nil && !there {
			err = errors.New("there is no store: the database has no collections")
		}
		return err
	}
	if _, err := os.Stat(sqlitePath(address)); err != nil {
		return fmt.Errorf("there is no store: %w", err)
	}
	return nil
}
