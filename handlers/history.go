package handlers

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// history returns the versions of a resource, a type or everything, newest
// first.
// See https://hl7.org/fhir/R4/http.html#history.
func (s *Server) history(ctx context.Context, u unit, req *Request) (*Response, error) {
	q, params, err := s.historyQuery(req)
	if err != nil {
		return nil, err
	}
	view, err := s.resourceView(req.Key.Type, req.Query)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.SearchTime)
	defer cancel()
	page, err := u.History(ctx, req.Who, q)
	if err != nil {
		return nil, err
	}
	if len(page.Versions) == 0 && req.Key.ID != "" {
		if _, err := u.Read(ctx, req.Who, req.Key); fhir.KindOf(err) == fhir.NotFound {
			return nil, err
		}
	}
	body, err := s.historyBundle(req, page, params, view)
	return &Response{Status: http.StatusOK, Body: body}, err
}

// historyQuery reads the parameters of a history. It also returns those that
// belong in the links.
func (s *Server) historyQuery(req *Request) (store.HistoryQuery, [][2]string, error) {
	q := store.HistoryQuery{Key: req.Key, Count: s.options.Limits.DefaultCount}
	if err := req.onlyParams("_count", "_since", "_at", cursorParam, "_summary", "_elements"); err != nil {
		return q, nil, err
	}
	var params [][2]string
	var present string // cursor
	for _, name := range [...]string{"_since", "_at", "_count", cursorParam} {
		value, err := req.once(name)
		if err != nil {
			return q, nil, err
		}
		if value == "" {
			continue
		}
		ok := true
		switch name {
		case "_since":
			var since fhir.Date
			since, ok = fhir.ParseDate(value)
			q.Since = since.Start
		case "_at":
			q.At, ok = fhir.ParseDate(value)
		case "_count":
			if q.Count, ok = parseCount(value); ok {
				q.Count = min(q.Count, s.options.Limits.MaxCount)
				value = strconv.Itoa(q.Count)
			}
		case cursorParam:
			present = value
			continue
		}
		if !ok {
			return q, nil, fhir.Errorf(fhir.Invalid, "the parameter %s can not be %q", name, clip(value))
		}
		params = append(params, [2]string{name, value})
	}
	c, err := s.openCursor(historyAddress(req.Key), params, present)
	q.After = c.at
	return q, params, err
}

// parseCount reads the size of a page, at least 1.
func parseCount(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n > 0
}

// historyAddress returns where the history of a key is, relative to the base.
func historyAddress(key fhir.Key) string {
	switch {
	case key.ID != "":
		return key.String() + "/_history"
	case key.Type != "":
		return key.Type + "/_history"
	}
	return "_history"
}

// historyBundle puts together the Bundle of a page.
func (s *Server) historyBundle(req *Request, page *store.Page, params [][2]string, view view) ([]byte, error) {
	address := historyAddress(req.Key)
	present, _ := req.param(cursorParam)
	total := int64(-1)
	if present == "" && page.Next == nil {
		total = int64(len(page.Versions))
	}
	b := newBundle("history", total, bodies(page.Versions))
	b.links(s.pageLinks(address, params, page, req))
	for _, v := range page.Versions {
		resource := v.Body
		if !view.whole() && !v.Deleted {
			var err error
			if resource, err = s.subset(view, v.Body); err != nil {
				return nil, err
			}
		}
		b.version(s.fullURL(v.Key), v, resource)
	}
	return b.bytes(), nil
}

// fullURL returns the address of a resource as clients know it.
func (s *Server) fullURL(key fhir.Key) string {
	return s.base + "/" + key.Type + "/" + key.ID
}

// pageLinks returns the links of a page: self, and next and prev where there is more.
// They repeat how the client wants its results presented.
func (s *Server) pageLinks(address string, params [][2]string, page *store.Page, req *Request) []pageLink {
	at := s.base
	if address != "" {
		at += "/" + address
	}
	shown := append([][2]string(nil), params...)
	for _, p := range req.Query {
		if viewing(p[0]) {
			shown = append(shown, p)
		}
	}
	self := shown
	if present, _ := req.param(cursorParam); present != "" {
		self = append(slices.Clip(shown), [2]string{cursorParam, present})
	}
	links := []pageLink{{"self", withQuery(at, self)}}
	add := func(relation, cursor string) {
		links = append(links, pageLink{relation, s.linkTo(at, shown, cursor)})
	}
	if page.Next != nil {
		add("next", s.sealCursor(address, params, cursor{at: page.Next}))
	}
	if page.Prev != nil {
		add("prev", s.sealCursor(address, params, cursor{at: page.Prev, backward: true}))
	}
	return links
}
