package store

import (
	"context"
	"errors"

	"github.com/noafhir/noafhir/fhir"
)

// A Found is what a write or a deletion finds of the resource it is about.
type Found struct {
	Exists  bool // there is a version, if only one that marks a deletion
	Deleted bool
	Hidden  bool // who writes may not see it
	Number  int64
}

// Visible reports whether who writes may know of it.
func (f *Found) Visible() bool { return f.Exists && !f.Hidden }

// Check returns the error if w demands something else than what it finds.
func (w *Write) Check(f Found) error {
	switch {
	case w.MustBeNew && f.Exists:
		return fhir.Errorf(fhir.Duplicate, "there is a %s already", w.Key)
	case w.MustExist && !f.Visible():
		return ErrNotFound(w.Key)
	case w.MustExist && f.Deleted:
		return ErrGone(w.Key)
	case w.IfVersion != 0 && (!f.Visible() || f.Number != w.IfVersion):
		return ErrStale(w.Key, w.IfVersion)
	case f.Hidden:
		return ErrForbidden(w.Key)
	}
	return nil
}

// ErrNotFound is the error for a resource or version that there is not, or that
// the caller may not know of.
func ErrNotFound(key fhir.Key) error { return fhir.Errorf(fhir.NotFound, "there is no %s", key) }

// ErrGone is the error for a resource that has been deleted.
func ErrGone(key fhir.Key) error { return fhir.Errorf(fhir.Gone, "%s has been deleted", key) }

// ErrForbidden is the error for a resource that the caller may not write.
func ErrForbidden(key fhir.Key) error {
	return fhir.Errorf(fhir.Forbidden, "you may not write %s", key)
}

// ErrStale is the error for a version that is not the current one.
func ErrStale(key fhir.Key, number int64) error {
	return fhir.Errorf(fhir.Stale, "version %d is not the current one of %s", number, key)
}

// ErrClosed is the error for calls after Close.
func ErrClosed() error { return fhir.Errorf(fhir.Unavailable, "the store is closed") }

// ErrGivenUp is the error for work that was cut short because ctx ended: TooCostly
// if its time was up, else Unavailable.
func ErrGivenUp(ctx context.Context) error {
	cause := context.Cause(ctx)
	if errors.Is(cause, context.DeadlineExceeded) {
		return fhir.Because(fhir.TooCostly, cause, "the request took too long")
	}
	return fhir.Because(fhir.Unavailable, cause, "the request was given up")
}
