package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/profiles/demo"
	"github.com/noafhir/noafhir/store"
)

// everything is what the operator of this process may see and change.
var everything = search.Everything()

// loadDemo stores the demo patients, except those that are there already or have
// been deleted, and tells how to look at them.
func loadDemo(ctx context.Context, server *handlers.Server, reader store.Reader, out io.Writer, base string) error {
	for i, bundle := range demo.Bundles() {
		key, err := firstKey(bundle)
		if err != nil {
			return fmt.Errorf("demo bundle %d: %w", i, err)
		}
		_, err = reader.Read(ctx, everything, key)
		switch kind := fhir.KindOf(err); {
		case err == nil, kind == fhir.Gone:
			continue
		case kind != fhir.NotFound:
			return err
		}
		if _, err := server.Process(ctx, everything, bundle); err != nil {
			return fmt.Errorf("demo bundle %d: %w", i, err)
		}
	}
	fmt.Fprintf(out, demoText, base)
	return nil
}

// firstKey returns the key of the first resource that a Bundle updates.
func firstKey(bundle []byte) (fhir.Key, error) {
	tree, err := fhir.ScanJSON(bundle, noLimits)
	if err != nil {
		return fhir.Key{}, err
	}
	url := tree.Root().Get("entry").First().Get("request").Get("url").Text()
	typ, id, ok := strings.Cut(url, "/")
	if !ok {
		return fhir.Key{}, errors.New("its first entry is no update")
	}
	return fhir.Key{Type: typ, ID: id}, nil
}

const demoText = `
  noafhir is serving invented patients at

    %[1]s

  For example:

    curl '%[1]s/Patient?_pretty=true'
    curl '%[1]s/Patient?name=doe'
    curl '%[1]s/Observation?subject=Patient/adam-doe&_count=5'
    curl '%[1]s/Patient/adam-doe/_history'
    curl '%[1]s/metadata?_summary=true'

  There are no logins: whoever reaches this address may do everything.
  Stop it with Ctrl-C.

`
