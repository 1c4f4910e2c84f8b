package storetest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// RunArchive holds a store to the contract of [store.Archive]: it is copied, and
// made a copy of others.
func RunArchive(t *testing.T, open func(t *testing.T) store.Archive, reg *search.Registry) {
	parts := []struct {
		name string
		run  func(*suite)
	}{
		{"walk", archiveWalk},
		{"census", archiveCensus},
		{"copy", archiveCopy},
		{"from the oracle", archiveFromOracle},
		{"refusals", archiveRefusals},
		{"unfinished", archiveUnfinished},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			part.run(&suite{t, reg, func(t *testing.T) store.Store { return open(t) }})
		})
	}
}

// archive returns an empty store.
func (s *suite) archive() archived {
	s.Helper()
	st := s.fresh()
	return archived{st, st.Store.(store.Archive)}
}

// An archived is an archive under test.
type archived struct {
	*trial
	a store.Archive
}

// fill performs arbitrary units of work.
func (s archived) fill(seed uint64, writes int) {
	s.Helper()
	g := &generator{rand.New(rand.NewPCG(seed, 1))}
	p := &pair{trial: s.trial, oracle: &trial{s.suite, NewMemory(s.reg)}, generator: g}
	for i := 0; i < writes; i += p.unit() {
	}
}

// versions returns all versions behind a place.
func (s archived) versions(after store.Place) []store.Archived {
	s.Helper()
	var all []store.Archived
	for v, err := range s.a.Versions(context.Background(), after) {
		if err != nil {
			s.Fatalf("walking versions: %v", err)
		}
		all = append(all, v)
	}
	return all
}

// census counts.
func (s archived) census() []store.TypeCensus {
	s.Helper()
	c, err := s.a.Census(context.Background())
	if err != nil {
		s.Fatal(err)
	}
	return c
}

// restore begins to make the store a copy.
func (s archived) restore(of string) store.Restoration {
	s.Helper()
	r, err := s.a.Restore(context.Background(), of)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// complete indexes and finishes a copy.
func (s archived) complete(r store.Restoration) {
	s.Helper()
	ctx := context.Background()
	if err := r.Index(ctx, nil); err != nil {
		s.Fatal(err)
	}
	if err := r.Finish(ctx); err != nil {
		s.Fatal(err)
	}
}

// id returns what tells the store from others.
func (s archived) id() string {
	s.Helper()
	id, err := s.a.ID(context.Background())
	if err != nil || id == "" {
		s.Fatalf("got ID %q, %v", id, err)
	}
	return id
}

// sameVersions compares everything about versions.
func (s *suite) sameVersions(what string, got, want []store.Archived) {
	s.Helper()
	if len(got) != len(want) {
		s.Errorf("%s: %d versions, want %d", what, len(got), len(want))
		return
	}
	for i := range got {
		g, w := got[i], want[i]
		if g.Key != w.Key || g.Number != w.Number || !g.LastUpdated.Equal(w.LastUpdated) || g.Method != w.Method || g.Deleted != w.Deleted ||
			g.Newest != w.Newest || !bytes.Equal(g.Body, w.Body) {
			s.Errorf("%s: place %d is\n%+v newest %t, want\n%+v newest %t", what, i, g.Version, g.Newest, w.Version, w.Newest)
			return
		}
	}
}

// archiveWalk compares the walk with the history, from every place.
func archiveWalk(s *suite) {
	st := s.archive()
	if got := st.versions(store.Place{}); len(got) != 0 {
		s.Errorf("an empty store has %d versions", len(got))
	}
	st.fill(1, 200)
	var want []store.Archived
	seen := map[fhir.Key]bool{}
	for _, v := range st.walkHistory(store.HistoryQuery{Count: 100}) {
		want = append(want, store.Archived{Version: v, Newest: !seen[v.Key]})
		seen[v.Key] = true
	}
	slices.Reverse(want)
	s.sameVersions("the whole walk", st.versions(store.Place{}), want)
	for i, v := range want {
		if i%7 != 0 {
			continue
		}
		s.sameVersions("behind a version", st.versions(v.Place()), want[i+1:])
		s.sameVersions("behind what is not there", st.versions(store.Place{Time: v.LastUpdated.Add(-time.Microsecond), Key: fhir.Key{Type: "ZZ"}}), want[i:])
	}
	n := 0
	for range st.a.Versions(context.Background(), store.Place{}) {
		if n++; n == 3 {
			break
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, err := range st.a.Versions(ctx, store.Place{}) {
		if err == nil {
			s.Error("walks on although nobody waits any more")
		}
		break
	}
}

// archiveCensus compares counts.
func archiveCensus(s *suite) {
	st := s.archive()
	if c := st.census(); len(c) != 0 {
		s.Errorf("an empty store counts %v", c)
	}
	st.put(patient("a", "1"))
	st.put(`{"resourceType":"Practitioner","id":"a"}`)
	st.put(patient("a", "2"))
	st.put(patient("b", "1"))
	st.remove("Patient/b")
	st.remove("Practitioner/a")
	st.put(`{"resourceType":"Account","id":"a","status":"active"}`)
	want := []store.TypeCensus{
		{Type: "Account", Resources: 1, Versions: 1}, {Type: "Patient", Resources: 1, Deleted: 1, Versions: 4}, {Type: "Practitioner", Deleted: 1, Versions: 2},
	}
	if got := st.census(); !slices.Equal(got, want) {
		s.Errorf("got %v, want %v", got, want)
	}
}

// archiveCopy copies a store into another of its kind, in pieces.
func archiveCopy(s *suite) {
	from := s.archive()
	from.fill(2, 300)
	copyPieces(s, from, s.archive())
}

// archiveFromOracle copies from another kind of store.
func archiveFromOracle(s *suite) {
	m := NewMemory(s.reg)
	from := archived{&trial{s, m}, m}
	from.fill(3, 300)
	copyPieces(s, from, s.archive())
}

// copyPieces copies in pieces of all sizes, beginning again at each.
func copyPieces(s *suite, from, to archived) {
	ctx := context.Background()
	all := from.versions(store.Place{})
	done := 0
	for size := 1; ; size++ {
		r := to.restore(from.id())
		if want := fmt.Sprint("mark ", done); done > 0 && r.Mark() != want || r.Complete() {
			s.Fatalf("got mark %q, complete %t, want %q", r.Mark(), r.Complete(), want)
		}
		if done == len(all) {
			to.complete(r)
			break
		}
		end := min(done+size, len(all))
		if err := r.Add(ctx, all[done:end], fmt.Sprint("mark ", end)); err != nil {
			s.Fatal(err)
		}
		done = end
	}
	s.sameVersions("the copy", to.versions(store.Place{}), all)
	if got, want := to.census(), from.census(); !slices.Equal(got, want) {
		s.Errorf("the copy counts %v, want %v", got, want)
	}
	sameAnswers(s, from, to)
	if !to.restore(from.id()).Complete() {
		s.Error("the copy does not know that it is complete")
	}
	goOn(s, from, to)
	sameAnswers(s, from, to)
}

// sameAnswers asks both stores arbitrary questions.
func sameAnswers(s *suite, a, b archived) {
	s.Helper()
	p := &pair{trial: b.trial, oracle: a.trial, generator: &generator{rand.New(rand.NewPCG(4, 4))}}
	p.compareHistories()
	for range 60 {
		p.compareSearch()
	}
}

// goOn writes to both stores: numbers, instants and order go on where they were.
func goOn(s *suite, from, to archived) {
	s.Helper()
	newest := to.walkHistory(store.HistoryQuery{Count: 1})[0]
	for _, st := range []archived{from, to} {
		st.put(patient("p1", "Later"))
		st.put(patient("afterwards", "Poe"))
		st.remove("Patient/p2")
		st.put(`{"resourceType":"Observation","id":"o3","status":"final","code":{"text":"later"}}`)
	}
	v, err := to.Read(context.Background(), all, key("Patient/afterwards"))
	if err != nil || !v.LastUpdated.After(newest.LastUpdated) {
		s.Errorf("a version after the copy is %+v (error %v), want one later than %v", v, err, newest.LastUpdated)
	}
}

// archiveRefusals tries what would make a wrong copy.
func archiveRefusals(s *suite) {
	ctx := context.Background()
	from := s.archive()
	from.put(patient("a", "1"))
	from.put(patient("b", "1"))
	from.put(patient("a", "2"))
	versions := from.versions(store.Place{})

	full := s.archive()
	full.put(patient("x", "1"))
	_, err := full.a.Restore(ctx, from.id())
	s.wantKind("into what is not empty", err, fhir.Conflict)
	empty := s.archive()
	_, err = empty.a.Restore(ctx, empty.id())
	s.wantKind("into itself", err, fhir.Conflict)
	empty.put(patient("x", "1"))

	to := s.archive()
	r := to.restore(from.id())
	_, err = to.a.Restore(ctx, full.id())
	s.wantKind("of another", err, fhir.Conflict)
	s.wantKind("a number left out", r.Add(ctx, []store.Archived{versions[0], versions[1], {Version: changed(versions[2], func(v *store.Version) { v.Number = 3 })}}, "x"), fhir.Conflict)
	s.wantKind("an earlier instant", r.Add(ctx, []store.Archived{versions[1], versions[0]}, "x"), fhir.Conflict)
	if r.Mark() != "" || len(to.versions(store.Place{})) != 0 {
		s.Errorf("what was refused left mark %q and %d versions", r.Mark(), len(to.versions(store.Place{})))
	}
	if err := r.Add(ctx, versions[:2], "y"); err != nil {
		s.Fatal(err)
	}
	s.wantKind("finished without index", r.Finish(ctx), fhir.Conflict)
	to.complete(r)
	s.wantKind("added to a complete copy", r.Add(ctx, versions[2:], "z"), fhir.Conflict)
}

func changed(a store.Archived, change func(*store.Version)) *store.Version {
	v := *a.Version
	change(&v)
	return &v
}

// archiveUnfinished asks a copy that is not complete.
func archiveUnfinished(s *suite) {
	ctx := context.Background()
	from := s.archive()
	from.put(patient("a", "Poe"))
	to := s.archive()
	r := to.restore(from.id())
	if err := r.Add(ctx, from.versions(store.Place{}), "x"); err != nil {
		s.Fatal(err)
	}
	refusesWrites := func() {
		s.Helper()
		_, err := to.Put(ctx, all, s.write(patient("b", "Poe")))
		s.wantKind("Put", err, fhir.Unavailable)
		_, err = to.Delete(ctx, all, key("Patient/a"), 0)
		s.wantKind("Delete", err, fhir.Unavailable)
		s.wantKind("Update", to.Update(ctx, func(store.Tx) error { return nil }), fhir.Unavailable)
	}
	refusesWrites()
	_, err := to.Search(ctx, all, s.query("Patient?family=poe"))
	s.wantKind("Search", err, fhir.Unavailable)
	_, err = to.Count(ctx, all, s.query("Patient?family=poe"))
	s.wantKind("Count", err, fhir.Unavailable)
	if v, err := to.Read(ctx, all, key("Patient/a")); err != nil || v.Number != 1 {
		s.Errorf("Read: %+v, %v", v, err)
	}
	if err := r.Index(ctx, nil); err != nil {
		s.Fatal(err)
	}
	if got := to.find(to, all, s.query("Patient?family=poe")); len(got) != 1 {
		s.Errorf("after Index found %v", got)
	}
	refusesWrites()
	if err := r.Finish(ctx); err != nil {
		s.Fatal(err)
	}
	to.put(patient("b", "Poe"))
}
