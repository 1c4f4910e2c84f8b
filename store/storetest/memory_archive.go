package storetest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

var _ store.Archive = (*Memory)(nil)

// What a Memory knows about being a copy.
type copied struct {
	of, mark   string // of: empty if it is none
	done       bool
	searchless atomic.Bool // it has not been indexed
}

func (c *copied) unfinished() bool { return c.of != "" && !c.done }

func errCopying() error {
	return fhir.Errorf(fhir.Unavailable, "the store is being copied")
}

// ID implements [store.Archive].
func (m *Memory) ID(context.Context) (string, error) { return m.id, nil }

// Versions implements [store.Archive].
func (m *Memory) Versions(ctx context.Context, after store.Place) iter.Seq2[store.Archived, error] {
	return func(yield func(store.Archived, error) bool) {
		tx := m.now()
		for _, v := range tx.log {
			if v.Place().Compare(after) <= 0 {
				continue
			}
			if err := tx.usable(ctx, func() error { return nil }); err != nil {
				yield(store.Archived{}, err)
				return
			}
			if !yield(store.Archived{Version: v, Newest: tx.current(v.Key) == v}, nil) {
				return
			}
		}
	}
}

// Census implements [store.Archive].
func (m *Memory) Census(context.Context) ([]store.TypeCensus, error) {
	byType := map[string]store.TypeCensus{}
	tx := m.now()
	for _, v := range tx.log {
		c := byType[v.Key.Type]
		c.Type = v.Key.Type
		c.Versions++
		switch newest := tx.current(v.Key) == v; {
		case newest && v.Deleted:
			c.Deleted++
		case newest:
			c.Resources++
		}
		byType[v.Key.Type] = c
	}
	var all []store.TypeCensus
	for _, typ := range slices.Sorted(maps.Keys(byType)) {
		all = append(all, byType[typ])
	}
	return all, nil
}

// Restore implements [store.Archive].
func (m *Memory) Restore(_ context.Context, of string) (store.Restoration, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := &m.copied
	switch {
	case of == m.id, c.of != "" && c.of != of, c.of == "" && len(m.stored.Load().log) > 0:
		return nil, fhir.Errorf(fhir.Conflict, "the store is not empty, or a copy of another one")
	case c.of == "":
		c.of = of
		c.searchless.Store(true)
	}
	return memoryRestoration{m}, nil
}

// A memoryRestoration is a [store.Restoration].
type memoryRestoration struct{ *Memory }

// Mark implements [store.Restoration].
func (r memoryRestoration) Mark() string { return r.copied.mark }

// Complete implements [store.Restoration].
func (r memoryRestoration) Complete() bool { return r.copied.done }

// Add implements [store.Restoration].
func (r memoryRestoration) Add(_ context.Context, versions []store.Archived, mark string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.copied.done {
		return fhir.Errorf(fhir.Conflict, "the copy is complete")
	}
	before := r.stored.Load()
	after := &state{log: slices.Clone(before.log), made: maps.Clone(before.made)}
	last := r.last
	for _, v := range versions {
		number := int64(len(after.versions(v.Key)))
		if v.Number != number+1 || !v.LastUpdated.After(last) {
			return fhir.Errorf(fhir.Conflict, "%s version %d does not come next", v.Key, v.Number)
		}
		if number == 0 {
			after.made[v.Key] = len(after.made) + 1
		}
		last = v.LastUpdated
		after.log = append(after.log, v.Version)
	}
	r.stored.Store(after)
	r.last = last
	r.copied.mark = mark
	r.copied.searchless.Store(true)
	return nil
}

// Index implements [store.Restoration].
func (r memoryRestoration) Index(context.Context, func(done, total int64)) error {
	r.copied.searchless.Store(false)
	return nil
}

// Finish implements [store.Restoration].
func (r memoryRestoration) Finish(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.copied.searchless.Load() {
		return fhir.Errorf(fhir.Conflict, "the copy has no index yet")
	}
	r.copied.done = true
	return nil
}
