package handlers

import (
	"context"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/fhir/statistics"
	"github.com/noafhir/noafhir/store"
)

// A statsRequest is what $stats is asked.
type statsRequest struct {
	subject    string
	codes      []models.Coding
	period     *models.Period // nil: all time
	statistics []statistic
	sources    int // how many observations to show beside; 0: none
}

// stats returns statistics of a subject's measurements.
// See https://hl7.org/fhir/R4/observation-operation-stats.html.
func (s *Server) stats(ctx context.Context, u unit, req *Request, given arguments) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.SearchTime)
	defer cancel()
	asked, err := s.statsRequest(given)
	if err != nil {
		return nil, err
	}
	g := newStatsGathering(ctx, s, u, req.Who, &asked)
	if err := g.gather(); err != nil {
		return nil, err
	}
	out := []byte(`{"resourceType":"Parameters"`)
	begin := `,"parameter":[{"name":"`
	add := func(name string, resource []byte) {
		out = append(append(append(append(out, begin...), name...), `","resource":`...), resource...)
		out = append(out, '}')
		begin = `,{"name":"`
	}
	for _, group := range g.groups {
		o, err := group.observation(&asked)
		if err != nil {
			return nil, err
		}
		add("statistics", mustJSON(o))
	}
	for size, from := 0, g.sources; len(from) > 0 && size < store.PageBytes; from = from[1:] {
		v, err := u.ReadVersion(ctx, req.Who, from[0].key, from[0].number)
		if err != nil {
			return nil, err
		}
		size += len(v.Body)
		add("source", v.Body)
	}
	return &Response{Status: http.StatusOK, Body: append(out, `]}`...)}, nil
}

// statsRequest reads the parameters of $stats.
func (s *Server) statsRequest(given arguments) (asked statsRequest, err error) {
	if err := given.only("$stats", "subject", "code", "system", "coding", "duration", "period", "statistic", "include", "limit"); err != nil {
		return asked, err
	}
	for _, name := range []string{"coding", "period"} {
		if given.all(name) != nil {
			return asked, fhir.Errorf(fhir.Invalid, "%s is a complex value, which is sent in a Parameters resource; by code and system, codes can stand in the URL", name)
		}
	}
	for name := range given.complex {
		if name != "coding" && name != "period" {
			return asked, fhir.Errorf(fhir.Invalid, "%s is a simple value", name)
		}
	}
	if asked.subject, err = given.once("subject"); err != nil {
		return asked, err
	}
	if !strings.Contains(asked.subject, "/") {
		return asked, fhir.Errorf(fhir.Invalid, "subject is a reference, as in Patient/123, not %q", clip(asked.subject))
	}
	for _, read := range []func(arguments, *statsRequest) error{readStatsCodes, readStatsTime, readStatistics, s.readStatsSources} {
		if err := read(given, &asked); err != nil {
			return asked, err
		}
	}
	return asked, nil
}

// maxStatsCodes bounds the codes of a $stats.
const maxStatsCodes = 100

// readStatsCodes reads what of measurements is asked for: code and system, or coding.
func readStatsCodes(given arguments, asked *statsRequest) error {
	system, err := given.once("system")
	if err != nil {
		return err
	}
	codes := given.all("code")
	if (system == "") != (codes == nil) {
		return fhir.Errorf(fhir.Invalid, "code and system go together: system=http://loinc.org&code=718-7")
	}
	for _, code := range codes {
		asked.codes = append(asked.codes, models.Coding{System: &system, Code: &code})
	}
	for _, v := range given.complex["coding"] {
		system, code, display := v.Get("system").Text(), v.Get("code").Text(), v.Get("display").Text()
		if system == "" || code == "" {
			return fhir.Errorf(fhir.Invalid, "coding needs a system and a code")
		}
		c := models.Coding{System: &system, Code: &code}
		if display != "" {
			c.Display = &display
		}
		asked.codes = append(asked.codes, c)
	}
	switch {
	case asked.codes == nil:
		return fhir.Errorf(fhir.Invalid, "$stats needs code and system, or coding: which measurements are wanted")
	case slices.ContainsFunc(asked.codes, func(c models.Coding) bool { return *c.Code == "" }):
		return fhir.Errorf(fhir.Invalid, "code is empty")
	case len(asked.codes) > maxStatsCodes:
		return fhir.Errorf(fhir.Invalid, "there are over %d codes", maxStatsCodes)
	}
	return nil
}

// maxHours bounds duration: a hundred years.
const maxHours = 24 * 365 * 100

// readStatsTime reads period or duration.
func readStatsTime(given arguments, asked *statsRequest) error {
	text, err := given.once("duration")
	if err != nil {
		return err
	}
	periods := given.complex["period"]
	switch {
	case text != "" && periods != nil || len(periods) > 1:
		return fhir.Errorf(fhir.Invalid, "duration and period exclude each other, and there is one of them")
	case text != "":
		hours, ok := statistics.Parse(text)
		if !ok || hours.Sign() <= 0 || hours.Cmp(big.NewRat(maxHours, 1)) > 0 {
			return fhir.Errorf(fhir.Invalid, "duration is a number of hours, not %q", clip(text))
		}
		milliseconds, _ := hours.Mul(hours, big.NewRat(time.Hour.Milliseconds(), 1)).Float64()
		now := time.Now().UTC()
		start, end := instantText(now.Add(-time.Duration(milliseconds)*time.Millisecond)), instantText(now)
		asked.period = &models.Period{Start: &start, End: &end}
	case periods != nil:
		return readStatsPeriod(periods[0], asked)
	}
	return nil
}

// readStatsPeriod reads period.
func readStatsPeriod(v fhir.Value, asked *statsRequest) error {
	asked.period = &models.Period{}
	start, end := v.Get("start").Text(), v.Get("end").Text()
	first, begins := fhir.ParseDate(start)
	last, ends := fhir.ParseDate(end)
	switch {
	case !begins && !ends:
		return fhir.Errorf(fhir.Invalid, "period needs a start or an end")
	case begins && ends && !first.Start.Before(last.End):
		return fhir.Errorf(fhir.Invalid, "period ends before it begins")
	}
	if begins {
		asked.period.Start = &start
	}
	if ends {
		asked.period.End = &end
	}
	return nil
}

// instantText writes an instant to the millisecond.
func instantText(t time.Time) string { return t.Format("2006-01-02T15:04:05.000Z07:00") }

// readStatistics reads which statistics are wanted.
func readStatistics(given arguments, asked *statsRequest) error {
	for _, code := range given.all("statistic") {
		i := slices.IndexFunc(allStatistics, func(s statistic) bool { return s.code == code })
		if i < 0 {
			var known []string
			for _, s := range allStatistics {
				known = append(known, s.code)
			}
			return fhir.Errorf(fhir.Invalid, "there is no statistic %q; there are %s", clip(code), strings.Join(known, ", "))
		}
		if !slices.ContainsFunc(asked.statistics, func(s statistic) bool { return s.code == code }) {
			asked.statistics = append(asked.statistics, allStatistics[i])
		}
	}
	if asked.statistics == nil {
		return fhir.Errorf(fhir.Invalid, "$stats needs the parameter statistic, as in statistic=average")
	}
	return nil
}

// readStatsSources reads include and limit; without include, limit means nothing.
func (s *Server) readStatsSources(given arguments, asked *statsRequest) error {
	include, err := given.once("include")
	switch {
	case err != nil:
		return err
	case include == "" || include == "false":
		return nil
	case include != "true":
		return fhir.Errorf(fhir.Invalid, "include is true or false, not %q", clip(include))
	}
	asked.sources = s.options.Limits.MaxCount
	text, err := given.once("limit")
	if err != nil || text == "" {
		return err
	}
	limit, ok := parseCount(text)
	if !ok {
		return fhir.Errorf(fhir.Invalid, "limit can not be %q", clip(text))
	}
	asked.sources = min(asked.sources, limit)
	return nil
}

// statsQuery returns the search for the observations that $stats is about, the newest
// first.
func (s *Server) statsQuery(asked *statsRequest) (*search.Query, error) {
	codes := make([]string, len(asked.codes))
	for i, c := range asked.codes {
		codes[i] = escaped.Replace(*c.System) + "|" + escaped.Replace(*c.Code)
	}
	params := [][2]string{
		{"subject", escaped.Replace(asked.subject)}, {"combo-code", strings.Join(codes, ",")},
		{"status:not", "entered-in-error"}, {"_sort", "-date"},
	}
	if asked.period != nil && asked.period.Start != nil {
		params = append(params, [2]string{"date", "ge" + *asked.period.Start})
	}
	if asked.period != nil && asked.period.End != nil {
		params = append(params, [2]string{"date", "le" + *asked.period.End})
	}
	return search.Parse(s.registry(), "Observation", params, search.Options{Base: s.base, DefaultCount: s.options.Limits.MaxCount})
}
