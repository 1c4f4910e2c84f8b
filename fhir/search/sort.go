package search

// A SortKey is one key of the order of results.
type SortKey struct {
	Param      *Param // _id, _lastUpdated, or any other that can be sorted by
	Descending bool
}
