package store

import (
	"context"
	"maps"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// The limits of what is included in a page.
const (
	MaxIncluded   = 1000 // resources
	IncludeRounds = 3    // in which :iterate goes on from what was included
)

// An Inclusion is what is shown beside the matches of a page.
type Inclusion struct {
	Versions []*Version
	Cut      bool // there is more than MaxIncluded or PageBytes allow
	Deep     bool // :iterate could have gone on after IncludeRounds
}

// Include finds what a search asks to be shown beside the matches of a page: each
// resource once, none that is a match, and only what who may see. References to
// what is not there lead to nothing.
// See https://hl7.org/fhir/R4/search.html#include.
func Include(ctx context.Context, r Reader, reg *search.Registry, who search.Access, includes []search.Include, matches []*Version) (Inclusion, error) {
	i := includer{ctx: ctx, r: r, reg: reg, who: who, seen: make(map[fhir.Key]bool, len(matches))}
	for _, v := range matches {
		i.seen[v.Key] = true
	}
	from := matches
	for round := 0; len(from) > 0 && !i.out.Cut; round++ {
		before := len(i.out.Versions)
		asked := false
		for n := range includes {
			if in := &includes[n]; round == 0 || in.Iterate {
				if round > IncludeRounds {
					i.out.Deep = true
					return i.out, nil
				}
				asked = true
				if err := i.include(in, from); err != nil {
					return i.out, err
				}
			}
		}
		if !asked {
			break
		}
		from = i.out.Versions[before:]
	}
	return i.out, nil
}

// An includer gathers what is included.
type includer struct {
	ctx  context.Context
	r    Reader
	reg  *search.Registry
	who  search.Access
	seen map[fhir.Key]bool // matches, what is included, and what is not there
	size int
	out  Inclusion
}

// include adds what one Include asks for.
func (i *includer) include(in *search.Include, from []*Version) error {
	if in.Reverse {
		return i.referring(in, from)
	}
	for _, v := range from {
		if v.Key.Type != in.Source || i.out.Cut {
			continue
		}
		resource, err := v.Parse(i.reg.Codec)
		if err != nil {
			return err
		}
		for _, p := range i.reg.IncludeParams(in, "") {
			for _, key := range p.References(resource) {
				if in.Target != "" && in.Target != key.Type || i.seen[key] {
					continue
				}
				if err := i.referred(key); err != nil {
					return err
				}
			}
			if err := i.calledBy(p, resource, in.Target); err != nil {
				return err
			}
		}
	}
	return nil
}

// referred adds what a reference leads to.
func (i *includer) referred(key fhir.Key) error {
	v, err := i.r.Read(i.ctx, i.who, key)
	if kind := fhir.KindOf(err); kind == fhir.NotFound || kind == fhir.Gone {
		i.seen[key] = true
		return nil
	}
	if err == nil {
		i.add(v)
	}
	return err
}

// referring adds the resources that refer to some of those in from.
func (i *includer) referring(in *search.Include, from []*Version) error {
	byType := map[string][]fhir.Key{}
	for _, v := range from {
		if in.Target == "" || in.Target == v.Key.Type {
			byType[v.Key.Type] = append(byType[v.Key.Type], v.Key)
		}
	}
	for _, typ := range slices.Sorted(maps.Keys(byType)) {
		for _, p := range i.reg.IncludeParams(in, typ) {
			if i.out.Cut {
				return nil
			}
			// Those seen may be among the first to be found.
			q := &search.Query{Type: in.Source, Count: MaxIncluded + 1 + len(i.seen), Where: []search.Clause{i.reg.Referring(p, byType[typ])}}
			page, err := i.r.Search(i.ctx, i.who, q)
			if err != nil {
				return err
			}
			for _, v := range page.Versions {
				if !i.seen[v.Key] {
					i.add(v)
				}
			}
			i.out.Cut = i.out.Cut || page.Next != nil
			if err := i.calling(in.Source, p, typ, from); err != nil {
				return err
			}
		}
	}
	return nil
}

// add includes a resource, if there is room.
func (i *includer) add(v *Version) {
	if len(i.out.Versions) == MaxIncluded || i.size >= PageBytes {
		i.out.Cut = true
		return
	}
	i.seen[v.Key] = true
	i.size += len(v.Body)
	i.out.Versions = append(i.out.Versions, v)
}
