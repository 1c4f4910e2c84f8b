package store

import (
	"context"
	"iter"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A Universe is what who may see in a store, for judging single resources by hand.
// The first thing that goes wrong ends up in Err; until it is nil, what was judged
// does not count.
type Universe struct {
	Err error

	ctx context.Context
	r   Reader
	reg *search.Registry
	who search.Access
}

var _ search.Universe = (*Universe)(nil)

// NewUniverse returns what one request may see.
func NewUniverse(ctx context.Context, r Reader, reg *search.Registry, who search.Access) *Universe {
	return &Universe{ctx: ctx, r: r, reg: reg, who: who}
}

// Resource implements [search.Universe].
func (u *Universe) Resource(key fhir.Key) *fhir.Resource {
	v, err := u.r.Read(u.ctx, u.who, key)
	if kind := fhir.KindOf(err); err != nil && (kind == fhir.NotFound || kind == fhir.Gone) {
		return nil
	}
	return u.parsed(v, err)
}

// parsed returns the resource of a version, nil if there was an error.
func (u *Universe) parsed(v *Version, err error) *fhir.Resource {
	var r *fhir.Resource
	if err == nil {
		r, err = v.Parse(u.reg.Codec)
	}
	if err != nil && u.Err == nil {
		u.Err = err
	}
	return r
}

// Resources implements [search.Universe].
func (u *Universe) Resources(typ string) iter.Seq[*fhir.Resource] {
	return func(yield func(*fhir.Resource) bool) {
		q := &search.Query{Type: typ, Count: 100}
		for more := true; more; more = q.After != nil {
			page, err := u.r.Search(u.ctx, u.who, q)
			if err != nil {
				u.parsed(nil, err)
				return
			}
			for _, v := range page.Versions {
				if r := u.parsed(v, nil); r == nil || !yield(r) {
					return
				}
			}
			q.After = page.Next
		}
	}
}
