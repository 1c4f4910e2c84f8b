package search

import "strings"

// The limits of a text search.
const (
	maxTextSize  = 2000 // bytes
	maxTextWords = 100
	maxTextDepth = 10
)

func (q *query) narrative(value string) error { return q.text(Narrative, value) }
func (q *query) content(value string) error   { return q.text(Content, value) }

// text reads _text or _content: words, phrases in quotation marks, word* for what
// begins so, all of which must be there; AND, OR, NOT and brackets; a comma is an
// OR. See https://hl7.org/fhir/R4/search.html#content.
func (q *query) text(field TextField, value string) error {
	if err := needs(words); err != nil {
		return err
	}
	if len(value) > maxTextSize {
		return invalid("it is longer than %d bytes", maxTextSize)
	}
	any := &textExpr{op: anyOf}
	p := textParser{}
	for _, part := range split(value, ',') {
		text, err := unescape(part)
		if err != nil {
			return err
		}
		p.rest = text
		e, err := p.either(0)
		if err == nil && p.peek() != "" {
			err = invalid("there is a ) too many")
		}
		if err != nil {
			return err
		}
		any.parts = append(any.parts, e)
	}
	q.Where = append(q.Where, Clause{Text: &Text{Field: field, reg: q.reg, expr: any.simple()}})
	return nil
}

// simple returns e without a level that joins nothing.
func (e *textExpr) simple() *textExpr {
	if len(e.parts) == 1 && len(e.but) == 0 {
		return e.parts[0]
	}
	return e
}

// A textParser reads text expressions.
type textParser struct {
	rest  string
	words int
}

// peek returns the next token without taking it: a bracket, a phrase with its
// quotation mark, or what stands up to a space. At the end it is empty.
func (p *textParser) peek() string {
	p.rest = strings.TrimLeft(p.rest, " \t\r\n")
	if p.rest == "" {
		return ""
	}
	switch p.rest[0] {
	case '(', ')':
		return p.rest[:1]
	case '"':
		if i := strings.IndexByte(p.rest[1:], '"'); i >= 0 {
			end := i + 2
			if strings.HasPrefix(p.rest[end:], "*") {
				end++
			}
			return p.rest[:end]
		}
		return p.rest
	}
	if i := strings.IndexAny(p.rest, " \t\r\n()\""); i >= 0 {
		return p.rest[:i]
	}
	return p.rest
}

func (p *textParser) take(token string) { p.rest = p.rest[len(token):] }

// either reads what stands between ORs.
func (p *textParser) either(depth int) (*textExpr, error) {
	if depth > maxTextDepth {
		return nil, invalid("its brackets are more than %d deep", maxTextDepth)
	}
	e := &textExpr{op: anyOf}
	for {
		part, err := p.every(depth)
		if err != nil {
			return nil, err
		}
		e.parts = append(e.parts, part)
		if p.peek() != "OR" {
			return e.simple(), nil
		}
		p.take("OR")
	}
}

// every reads what must all hold.
func (p *textParser) every(depth int) (*textExpr, error) {
	e := &textExpr{op: allOf}
	for {
		token := p.peek()
		not := false
		switch token {
		case "", ")", "OR":
			if len(e.parts) == 0 {
				return nil, invalid("there must be something to look for in every part of it, not only what must not be there")
			}
			return e.simple(), nil
		case "AND":
			if len(e.parts)+len(e.but) == 0 {
				return nil, invalid("AND has nothing before it")
			}
			p.take(token)
		}
		if token = p.peek(); token == "NOT" {
			not = true
			p.take(token)
		}
		part, err := p.one(depth)
		if err != nil {
			return nil, err
		}
		if not {
			e.but = append(e.but, part)
		} else {
			e.parts = append(e.parts, part)
		}
	}
}

// one reads a word, a phrase, or an expression in brackets.
func (p *textParser) one(depth int) (*textExpr, error) {
	token := p.peek()
	p.take(token)
	switch token {
	case "", ")", "AND", "OR", "NOT":
		return nil, invalid("there is nothing to look for behind an operator")
	case "(":
		e, err := p.either(depth + 1)
		if err != nil {
			return nil, err
		}
		if p.peek() != ")" {
			return nil, invalid("a bracket is not closed")
		}
		p.take(")")
		return e, nil
	}
	e := &textExpr{op: phrase}
	text, prefix := strings.CutSuffix(token, "*")
	e.prefix = prefix
	if strings.HasPrefix(text, `"`) && (len(text) < 2 || !strings.HasSuffix(text, `"`)) {
		return nil, invalid("a quotation mark is not closed")
	}
	e.words = strings.Fields(string(appendWords(nil, strings.Trim(text, `"`))))
	if p.words += len(e.words); p.words > maxTextWords {
		return nil, invalid("it has more than %d words", maxTextWords)
	}
	if len(e.words) == 0 {
		return nil, invalid("%q has no letter or digit", clip(token))
	}
	return e, nil
}
