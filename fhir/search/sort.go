package search

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A SortKey is one key of the order of results.
type SortKey struct {
	Param      *Param // _id, _lastUpdated, or any other that can be sorted by
	Descending bool
}

// maxSorts bounds the keys of an order.
const maxSorts = 6

// sortBy reads _sort. See https://hl7.org/fhir/R4/search.html#sort.
func (q *query) sortBy(name, value string) error {
	for i, key := range strings.Split(value, ",") {
		code, descending := strings.CutPrefix(key, "-")
		p, ok := q.reg.Lookup(q.Type, code)
		switch {
		case i == maxSorts:
			return invalid("there are more than %d keys", maxSorts)
		case !ok && strings.Contains(code, "."):
			return fhir.Errorf(fhir.Unsupported, "results are not sorted by what they refer to, like %q", clip(code))
		case !ok:
			return fhir.Errorf(fhir.Unsupported, "there is no search parameter %q to sort by", clip(code))
		case !p.Sortable():
			return fhir.Errorf(fhir.Unsupported, "results are not sorted by %s, which is of type %s", code, p.Type)
		}
		if err := needs(sorts); err != nil && code != "_id" && code != "_lastUpdated" {
			return fhir.Errorf(fhir.Unsupported, "results are sorted by _id or _lastUpdated only, not by %q", clip(code))
		}
		q.Sort = append(q.Sort, SortKey{p, descending})
	}
	q.Applied = append(q.Applied, [2]string{name, value})
	return nil
}
