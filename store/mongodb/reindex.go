package mongodb

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
)

// Reindex makes the keys of every resource anew.
func (s *Store) Reindex(ctx context.Context, progress func(done, total int64)) error {
	return fhir.Errorf(fhir.Unsupported, "a store in MongoDB can not be indexed anew yet")
}
