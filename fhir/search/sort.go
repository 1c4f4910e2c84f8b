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

// sortBy reads _sort. With Lenient, keys that there are not are left out.
// See https://hl7.org/fhir/R4/search.html#sort.
func (q *query) sortBy(name, value string) error {
	keys := strings.Split(value, ",")
	if len(keys) > maxSorts {
		return invalid("there are more than %d keys", maxSorts)
	}
	var applied []string
	for _, key := range keys {
		if strings.TrimPrefix(key, "-") == "" {
			return invalid("it has an empty key")
		}
		by, err := q.sortKey(key)
		if err != nil {
			if err := q.leaveOut(name, err); err != nil {
				return err
			}
			continue
		}
		q.Sort = append(q.Sort, by)
		applied = append(applied, key)
	}
	if applied != nil {
		q.Applied = append(q.Applied, [2]string{name, strings.Join(applied, ",")})
	}
	return nil
}

// sortKey reads one key of _sort.
func (q *query) sortKey(key string) (SortKey, error) {
	code, descending := strings.CutPrefix(key, "-")
	p, ok := q.reg.Lookup(q.Type, code)
	switch {
	case !ok && strings.Contains(code, "."):
		return SortKey{}, unknownf("results are not sorted by what they refer to, like %q", clip(code))
	case !ok:
		return SortKey{}, unknownf("there is no search parameter %q to sort by", clip(code))
	case !p.Sortable():
		return SortKey{}, unknownf("results are not sorted by %s, which is of type %s", code, p.Type)
	}
	if err := needs(sorts); err != nil && code != "_id" && code != "_lastUpdated" {
		return SortKey{}, fhir.Errorf(fhir.Unsupported, "results are sorted by _id or _lastUpdated only, not by %q", clip(code))
	}
	return SortKey{p, descending}, nil
}
