package ordering

import (
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A Page collects the results of a search until its page is full.
type Page struct {
	order       *Order
	q           *search.Query
	versions    []*store.Version
	first, last Spot
	size        int  // of the bodies
	more        bool // results follow that do not fit
}

// NewPage returns an empty page of what q asks for, in its order.
func NewPage(o *Order, q *search.Query) *Page { return &Page{order: o, q: q} }

// Add adds the next result, and reports whether there was room. The first that has
// none tells that another page follows.
func (p *Page) Add(v *store.Version, at Spot) bool {
	if len(p.versions) == p.q.Count || p.size >= store.PageBytes {
		p.more = true
		return false
	}
	if len(p.versions) == 0 {
		p.first = at
	}
	p.versions, p.size, p.last = append(p.versions, v), p.size+len(v.Body), at
	return true
}

// Done returns the page, with the positions that lead on from it.
func (p *Page) Done() *store.Page {
	out := &store.Page{Versions: p.versions}
	if len(p.versions) == 0 {
		return out
	}
	before, more := p.q.After != nil, p.more // there is something where the walk comes from
	if p.q.Backward {
		slices.Reverse(out.Versions)
		p.first, p.last, before, more = p.last, p.first, more, before
	}
	if before {
		out.Prev = p.order.Position(p.first)
	}
	if more {
		out.Next = p.order.Position(p.last)
	}
	return out
}
