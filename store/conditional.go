package store

import (
	"context"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// The rules of conditional interactions, written once for every store. They are
// safe against other writers only within a unit of work ([Store.Update]): the
// search and the write that depends on it must not be parted.
// See https://hl7.org/fhir/R4/http.html#cond-update.

// Match returns the one resource that meets the criteria, or nil if none does.
// The error is Ambiguous if there are several, and Invalid if the criteria are
// empty and would match everything.
func Match(ctx context.Context, r Reader, who search.Access, criteria *search.Query) (*Version, error) {
	found, err := matches(ctx, r, who, criteria, 2)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, nil
	case len(found) > 1:
		return nil, fhir.Errorf(fhir.Ambiguous, "the criteria match several resources of type %s", criteria.Type)
	}
	return found[0], nil
}

// matches returns up to limit resources that meet the criteria.
func matches(ctx context.Context, r Reader, who search.Access, criteria *search.Query, limit int) ([]*Version, error) {
	if criteria.IDs == nil && len(criteria.Where) == 0 && len(criteria.LastUpdated) == 0 {
		return nil, fhir.Errorf(fhir.Invalid, "a conditional interaction needs search criteria")
	}
	q := *criteria
	q.Count, q.After = limit, nil
	page, err := r.Search(ctx, who, &q)
	if err != nil {
		return nil, err
	}
	return page.Versions, nil
}

// CreateUnlessFound stores w unless a resource meets the criteria. It returns
// the new version and true, or the resource found and false. The error is
// Ambiguous if several are found.
// See https://hl7.org/fhir/R4/http.html#ccreate.
func CreateUnlessFound(ctx context.Context, tx Tx, who search.Access, criteria *search.Query, w Write) (*Version, bool, error) {
	found, err := Match(ctx, tx, who, criteria)
	if err != nil || found != nil {
		return found, false, err
	}
	created, err := tx.Put(ctx, who, w)
	return created, true, err
}

// UpdateFound stores w as the next version of the one resource that meets the
// criteria, and under its own key if there is none. Given says that the client
// chose the id in w, which then has to be that of the resource found: else
// Invalid. The error is Ambiguous if several are found, and Duplicate if none is
// but there is a resource with the id given: it can not be the one meant.
// See https://hl7.org/fhir/R4/http.html#cond-update.
func UpdateFound(ctx context.Context, tx Tx, who search.Access, criteria *search.Query, w Write, given bool) (*Version, error) {
	found, err := Match(ctx, tx, who, criteria)
	if err != nil {
		return nil, err
	}
	if found == nil {
		if given {
			if err := unused(ctx, tx, who, w.Key); err != nil {
				return nil, err
			}
		}
		return tx.Put(ctx, who, w)
	}
	if given && found.Key.ID != w.Key.ID {
		return nil, fhir.Errorf(fhir.Invalid, "the criteria match a resource whose id is not %q, the id in the body", w.Key.ID)
	}
	return tx.Put(ctx, who, w.WithID(found.Key.ID))
}

// unused returns a Duplicate error if there is a resource of that key now.
func unused(ctx context.Context, tx Tx, who search.Access, key fhir.Key) error {
	_, err := tx.Read(ctx, who, key)
	switch {
	case err == nil:
		return fhir.Errorf(fhir.Duplicate, "%s exists, but does not meet the criteria", key)
	case fhir.KindOf(err) == fhir.NotFound, fhir.KindOf(err) == fhir.Gone:
		return nil
	}
	return err
}

// DeleteFound marks the resources that meet the criteria as deleted and returns
// the marks. If there are more than limit it deletes none: the error is
// Ambiguous for a limit of one and TooCostly for a greater one.
// See https://hl7.org/fhir/R4/http.html#2.11.0.7.1.
func DeleteFound(ctx context.Context, tx Tx, who search.Access, criteria *search.Query, ifVersion int64, limit int) ([]*Version, error) {
	found, err := matches(ctx, tx, who, criteria, limit+1)
	if err != nil {
		return nil, err
	}
	if len(found) > limit {
		if limit == 1 {
			return nil, fhir.Errorf(fhir.Ambiguous, "the criteria match several resources of type %s", criteria.Type)
		}
		return nil, fhir.Errorf(fhir.Ambiguous, "the criteria match more than %d resources of type %s", limit, criteria.Type)
	}
	marks := make([]*Version, len(found))
	for i, v := range found {
		if marks[i], err = tx.Delete(ctx, who, v.Key, ifVersion); err != nil {
			return nil, err
		}
	}
	return marks, nil
}
