package handlers_test

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/store"
)

// next returns the address of the next page relative to the base, or nothing.
func (r *reply) next() string { return r.link("next") }

// link returns the address of a link relative to the base, or nothing.
func (r *reply) link(relation string) string {
	for i := 0; ; i++ {
		switch r.at(fmt.Sprintf("link.%d.relation", i)) {
		case "":
			return ""
		case relation:
			address, _ := strings.CutPrefix(r.at(fmt.Sprintf("link.%d.url", i)), base+"/")
			return address
		}
	}
}

// pages follows next links and returns what stands at a path of each entry.
func (c *client) pages(t *testing.T, address, path string) [][]string {
	t.Helper()
	var all [][]string
	for address != "" && len(all) < 100 {
		got := c.send("GET "+address, "")
		if got.status != 200 {
			t.Fatalf("GET %s: status %d\n%s", address, got.status, got.body)
		}
		var page []string
		for i := 0; got.at("entry."+strconv.Itoa(i)) != ""; i++ {
			page = append(page, got.at("entry."+strconv.Itoa(i)+"."+path))
		}
		all = append(all, page)
		address = got.next()
	}
	return all
}

// put makes a patient of each id.
func (c *client) put(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if got := c.send("PUT Patient/"+id, `{"resourceType":"Patient","id":"`+id+`"}`); got.status > 201 {
			t.Fatalf("status %d\n%s", got.status, got.body)
		}
	}
}

func TestSearchPages(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.put(t, "a", "b", "c", "d", "e")
		c.send("PUT Observation/o", `{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"}}`)

		t.Run("walk", func(t *testing.T) {
			for count, want := range map[string][]int{"1": {1, 1, 1, 1, 1}, "2": {2, 2, 1}, "5": {5}, "6": {5}} {
				for _, sort := range []string{"", "&_sort=_id", "&_sort=-_id", "&_sort=_lastUpdated", "&_sort=-_lastUpdated"} {
					pages := c.pages(t, "Patient?_count="+count+sort, "resource.id")
					var sizes []int
					for _, page := range pages {
						sizes = append(sizes, len(page))
					}
					ids := slices.Concat(pages...)
					if !slices.Equal(sizes, want) {
						t.Errorf("_count=%s%s: pages of %v, want %v", count, sort, sizes, want)
					}
					switch sort {
					case "&_sort=-_id", "&_sort=-_lastUpdated":
						slices.Reverse(ids)
					case "":
						slices.Sort(ids)
					}
					if got := strings.Join(ids, ""); got != "abcde" {
						t.Errorf("_count=%s%s: got %s", count, sort, got)
					}
				}
			}
		})

		c.saved["next"] = c.send("GET Patient?_count=2", "").next()
		c.saved["sorted"] = c.send("GET Patient?_count=2&_sort=-_id", "").next()
		c.saved["cursor"] = c.saved["next"][strings.Index(c.saved["next"], "_cursor="):]
		changed := []byte(c.saved["cursor"])
		changed[12] ^= 1
		c.saved["changed"] = string(changed)
		c.walk(t, []step{
			{
				Name: "a searchset", Send: "GET Patient?_id=a", Status: 200,
				Has: []string{"resourceType = Bundle", "type = searchset", "total = 1", "entry.0.fullUrl = {base}/Patient/a", "entry.0.resource.id = a", "entry.0.search.mode = match", "link.0.relation = self", "link.0.url = {base}/Patient?_id=a"},
			},
			{Name: "nothing found", Send: "GET Patient?_id=z", Status: 200, Has: []string{"total = 0", "entry ="}},
			{Name: "no total", Send: "GET Patient?_count=2", Status: 200, Has: []string{"total ="}},
			{Name: "a free total", Send: "GET Patient?_count=5", Status: 200, Has: []string{"total = 5"}},
			{Name: "a total", Send: "GET Patient?_count=2&_total=accurate", Status: 200, Has: []string{"total = 5"}},
			{Name: "an estimate", Send: "GET Patient?_count=2&_total=estimate", Status: 200, Has: []string{"total = 5", "link.0.url = {base}/Patient?_count=2&_total=accurate", "entry.2.search.mode = outcome"}},
			{Name: "a total that nobody wants", Send: "GET Patient?_total=none", Status: 200, Has: []string{"total =", "link.0.url = {base}/Patient?_total=none"}},
			{Name: "some other total", Send: "GET Patient?_total=yes", Status: 400},
			{Name: "only the number", Send: "GET Patient?_summary=count", Status: 200, Has: []string{"total = 5", "entry ="}},
			{Name: "none of them", Send: "GET Patient?_count=0", Status: 200, Has: []string{"total = 5", "entry ="}},
			{Name: "only how many", Send: "GET Patient?_summary=count&_include=Patient:organization&_revinclude:iterate=Observation:subject&_sort=family&_total=none", Status: 200, Has: []string{"total = 5", "entry =", "link.0.url = {base}/Patient?_summary=count"}},
			{Name: "a key there is not, leniently", Send: "GET Patient?_sort=-height,_id&_count=1", With: []string{"Prefer: handling=lenient"}, Status: 200, Text: "height", Has: []string{"link.0.url = {base}/Patient?_sort=_id&_count=1", "entry.1.search.mode = outcome"}},
			{Name: "a key there is not", Send: "GET Patient?_sort=-height", Status: 400, Text: "height"},
			{Name: "summaries", Send: "GET Patient?_id=a&_summary=true", Status: 200, Has: []string{"entry.0.resource.meta.tag.0.code = SUBSETTED"}},
			{Name: "elements", Send: "GET Patient?_id=a&_elements=id", Status: 200, Has: []string{"entry.0.resource.meta.tag.0.code = SUBSETTED", "link.0.url = {base}/Patient?_id=a&_elements=id"}},
			{Name: "by form", Send: "POST Patient/_search", Body: "_id=a", With: []string{"Content-Type: application/x-www-form-urlencoded"}, Status: 200, Has: []string{"total = 1", "link.0.url = {base}/Patient?_id=a"}},
			{Name: "by form and URL", Send: "POST Patient/_search?_id=a", Body: "_count=1", With: []string{"Content-Type: application/x-www-form-urlencoded; charset=utf-8"}, Status: 200, Has: []string{"total = 1"}},
			{Name: "a form that says the format", Send: "POST Patient/_search", Body: "_id=a&_format=xml", With: []string{"Content-Type: application/x-www-form-urlencoded"}, Status: 200, Header: []string{"Content-Type: application/fhir+xml; charset=utf-8"}},
			{Name: "by an empty form", Send: "POST Patient/_search", Status: 200, Has: []string{"total = 5"}},
			{Name: "by something else", Send: "POST Patient/_search", Body: "{}", Status: 415},
			{Name: "a form badly encoded", Send: "POST Patient/_search", Body: "_id=%z", With: []string{"Content-Type: application/x-www-form-urlencoded"}, Status: 400},
			{Name: "an unknown parameter", Send: "GET Patient?height=1", Status: 400, Text: "height"},
			{Name: "HEAD", Send: "HEAD Patient", Status: 200},
			{Name: "all types", Send: "GET ?_id=a", Status: 200, Has: []string{"total = 1", "entry.0.fullUrl = {base}/Patient/a"}},
			{Name: "all types by form", Send: "POST _search", Body: "_id=o", With: []string{"Content-Type: application/x-www-form-urlencoded"}, Status: 200, Has: []string{"entry.0.fullUrl = {base}/Observation/o", "link.0.url = {base}?_id=o"}},

			{Name: "the next page", Send: "GET {next}", Status: 200, Has: []string{"entry.1.search.mode = match"}},
			{Name: "another query's cursor", Send: "GET Patient?_count=2&_sort=_id&{cursor}", Status: 400, Text: "_cursor"},
			{Name: "another page size's cursor", Send: "GET Patient?_count=3&{cursor}", Status: 400},
			{Name: "another type's cursor", Send: "GET Person?_count=2&{cursor}", Status: 400},
			{Name: "a history's cursor", Send: "GET Patient/_history?_count=2&{cursor}", Status: 400},
			{Name: "a changed cursor", Send: "GET Patient?_count=2&{changed}", Status: 400},
			{Name: "no cursor at all", Send: "GET Patient?_count=2&_cursor=abc", Status: 400},
			{Name: "two cursors", Send: "GET Patient?_count=2&{cursor}&{cursor}", Status: 400},
		})

		t.Run("how it is shown goes along", func(t *testing.T) {
			next := c.send("GET Patient?_count=2&_elements=id&_total=accurate", "").next()
			if got := c.send("GET "+next, ""); got.status != 200 || got.at("entry.0.resource.meta.tag.0.code") != "SUBSETTED" || got.at("total") != "5" {
				t.Errorf("GET %s: status %d\n%s", next, got.status, got.body)
			}
		})
		t.Run("there and back", func(t *testing.T) {
			for _, sort := range []string{"", "&_sort=_id", "&_sort=-_lastUpdated", "&_sort=birthdate,-family", "&_include=Patient:organization"} {
				there := c.pages(t, "Patient?_count=2"+sort, "resource.id")
				address := "Patient?_count=2" + sort
				for next := address; next != ""; next = c.send("GET "+next, "").next() {
					address = next
				}
				for i := len(there) - 1; i >= 0; i-- {
					got := c.send("GET "+address, "")
					for n, want := range there[i] {
						if id := got.at(fmt.Sprintf("entry.%d.resource.id", n)); id != want {
							t.Errorf("%s: page %d, entry %d is %s, want %s", sort, i, n, id, want)
						}
					}
					if (got.next() == "") != (i == len(there)-1) {
						t.Errorf("%s: page %d: next is %q", sort, i, got.next())
					}
					if address = got.link("prev"); (address == "") != (i == 0) {
						t.Errorf("%s: page %d: prev is %q", sort, i, address)
					}
				}
			}
		})
		t.Run("what is new comes later", func(t *testing.T) {
			next := c.send("GET Patient?_count=3&_sort=_lastUpdated", "").next()
			c.put(t, "f")
			if ids := slices.Concat(c.pages(t, next, "resource.id")...); !slices.Equal(ids, []string{"d", "e", "f"}) {
				t.Errorf("got %v", ids)
			}
		})
	})
}

func TestHistory(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.put(t, "a", "b", "a")
		c.saved["c"] = idOf(c.send("POST Patient", `{"resourceType":"Patient"}`).header.Get("Location"))
		c.send("DELETE Patient/a", "")
		c.send("PUT Basic/x", `{"resourceType":"Basic","id":"x","code":{"text":"x"}}`)
		c.put(t, "a")
		c.saved["since"] = c.send("GET Patient/a/_history/2", "").at("meta.lastUpdated")
		versions := []string{"Patient/a 4", "Basic/x 1", "Patient/a 3", "Patient/" + c.saved["c"] + " 1", "Patient/a 2", "Patient/b 1", "Patient/a 1"}

		t.Run("walk", func(t *testing.T) {
			for address, keep := range map[string]func(string) bool{
				"_history":           func(string) bool { return true },
				"Patient/_history":   func(s string) bool { return strings.HasPrefix(s, "Patient/") },
				"Patient/a/_history": func(s string) bool { return strings.HasPrefix(s, "Patient/a ") },
			} {
				var want []string
				for _, v := range versions {
					if keep(v) {
						want = append(want, v)
					}
				}
				for count := 1; count <= 8; count++ {
					paged := fmt.Sprintf("%s?_count=%d", address, count)
					urls := slices.Concat(c.pages(t, paged, "fullUrl")...)
					tags := slices.Concat(c.pages(t, paged, "response.etag")...)
					var got []string
					for i := range urls {
						got = append(got, strings.TrimPrefix(urls[i], base+"/")+" "+strings.Trim(tags[i], `W/"`))
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s:\n got %v\nwant %v", paged, got, want)
					}
				}
			}
		})
		c.walk(t, []step{
			{
				Name: "a history", Send: "GET Patient/a/_history", Status: 200, Has: []string{
					"resourceType = Bundle", "type = history", "total = 4", "link.0.url = {base}/Patient/a/_history",
					"entry.0.request.method = PUT", "entry.0.request.url = Patient/a", "entry.0.resource.meta.versionId = 4", "entry.0.fullUrl = {base}/Patient/a",
					"entry.1.request.method = DELETE", "entry.1.resource =", "entry.1.response.status = 204", `entry.1.response.etag = W/"3"`,
					"entry.2.response.status = 200", "entry.3.response.status = 201",
				},
			},
			{Name: "a POST", Send: "GET Patient/{c}/_history", Status: 200, Has: []string{"entry.0.request.method = POST", "entry.0.request.url = Patient", "entry.0.response.status = 201"}},
			{Name: "never there", Send: "GET Patient/nobody/_history", Status: 404},
			{Name: "of a type without any", Send: "GET Person/_history", Status: 200, Has: []string{"total = 0", "entry ="}},
			{Name: "since", Send: "GET Patient/a/_history?_since={since}", Status: 200, Has: []string{"total = 3", "entry.2.resource.meta.versionId = 2"}},
			{Name: "since later", Send: "GET Patient/a/_history?_since=2999-01-01T00:00:00Z", Status: 200, Has: []string{"total = 0"}},
			{Name: "at", Send: "GET Patient/a/_history?_at={since}", Status: 200, Text: `"versionId":"2"`},
			{Name: "at, before", Send: "GET Patient/a/_history?_at=1999", Status: 200, Has: []string{"total = 0"}},
			{Name: "summaries", Send: "GET Patient/a/_history?_summary=true&_count=1", Status: 200, Has: []string{"entry.0.resource.meta.tag.0.code = SUBSETTED"}},
			{Name: "a date that is none", Send: "GET _history?_since=yesterday", Status: 400},
			{Name: "a count that is none", Send: "GET _history?_count=many", Status: 400},
			{Name: "a count of nothing", Send: "GET _history?_count=0", Status: 400},
			{Name: "two counts", Send: "GET _history?_count=1&_count=2", Status: 400},
			{Name: "a parameter of searches", Send: "GET Patient/_history?name=Ada", Status: 400},
			{Name: "HEAD", Send: "HEAD Patient/a/_history", Status: 200},
		})
		t.Run("a count over the limit", func(t *testing.T) {
			if got := c.send("GET _history?_count=100000", ""); got.at("link.0.url") != base+"/_history?_count=1000" {
				t.Errorf("got %s", got.at("link.0.url"))
			}
		})
	})
}

// A guessingStore estimates instead of counting.
type guessingStore struct{ store.Store }

func (guessingStore) Estimate(context.Context, search.Access, *search.Query) (int64, bool, error) {
	return 1234, false, nil
}

// TestEstimatedTotal checks that an estimate is called one, and nothing else is.
func TestEstimatedTotal(t *testing.T) {
	open := func(t testing.TB, r *search.Registry) store.Store { return guessingStore{openSQLite(t, r)} }
	c := newClient(t, open, handlers.Options{})
	c.put(t, "a", "b", "c", "d", "e")
	const told = "the total is an estimate"
	c.walk(t, []step{
		{Name: "estimated", Send: "GET Patient?_count=2&_total=estimate", Status: 200, Text: told, Has: []string{"total = 1234", "link.0.url = {base}/Patient?_count=2&_total=estimate", "entry.2.search.mode = outcome"}},
		{Name: "no page", Send: "GET Patient?_count=0&_total=estimate", Status: 200, Text: told, Has: []string{"total = 1234"}},
		{Name: "all on one page", Send: "GET Patient?_total=estimate", Status: 200, Text: "accurate", Has: []string{"total = 5", "link.0.url = {base}/Patient?_total=accurate"}},
		{Name: "counted", Send: "GET Patient?_count=2&_total=accurate", Status: 200, Has: []string{"total = 5", "entry.2 ="}},
		{Name: "no page, counted", Send: "GET Patient?_summary=count", Status: 200, Has: []string{"total = 5", "entry ="}},
		{Name: "none", Send: "GET Patient?_count=2&_total=none", Status: 200, Has: []string{"total =", "link.0.url = {base}/Patient?_count=2&_total=none"}},
		{Name: "something else", Send: "GET Patient?_total=some", Status: 400, Text: "_total"},
	})
	if pages := c.pages(t, "Patient?_count=2&_total=estimate", "resource.id"); len(pages) != 3 {
		t.Errorf("pages %v", pages)
	}
	// The total has no part in where a page is.
	next := c.send("GET Patient?_count=2&_total=estimate", "").next()
	c.walk(t, []step{{Send: "GET " + strings.Replace(next, "_total=estimate", "_total=accurate", 1), Status: 200, Has: []string{"total = 5", "entry.0.resource.id = c"}}})
}

func TestPagesOfWhatIsTooLongForURLs(t *testing.T) {
	const form = "Content-Type: application/x-www-form-urlencoded"
	o := handlers.Options{Limits: handlers.Limits{URLBytes: 500, FormBytes: 4000}}
	overStores(t, o, func(t *testing.T, c *client) {
		c.put(t, "a", "b", "c")
		body := "_sort=-_id&_count=1&_format=json&identifier:not=" + strings.Repeat("http://example.org/système|1%2B1%26,", 40) + "x"
		first := c.send("POST Patient/_search", body, form)
		if first.status != 200 || first.at("entry.0.resource.id") != "c" || !strings.Contains(first.link("self"), "identifier") {
			t.Fatalf("status %d\n%s", first.status, first.body)
		}
		if n := len(first.next()); n == 0 || n > 500 {
			t.Errorf("the link is %d bytes: %s", n, first.next())
		}
		pages := c.pages(t, first.next(), "resource.id")
		if got := fmt.Sprint(pages); got != "[[b] [a]]" {
			t.Errorf("pages %s", got)
		}
		second := c.send("GET "+first.next(), "")
		if back := c.send("GET "+second.link("prev"), ""); back.at("entry.0.resource.id") != "c" {
			t.Errorf("status %d\n%s", back.status, back.body)
		}
		if second.link("self") != first.link("self")+"&_cursor="+first.next()[strings.Index(first.next(), "_cursor=")+8:] {
			t.Errorf("self is %s", second.link("self"))
		}
		c.walk(t, []step{
			{Name: "a part of it", Send: "GET " + strings.Replace(first.next(), "_packed=", "_packed=AA", 1), Status: 400, Text: "_packed"},
			{Name: "no base64", Send: "GET Patient?_packed=*", Status: 400, Text: "_packed"},
			{Name: "twice", Send: "GET Patient?_packed=AwA&_packed=AwA", Status: 400, Text: "_packed"},
			{Name: "in criteria", Send: "DELETE Patient?_packed=AwA", Status: 400, Text: "_packed"},
		})
		var bomb bytes.Buffer
		w, _ := flate.NewWriter(&bomb, flate.BestCompression)
		w.Write([]byte("_id=" + strings.Repeat("1", 16001)))
		w.Close()
		c.walk(t, []step{{Name: "more than can be posted", Send: "GET Patient?_packed=" + base64.RawURLEncoding.EncodeToString(bomb.Bytes()), Status: 400, Text: "_packed"}})
	})
}
