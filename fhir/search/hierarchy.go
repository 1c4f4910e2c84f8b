package search

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A Hierarchy knows which resources are part of which, by a parameter of their
// type that refers to what they are part of. Its errors are of the kinds in package
// fhir.
type Hierarchy interface {
	// Below returns a resource and all that are part of it, in one step or many.
	Below(partOf *Param, of fhir.Key) ([]fhir.Key, error)
	// Above returns a resource and all that it is part of, in one step or many.
	Above(partOf *Param, of fhir.Key) ([]fhir.Key, error)
}

// hierarchies are the parameters that say what a resource is part of, where it can
// be one of its own type.
var hierarchies = []string{"partof", "part-of"}

// partOf returns the parameter by which resources of a type are in a hierarchy, nil
// if they are in none.
func (r *Registry) partOf(typ string) *Param {
	for _, code := range hierarchies {
		if p, ok := r.Lookup(typ, code); ok && p.Type == fhir.ReferenceParam && slices.Contains(p.Target, typ) {
			return p
		}
	}
	return nil
}

// parseHierarchy returns the parser for :above and :below on references: of
// resources that are part of others, and :below of canonical URLs by version.
// See https://hl7.org/fhir/R4/search.html#recursive.
func parseHierarchy(modifier string) parser {
	return func(p *Param, text string, o *Options) (comparison, error) {
		local := text
		if o.Base != "" {
			local = strings.TrimPrefix(text, o.Base+"/")
		}
		if strings.Contains(local, ":") {
			return p.versionsOf(modifier, text)
		}
		of, err := p.inHierarchy(local)
		if err != nil {
			return nil, err
		}
		if o.Hierarchy == nil {
			return nil, fhir.Errorf(fhir.Unsupported, "the modifier :%s has no place here", modifier)
		}
		find := o.Hierarchy.Below
		if modifier == "above" {
			find = o.Hierarchy.Above
		}
		keys, err := find(p.reg.partOf(of.Type), of)
		v := &referenceValue{reg: p.reg}
		for _, key := range keys {
			v.targets = append(v.targets, key.String())
			if o.Base != "" {
				v.targets = append(v.targets, o.Base+"/"+key.String())
			}
		}
		return v, err
	}
}

// inHierarchy reads an id or Type/id of what p refers to and is in a hierarchy.
func (p *Param) inHierarchy(text string) (key fhir.Key, err error) {
	typ := fhirpath.ReferenceType(text)
	switch {
	case typ == "" && !fhir.ValidID(text), strings.Count(text, "/") > 1:
		return key, invalid("it is no id and no Type/id")
	case typ != "" && !p.pointsTo(typ):
		return key, invalid("%s never refers to %s", p.Code, typ)
	case typ != "" && p.reg.partOf(typ) == nil:
		return key, invalid("resources of type %s are in no hierarchy", typ)
	case typ != "":
		return fhir.Key{Type: typ, ID: text[len(typ)+1:]}, nil
	}
	types := p.Target
	if len(types) == 0 {
		types = p.reg.names
	}
	for _, t := range types {
		if p.reg.partOf(t) == nil {
			continue
		}
		if key.Type != "" {
			return key, invalid("the type has to be named, as in %s/%s", t, clip(text))
		}
		key = fhir.Key{Type: t, ID: text}
	}
	if key.Type == "" {
		return key, invalid("what %s refers to is in no hierarchy", p.Code)
	}
	return key, nil
}

// versionsOf reads a canonical URL with a version or not: it stands for those whose
// version is that, or begins with it and a dot.
// See https://hl7.org/fhir/R4/search.html#versions.
func (p *Param) versionsOf(modifier, text string) (comparison, error) {
	switch {
	case !p.kinds().has(canonicalKind):
		return nil, invalid("resources elsewhere are in no hierarchy that this server knows")
	case modifier == "above":
		return nil, invalid("the modifier :above has no meaning for canonical URLs")
	}
	url, version, err := splitVersion(text)
	return &versionsValue{reg: p.reg, url: url, version: version}, err
}

// kinds returns the kinds of the values of p.
func (p *Param) kinds() kindSet {
	var kinds kindSet
	for _, b := range p.branches {
		kinds |= b.path.kinds
	}
	return kinds
}

// A versionsValue is a canonical URL in some or all of its versions.
type versionsValue struct {
	reg     *Registry
	url     string
	version string // what the version is or begins with; empty: any
}

func (v *versionsValue) matches(el *element) bool {
	l, ok := el.link()
	return ok && el.kind == canonicalKind && l.target == v.url && isVersion(l.version, v.version)
}

// isVersion reports whether a version is another, or that with more behind a dot.
func isVersion(version, of string) bool {
	return of == "" || version == of || strings.HasPrefix(version, of+".")
}

func (v *versionsValue) ranges(r *ranger, b branch) {
	r.point(v.reg.appendTarget(r.key(referenceForm), v.url))
	r.inexact = r.inexact || v.version != "" || b.path.kinds != setOf(canonicalKind)
}
