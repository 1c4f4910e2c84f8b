package handlers

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// A Preparer looks at a resource that a client wants to be stored, before it is.
// It returns what is stored in its place, which has the same type and id, and what
// there is to tell about it. An error refuses it. It may be called again for what
// it has returned, and by several goroutines at once.
type Preparer func(ctx context.Context, r *fhir.Resource) (*fhir.Resource, []fhir.Issue, error)

// prepare makes the write that stores r under an id. All that clients store goes
// through here, but for operations that change tags and labels alone.
func (s *Server) prepare(ctx context.Context, r *fhir.Resource, id, method string) (store.Write, []fhir.Issue, error) {
	var notes []fhir.Issue
	if s.options.Prepare != nil {
		var err error
		if r, notes, err = s.options.Prepare(ctx, r); err != nil {
			return store.Write{}, nil, err
		}
	}
	return store.Prepare(s.registry(), r, id, method), notes, nil
}
