package mongodb

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// Options say how a store is opened. Only Registry has to be given.
type Options struct {
	// Registry indexes resources and, by its codec, parses them.
	Registry *search.Registry

	// NoDDL is for users that may not make collections and indexes. The error of
	// Open then lists what is missing.
	NoDDL bool

	// NoTransactions has the store do without transactions where the database has
	// them. Units of more than one write are refused then.
	NoTransactions bool

	// Wait is how long a server that can be written to is waited for, 0 for 5
	// seconds. Calls that find none fail as Unavailable, and later ones try anew.
	Wait time.Duration

	// Archive opens a store in order to copy it, or to make it a copy. Only so can a
	// copy be opened that is unfinished. Until it is finished, or for good, the store
	// takes no writes and no searches.
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
	defaultWait = 5 * time.Second
	defaultSlow = time.Second
)

// A Store is a [store.Store] in a MongoDB database.
type Store struct {
	client *mongo.Client
	db     *mongo.Database
	cur    *mongo.Collection // the newest version of every resource there ever was
	hist   *mongo.Collection // the versions before
	locks  *mongo.Collection // what conditional writes are waited for by
	meta   *mongo.Collection // what the database is, and by what it is indexed
	files  *mongo.GridFSBucket

	access atomic.Int32     // opened, readOnly or sealed
	base   *search.Registry // what the store was opened with
	print  string           // its fingerprint, which takes a while to make
	reg    atomic.Pointer[search.Registry]
	codec  *fhir.Codec // the registry's, without its limits
	known  atomic.Pointer[known]
	me     bson.ObjectID // this process, to others
	held   atomic.Bool   // the database is this process's own
	pace   pace
	noDDL  bool
	watch  *watch
	log    *slog.Logger
	packer *packer
	clock  *clock
	slow   time.Duration
	stats  counters
	wait   time.Duration // for a server that can be written to

	transactions bool // the database has them

	byKey, byLock *gates        // who writes a resource alone; who searches in a unit
	units         chan struct{} // held by those that run
	contended     chan struct{} // held by a unit that failed before because of another

	looking sync.Mutex // held while what is known changes
	defined int64      // the instant of the newest SearchParameter that is known; with looking

	tuning tuning
	asked  func(*mongo.Collection, mongo.Pipeline, *options.AggregateOptionsBuilder) // if not nil, told what is asked

	mu     sync.RWMutex // held shared while a call begins
	closed bool
	calls  sync.WaitGroup

	ending  context.Context // ends when the store is closed
	stop    context.CancelFunc
	tidying sync.WaitGroup // what goes on after calls have returned
}

var _ store.Store = (*Store)(nil)

// Open opens the store in the database that a connection string of MongoDB
// names, noafhir if it names none. See
// https://www.mongodb.com/docs/manual/reference/connection-string/. Missing
// collections and indexes are made. The error says in words for an operator what
// keeps the store from being opened.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s := newStore(o)
	if err := s.open(ctx, url, o); err != nil {
		s.letGo()
		return nil, opening(err)
	}
	return s, nil
}

func newStore(o Options) *Store {
	s := &Store{
		base: o.Registry, print: o.Registry.Fingerprint(), me: bson.NewObjectID(), pace: usualPace, log: o.Logger, clock: newClock(o.Now), byKey: newGates(),
		byLock: newGates(), contended: make(chan struct{}, 1), units: make(chan struct{}, maxUnits), tuning: defaultTuning,
	}
	s.wait = cmp.Or(o.Wait, defaultWait)
	s.ending, s.stop = context.WithCancel(context.Background())
	s.reg.Store(o.Registry)
	s.codec = o.Registry.Codec.WithLimits(fhir.Limits{Depth: 1 << 16, Nodes: 1 << 30, StringBytes: 1 << 30, NumberDigits: 1 << 20})
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.slow = cmp.Or(o.Slow, defaultSlow); s.slow < 0 {
		s.slow = math.MaxInt64
	}
	return s
}

func (s *Store) open(ctx context.Context, url string, o Options) (err error) {
	if s.packer, err = newPacker(); err != nil {
		return err
	}
	if err := s.connect(ctx, url, s.wait); err != nil {
		return err
	}
	if err := s.prepare(ctx, o.NoDDL); err != nil {
		return err
	}
	if err := s.matchIndex(ctx, !o.Archive); err != nil {
		return err
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	if err := s.allow(ctx, o.Archive); err != nil {
		return err
	}
	s.startWatch()
	if o.NoTransactions {
		return nil
	}
	s.transactions, err = s.probe(ctx)
	return err
}

// letGo closes whatever is open.
func (s *Store) letGo() {
	s.watch.end()
	s.dropHold()
	if s.client != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeWait)
		defer cancel()
		s.client.Disconnect(ctx) // it can only say that it was not connected
	}
	if s.packer != nil {
		s.packer.close()
	}
}

// Registry returns what resources are indexed by now.
func (s *Store) Registry() *search.Registry { return s.reg.Load() }

// enter begins a call, which has to be ended by leave.
func (s *Store) enter(ctx context.Context) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return store.ErrClosed()
	}
	if ctx.Err() != nil {
		return store.ErrGivenUp(ctx)
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
	s.stop()
	s.tidying.Wait()
	s.letGo()
	return nil
}

// ask runs a call and gives its error a kind.
func (s *Store) ask(ctx context.Context, call func() error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.leave()
	return finish(ctx, call())
}

// Read implements [store.Store].
func (s *Store) Read(ctx context.Context, who search.Access, key fhir.Key) (version *store.Version, err error) {
	err = s.ask(ctx, func() error {
		version, err = s.read(ctx, who, key)
		return err
	})
	return version, err
}

// ReadVersion implements [store.Store].
func (s *Store) ReadVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (version *store.Version, err error) {
	err = s.ask(ctx, func() error {
		version, err = s.readVersion(ctx, who, key, number)
		return err
	})
	return version, err
}

// Search implements [store.Store].
func (s *Store) Search(ctx context.Context, who search.Access, q *search.Query) (page *store.Page, err error) {
	err = s.ask(ctx, func() error {
		if err := s.takesSearches(ctx); err != nil {
			return err
		}
		page, err = s.search(ctx, who, q)
		return err
	})
	return page, err
}

// Count implements [store.Store].
func (s *Store) Count(ctx context.Context, who search.Access, q *search.Query) (n int64, err error) {
	err = s.ask(ctx, func() error {
		if err := s.takesSearches(ctx); err != nil {
			return err
		}
		n, err = s.count(ctx, who, q)
		return err
	})
	return n, err
}

// History implements [store.Store].
func (s *Store) History(ctx context.Context, who search.Access, q store.HistoryQuery) (page *store.Page, err error) {
	err = s.ask(ctx, func() error {
		page, err = s.history(ctx, who, q)
		return err
	})
	return page, err
}

// Put implements [store.Store].
func (s *Store) Put(ctx context.Context, who search.Access, w store.Write) (version *store.Version, err error) {
	err = s.ask(ctx, func() error {
		if err := s.takesWrites(ctx); err != nil {
			return err
		}
		if version, err = s.put(ctx, who, &w); err == nil && w.Key.Type == "SearchParameter" {
			s.redefine(ctx)
		}
		return err
	})
	return version, err
}

// Delete implements [store.Store].
func (s *Store) Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (version *store.Version, err error) {
	err = s.ask(ctx, func() error {
		if err := s.takesWrites(ctx); err != nil {
			return err
		}
		if version, err = s.delete(ctx, who, key, ifVersion); err == nil && key.Type == "SearchParameter" {
			s.redefine(ctx)
		}
		return err
	})
	return version, err
}

// Update implements [store.Store].
func (s *Store) Update(ctx context.Context, work func(tx store.Tx) error) error {
	return s.ask(ctx, func() error {
		if err := s.takesWrites(ctx); err != nil {
			return err
		}
		return s.update(ctx, work)
	})
}

// Traits implements [store.Store].
func (s *Store) Traits() store.Traits { return store.Traits{Transactions: s.transactions} }

// Check implements [store.Store].
func (s *Store) Check(ctx context.Context) error {
	return s.ask(ctx, func() error { return s.check(ctx) })
}
