package search

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/noafhir/noafhir/fhir"
)

// The limits of a query.
const (
	maxParams = 200 // parameters
	maxValues = 100 // values of one parameter, any of which may match
)

// Options say how Parse treats what a client may choose.
type Options struct {
	Lenient      bool      // unknown parameters are left out with a warning instead of refused
	Base         string    // this server's base URL, without a slash at the end; empty: that of the registry
	DefaultCount int       // page size if _count is absent
	MaxCount     int       // larger pages are cut to this; 0: never
	Contained    bool      // _contained may ask for contained resources
	Conditional  bool      // criteria of a conditional interaction: result parameters are refused, and Lenient has no effect
	Now          time.Time // what ap is relative to; zero: the current time

	Terminology Terminology // for :in, :not-in, :above and :below on tokens; nil: they are refused
	Hierarchy   Hierarchy   // for :above and :below on references; nil: they are refused
}

func (o *Options) now() time.Time {
	if o.Now.IsZero() {
		return time.Now()
	}
	return o.Now
}

func invalid(format string, args ...any) *fhir.Error {
	return fhir.Errorf(fhir.Invalid, format, args...)
}

// clip shortens text from a client for use in a message.
func clip(s string) string {
	if len(s) > 60 {
		return strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}

// presentation are the parameters that say how results are shown. They are for
// handlers: Parse lets them pass, and Applied has them not.
var presentation = []string{"_format", "_pretty", "_summary", "_elements", "_total", "_cursor"}

// later are the parameters of R4 that are not supported, and why.
var later = map[string]string{
	"_query":   "there are no named queries",
	"_score":   "results have no score",
	"_explain": "it is not supported",
}

// A query is a Query in the making.
type query struct {
	*Query
	reg   *Registry
	opts  *Options
	types []string        // from _type, if there are several
	seen  map[string]bool // result parameters
	hops  int             // references followed so far, by chains
	has   int             // references followed so far, by _has
	spent *effort         // so far, for all of the search

	inside   *containedMode
	enclosed bool // it is about a resource within a Bundle

	leaf     func(q *query, p *Param, modifier, value string) error // reads a parameter of the index
	filtered bool                                                   // it is that of a filter
}

// within returns a query to be part of q, about resources of a type.
func (q *query) within(typ string) *query {
	sub := *q
	sub.Query, sub.types = &Query{Type: typ}, nil
	return &sub
}

// Parse reads the parameters of a search on a type, or on the whole system if
// typ is empty, in the order they came. Errors are Invalid or Unsupported and
// name the parameter at fault.
//
// Left to the caller are _format, _pretty, _summary, _elements, _total and
// _cursor: they are skipped.
func Parse(reg *Registry, typ string, params [][2]string, o Options) (*Query, error) {
	if typ != "" && reg.schema.ResourceByName(typ) == 0 {
		return nil, invalid("%q is no resource type", clip(typ))
	}
	if len(params) > maxParams {
		return nil, invalid("the search has %d parameters, at most %d are allowed", len(params), maxParams)
	}
	o.Base = cmp.Or(o.Base, reg.Base)
	q := query{
		Query: &Query{Type: typ, Count: o.DefaultCount}, reg: reg, opts: &o, seen: map[string]bool{}, spent: new(effort),
		leaf: (*query).clause, inside: new(containedMode),
	}
	if err := q.setTypes(params); err != nil {
		return nil, err
	}
	for _, p := range params {
		if err := q.add(p[0], p[1]); err != nil {
			return nil, err
		}
	}
	if err := q.contain(); err != nil {
		return nil, err
	}
	return q.Query, nil
}

// add adds one parameter.
func (q *query) add(name, value string) error {
	return named(name, q.parameter(name, value))
}

// named adds the parameter at fault to an error.
func named(name string, err error) error {
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*fhir.Error](err)
	if !ok {
		return err
	}
	shown := *e
	shown.Text = "search parameter " + strconv.Quote(clip(name)) + ": " + e.Text
	return &shown
}

func (q *query) parameter(name, value string) error {
	code, modifier, modified := strings.Cut(name, ":")
	if modified && modifier == "" {
		return invalid("there is no modifier behind the colon")
	}
	if slices.Contains(presentation, name) || name == "_count" || name == "_sort" || code == "_include" || code == "_revinclude" {
		return q.result(name, value)
	}
	if !utf8.ValidString(value) {
		return invalid("its value is no UTF-8")
	}
	if err := q.demand(name, value); err != nil {
		return q.leaveOut(name, err)
	}
	q.Applied = append(q.Applied, [2]string{name, value})
	return nil
}

// demand adds the conditions that a parameter makes, chained or not.
func (q *query) demand(name, value string) error {
	code, modifier, _ := strings.Cut(name, ":")
	switch {
	case code == "_has":
		return q.reverse(modifier, value)
	case strings.Contains(name, "."):
		head, rest, _ := strings.Cut(name, ".")
		return q.chain(head, rest, value)
	}
	if why, ok := later[code]; ok {
		return unknownf("%s", why)
	}
	if q.filtered && code == "id" {
		code = "_id"
	}
	if read := q.special(code); read != nil {
		if q.filtered {
			return invalid("%s has no place in a filter", code)
		}
		if modifier != "" {
			return invalid("it has no modifier :%s", clip(modifier))
		}
		return read(value)
	}
	p, ok := q.reg.Lookup(q.Type, code)
	switch {
	case ok:
		return q.leaf(q, p, modifier, value)
	case q.types != nil:
		return q.ofEach(name, value)
	}
	return q.unknown(code)
}

// special returns what reads a parameter that is no element of resources, nil for
// any other.
func (q *query) special(code string) func(value string) error {
	switch code {
	case "_type":
		return q.onlyTypes
	case "_list":
		return q.list
	case "_text":
		return q.narrative
	case "_content":
		return q.content
	case "_filter":
		return q.filter
	case "_contained":
		return q.contained
	case "_containedType":
		return q.containedType
	}
	return nil
}

// An unknownParam is the error for a parameter that there is not, the only one
// that Lenient passes over: what a parameter means is never guessed.
type unknownParam struct{ shown *fhir.Error }

// Error implements error.
func (u unknownParam) Error() string { return u.shown.Error() }

// Unwrap returns the error to show.
func (u unknownParam) Unwrap() error { return u.shown }

func unknownf(format string, args ...any) error {
	return unknownParam{fhir.Errorf(fhir.Unsupported, format, args...)}
}

// unknown says why there is no such parameter.
func (q *query) unknown(code string) error {
	switch {
	case q.reg.prose[q.Type+"."+code]:
		return unknownf("its definition has no expression, so it can not be searched by")
	case q.Type == "":
		return unknownf("searches on the whole system do not have it")
	}
	return unknownf("%s has no search parameter %q", q.Type, clip(code))
}

// leaveOut refuses a parameter, or with Lenient notes that an unknown one was left
// out.
func (q *query) leaveOut(name string, err error) error {
	unknown, ok := errors.AsType[unknownParam](err)
	if !ok || !q.opts.Lenient || q.opts.Conditional {
		return err
	}
	q.Ignored = append(q.Ignored, fhir.Issue{
		Severity: "warning", Code: fhir.Unsupported.IssueCode(),
		Text: "search parameter " + strconv.Quote(clip(name)) + " was left out: " + unknown.shown.Text,
	})
	return nil
}

// result reads a parameter about the result.
func (q *query) result(name, value string) error {
	if q.opts.Conditional {
		return invalid("the criteria of a conditional interaction have no place for it")
	}
	if slices.Contains(presentation, name) {
		return nil
	}
	code, modifier, _ := strings.Cut(name, ":")
	if code == "_include" || code == "_revinclude" {
		if err := q.include(code == "_revinclude", modifier, value); err != nil {
			return q.leaveOut(name, err)
		}
		q.Applied = append(q.Applied, [2]string{name, value})
		return nil
	}
	if q.seen[name] {
		return invalid("it is given twice")
	}
	q.seen[name] = true
	if name == "_sort" {
		return q.sortBy(name, value)
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || value[0] == '+' || value[0] == '-' {
		return invalid("%q is no number of results", clip(value))
	}
	if q.opts.MaxCount > 0 {
		n = min(n, q.opts.MaxCount)
	}
	q.Count = n
	q.Applied = append(q.Applied, [2]string{name, strconv.Itoa(n)})
	return nil
}

// clause adds what a parameter of the index demands.
func (q *query) clause(p *Param, modifier, value string) error {
	values := split(value, ',')
	if len(values) > maxValues {
		return invalid("it has %d values, at most %d are allowed", len(values), maxValues)
	}
	if slices.Contains(values, "") {
		return invalid("it has an empty value")
	}
	c := Clause{Param: p, Modifier: modifier}
	switch {
	case modifier == "missing":
		if err := c.missing(values); err != nil {
			return err
		}
	case p.Code == "_id":
		return q.id(p, modifier, values)
	case p.Code == "_lastUpdated" && modifier != "":
		return invalid("it has no modifier :%s", clip(modifier))
	default:
		if err := c.compare(values, q.opts); err != nil {
			return err
		}
		if p.Code == "_lastUpdated" && len(values) == 1 {
			q.LastUpdated = append(q.LastUpdated, c.Values[0].comparison.(*dateValue).instants())
			return nil
		}
	}
	q.Where = append(q.Where, c)
	return nil
}

// compare reads the values of c and collects their key ranges.
func (c *Clause) compare(values []string, o *Options) error {
	parse, err := c.Param.parser(c.Modifier)
	if err != nil {
		return err
	}
	c.Exact = c.keyed()
	for _, text := range values {
		v, err := parse(c.Param, text, o)
		if err != nil {
			return err
		}
		c.Values = append(c.Values, Value{Text: text, comparison: v})
		if c.keyed() {
			c.addRanges(c.Param, v)
		}
	}
	switch {
	case slices.ContainsFunc(c.Values, Value.keyless):
		c.Ranges, c.Exact = nil, false
	case c.keyed():
		c.tidy()
	}
	return nil
}

// keyless reports whether what matches v may have no key: texts of punctuation alone
// have none.
func (v Value) keyless() bool {
	s, ok := v.comparison.(*stringValue)
	return ok && len(s.folded) == 0
}

// keyed reports whether keys help to find what c asks for.
func (c *Clause) keyed() bool {
	return c.Modifier != "not" && c.Modifier != "not-in" && !keyless[c.Param.Code]
}

// id reads _id. Of several, each must hold.
func (q *query) id(p *Param, modifier string, values []string) error {
	if modifier != "" {
		return invalid("it has no modifier :%s", clip(modifier))
	}
	for _, v := range values {
		if !fhir.ValidID(v) {
			return invalid("%q is no id", clip(v))
		}
	}
	if q.IDs == nil {
		q.IDs = values
		return nil
	}
	var both []string
	for _, id := range q.IDs {
		if slices.Contains(values, id) {
			both = append(both, id)
		}
	}
	if both == nil {
		q.Where = append(q.Where, Clause{Param: p, Ranges: []KeyRange{}, Exact: true}) // nothing matches
		return nil
	}
	q.IDs = both
	return nil
}

// instants returns what d means for values that are instants.
func (d *dateValue) instants() TimeRange {
	low, high := d.span.begin.time(), d.span.end.time()
	switch d.prefix {
	case eq, ap:
		return TimeRange{Low: low, High: high}
	case ne:
		return TimeRange{Low: low, High: high, Not: true}
	case gt, sa:
		return TimeRange{Low: high}
	case lt, eb:
		return TimeRange{High: low}
	case ge:
		return TimeRange{Low: low}
	case le:
		return TimeRange{High: high}
	}
	panic("search: a prefix nobody knows")
}
