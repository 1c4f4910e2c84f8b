package store

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// named returns what a canonical URL leads to among the resources of a type.
func (i *includer) named(typ string, c search.Canonical) ([]*Version, error) {
	q := i.reg.ByURL(typ, c.URL)
	q.Count = MaxIncluded
	page, err := i.r.Search(i.ctx, i.who, q)
	if err != nil {
		return nil, err
	}
	var all []*fhir.Resource
	for _, v := range page.Versions {
		r, err := v.Parse(i.reg.Codec)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	var found []*Version
	for _, r := range c.Of(all) {
		found = append(found, page.Versions[slices.Index(all, r)])
	}
	return found, nil
}

// calling adds the resources that refer in p to some of a type by their canonical
// URL.
func (i *includer) calling(source string, p *search.Param, typ string, from []*Version) error {
	if !slices.Contains(p.CanonicalTypes(typ), typ) {
		return nil
	}
	var urls []string
	wanted := map[fhir.Key]bool{}
	for _, v := range from {
		if v.Key.Type != typ {
			continue
		}
		r, err := v.Parse(i.reg.Codec)
		if err != nil {
			return err
		}
		if url := search.URLOf(r); url != "" {
			urls, wanted[v.Key] = append(urls, url), true
		}
	}
	if urls == nil {
		return nil
	}
	q := &search.Query{Type: source, Count: MaxIncluded, Where: []search.Clause{p.Calling(urls...)}}
	for more := true; more && !i.out.Cut; more = q.After != nil {
		page, err := i.r.Search(i.ctx, i.who, q)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			if i.seen[v.Key] {
				continue
			}
			if ok, err := i.calls(p, typ, v, wanted); err != nil {
				return err
			} else if ok {
				i.add(v)
			}
		}
		q.After = page.Next
	}
	return nil
}

// calls reports whether a canonical URL in p leads from v to one of some resources.
func (i *includer) calls(p *search.Param, typ string, v *Version, wanted map[fhir.Key]bool) (bool, error) {
	r, err := v.Parse(i.reg.Codec)
	if err != nil {
		return false, err
	}
	for _, c := range p.Canonicals(r) {
		found, err := i.named(typ, c)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(found, func(v *Version) bool { return wanted[v.Key] }) {
			return true, nil
		}
	}
	return false, nil
}

// calledBy adds what the canonical URLs in p lead to from a resource, of a type or
// of any if that is empty.
func (i *includer) calledBy(p *search.Param, r *fhir.Resource, typ string) error {
	for _, c := range p.Callees(r, typ) {
		found, err := i.named(c.Type, c.URL)
		if err != nil {
			return err
		}
		for _, v := range found {
			if !i.seen[v.Key] {
				i.add(v)
			}
		}
	}
	return nil
}
