package handlers

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// checkContained refuses what can not be said of contained resources that are
// shown by themselves: the store knows their containers only.
func (asked *searchRequest) checkContained() error {
	c := asked.query.Contained
	if c == nil || !c.Alone {
		return nil
	}
	if asked.query.Count == 0 || asked.total == accurateTotal || asked.total == estimateTotal {
		return fhir.Errorf(fhir.Unsupported, "with _containedType=contained there is no total, as contained resources are not counted")
	}
	return nil
}

// A match is an entry of a searchset that was found.
type match struct {
	fullURL string
	body    []byte
}

// matches returns the matches of a page: the resources found, or where contained
// ones are wanted by themselves, these. A page of them is cut so that it has no more
// than _count, unless one container has more: then it has those of that one.
func (s *Server) matches(ctx context.Context, u unit, req *Request, asked *searchRequest, page *store.Page) ([]match, *store.Page, error) {
	var all []match
	q := asked.query
	if q.Contained == nil || !q.Contained.Alone {
		for _, v := range page.Versions {
			all = append(all, match{s.fullURL(v.Key), v.Body})
		}
		return all, page, nil
	}
	of := make([][]match, len(page.Versions))
	judge := store.NewUniverse(ctx, u, s.registry(), req.Who)
	for i, v := range page.Versions {
		var err error
		if of[i], err = s.within(q.Contained, v, judge); err != nil {
			return nil, nil, err
		}
	}
	if fit := fitting(of, q.Count, q.Backward); fit < len(of) {
		less := *q
		less.Count = fit
		page, err := u.Search(ctx, req.Who, &less)
		if err != nil {
			return nil, nil, err
		}
		return s.matches(ctx, u, req, &searchRequest{query: &less}, page)
	}
	for _, some := range of {
		all = append(all, some...)
	}
	return all, page, nil
}

// fitting returns how many containers a page has room for, at least one.
func fitting(of [][]match, count int, backward bool) int {
	n := 0
	for i := range of {
		some := of[i]
		if backward {
			some = of[len(of)-1-i]
		}
		if n += len(some); n > count {
			return max(i, 1)
		}
	}
	return len(of)
}

// within returns the matches that a resource found has.
func (s *Server) within(c *search.Contained, v *store.Version, judge *store.Universe) ([]match, error) {
	r, err := v.Parse(s.codec)
	if err != nil {
		return nil, err
	}
	itself, within := c.Of(r, judge)
	if judge.Err != nil {
		return nil, judge.Err
	}
	var all []match
	if itself {
		all = append(all, match{s.fullURL(v.Key), v.Body})
	}
	for _, n := range within {
		all = append(all, match{s.fullURL(v.Key) + "#" + n.ID(), n.JSON()})
	}
	return all, nil
}
