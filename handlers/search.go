package handlers

import (
	"context"
	"net/http"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A searchRequest is a search and how its result is wanted.
type searchRequest struct {
	query    *search.Query
	params   [][2]string // as understood, for links and cursors
	view     view
	accurate bool // the total is asked for
}

// search returns the resources that match.
// See https://hl7.org/fhir/R4/http.html#search.
func (s *Server) search(ctx context.Context, u unit, req *Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.SearchTime)
	defer cancel()
	asked, err := s.searchRequest(ctx, u, req)
	if err != nil {
		return nil, err
	}
	page := &store.Page{}
	if asked.query.Count > 0 {
		if page, err = u.Search(ctx, req.Who, asked.query); err != nil {
			return nil, err
		}
	}
	total := int64(-1)
	switch {
	case asked.query.Count > 0 && asked.query.After == nil && page.Next == nil:
		total = int64(len(page.Versions))
	case asked.accurate || asked.query.Count == 0:
		if total, err = u.Count(ctx, req.Who, asked.query); err != nil {
			return nil, err
		}
	}
	body, err := s.searchset(req, asked, page, total)
	return &Response{Status: http.StatusOK, Body: body}, err
}

// searchRequest reads the parameters of a search. Those about the result are
// ours, the rest is for package search.
func (s *Server) searchRequest(ctx context.Context, r store.Reader, req *Request) (searchRequest, error) {
	var asked searchRequest
	var ours [][2]string
	kept := make([][2]string, 0, len(req.Query))
	for _, p := range req.Query {
		switch {
		case p[0] == "_total":
			ours = append(ours, p)
		case p[0] != cursorParam && !viewing(p[0]):
			kept = append(kept, p)
		}
	}
	q, err := search.Parse(s.registry, req.Key.Type, kept, search.Options{
		Lenient:      req.Prefer.Lenient,
		Base:         s.base,
		DefaultCount: s.options.Limits.DefaultCount,
		MaxCount:     s.options.Limits.MaxCount,
		Terminology:  s.terminology(ctx, r, req.Who),
	})
	if err != nil {
		return asked, err
	}
	if asked.accurate, err = wantsTotal(req); err != nil {
		return asked, err
	}
	if asked.view, err = s.parseView(req.Key.Type, req.Query); err != nil {
		return asked, err
	}
	if asked.view.mode == summaryCount {
		q.Count = 0
	}
	cursor, err := req.once(cursorParam)
	if err != nil {
		return asked, err
	}
	if req.Within.Type != "" {
		within, _ := s.registry.Compartment(req.Within.Type, req.Within.ID, q.Type)
		q.Where = append(q.Where, within)
	}
	asked.query = q
	asked.params = append(append(asked.params, q.Applied...), ours...)
	q.After, err = s.openCursor(req.searchAddress(), asked.params, cursor)
	return asked, err
}

// wantsTotal reads _total. An estimate is answered with the exact number.
// See https://hl7.org/fhir/R4/search.html#total.
func wantsTotal(req *Request) (bool, error) {
	total, err := req.once("_total")
	if err != nil {
		return false, err
	}
	switch total {
	case "accurate", "estimate":
		return true, nil
	case "", "none":
		return false, nil
	}
	return false, fhir.Errorf(fhir.Invalid, "_total is none, estimate or accurate, not %q", clip(total))
}

// searchset puts together the Bundle of a page.
func (s *Server) searchset(req *Request, asked searchRequest, page *store.Page, total int64) ([]byte, error) {
	b := newBundle("searchset", total, bodies(page))
	b.links(s.pageLinks(req.searchAddress(), asked.params, page.Next, req))
	for _, v := range page.Versions {
		resource := v.Body
		if !asked.view.whole() {
			var err error
			if resource, err = s.subset(asked.view, v.Body); err != nil {
				return nil, err
			}
		}
		b.found(s.fullURL(v.Key), resource, "match")
	}
	if ignored := asked.query.Ignored; len(ignored) > 0 {
		b.found("", outcomeJSON(ignored), "outcome")
	}
	return b.bytes(), nil
}
