package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A searchRequest is a search and how its result is wanted.
type searchRequest struct {
	query   *search.Query
	address string      // relative to the base
	params  [][2]string // as understood, for links and cursors
	view    view
	total   totalMode
	notes   []fhir.Issue // to be told beside the matches
}

// A totalMode is a value of _total.
// See https://hl7.org/fhir/R4/search.html#total.
type totalMode string

const (
	freeTotal     totalMode = "" // absent: if it takes no counting
	noTotal       totalMode = "none"
	estimateTotal totalMode = "estimate"
	accurateTotal totalMode = "accurate"
)

// search returns the resources that match.
// See https://hl7.org/fhir/R4/http.html#search.
func (s *Server) search(ctx context.Context, u unit, req *Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.SearchTime)
	defer cancel()
	asked, err := s.searchRequest(ctx, u, req)
	if err != nil {
		return nil, err
	}
	at, err := s.cursorOf(req, &asked)
	if err != nil {
		return nil, err
	}
	asked.query.After, asked.query.Backward = at.at, at.backward
	page := &store.Page{}
	if asked.query.Count > 0 {
		if page, err = u.Search(ctx, req.Who, asked.query); err != nil {
			return nil, err
		}
	}
	asked.explained()
	matches, page, err := s.matches(ctx, u, req, &asked, page)
	if err != nil {
		return nil, err
	}
	total, err := s.total(ctx, u, req.Who, &asked, page, len(matches))
	if err != nil {
		return nil, err
	}
	included, err := s.included(ctx, u, req.Who, &asked, page)
	if err != nil {
		return nil, err
	}
	body, err := s.searchset(req, &asked, page, matches, included, total)
	return &Response{Status: http.StatusOK, Body: body}, err
}

// searchRequest reads the parameters of a search but for the cursor. Those about the
// result are ours, the rest is for package search.
func (s *Server) searchRequest(ctx context.Context, r store.Reader, req *Request) (searchRequest, error) {
	var asked searchRequest
	kept := make([][2]string, 0, len(req.Query))
	for _, p := range req.Query {
		if p[0] != totalParam && p[0] != explainParam && p[0] != cursorParam && !viewing(p[0]) {
			kept = append(kept, p)
		}
	}
	known := s.knowledge(ctx, r, req.Who)
	q, err := search.Parse(s.registry(), req.Key.Type, kept, search.Options{
		Lenient:      req.Prefer.Lenient,
		Base:         s.base,
		DefaultCount: s.options.Limits.DefaultCount,
		MaxCount:     s.options.Limits.MaxCount,
		Terminology:  known.terms,
		Hierarchy:    known.parts,
		Contained:    req.Within.Type == "",
	})
	if err != nil {
		return asked, err
	}
	asked.query, asked.address, asked.params, asked.notes = q, req.searchAddress(), q.Applied, q.Ignored
	if err := s.readTotal(req, &asked); err != nil {
		return asked, err
	}
	if err := s.readView(req, &asked); err != nil {
		return asked, err
	}
	if err := s.readExplain(req, &asked); err != nil {
		return asked, err
	}
	if req.Within.Type != "" {
		within, _ := s.registry().Compartment(req.Within.Type, req.Within.ID, q.Type)
		q.Where = append(q.Where, within)
	}
	return asked, asked.checkContained()
}

// cursorOf reads the cursor of a search.
func (s *Server) cursorOf(req *Request, asked *searchRequest) (cursor, error) {
	text, err := req.once(cursorParam)
	if err != nil {
		return cursor{}, err
	}
	return s.openCursor(asked.address, asked.params, text)
}

// readTotal reads _total.
func (s *Server) readTotal(req *Request, asked *searchRequest) error {
	text, err := req.once(totalParam)
	if err != nil {
		return err
	}
	asked.total = totalMode(text)
	switch asked.total {
	case freeTotal:
		return nil
	case estimateTotal, accurateTotal, noTotal:
	default:
		return fhir.Errorf(fhir.Invalid, "_total is none, estimate or accurate, not %q", clip(text))
	}
	asked.params = append(asked.params[:len(asked.params):len(asked.params)], [2]string{totalParam, text})
	return nil
}

const totalParam = "_total"

// estimated says which total is given where an estimate was asked for: the links say
// accurate if it is.
func (asked *searchRequest) estimated(exact bool) {
	if asked.total != estimateTotal {
		return
	}
	if !exact {
		asked.notes = append(asked.notes, note("the total is an estimate; _total=accurate counts"))
		return
	}
	asked.notes = append(asked.notes, note("the total is accurate, which is more than the estimate asked for"))
	asked.params = slices.Clone(asked.params)
	for i := range asked.params {
		if asked.params[i][0] == totalParam {
			asked.params[i][1] = string(accurateTotal)
		}
	}
}

// readView reads how much of the resources is wanted.
func (s *Server) readView(req *Request, asked *searchRequest) error {
	var err error
	typ := req.Key.Type
	if c := asked.query.Contained; c != nil && !c.Alone {
		typ = "" // that of the containers
	}
	if asked.view, err = s.parseView(typ, req.Query); err != nil {
		return err
	}
	switch {
	case asked.view.mode == summaryCount:
		asked.query.Count = 0
	case asked.view.mode == summaryText && asked.query.Includes != nil:
		return fhir.Errorf(fhir.Invalid, "_summary=text and _include or _revinclude exclude each other")
	}
	if asked.query.Count == 0 {
		asked.countOnly()
	}
	return nil
}

// countOnly leaves out what has no meaning where only the total is told.
func (asked *searchRequest) countOnly() {
	asked.query.Includes, asked.query.Sort = nil, nil
	if asked.total == noTotal {
		asked.total = freeTotal
	}
	asked.params = slices.DeleteFunc(slices.Clone(asked.params), func(p [2]string) bool {
		code, _, _ := strings.Cut(p[0], ":")
		return code == "_include" || code == "_revinclude" || code == "_sort" || p[0] == totalParam && asked.total == freeTotal
	})
}

// explainParam asks how a search was carried out.
const explainParam = "_explain"

// readExplain reads _explain, which only those may ask for who may know how data
// is stored.
func (s *Server) readExplain(req *Request, asked *searchRequest) error {
	text, err := req.once(explainParam)
	switch {
	case err != nil || text == "" || text == "false":
		return err
	case text != "true":
		return fhir.Errorf(fhir.Invalid, "%s is true or false, not %q", explainParam, clip(text))
	case !s.options.Explain:
		return fhir.Errorf(fhir.Forbidden, "this server does not tell how it searches")
	}
	asked.query.Explain = &search.Explain{}
	asked.params = append(asked.params[:len(asked.params):len(asked.params)], [2]string{explainParam, text})
	return nil
}

// explained adds what the store told of the search to the notes.
func (asked *searchRequest) explained() {
	if e := asked.query.Explain; e != nil {
		for _, line := range e.Lines {
			asked.notes = append(asked.notes, note("%s", line))
		}
		asked.query.Explain = nil
	}
}

// total returns how many resources match, or a negative number if that is not
// known and not wanted. On this page there are some.
func (s *Server) total(ctx context.Context, u unit, who search.Access, asked *searchRequest, page *store.Page, matches int) (int64, error) {
	q := asked.query
	switch {
	case q.Count > 0 && asked.total == noTotal:
		return -1, nil
	case q.Count > 0 && q.After == nil && page.Next == nil:
		asked.estimated(true)
		return int64(matches), nil
	case asked.total == estimateTotal:
		n, exact, err := store.Estimate(ctx, u, who, q)
		asked.estimated(exact)
		return max(n, int64(len(page.Versions))), err
	case q.Count == 0 || asked.total == accurateTotal:
		return u.Count(ctx, who, q)
	}
	return -1, nil
}

// included returns what is shown beside the matches of a page.
func (s *Server) included(ctx context.Context, u unit, who search.Access, asked *searchRequest, page *store.Page) ([]*store.Version, error) {
	if asked.query.Includes == nil || len(page.Versions) == 0 {
		return nil, nil
	}
	found, err := store.Include(ctx, u, s.registry(), who, asked.query.Includes, page.Versions)
	warn := func(text string) {
		asked.notes = append(asked.notes, fhir.Issue{Severity: "warning", Code: "incomplete", Text: text})
	}
	if found.Cut {
		warn("more resources would be included than one page may have; ask for smaller pages")
	}
	if found.Deep {
		warn("what :iterate leads to may go on: it is followed three times only")
	}
	return found.Versions, err
}

// searchset puts together the Bundle of a page.
func (s *Server) searchset(req *Request, asked *searchRequest, page *store.Page, matches []match, included []*store.Version, total int64) ([]byte, error) {
	b := newBundle("searchset", total, bodies(page.Versions)+bodies(included))
	b.links(s.pageLinks(asked.address, asked.params, page, req))
	for _, m := range matches {
		resource, err := s.subset(asked.view, m.body)
		if err != nil {
			return nil, err
		}
		b.found(m.fullURL, resource, "match")
	}
	for _, v := range included {
		resource, err := s.subset(asked.view.ofIncluded(v.Key.Type), v.Body)
		if err != nil {
			return nil, err
		}
		b.found(s.fullURL(v.Key), resource, "include")
	}
	if len(asked.notes) > 0 {
		b.found("", outcomeJSON(asked.notes), "outcome")
	}
	return b.bytes(), nil
}
