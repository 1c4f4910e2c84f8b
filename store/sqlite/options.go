package sqlite

import (
	"log/slog"
	"time"

	"github.com/noafhir/noafhir/fhir/search"
)

// Options say how a store is opened. Only Registry has to be given.
type Options struct {
	// Registry indexes resources and, by its codec, parses them.
	Registry *search.Registry

	// Synchronous is FULL, the default, or NORMAL. With NORMAL a write is
	// acknowledged before the disk has it: a crash of the machine, though not of
	// the program, can undo the latest ones.
	Synchronous string

	// Readers is the number of connections for reading, 0 for 4.
	Readers int

	// MapBytes is how much of the file is mapped into memory for reading, 0 for
	// as much as SQLite allows (2 GiB), negative for nothing. With a mapping a
	// read error of the disk ends the program.
	MapBytes int64

	// Bulk suits imports: larger transactions, more memory, a write-ahead log that
	// may grow to some hundred MB, and an index that is written now and then. A
	// search may wait for a unit of work. If the program dies, the index is made
	// anew when the store is opened next.
	Bulk bool

	// Archive opens a store in order to copy it, or to make it a copy. Only so can a
	// copy be opened that is unfinished. Until it is finished, or for good, the store
	// takes no writes and no searches; its index is left as it is.
	Archive bool

	// Logger is told what takes long or goes wrong; nil: nobody.
	Logger *slog.Logger

	// Slow is how long a search may take before the logger is told its shape,
	// without its values; 0 for a second, negative for ever.
	Slow time.Duration

	// Now is the clock, nil for time.Now.
	Now func() time.Time
}

const (
	busyMilliseconds = 5000
	defaultReaders   = 4
	defaultSlow      = time.Second
	queueLength      = 1024

	writerCacheKiB     = 4 << 10 // each commit may scan the whole cache
	bulkWriterCacheKiB = 64 << 10
	readerCacheKiB     = 2 << 10
	pageSize           = 4096
)
