package handlers

import (
	"context"
	"math/big"
	"strconv"
	"time"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/fhir/statistics"
	"github.com/noafhir/noafhir/store"
)

// statsScan bounds the observations looked at for a $stats.
const statsScan = 100_000

// ucumSystem is the code system of the units of UCUM.
const ucumSystem = "http://unitsofmeasure.org"

// A statsGathering collects measurements, by code.
type statsGathering struct {
	ctx    context.Context
	server *Server
	reader store.Reader
	who    search.Access
	asked  *statsRequest

	groups  []*statsGroup // those asked for, then the parts of panels as they were found
	taken   map[string]bool
	looked  int
	sources []statsSource // the first of what measurements are from
	shown   map[fhir.Key]bool
}

// A statsSource is a version that measurements are from.
type statsSource struct {
	key    fhir.Key
	number int64
}

// A statsGroup is what there is with one code.
type statsGroup struct {
	code    models.CodeableConcept
	asked   bool
	panel   bool // it is the code of a panel
	all     []measured
	total   int
	reasons []string       // why measurements were left out, as they were found
	left    map[string]int // how many, by reason
}

// A measured is one measurement of a group.
type measured struct {
	value *big.Rat
	text  string // the value as written
	code  string // of the unit
	at    time.Time
}

func newStatsGathering(ctx context.Context, s *Server, r store.Reader, who search.Access, asked *statsRequest) *statsGathering {
	g := &statsGathering{ctx: ctx, server: s, reader: r, who: who, asked: asked, taken: map[string]bool{}, shown: map[fhir.Key]bool{}}
	for _, c := range asked.codes {
		if g.group(*c.System, *c.Code) == nil {
			g.groups = append(g.groups, &statsGroup{code: models.CodeableConcept{Coding: []models.Coding{c}}, asked: true})
		}
	}
	return g
}

// group returns the group of a code, nil if there is none.
func (g *statsGathering) group(system, code string) *statsGroup {
	for _, group := range g.groups {
		if c := group.code.Coding[0]; *c.System == system && *c.Code == code {
			return group
		}
	}
	return nil
}

// gather goes through the observations, the newest first.
func (g *statsGathering) gather() error {
	q, err := g.server.statsQuery(g.asked)
	if err != nil {
		return err
	}
	for {
		page, err := g.reader.Search(g.ctx, g.who, q)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			r, err := g.look(v)
			if err == nil {
				err = g.observation(v, r)
			}
			if err != nil {
				return err
			}
		}
		if page.Next == nil {
			g.leaveOutPanels()
			return nil
		}
		q.After = page.Next
	}
}

// look parses a version, of which there may not be too many.
func (g *statsGathering) look(v *store.Version) (*fhir.Resource, error) {
	if g.looked++; g.looked > statsScan {
		return nil, fhir.Errorf(fhir.TooCostly, "there are over %d observations to look at; ask for a shorter time", statsScan)
	}
	return v.Parse(g.server.codec)
}

// leaveOutPanels drops the groups of panels that have no values of their own, unless
// there are no others.
func (g *statsGathering) leaveOutPanels() {
	var kept []*statsGroup
	for _, group := range g.groups {
		if !group.panel || group.total > 0 {
			kept = append(kept, group)
		}
	}
	if kept != nil {
		g.groups = kept
	}
}

// observation takes what an observation that was found has: its value and those of its
// components, as far as their codes are asked for, or all of them and those of its
// members if it is a panel that is asked for.
func (g *statsGathering) observation(v *store.Version, r *fhir.Resource) error {
	own := g.matching(r.Root().Get("code"))
	parts := r.Root().Get("component").Exists() || r.Root().Get("hasMember").Exists()
	for _, group := range own {
		group.panel = group.panel || parts
	}
	if !parts || choice(r.Root(), "value").Exists() {
		g.take(own, v, r, r.Root(), "")
	}
	if len(own) == 0 || !parts {
		g.components(v, r, g.matching)
		return nil
	}
	g.components(v, r, g.groupsOf)
	return g.members(r)
}

// components takes the values of components, in the groups that a function chooses by
// their codes.
func (g *statsGathering) components(v *store.Version, r *fhir.Resource, choose func(code fhir.Value) []*statsGroup) {
	i := 0
	for c := range r.Root().Get("component").Items {
		g.take(choose(c.Get("code")), v, r, c, strconv.Itoa(i))
		i++
	}
}

// members takes the values of the members of a panel, of the same subject.
func (g *statsGathering) members(panel *fhir.Resource) error {
	has, _ := g.server.registry().Lookup("Observation", "has-member")
	subject, _ := g.server.registry().Lookup("Observation", "subject")
	for _, key := range has.References(panel) {
		if key.Type != "Observation" {
			continue
		}
		v, err := g.reader.Read(g.ctx, g.who, key)
		if kind := fhir.KindOf(err); err != nil && (kind == fhir.NotFound || kind == fhir.Gone) {
			continue
		}
		if err != nil {
			return err
		}
		r, err := g.look(v)
		if err != nil {
			return err
		}
		if r.Root().Get("status").Text() == "entered-in-error" || subjectOf(r, subject) != subjectOf(panel, subject) {
			continue
		}
		if !r.Root().Get("component").Exists() || choice(r.Root(), "value").Exists() {
			g.take(g.groupsOf(r.Root().Get("code")), v, r, r.Root(), "")
		}
		g.components(v, r, g.groupsOf)
	}
	return nil
}

// matching returns the groups of the codes of a concept that are asked for.
func (g *statsGathering) matching(concept fhir.Value) []*statsGroup {
	var groups []*statsGroup
	for c := range concept.Get("coding").Items {
		if group := g.group(c.Get("system").Text(), c.Get("code").Text()); group != nil && group.asked {
			groups = append(groups, group)
		}
	}
	return groups
}

// groupsOf is matching for what a panel consists of: it makes a group of the first
// code if none is asked for.
func (g *statsGathering) groupsOf(concept fhir.Value) []*statsGroup {
	if groups := g.matching(concept); groups != nil {
		return groups
	}
	for c := range concept.Get("coding").Items {
		system, code, display := c.Get("system").Text(), c.Get("code").Text(), c.Get("display").Text()
		if system == "" || code == "" {
			continue
		}
		group := g.group(system, code)
		if group == nil {
			coding := models.Coding{System: &system, Code: &code}
			if display != "" {
				coding.Display = &display
			}
			group = &statsGroup{code: models.CodeableConcept{Coding: []models.Coding{coding}}}
			g.groups = append(g.groups, group)
		}
		return []*statsGroup{group}
	}
	return nil
}

// take adds the value of an observation or of one of its components, which part tells
// apart, to groups.
func (g *statsGathering) take(groups []*statsGroup, v *store.Version, r *fhir.Resource, of fhir.Value, part string) {
	for _, group := range groups {
		c := group.code.Coding[0]
		name := *c.System + "|" + *c.Code + "\n" + v.Key.ID + "\n" + part
		if g.taken[name] {
			continue
		}
		g.taken[name] = true
		group.total++
		m, reason := measurementOf(r, of)
		if reason != "" {
			group.leave(reason)
			continue
		}
		group.all = append(group.all, m)
		if len(g.sources) < g.asked.sources && !g.shown[v.Key] {
			g.shown[v.Key] = true
			g.sources = append(g.sources, statsSource{v.Key, v.Number})
		}
	}
}

// leave counts a measurement that is left out.
func (group *statsGroup) leave(reason string) {
	if group.left == nil {
		group.left = map[string]int{}
	}
	if group.left[reason]++; group.left[reason] == 1 {
		group.reasons = append(group.reasons, reason)
	}
}

// measurementOf reads the value of an observation or a component, or says why it can
// not be reckoned with.
func measurementOf(r *fhir.Resource, of fhir.Value) (m measured, reason string) {
	if r.Root().Get("modifierExtension").Exists() || of.Get("modifierExtension").Exists() {
		return m, "with a modifier extension"
	}
	quantity := of.Get("valueQuantity")
	if !quantity.Get("value").Exists() {
		return m, "without a quantity"
	}
	if quantity.Get("comparator").Exists() || quantity.Get("modifierExtension").Exists() {
		return m, "with a comparator"
	}
	m.text, m.code = quantity.Get("value").Text(), quantity.Get("code").Text()
	if _, _, ok := fhirpath.CanonicalUnit(m.code); !ok || quantity.Get("system").Text() != ucumSystem {
		return m, "without a unit of UCUM"
	}
	var ok bool
	if m.value, ok = statistics.Parse(m.text); !ok {
		return m, "with a number of too many digits"
	}
	m.at = timeOf(r)
	return m, ""
}

// timeOf returns when an observation was made, or began to be; zero if it does not
// say.
func timeOf(r *fhir.Resource) time.Time {
	for _, name := range []string{"effectiveDateTime", "effectiveInstant"} {
		if d, ok := fhir.ParseDate(r.Root().Get(name).Text()); ok {
			return d.Start
		}
	}
	d, _ := fhir.ParseDate(r.Root().Get("effectivePeriod").Get("start").Text())
	return d.Start
}
