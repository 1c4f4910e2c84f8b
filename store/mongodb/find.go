package mongodb

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// search returns a page of matches. Within a transaction, ctx carries it.
func (s *Store) search(ctx context.Context, who search.Access, q *search.Query) (*store.Page, error) {
	return nil, fhir.Errorf(fhir.Unsupported, "this store can not search yet")
}

// count returns how many resources match.
func (s *Store) count(ctx context.Context, who search.Access, q *search.Query) (int64, error) {
	return 0, fhir.Errorf(fhir.Unsupported, "this store can not count yet")
}
