package main

import (
	"bytes"
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
func loadDemo(ctx context.Context, server *handlers.Server, st store.Store, out io.Writer, base string) error {
	for i, bundle := range demo.Bundles() {
		key, err := firstKey(bundle)
		if err != nil {
			return fmt.Errorf("demo bundle %d: %w", i, err)
		}
		_, err = st.Read(ctx, everything, key)
		switch kind := fhir.KindOf(err); {
		case err == nil, kind == fhir.Gone:
			continue
		case kind != fhir.NotFound:
			return err
		}
		if !st.Traits().Transactions {
			bundle = asBatch(bundle)
		}
		resp, err := server.Process(ctx, everything, bundle)
		if err == nil {
			err = eachStored(resp.Body)
		}
		if err != nil {
			return fmt.Errorf("demo bundle %d: %w", i, err)
		}
	}
	fmt.Fprintf(out, demoText, base)
	return nil
}

// asBatch returns one of our transactions as a batch: its entries are updates that
// refer to each other by their ids.
func asBatch(bundle []byte) []byte {
	return bytes.Replace(bundle, []byte(`"type": "transaction"`), []byte(`"type": "batch"`), 1)
}

// eachStored returns an error unless every entry of a response says success.
func eachStored(response []byte) error {
	tree, err := fhir.ScanJSON(response, noLimits)
	if err != nil {
		return err
	}
	for e := range tree.Root().Get("entry").Children {
		if status := e.Get("response").Get("status").Text(); !strings.HasPrefix(status, "2") {
			return fmt.Errorf("an entry was answered with %s", status)
		}
	}
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
