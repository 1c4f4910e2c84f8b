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
// It tells of one subject after the other, in the order of their ids: a patient, each
// of several, or an encounter. Of each it shows first what is in the compartment, by
// clinical date, and then what that refers to. A page is where one of these walks is,
// so it costs what it shows, and at its second part one more walk of the compartment;
// nothing is remembered between pages. What is in the compartments of several comes
// with the first of them. Like all searches these see only what the caller may see.

// An everything is a request for everything about somebody.
type everything struct {
	server *Server
	ctx    context.Context
	reader store.Reader
	who    search.Access

	params   [][2]string // for links
	types    []string    // nil: all
	since    time.Time
	from, to time.Time
	count    int
	view     view

	kind string   // of the subjects: Patient or Encounter
	ids  []string // of the subjects, sorted; nil: all patients
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
	e.ctx, e.reader, e.who = ctx, u, req.Who
	alone, err := e.subjects(req.Key)
	if err != nil {
		return nil, err
	}
	text, err := given.once(cursorParam)
	if err != nil {
		return nil, err
	}
	at, err := s.openCursor(operationAddress(req), e.params, text)
	if err != nil {
		return nil, err
	}
	p := &everythingPage{everything: e, shared: map[fhir.Key]bool{}}
	if alone != nil {
		p.entries, p.matches = []foundEntry{{alone, "match"}}, 1
	} else if err := p.fill(at.at); err != nil {
		return nil, err
	}
	total := int64(-1)
	if p.next == nil && at.at == nil {
		total = p.matches
	}
	body, err := p.bundle(req, given, total)
	return &Response{Status: http.StatusOK, Body: body}, err
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

// subjects finds out whom everything is about. It reads what the operation is called
// on, which has to be there. A group without patients is alone: there is nothing but
// itself.
func (e *everything) subjects(key fhir.Key) (alone *store.Version, err error) {
	e.kind = key.Type
	if key.ID == "" {
		return nil, nil
	}
	v, err := e.reader.Read(e.ctx, e.who, key)
	if err != nil {
		return nil, err
	}
	e.ids = []string{key.ID}
	if key.Type != "Group" {
		return nil, nil
	}
	r, err := v.Parse(e.server.codec)
	if err != nil {
		return nil, err
	}
	e.kind, e.ids = "Patient", e.server.members(r)
	if len(e.ids) > 0 || e.types != nil && !slices.Contains(e.types, "Group") || v.LastUpdated.Before(e.since) {
		return nil, nil
	}
	return v, nil
}

// members returns the ids of the patients who are members of a group now, sorted.
func (s *Server) members(group *fhir.Resource) []string {
	gone := map[string]bool{}
	for m := range group.Root().Get("member").Items {
		if m.Get("inactive").Text() == "true" {
			gone[m.Get("entity").Get("reference").Text()] = true
		}
	}
	member, _ := s.registry().Lookup("Group", "member")
	ids := []string{}
	for _, key := range member.References(group) {
		if key.Type == "Patient" && !gone[key.String()] && !gone[s.fullURL(key)] {
			ids = append(ids, key.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// A subject is whom everything is about.
type subject struct {
	id     string
	before search.Position // of all patients: behind which place the walk finds this one
	after  search.Position // and where it goes on; nil: it is the last
}

// subjectAt returns the subject with an id, or if there is none the first with a
// greater one; of all patients, the first behind a place. Nil: there is none.
func (e *everything) subjectAt(id string, before search.Position) (*subject, error) {
	if e.ids != nil {
		i, _ := slices.BinarySearch(e.ids, id)
		if i == len(e.ids) {
			return nil, nil
		}
		return &subject{id: e.ids[i]}, nil
	}
	byID, _ := e.server.registry().Lookup("Patient", "_id")
	q := &search.Query{Type: "Patient", Sort: []search.SortKey{{Param: byID}}, Count: 1}
	if len(before) > 0 {
		q.After = before
	}
	page, err := e.reader.Search(e.ctx, e.who, q)
	if err != nil || len(page.Versions) == 0 {
		return nil, err
	}
	return &subject{id: page.Versions[0].Key.ID, before: before, after: page.Next}, nil
}

// following returns the subject that comes after another, nil if there is none.
func (e *everything) following(s *subject) (*subject, error) {
	switch {
	case e.ids != nil:
		return e.subjectAt(s.id+"\x00", nil)
	case s.after == nil:
		return nil, nil
	}
	return e.subjectAt("", s.after)
}

// comesEarlier reports whether a resource is in the compartment of a subject before
// another, with which it is shown.
func (e *everything) comesEarlier(s *subject, v *store.Version) (bool, error) {
	if len(e.ids) == 1 {
		return false, nil
	}
	r, err := v.Parse(e.server.codec)
	if err != nil {
		return false, err
	}
	for _, id := range e.server.registry().CompartmentIDs(e.kind, r) {
		if id >= s.id {
			continue
		}
		if e.ids != nil {
			if _, found := slices.BinarySearch(e.ids, id); found {
				return true, nil
			}
			continue
		}
		_, err := e.reader.Read(e.ctx, e.who, fhir.Key{Type: e.kind, ID: id})
		if kind := fhir.KindOf(err); err == nil || kind != fhir.NotFound && kind != fhir.Gone {
			return err == nil, err
		}
	}
	return false, nil
}

// inCompartment returns the search for what is in the compartment of a subject, of
// some types if there are any; nil if nothing can be.
func (e *everything) inCompartment(s *subject, types []string) *search.Query {
	q := &search.Query{}
	if types != nil {
		typed, err := search.Parse(e.server.registry(), "", [][2]string{{"_type", strings.Join(types, ",")}}, search.Options{})
		if err != nil {
			panic(err) // they have been checked
		}
		q.Type, q.Where = typed.Type, typed.Where
	}
	within, ok := e.server.registry().Compartment(e.kind, s.id, q.Type)
	if !ok {
		return nil
	}
	q.Where = append(q.Where, within)
	if !e.from.IsZero() || !e.to.IsZero() {
		q.Where = append(q.Where, e.server.registry().CareTime(e.from, e.to))
	}
	return q
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
