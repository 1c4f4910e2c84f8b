package mongodb

import (
	"cmp"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// judgeLinked judges a clause on other resources for those candidates that have
// met all before.
func (f *finder) judgeLinked(c *search.Clause, batch []candidate, verdicts []bool) error {
	f.facts.tidy()
	var resources []*fhir.Resource
	for i := range batch {
		if verdicts[i] {
			resources = append(resources, batch[i].resource)
		}
	}
	if err := f.learn(c, resources); err != nil {
		return err
	}
	return f.together(len(batch), func(i int) (err error) {
		if verdicts[i] {
			verdicts[i], err = f.holds(c, batch[i].resource, nil)
		}
		return err
	})
}

// learn finds out for several resources at once what a clause asks of others.
func (f *finder) learn(c *search.Clause, resources []*fhir.Resource) error {
	if len(resources) < 2 || c.Local() {
		return nil
	}
	for i := range c.Links {
		l := &c.Links[i]
		var err error
		if l.Reverse && l.Param.Canonical() {
			continue
		}
		if l.Reverse {
			err = f.learnReferring(l, resources)
		} else {
			err = f.learnTargets(l, resources)
		}
		if err != nil {
			return err
		}
	}
	queries := c.Or
	if c.Not != nil {
		queries = []search.Query{*c.Not}
	}
	for i := range queries {
		for j := range queries[i].Where {
			if err := f.learn(&queries[i].Where[j], resources); err != nil {
				return err
			}
		}
	}
	return nil
}

// learnTargets finds out which of what resources refer to meets the target.
func (f *finder) learnTargets(l *search.Link, resources []*fhir.Resource) error {
	var ids []string
	for _, r := range resources {
		keys, err := f.targets(l, r)
		if err != nil {
			return err
		}
		for _, key := range keys {
			if _, known := f.facts.get(fact{l, key}); !known && !slices.Contains(ids, key.ID) {
				ids = append(ids, key.ID)
			}
		}
	}
	if len(ids) == 0 {
		return nil
	}
	q := *l.Target
	q.IDs = ids
	inner, err := f.within(&q, nil)
	if err != nil {
		return err
	}
	met := map[string]bool{}
	inner.found = func(c *candidate) bool {
		met[c.doc.ID] = true
		return true
	}
	if err := inner.run(); err != nil {
		return err
	}
	for _, id := range ids {
		f.facts.set(fact{l, fhir.Key{Type: l.Target.Type, ID: id}}, met[id])
	}
	return nil
}

// targets returns what a link leads to from a resource, as far as it can meet the
// target.
func (f *finder) targets(l *search.Link, r *fhir.Resource) ([]fhir.Key, error) {
	canonical, err := f.canonicals(l.Param, r, l.Target.Type)
	return slices.DeleteFunc(append(l.Param.References(r), canonical...), func(key fhir.Key) bool {
		return key.Type != l.Target.Type || l.Target.IDs != nil && !slices.Contains(l.Target.IDs, key.ID)
	}), err
}

// learnReferring finds out to which of some resources those refer that meet the
// target. If that takes too much, it is left to be asked one by one.
func (f *finder) learnReferring(l *search.Link, resources []*fhir.Resource) error {
	reg := f.s.reg.Load()
	missing := map[fhir.Key]bool{}
	var ranges []search.KeyRange
	for _, r := range resources {
		if _, known := f.facts.get(fact{l, r.Key()}); !known {
			missing[r.Key()] = true
			ranges = append(ranges, reg.ReferenceRanges(l.Param, r.Key())...)
		}
	}
	if len(missing) < 2 {
		return nil
	}
	inner, err := f.within(l.Target, search.Union(ranges))
	if err != nil {
		return err
	}
	inner.bodies, inner.most = true, f.s.tuning.window
	var bad error
	inner.found = func(c *candidate) bool {
		if bad = inner.parse(c); bad != nil {
			return false
		}
		for _, key := range l.Param.References(c.resource) {
			if missing[key] {
				f.facts.set(fact{l, key}, true)
				delete(missing, key)
			}
		}
		return len(missing) > 0
	}
	if err := cmp.Or(inner.run(), bad); err != nil || inner.gaveUp {
		return err
	}
	for key := range missing {
		f.facts.set(fact{l, key}, false)
	}
	return nil
}
