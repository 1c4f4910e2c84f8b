package search

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// An Include asks for resources beside the matches.
// See https://hl7.org/fhir/R4/search.html#include.
type Include struct {
	Reverse bool   // _revinclude: resources that refer to the matches; else those the matches refer to
	Source  string // the type of the resources that have the references
	Param   *Param // the references; nil: those of every reference parameter of Source
	Target  string // only references to this type; empty: to any
	Iterate bool   // also from what was included, not from the matches alone
}

// maxIncludes bounds _include and _revinclude, each.
const maxIncludes = 10

// include reads _include or _revinclude: *, or Type:parameter, or both with a
// type of target behind.
func (q *query) include(reverse bool, modifier, value string) error {
	if err := needs(includes); err != nil {
		return err
	}
	if modifier != "" && modifier != "iterate" {
		return invalid("it has no modifier :%s", clip(modifier))
	}
	in := Include{Reverse: reverse, Iterate: modifier == "iterate"}
	same := 0
	for i := range q.Includes {
		if q.Includes[i].Reverse == reverse {
			same++
		}
	}
	if same == maxIncludes {
		return invalid("it is given more than %d times", maxIncludes)
	}
	parts := strings.Split(value, ":")
	switch {
	case len(parts) > 3:
		return invalid("it is written Type:parameter or Type:parameter:Target")
	case value == "*" && (reverse || q.Type == ""):
		return invalid("* needs a type before it, as in Observation:*")
	case value == "*":
		parts = []string{q.Type, "*"}
	case len(parts) == 1:
		return invalid("it is written Type:parameter or Type:parameter:Target")
	}
	in.Source = parts[0]
	if q.reg.schema.ResourceByName(in.Source) == 0 {
		return invalid("%q is no resource type", clip(in.Source))
	}
	if len(parts) == 3 {
		in.Target = parts[2]
		if q.reg.schema.ResourceByName(in.Target) == 0 {
			return invalid("%q is no resource type", clip(in.Target))
		}
	}
	if err := q.includeParam(&in, parts[1]); err != nil {
		return err
	}
	if err := q.reaches(&in); err != nil {
		return err
	}
	q.Includes = append(q.Includes, in)
	return nil
}

// includeParam looks up the references of an Include.
func (q *query) includeParam(in *Include, code string) error {
	if code == "*" {
		return nil
	}
	p, ok := q.reg.Lookup(in.Source, code)
	if !ok {
		return unknownf("%s has no search parameter %q", in.Source, clip(code))
	}
	if err := p.followed(); err != nil {
		return err
	}
	if in.Target != "" && !p.pointsTo(in.Target) {
		return invalid("%s never refers to %s", code, in.Target)
	}
	in.Param = p
	return nil
}

// reaches refuses what can not be included from the matches.
func (q *query) reaches(in *Include) error {
	switch {
	case in.Iterate || q.Type == "":
		return nil
	case !in.Reverse && in.Source != q.Type:
		return invalid("the matches are no %s; what others refer to is included with :iterate", in.Source)
	case in.Reverse && (in.Target != "" && in.Target != q.Type || in.Param != nil && !in.Param.pointsTo(q.Type)):
		return invalid("it is no reference to %s; what refers to others is included with :iterate", q.Type)
	}
	return nil
}

// IncludeParams returns the parameters whose references an Include is about; with a
// type of target, those that can refer to it.
func (r *Registry) IncludeParams(in *Include, target string) []*Param {
	all := []*Param{in.Param}
	if in.Param == nil {
		all = r.Params(in.Source)
	}
	var params []*Param
	for _, p := range all {
		if p.followed() == nil && (target == "" || p.pointsTo(target)) {
			params = append(params, p)
		}
	}
	return params
}

// Referring returns a clause that holds for the resources with a reference in p to
// one of some resources of this server.
func (r *Registry) Referring(p *Param, keys []fhir.Key) Clause {
	v := &referenceValue{reg: r}
	c := Clause{Param: p, Values: []Value{{comparison: v}}, Ranges: []KeyRange{}, Exact: true}
	for _, key := range keys {
		v.targets = append(v.targets, key.String())
		if r.Base != "" {
			v.targets = append(v.targets, r.Base+"/"+key.String())
		}
		c.Ranges = append(c.Ranges, r.ReferenceRanges(p, key)...)
	}
	c.tidy()
	return c
}
