package sqlite

import (
	"cmp"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// canonicals returns what the canonical URLs in p lead to from r, of a type or of
// any if that is empty.
func (f *finder) canonicals(p *search.Param, r *fhir.Resource, typ string) ([]fhir.Key, error) {
	var all []fhir.Key
	for _, c := range p.Callees(r, typ) {
		keys, err := f.canonical(c)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
	return all, nil
}

// canonical returns what a canonical URL leads to, and remembers it.
func (f *finder) canonical(place search.Callee) ([]fhir.Key, error) {
	if keys, known := f.urls[place]; known {
		return keys, nil
	}
	inner, err := f.within(f.s.reg.ByURL(place.Type, place.URL.URL))
	if err != nil {
		return nil, err
	}
	var all []*fhir.Resource
	var bad error
	inner.bodies = true
	inner.found = func(c *candidate) bool {
		r, err := f.parse(c.version)
		all, bad = append(all, r), err
		return err == nil
	}
	if err := inner.run(); err != nil || bad != nil {
		return nil, cmp.Or(err, bad)
	}
	var keys []fhir.Key
	for _, r := range place.URL.Of(all) {
		keys = append(keys, r.Key())
	}
	if f.urls == nil || len(f.urls) >= maxFacts {
		f.urls = map[search.Callee][]fhir.Key{}
	}
	f.urls[place] = keys
	return keys, nil
}

// calledFor reports whether something that meets a link's target refers to r by its
// canonical URL.
func (f *finder) calledFor(l *search.Link, r *fhir.Resource) (bool, error) {
	url := search.URLOf(r)
	if url == "" || !l.Param.Canonical() {
		return false, nil
	}
	q := *l.Target
	q.Where = append(slices.Clip(q.Where), l.Param.Calling(url))
	inner, err := f.within(&q)
	if err != nil {
		return false, err
	}
	found := false
	var bad error
	inner.bodies = true
	inner.found = func(c *candidate) bool {
		source, err := f.parse(c.version)
		var keys []fhir.Key
		if err == nil {
			keys, err = f.canonicals(l.Param, source, r.Type())
		}
		found, bad = slices.Contains(keys, r.Key()), err
		return err == nil && !found
	}
	err = inner.run()
	return found, cmp.Or(err, bad)
}
