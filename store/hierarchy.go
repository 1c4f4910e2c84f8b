package store

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// MaxHierarchy bounds the resources that a search with :above or :below is about.
const MaxHierarchy = 5000

// A Hierarchy finds out from a store which resources are part of which, as far as
// the caller may see them.
type Hierarchy struct {
	ctx context.Context
	r   Reader
	reg *search.Registry
	who search.Access
}

var _ search.Hierarchy = (*Hierarchy)(nil)

// NewHierarchy returns what one request needs to know about hierarchies.
func NewHierarchy(ctx context.Context, r Reader, reg *search.Registry, who search.Access) *Hierarchy {
	return &Hierarchy{ctx, r, reg, who}
}

var errLargeHierarchy error = fhir.Errorf(fhir.Unsupported, "the hierarchy has more than %d resources", MaxHierarchy)

// Below implements [search.Hierarchy].
func (h *Hierarchy) Below(partOf *search.Param, of fhir.Key) ([]fhir.Key, error) {
	return closure(of, func(level []fhir.Key) ([]fhir.Key, error) {
		q := &search.Query{Type: of.Type, Count: MaxHierarchy, Where: []search.Clause{h.reg.Referring(partOf, level)}}
		var next []fhir.Key
		for {
			page, err := h.r.Search(h.ctx, h.who, q)
			if err != nil {
				return nil, err
			}
			for _, v := range page.Versions {
				next = append(next, v.Key)
			}
			if q.After = page.Next; q.After == nil || len(next) > MaxHierarchy {
				return next, nil
			}
		}
	})
}

// Above implements [search.Hierarchy].
func (h *Hierarchy) Above(partOf *search.Param, of fhir.Key) ([]fhir.Key, error) {
	return closure(of, func(level []fhir.Key) ([]fhir.Key, error) {
		var next []fhir.Key
		for _, key := range level {
			v, err := h.r.Read(h.ctx, h.who, key)
			if kind := fhir.KindOf(err); err != nil && (kind == fhir.NotFound || kind == fhir.Gone) {
				continue
			}
			if err != nil {
				return nil, err
			}
			r, err := v.Parse(h.reg.Codec)
			if err != nil {
				return nil, err
			}
			for _, ref := range partOf.References(r) {
				if ref.Type == of.Type {
					next = append(next, ref)
				}
			}
		}
		return next, nil
	})
}

// closure returns a resource and all that steps from it lead to, each once.
func closure(of fhir.Key, step func(level []fhir.Key) ([]fhir.Key, error)) ([]fhir.Key, error) {
	seen := map[fhir.Key]bool{of: true}
	all := []fhir.Key{of}
	for level := all; len(level) > 0; {
		next, err := step(level)
		if err != nil {
			return nil, err
		}
		from := len(all)
		for _, key := range next {
			if !seen[key] {
				seen[key] = true
				all = append(all, key)
			}
		}
		if len(all) > MaxHierarchy {
			return nil, errLargeHierarchy
		}
		level = all[from:]
	}
	return all, nil
}
