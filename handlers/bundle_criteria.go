package handlers

import (
	"context"
	"net/http"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A criterion is a search whose matches decide what an entry or a reference of a
// transaction is about.
type criterion struct {
	query  *search.Query
	refers bool // references use it
	limit  int  // how many matches need to be known

	found []*store.Version // in the store, as last asked
	match fhir.Key         // for references: the one match
}

// criterion returns the criterion that stands for a text: the same for the same.
func (p *plan) criterion(text string, parse func() (*search.Query, error)) (*criterion, error) {
	if q := p.byText[text]; q != nil {
		return q, nil
	}
	query, err := parse()
	if err != nil {
		return nil, err
	}
	if !query.Local() {
		return nil, fhir.Errorf(fhir.Unsupported, "the criteria %q are about other resources too, which a transaction can not judge", text)
	}
	q := &criterion{query: query}
	p.criteria = append(p.criteria, q)
	p.byText[text] = q
	return q, nil
}

// ask looks all criteria up. It reports whether an answer differs from the last.
func (p *plan) ask(ctx context.Context, r store.Reader) (bool, error) {
	changed := false
	for _, q := range p.criteria {
		found, err := q.search(ctx, r, p.who)
		if err != nil {
			return false, err
		}
		changed = changed || !slices.EqualFunc(found, q.found, sameVersion)
		q.found = found
	}
	return changed, nil
}

func sameVersion(a, b *store.Version) bool { return a.Key == b.Key && a.Number == b.Number }

// search returns what meets the criterion in the store.
func (q *criterion) search(ctx context.Context, r store.Reader, who search.Access) ([]*store.Version, error) {
	query := *q.query
	query.Count = q.limit
	page, err := r.Search(ctx, who, &query)
	if err != nil {
		return nil, err
	}
	return page.Versions, nil
}

// setLimits decides how many matches of each criterion need to be known: two tell
// that there are several, but those that the transaction itself deletes or
// replaces do not count.
func (p *plan) setLimits() {
	gone := map[string]int{}
	for _, c := range p.changes {
		switch {
		case c.request.Method == http.MethodDelete && c.condition != nil:
			gone[c.request.Key.Type] += p.deletes
		case c.request.Method == http.MethodDelete, c.request.Method == http.MethodPut:
			gone[c.request.Key.Type]++
		}
	}
	for _, q := range p.criteria {
		q.limit = 2 + gone[q.query.Type]
	}
}

// An overlay finds which of the resources that a transaction stores meet a
// criterion: they are not yet in the store.
type overlay struct {
	byType map[string]*candidates
	tests  int // comparisons made
}

// candidates are the changes that store a resource of one type.
type candidates struct {
	all   []*change
	byKey map[string][]*change // by index key
}

// maxTests bounds the comparisons of one transaction, a second's worth.
const maxTests = 1_000_000

// newOverlay gathers the changes that store something a criterion asks for.
func newOverlay(changes []*change, asked map[string]bool) overlay {
	o := overlay{byType: map[string]*candidates{}}
	for _, c := range changes {
		if c.write == nil || !asked[c.request.Key.Type] {
			continue
		}
		list := o.byType[c.request.Key.Type]
		if list == nil {
			list = &candidates{byKey: map[string][]*change{}}
			o.byType[c.request.Key.Type] = list
		}
		list.all = append(list.all, c)
		for _, key := range c.write.Entries.Keys {
			list.byKey[string(key)] = append(list.byKey[string(key)], c)
		}
	}
	return o
}

// matches returns the changes whose resources meet a criterion.
func (o *overlay) matches(q *criterion) ([]*change, error) {
	list := o.byType[q.query.Type]
	if list == nil {
		return nil, nil
	}
	var found []*change
	for _, c := range list.narrow(q.query) {
		if o.tests++; o.tests > maxTests {
			return nil, fhir.Errorf(fhir.TooLarge, "there are too many criteria for so many resources in one transaction")
		}
		if q.query.Matches(c.write.Resource) {
			found = append(found, c)
		}
	}
	return found, nil
}

// narrow returns the candidates that have a key one of the query's clauses needs:
// all of them if no clause names its keys one by one.
func (l *candidates) narrow(q *search.Query) []*change {
	for i := range q.Where {
		ranges := q.Where[i].Ranges
		if ranges == nil || slices.ContainsFunc(ranges, func(r search.KeyRange) bool { return r.High != nil }) {
			continue
		}
		if len(ranges) == 1 {
			return l.byKey[string(ranges[0].Low)]
		}
		var some []*change
		seen := map[*change]bool{}
		for _, r := range ranges {
			for _, c := range l.byKey[string(r.Low)] {
				if !seen[c] {
					seen[c] = true
					some = append(some, c)
				}
			}
		}
		return some
	}
	return l.all
}
