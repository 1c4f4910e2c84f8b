package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir/search"
)

// A measured is the p50 of a shape with so many resources.
type measured struct {
	size int
	p50  time.Duration
}

// An insideBench asks a store within our own process.
type insideBench struct {
	*bench
	store *insideStore
}

// insidePages measures searches and counts without HTTP.
func (b *bench) insidePages() (err error) {
	if err := b.place.warm(); err != nil {
		return err
	}
	s, err := b.place.openInside()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	in := &insideBench{b, s}
	for _, part := range []func() error{in.pages, in.ands, in.depths, in.counts} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// parse reads a search as the server does.
func (in *insideBench) parse(path string) (*search.Query, error) {
	typ, text, _ := strings.Cut(path, "?")
	var params [][2]string
	for p := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(p, "=")
		value, err := url.PathUnescape(value)
		if err != nil {
			return nil, err
		}
		params = append(params, [2]string{name, value})
	}
	return search.Parse(in.store.registry, typ, params, search.Options{DefaultCount: 20, MaxCount: 1000})
}

// queries reads some searches of a shape.
func (in *insideBench) queries(s shape, count int) ([]*search.Query, error) {
	a, list := in.newAsking(), []*search.Query{}
	for range count {
		q, err := in.parse(s.next(a))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		list = append(list, q)
	}
	return list, nil
}

// An answer is what it took to answer a search.
type answer struct {
	result
	found    float64 // on the first page, on average
	examined float64 // resources
}

// ask measures the first page of searches. They come again and again, so that
// what they need is in memory.
func (in *insideBench) ask(list []*search.Query) (answer, error) {
	var a answer
	found, examined, n := 0, int64(0), 0
	once := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		page, err := in.store.Search(ctx, search.Everything(), list[n%len(list)])
		if err != nil {
			return err
		}
		found += len(page.Versions)
		n++
		return nil
	}
	if in.store.examined != nil {
		examined = in.store.examined()
	}
	if _, err := repeat(in.span/4, once); err != nil {
		return a, err
	}
	var err error
	if a.result, err = repeat(in.span, once); err != nil {
		return a, err
	}
	a.found = float64(found) / float64(n)
	if in.store.examined != nil {
		a.examined = float64(in.store.examined()-examined) / float64(n)
	}
	return a, nil
}

// inProcess is how long a first page may take without HTTP, in ms, at most.
const inProcess = 0.5

// pages measures first pages, how many rows they took, and how the time grows.
func (in *insideBench) pages() error {
	for _, s := range slices.Concat(pages, pairs) {
		list, err := in.queries(s, 500)
		if err != nil {
			return err
		}
		a, err := in.ask(list)
		if err == nil && a.found == 0 {
			err = errors.New("it finds nothing")
		}
		if err != nil {
			in.note("%s within the process: %v", s.name, err)
			continue
		}
		in.add(s.name+", p50", micro(a.p50)/1000, "ms", "", 0, atMost(inProcess))
		if in.store.examined != nil {
			in.add("… resources examined", a.examined, "", "shown", a.found, atMost(3))
		}
		in.add("… processor time", micro(a.cpu)/1000, "ms", "", 0, nil)
		in.grown(s.name, a.p50)
	}
	return nil
}

// grown compares a time with the one that was measured with fewer resources.
func (in *insideBench) grown(name string, p50 time.Duration) {
	earlier := in.inside[name]
	in.inside[name] = append(earlier, measured{in.size, p50})
	if len(earlier) == 0 {
		return
	}
	first := earlier[0]
	tens := math.Log10(float64(in.size) / float64(first.size))
	in.add("… growth", micro(p50)/1000, "ms", "with "+number(float64(first.size)), micro(first.p50)/1000, atMost(math.Pow(1.5, tens)))
}

// ands are conditions that hold together of nothing, so that all there is of the
// smallest is gone through.
var ands = []struct{ smallest, search string }{
	{"Observation?code=" + loinc + "2986-8", "Observation?code=" + loinc + "2986-8&code=" + loinc + "9780-8"},
	{"Observation?code=" + loinc + "85354-9", "Observation?code=" + loinc + "85354-9&category=laboratory"},
	{"Observation?code=" + loinc + "85354-9", "Observation?code=" + loinc + "85354-9&category=laboratory&status=final"},
	{"Observation?performer=Practitioner/invented-3", "Observation?performer=Practitioner/invented-3&code=" + loinc + "2986-8&code=" + loinc + "9780-8"},
}

// ands measures conditions that hold together of nothing.
func (in *insideBench) ands() error {
	for _, and := range ands {
		n, err := in.count(and.smallest)
		if err != nil {
			return err
		}
		q, err := in.parse(and.search)
		if err != nil {
			return err
		}
		a, err := in.ask([]*search.Query{q})
		if err != nil {
			return err
		}
		if a.found > 0 {
			return fmt.Errorf("%s finds something", and.search)
		}
		in.add(fmt.Sprintf("`%s`: nothing, a posting of the smallest (%s)", readable(and.search), number(float64(n))), micro(a.p50)/float64(max(n, 1)), "µs", "", 0, atMost(1))
		in.add("… processor time", micro(a.cpu)/float64(max(n, 1)), "µs", "", 0, nil)
	}
	return nil
}

// readable writes a search as people do.
func readable(path string) string {
	text, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	return strings.ReplaceAll(text, "http://loinc.org|", "")
}

func (in *insideBench) count(path string) (int64, error) {
	q, err := in.parse(path)
	if err != nil {
		return 0, err
	}
	return in.store.Count(context.Background(), search.Everything(), q)
}

// counts measures accurate counts.
func (in *insideBench) counts() error {
	for _, path := range []string{
		"Observation?status=final",
		"Observation?code=" + loinc + "2986-8",
		"Observation?code=" + loinc + "2986-8," + loinc + "9780-8",
		"Observation?date=ge2020",
		"Observation?value-quantity=gt10",
		"Observation?code=" + loinc + "2986-8&date=ge2020",
		"Observation?code=" + loinc + "2986-8&category=laboratory",
		"Encounter?class=AMB",
	} {
		q, err := in.parse(path)
		if err != nil {
			return err
		}
		n := int64(0)
		r, err := repeat(in.span/2, func() (err error) {
			n, err = in.store.Count(context.Background(), search.Everything(), q)
			return err
		})
		if err != nil {
			return err
		}
		in.add(fmt.Sprintf("count of `%s`, each of %s", readable(path), number(float64(n))), 1000*micro(r.p50)/float64(max(n, 1)), "ns", "", 0, atMost(100))
		in.add("… processor time", 1000*micro(r.cpu)/float64(max(n, 1)), "ns", "", 0, nil)
	}
	return nil
}

// deep is how many results a page has before it that is compared with the first.
const deep = 100_000

// depths compares pages far behind with the first.
func (in *insideBench) depths() error {
	for _, path := range []string{
		"Observation?status=final",
		"Observation?category=laboratory&_sort=-date",
		"Observation?_sort=-_lastUpdated",
		"Observation?status=final&_sort=value-quantity",
	} {
		q, err := in.parse(path + "&_count=20")
		if err != nil {
			return err
		}
		first, err := in.ask([]*search.Query{q})
		if err != nil {
			return err
		}
		depth, behind, err := in.behind(q, min(deep, in.size/2))
		if err != nil {
			return err
		}
		far, err := in.ask([]*search.Query{behind})
		if err != nil {
			return err
		}
		in.add(fmt.Sprintf("`%s`: page behind %s", readable(path), number(float64(depth))), micro(far.p50)/1000, "ms", "first page", micro(first.p50)/1000, atMost(1.5))
	}
	return nil
}

// behind returns a search for the page that has so many results before it.
func (in *insideBench) behind(q *search.Query, depth int) (int, *search.Query, error) {
	walk := *q
	walk.Count = 1000
	passed := 0
	for passed < depth {
		page, err := in.store.Search(context.Background(), search.Everything(), &walk)
		if err != nil {
			return 0, nil, err
		}
		if page.Next == nil {
			return 0, nil, fmt.Errorf("there are only %d results", passed+len(page.Versions))
		}
		passed += len(page.Versions)
		walk.After = page.Next
	}
	walk.Count = q.Count
	return passed, &walk, nil
}
