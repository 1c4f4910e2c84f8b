package sqlite

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

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
	if err := tuneWords(c, "words", o.Bulk); err != nil {
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
	if o.Archive {
		s.access.Store(sealed)
		s.params.Store(&params{index: s.reg, active: s.reg})
		go s.writer.loop()
		return nil
	}
	switch partial, err := unfinished(c); {
	case err != nil:
		return err
	case partial:
		return fhir.Errorf(fhir.Unavailable, "it is an unfinished copy of another store: noafhir copy completes it")
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
