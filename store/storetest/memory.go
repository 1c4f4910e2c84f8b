package storetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A Memory is a store that keeps nothing when the process ends, and looks at
// everything it has to answer a question. It is what other stores are compared
// with.
type Memory struct {
	reg    *search.Registry
	mu     sync.Mutex // held by the unit of work in progress
	stored atomic.Pointer[state]
	last   time.Time // the newest lastUpdated ever given
	closed atomic.Bool
	single bool // a unit may hold one write
	id     string
	copied copied
}

var _ store.Store = (*Memory)(nil)

// A state is all that a store holds. Those that have been stored do not change.
type state struct {
	log  []*store.Version // all versions, in the order they were made
	made map[fhir.Key]int // when a resource was first made: 1, 2, 3, …
}

// NewMemory returns an empty store.
func NewMemory(reg *search.Registry) *Memory {
	m := &Memory{reg: reg, id: rand.Text()}
	m.stored.Store(&state{made: map[fhir.Key]int{}})
	return m
}

// NewSingleMemory returns an empty store that has no transactions.
func NewSingleMemory(reg *search.Registry) *Memory {
	m := NewMemory(reg)
	m.single = true
	return m
}

// now returns a transaction to read what is stored.
func (m *Memory) now() *memoryTx { return &memoryTx{m: m, state: m.stored.Load()} }

// Read implements [store.Store].
func (m *Memory) Read(ctx context.Context, who search.Access, key fhir.Key) (*store.Version, error) {
	return m.now().Read(ctx, who, key)
}

// ReadVersion implements [store.Store].
func (m *Memory) ReadVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (*store.Version, error) {
	return m.now().ReadVersion(ctx, who, key, number)
}

// Search implements [store.Store].
func (m *Memory) Search(ctx context.Context, who search.Access, q *search.Query) (*store.Page, error) {
	return m.now().Search(ctx, who, q)
}

// Count implements [store.Store].
func (m *Memory) Count(ctx context.Context, who search.Access, q *search.Query) (int64, error) {
	return m.now().Count(ctx, who, q)
}

// History implements [store.Store].
func (m *Memory) History(ctx context.Context, who search.Access, q store.HistoryQuery) (*store.Page, error) {
	return m.now().History(ctx, who, q)
}

// Put implements [store.Store].
func (m *Memory) Put(ctx context.Context, who search.Access, w store.Write) (v *store.Version, err error) {
	err = m.Update(ctx, func(tx store.Tx) error {
		v, err = tx.Put(ctx, who, w)
		return err
	})
	return v, err
}

// Delete implements [store.Store].
func (m *Memory) Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (v *store.Version, err error) {
	err = m.Update(ctx, func(tx store.Tx) error {
		v, err = tx.Delete(ctx, who, key, ifVersion)
		return err
	})
	return v, err
}

// Update implements [store.Store].
func (m *Memory) Update(ctx context.Context, work func(tx store.Tx) error) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.copied.unfinished() {
		return errCopying()
	}
	before := m.stored.Load()
	tx := &memoryTx{m: m, state: &state{log: slices.Clone(before.log), made: maps.Clone(before.made)}}
	defer func() {
		tx.ended = true
		if p := recover(); p != nil {
			err = fhir.Because(fhir.Internal, fmt.Errorf("panic: %v", p), "the server failed")
		}
		if err == nil {
			err = tx.refused
		}
		if err == nil {
			m.stored.Store(tx.state)
		}
	}()
	return tx.usable(ctx, func() error { return work(tx) })
}

// Traits implements [store.Store].
func (m *Memory) Traits() store.Traits { return store.Traits{Transactions: !m.single} }

// Check implements [store.Store].
func (m *Memory) Check(ctx context.Context) error {
	return m.now().usable(ctx, func() error { return nil })
}

// Close implements [store.Store].
func (m *Memory) Close() error {
	m.closed.Store(true)
	return nil
}

// A memoryTx is a unit of work, or a look at what is stored.
type memoryTx struct {
	*state
	m       *Memory
	ended   bool
	refused error // of a write too many
}

// another refuses a write that is one too many.
func (tx *memoryTx) another() error {
	if tx.m.single && len(tx.log) > len(tx.m.stored.Load().log) {
		tx.refused = fhir.Errorf(fhir.Unsupported, "a unit may hold one write: there are no transactions")
	}
	return tx.refused
}

// usable runs work if it may be run now.
func (tx *memoryTx) usable(ctx context.Context, work func() error) error {
	switch {
	case tx.m.closed.Load():
		return store.ErrClosed()
	case tx.ended:
		return fhir.Errorf(fhir.Internal, "a transaction was used after its end")
	case ctx.Err() != nil:
		return store.ErrGivenUp(ctx)
	}
	return work()
}

// versions returns those of one resource, oldest first.
func (s *state) versions(key fhir.Key) []*store.Version {
	var found []*store.Version
	for _, v := range s.log {
		if v.Key == key {
			found = append(found, v)
		}
	}
	return found
}

// current returns the newest version of a resource, nil if there is none.
func (s *state) current(key fhir.Key) *store.Version {
	all := s.versions(key)
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-1]
}

func (m *Memory) parse(v *store.Version) *fhir.Resource {
	r, err := m.reg.Codec.ParseJSON(v.Body)
	if err != nil {
		panic(err) // it was a resource when it was stored
	}
	return r
}

// permits reports whether who may see a version; a mark of deletion by the
// version before it.
func (tx *memoryTx) permits(who search.Access, v *store.Version) bool {
	if v.Deleted {
		v = tx.versions(v.Key)[v.Number-2]
	}
	return who.Permits(tx.m.parse(v))
}

// visible returns the version if who may see it, and the error for him if not.
func (tx *memoryTx) visible(who search.Access, key fhir.Key, v *store.Version) (*store.Version, error) {
	switch {
	case v == nil || !tx.permits(who, v):
		return nil, store.ErrNotFound(key)
	case v.Deleted:
		return nil, store.ErrGone(key)
	}
	return v, nil
}

// Read implements [store.Reader].
func (tx *memoryTx) Read(ctx context.Context, who search.Access, key fhir.Key) (v *store.Version, err error) {
	err = tx.usable(ctx, func() error {
		v, err = tx.visible(who, key, tx.current(key))
		return err
	})
	return v, err
}

// ReadVersion implements [store.Reader].
func (tx *memoryTx) ReadVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (v *store.Version, err error) {
	err = tx.usable(ctx, func() error {
		all := tx.versions(key)
		if number < 1 || number > int64(len(all)) {
			v, err = tx.visible(who, key, nil)
			return err
		}
		v, err = tx.visible(who, key, all[number-1])
		return err
	})
	return v, err
}

// A place is where a match stands in the order asked for; it is also a position.
type place struct {
	Values [][]byte // of the keys it is sorted by; nil: it has none
	Num    [2]int64 // decides among those that are alike
}

// compare returns -1, 0 or 1 as a comes before b, is b, or comes after it.
func (a place) compare(b place, q *search.Query) int {
	for i, v := range a.Values {
		w := b.Values[i]
		c := bytes.Compare(v, w)
		switch {
		case v == nil && w == nil:
		case v == nil:
			return 1
		case w == nil:
			return -1
		case c != 0 && q.Sort[i].Descending:
			return -c
		case c != 0:
			return c
		}
	}
	c := cmp.Or(cmp.Compare(a.Num[0], b.Num[0]), cmp.Compare(a.Num[1], b.Num[1]))
	if n := len(a.Values); n > 0 && q.Sort[n-1].Descending {
		return -c
	}
	return c
}

// A match is a resource that was found.
type match struct {
	place
	version *store.Version
}

// find returns all matches in order.
func (tx *memoryTx) find(who search.Access, q *search.Query) ([]match, error) {
	if tx.m.copied.searchless.Load() {
		return nil, errCopying()
	}
	u := &universe{tx: tx, who: who, parsed: map[fhir.Key]*fhir.Resource{}}
	var found []match
	for key := range tx.made {
		if r := u.Resource(key); r != nil && q.MatchesIn(r, u) {
			found = append(found, match{tx.place(q, r, u), tx.current(key)})
		}
	}
	slices.SortFunc(found, func(a, b match) int { return a.compare(b.place, q) })
	return found, nil
}

// place returns where a resource stands.
func (tx *memoryTx) place(q *search.Query, r *fhir.Resource, u *universe) place {
	p := place{Num: [2]int64{tx.m.reg.Index(r).Date, int64(tx.made[r.Key()])}}
	for i, by := range q.Sort {
		p.Values = append(p.Values, by.Value(r, u))
		if i == 0 && by.Via == nil && by.Param.Code == "_id" {
			p.Num = [2]int64{int64(tx.m.reg.Codec.Schema.TypeByName(r.Type()))}
			break
		}
	}
	return p
}

// A universe is what who may see.
type universe struct {
	tx     *memoryTx
	who    search.Access
	parsed map[fhir.Key]*fhir.Resource
}

// Resource implements [search.Universe].
func (u *universe) Resource(key fhir.Key) *fhir.Resource {
	r, known := u.parsed[key]
	if known {
		return r
	}
	if v := u.tx.current(key); v != nil && !v.Deleted {
		if r = u.tx.m.parse(v); !u.who.Permits(r) {
			r = nil
		}
	}
	u.parsed[key] = r
	return r
}

// Resources implements [search.Universe].
func (u *universe) Resources(typ string) iter.Seq[*fhir.Resource] {
	return func(yield func(*fhir.Resource) bool) {
		for key := range u.tx.made {
			if key.Type != typ {
				continue
			}
			if r := u.Resource(key); r != nil && !yield(r) {
				return
			}
		}
	}
}

// Search implements [store.Reader].
func (tx *memoryTx) Search(ctx context.Context, who search.Access, q *search.Query) (page *store.Page, err error) {
	err = tx.usable(ctx, func() error {
		page = &store.Page{}
		found, err := tx.find(who, q)
		if err != nil || q.Count <= 0 {
			return err
		}
		from, to := 0, len(found)
		if q.After != nil {
			var after place
			if json.Unmarshal(q.After, &after) != nil {
				return fhir.Errorf(fhir.Invalid, "the position does not belong to these results")
			}
			from, to = around(found, after, q)
		}
		if q.Backward {
			from = max(0, to-q.Count)
		} else {
			to = min(len(found), from+q.Count)
		}
		if from == to {
			return nil
		}
		if from > 0 {
			page.Prev, _ = json.Marshal(found[from].place)
		}
		if to < len(found) {
			page.Next, _ = json.Marshal(found[to-1].place)
		}
		for _, f := range found[from:to] {
			page.Versions = append(page.Versions, f.version)
		}
		return nil
	})
	return page, err
}

// around returns where the matches behind a place begin, and where those before
// it end.
func around(found []match, at place, q *search.Query) (from, to int) {
	for _, f := range found {
		switch c := f.compare(at, q); {
		case c < 0:
			from, to = from+1, to+1
		case c == 0:
			from++
		}
	}
	return from, to
}

// Count implements [store.Reader].
func (tx *memoryTx) Count(ctx context.Context, who search.Access, q *search.Query) (n int64, err error) {
	err = tx.usable(ctx, func() error {
		found, err := tx.find(who, q)
		n = int64(len(found))
		return err
	})
	return n, err
}

// History implements [store.Reader].
func (tx *memoryTx) History(ctx context.Context, who search.Access, q store.HistoryQuery) (page *store.Page, err error) {
	err = tx.usable(ctx, func() error {
		if q.Count < 1 {
			return fhir.Errorf(fhir.Invalid, "a page of history has at least one version")
		}
		page = &store.Page{}
		for _, v := range slices.Backward(tx.log) {
			if !tx.inHistory(v, q) || !tx.permits(who, v) {
				continue
			}
			if len(page.Versions) == q.Count {
				page.Next, _ = page.Versions[q.Count-1].LastUpdated.MarshalText()
				break
			}
			page.Versions = append(page.Versions, v)
		}
		return nil
	})
	return page, err
}

// inHistory reports whether a version is what a query asks for.
func (tx *memoryTx) inHistory(v *store.Version, q store.HistoryQuery) bool {
	if q.Key.Type != "" && q.Key.Type != v.Key.Type || q.Key.ID != "" && q.Key.ID != v.Key.ID {
		return false
	}
	if q.After != nil {
		var after time.Time
		if after.UnmarshalText(q.After) != nil || !v.LastUpdated.Before(after) {
			return false
		}
	}
	if v.LastUpdated.Before(q.Since) {
		return false
	}
	if q.At.Start.IsZero() {
		return true
	}
	all := tx.versions(v.Key)
	superseded := int(v.Number) < len(all) && !all[v.Number].LastUpdated.After(q.At.Start)
	return v.LastUpdated.Before(q.At.End) && !superseded
}

// next returns the instant of a new version.
func (m *Memory) next() time.Time {
	now := time.Now().UTC().Truncate(time.Microsecond)
	if !now.After(m.last) {
		now = m.last.Add(time.Microsecond)
	}
	m.last = now
	return now
}

// Put implements [store.Tx].
func (tx *memoryTx) Put(ctx context.Context, who search.Access, w store.Write) (made *store.Version, err error) {
	err = tx.usable(ctx, func() error {
		made, err = tx.put(who, w)
		return err
	})
	return made, err
}

func (tx *memoryTx) put(who search.Access, w store.Write) (*store.Version, error) {
	old := tx.current(w.Key)
	visible := old != nil && tx.permits(who, old)
	switch {
	case !who.Permits(w.Resource):
		return nil, store.ErrForbidden(w.Key)
	case w.MustBeNew && old != nil:
		return nil, fhir.Errorf(fhir.Duplicate, "there is a %s already", w.Key)
	case w.MustExist && !visible:
		return nil, store.ErrNotFound(w.Key)
	case w.MustExist && old.Deleted:
		return nil, store.ErrGone(w.Key)
	case w.IfVersion != 0 && (!visible || old.Number != w.IfVersion):
		return nil, store.ErrStale(w.Key, w.IfVersion)
	case old != nil && !visible:
		return nil, store.ErrForbidden(w.Key)
	}
	if err := tx.another(); err != nil {
		return nil, err
	}
	v := &store.Version{Key: w.Key, Number: 1, LastUpdated: tx.m.next(), Method: w.Method, Created: old == nil || old.Deleted}
	if old != nil {
		v.Number = old.Number + 1
	} else {
		tx.made[w.Key] = len(tx.made) + 1
	}
	v.Body = w.Body.Stamp(v.Number, v.LastUpdated)
	kept := *v
	kept.Created = false
	tx.log = append(tx.log, &kept)
	return v, nil
}

// Delete implements [store.Tx].
func (tx *memoryTx) Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (mark *store.Version, err error) {
	err = tx.usable(ctx, func() error {
		old := tx.current(key)
		visible := old != nil && tx.permits(who, old)
		switch {
		case ifVersion != 0 && (!visible || old.Number != ifVersion):
			return store.ErrStale(key, ifVersion)
		case !visible:
			return nil
		case old.Deleted:
			mark = old
			return nil
		}
		if err := tx.another(); err != nil {
			return err
		}
		mark = &store.Version{Key: key, Number: old.Number + 1, LastUpdated: tx.m.next(), Method: "DELETE", Deleted: true}
		tx.log = append(tx.log, mark)
		return nil
	})
	return mark, err
}
