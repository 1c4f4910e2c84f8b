package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/search"
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
	registry, err := search.NewRegistry(codec, codec.Schema.SearchParams)
	if err != nil {
		return definitions{}, fmt.Errorf("compiling the search parameters: %w", err)
	}
	return definitions{codec, registry}, nil
}

// openStore opens the store of the settings, which have been checked. Bulk says
// that many resources are about to be written.
func (c *settings) openStore(d definitions, bulk bool, log *slog.Logger) (*sqlite.Store, error) {
	return sqlite.Open(c.storePath(), sqlite.Options{
		Registry:    d.registry,
		Synchronous: c.Synchronous,
		Bulk:        bulk,
		Logger:      log,
	})
}

// storePath returns where the database of the settings is.
func (c *settings) storePath() string { return strings.TrimPrefix(c.Store.Reveal(), "sqlite:") }

// storeExists refuses a store that is not there, for commands that only make
// sense on one that is: opening it would make an empty one.
func (c *settings) storeExists() error {
	if _, err := os.Stat(c.storePath()); err != nil {
		return fmt.Errorf("there is no store: %w", err)
	}
	return nil
}
