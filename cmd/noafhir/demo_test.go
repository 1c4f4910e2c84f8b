package main

import (
	"bytes"
	"io"
	"testing"

	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/profiles/demo"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/storetest"
)

// TestDemoWithoutTransactions wants the same demo patients on every store.
func TestDemoWithoutTransactions(t *testing.T) {
	defs, err := loadDefinitions(noLimits)
	if err != nil {
		t.Fatal(err)
	}
	totals := map[int64]bool{}
	for _, st := range []store.Store{storetest.NewMemory(defs.registry), storetest.NewSingleMemory(defs.registry)} {
		server, err := handlers.New(handlers.Options{Store: st, Registry: defs.registry, Codec: defs.codec, BaseURL: "http://localhost/fhir", Access: handlers.Open})
		if err != nil {
			t.Fatal(err)
		}
		if err := loadDemo(t.Context(), server, st, io.Discard, "http://localhost/fhir"); err != nil {
			t.Fatal(err)
		}
		page, err := st.History(t.Context(), everything, store.HistoryQuery{Count: 1000})
		if err != nil {
			t.Fatal(err)
		}
		totals[int64(len(page.Versions))] = true
	}
	if len(totals) != 1 || totals[0] {
		t.Errorf("the numbers of versions differ, or are none: %v", totals)
	}
	for i, bundle := range demo.Bundles() {
		if bytes.Equal(bundle, asBatch(bundle)) {
			t.Errorf("bundle %d is no transaction", i)
		}
	}
}

func TestEachStored(t *testing.T) {
	for body, want := range map[string]bool{
		`{"entry":[{"response":{"status":"201 Created"}}]}`:                                   true,
		`{"entry":[{"response":{"status":"200"}},{"response":{"status":"400 Bad Request"}}]}`: false,
		`{"entry":[{}]}`: false,
		`{`:              false,
	} {
		if err := eachStored([]byte(body)); (err == nil) != want {
			t.Errorf("%s: got %v", body, err)
		}
	}
}
