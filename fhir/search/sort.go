package search

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A SortKey is one key of the order of results.
type SortKey struct {
	Param      *Param // _id, _lastUpdated, or any other that can be sorted by
	Descending bool
	Via        []Hop // references followed to the resources that Param is of; nil: none
}

// A Hop is a reference followed to resources of a type.
type Hop struct {
	Param *Param
	Type  string
}

// Value returns what r is sorted by, as [Param.SortValue] does. Of several
// resources that references lead to, the one that comes first in the order counts;
// those that are not in u do not.
func (k *SortKey) Value(r *fhir.Resource, u Universe) []byte {
	if len(k.Via) == 0 {
		return k.Param.SortValue(r, k.Descending)
	}
	rest := SortKey{Param: k.Param, Descending: k.Descending, Via: k.Via[1:]}
	var best []byte
	for _, key := range k.Via[0].Param.References(r) {
		if key.Type != k.Via[0].Type {
			continue
		}
		if target := u.Resource(key); target != nil {
			best = k.Better(best, rest.Value(target, u))
		}
	}
	return best
}

// Better returns the one of two values that counts; nil is none.
func (k *SortKey) Better(a, b []byte) []byte {
	c := bytes.Compare(a, b)
	if b == nil || a != nil && (c <= 0) != k.Descending {
		return a
	}
	return b
}

// String returns the key as it is written in _sort.
func (k *SortKey) String() string {
	var b strings.Builder
	if k.Descending {
		b.WriteByte('-')
	}
	for _, hop := range k.Via {
		b.WriteString(hop.Param.Code + ":" + hop.Type + ".")
	}
	b.WriteString(k.Param.Code)
	return b.String()
}

// maxSorts bounds the keys of an order.
const maxSorts = 6

// sortBy reads _sort. With Lenient, keys that there are not are left out.
// See https://hl7.org/fhir/R4/search.html#sort.
func (q *query) sortBy(name, value string) error {
	keys := strings.Split(value, ",")
	if len(keys) > maxSorts {
		return invalid("there are more than %d keys", maxSorts)
	}
	var applied []string
	for _, text := range keys {
		path, descending := strings.CutPrefix(text, "-")
		if path == "" {
			return invalid("it has an empty key")
		}
		by := SortKey{Descending: descending}
		if err := q.sortKey(&by, q.Type, path); err != nil {
			if err := q.leaveOut(name, err); err != nil {
				return err
			}
			continue
		}
		if err := needs(sorts); err != nil && path != "_id" && path != "_lastUpdated" {
			return fhir.Errorf(fhir.Unsupported, "results are sorted by _id or _lastUpdated only, not by %q", clip(path))
		}
		q.Sort = append(q.Sort, by)
		applied = append(applied, text)
	}
	if applied != nil {
		q.Applied = append(q.Applied, [2]string{name, strings.Join(applied, ",")})
	}
	return nil
}

// sortKey reads what resources of a type are sorted by: a parameter, or references
// to follow and a parameter of what they lead to.
func (q *query) sortKey(key *SortKey, typ, path string) error {
	if head, rest, chained := strings.Cut(path, "."); chained {
		return q.sortVia(key, typ, head, rest)
	}
	p, ok := q.reg.Lookup(typ, path)
	if !ok && typ == "" && q.types != nil {
		var err error
		if p, err = q.common(path); err != nil {
			return err
		}
		ok = true
	}
	switch {
	case !ok:
		return unknownf("there is no search parameter %q to sort by", clip(path))
	case !p.Sortable():
		return unknownf("results are not sorted by %s, which is of type %s", path, p.Type)
	}
	key.Param = p
	return nil
}

// sortVia follows the reference head.
func (q *query) sortVia(key *SortKey, typ, head, rest string) error {
	code, target, typed := strings.Cut(head, ":")
	p, ok := q.reg.Lookup(typ, code)
	switch {
	case !ok && typ == "" && q.types != nil:
		return fhir.Errorf(fhir.Unsupported, "results of several types are not sorted by what they refer to")
	case !ok:
		return unknownf("there is no search parameter %q to sort by", clip(code))
	case len(key.Via) == maxHops:
		return invalid("it follows more than %d references", maxHops)
	case typed && q.reg.schema.ResourceByName(target) == 0:
		return invalid("%q is no resource type", clip(target))
	case typed && !p.pointsTo(target):
		return invalid("%s never refers to %s", code, target)
	}
	if err := p.followed(); err != nil {
		return err
	}
	if !p.kinds().has(referenceKind) {
		return fhir.Errorf(fhir.Unsupported, "%s refers by canonical URL, by which results are not sorted", p.Code)
	}
	types := p.Target
	switch {
	case typed:
		types = []string{target}
	case len(types) == 0:
		types = q.reg.names
	}
	types = slices.DeleteFunc(slices.Clone(types), func(typ string) bool { return !p.leadsTo(typ) })
	return q.sortOn(key, p, types, rest)
}

// leadsTo reports whether what p reads can be references to resources of a type:
// the types it is defined for are more in places.
func (p *Param) leadsTo(typ string) bool {
	return slices.ContainsFunc(p.branches, func(b branch) bool { return b.target == "" || b.target == typ })
}

// sortOn finds the one of some types that can be sorted by what is left of a path.
// Values of several would not have one order.
func (q *query) sortOn(key *SortKey, p *Param, types []string, rest string) error {
	var found []SortKey
	var missing error
	for _, typ := range types {
		if q.spent.tries++; q.spent.tries > maxTries {
			return errTooManyTypes
		}
		way := SortKey{Descending: key.Descending, Via: append(key.Via[:len(key.Via):len(key.Via)], Hop{p, typ})}
		err := q.sortKey(&way, typ, rest)
		if _, unknown := errors.AsType[unknownParam](err); unknown {
			missing = err
			continue
		}
		if err != nil {
			return err
		}
		found = append(found, way)
	}
	switch {
	case len(found) > 1:
		at := len(key.Via)
		return invalid("%s can lead to %s and %s: name the type, as in %s:%s.%s", p.Code, found[0].Via[at].Type, found[1].Via[at].Type,
			p.Code, found[0].Via[at].Type, clip(rest))
	case len(found) == 0 && len(types) == 1:
		return missing
	case len(found) == 0:
		return unknownf("no type that %s refers to has %q to sort by", p.Code, clip(rest))
	}
	*key = found[0]
	return nil
}
