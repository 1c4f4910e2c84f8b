package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// How $everything finds everything
//
// It is a few searches, one behind the other: what is in the compartments, then
// what that refers to. They have nothing in common, so each resource comes once
// without anybody remembering what was sent, and a page is where one of them is.
// Like all searches they see only what the caller may see.

// supporting are the types of resource that belong to nobody's compartment and are
// needed to understand what does.
var supporting = []string{"Device", "HealthcareService", "Location", "Medication", "Organization", "Practitioner", "PractitionerRole", "Substance"}

// A stage is one of the searches of $everything.
type stage struct {
	query func() *search.Query // nil if it finds nothing
	mode  string               // of its entries
}

// An everything is a request for everything about somebody.
type everything struct {
	server   *Server
	params   [][2]string // for links
	types    []string    // nil: all
	since    time.Time
	from, to time.Time
	count    int
	view     view

	kind   string   // whose compartments: Patient or Encounter
	ids    []string // nil: all
	people []string // ids of the patients concerned; nil: all

	sources map[string]*search.Query // what of a type is in the compartments; see [everything.source]
}

// everything returns all there is about a patient, all patients, an encounter, or
// the patients of a group.
// See https://hl7.org/fhir/R4/patient-operation-everything.html.
func (s *Server) everything(ctx context.Context, u unit, req *Request, given arguments) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.SearchTime)
	defer cancel()
	e, err := s.readEverything(req, given)
	if err != nil {
		return nil, err
	}
	stages, err := e.stages(ctx, u, req)
	if err != nil {
		return nil, err
	}
	return e.page(ctx, u, req, given, stages)
}

// readEverything reads the arguments.
func (s *Server) readEverything(req *Request, given arguments) (*everything, error) {
	if err := given.only("$everything", "start", "end", "_since", "_type", "_count", cursorParam, "_summary", "_elements"); err != nil {
		return nil, err
	}
	e := &everything{server: s, count: s.options.Limits.MaxCount}
	for _, name := range []string{"start", "end", "_since", "_count"} {
		text, err := given.once(name)
		if err != nil {
			return nil, err
		}
		if text == "" {
			continue
		}
		if err := e.read(name, text); err != nil {
			return nil, err
		}
		e.params = append(e.params, [2]string{name, text})
	}
	if types := given.all("_type"); types != nil {
		list := strings.Join(types, ",")
		e.types = strings.Split(list, ",")
		for _, typ := range e.types {
			if s.codec.Schema.ResourceByName(typ) == 0 {
				return nil, fhir.Errorf(fhir.Invalid, "_type: %q is no resource type", clip(typ))
			}
		}
		e.params = append(e.params, [2]string{"_type", list})
	}
	var err error
	if e.view, err = s.resourceView("", given.plain); err != nil {
		return nil, err
	}
	return e, nil
}

// read reads one argument.
func (e *everything) read(name, text string) error {
	if name == "_count" {
		n, ok := parseCount(text)
		if !ok {
			return fhir.Errorf(fhir.Invalid, "_count can not be %q", clip(text))
		}
		e.count = min(n, e.server.options.Limits.MaxCount)
		return nil
	}
	d, ok := fhir.ParseDate(text)
	if !ok {
		return fhir.Errorf(fhir.Invalid, "%s: %q is no date", name, clip(text))
	}
	switch name {
	case "start":
		e.from = d.Start
	case "end":
		e.to = d.End
	case "_since":
		e.since = d.Start
	}
	return nil
}

// stages works out the searches. It reads what everything is about, which has to be
// there.
func (e *everything) stages(ctx context.Context, u unit, req *Request) ([]stage, error) {
	e.kind = req.Key.Type
	if req.Key.ID == "" {
		return e.withSupporting(), nil
	}
	v, err := u.Read(ctx, req.Who, req.Key)
	if err != nil {
		return nil, err
	}
	r, err := e.server.stored(v)
	if err != nil {
		return nil, err
	}
	e.ids, e.people = []string{req.Key.ID}, []string{req.Key.ID}
	switch req.Key.Type {
	case "Encounter":
		e.people = e.server.references(r, "subject", "Patient")
		return e.withSupporting(stage{func() *search.Query { return e.ofEncounter(req.Key.ID) }, "include"}), nil
	case "Group":
		if e.ids, err = e.server.patients(r); err != nil {
			return nil, err
		}
		e.kind, e.people = "Patient", e.ids
		if len(e.ids) == 0 {
			return []stage{{func() *search.Query { return e.query("Group", []string{req.Key.ID}) }, "match"}}, nil
		}
	}
	return e.withSupporting(), nil
}

// references returns the ids of the resources of a type that a parameter of r refers
// to.
func (s *Server) references(r *fhir.Resource, code, typ string) []string {
	ids := []string{}
	p, ok := s.registry().Lookup(r.Type(), code)
	if !ok {
		panic("handlers: " + r.Type() + " has no parameter " + code)
	}
	for _, key := range p.References(r) {
		if key.Type == typ {
			ids = append(ids, key.ID)
		}
	}
	return ids
}

// maxMembers bounds the patients of a group.
const maxMembers = 5000

// patients returns the ids of the patients who are members of a group now.
func (s *Server) patients(group *fhir.Resource) ([]string, error) {
	gone := map[string]bool{}
	for m := range group.Root().Get("member").Items {
		if m.Get("inactive").Text() == "true" {
			gone[m.Get("entity").Get("reference").Text()] = true
		}
	}
	ids := s.references(group, "member", "Patient")
	ids = slices.DeleteFunc(ids, func(id string) bool { return gone["Patient/"+id] || gone[s.base+"/Patient/"+id] })
	if len(ids) > maxMembers {
		return nil, fhir.Errorf(fhir.TooCostly, "the group has over %d patients", maxMembers)
	}
	return ids, nil
}

// query returns a search for resources of a type, or of all types asked for if it is
// empty, with some ids if there are any. It is nil if none of these types was asked
// for.
func (e *everything) query(typ string, ids []string) *search.Query {
	q := &search.Query{Type: typ, IDs: ids}
	switch {
	case e.types == nil:
	case typ != "":
		if !slices.Contains(e.types, typ) {
			return nil
		}
	default:
		e.only(q, e.types)
	}
	e.narrow(q)
	return q
}

// only restricts a search to types.
func (e *everything) only(q *search.Query, types []string) {
	typed, err := search.Parse(e.server.registry(), "", [][2]string{{"_type", strings.Join(types, ",")}}, search.Options{})
	if err != nil {
		panic(err) // they have been checked
	}
	q.Type, q.Where = typed.Type, append(q.Where, typed.Where...)
}

// narrow adds what was asked of times.
func (e *everything) narrow(q *search.Query) {
	if !e.since.IsZero() {
		q.LastUpdated = append(q.LastUpdated, search.TimeRange{Low: e.since})
	}
	if !e.from.IsZero() || !e.to.IsZero() {
		q.Where = append(q.Where, e.server.registry().CareTime(e.from, e.to))
	}
}

// members returns the search for what of a type, or of any, is in the compartments;
// nil if nothing can be.
func (e *everything) members(typ string) *search.Query {
	q := e.query(typ, nil)
	if q == nil {
		return nil
	}
	within, ok := e.server.registry().CompartmentOf(e.kind, e.ids, q.Type)
	if !ok {
		return nil
	}
	q.Where = append(q.Where, within)
	return q
}

// withSupporting returns the search for what is in the compartments, some more, and
// that for what supports them.
func (e *everything) withSupporting(more ...stage) []stage {
	stages := append([]stage{{func() *search.Query { return e.members("") }, "match"}}, more...)
	return append(stages, stage{e.support, "include"})
}

// support returns the search for supporting resources that something in the
// compartments refers to, or a role of a practitioner that is referred to.
func (e *everything) support() *search.Query {
	types := supporting
	if e.types != nil {
		types = slices.DeleteFunc(slices.Clone(supporting), func(typ string) bool { return !slices.Contains(e.types, typ) })
	}
	if len(types) == 0 {
		return nil
	}
	q := &search.Query{}
	e.only(q, types)
	if !e.since.IsZero() {
		q.LastUpdated = []search.TimeRange{{Low: e.since}}
	}
	direct := e.links(func(p *search.Param) bool { return refersToAny(p, types) })
	roles := e.links(func(p *search.Param) bool { return refersToAny(p, []string{"PractitionerRole"}) })
	for _, code := range []string{"practitioner", "organization", "location"} {
		if p, ok := e.server.registry().Lookup("PractitionerRole", code); ok {
			role := &search.Query{Type: "PractitionerRole", Where: []search.Clause{{Links: roles}}}
			direct = append(direct, search.Link{Param: p, Reverse: true, Target: role})
		}
	}
	q.Where = append(q.Where, search.Clause{Links: direct})
	if slices.Contains(types, "Device") && e.people != nil {
		q.Where = append(q.Where, search.Clause{Not: e.foreignDevices()})
	}
	return q
}

// foreignDevices returns the search for the devices of other patients.
func (e *everything) foreignDevices() *search.Query {
	q, err := search.Parse(e.server.registry(), "Device", [][2]string{{"patient:missing", "false"}}, search.Options{})
	if err != nil {
		panic(err)
	}
	p, _ := e.server.registry().Lookup("Device", "patient")
	keys := make([]fhir.Key, len(e.people))
	for i, id := range e.people {
		keys[i] = fhir.Key{Type: "Patient", ID: id}
	}
	own := &search.Query{Type: "Device", Where: []search.Clause{e.server.registry().Referring(p, keys)}}
	q.Where = append(q.Where, search.Clause{Not: own})
	return q
}

// refersToAny reports whether a parameter is known to refer to one of some types.
func refersToAny(p *search.Param, types []string) bool {
	return len(p.Target) == 0 || slices.ContainsFunc(p.Target, func(t string) bool { return slices.Contains(types, t) })
}

// links returns the links from what is in the compartments, by the parameters that
// count.
func (e *everything) links(counts func(p *search.Param) bool) []search.Link {
	var links []search.Link
	for i := range e.server.codec.Schema.Types {
		t := &e.server.codec.Schema.Types[i]
		if t.Kind != fhir.ResourceType || t.Abstract {
			continue
		}
		for _, p := range e.server.registry().IncludeParams(&search.Include{Source: t.Name}, "") {
			if !counts(p) {
				continue
			}
			if source := e.source(t.Name); source != nil {
				links = append(links, search.Link{Param: p, Reverse: true, Target: source})
			}
		}
	}
	return links
}

// source returns the search for what of a type is in the compartments, nil if
// nothing can be. That type may be one that was not asked for: what it refers to may
// be all the same.
func (e *everything) source(typ string) *search.Query {
	q, known := e.sources[typ]
	if !known {
		every := *e
		every.types = nil
		q = every.members(typ)
		if e.sources == nil {
			e.sources = map[string]*search.Query{}
		}
		e.sources[typ] = q
	}
	return q
}

// ofEncounter returns the search for what an encounter itself refers to, such as
// its patient, unless it is in the compartment or supports it.
func (e *everything) ofEncounter(id string) *search.Query {
	q := e.query("", nil)
	if q == nil {
		return nil
	}
	itself := &search.Query{Type: "Encounter", IDs: []string{id}}
	var links []search.Link
	for _, p := range e.server.registry().IncludeParams(&search.Include{Source: "Encounter"}, "") {
		links = append(links, search.Link{Param: p, Reverse: true, Target: itself})
	}
	rest := &search.Query{}
	e.only(rest, supporting)
	within, _ := e.server.registry().CompartmentOf("Encounter", e.ids, "")
	q.Where = append(q.Where, search.Clause{Links: links}, search.Clause{Not: rest},
		search.Clause{Not: &search.Query{Where: []search.Clause{within}}})
	return q
}

// page returns the page that a cursor leads to: the rest of one stage, and as much
// of the following as there is room for.
func (e *everything) page(ctx context.Context, u unit, req *Request, given arguments, stages []stage) (*Response, error) {
	text, err := given.once(cursorParam)
	if err != nil {
		return nil, err
	}
	at, err := e.server.openCursor(operationAddress(req), e.params, text)
	if err != nil {
		return nil, err
	}
	p := stagedPage{ctx: ctx, reader: u, who: req.Who, count: e.count}
	first := 0
	if at.at != nil {
		first, p.after = int(at.at[0]), at.at[1:]
	}
	for i := first; i < len(stages) && p.next == nil; i++ {
		if err := p.add(i, stages[i]); err != nil {
			return nil, err
		}
	}
	total := int64(-1)
	if p.next == nil && at.at == nil {
		total = p.matches
	}
	body, err := e.bundle(req, given, &p, total)
	return &Response{Status: http.StatusOK, Body: body}, err
}

// A stagedPage is a page in the making, of what several stages find.
type stagedPage struct {
	ctx    context.Context
	reader store.Reader
	who    search.Access
	count  int
	after  search.Position // where in the first stage it begins

	entries []foundEntry
	matches int64
	size    int
	next    []byte // the stage in which the next page begins, and where in it; nil: there is none
}

// add adds what a stage finds. If there is no room it finds out whether there would
// be something.
func (p *stagedPage) add(number int, from stage) error {
	q := from.query()
	if q == nil {
		return nil
	}
	room := p.count - len(p.entries)
	if p.size >= store.PageBytes {
		room = 0
	}
	q.Count = max(room, 1)
	if len(p.after) > 0 {
		q.After = p.after
	}
	p.after = nil
	page, err := p.reader.Search(p.ctx, p.who, q)
	switch {
	case err != nil:
		return err
	case room == 0 && len(page.Versions) > 0:
		p.next = []byte{byte(number)}
		return nil
	case page.Next != nil:
		p.next = append([]byte{byte(number)}, page.Next...)
	}
	for _, v := range page.Versions {
		p.size += len(v.Body)
		p.entries = append(p.entries, foundEntry{v, from.mode})
		if from.mode == "match" {
			p.matches++
		}
	}
	return nil
}

// A foundEntry is a version to be shown, and why.
type foundEntry struct {
	version *store.Version
	mode    string
}

// bundle puts together the Bundle of a page.
func (e *everything) bundle(req *Request, given arguments, p *stagedPage, total int64) ([]byte, error) {
	b := newBundle("searchset", total, p.size+300*len(p.entries))
	shown := *req
	shown.Query = given.plain
	b.links(e.server.pageLinks(operationAddress(req), e.params, &store.Page{Next: p.next}, &shown))
	for _, entry := range p.entries {
		v := entry.version
		resource, err := e.server.subset(e.view, v.Body)
		if err != nil {
			return nil, err
		}
		b.found(e.server.fullURL(v.Key), resource, entry.mode)
	}
	return b.bytes(), nil
}

// operationAddress returns where an operation is, relative to the base.
func operationAddress(req *Request) string {
	switch {
	case req.Key.ID != "":
		return req.Key.String() + "/" + req.Part
	case req.Key.Type != "":
		return req.Key.Type + "/" + req.Part
	}
	return req.Part
}
