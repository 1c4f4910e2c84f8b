package sqlite

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/libc/sys/types"
	sqlite3 "modernc.org/sqlite/lib"
)

// This file talks to SQLite's C interface, translated to Go, without
// database/sql in between: a row costs no boxed values, no goroutine watches
// each statement, and a read by id needs 3 allocations in place of some 40.
// All unsafe code of the package is here.

// A conn is one connection. It is used by one goroutine at a time, except for
// interrupt.
type conn struct {
	tls   *libc.TLS
	halt  *libc.TLS // for interrupt, which comes from another goroutine
	db    uintptr
	stmts map[string]*stmt
	rows  int64 // that statements have led to
}

// maxStatements bounds the prepared statements a connection keeps. Searches of
// different shapes have different texts.
const maxStatements = 200

// openConn opens a database file that exists, or one to be made if create is
// set.
func openConn(path string, create bool) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), halt: libc.NewTLS(), stmts: map[string]*stmt{}}
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	slot := c.malloc(8)
	defer libc.Xfree(c.tls, slot)
	// No mutex: a conn is never used by two goroutines at once.
	flags := sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX
	if create {
		flags |= sqlite3.SQLITE_OPEN_CREATE
	}
	code := sqlite3.Xsqlite3_open_v2(c.tls, name, slot, int32(flags), 0)
	c.db = *(*uintptr)(pointer(slot))
	if code != sqlite3.SQLITE_OK {
		err := c.fail(code, "open")
		c.close()
		return nil, err
	}
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	c.setBusy(busyMilliseconds)
	return c, nil
}

// close finalises all statements and lets go of the file.
func (c *conn) close() {
	c.forget()
	if c.db != 0 {
		sqlite3.Xsqlite3_close_v2(c.tls, c.db)
		c.db = 0
	}
	if c.tls != nil {
		c.tls.Close()
		c.halt.Close()
		c.tls, c.halt = nil, nil
	}
}

// forget finalises the cached statements that are not in use.
func (c *conn) forget() {
	for text, s := range c.stmts {
		if !s.stepping {
			s.finalize()
			delete(c.stmts, text)
		}
	}
}

// interrupt makes the statement that is running, if any, fail soon. It is safe
// to call from any goroutine while the connection is open.
func (c *conn) interrupt() { sqlite3.Xsqlite3_interrupt(c.halt, c.db) }

// until interrupts the connection when ctx ends, until the function returned is
// called. It must not cover statements that write: SQLite would roll back the
// whole transaction.
func (c *conn) until(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	over, interrupted := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(interrupted)
		again := time.NewTicker(time.Millisecond)
		defer again.Stop()
		for {
			c.interrupt() // has no effect between two statements
			select {
			case <-over:
				return
			case <-again.C:
			}
		}
	})
	return func() {
		if !stop() {
			close(over)
			<-interrupted // or it would hit what runs next
		}
	}
}

// inTransaction reports whether a transaction is open. Some errors end it.
func (c *conn) inTransaction() bool { return sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) == 0 }

// setBusy sets how many milliseconds a lock is waited for.
func (c *conn) setBusy(milliseconds int) {
	sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(milliseconds))
}

// pagesWritten returns how many pages the connection has written, to the log or
// the database file, since it was last asked.
func (c *conn) pagesWritten() int64 {
	slot := c.malloc(8)
	defer libc.Xfree(c.tls, slot)
	sqlite3.Xsqlite3_db_status(c.tls, c.db, sqlite3.SQLITE_DBSTATUS_CACHE_WRITE, slot, slot+4, 1)
	return int64(*(*int32)(pointer(slot)))
}

// checkpoint copies the write-ahead log into the database. It returns how many
// frames the log has and how many of them have been copied.
func (c *conn) checkpoint(mode int32) (frames, copied int64, err error) {
	slot := c.malloc(8)
	defer libc.Xfree(c.tls, slot)
	code := sqlite3.Xsqlite3_wal_checkpoint_v2(c.tls, c.db, 0, mode, slot, slot+4)
	frames, copied = int64(*(*int32)(pointer(slot))), int64(*(*int32)(pointer(slot + 4)))
	if code != sqlite3.SQLITE_OK {
		return frames, copied, c.fail(code, "checkpoint")
	}
	return frames, copied, nil
}

// exec runs a statement that takes no parameters, and throws its rows away.
func (c *conn) exec(text string) error {
	s, err := c.prepare(text)
	if err != nil {
		return err
	}
	return s.run()
}

// value runs a statement without parameters and returns the first column of its
// first row as text, empty if there is none.
func (c *conn) value(text string) (string, error) {
	s, err := c.prepare(text)
	if err != nil {
		return "", err
	}
	defer s.reset()
	if row, err := s.step(); err != nil || !row {
		return "", err
	}
	return s.text(0), nil
}

// prepare returns the statement of that text, ready to be bound. A statement
// must be stepped to its end or reset before it is prepared again.
func (c *conn) prepare(text string) (*stmt, error) {
	if s := c.stmts[text]; s != nil {
		if s.stepping {
			panic("sqlite: statement in use: " + text)
		}
		s.bound, s.code, s.used = 0, 0, 0
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		c.forget()
	}
	source, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, source)
	slot := c.malloc(8)
	defer libc.Xfree(c.tls, slot)
	code := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, source, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, slot, 0)
	if code != sqlite3.SQLITE_OK {
		return nil, c.fail(code, text)
	}
	s := &stmt{c: c, source: text, p: *(*uintptr)(pointer(slot))}
	c.stmts[text] = s
	return s, nil
}

// fail returns the error of a result code.
func (c *conn) fail(code int32, text string) error {
	message := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, code))
	if c.db != 0 {
		message = libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db))
	}
	return &dbError{code: code, message: message, statement: text}
}

func (c *conn) malloc(n int) uintptr {
	p := libc.Xmalloc(c.tls, types.Size_t(n))
	if p == 0 {
		panic("sqlite: out of memory")
	}
	return p
}

// A dbError is what SQLite said.
type dbError struct {
	code      int32 // extended result code
	message   string
	statement string
}

// Error implements error.
func (e *dbError) Error() string {
	return fmt.Sprintf("sqlite: %s (%d) in %.80q", e.message, e.code, e.statement)
}

// A stmt is a prepared statement. Its parameters are bound in order by int,
// blob and str; step then leads from row to row.
type stmt struct {
	c        *conn
	source   string
	p        uintptr
	stepping bool
	bound    int32 // parameters bound so far
	code     int32 // of the first bind that failed

	// Bound bytes are copied here, since SQLite does not see Go's memory. They
	// have to stay in place until the statement is reset.
	mem, size, used uintptr
	spent           []uintptr // blocks that were too small
}

// int binds an integer.
func (s *stmt) int(v int64) *stmt {
	s.bound++
	s.check(sqlite3.Xsqlite3_bind_int64(s.c.tls, s.p, s.bound, v))
	return s
}

// blob binds bytes, which are copied. Nil is bound as NULL.
func (s *stmt) blob(v []byte) *stmt {
	s.bound++
	if v == nil {
		s.check(sqlite3.Xsqlite3_bind_null(s.c.tls, s.p, s.bound))
		return s
	}
	at := s.room(len(v))
	copy(memory(at, len(v)), v)
	s.check(sqlite3.Xsqlite3_bind_blob(s.c.tls, s.p, s.bound, at, int32(len(v)), 0))
	return s
}

// str binds text, which is copied.
func (s *stmt) str(v string) *stmt {
	s.bound++
	at := s.room(len(v))
	copy(memory(at, len(v)), v)
	s.check(sqlite3.Xsqlite3_bind_text(s.c.tls, s.p, s.bound, at, int32(len(v)), 0))
	return s
}

func (s *stmt) check(code int32) {
	if s.code == sqlite3.SQLITE_OK {
		s.code = code
	}
}

// room returns the address of n bytes, never 0.
func (s *stmt) room(n int) uintptr {
	need := uintptr(n)
	if s.mem == 0 || s.used+need > s.size {
		if s.mem != 0 {
			s.spent = append(s.spent, s.mem)
		}
		s.size = max(256, 2*s.size, need)
		s.mem, s.used = s.c.malloc(int(s.size)), 0
	}
	at := s.mem + s.used
	s.used += need
	return at
}

// step leads to the next row and reports whether there is one. After the last
// row, and after an error, the statement is reset.
func (s *stmt) step() (bool, error) {
	if s.code != sqlite3.SQLITE_OK {
		err := s.c.fail(s.code, s.source)
		s.reset()
		return false, err
	}
	s.stepping = true
	switch code := sqlite3.Xsqlite3_step(s.c.tls, s.p); code {
	case sqlite3.SQLITE_ROW:
		s.c.rows++
		return true, nil
	case sqlite3.SQLITE_DONE:
		s.reset()
		return false, nil
	default:
		err := s.c.fail(code, s.source)
		s.reset()
		return false, err
	}
}

// run steps to the end.
func (s *stmt) run() error {
	for {
		if row, err := s.step(); err != nil || !row {
			return err
		}
	}
}

// reset makes the statement ready to be bound again. It may be called twice.
func (s *stmt) reset() {
	sqlite3.Xsqlite3_reset(s.c.tls, s.p)
	s.stepping, s.bound, s.code, s.used = false, 0, 0, 0
	for _, block := range s.spent {
		libc.Xfree(s.c.tls, block)
	}
	s.spent = s.spent[:0]
}

func (s *stmt) finalize() {
	s.reset()
	sqlite3.Xsqlite3_finalize(s.c.tls, s.p)
	if s.mem != 0 {
		libc.Xfree(s.c.tls, s.mem)
	}
}

// num returns an integer column of the current row.
func (s *stmt) num(column int) int64 {
	return sqlite3.Xsqlite3_column_int64(s.c.tls, s.p, int32(column))
}

// bytes returns a copy of a column; nil if it is NULL.
func (s *stmt) bytes(column int) []byte {
	b := s.view(column)
	if b == nil {
		return nil
	}
	return append(make([]byte, 0, len(b)), b...)
}

// text returns a copy of a column.
func (s *stmt) text(column int) string { return string(s.view(column)) }

// view returns a column without copying it: it is gone with the next step. Nil
// stands for NULL.
func (s *stmt) view(column int) []byte {
	p := sqlite3.Xsqlite3_column_blob(s.c.tls, s.p, int32(column))
	if p == 0 {
		if sqlite3.Xsqlite3_column_type(s.c.tls, s.p, int32(column)) == sqlite3.SQLITE_NULL {
			return nil
		}
		return []byte{}
	}
	return memory(p, int(sqlite3.Xsqlite3_column_bytes(s.c.tls, s.p, int32(column))))
}

// pointer turns an address in SQLite's memory into a pointer. That memory is not
// Go's: it does not move and is not collected, which go vet cannot know.
func pointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// memory returns n bytes of SQLite's memory.
func memory(p uintptr, n int) []byte { return unsafe.Slice((*byte)(pointer(p)), n) }
