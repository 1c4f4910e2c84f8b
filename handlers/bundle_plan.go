package handlers

import (
	"context"
	"net/http"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A plan is a transaction worked out: what each entry is about, and what it
// writes.
type plan struct {
	server   *Server
	who      search.Access
	known    knowledge  // what is stored before the transaction
	tree     *fhir.Tree // of the bundle
	changes  []*change  // one for each entry
	byURL    map[string]*change
	criteria []*criterion
	byText   map[string]*criterion
	numbered bool // some change is numbered
	overlay  overlay
	deletes  int // how many matches a conditional delete may delete; 0: none, it is refused
}

// A change is an entry of a transaction and what is known about it.
type change struct {
	*entry
	root      string     // base of relative references, if fullUrl is RESTful
	places    []place    // links that may have to be replaced in the resource
	condition *criterion // of a conditional interaction
	assigned  string     // the id that the server gives if it has to
	numbered  bool       // a reference names the version that is there after this

	// Set anew each time the plan is settled.
	keys   []fhir.Key     // what the entry is about; several only for a conditional delete
	found  *store.Version // what the condition has matched
	number int64          // of the version that is there after this, if numbered
	edits  []fhir.Edit    // of the resource, to make what is written
	write  *store.Write   // nil if nothing is written
	notes  []fhir.Issue   // about what is written
	patch  []byte
}

// A place is a link in the resource of an entry.
type place struct {
	node      uint32
	form      linkForm
	link      link
	to        *change    // the entry it points to
	criterion *criterion // of a conditional reference
}

// newPlan reads what entries ask for, without looking for what criteria match.
func (s *Server) newPlan(ctx context.Context, req *Request, entries []entry) (*plan, error) {
	p := &plan{
		server:  s,
		who:     req.Who,
		known:   s.knowledge(ctx, s.store, req.Who),
		tree:    req.Body.Tree(),
		changes: make([]*change, len(entries)),
		byURL:   make(map[string]*change, len(entries)),
		byText:  map[string]*criterion{},
		deletes: s.deleteLimit(),
	}
	for i := range entries {
		c := &change{entry: &entries[i], root: restfulRoot(s.codec.Schema, entries[i].fullURL)}
		p.changes[i] = c
		if c.fullURL != "" && c.mayWrite() && c.request.Method != http.MethodDelete {
			p.byURL[c.fullURL] = c
		}
	}
	for _, c := range p.changes {
		if err := p.read(c); err != nil {
			return nil, c.fail(err)
		}
	}
	p.setLimits()
	return p, nil
}

// mayWrite reports whether performing the entry may change the store.
func (c *change) mayWrite() bool {
	switch c.request.Method {
	case http.MethodGet, http.MethodHead:
		return false
	}
	return c.request.Part == ""
}

// stores reports whether the resource of the entry is what gets stored.
func (c *change) stores() bool {
	return c.mayWrite() && (c.request.Method == http.MethodPost || c.request.Method == http.MethodPut)
}

// read finds the condition and the links of an entry.
func (p *plan) read(c *change) error {
	if c.request.changes() {
		return fhir.ErrorAt(fhir.Unsupported, "request.url", "%s can not be part of a transaction; a batch may have it", c.request.Part)
	}
	if !c.mayWrite() {
		return nil
	}
	if c.request.Key.Type == "" {
		return fhir.ErrorAt(fhir.Invalid, "request.url", "a %s needs a resource type", c.request.Method)
	}
	if err := p.readCondition(c); err != nil {
		return err
	}
	if !c.stores() {
		return nil
	}
	if typ := c.resource.Get("resourceType").Text(); typ != c.request.Key.Type {
		return fhir.ErrorAt(fhir.Invalid, "resource", "the resource is a %s, the url says %s", typ, clip(c.request.Key.Type))
	}
	var err error
	if c.assigned, err = newID(); err != nil {
		return err
	}
	return p.server.links.visit(c.resource, func(v fhir.Value, form linkForm) error {
		return p.readLink(c, v, form)
	})
}

// readCondition finds the criteria of a conditional interaction.
func (p *plan) readCondition(c *change) (err error) {
	req := c.request
	switch {
	case req.Method == http.MethodPost && req.IfNoneExist != "":
		c.condition, err = p.criterion(req.Key.Type+"?"+req.IfNoneExist, func() (*search.Query, error) {
			return p.server.ifNoneExist(p.known, req.Key.Type, req.IfNoneExist)
		})
		return under("request.ifNoneExist", err)
	case req.Method == http.MethodDelete && req.Key.ID == "" && p.deletes == 0:
		return fhir.Errorf(fhir.NotAllowed, "this server does not delete by criteria")
	case req.Method != http.MethodPost && req.Key.ID == "":
		c.condition, err = p.criterion(withQuery(req.Key.Type, req.Query), func() (*search.Query, error) {
			return p.server.criteria(p.known, req.Key.Type, req.Query)
		})
		return under("request.url", err)
	}
	return nil
}

// readLink notes a link that may have to be replaced. A URN in a reference that
// nothing in the bundle goes by is refused: stored, it would lead nowhere.
func (p *plan) readLink(c *change, v fhir.Value, form linkForm) error {
	text := v.Text()
	at := place{node: v.Index(), form: form}
	switch form {
	case narrativeLink:
		if _, found := relink(text, func(url string) (string, bool) { return "", p.note(c, url) != nil }); found {
			c.places = append(c.places, at)
		}
		return nil
	case uriLink:
		if !isURN(text) {
			return nil
		}
	case referenceLink:
		if isConditional(p.server.codec.Schema, text) {
			q, err := p.criterion(text, func() (*search.Query, error) {
				typ, _, _ := strings.Cut(text, "?")
				return p.server.ifNoneExist(p.known, typ, text)
			})
			if err != nil {
				return under(p.expression(at), err)
			}
			q.refers = true
			at.criterion = q
			c.places = append(c.places, at)
			return nil
		}
	}
	at.link = splitLink(text)
	if at.to = p.note(c, text); at.to != nil {
		c.places = append(c.places, at)
	} else if form == referenceLink && isURN(text) {
		return fhir.ErrorAt(fhir.Invalid, p.expression(at), "no entry that is written has the fullUrl %s", clip(text))
	}
	return nil
}

// expression returns the FHIRPath of a place.
func (p *plan) expression(at place) string {
	return expression(p.server.codec.Schema, p.tree, at.node)
}

// note returns the entry that a link in c points to, nil if none does, and
// remembers if the link names a version.
func (p *plan) note(c *change, url string) *change {
	to, l := p.lookup(c.root, url)
	if to != nil && l.version {
		to.numbered, p.numbered = true, true
	}
	return to
}

// lookup returns the entry that a link points to, nil if none does.
// See https://hl7.org/fhir/R4/bundle.html#references.
func (p *plan) lookup(root, url string) (*change, link) {
	l := splitLink(url)
	if l.path == "" {
		return nil, l
	}
	to := p.byURL[l.path]
	if to == nil && root != "" && strings.IndexByte(l.path, ':') < 0 {
		to = p.byURL[root+l.path]
	}
	return to, l
}
