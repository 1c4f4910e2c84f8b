package search

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A Canonical is a reference by canonical URL. With a version it leads to the
// resources that have that URL and that version, without to the newest that has the
// URL: versions are compared by their numbers, part by part, then it is the one
// updated last.
// See https://hl7.org/fhir/R4/references.html#canonical.
type Canonical struct{ URL, Version string }

// Canonicals returns the canonical URLs that the values of p in r are, each once.
func (p *Param) Canonicals(r *fhir.Resource) []Canonical {
	if !p.Canonical() {
		return nil
	}
	var all []Canonical
	p.any(r, func(el *element) bool {
		if l, ok := el.link(); ok && el.kind == canonicalKind {
			if c := (Canonical{l.target, l.version}); !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
		return false
	})
	return all
}

// Canonical reports whether values of p can be canonical URLs.
func (p *Param) Canonical() bool {
	return p.Type == fhir.ReferenceParam && p.kinds().has(canonicalKind)
}

// CanonicalTypes returns the types of what canonical URLs in p can lead to: those
// that have a URL. If typ is not empty, it is typ or none.
func (p *Param) CanonicalTypes(typ string) []string {
	types := p.Target
	if len(types) == 0 {
		types = p.reg.names
	}
	var found []string
	for _, t := range types {
		if u, ok := p.reg.Lookup(t, "url"); ok && u.Type == fhir.URIParam && (typ == "" || typ == t) {
			found = append(found, t)
		}
	}
	return found
}

// URLOf returns the canonical URL that a resource has itself, empty if it has none.
func URLOf(r *fhir.Resource) string { return r.Root().Get("url").Text() }

// Of returns which of some resources c leads to. They have to be all of their type
// with the URL that the caller may see.
func (c Canonical) Of(resources []*fhir.Resource) []*fhir.Resource {
	var found []*fhir.Resource
	for _, r := range resources {
		version := r.Root().Get("version").Text()
		switch {
		case URLOf(r) != c.URL || c.Version != "" && version != c.Version:
		case c.Version != "" || len(found) == 0:
			found = append(found, r)
		case newer(r, found[0]):
			found[0] = r
		}
	}
	return found
}

// newer reports whether a is newer than b.
func newer(a, b *fhir.Resource) bool {
	text := func(r *fhir.Resource, name string) string { return r.Root().Get(name).Text() }
	at := func(r *fhir.Resource) string { return r.Meta().Get("lastUpdated").Text() }
	return cmp.Or(compareVersions(text(a, "version"), text(b, "version")), strings.Compare(at(a), at(b)), strings.Compare(a.ID(), b.ID())) > 0
}

// compareVersions compares versions part by part, numbers as such. None is the
// least.
func compareVersions(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "."), strings.Split(b, "."), func(x, y string) int {
		m, notM := strconv.ParseUint(x, 10, 64)
		n, notN := strconv.ParseUint(y, 10, 64)
		if notM == nil && notN == nil {
			return cmp.Compare(m, n)
		}
		return strings.Compare(x, y)
	})
}

// ByURL returns the search for the resources of a type with a canonical URL.
func (r *Registry) ByURL(typ, url string) *Query {
	q := &Query{Type: typ, Where: []Clause{{Ranges: []KeyRange{}, Exact: true}}}
	if p, ok := r.Lookup(typ, "url"); ok {
		c := Clause{Param: p, Exact: true}
		v := &uriValue{text: url, uri: url}
		c.Values = []Value{{comparison: v}}
		c.addRanges(p, v)
		c.tidy()
		q.Where[0] = c
	}
	return q
}

// Calling returns a clause that holds for the resources with one of some canonical
// URLs in p, in any version.
func (p *Param) Calling(urls ...string) Clause {
	c := Clause{Param: p, Ranges: []KeyRange{}, Exact: true}
	for _, url := range urls {
		v := &versionsValue{reg: p.reg, url: url}
		c.Values = append(c.Values, Value{Text: url, comparison: v})
		c.addRanges(p, v)
	}
	c.tidy()
	return c
}

// canonicals returns what the canonical URLs in p lead to from r, of a type.
func (p *Param) canonicals(r *fhir.Resource, typ string, u Universe) []*fhir.Resource {
	var found []*fhir.Resource
	urls := p.Canonicals(r)
	if urls == nil || !slices.Contains(p.CanonicalTypes(typ), typ) {
		return nil
	}
	all := slices.Collect(u.Resources(typ))
	for _, c := range urls {
		found = append(found, c.Of(all)...)
	}
	return found
}

// A Callee is what a canonical URL may lead to: resources of a type.
type Callee struct {
	Type string
	URL  Canonical
}

// Callees returns what the canonical URLs that the values of p in r are may lead to,
// of one type or, if typ is empty, of any.
func (p *Param) Callees(r *fhir.Resource, typ string) []Callee {
	urls := p.Canonicals(r)
	if urls == nil {
		return nil
	}
	var all []Callee
	types := p.CanonicalTypes(typ)
	for _, url := range urls {
		for _, t := range types {
			all = append(all, Callee{t, url})
		}
	}
	return all
}
