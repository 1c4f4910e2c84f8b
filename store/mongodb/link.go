package mongodb

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// Conditions on other resources
//
// Where few resources meet what a chain asks of its target, the condition is the
// keys under which references to them are indexed. Where few meet what _has asks,
// it is the resources that they refer to. Where they are many, candidates are
// judged by the batch: one question finds out which of what a batch refers to
// meets the target, or which of what refers to a batch does. The caller sees no
// further than to the resources he may see, each way.

// A fact is whether a link leads to a resource that meets its target, or from a
// resource to such ones.
type fact struct {
	link *search.Link
	key  fhir.Key
}

// facts is what a search, with all searches within it, has found out.
type facts struct {
	mu    sync.Mutex
	known map[fact]bool
	urls  map[search.Callee][]fhir.Key // what canonical URLs lead to
}

func newFacts() *facts { return &facts{known: map[fact]bool{}, urls: map[search.Callee][]fhir.Key{}} }

// maxFacts bounds what is remembered within a search.
const maxFacts = 20_000

func (k *facts) get(of fact) (value, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	value, known = k.known[of]
	return value, known
}

func (k *facts) set(of fact, value bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known[of] = value
}

// tidy forgets everything if it is much.
func (k *facts) tidy() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.known) >= maxFacts {
		clear(k.known)
	}
	if len(k.urls) >= maxFacts {
		clear(k.urls)
	}
}

// resolve tries to find out which resources a condition is, by looking at about
// limit others. It reports whether that came to an end.
func (f *finder) resolve(c *condition, limit int) (bool, error) {
	limit = min(limit, f.s.tuning.targets)
	if limit <= c.tried {
		return false, nil
	}
	c.tried = limit
	reverse := c.clause.Links[0].Reverse
	var ranges []search.KeyRange
	refs := map[string]bool{}
	for i := range c.clause.Links {
		l := &c.clause.Links[i]
		if l.Reverse != reverse {
			return false, nil
		}
		var done bool
		var err error
		if reverse {
			done, err = f.referents(l, limit, refs)
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
		*c = condition{listed: true, refs: slices.Sorted(maps.Keys(refs))}
		return true, nil
	}
	slices.SortFunc(ranges, func(a, b search.KeyRange) int { return bytes.Compare(a.Low, b.Low) })
	ranges = slices.CompactFunc(ranges, func(a, b search.KeyRange) bool { return bytes.Equal(a.Low, b.Low) })
	if slices.ContainsFunc(c.clause.Links, func(l search.Link) bool { return l.Param.Canonical() }) {
		f.residual = append(slices.Clip(f.residual), c.clause) // keys do not tell versions
	}
	*c = newSpans("k", spansOf(ranges))
	return true, nil
}

// within prepares a search for what other resources have to meet, and for a key in
// one of some ranges, if they are not nil.
func (f *finder) within(q *search.Query, referring []search.KeyRange) (*finder, error) {
	sub := *q
	sub.Sort, sub.After, sub.Backward, sub.Explain = nil, nil, false, nil
	inner, err := f.s.newFinder(f.ctx, f.who, &sub)
	if err != nil {
		return nil, err
	}
	inner.facts, inner.tally = f.facts, f.tally
	if referring != nil {
		inner.addRanges(referring)
	}
	return inner, nil
}

// referrers adds the keys of resources that refer to what meets a chain's target.
func (f *finder) referrers(l *search.Link, limit int, ranges *[]search.KeyRange) (bool, error) {
	if l.Param.Nests() {
		return true, nil
	}
	inner, err := f.within(l.Target, nil)
	if err != nil {
		return false, err
	}
	inner.most, inner.want, inner.bodies = 2*limit, limit+1, l.Param.Canonical()
	found := 0
	var bad error
	inner.found = func(c *candidate) bool {
		if inner.bodies {
			if bad = inner.parse(c); bad != nil {
				return false
			}
			*ranges = append(*ranges, l.Param.Calling(search.URLOf(c.resource)).Ranges...)
		}
		*ranges = append(*ranges, f.s.reg.Load().ReferenceRanges(l.Param, c.key())...)
		found++
		return found <= limit
	}
	err = cmp.Or(inner.run(), bad)
	return err == nil && !inner.gaveUp && found <= limit, err
}

// nesting adds the keys of resources with one within them that a chain leads to and
// that meets its target.
func (f *finder) nesting(l *search.Link, limit int, ranges *[]search.KeyRange) (bool, error) {
	if l.Target.IDs != nil {
		return true, nil
	}
	inner, err := f.within(&search.Query{Type: f.q.Type, Where: l.NestedCandidates()}, nil)
	if err != nil {
		return false, err
	}
	inner.most, inner.want, inner.bodies = 2*limit, limit+1, true
	var bad error
	seen := 0
	inner.found = func(c *candidate) bool {
		seen++
		if bad = inner.parse(c); bad == nil {
			bad = f.nestedIn(l, c.resource, nil, func(n *fhir.Resource) bool {
				*ranges = append(*ranges, l.Param.NestedRanges(c.resource.Key(), n)...)
				return true
			})
		}
		return bad == nil && seen <= limit
	}
	err = cmp.Or(inner.run(), bad)
	return err == nil && !inner.gaveUp && seen <= limit, err
}

// nestedIn calls yield for the resources within r that a chain leads to and that
// meet its target, until it returns false. The container is what r stands in, nil
// if it stands by itself.
func (f *finder) nestedIn(l *search.Link, r, container *fhir.Resource, yield func(*fhir.Resource) bool) error {
	if l.Target.IDs != nil {
		return nil
	}
	for _, n := range l.Param.Nested(r, container) {
		ok, err := f.meetsAll(l.Target, n, cmp.Or(container, r))
		if err != nil || ok && !yield(n) {
			return err
		}
	}
	return nil
}

// contains reports whether what is contained in r meets a condition.
func (f *finder) contains(r *fhir.Resource, in *search.Inside) (bool, error) {
	for n := range f.s.reg.Load().Contained(r) {
		if ok, err := f.meetsAll(in.Query, n, r); err != nil || ok {
			return ok, err
		}
	}
	return false, nil
}

func (c *candidate) key() fhir.Key { return fhir.Key{Type: c.doc.Type, ID: c.doc.ID} }

// referents adds the resources that those refer to that meet what _has asks.
func (f *finder) referents(l *search.Link, limit int, refs map[string]bool) (bool, error) {
	inner, err := f.within(l.Target, nil)
	if err != nil {
		return false, err
	}
	inner.most, inner.want, inner.bodies = 2*limit, limit+1, true
	seen := 0
	var bad error
	inner.found = func(c *candidate) bool {
		if bad = inner.parse(c); bad != nil {
			return false
		}
		for _, key := range l.Param.References(c.resource) {
			if f.q.Type == "" || key.Type == f.q.Type {
				refs[key.String()] = true
			}
		}
		canonical, err := f.canonicals(l.Param, c.resource, f.q.Type)
		if bad = err; bad != nil {
			return false
		}
		for _, key := range canonical {
			refs[key.String()] = true
		}
		seen++
		return seen <= limit
	}
	err = cmp.Or(inner.run(), bad)
	return err == nil && !inner.gaveUp && seen <= limit, err
}

// holds judges a clause for a resource. The container is what that stands in, nil if
// it stands by itself.
func (f *finder) holds(c *search.Clause, r, container *fhir.Resource) (bool, error) {
	if c.Local() {
		return c.Matches(r), nil
	}
	switch {
	case c.Links != nil:
		for i := range c.Links {
			if ok, err := f.linked(&c.Links[i], r, container); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case c.Or != nil:
		for i := range c.Or {
			if ok, err := f.meetsAll(&c.Or[i], r, container); err != nil || ok {
				return ok, err
			}
		}
		return false, nil
	case c.Inside != nil:
		return f.contains(r, c.Inside)
	default:
		ok, err := f.meetsAll(c.Not, r, container)
		return err == nil && !ok, err
	}
}

// meetsAll judges all clauses of a query for a resource.
func (f *finder) meetsAll(q *search.Query, r, container *fhir.Resource) (bool, error) {
	head := search.Query{Type: q.Type, IDs: q.IDs, LastUpdated: q.LastUpdated}
	if !head.Matches(r) {
		return false, nil
	}
	for i := range q.Where {
		if ok, err := f.holds(&q.Where[i], r, container); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// linked judges a link for a resource.
func (f *finder) linked(l *search.Link, r, container *fhir.Resource) (bool, error) {
	if l.Reverse {
		if container != nil {
			return false, nil // only its container refers to a contained resource
		}
		return f.recall(fact{l, r.Key()}, func() (bool, error) {
			if ok, err := f.calledFor(l, r); err != nil || ok {
				return ok, err
			}
			return f.exists(l.Target, f.s.reg.Load().ReferenceRanges(l.Param, r.Key()))
		})
	}
	keys, err := f.targets(l, r)
	if err != nil {
		return false, err
	}
	for _, key := range keys {
		ok, err := f.recall(fact{l, key}, func() (bool, error) {
			q := *l.Target
			q.IDs = []string{key.ID}
			return f.exists(&q, nil)
		})
		if err != nil || ok {
			return ok, err
		}
	}
	found := false
	err = f.nestedIn(l, r, container, func(*fhir.Resource) bool {
		found = true
		return false
	})
	return found, err
}

// recall returns what find does, and remembers it.
func (f *finder) recall(of fact, find func() (bool, error)) (bool, error) {
	if value, known := f.facts.get(of); known {
		return value, nil
	}
	ok, err := find()
	if err == nil {
		f.facts.set(of, ok)
	}
	return ok, err
}

// exists reports whether a resource meets a query, and has a key in one of some
// ranges, if they are not nil.
func (f *finder) exists(q *search.Query, referring []search.KeyRange) (bool, error) {
	inner, err := f.within(q, referring)
	if err != nil {
		return false, err
	}
	found := false
	inner.want = 1
	inner.found = func(*candidate) bool {
		found = true
		return false
	}
	err = inner.run()
	return found, err
}
