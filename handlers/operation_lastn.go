package handlers

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// How $lastn finds the last
//
// The matches are gone through from the newest to the oldest, and put into groups by
// their codes. Where one code is asked for, of one subject, they are one group, and
// the walk ends when it is full. Else it has to go on to the end: an old observation
// may be what makes one group of two.

// lastNScan bounds the observations looked at for a $lastn.
const lastNScan = 100_000

// lastN returns the last observations of a subject, grouped by code.
// See https://hl7.org/fhir/R4/observation-operation-lastn.html.
func (s *Server) lastN(ctx context.Context, u unit, req *Request, given arguments) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.SearchTime)
	defer cancel()
	shown := *req
	shown.Query = given.plain
	asked, most, err := s.lastNRequest(ctx, u, &shown, given)
	if err != nil {
		return nil, err
	}
	at, err := s.cursorOf(&shown, &asked)
	if err != nil {
		return nil, err
	}
	count := asked.query.Count
	all, err := s.latest(ctx, u, req.Who, asked.query, most)
	if err != nil {
		return nil, err
	}
	asked.explained()
	page, err := latestPage(ctx, u, req.Who, all, at, count)
	if err != nil {
		return nil, err
	}
	asked.estimated(true)
	included, err := s.included(ctx, u, req.Who, &asked, page)
	if err != nil {
		return nil, err
	}
	total := int64(len(all))
	if asked.total == noTotal && count > 0 {
		total = -1
	}
	matches, page, err := s.matches(ctx, u, &shown, &asked, page)
	if err != nil {
		return nil, err
	}
	body, err := s.searchset(&shown, &asked, page, matches, included, total)
	return &Response{Status: http.StatusOK, Body: body}, err
}

// lastNRequest reads the parameters of $lastn: those of a search, and how many
// observations of each group are wanted.
func (s *Server) lastNRequest(ctx context.Context, u unit, req *Request, given arguments) (asked searchRequest, most int, err error) {
	for name := range given.complex {
		return asked, 0, fhir.Errorf(fhir.Invalid, "the parameter %q is written as in searches, as a string", clip(name))
	}
	text, err := given.once("max")
	if err != nil {
		return asked, 0, err
	}
	most, ok := parseCount(cmp.Or(text, "1"))
	if !ok {
		return asked, 0, fhir.Errorf(fhir.Invalid, "max can not be %q", clip(text))
	}
	plain := *req
	plain.Query = slices.DeleteFunc(slices.Clone(req.Query), func(p [2]string) bool { return p[0] == "max" })
	if asked, err = s.searchRequest(ctx, u, &plain); err != nil {
		return asked, 0, err
	}
	if err := checkLastN(asked.query); err != nil {
		return asked, 0, err
	}
	asked.address = operationAddress(req)
	if text != "" {
		asked.params = append(asked.params[:len(asked.params):len(asked.params)], [2]string{"max", strconv.Itoa(most)})
	}
	if _, given := req.param("_count"); !given && asked.view.mode != summaryCount {
		asked.query.Count = s.options.Limits.MaxCount
	}
	return asked, most, nil
}

// checkLastN refuses a search that lacks what $lastn has to be given.
func checkLastN(q *search.Query) error {
	subject, coded := false, false
	for _, p := range q.Applied {
		code, _, _ := strings.Cut(p[0], ".")
		code, modifier, _ := strings.Cut(code, ":")
		if modifier == "missing" {
			continue
		}
		subject = subject || code == "patient" || code == "subject"
		coded = coded || code == "category" || slices.Contains(strings.Split(code, "-"), "code")
	}
	switch {
	case q.Contained != nil:
		return fhir.Errorf(fhir.Invalid, "search parameter \"_contained\": $lastn is not about contained observations")
	case !subject:
		return fhir.Errorf(fhir.Invalid, "$lastn needs the parameter patient or subject: whose observations are wanted")
	case !coded:
		return fhir.Errorf(fhir.Invalid, "$lastn needs the parameter category, code, or another with a code: which observations are wanted")
	case len(q.Sort) > 0:
		return fhir.Errorf(fhir.Unsupported, "$lastn has no parameter _sort: its results are sorted from the newest to the oldest")
	}
	return nil
}

// oneGroup reports whether all matches are observations of one subject that have one
// coding.
func oneGroup(q *search.Query) bool {
	subject, coding := false, false
	for i := range q.Where {
		c := &q.Where[i]
		if c.Param == nil || c.Modifier != "" || len(c.Values) != 1 {
			continue
		}
		text := c.Values[0].Text
		switch c.Param.Code {
		case "patient":
			subject = true
		case "subject":
			subject = subject || strings.Contains(text, "/") // an id alone may be of several types
		case "code":
			system, code, _ := strings.Cut(text, "|")
			coding = coding || system != "" && code != "" && !strings.Contains(text, `\`)
		}
	}
	return subject && coding
}

// latest returns the newest matches of a query of each group, from the newest to the
// oldest.
func (s *Server) latest(ctx context.Context, u unit, who search.Access, q *search.Query, most int) ([]latest, error) {
	date, _ := s.registry().Lookup("Observation", "date")
	subject, _ := s.registry().Lookup("Observation", "subject")
	one := oneGroup(q)
	walk := *q
	walk.Sort, walk.Includes, walk.Count = []search.SortKey{{Param: date, Descending: true}}, nil, s.options.Limits.MaxCount
	if one {
		walk.Count = min(walk.Count, most)
		walk.Count++ // one more tells that there is no tie
	}
	groups, seen := latestGroups{most: most, of: map[string]*latestGroup{}}, 0
	for {
		page, err := u.Search(ctx, who, &walk)
		if err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			r, err := v.Parse(s.codec)
			if err != nil {
				return nil, err
			}
			o := latest{key: v.Key, number: v.Number, time: string(date.SortValue(r, true)), place: seen}
			whose := ""
			if !one {
				whose = subjectOf(r, subject)
			}
			if kept := groups.add(o, groupNames(r, whose)); one && !kept {
				return groups.sorted(), nil
			}
			if seen++; seen > lastNScan {
				return nil, fhir.Errorf(fhir.TooCostly, "there are over %d observations to look at; ask for one patient and one code, as system|code", lastNScan)
			}
		}
		if page.Next == nil {
			return groups.sorted(), nil
		}
		walk.After = page.Next
	}
}

// subjectOf tells whose an observation is.
func subjectOf(r *fhir.Resource, subject *search.Param) string {
	if keys := subject.References(r); len(keys) > 0 {
		return keys[0].String()
	}
	return r.Root().Get("subject").Get("reference").Text()
}

// groupNames returns what an observation is grouped by: it is in one group with all
// others that have one of these names. They are its codings; or, if it has none, its
// text.
func groupNames(r *fhir.Resource, whose string) []string {
	concept := r.Root().Get("code")
	var names []string
	for c := range concept.Get("coding").Items {
		if code := c.Get("code").Text(); code != "" {
			names = append(names, whose+"\nc"+c.Get("system").Text()+"|"+code)
		}
	}
	if names == nil {
		names = append(names, whose+"\nt"+concept.Get("text").Text())
	}
	return names
}

// A latest is an observation that may be among the last of its group.
type latest struct {
	key    fhir.Key
	number int64
	time   string // what it is sorted by; empty: it has no time
	place  int    // in the walk
}

// compare puts the newest first.
func (o latest) compare(other latest) int {
	return cmp.Or(strings.Compare(other.time, o.time), strings.Compare(o.key.ID, other.key.ID))
}

// latestGroups are groups of observations that share a name, or share one with
// another that shares one with the third.
type latestGroups struct {
	most int // of a group
	of   map[string]*latestGroup
}

// A latestGroup holds the newest of a group, in the order of the walk.
type latestGroup struct {
	into *latestGroup // not nil: it has become part of that one
	list []latest
}

// root returns the group that g is part of.
func (g *latestGroup) root() *latestGroup {
	for g.into != nil {
		if g.into.into != nil {
			g.into = g.into.into // so that the way stays short
		}
		g = g.into
	}
	return g
}

// add adds an observation, which comes behind those there are, under its names. It
// reports whether there was room.
func (l *latestGroups) add(o latest, names []string) (kept bool) {
	var group *latestGroup
	for _, name := range names {
		known := l.of[name]
		if known == nil {
			continue
		}
		known = known.root()
		switch {
		case group == nil:
			group = known
		case group != known:
			known.into = group
			group.list = append(group.list, known.list...)
			slices.SortFunc(group.list, func(a, b latest) int { return cmp.Compare(a.place, b.place) })
			group.list, known.list = l.cut(group.list), nil
		}
	}
	if group == nil {
		group = &latestGroup{}
	}
	for _, name := range names {
		l.of[name] = group
	}
	group.list = l.cut(append(group.list, o))
	return group.list[len(group.list)-1].place == o.place
}

// cut drops what is too much. What is of the same time as the last that is wanted
// stays.
func (l *latestGroups) cut(list []latest) []latest {
	for n := len(list) - 1; n >= l.most; n-- {
		if last := list[l.most-1].time; last != "" && list[n].time == last {
			break
		}
		list = list[:n]
	}
	return list
}

// sorted returns the observations of all groups, from the newest to the oldest, each
// once.
func (l *latestGroups) sorted() []latest {
	var all []latest
	taken := map[*latestGroup]bool{}
	for _, g := range l.of {
		if g = g.root(); !taken[g] {
			taken[g] = true
			all = append(all, g.list...)
		}
	}
	slices.SortFunc(all, latest.compare)
	seen := map[fhir.Key]bool{} // a page of the walk may show again what has been changed
	return slices.DeleteFunc(all, func(o latest) bool {
		again := seen[o.key]
		seen[o.key] = true
		return again
	})
}

// position returns the place of an observation among all.
func (o latest) position() search.Position {
	return append(append(search.Position{byte(len(o.time))}, o.time...), o.key.ID...)
}

// latestAt returns the observation that a position is the place of.
func latestAt(p search.Position) latest {
	n := 1 + min(int(p[0]), len(p)-1)
	return latest{time: string(p[1:n]), key: fhir.Key{ID: string(p[n:])}}
}

// latestPage returns the page of observations that a cursor leads to.
func latestPage(ctx context.Context, u unit, who search.Access, all []latest, at cursor, count int) (*store.Page, error) {
	first := 0
	if at.at != nil {
		place, found := slices.BinarySearchFunc(all, latestAt(at.at), latest.compare)
		switch {
		case at.backward:
			all, first = all[:place], max(0, place-count)
		case found:
			first = place + 1
		default:
			first = place
		}
	}
	page, size := &store.Page{}, 0
	end := min(len(all), first+count)
	for i := first; i < end; i++ {
		if size >= store.PageBytes {
			end = i
			break
		}
		v, err := u.ReadVersion(ctx, who, all[i].key, all[i].number)
		if err != nil {
			return nil, err
		}
		size += len(v.Body)
		page.Versions = append(page.Versions, v)
	}
	if len(page.Versions) == 0 {
		return page, nil
	}
	if first > 0 {
		page.Prev = all[first].position()
	}
	if end < len(all) || at.backward {
		page.Next = all[end-1].position()
	}
	return page, nil
}
