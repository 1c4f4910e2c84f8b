package search

import (
	"slices"

	"github.com/noafhir/noafhir/fhir"
)

// A Terminology knows what codes mean. Its errors are of the kinds in package
// fhir and say what it does not know.
type Terminology interface {
	// Expand returns the codes in a value set, given by canonical URL, with
	// |version or not, or as ValueSet/id.
	Expand(valueSet string) ([]fhir.Coding, error)
	// Below returns c and the codes it subsumes.
	Below(c fhir.Coding) ([]fhir.Coding, error)
	// Above returns c and the codes that subsume it.
	Above(c fhir.Coding) ([]fhir.Coding, error)
}

// maxCodeKeys bounds the codes that keys are looked up for, one by one.
const maxCodeKeys = 2000

// A codesValue is a set of codes, any of which matches.
type codesValue struct {
	codes map[fhir.Coding]bool
	bare  map[string]bool // the codes alone, for elements without system
	list  []fhir.Coding   // in order
}

// parseCodes returns the parser for :in, :not-in, :above and :below.
func parseCodes(modifier string) parser {
	return func(_ *Param, text string, o *Options) (comparison, error) {
		if o.Terminology == nil {
			return nil, fhir.Errorf(fhir.Unsupported, "the modifier :%s needs a terminology, which this server does not have", modifier)
		}
		codes, err := o.codes(modifier, text)
		if err != nil {
			return nil, err
		}
		v := &codesValue{codes: map[fhir.Coding]bool{}, bare: map[string]bool{}}
		for _, c := range codes {
			if !v.codes[c] {
				v.list = append(v.list, c)
			}
			v.codes[c], v.bare[c.Code] = true, true
		}
		return v, nil
	}
}

// codes asks the terminology what a value stands for.
func (o *Options) codes(modifier, text string) ([]fhir.Coding, error) {
	if modifier == "in" || modifier == "not-in" {
		set, err := unescape(text)
		if err != nil {
			return nil, err
		}
		return o.Terminology.Expand(set)
	}
	f, err := fields(text, '|')
	if err != nil {
		return nil, err
	}
	if len(f) != 2 || f[0] == "" || f[1] == "" {
		return nil, invalid("with :%s it is written system|code", modifier)
	}
	if modifier == "above" {
		return o.Terminology.Above(fhir.Coding{System: f[0], Code: f[1]})
	}
	return o.Terminology.Below(fhir.Coding{System: f[0], Code: f[1]})
}

func (v *codesValue) matches(el *element) bool {
	found := false
	el.codes(func(c code) bool {
		switch c.mode {
		case openCode, boundCode:
			found = v.codes[fhir.Coding{System: c.system, Code: c.code}]
		case bareCode:
			found = v.bare[c.code]
		}
		return !found
	})
	return found
}

func (v *codesValue) ranges(r *ranger, b branch) {
	if len(v.list) > maxCodeKeys {
		r.everything()
		return
	}
	p := b.path
	open, bare := p.kinds.any(openKinds), p.bare || p.kinds.any(bareKinds)
	for _, c := range v.list {
		if open {
			r.point(appendToken(r.key(tokenForm), c.System, c.Code))
		}
		if slices.Contains(p.systems, c.System) {
			r.point(appendBound(r.key(boundForm), c.System, c.Code))
		}
		if bare {
			r.point(appendWhole(r.key(codeForm), c.Code))
			r.inexact = r.inexact || open
		}
	}
}
