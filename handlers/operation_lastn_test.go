package handlers_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

// coded returns an observation with codings like "a b" of one code system.
func coded(id, patient, when, codes string) string {
	var codings []string
	for code := range strings.FieldsSeq(codes) {
		codings = append(codings, `{"system":"http://example.org/s","code":"`+code+`"}`)
	}
	effective := ""
	if when != "" {
		effective = `"effectiveDateTime":"` + when + `",`
	}
	return `{"resourceType":"Observation","id":"` + id + `","status":"final",` + effective +
		`"category":[{"coding":[{"code":"vital-signs"}]}],"subject":{"reference":"Patient/` + patient + `"},"code":{"coding":[` + strings.Join(codings, ",") + `]}}`
}

func TestLastN(t *testing.T) {
	vitals := []string{
		coded("a1", "p", "2020-01-01", "a"), coded("a2", "p", "2020-01-02", "a"), coded("a3", "p", "2020-01-03", "a"),
		coded("a3b", "p", "2020-01-03", "a"), coded("a4", "p", "2020-01-04T10:00:00Z", "a"),
		coded("b1", "p", "2019-05", "b"), coded("b2", "p", "2020-01-03T00:00:00Z", "b"),
		coded("bc", "p", "2018-01-01", "b c"), coded("c", "p", "2020-02-01", "c"),
		coded("q", "q", "2021-01-01", "a"),
		`{"resourceType":"Observation","id":"t1","status":"entered-in-error","effectiveDateTime":"2020-01-01","subject":{"reference":"Patient/p"},"code":{"text":"Text"},"category":[{"coding":[{"code":"note"}]}]}`,
		`{"resourceType":"Observation","id":"t2","status":"final","effectiveDateTime":"2020-01-02","subject":{"reference":"{base}/Patient/p"},"code":{"text":"t e x t"},"category":[{"coding":[{"code":"note"}]}]}`,
		`{"resourceType":"Observation","id":"t3","status":"final","subject":{"reference":"Patient/p"},"code":{"text":"Text"},"category":[{"coding":[{"code":"note"}]}],"performer":[{"reference":"Practitioner/d"}]}`,
		`{"resourceType":"Observation","id":"t4","status":"final","subject":{"reference":"Patient/p"},"code":{"text":"Text"},"category":[{"coding":[{"code":"note"}]}]}`,
	}
	const lastn = "Observation/$lastn?"
	tests := []struct {
		Name string
		Send string
		Want string
	}{
		{Name: "one of each group, b and c being one", Send: "patient=p&category=vital-signs", Want: "c a4"},
		{Name: "one code", Send: "patient=p&code=http://example.org/s|a", Want: "a4"},
		{Name: "the third and the fourth of one time", Send: "patient=p&code=http://example.org/s|a&max=2", Want: "a4 a3 a3b"},
		{Name: "the tie within", Send: "patient=p&code=http://example.org/s|a&max=3", Want: "a4 a3 a3b"},
		{Name: "behind the tie", Send: "patient=p&code=http://example.org/s|a&max=4", Want: "a4 a3 a3b a2"},
		{Name: "all there are", Send: "subject=Patient/p&code=a&max=99", Want: "a4 a3 a3b a2 a1"},
		{Name: "a filter takes away what joins groups", Send: "patient=p&category=vital-signs&date=ge2019", Want: "c a4 b2"},
		{Name: "texts as they are", Send: "patient=p&category=note", Want: "t2 t1"},
		{Name: "without a time they are the last, and no ties", Send: "patient=p&category=note&max=2", Want: "t2 t1 t4"},
		{Name: "by status", Send: "patient=p&category=note&status=final", Want: "t2 t4"},
		{Name: "several codes", Send: "patient=p&code=a,b", Want: "a4 b2"},
		{Name: "each of two patients", Send: "patient=p,q&code=a", Want: "q a4"},
		{Name: "by a value", Send: "patient=p&combo-code=http://example.org/s|a", Want: "a4"},
		{Name: "nothing", Send: "patient=none&code=a", Want: ""},
	}
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(`{"resourceType":"Practitioner","id":"d"}`, `{"resourceType":"Patient","id":"p","gender":"female"}`)
		c.store(vitals...)
		for _, test := range tests {
			t.Run(test.Name, func(t *testing.T) {
				got := c.send("GET "+lastn+test.Send, "")
				if ids := strings.Join(observations(got), " "); ids != test.Want || got.status != 200 {
					t.Errorf("status %d\n got %s\nwant %s", got.status, ids, test.Want)
				}
				if total := fmt.Sprint(len(strings.Fields(test.Want))); got.at("total") != total {
					t.Errorf("total %s, want %s", got.at("total"), total)
				}
			})
		}
		c.walk(t, []step{
			{Name: "a Bundle", Send: "GET " + lastn + "patient=p&code=a", Status: 200, Has: []string{"type = searchset", "link.0.relation = self", "link.0.url = {base}/Observation/$lastn?patient=p&code=a", "entry.0.search.mode = match"}},
			{Name: "posted", Send: "POST Observation/$lastn", Body: `{"resourceType":"Parameters","parameter":[{"name":"patient","valueString":"p"},{"name":"code","valueString":"a"},{"name":"max","valuePositiveInt":2}]}`, Status: 200, Has: []string{"total = 3", "link.0.url = {base}/Observation/$lastn?patient=p&code=a&max=2"}},
			{Name: "includes", Send: "GET " + lastn + "patient=p&category=note&max=3&_include=Observation:performer", Status: 200, Has: []string{"total = 4", "entry.4.resource.id = d", "entry.4.search.mode = include"}},
			{Name: "a chain", Send: "GET " + lastn + "patient.gender=female&code=http://example.org/s|a", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = a4"}},
			{Name: "only how many", Send: "GET " + lastn + "patient=p&code=a&max=2&_summary=count", Status: 200, Has: []string{"total = 3", "entry ="}},
			{Name: "no entries", Send: "GET " + lastn + "patient=p&code=a&max=2&_count=0", Status: 200, Has: []string{"total = 3", "entry ="}},
			{Name: "no total", Send: "GET " + lastn + "patient=p&code=a&_total=none", Status: 200, Has: []string{"total ="}},
			{Name: "some elements", Send: "GET " + lastn + "patient=p&code=a&_elements=status", Status: 200, Has: []string{"entry.0.resource.effectiveDateTime =", "entry.0.resource.meta.tag.0.code = SUBSETTED"}},
			{Name: "lenient", Send: "GET " + lastn + "patient=p&code=a&colour=red", With: []string{"Prefer: handling=lenient"}, Status: 200, Has: []string{"entry.1.search.mode = outcome"}, Text: "colour"},
			{Name: "strict", Send: "GET " + lastn + "patient=p&code=a&colour=red", Status: 400, Text: "colour"},
			{Name: "whose", Send: "GET " + lastn + "code=a", Status: 400, Text: "patient"},
			{Name: "anybody's", Send: "GET " + lastn + "patient:missing=false&code=a", Status: 400, Text: "patient"},
			{Name: "which", Send: "GET " + lastn + "patient=p", Status: 400, Text: "category"},
			{Name: "no number", Send: "GET " + lastn + "patient=p&code=a&max=few", Status: 400, Text: "max"},
			{Name: "none at all", Send: "GET " + lastn + "patient=p&code=a&max=0", Status: 400, Text: "max"},
			{Name: "twice", Send: "GET " + lastn + "patient=p&code=a&max=1&max=2", Status: 400, Text: "max"},
			{Name: "another order", Send: "GET " + lastn + "patient=p&code=a&_sort=date", Status: 400, Text: "_sort"},
			{Name: "a value that is none", Send: "POST Observation/$lastn", Body: `{"resourceType":"Parameters","parameter":[{"name":"patient","valueReference":{"reference":"Patient/p"}}]}`, Status: 400, Text: "patient"},
			{Name: "a cursor that is none", Send: "GET " + lastn + "patient=p&code=a&_cursor=x", Status: 400, Text: "_cursor"},
			{Name: "of an observation", Send: "GET Observation/a1/$lastn?patient=p&code=a", Status: 404},
			{
				Name: "in a batch", Send: "POST ", Status: 200, Has: []string{"entry.0.resource.total = 1", "entry.1.response.outcome.issue.0.severity = error"},
				Body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/$lastn?patient=p&code=a"}},{"request":{"method":"GET","url":"Observation/$lastn?code=a"}}]}`,
			},
		})
	})
}

// observations returns the ids of the matches in a Bundle.
func observations(r *reply) []string {
	ids := []string{}
	for _, entry := range r.entries() {
		if id, ok := strings.CutPrefix(entry, "match Observation/"); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// A measurement is an observation of TestLastNGroups.
type measurement struct {
	id, when string
	codes    []string
	created  int
}

// TestLastNGroups compares the last of random observations with what the definition
// says they are.
func TestLastNGroups(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		for round := range 8 {
			patient := fmt.Sprint("p", round)
			all := make([]measurement, 30)
			for i := range all {
				m := measurement{id: fmt.Sprintf("o%d-%02d", round, i), created: i}
				if rnd.IntN(6) > 0 {
					m.when = fmt.Sprintf("2020-01-%02d", 1+rnd.IntN(12))
				}
				for m.codes == nil || rnd.IntN(4) == 0 {
					m.codes = append(m.codes, fmt.Sprint("c", rnd.IntN(10)))
				}
				c.store(coded(m.id, patient, m.when, strings.Join(m.codes, " ")))
				all[i] = m
			}
			for most := 1; most <= 4; most++ {
				address := fmt.Sprintf("Observation/$lastn?patient=%s&category=vital-signs&max=%d", patient, most)
				want := lastOf(all, most)
				if got := observations(c.send("GET "+address, "")); !slices.Equal(got, want) {
					t.Fatalf("%s:\n got %v\nwant %v\n of %v", address, got, want, all)
				}
				c.checkPages(t, address, want)
			}
		}
	})
}

// checkPages goes through pages of three to the end and back.
func (c *client) checkPages(t *testing.T, address string, want []string) {
	t.Helper()
	var there, back []string
	last := ""
	for next := address + "&_count=3"; next != ""; {
		got := c.send("GET "+next, "")
		there = append(there, observations(got)...)
		last, next = next, got.next()
	}
	for last != "" {
		got := c.send("GET "+last, "")
		back = append(observations(got), back...)
		last = got.link("prev")
	}
	if !slices.Equal(there, want) || !slices.Equal(back, want) {
		t.Errorf("%s:\nthere %v\n back %v\n want %v", address, there, back, want)
	}
}

// lastOf returns the ids of the last of each group.
func lastOf(all []measurement, most int) []string {
	group := make([]int, len(all))
	for i := range group {
		group[i] = i
	}
	for changed := true; changed; {
		changed = false
		for i := range all {
			for j := range all {
				shared := slices.ContainsFunc(all[i].codes, func(code string) bool { return slices.Contains(all[j].codes, code) })
				if shared && group[j] < group[i] {
					group[i], changed = group[j], true
				}
			}
		}
	}
	var last []measurement
	for i, m := range all {
		newer := 0
		for j, other := range all {
			if group[j] == group[i] && (other.when > m.when || other.when == m.when && m.when == "" && other.created > m.created) {
				newer++
			}
		}
		if newer < most {
			last = append(last, m)
		}
	}
	slices.SortFunc(last, func(a, b measurement) int {
		if c := strings.Compare(b.when, a.when); c != 0 {
			return c
		}
		return strings.Compare(a.id, b.id)
	})
	ids := make([]string, len(last))
	for i, m := range last {
		ids[i] = m.id
	}
	return ids
}
