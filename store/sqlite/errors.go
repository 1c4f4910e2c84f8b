package sqlite

import (
	"errors"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/noafhir/noafhir/fhir"
)

// causes says in words what went wrong, by primary result code. The words may
// be shown to clients, so they name no file.
var causes = map[int32]string{
	sqlite3.SQLITE_FULL:     "the disk is full",
	sqlite3.SQLITE_READONLY: "the database can not be written to",
	sqlite3.SQLITE_CANTOPEN: "the database file can not be opened",
	sqlite3.SQLITE_PERM:     "the database file may not be accessed",
	sqlite3.SQLITE_IOERR:    "reading or writing the database file failed",
	sqlite3.SQLITE_CORRUPT:  "the database file is damaged",
	sqlite3.SQLITE_NOTADB:   "the database file is damaged, or no database",
	sqlite3.SQLITE_BUSY:     "the database is locked by another program",
	sqlite3.SQLITE_NOMEM:    "there is not enough memory",
}

// translate gives an error of the database a kind. Errors that have one stay as
// they are.
func translate(err error) error {
	e, ok := errors.AsType[*dbError](err)
	if !ok {
		return err
	}
	if text, ok := causes[e.code&0xff]; ok {
		return fhir.Because(fhir.Unavailable, e, "%s", text)
	}
	return fhir.Because(fhir.Internal, e, "the database refused a statement")
}

// damaged reports whether err, which has a kind, says that the file is damaged.
func damaged(err error) bool {
	e, ok := errors.AsType[*dbError](err)
	return ok && (e.code&0xff == sqlite3.SQLITE_CORRUPT || e.code&0xff == sqlite3.SQLITE_NOTADB)
}

// interrupted reports whether err says that a statement was given up.
func interrupted(err error) bool {
	e, ok := errors.AsType[*dbError](err)
	return ok && e.code&0xff == sqlite3.SQLITE_INTERRUPT
}

// syncFailed reports whether what is on the disk is not known any more.
func syncFailed(err error) bool {
	e, ok := errors.AsType[*dbError](err)
	return ok && (e.code == sqlite3.SQLITE_IOERR_FSYNC || e.code == sqlite3.SQLITE_IOERR_DIR_FSYNC)
}

// errDamagedFile is what reading something impossible comes to.
func errDamagedFile(cause error) error {
	return fhir.Because(fhir.Unavailable, cause, "the database file is damaged")
}

// errDamaged says that cur does not tell what post holds.
func errDamaged() error {
	return fhir.Errorf(fhir.Internal, "the index of the database is damaged: run noafhir reindex")
}
