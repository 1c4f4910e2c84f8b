package mongodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// A dbError is a database's error without its text, which may quote what was
// asked or stored: errors go to the log, and that holds no patient data.
type dbError struct {
	code  int
	name  string
	cause error // for errors.Is
}

func (e *dbError) Error() string {
	if e.name == "" {
		return fmt.Sprintf("the database answered with code %d", e.code)
	}
	return fmt.Sprintf("the database answered with code %d (%s)", e.code, e.name)
}

// Unwrap keeps errors.Is and errors.As at work.
func (e *dbError) Unwrap() error { return e.cause }

// causes says in words what an operator can see to. They may be shown to
// clients. See https://www.mongodb.com/docs/manual/reference/error-codes/.
var causes = map[int]string{
	13:    "the database user may not do what the server needs",
	18:    "the database does not accept the user or the password",
	14031: "the disk of the database is full",
}

// maxTimeExpired is the code of what was given up because its time was over.
const maxTimeExpired = 50

// translate gives an error of the database a kind. Errors that have one stay as
// they are.
func translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fhir.Error](err); ok {
		return err
	}
	if errors.Is(err, errConflict) {
		return fhir.Because(fhir.Conflict, err, "another write got in the way")
	}
	if server, ok := errors.AsType[mongo.ServerError](err); ok && server.HasErrorCode(maxTimeExpired) {
		return fhir.Because(fhir.TooCostly, nameless(err), "the request took too long")
	}
	if mongo.IsNetworkError(err) || mongo.IsTimeout(err) || unreachable(err) {
		return fhir.Because(fhir.Unavailable, nameless(err), "the database can not be reached")
	}
	server, ok := errors.AsType[mongo.ServerError](err)
	if !ok {
		return fhir.Because(fhir.Internal, nameless(err), "the database driver failed")
	}
	plain := nameless(err)
	for code, text := range causes {
		if server.HasErrorCode(code) {
			return fhir.Because(fhir.Unavailable, plain, "%s", text)
		}
	}
	for _, label := range []string{"RetryableWriteError", "TransientTransactionError", "NetworkError"} {
		if server.HasErrorLabel(label) {
			return fhir.Because(fhir.Unavailable, plain, "the database is busy or changing its primary")
		}
	}
	return fhir.Because(fhir.Internal, plain, "the database refused a command")
}

// unreachable reports whether no server could be had.
func unreachable(err error) bool {
	return errors.Is(err, mongo.ErrClientDisconnected) || strings.Contains(err.Error(), "server selection error")
}

// away is unreachable for an error that may have been given a kind.
func away(err error) bool {
	if err == nil || unreachable(err) {
		return err != nil
	}
	inside, ok := errors.AsType[mongo.CommandError](err)
	return ok && unreachable(inside)
}

// nameless returns an error whose text holds nothing that was asked or stored.
func nameless(err error) error {
	if e, ok := errors.AsType[mongo.CommandError](err); ok {
		return &dbError{int(e.Code), e.Name, err}
	}
	if e, ok := errors.AsType[mongo.WriteException](err); ok {
		if e.WriteConcernError != nil {
			return &dbError{e.WriteConcernError.Code, e.WriteConcernError.Name, err}
		}
		if len(e.WriteErrors) > 0 {
			return &dbError{e.WriteErrors[0].Code, "", err}
		}
	}
	if e, ok := errors.AsType[mongo.BulkWriteException](err); ok {
		if e.WriteConcernError != nil {
			return &dbError{e.WriteConcernError.Code, e.WriteConcernError.Name, err}
		}
		if len(e.WriteErrors) > 0 {
			return &dbError{e.WriteErrors[0].Code, "", err}
		}
	}
	return err
}

// conflicts are the codes of commands that failed because of another's: MongoDB's
// WriteConflict, and what DocumentDB makes of PostgreSQL's 40001, 40P01 and 55P03.
var conflicts = []int{112, 16777220, 16908292, 50463045}

// conflicting reports whether a command failed because of another's. In a
// transaction that is the end of it; alone, it has done nothing.
func conflicting(err error) bool {
	server, ok := errors.AsType[mongo.ServerError](err)
	return ok && slices.ContainsFunc(conflicts, server.HasErrorCode)
}

// finish gives the error of a call its kind.
func finish(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fhir.Error](err); !ok && ctx.Err() != nil {
		return store.ErrGivenUp(ctx)
	}
	return translate(err)
}

// opening words an error of Open.
func opening(err error) error {
	return fmt.Errorf("opening the MongoDB store: %w", translate(err))
}

// errDamaged is what reading something impossible comes to.
func errDamaged(key fhir.Key, cause error) error {
	return fhir.Because(fhir.Internal, cause, "the stored resource %s can not be read", key)
}
