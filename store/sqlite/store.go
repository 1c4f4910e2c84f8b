package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
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

// A Store is a [store.Store] in a SQLite file.
type Store struct {
	path   string
	file   os.FileInfo // of the database
	reg    *search.Registry
	codec  *fhir.Codec // the registry's, without its limits
	log    *slog.Logger
	now    func() time.Time
	types  *typeTable
	packer *packer
	lock   *os.File
	conns  chan *conn // free connections for reading
	all    []*conn    // all of them
	queue  chan *unit
	writer *writer
	stats  counters
	tuning tuning
	slow   time.Duration

	params  atomic.Pointer[params]
	walking atomic.Bool    // the index is being brought up to date
	walks   sync.WaitGroup // what does that

	mu     sync.RWMutex // held shared while a call begins
	closed bool
	calls  sync.WaitGroup

	failed atomic.Pointer[error] // why the last commit failed, if it did
	damage atomic.Pointer[error] // what a question found to be damaged, if one did
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the file at path, which is made if it is missing,
// with its folder. The error says what is wrong with the file in words for an
// operator. If the index was made by other search parameters or other code it is
// rebuilt first, which is logged.
func Open(path string, o Options) (*Store, error) {
	s, err := open(path, o)
	if err != nil {
		return nil, fmt.Errorf("opening the store %s: %w", path, translate(err))
	}
	return s, nil
}

func open(path string, o Options) (*Store, error) {
	if o.Synchronous == "" {
		o.Synchronous = "FULL"
	}
	if o.Synchronous != "FULL" && o.Synchronous != "NORMAL" {
		return nil, fmt.Errorf("synchronous is %q, want FULL or NORMAL", o.Synchronous)
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // so that one file has one lock, whatever it is called
	}
	s := &Store{path: path, reg: o.Registry, log: o.Logger, now: o.Now, queue: make(chan *unit, queueLength), tuning: defaultTuning}
	s.codec = o.Registry.Codec.WithLimits(fhir.Limits{Depth: 1 << 16, Nodes: 1 << 30, StringBytes: 1 << 30, NumberDigits: 1 << 20})
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.slow = cmp.Or(o.Slow, defaultSlow); s.slow < 0 {
		s.slow = math.MaxInt64
	}
	if o.Readers <= 0 {
		o.Readers = defaultReaders
	}
	var err error
	if s.packer, err = newPacker(o.Readers); err != nil {
		return nil, err
	}
	if err := s.prepareFile(); err != nil {
		s.letGo()
		return nil, err
	}
	if s.file, err = os.Stat(s.path); err != nil {
		s.letGo()
		return nil, err
	}
	if err := s.start(o); err != nil {
		s.letGo()
		return nil, err
	}
	return s, nil
}

// prepareFile makes the file if need be, readable for its owner only, and locks
// it against other programs.
func (s *Store) prepareFile() error {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(s.path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	s.lock = lock
	if !takeLock(lock) {
		owner, _ := io.ReadAll(io.LimitReader(lock, 20))
		return fhir.Errorf(fhir.Unavailable, "another program (process %s) has it open", strings.TrimSpace(string(owner)))
	}
	if err := lock.Truncate(0); err != nil {
		return err
	}
	if _, err := lock.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return err
	}
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// start opens the connections and starts the writer.
func (s *Store) start(o Options) error {
	c, err := openConn(s.path, true)
	if err != nil {
		return err
	}
	s.writer = newWriter(s, c, o.Bulk)
	cache := writerCacheKiB
	if o.Bulk {
		cache = bulkWriterCacheKiB
	}
	if err := setUp(c, o.Synchronous, cache); err != nil {
		return err
	}
	if err := migrate(c); err != nil {
		return err
	}
	if s.types, err = loadTypes(c, s.codec.Schema); err != nil {
		return err
	}
	if err := s.writer.resume(); err != nil {
		return err
	}
	if err := s.openReaders(o); err != nil {
		return err
	}
	if err := s.writer.loadParams(); err != nil {
		return err
	}
	if err := s.matchIndex(); err != nil {
		return err
	}
	go s.writer.loop()
	if s.params.Load().walks {
		s.walk()
	}
	return nil
}

// setUp gives the writer's connection its settings. The page size comes first:
// once the log exists it can not change.
func setUp(c *conn, synchronous string, cacheKiB int) error {
	if err := c.exec("PRAGMA page_size=" + strconv.Itoa(pageSize)); err != nil {
		return err
	}
	mode, err := c.value("PRAGMA journal_mode=WAL")
	if err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("the file system does not support a write-ahead log (journal mode %s)", mode)
	}
	for _, pragma := range []string{
		"synchronous=" + synchronous,
		"cache_size=-" + strconv.Itoa(cacheKiB),
		"wal_autocheckpoint=0", // the writer does that between transactions
		"journal_size_limit=" + strconv.Itoa(maxLogPages*pageSize),
		"temp_store=MEMORY",
	} {
		if err := c.exec("PRAGMA " + pragma); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) openReaders(o Options) error {
	mapping := o.MapBytes
	if mapping == 0 {
		mapping = 1 << 40
	}
	s.conns = make(chan *conn, o.Readers)
	for range o.Readers {
		c, err := openConn(s.path, false)
		if err != nil {
			return err
		}
		s.all = append(s.all, c)
		for _, pragma := range []string{
			"query_only=1",
			"cache_size=-" + strconv.Itoa(readerCacheKiB),
			"mmap_size=" + strconv.FormatInt(max(mapping, 0), 10),
			"temp_store=MEMORY",
		} {
			if err := c.exec("PRAGMA " + pragma); err != nil {
				return err
			}
		}
		s.conns <- c
	}
	return nil
}

// letGo closes whatever is open.
func (s *Store) letGo() {
	for _, c := range s.all {
		c.close()
	}
	if s.writer != nil {
		s.writer.c.close()
	}
	if s.lock != nil {
		s.lock.Close()
	}
	s.packer.close()
}

// enter begins a call, which has to be ended by leave.
func (s *Store) enter() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed()
	}
	s.calls.Add(1)
	return nil
}

func (s *Store) leave() { s.calls.Done() }

// Close implements [store.Store]. Calls that come later fail as Unavailable.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.calls.Wait()
	s.walks.Wait()
	close(s.queue)
	<-s.writer.ended
	for _, c := range s.all {
		c.close()
	}
	s.all = nil
	err := s.writer.finish()
	s.letGo()
	return translate(err)
}

// read runs a question on a connection for reading. The connection sees one
// state of the database for as long as the question takes.
func (s *Store) read(ctx context.Context, ask func(v *view) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	var c *conn
	select {
	case c = <-s.conns:
	default:
		select {
		case c = <-s.conns:
		case <-ctx.Done():
			return givenUp(ctx)
		}
	}
	defer func() { s.conns <- c }()
	err := finish(ctx, ask(&view{s: s, c: c}))
	if damaged(err) && s.damage.CompareAndSwap(nil, &err) {
		s.log.Error("the database is damaged: restore a backup, or run sqlite3 .recover", "error", err)
	}
	return err
}

// present reports whether the file that is open still is the one at its path. If
// it is not, what is written is gone with the process.
func (s *Store) present() error {
	now, err := os.Stat(s.path)
	if err != nil || !os.SameFile(now, s.file) {
		return fhir.Because(fhir.Unavailable, err, "the database file was removed or replaced")
	}
	return nil
}

// snapshot is read for questions of several statements.
func (s *Store) snapshot(ctx context.Context, ask func(v *view) error) error {
	return s.read(ctx, func(v *view) error {
		if err := v.c.exec("BEGIN"); err != nil {
			return err
		}
		defer v.c.exec("COMMIT") // it has only read
		defer v.c.until(ctx)()
		return ask(v)
	})
}

// indexed is snapshot for questions that the search index answers. Where that is
// behind, the writer answers, and before that brings it up to date if the question
// is about what waits. A nil query is about everything.
func (s *Store) indexed(ctx context.Context, q *search.Query, ask func(v *view) error) error {
	behind := false
	err := s.snapshot(ctx, func(v *view) error {
		if s.writer.bulk {
			made, err := meta(v.c, "index")
			if behind = err == nil && made == ""; err != nil || behind {
				return err
			}
		}
		return ask(v)
	})
	if err != nil || !behind {
		return err
	}
	return s.alone(ctx, func() error {
		w := s.writer
		if q == nil || w.tx.postings.touches(q, s.tuning.streams) {
			if err := w.catchUp(); err != nil {
				return err
			}
		}
		defer w.c.until(ctx)()
		return ask(&view{s: s, c: w.c})
	})
}

// finish gives the error of a question its kind.
func finish(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && (interrupted(err) || errors.Is(err, ctx.Err())) {
		return givenUp(ctx)
	}
	return translate(err)
}

// Read implements [store.Store].
func (s *Store) Read(ctx context.Context, who search.Access, key fhir.Key) (version *store.Version, err error) {
	err = s.read(ctx, func(v *view) error {
		version, err = v.read(who, key)
		return err
	})
	return version, err
}

// ReadVersion implements [store.Store].
func (s *Store) ReadVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (version *store.Version, err error) {
	err = s.snapshot(ctx, func(v *view) error {
		version, err = v.readVersion(who, key, number)
		return err
	})
	return version, err
}

// Search implements [store.Store].
func (s *Store) Search(ctx context.Context, who search.Access, q *search.Query) (page *store.Page, err error) {
	err = s.indexed(ctx, q, func(v *view) error {
		page, err = v.search(ctx, who, q)
		return err
	})
	return page, err
}

// Count implements [store.Store].
func (s *Store) Count(ctx context.Context, who search.Access, q *search.Query) (n int64, err error) {
	err = s.indexed(ctx, q, func(v *view) error {
		n, err = v.count(ctx, who, q)
		return err
	})
	return n, err
}

// History implements [store.Store].
func (s *Store) History(ctx context.Context, who search.Access, q store.HistoryQuery) (page *store.Page, err error) {
	err = s.snapshot(ctx, func(v *view) error {
		page, err = v.history(ctx, who, q)
		return err
	})
	return page, err
}

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, who search.Access, w store.Write) (version *store.Version, err error) {
	err = s.write(ctx, func(tx *transaction) error {
		version, err = tx.put(who, &w)
		return err
	})
	if err != nil {
		return nil, err
	}
	return version, nil
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (version *store.Version, err error) {
	err = s.write(ctx, func(tx *transaction) error {
		version, err = tx.delete(who, key, ifVersion)
		return err
	})
	if err != nil {
		return nil, err
	}
	return version, nil
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, work func(tx store.Tx) error) error {
	return s.write(ctx, func(tx *transaction) error { return work(tx) })
}

// Traits implements [store.Store].
func (s *Store) Traits() store.Traits { return store.Traits{Transactions: true} }

// ID returns what tells the database from any other: 32 hex digits, made with it.
func (s *Store) ID(ctx context.Context) (id string, err error) {
	err = s.read(ctx, func(v *view) error {
		id, err = meta(v.c, "store")
		return err
	})
	return id, err
}

// Check implements [store.Store]. After a transaction has failed it stores
// something of some size, and removes it, to see whether that is over.
func (s *Store) Check(ctx context.Context) error {
	if err := s.present(); err != nil {
		return err
	}
	if damage := s.damage.Load(); damage != nil {
		return *damage
	}
	if _, err := s.ID(ctx); err != nil || s.failed.Load() == nil {
		return err
	}
	for _, probe := range []string{strings.Repeat("x", 1<<18), ""} {
		err := s.write(ctx, func(tx *transaction) error { return tx.do(setMeta(tx.c, "probe", probe)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// A Stats tells what a store has done since it was opened.
type Stats struct {
	Units    int64 // units of work that were stored
	Commits  int64 // transactions made durable, with one fsync each
	Postings int64 // rows of the search index written or removed
	Failures int64 // transactions that could not be made durable
	Resets   int64 // times the write-ahead log was copied into the database
	LogPages int64 // pages in the write-ahead log now
	Searches int64 // searches and counts carried out
	Examined int64 // resources that were looked at for them
}

type counters struct {
	units, commits, postings, failures, resets, logPages, searches, examined atomic.Int64
}

// Stats returns counts for monitoring.
func (s *Store) Stats() Stats {
	return Stats{
		Units:    s.stats.units.Load(),
		Commits:  s.stats.commits.Load(),
		Postings: s.stats.postings.Load(),
		Failures: s.stats.failures.Load(),
		Resets:   s.stats.resets.Load(),
		LogPages: s.stats.logPages.Load(),
		Searches: s.stats.searches.Load(),
		Examined: s.stats.examined.Load(),
	}
}
