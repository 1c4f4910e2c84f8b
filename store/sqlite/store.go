package sqlite

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A Store is a [store.Store] in a SQLite file.
type Store struct {
	units  sync.Map // of values, by the last six bytes that keys of a unit begin with
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

	access  atomic.Int32 // opened, readOnly or sealed
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
