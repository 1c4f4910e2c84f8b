package terminology

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// Expand returns the codes in a value set, given by canonical URL, with |version or
// not, or as ValueSet/id. Errors are Unsupported if it, or something it includes,
// is not known.
// See https://hl7.org/fhir/R4/valueset.html#compositions.
func (t *Terminology) Expand(valueSet string) ([]fhir.Coding, error) {
	return t.expand(valueSet, 0)
}

func (t *Terminology) expand(name string, depth int) ([]fhir.Coding, error) {
	if depth > maxDepth {
		return nil, fhir.Errorf(fhir.Unsupported, "the value set %s is included by itself, or by more than %d others in a row", name, maxDepth)
	}
	r, err := t.valueSet(name)
	if err != nil {
		return nil, err
	}
	compose := r.Root().Get("compose")
	if !compose.Exists() {
		if expansion := r.Root().Get("expansion"); expansion.Exists() {
			return expanded(expansion, name)
		}
		return nil, fhir.Errorf(fhir.Unsupported, "the value set %s does not say what is in it", name)
	}
	var all set
	for include := range compose.Get("include").Items {
		codes, err := t.included(include, depth)
		if err != nil {
			return nil, err
		}
		for _, c := range codes {
			all.add(c)
		}
		if len(all.list) > maxCodes {
			return nil, fhir.Errorf(fhir.TooCostly, "the value set %s has more than %d codes", name, maxCodes)
		}
	}
	for exclude := range compose.Get("exclude").Items {
		codes, err := t.included(exclude, depth)
		if err != nil {
			return nil, err
		}
		all.remove(codes)
	}
	return all.list, nil
}

// valueSet finds a value set.
func (t *Terminology) valueSet(name string) (*fhir.Resource, error) {
	id, found := strings.CutPrefix(name, "ValueSet/")
	if !found {
		return t.definition("ValueSet", name)
	}
	r, err := t.source.Resource(fhir.Key{Type: "ValueSet", ID: id})
	if err == nil && r == nil {
		err = fhir.Errorf(fhir.Unsupported, "this server has no %s", name)
	}
	return r, err
}

// A set is a set of codes in order.
type set struct {
	list []fhir.Coding
	has  map[fhir.Coding]bool
}

func (s *set) add(c fhir.Coding) {
	if s.has == nil {
		s.has = map[fhir.Coding]bool{}
	}
	if !s.has[c] {
		s.has[c] = true
		s.list = append(s.list, c)
	}
}

func (s *set) remove(codes []fhir.Coding) {
	for _, c := range codes {
		delete(s.has, c)
	}
	s.list = slices.DeleteFunc(s.list, func(c fhir.Coding) bool { return !s.has[c] })
}

// expanded returns the codes of an expansion.
func expanded(v fhir.Value, name string) ([]fhir.Coding, error) {
	var all set
	if total := v.Get("total").Text(); v.Get("offset").Exists() && total != "" {
		return nil, fhir.Errorf(fhir.Unsupported, "the value set %s is a part of an expansion only", name)
	}
	var read func(v fhir.Value)
	read = func(v fhir.Value) {
		for item := range v.Get("contains").Items {
			code := item.Get("code").Text()
			if code != "" && item.Get("abstract").Text() != "true" {
				all.add(fhir.Coding{System: item.Get("system").Text(), Code: code})
			}
			read(item)
		}
	}
	read(v)
	return all.list, nil
}

// included returns the codes of one include or exclude: those that everything in it
// has.
func (t *Terminology) included(v fhir.Value, depth int) ([]fhir.Coding, error) {
	var codes []fhir.Coding
	first := true
	if v.Get("system").Exists() {
		var err error
		if codes, err = t.ofSystem(v); err != nil {
			return nil, err
		}
		first = false
	}
	for name := range v.Get("valueSet").Items {
		others, err := t.expand(name.Text(), depth+1)
		if err != nil {
			return nil, err
		}
		if first {
			codes, first = others, false
			continue
		}
		var both set
		for _, c := range others {
			both.add(c)
		}
		codes = slices.DeleteFunc(slices.Clone(codes), func(c fhir.Coding) bool { return !both.has[c] })
	}
	return codes, nil
}

// ofSystem returns the codes that an include takes from a code system.
func (t *Terminology) ofSystem(v fhir.Value) ([]fhir.Coding, error) {
	system := v.Get("system").Text()
	if concepts := v.Get("concept"); concepts.Exists() {
		var codes []fhir.Coding
		for c := range concepts.Items {
			codes = append(codes, fhir.Coding{System: system, Code: c.Get("code").Text()})
		}
		return codes, nil
	}
	if version := v.Get("version").Text(); version != "" {
		system += "|" + version
	}
	s, err := t.system(system)
	if err != nil {
		return nil, err
	}
	keep := map[string]bool{}
	for _, code := range s.order {
		keep[code] = true
	}
	for f := range v.Get("filter").Items {
		passes, err := s.filter(f.Get("property").Text(), f.Get("op").Text(), f.Get("value").Text())
		if err != nil {
			return nil, err
		}
		for code := range keep {
			if !passes(code) {
				delete(keep, code)
			}
		}
	}
	return s.list(keep), nil
}

// filter returns the test of a filter.
// See https://hl7.org/fhir/R4/valueset-filter-operator.html.
func (s *codeSystem) filter(property, op, value string) (func(code string) bool, error) {
	of := func(code string) []string {
		if property == "concept" || property == "code" {
			return []string{code}
		}
		return s.concepts[code].properties[property]
	}
	list := strings.Split(value, ",")
	listed := func(code string) bool {
		return slices.ContainsFunc(of(code), func(v string) bool { return slices.Contains(list, v) })
	}
	switch op {
	case "is-a", "descendent-of", "is-not-a", "generalizes":
		return s.subsumption(property, op, value)
	case "=":
		return func(code string) bool { return slices.Contains(of(code), value) }, nil
	case "in":
		return listed, nil
	case "not-in":
		return func(code string) bool { return !listed(code) }, nil
	case "exists":
		return func(code string) bool { return (len(of(code)) > 0) == (value == "true") }, nil
	}
	return nil, fhir.Errorf(fhir.Unsupported, "a value set has a filter with the operator %q, which this server does not know", op)
}

// subsumption returns the test of a filter by hierarchy.
func (s *codeSystem) subsumption(property, op, value string) (func(code string) bool, error) {
	if property != "concept" && property != "code" {
		return nil, fhir.Errorf(fhir.Unsupported, "a value set has a filter %s on the property %q", op, property)
	}
	if err := s.hierarchical(); err != nil {
		return nil, err
	}
	if s.concepts[value] == nil {
		return nil, fhir.Errorf(fhir.Unsupported, "a value set has a filter on the code %q, which the code system %s does not have", value, s.url)
	}
	found := s.below(value)
	switch op {
	case "generalizes":
		found = s.above(value)
	case "descendent-of":
		delete(found, value)
	case "is-not-a":
		return func(code string) bool { return !found[code] }, nil
	}
	return func(code string) bool { return found[code] }, nil
}
