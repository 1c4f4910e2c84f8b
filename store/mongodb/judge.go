package mongodb

import (
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// judge says which of some candidates match, as far as the database has not. It
// reads their versions if that is needed, and judges fewer if they are large.
func (f *finder) judge(batch []candidate) ([]bool, error) {
	verdicts := make([]bool, len(batch))
	for i := range verdicts {
		verdicts[i] = true
	}
	if !f.bodies && !f.parsed() {
		return verdicts, nil
	}
	n, err := f.read(batch, verdicts)
	if err != nil {
		return nil, err
	}
	batch, verdicts = batch[:n], verdicts[:n]
	if !f.parsed() {
		return verdicts, nil
	}
	for i := range batch {
		if !verdicts[i] {
			continue
		}
		if err := f.parse(&batch[i]); err != nil {
			return nil, err
		}
		verdicts[i] = f.who.Permits(batch[i].resource)
		for _, c := range f.residual {
			if verdicts[i] && c.Local() {
				verdicts[i] = c.Matches(batch[i].resource)
			}
		}
	}
	for _, c := range f.linking() {
		if err := f.judgeLinked(c, batch, verdicts); err != nil {
			return nil, err
		}
	}
	return verdicts, nil
}

// linking returns the clauses that are about other resources too.
func (f *finder) linking() []*search.Clause {
	var all []*search.Clause
	for _, c := range f.residual {
		if !c.Local() {
			all = append(all, c)
		}
	}
	for i := range f.conditions {
		if f.conditions[i].open() {
			all = append(all, f.conditions[i].clause)
		}
	}
	return all
}

func (f *finder) parse(c *candidate) (err error) {
	if c.resource == nil {
		c.resource, err = f.s.parse(c.version)
	}
	return err
}

// read makes the versions of candidates available, and returns of how many: of
// more than fit in a page it reads them later. What is not there any more is no
// match, nor is what has changed and does not match any more.
func (f *finder) read(batch []candidate, verdicts []bool) (int, error) {
	if err := f.fetchBodies(batch, verdicts); err != nil {
		return 0, err
	}
	size := 0
	for i := range batch {
		c := &batch[i]
		if verdicts[i] && c.version == nil {
			v, err := f.s.version(f.ctx, &c.doc)
			if err != nil {
				return 0, err
			}
			c.version, c.doc.Body = v, nil
		}
		if c.version != nil {
			size += len(c.version.Body)
		}
		if size > store.PageBytes {
			return i + 1, nil
		}
	}
	return len(batch), nil
}

// fetchBodies reads the documents of the candidates that have no body yet.
func (f *finder) fetchBodies(batch []candidate, verdicts []bool) error {
	var refs []string
	at := map[string]int{}
	for i := range batch {
		if c := &batch[i]; c.version == nil && c.doc.Body == nil && c.doc.File == nil {
			refs = append(refs, c.doc.Ref)
			at[c.doc.Ref] = i
			verdicts[i] = false
		}
	}
	for len(refs) > 0 {
		list := refs[:min(len(refs), f.s.tuning.slice)]
		refs = refs[len(list):]
		err := f.answers(&question{match: in("_id", list), hint: up("_id"), fields: allFields}, func(d *doc) error {
			i := at[d.Ref]
			c := &batch[i]
			before := c.doc.LastUpdated
			c.doc = *d
			if d.Deleted {
				return nil
			}
			verdicts[i] = true
			if d.LastUpdated != before {
				var err error
				verdicts[i], err = f.stillMatches(c)
				return err
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stillMatches judges a candidate that has changed since it was found, as far as
// it tells by itself.
func (f *finder) stillMatches(c *candidate) (bool, error) {
	v, err := f.s.version(f.ctx, &c.doc)
	if err != nil {
		return false, err
	}
	c.version = v
	if err := f.parse(c); err != nil {
		return false, err
	}
	head := search.Query{Type: f.q.Type, IDs: f.q.IDs, LastUpdated: f.q.LastUpdated}
	return head.Matches(c.resource) && !slices.ContainsFunc(f.q.Where, func(clause search.Clause) bool {
		return clause.Local() && !clause.Matches(c.resource)
	}), nil
}
