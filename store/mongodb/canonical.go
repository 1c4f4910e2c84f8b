package mongodb

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
	if keys, known := f.facts.url(place); known {
		return keys, nil
	}
	inner, err := f.within(f.s.reg.Load().ByURL(place.Type, place.URL.URL), nil)
	if err != nil {
		return nil, err
	}
	var all []*fhir.Resource
	var bad error
	inner.bodies = true
	inner.found = func(c *candidate) bool {
		bad = inner.parse(c)
		all = append(all, c.resource)
		return bad == nil
	}
	if err := inner.run(); err != nil || bad != nil {
		return nil, cmp.Or(err, bad)
	}
	var keys []fhir.Key
	for _, r := range place.URL.Of(all) {
		keys = append(keys, r.Key())
	}
	f.facts.setURL(place, keys)
	return keys, nil
}

func (k *facts) url(place search.Callee) ([]fhir.Key, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	keys, known := k.urls[place]
	return keys, known
}

func (k *facts) setURL(place search.Callee, keys []fhir.Key) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.urls[place] = keys
}

// calledFor reports whether something that meets a link's target refers to r by its
// canonical URL.
func (f *finder) calledFor(l *search.Link, r *fhir.Resource) (bool, error) {
	url := search.URLOf(r)
	if url == "" || !l.Param.Canonical() {
		return false, nil
	}
	inner, err := f.within(l.Target, l.Param.Calling(url).Ranges)
	if err != nil {
		return false, err
	}
	found := false
	var bad error
	inner.bodies = true
	inner.found = func(c *candidate) bool {
		var keys []fhir.Key
		if bad = inner.parse(c); bad == nil {
			keys, bad = f.canonicals(l.Param, c.resource, r.Type())
		}
		found = slices.Contains(keys, r.Key())
		return bad == nil && !found
	}
	err = inner.run()
	return found, cmp.Or(err, bad)
}
