package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

var errWanted = errors.New("the work failed")

// units checks that a unit of work is stored as a whole or not at all.
func units(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	if !st.Traits().Transactions {
		singleUnits(st)
		return
	}
	st.put(patient("kept", "Poe"))
	change := func(tx store.Tx) {
		for _, text := range []string{patient("kept", "Roe"), patient("new", "Roe")} {
			if _, err := tx.Put(ctx, all, s.write(text)); err != nil {
				s.Errorf("Put: %v", err)
			}
		}
		if _, err := tx.Delete(ctx, all, key("Patient/kept"), 2); err != nil {
			s.Errorf("Delete: %v", err)
		}
		if found := st.find(tx, all, s.query("Patient?family=roe")); !slices.Equal(found, []string{"Patient/new"}) {
			s.Errorf("within, a search finds %v", found)
		}
	}
	untouched := func(after string) {
		if v, err := st.Read(ctx, all, key("Patient/kept")); err != nil || v.Number != 1 {
			s.Errorf("after %s: %+v, %v", after, v, err)
		}
		if found := st.find(st, all, s.query("Patient")); !slices.Equal(found, []string{"Patient/kept"}) {
			s.Errorf("after %s, a search finds %v", after, found)
		}
		if found := st.find(st, all, s.query("Patient?family=roe")); len(found) != 0 {
			s.Errorf("after %s, the index still finds %v", after, found)
		}
		st.wantHistory(store.HistoryQuery{}, 1)
	}

	err := st.Update(ctx, func(tx store.Tx) error { change(tx); return errWanted })
	if !errors.Is(err, errWanted) {
		s.Errorf("the error of the work came back as %v", err)
	}
	untouched("an error")
	err = st.Update(ctx, func(tx store.Tx) error { change(tx); return fhir.Errorf(fhir.Ambiguous, "two") })
	s.wantKind("an error of a kind", err, fhir.Ambiguous)
	untouched("an error of a kind")
	err = st.Update(ctx, func(tx store.Tx) error { change(tx); panic("a bug") })
	s.wantKind("a panic", err, fhir.Internal)
	untouched("a panic")

	var kept store.Tx
	if err := st.Update(ctx, func(tx store.Tx) error { kept = tx; change(tx); return nil }); err != nil {
		s.Fatalf("Update: %v", err)
	}
	st.wantHistory(store.HistoryQuery{}, 4)
	if _, err := kept.Read(ctx, all, key("Patient/new")); err == nil {
		s.Error("a transaction can be used after its end")
	}
	if err := st.Update(ctx, func(store.Tx) error { return nil }); err != nil {
		s.Errorf("a unit that does nothing: %v", err)
	}
	s.run("reads", unitReads)
	s.run("recovery", unitRecovery)
}

// singleUnits checks units of a store without transactions: they hold one write,
// which is stored if the unit succeeds, or are refused as a whole.
func singleUnits(st *trial) {
	ctx := context.Background()
	st.put(patient("kept", "Poe"))
	put := func(tx store.Tx, id string) error {
		_, err := tx.Put(ctx, all, st.write(patient(id, "Roe")))
		return err
	}
	remove := func(tx store.Tx, id string) error {
		_, err := tx.Delete(ctx, all, key("Patient/"+id), 0)
		return err
	}
	refused := []struct {
		name string
		work func(tx store.Tx) error
		kind fhir.Kind
	}{
		{"two writes", func(tx store.Tx) error { return cmp.Or(put(tx, "kept"), put(tx, "new")) }, fhir.Unsupported},
		{"two writes of one resource", func(tx store.Tx) error { return cmp.Or(put(tx, "new"), put(tx, "new")) }, fhir.Unsupported},
		{"a write and a deletion", func(tx store.Tx) error { return cmp.Or(put(tx, "new"), remove(tx, "kept")) }, fhir.Unsupported},
		{"two writes, the second refusal passed over", func(tx store.Tx) error { _ = put(tx, "kept"); _ = put(tx, "new"); return nil }, fhir.Unsupported},
		{"an error", func(tx store.Tx) error { return cmp.Or(put(tx, "kept"), error(fhir.Errorf(fhir.Ambiguous, "two"))) }, fhir.Ambiguous},
		{"an error after a deletion", func(tx store.Tx) error { return cmp.Or(remove(tx, "kept"), error(fhir.Errorf(fhir.Ambiguous, "two"))) }, fhir.Ambiguous},
		{"a panic", func(tx store.Tx) error { _ = put(tx, "kept"); panic("a bug") }, fhir.Internal},
	}
	for _, unit := range refused {
		st.wantKind(unit.name, st.Update(ctx, unit.work), unit.kind)
		if v, err := st.Read(ctx, all, key("Patient/kept")); err != nil || v.Number != 1 {
			st.Errorf("after %s: %+v, %v", unit.name, v, err)
		}
		st.wantHistory(store.HistoryQuery{}, 1)
		if found := st.find(st, all, st.query("Patient?family=roe")); len(found) != 0 {
			st.Errorf("after %s, a search finds %v", unit.name, found)
		}
	}

	var kept store.Tx
	if err := st.Update(ctx, func(tx store.Tx) error { kept = tx; return put(tx, "new") }); err != nil {
		st.Errorf("a unit of one write: %v", err)
	}
	if _, err := kept.Read(ctx, all, key("Patient/new")); err == nil {
		st.Error("a unit can be used after its end")
	}
	nothing := func(tx store.Tx) error { return cmp.Or(remove(tx, "absent"), remove(tx, "kept")) }
	if err := st.Update(ctx, nothing); err != nil {
		st.Errorf("a unit of one write, and a deletion of nothing: %v", err)
	}
	if err := st.Update(ctx, func(store.Tx) error { return nil }); err != nil {
		st.Errorf("a unit that does nothing: %v", err)
	}
	st.wantHistory(store.HistoryQuery{}, 3)
	if found := st.find(st, all, st.query("Patient")); !slices.Equal(found, []string{"Patient/new"}) {
		st.Errorf("a search finds %v", found)
	}
}

// unitReads checks that within a unit every question sees what it has written.
func unitReads(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	st.put(patient("a", "Poe"))
	err := st.Update(ctx, func(tx store.Tx) error {
		written, err := tx.Put(ctx, all, s.write(patient("a", "Roe")))
		if err != nil {
			return err
		}
		if v, err := tx.Read(ctx, all, key("Patient/a")); err != nil || v.Number != 2 {
			s.Errorf("Read: %+v, %v", v, err)
		}
		if v, err := tx.ReadVersion(ctx, all, key("Patient/a"), 2); err != nil || string(v.Body) != string(written.Body) {
			s.Errorf("ReadVersion: %+v, %v", v, err)
		}
		if n, err := tx.Count(ctx, all, s.query("Patient?family=roe")); err != nil || n != 1 {
			s.Errorf("Count: %d, %v", n, err)
		}
		if n, err := tx.Count(ctx, all, s.query("Patient?family=poe")); err != nil || n != 0 {
			s.Errorf("Count of what it was before: %d, %v", n, err)
		}
		page, err := tx.History(ctx, all, store.HistoryQuery{Key: key("Patient/a"), Count: 10})
		if err != nil || len(page.Versions) != 2 {
			s.Errorf("History: %+v, %v", page, err)
		}
		// Back to what it was, and to nothing, and once more.
		for _, family := range []string{"Poe", "Roe", "Poe"} {
			if _, err := tx.Delete(ctx, all, key("Patient/a"), 0); err != nil {
				return err
			}
			if _, err := tx.Put(ctx, all, s.write(patient("a", family))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	if found := st.find(st, all, s.query("Patient?family=poe")); !slices.Equal(found, []string{"Patient/a"}) {
		s.Errorf("after the unit, a search finds %v", found)
	}
	if found := st.find(st, all, s.query("Patient?family=roe")); len(found) != 0 {
		s.Errorf("after the unit, a search by what it was finds %v", found)
	}
	st.wantHistory(store.HistoryQuery{}, 8)
}

// unitRecovery lets units that fail late run beside others that do not.
func unitRecovery(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	const clients, rounds = 16, 12
	var wg sync.WaitGroup
	for c := range clients {
		wg.Go(func() {
			for r := range rounds {
				fails := (c+r)%3 == 0
				err := st.Update(ctx, func(tx store.Tx) error {
					for i := range 3 {
						text := fmt.Sprintf(`{"resourceType":"Patient","id":"%d-%d-%d","active":%t}`, c, r, i, !fails)
						if _, err := tx.Put(ctx, all, s.write(text)); err != nil {
							return err
						}
						if _, err := tx.Count(ctx, all, s.query("Patient?active=true")); err != nil {
							return err
						}
					}
					if fails {
						return errWanted
					}
					return nil
				})
				if errors.Is(err, errWanted) != fails {
					s.Errorf("client %d, round %d: %v", c, r, err)
				}
			}
		})
	}
	wg.Wait()
	good := int64(0)
	for c := range clients {
		for r := range rounds {
			if (c+r)%3 != 0 {
				good += 3
			}
		}
	}
	st.wantCount("Patient?active=true", good)
	st.wantCount("Patient?active=false", 0)
	st.wantHistory(store.HistoryQuery{Key: key("Patient")}, good)
}

func (s *trial) wantCount(query string, want int64) {
	s.Helper()
	s.wantTotal(s.Store, all, s.query(query), query, want)
}

// wantTotal checks what a reader says of how many resources match, counted and
// estimated.
func (s *suite) wantTotal(r store.Reader, who search.Access, q *search.Query, text string, want int64) {
	s.Helper()
	n, err := r.Count(context.Background(), who, q)
	if err != nil || n != want {
		s.Errorf("%s: count %d, want %d (error %v)", text, n, want, err)
	}
	n, exact, err := store.Estimate(context.Background(), r, who, q)
	if err != nil || exact && n != want || (n == 0) != (want == 0) {
		s.Errorf("%s: estimated %d, exactly %t, want %d (error %v)", text, n, exact, want, err)
	}
}

// isolation checks that nobody sees what a unit has not stored yet, and that
// nobody who only reads waits for it.
func isolation(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	st.put(patient("a", "Poe"))
	writes := []string{patient("a", "Roe"), patient("b", "Roe")}
	if !st.Traits().Transactions {
		writes = writes[:1]
	}
	written, look := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := st.Update(ctx, func(tx store.Tx) error {
			for _, text := range writes {
				if _, err := tx.Put(ctx, all, s.write(text)); err != nil {
					return err
				}
			}
			close(written)
			<-look
			return nil
		})
		if err != nil {
			s.Errorf("Update: %v", err)
		}
	})
	<-written
	if found := st.find(st, all, s.query("Patient?family=roe")); len(found) != 0 {
		s.Errorf("before the end, others find %v", found)
	}
	if v, err := st.Read(ctx, all, key("Patient/a")); err != nil || v.Number != 1 {
		s.Errorf("before the end, others read %+v, %v", v, err)
	}
	_, err := st.Read(ctx, all, key("Patient/b"))
	s.wantKind("before the end, reading what is new", err, fhir.NotFound)
	st.wantHistory(store.HistoryQuery{}, 1)
	close(look)
	wg.Wait()
	if found := st.find(st, all, s.query("Patient?family=roe")); len(found) != len(writes) {
		s.Errorf("after the end, others find %v", found)
	}
}

// concurrency checks the pattern of conditional interactions: of many clients
// that search and then write, all but the first find what that one wrote.
func concurrency(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	const clients = 64
	var wg sync.WaitGroup
	made := make([]*store.Version, clients)
	created := make([]bool, clients)
	criteria := s.query("Patient?identifier=http://example.org|1")
	for c := range clients {
		wg.Go(func() {
			text := fmt.Sprintf(`{"resourceType":"Patient","id":"c%d","identifier":[{"system":"http://example.org","value":"1"}]}`, c)
			w := s.write(text)
			err := st.Update(ctx, func(tx store.Tx) error {
				var err error
				made[c], created[c], err = store.CreateUnlessFound(ctx, tx, all, criteria, w)
				return err
			})
			if err != nil {
				s.Errorf("client %d: %v", c, err)
			}
		})
	}
	wg.Wait()
	n := 0
	for c := range clients {
		if created[c] {
			n++
		}
		if made[c] == nil || made[0] == nil || made[c].Key != made[0].Key {
			s.Errorf("client %d got %+v", c, made[c])
		}
	}
	if n != 1 {
		s.Errorf("%d clients created the resource, want 1", n)
	}
	st.wantCount("Patient", 1)
	s.run("updates", concurrentUpdates)
}

// concurrentUpdates lets many clients change one resource, each the version it
// knows.
func concurrentUpdates(s *suite) {
	ctx := context.Background()
	st := s.fresh()
	st.put(patient("a", "Poe"))
	const clients, rounds = 16, 10
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for done := 0; done < rounds; {
				v, err := st.Read(ctx, all, key("Patient/a"))
				if err != nil {
					s.Errorf("Read: %v", err)
					return
				}
				w := s.write(patient("a", "Poe"))
				w.IfVersion = v.Number
				switch next, err := st.Put(ctx, all, w); {
				case err == nil && next.Number == v.Number+1:
					done++
				case fhir.KindOf(err) != fhir.Stale:
					s.Errorf("Put of version %d: %+v, %v", v.Number, next, err)
					return
				}
			}
		})
	}
	wg.Wait()
	st.wantHistory(store.HistoryQuery{Key: key("Patient/a")}, clients*rounds+1)
}

// cancellation checks that a request given up stores nothing.
func cancellation(s *suite) {
	st := s.fresh()
	st.put(patient("a", "Poe"))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := st.Put(ended, all, s.write(patient("b", "Poe")))
	s.wantKind("Put", err, fhir.Unavailable)
	if !errors.Is(err, context.Canceled) {
		s.Errorf("Put: %v does not tell the cause", err)
	}
	_, err = st.Delete(ended, all, key("Patient/a"), 0)
	s.wantKind("Delete", err, fhir.Unavailable)
	ran := false
	err = st.Update(ended, func(store.Tx) error { ran = true; return nil })
	if s.wantKind("Update", err, fhir.Unavailable); ran {
		s.Error("the work of a request given up was done")
	}
	late, stop := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer stop()
	_, err = st.Put(late, all, s.write(patient("b", "Poe")))
	s.wantKind("Put past its deadline", err, fhir.TooCostly)

	middle, giveUp := context.WithCancel(context.Background())
	err = st.Update(middle, func(tx store.Tx) error {
		if _, err := tx.Put(middle, all, s.write(patient("b", "Poe"))); err != nil {
			return err
		}
		giveUp()
		_, err := tx.Search(middle, all, s.query("Patient"))
		return err
	})
	s.wantKind("a unit given up half-way", err, fhir.Unavailable)
	st.wantHistory(store.HistoryQuery{}, 1)
	var nobody search.Access
	if _, err := st.Read(context.Background(), nobody, key("Patient/a")); err == nil {
		s.Error("nobody may read it")
	}
}
