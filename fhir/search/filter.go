package search

import (
	"encoding/json"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// The limits of _filter.
const (
	maxFilterSize  = 8000 // bytes
	maxFilterTests = 100
	maxFilterDepth = 20 // of brackets
)

// filter reads _filter: tests joined by and, or and not. And binds closer than or.
// See https://hl7.org/fhir/R4/search_filter.html.
func (q *query) filter(value string) error {
	if err := needs(logic); err != nil {
		return err
	}
	if len(value) > maxFilterSize {
		return invalid("it is longer than %d bytes", maxFilterSize)
	}
	f := &filterParser{rest: value}
	where, err := f.either(q, 0)
	if err == nil && f.skip() != 0 {
		err = invalid("%q is left over at its end", clip(f.rest))
	}
	q.Where = append(q.Where, where...)
	return err
}

// A filterParser reads filters. What it returns are clauses that must all hold.
type filterParser struct {
	rest  string
	tests int
}

// skip skips white space and returns the byte behind it, 0 at the end.
func (f *filterParser) skip() byte {
	f.rest = strings.TrimLeft(f.rest, " \t\r\n")
	if f.rest == "" {
		return 0
	}
	return f.rest[0]
}

// word takes a keyword, if it is there with a space or a bracket behind it.
func (f *filterParser) word(w string) bool {
	f.skip()
	rest, found := strings.CutPrefix(f.rest, w)
	if !found || rest != "" && !strings.ContainsRune(" \t\r\n()", rune(rest[0])) {
		return false
	}
	f.rest = rest
	return true
}

// either reads what stands between ors.
func (f *filterParser) either(q *query, depth int) ([]Clause, error) {
	if depth > maxFilterDepth {
		return nil, invalid("its brackets are more than %d deep", maxFilterDepth)
	}
	first, err := f.every(q, depth)
	if err != nil || !f.word("or") {
		return first, err
	}
	any := []Query{{Type: q.Type, Where: first}}
	for {
		next, err := f.every(q, depth)
		if err != nil {
			return nil, err
		}
		any = append(any, Query{Type: q.Type, Where: next})
		if !f.word("or") {
			return []Clause{{Or: any}}, nil
		}
	}
}

// every reads what stands between ands.
func (f *filterParser) every(q *query, depth int) ([]Clause, error) {
	var all []Clause
	for {
		next, err := f.one(q, depth)
		if err != nil {
			return nil, err
		}
		all = append(all, next...)
		if !f.word("and") {
			return all, nil
		}
	}
}

// one reads a test, or a filter in brackets, or its opposite.
func (f *filterParser) one(q *query, depth int) ([]Clause, error) {
	switch {
	case f.skip() == '(':
		return f.bracketed(q, '(', ')', depth)
	case f.word("not"):
		if f.skip() != '(' {
			return nil, invalid("not stands before a filter in brackets")
		}
		inner, err := f.bracketed(q, '(', ')', depth)
		return []Clause{{Not: &Query{Type: q.Type, Where: inner}}}, err
	}
	if f.tests++; f.tests > maxFilterTests {
		return nil, invalid("it has more than %d tests", maxFilterTests)
	}
	return f.test(q, depth)
}

func (f *filterParser) bracketed(q *query, open, end byte, depth int) ([]Clause, error) {
	f.rest = strings.TrimPrefix(f.rest, string(open))
	inner, err := f.either(q, depth+1)
	if err != nil {
		return nil, err
	}
	if f.skip() != end {
		return nil, invalid("a %c is not closed", open)
	}
	f.rest = f.rest[1:]
	return inner, nil
}

// isName reports whether a byte is part of a path.
func isName(c byte) bool {
	return c == '_' || c == '-' || c == ':' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// name takes the part of a path up to a bracket or a space.
func (f *filterParser) name() string {
	f.skip()
	i := 0
	for i < len(f.rest) && isName(f.rest[i]) {
		i++
	}
	name := f.rest[:i]
	f.rest = f.rest[i:]
	return name
}

// test reads path, operator and value. A filter in square brackets is about what
// the reference before it leads to, as is the path behind it.
func (f *filterParser) test(q *query, depth int) ([]Clause, error) {
	name := f.name()
	if name == "" {
		return nil, invalid("there should be a search parameter at %q", clip(f.rest))
	}
	sub := q.within(q.Type)
	sub.types, sub.filtered = q.types, true
	if !strings.HasPrefix(f.rest, "[") {
		operator, value, err := f.comparison()
		if err != nil {
			return nil, err
		}
		sub.leaf = func(q *query, p *Param, modifier, _ string) error { return q.test(p, modifier, operator, value) }
		err = sub.demand(name, "")
		return sub.Where, err
	}
	return f.linked(sub, name, depth)
}

// linked reads the filter in square brackets behind a reference, and what is asked
// beside it.
func (f *filterParser) linked(q *query, name string, depth int) ([]Clause, error) {
	from, read := f.rest, false
	after := *f
	// The filter means something else for every type the reference leads to, so
	// that it is read again for each.
	err := q.chainBy(name, func(target *query) error {
		inner := filterParser{rest: from, tests: f.tests}
		where, err := inner.bracketed(target, '[', ']', depth)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(inner.rest, ".") {
			return invalid("a . and a search parameter should follow the ]")
		}
		inner.rest = inner.rest[1:]
		more, err := inner.test(target, depth+1)
		target.Where = append(where, more...)
		if err == nil {
			after, read = inner, true
		}
		return err
	})
	if err == nil && !read {
		err = invalid("nothing follows %q", clip(name))
	}
	*f = after
	return q.Where, err
}

// comparison takes an operator and a value: a JSON string, or what stands up to a
// space or a bracket.
func (f *filterParser) comparison() (operator, value string, err error) {
	f.skip()
	operator, rest, _ := strings.Cut(f.rest, " ")
	f.rest = rest
	if operator == "" {
		return "", "", invalid("after a search parameter there should be an operator and a value")
	}
	switch f.skip() {
	case 0:
		return "", "", invalid("after %q there should be a value", clip(operator))
	case '"':
		d := json.NewDecoder(strings.NewReader(f.rest))
		if d.Decode(&value) != nil {
			return "", "", invalid("a quotation mark is not closed, or there is a wrong escape")
		}
		f.rest = f.rest[d.InputOffset():]
		return operator, value, nil
	}
	i := strings.IndexAny(f.rest, " \t\r\n)]")
	if i < 0 {
		i = len(f.rest)
	}
	value, f.rest = f.rest[:i], f.rest[i:]
	if value == "" {
		return "", "", invalid("after %q there should be a value", clip(operator))
	}
	return operator, value, nil
}

// test adds the clause of one test.
func (q *query) test(p *Param, modifier, operator, value string) error {
	if modifier != "" {
		return invalid("%s has no modifier in a filter", p.Code)
	}
	c := Clause{Param: p}
	if operator == "pr" {
		c.Modifier = "missing"
		switch value {
		case "true":
			value = "false"
		case "false":
			value = "true"
		default:
			return invalid("pr is followed by true or false")
		}
		if err := c.missing([]string{value}); err != nil {
			return err
		}
		q.Where = append(q.Where, c)
		return nil
	}
	read, err := p.operator(operator)
	if err != nil {
		return err
	}
	v, err := read(p, value, q.opts)
	if err != nil {
		return err
	}
	c.Values = []Value{{Text: value, comparison: v}}
	if c.keyed() {
		c.Exact = true
		c.addRanges(p, v)
		c.tidy()
	}
	q.Where = append(q.Where, c)
	return nil
}

// operator returns the parser of the values that an operator compares p with.
// See https://hl7.org/fhir/R4/search_filter.html#ops.
func (p *Param) operator(name string) (parser, error) {
	switch name {
	case "co", "sw", "ew":
		if p.Type == fhir.StringParam || p.Type == fhir.TokenParam || p.Type == fhir.URIParam || p.Type == fhir.ReferenceParam {
			return parseFragment(name), nil
		}
	case "gt", "lt", "ge", "le", "ap", "sa", "eb", "eq", "ne":
		if read := p.prefixed(name); read != nil {
			return read, nil
		}
	case "po":
		if p.Type == fhir.DateParam {
			return parseOverlap, nil
		}
	case "re":
		if p.Type == fhir.ReferenceParam {
			return parseReference(""), nil
		}
	case "ss", "sb", "in":
		if p.Type == fhir.TokenParam {
			return p.parser(map[string]string{"ss": "below", "sb": "above", "in": "in"}[name])
		}
	default:
		return nil, invalid("there is no operator %q", clip(name))
	}
	return nil, invalid("%s is of type %s, which the operator %s does not compare", p.Code, p.Type, name)
}

// prefixed returns the parser for an operator that is a prefix too, nil if values
// of p have no such.
func (p *Param) prefixed(name string) parser {
	switch p.Type {
	case fhir.NumberParam, fhir.DateParam, fhir.QuantityParam:
		read, _ := parserOf(p.Type, "")
		return func(p *Param, text string, o *Options) (comparison, error) {
			if given, _ := cutPrefix(text); given != eq || strings.HasPrefix(text, "eq") {
				return nil, invalid("%q has a prefix; the operator stands for it", clip(text))
			}
			return read(p, name+text, o)
		}
	}
	if name != "eq" && (name != "ne" || p.Type == fhir.CompositeParam || p.Type == fhir.SpecialParam) {
		return nil
	}
	read, err := p.parser("")
	if err != nil {
		return nil
	}
	if p.Type == fhir.StringParam {
		read = parseString(equals)
	}
	if name == "eq" {
		return read
	}
	return func(p *Param, text string, o *Options) (comparison, error) {
		v, err := read(p, text, o)
		return &otherValue{v, p.Type}, err
	}
}
