package mongodb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

const clients = 64

// pair opens two stores in one database, as two servers do, at the same time.
func pair(t *testing.T, reg *search.Registry, o mongodb.Options) [2]*mongodb.Store {
	t.Helper()
	o.Registry = reg
	url := mongotest.Fresh(t)
	var stores [2]*mongodb.Store
	var errs [2]error
	var wg sync.WaitGroup
	for i := range stores {
		wg.Go(func() { stores[i], errs[i] = mongodb.Open(ctx, url, o) })
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, s := range stores {
			s.Close()
		}
	})
	return stores
}

// modes are the ways to do units of work.
var modes = map[string]mongodb.Options{"transactions": {}, "no transactions": {NoTransactions: true}}

// TestIfMatchRace has many clients of two servers write over one version.
func TestIfMatchRace(t *testing.T) {
	reg := storetest.NewRegistry(t)
	for name, o := range modes {
		for _, unit := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, unit %t", name, unit), func(t *testing.T) {
				stores := pair(t, reg, o)
				w := write(t, reg, `{"resourceType":"Patient","id":"ada"}`)
				if _, err := stores[0].Put(ctx, all, w); err != nil {
					t.Fatal(err)
				}
				w.IfVersion = 1
				won := race(t, func(client int) error {
					if !unit {
						_, err := stores[client%2].Put(ctx, all, w)
						return err
					}
					return stores[client%2].Update(ctx, func(tx store.Tx) error {
						_, err := tx.Put(ctx, all, w)
						return err
					})
				}, fhir.Stale)
				if won != 1 {
					t.Errorf("%d clients replaced version 1, want 1", won)
				}
				wantVersions(t, stores[1], w.Key, 2)
			})
		}
	}
}

// race counts the clients that succeed. The others have to fail in one way.
func race(t *testing.T, run func(client int) error, lost fhir.Kind) int {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, clients)
	for c := range clients {
		wg.Go(func() { errs[c] = run(c) })
	}
	wg.Wait()
	won := 0
	for c, err := range errs {
		switch {
		case err == nil:
			won++
		case fhir.KindOf(err) != lost:
			t.Errorf("client %d: %v", c, err)
		}
	}
	return won
}

func wantVersions(t *testing.T, s *mongodb.Store, key fhir.Key, want int) {
	t.Helper()
	page, err := s.History(ctx, all, store.HistoryQuery{Key: key, Count: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range page.Versions {
		if v.Number != int64(len(page.Versions)-i) {
			t.Errorf("version %d stands at place %d of %d", v.Number, i, len(page.Versions))
		}
	}
	if len(page.Versions) != want {
		t.Errorf("%s has %d versions, want %d", key, len(page.Versions), want)
	}
}

// TestCreationRace has many clients of two servers make one resource.
func TestCreationRace(t *testing.T) {
	reg := storetest.NewRegistry(t)
	for name, o := range modes {
		t.Run(name, func(t *testing.T) {
			stores := pair(t, reg, o)
			w := write(t, reg, `{"resourceType":"Patient","id":"ada"}`)
			w.MustBeNew = true
			if won := race(t, func(c int) error { _, err := stores[c%2].Put(ctx, all, w); return err }, fhir.Duplicate); won != 1 {
				t.Errorf("%d clients made the resource, want 1", won)
			}
		})
	}
}

// TestConditionalRace has many clients of two servers make a resource unless there
// is one with its identifier.
func TestConditionalRace(t *testing.T) {
	reg := storetest.NewRegistry(t)
	criteria, err := search.Parse(reg, "Patient", [][2]string{{"identifier", "http://example.org|1"}}, search.Options{DefaultCount: 10, MaxCount: 10})
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range modes {
		t.Run(name, func(t *testing.T) {
			stores := pair(t, reg, o)
			var made [clients]*store.Version
			race(t, func(c int) error {
				w := write(t, reg, fmt.Sprintf(`{"resourceType":"Patient","id":"c%d","identifier":[{"system":"http://example.org","value":"1"}]}`, c))
				return stores[c%2].Update(ctx, func(tx store.Tx) (err error) {
					made[c], _, err = store.CreateUnlessFound(ctx, tx, all, criteria, w)
					return err
				})
			}, fhir.Internal)
			for c, v := range made {
				if v == nil || v.Key != made[0].Key {
					t.Errorf("client %d got %+v, client 0 %+v", c, v, made[0])
				}
			}
			if n, err := stores[0].Count(ctx, all, criteria); n != 1 || err != nil {
				t.Errorf("there are %d resources (error %v), want 1", n, err)
			}
		})
	}
}

// TestIncrements has units of two servers count in two resources.
func TestIncrements(t *testing.T) {
	reg := storetest.NewRegistry(t)
	stores := pair(t, reg, mongodb.Options{})
	mongotest.NeedTransactions(t, stores[0].Traits().Transactions)
	const rounds = 5
	keys := []fhir.Key{{Type: "Patient", ID: "a"}, {Type: "Patient", ID: "b"}}
	var wg sync.WaitGroup
	for c := range 8 {
		wg.Go(func() {
			for range rounds {
				err := stores[c%2].Update(ctx, func(tx store.Tx) error {
					for i := range keys {
						if _, err := tx.Put(ctx, all, write(t, reg, fmt.Sprintf(`{"resourceType":"Patient","id":%q}`, keys[(i+c)%2].ID))); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("client %d: %v", c, err)
				}
			}
		})
	}
	wg.Wait()
	for _, key := range keys {
		wantVersions(t, stores[0], key, 8*rounds)
	}
}

// TestTwoServers reads through one server what another writes.
func TestTwoServers(t *testing.T) {
	reg := storetest.NewRegistry(t)
	stores := pair(t, reg, mongodb.Options{})
	var last *store.Version
	for i := range 10 {
		w := write(t, reg, `{"resourceType":"Patient","id":"ada"}`)
		v, err := stores[i%2].Put(ctx, all, w)
		if err != nil {
			t.Fatal(err)
		}
		if last != nil && !v.LastUpdated.After(last.LastUpdated) {
			t.Errorf("version %d is not younger than the one before", v.Number)
		}
		read, err := stores[1-i%2].Read(ctx, all, w.Key)
		if err != nil || read.Number != int64(i+1) || string(read.Body) != string(v.Body) {
			t.Errorf("the other server reads %+v, %v", read, err)
		}
		last = v
	}
	ids := [2]string{}
	for i, s := range stores {
		var err error
		if ids[i], err = s.ID(ctx); err != nil || len(ids[i]) != 32 {
			t.Errorf("ID: %q, %v", ids[i], err)
		}
	}
	if ids[0] != ids[1] {
		t.Errorf("one database has the IDs %v", ids)
	}
}

// TestAbort breaks a unit off at every step; nothing of it is there.
func TestAbort(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
	mongotest.NeedTransactions(t, s.Traits().Transactions)
	before := write(t, reg, `{"resourceType":"Patient","id":"old"}`)
	if _, err := s.Put(ctx, all, before); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for steps := 1; steps <= 5; steps++ {
		late, cancel := context.WithCancel(ctx)
		err := s.Update(late, func(tx store.Tx) error {
			todo := []func() error{
				func() error { _, err := tx.Put(ctx, all, before); return err },
				func() error {
					_, err := tx.History(ctx, all, store.HistoryQuery{Count: 1}) // so that it is written
					return err
				},
				func() error {
					_, err := tx.Put(ctx, all, write(t, reg, `{"resourceType":"Patient","id":"new"}`))
					return err
				},
				func() error { _, err := tx.Delete(ctx, all, before.Key, 2); return err },
				func() error { cancel(); return nil },
			}
			for _, do := range todo[:steps] {
				if err := do(); err != nil {
					return err
				}
			}
			if steps == len(todo) {
				return nil
			}
			return broken
		})
		cancel()
		if steps < 5 && !errors.Is(err, broken) || steps == 5 && !errors.Is(err, context.Canceled) {
			t.Errorf("after %d steps: %v", steps, err)
		}
		wantVersions(t, s, before.Key, 1)
		wantVersions(t, s, fhir.Key{}, 1)
		if _, err := s.Read(ctx, all, fhir.Key{Type: "Patient", ID: "new"}); fhir.KindOf(err) != fhir.NotFound {
			t.Errorf("after %d steps, the new one: %v", steps, err)
		}
	}
}

// TestForesee writes what was foreseen and what was not, with one question for all
// that was.
func TestForesee(t *testing.T) {
	reg := storetest.NewRegistry(t)
	s := openAt(t, mongotest.Fresh(t), mongodb.Options{Registry: reg})
	mongotest.NeedTransactions(t, s.Traits().Transactions)
	var keys []fhir.Key
	var writes []store.Write
	for i := range 20 {
		w := write(t, reg, fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i))
		keys, writes = append(keys, w.Key), append(writes, w)
	}
	for round := int64(1); round <= 2; round++ {
		before := s.Stats().Commands
		err := s.Update(ctx, func(tx store.Tx) error {
			if err := tx.(store.Foreseer).Foresee(ctx, keys); err != nil {
				return err
			}
			for _, w := range writes {
				if v, err := tx.Put(ctx, all, w); err != nil || v.Number != round {
					return fmt.Errorf("Put: %+v, %w", v, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Stats().Commands - before; n > 10 {
			t.Errorf("round %d took %d commands", round, n)
		}
	}
}
