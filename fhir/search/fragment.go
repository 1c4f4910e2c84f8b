package search

import (
	"bytes"

	"github.com/noafhir/noafhir/fhir"
)

// A fragmentValue is a part of a text to look for, whatever the type: in strings,
// codes, URIs and references, without regard to case.
type fragmentValue struct {
	operator string // co, sw or ew
	typ      fhir.ParamType
	folded   []byte
}

// parseFragment returns the parser for the operators co, sw and ew of filters.
func parseFragment(operator string) parser {
	return func(p *Param, text string, _ *Options) (comparison, error) {
		v := &fragmentValue{operator, p.Type, foldAs(p.Type, text)}
		if len(v.folded) == 0 {
			return nil, invalid("%q has no letter or digit", clip(text))
		}
		return v, nil
	}
}

// foldAs folds a text as values of a type are folded.
func foldAs(typ fhir.ParamType, text string) []byte {
	if typ == fhir.StringParam {
		return appendFolded(nil, text)
	}
	return []byte(foldCase(text))
}

func (f *fragmentValue) matches(el *element) bool {
	found := false
	el.written(f.typ, func(text string) bool {
		folded := foldAs(f.typ, text)
		switch f.operator {
		case "co":
			found = bytes.Contains(folded, f.folded)
		case "sw":
			found = bytes.HasPrefix(folded, f.folded)
		case "ew":
			found = bytes.HasSuffix(folded, f.folded)
		default:
			panic("search: an operator nobody knows: " + f.operator)
		}
		return !found
	})
	return found
}

func (f *fragmentValue) ranges(r *ranger, b branch) {
	if f.typ == fhir.StringParam {
		mode := contains
		if f.operator == "sw" {
			mode = startsWith
		}
		(&stringValue{mode: mode, folded: f.folded}).ranges(r, b)
		r.inexact = r.inexact || f.operator == "ew"
		return
	}
	r.everything()
}

// written calls yield for every text of a value, until it returns false.
func (el *element) written(typ fhir.ParamType, yield func(string) bool) {
	switch typ {
	case fhir.StringParam:
		el.texts(yield)
	case fhir.TokenParam:
		el.codes(func(c code) bool { return c.code == "" || yield(c.code) })
	case fhir.URIParam:
		if uri, _, ok := el.uri(); ok {
			yield(uri)
		}
	case fhir.ReferenceParam:
		if l, ok := el.link(); ok {
			yield(l.target)
		}
	default:
		panic("search: values of type " + typ.String() + " are no text")
	}
}

// An otherValue is any value but one.
type otherValue struct {
	comparison
	typ fhir.ParamType
}

func (o *otherValue) matches(el *element) bool {
	return el.compared(o.typ) && !o.comparison.matches(el)
}

func (o *otherValue) ranges(r *ranger, _ branch) { r.everything() }

// compared reports whether an element has a value that a parameter of a type can
// compare.
func (el *element) compared(typ fhir.ParamType) bool {
	found := false
	el.written(typ, func(string) bool {
		found = true
		return false
	})
	return found
}
