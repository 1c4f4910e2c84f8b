package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/sqlite"
	"github.com/noafhir/noafhir/store/storetest"
)

// Pages of large resources end early, and a walk over them misses nothing.
func TestLargePages(t *testing.T) {
	const resources, each = 12, 5 << 20
	reg := storetest.NewRegistry(t)
	s := openAt(t, temp(t), sqlite.Options{Registry: reg, Synchronous: "NORMAL"})
	t.Cleanup(func() { _ = s.Close() })
	data := strings.Repeat("YWFh", each/4)
	for i := range resources {
		id := fmt.Sprintf("b%d", i)
		r, err := reg.Codec.ParseJSON([]byte(`{"resourceType":"Binary","id":"` + id + `","contentType":"text/plain","data":"` + data + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Put(t.Context(), search.Everything(), store.Prepare(reg, r, id, "PUT")); err != nil {
			t.Fatal(err)
		}
	}
	walk := func(what string, page func(after search.Position) (*store.Page, error)) {
		var after search.Position
		found := map[fhir.Key]bool{}
		for pages := 0; pages <= resources; pages++ {
			p, err := page(after)
			if err != nil {
				t.Fatal(err)
			}
			size := 0
			for _, v := range p.Versions {
				found[v.Key] = true
				size += len(v.Body)
			}
			if size >= store.PageBytes+each+1000 {
				t.Errorf("%s: a page has %d bytes", what, size)
			}
			if after = p.Next; after == nil {
				break
			}
		}
		if len(found) != resources {
			t.Errorf("%s: found %d of %d", what, len(found), resources)
		}
	}
	for _, sort := range []string{"", "_id", "-_lastUpdated"} {
		walk("search by "+sort, func(after search.Position) (*store.Page, error) {
			params := [][2]string{{"_count", "1000"}}
			if sort != "" {
				params = append(params, [2]string{"_sort", sort})
			}
			q, err := search.Parse(reg, "Binary", params, search.Options{})
			if err != nil {
				t.Fatal(err)
			}
			q.After = after
			return s.Search(t.Context(), search.Everything(), q)
		})
	}
	walk("history", func(after search.Position) (*store.Page, error) {
		return s.History(t.Context(), search.Everything(), store.HistoryQuery{Count: 1000, After: after})
	})
}
