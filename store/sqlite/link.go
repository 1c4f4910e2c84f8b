package sqlite

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// Conditions on other resources
//
// Where few resources meet what a chain asks of its target, their keys are
// collected, and the condition is the ranges of keys under which references to
// them are indexed. Where few meet what _has asks, what they refer to is
// collected, and the condition is these resources. Where they are many, candidates
// are asked one by one: what they refer to is looked up, or what refers to them.
// The caller sees no further than to the resources he may see, each way.

// A fact is whether a link leads to a resource that meets its target, or from a
// resource to such ones.
type fact struct {
	link *search.Link
	key  fhir.Key
}

// maxFacts bounds what is remembered within a search.
const maxFacts = 20_000

// resolve tries to find out which resources a condition is, by looking at about
// limit others. It reports whether that came to an end.
func (f *finder) resolve(c *condition, limit int) (bool, error) {
	limit = min(limit, f.s.tuning.targets)
	if limit <= c.tried {
		return false, nil
	}
	c.tried = limit
	if c.clause.Text != nil {
		return f.findWords(c, limit)
	}
	reverse := c.clause.Links[0].Reverse
	var ranges []search.KeyRange
	var numbers []int64
	for i := range c.clause.Links {
		l := &c.clause.Links[i]
		if l.Reverse != reverse {
			return false, nil
		}
		var done bool
		var err error
		if reverse {
			done, err = f.referents(l, limit, &numbers)
		} else {
			done, err = f.referrers(l, limit, &ranges)
			if err == nil && done {
				done, err = f.nesting(l, limit, &ranges)
			}
		}
		if err != nil || !done {
			return false, err
		}
	}
	if reverse {
		slices.Sort(numbers)
		c.listed, c.numbers = true, slices.Compact(numbers)
	} else {
		slices.SortFunc(ranges, func(a, b search.KeyRange) int { return bytes.Compare(a.Low, b.Low) })
		c.ranges = slices.CompactFunc(ranges, func(a, b search.KeyRange) bool { return bytes.Equal(a.Low, b.Low) })
		c.ranges = append([]search.KeyRange{}, c.ranges...)
		c.keys = true
	}
	if !reverse && slices.ContainsFunc(c.clause.Links, func(l search.Link) bool { return l.Param.Canonical() }) {
		f.residual = append(slices.Clip(f.residual), c.clause) // keys do not tell versions
	}
	c.clause = nil
	return true, nil
}

// within prepares a search for what other resources have to meet.
func (f *finder) within(q *search.Query) (*finder, error) {
	sub := *q
	sub.Sort, sub.After, sub.Backward, sub.Explain = nil, nil, false, nil
	inner, err := f.newFinder(f.ctx, f.who, &sub)
	if err != nil {
		return nil, err
	}
	if f.known == nil {
		f.known = map[fact]bool{}
	}
	inner.known = f.known
	if f.urls == nil {
		f.urls = map[search.Callee][]fhir.Key{}
	}
	inner.urls = f.urls
	return inner, nil
}

// referrers adds the keys of resources that refer to what meets a chain's target.
func (f *finder) referrers(l *search.Link, limit int, ranges *[]search.KeyRange) (bool, error) {
	if l.Param.Nests() {
		return true, nil
	}
	inner, err := f.within(l.Target)
	if err != nil {
		return false, err
	}
	inner.most, inner.bodies = 2*limit, l.Param.Canonical()
	var found []int64
	var bad error
	inner.found = func(c *candidate) bool {
		found = append(found, c.n)
		if inner.bodies {
			r, err := f.parse(c.version)
			if bad = err; err != nil {
				return false
			}
			*ranges = append(*ranges, l.Param.Calling(search.URLOf(r)).Ranges...)
		}
		return len(found) <= limit
	}
	if err := inner.run(); err != nil || bad != nil || inner.gaveUp || len(found) > limit {
		return false, cmp.Or(err, bad)
	}
	for _, n := range found {
		key, err := f.keyOf(n)
		if err != nil {
			return false, err
		}
		*ranges = append(*ranges, f.s.reg.ReferenceRanges(l.Param, key)...)
	}
	return true, nil
}

// nesting adds the keys of resources with one within them that a chain leads to and
// that meets its target.
func (f *finder) nesting(l *search.Link, limit int, ranges *[]search.KeyRange) (bool, error) {
	if l.Target.IDs != nil {
		return true, nil
	}
	inner, err := f.within(&search.Query{Type: f.q.Type, Where: l.NestedCandidates()})
	if err != nil {
		return false, err
	}
	inner.most, inner.bodies = 2*limit, true
	var bad error
	seen := 0
	inner.found = func(c *candidate) bool {
		seen++
		r, err := f.parse(c.version)
		if err == nil {
			err = f.nestedIn(l, r, func(n *fhir.Resource) bool {
				*ranges = append(*ranges, l.Param.NestedRanges(r.Key(), n)...)
				return true
			})
		}
		bad = err
		return err == nil && seen <= limit
	}
	if err := inner.run(); err != nil || bad != nil || inner.gaveUp || seen > limit {
		return false, cmp.Or(err, bad)
	}
	return true, nil
}

// nestedIn calls yield for the resources within r that a chain leads to and that
// meet its target, until it returns false.
func (f *finder) nestedIn(l *search.Link, r *fhir.Resource, yield func(*fhir.Resource) bool) error {
	if l.Target.IDs != nil {
		return nil
	}
	for _, n := range l.Param.Nested(r, f.container) {
		ok, err := f.meetsWithin(cmp.Or(f.container, r), l.Target, n)
		if err != nil || ok && !yield(n) {
			return err
		}
	}
	return nil
}

// meetsWithin judges all clauses of a query for a resource within another.
func (f *finder) meetsWithin(container *fhir.Resource, q *search.Query, n *fhir.Resource) (bool, error) {
	before := f.container
	defer func() { f.container = before }()
	f.container = container
	return f.meetsAll(q, n)
}

// contains reports whether what is contained in r meets a condition.
func (f *finder) contains(r *fhir.Resource, in *search.Inside) (bool, error) {
	for n := range f.s.reg.Contained(r) {
		if ok, err := f.meetsWithin(r, in.Query, n); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

// keyOf returns the key of a resource that is not deleted.
func (v *view) keyOf(n int64) (fhir.Key, error) {
	s, err := v.c.prepare("SELECT v.t, v.id FROM cur c CROSS JOIN ver v ON v.vid=c.vid WHERE c.n=?")
	if err != nil {
		return fhir.Key{}, err
	}
	defer s.reset()
	row, err := s.int(n).step()
	if err != nil || !row {
		return fhir.Key{}, err
	}
	return fhir.Key{Type: v.s.types.names[s.num(0)], ID: s.text(1)}, nil
}

// numberOf returns the number of a resource that is not deleted, 0 if there is
// none.
func (v *view) numberOf(key fhir.Key) (int64, error) {
	s, err := v.c.prepare("SELECT n FROM res WHERE t=? AND id=? AND NOT deleted")
	if err != nil {
		return 0, err
	}
	defer s.reset()
	row, err := s.int(v.s.types.numbers[key.Type]).str(key.ID).step()
	if err != nil || !row {
		return 0, err
	}
	return s.num(0), nil
}

// referents adds the resources that those refer to that meet what _has asks.
func (f *finder) referents(l *search.Link, limit int, numbers *[]int64) (bool, error) {
	inner, err := f.within(l.Target)
	if err != nil {
		return false, err
	}
	inner.most, inner.bodies = 2*limit, true
	seen, keys := 0, map[fhir.Key]bool{}
	var bad error
	inner.found = func(c *candidate) bool {
		r, err := f.parse(c.version)
		if err != nil {
			bad = err
			return false
		}
		for _, key := range l.Param.References(r) {
			if f.q.Type == "" || key.Type == f.q.Type {
				keys[key] = true
			}
		}
		canonical, err := f.canonicals(l.Param, r, f.q.Type)
		if err != nil {
			bad = err
			return false
		}
		for _, key := range canonical {
			keys[key] = true
		}
		seen++
		return seen <= limit
	}
	if err := inner.run(); err != nil || bad != nil || inner.gaveUp || seen > limit {
		return false, cmp.Or(err, bad)
	}
	for key := range keys {
		n, err := f.numberOf(key)
		if err != nil {
			return false, err
		}
		if n != 0 {
			*numbers = append(*numbers, n)
		}
	}
	return true, nil
}

// holds judges a clause for a candidate.
func (f *finder) holds(c *search.Clause, r *fhir.Resource) (bool, error) {
	if c.Local() {
		return c.Matches(r), nil
	}
	switch {
	case c.Links != nil:
		for i := range c.Links {
			if ok, err := f.linked(&c.Links[i], r); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case c.Or != nil:
		for i := range c.Or {
			if ok, err := f.meetsAll(&c.Or[i], r); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case c.Inside != nil:
		return f.contains(r, c.Inside)
	default:
		ok, err := f.meetsAll(c.Not, r)
		return err == nil && !ok, err
	}
}

// meetsAll judges all clauses of a query for a candidate.
func (f *finder) meetsAll(q *search.Query, r *fhir.Resource) (bool, error) {
	head := search.Query{Type: q.Type, IDs: q.IDs, LastUpdated: q.LastUpdated}
	if !head.Matches(r) {
		return false, nil
	}
	for i := range q.Where {
		if ok, err := f.holds(&q.Where[i], r); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// linked judges a link for a candidate.
func (f *finder) linked(l *search.Link, r *fhir.Resource) (bool, error) {
	if l.Reverse {
		if f.container != nil {
			return false, nil // only its container refers to a contained resource
		}
		return f.recall(fact{l, r.Key()}, func() (bool, error) {
			if ok, err := f.calledFor(l, r); err != nil || ok {
				return ok, err
			}
			q := *l.Target
			q.Where = append(slices.Clip(q.Where), search.Clause{Ranges: f.s.reg.ReferenceRanges(l.Param, r.Key()), Exact: true})
			return f.exists(&q)
		})
	}
	keys := l.Param.References(r)
	canonical, err := f.canonicals(l.Param, r, l.Target.Type)
	if err != nil {
		return false, err
	}
	for _, key := range append(keys, canonical...) {
		if key.Type != l.Target.Type || l.Target.IDs != nil && !slices.Contains(l.Target.IDs, key.ID) {
			continue
		}
		ok, err := f.recall(fact{l, key}, func() (bool, error) {
			q := *l.Target
			q.IDs = []string{key.ID}
			return f.exists(&q)
		})
		if err != nil || ok {
			return ok, err
		}
	}
	found := false
	err = f.nestedIn(l, r, func(*fhir.Resource) bool {
		found = true
		return false
	})
	return found, err
}

// recall returns what find does, and remembers it.
func (f *finder) recall(of fact, find func() (bool, error)) (bool, error) {
	if known, ok := f.known[of]; ok {
		return known, nil
	}
	ok, err := find()
	if err != nil {
		return false, err
	}
	if len(f.known) >= maxFacts {
		clear(f.known)
	}
	if f.known == nil {
		f.known = map[fact]bool{}
	}
	f.known[of] = ok
	return ok, nil
}

// exists reports whether a resource meets a query.
func (f *finder) exists(q *search.Query) (bool, error) {
	inner, err := f.within(q)
	if err != nil {
		return false, err
	}
	found := false
	inner.found = func(*candidate) bool {
		found = true
		return false
	}
	err = inner.run()
	return found, err
}
