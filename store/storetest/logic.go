package storetest

import (
	"context"
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A wish is a condition that takes more than one resource or clause, in a form
// that can be turned into a clause for each store.
type wish struct {
	kind    byte   // one of the letters below
	code    string // of the reference parameter
	target  string // a search
	others  []string
	further *wish // of the target
}

const (
	chainWish = '>' // what code refers to is found by target
	hasWish   = '<' // what is found by target refers here by code
	orWish    = '|' // one of others
	notWish   = '!' // not target
)

// references lists what refers to what, in what the generator makes.
var references = map[string][]struct{ code, target string }{
	"Observation": {{"subject", "Patient"}, {"patient", "Patient"}, {"has-member", "Observation"}},
	"Encounter":   {{"subject", "Patient"}, {"patient", "Patient"}},

	"QuestionnaireResponse": {{"questionnaire", "Questionnaire"}, {"questionnaire", "Questionnaire"}, {"subject", "Patient"}},
}

// wish makes up a condition on resources of a type, nil if there is none.
func (g *generator) wish(typ string, depth int) *wish {
	if typ == "" || depth == 0 {
		return nil
	}
	w := &wish{kind: g.one(">", "<", "<", "|", "!")[0], target: g.plain(typ)}
	target := typ
	switch w.kind {
	case chainWish:
		if references[typ] == nil {
			w.kind = hasWish
			break
		}
		link := references[typ][g.IntN(len(references[typ]))]
		w.code, target = link.code, link.target
	case orWish:
		w.others = []string{g.plain(typ), g.plain(typ)}
	}
	if w.kind == hasWish {
		if typ == "Encounter" || typ == "QuestionnaireResponse" {
			return nil
		}
		target = "Observation"
		w.code = map[string]string{"Patient": g.one("subject", "patient"), "Observation": "has-member", "Questionnaire": "questionnaire"}[typ]
		if typ == "Questionnaire" {
			target = "QuestionnaireResponse"
		}
	}
	w.target = g.plain(target)
	if g.IntN(3) == 0 {
		w.further = g.wish(target, depth-1)
	}
	return w
}

// plain makes up one to two parameters for a type.
func (g *generator) plain(typ string) string {
	text := typ + "?" + g.param(typ)
	if g.IntN(4) == 0 {
		text += "&" + g.param(typ)
	}
	return text
}

// clause turns a wish of resources of a type into a clause for a store.
func (p *pair) clause(w *wish, who search.Access, typ string, s *trial) search.Clause {
	parse := func(text string) *search.Query { return s.queryFor(who, p.instants(text, s)) }
	target := parse(w.target)
	if w.further != nil {
		target.Where = append(target.Where, p.clause(w.further, who, target.Type, s))
	}
	switch w.kind {
	case orWish:
		c := search.Clause{}
		for _, text := range w.others {
			c.Or = append(c.Or, *parse(text))
		}
		c.Or = append(c.Or, *target)
		return c
	case notWish:
		return search.Clause{Not: target}
	}
	base := typ
	if w.kind == hasWish {
		base = target.Type
	}
	param, ok := p.reg.Lookup(base, w.code)
	if !ok {
		p.Fatalf("%s has no parameter %s", base, w.code)
	}
	return search.Clause{Links: []search.Link{{Param: param, Reverse: w.kind == hasWish, Target: target}}}
}

// String writes a wish down for messages.
func (w *wish) String() string {
	text := " [" + string(w.kind) + w.code + " " + w.target
	for _, o := range w.others {
		text += " | " + o
	}
	if w.further != nil {
		text += w.further.String()
	}
	return text + "]"
}

// walkBack collects the keys of all pages from the last one to the first. Still says
// that nobody writes meanwhile.
func (s *trial) walkBack(r store.Reader, who search.Access, q *search.Query, still bool) []string {
	s.Helper()
	page := *q
	page.Backward = true
	var found []string
	for {
		p, err := r.Search(context.Background(), who, &page)
		if err != nil {
			s.Fatalf("searching backwards: %v", err)
		}
		if len(p.Versions) > page.Count || p.Prev != nil && len(p.Versions) < page.Count {
			s.Errorf("a page of %d has %d resources, more before it %t", page.Count, len(p.Versions), p.Prev != nil)
		}
		if still && page.After != nil && len(p.Versions) > 0 {
			s.forward(r, who, page, p)
		}
		found = append(names(p.Versions), found...)
		if page.After = p.Prev; page.After == nil {
			return found
		}
	}
}

// forward checks that Next of a page reached backwards leads to where that came
// from.
func (s *trial) forward(r store.Reader, who search.Access, page search.Query, p *store.Page) {
	s.Helper()
	on := page
	on.Backward, on.Count, on.After = false, 1, p.Next
	next, err := r.Search(context.Background(), who, &on)
	if err != nil || p.Next == nil {
		s.Fatalf("searching forwards from %q: %v", p.Next, err)
	}
	back := on
	back.After, back.Backward, back.Count = next.Prev, true, page.Count
	again, err := r.Search(context.Background(), who, &back)
	if err != nil || !slices.Equal(names(again.Versions), names(p.Versions)) {
		s.Errorf("a page on and back finds %v, want %v (error %v)", names(again.Versions), names(p.Versions), err)
	}
}
