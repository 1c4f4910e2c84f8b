package sqlite

import (
	"context"
	"math"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/custom"
)

// Custom search parameters
//
// They are the SearchParameter resources that are stored, active or in draft. One
// that can not be searched by, or that another stands in the place of, is not
// stored; of those that earlier builds have let in, the log tells. When they
// change, what is written from then on is indexed by them, and a walk over all
// resources brings the index up to date, some hundred at a time, between other
// units of work. Searches know a parameter when the walk has come to its end, and
// no longer from the moment that it changes or goes. The walk goes on where it was
// when the store is opened again.
//
// Meta has as "base" what the store is opened with; as "params" those that the whole index has, by their fingerprint; as
// "walk" the last resource that was brought up to date, while there is a walk; and
// as "walk for" what the walk makes the index into.

// params are the search parameters of a store at a time.
type params struct {
	index  *search.Registry // what is written is indexed by
	active *search.Registry // what all resources are indexed by
	all    []string         // fingerprints of the custom ones in index
	walks  bool             // not all resources are indexed by index
}

// Registry returns the search parameters that all resources are indexed by. It
// changes when SearchParameter resources do; queries are parsed with the present
// one.
func (s *Store) Registry() *search.Registry { return s.params.Load().active }

// indexing returns what resources are indexed by when they are written.
func (s *Store) indexing() *search.Registry { return s.params.Load().index }

// customParams reads the definitions that are stored, in the order in which they
// were.
func (v *view) customParams() ([]custom.Param, error) {
	s, err := v.c.prepare("SELECT v.id, " + versionColumns + " FROM cur c CROSS JOIN ver v ON v.vid=c.vid WHERE c.t=? ORDER BY c.n")
	if err != nil {
		return nil, err
	}
	defer s.reset()
	s.int(v.s.types.numbers["SearchParameter"])
	var found []custom.Param
	for {
		row, err := s.step()
		if err != nil || !row {
			return found, err
		}
		version, err := v.version(s, fhir.Key{Type: "SearchParameter", ID: s.text(0)}, 1)
		if err != nil {
			return nil, err
		}
		r, err := v.parse(version)
		if err != nil {
			return nil, err
		}
		if p, ok := custom.From(v.s.reg, r); ok {
			found = append(found, p)
		}
	}
}

// admit refuses a SearchParameter that would be one to search by and can not be.
func (tx *transaction) admit(w *store.Write) error {
	return custom.Admit(tx.s.reg, w.Resource, w.Key.ID, tx.customParams)
}

// withCustom returns the store's own parameters with custom ones, and which of
// these can be taken.
func (s *Store) withCustom(defined []custom.Param) (*search.Registry, []custom.Param) {
	return custom.With(s.reg, defined, func(p custom.Param, err error) {
		s.log.Warn("a SearchParameter can not be searched by", "url", p.URL, "error", err)
	})
}

// paramsAs returns the parameters that are stored, of which the index has some.
func (v *view) paramsAs(complete string) (*params, error) {
	defined, err := v.customParams()
	if err != nil {
		return nil, err
	}
	p := &params{}
	p.index, defined = v.s.withCustom(defined)
	p.all = custom.Prints(defined)
	var active []custom.Param
	for _, c := range defined {
		if strings.Contains(complete, c.Print) {
			active = append(active, c)
		}
	}
	if p.active = p.index; len(active) != len(defined) {
		p.active, _ = v.s.withCustom(active)
	}
	return p, nil
}

// loadParams finds out, when the store is opened, which parameters there are.
func (w *writer) loadParams() error {
	complete, err := meta(w.c, "params")
	if err != nil {
		return err
	}
	p, err := w.tx.paramsAs(complete)
	if err != nil {
		return err
	}
	var stored [3]string
	for i, key := range []string{"walk for", "base", "index"} {
		if stored[i], err = meta(w.c, key); err != nil {
			return err
		}
	}
	w.s.params.Store(p)
	if stored[1] != w.s.reg.Fingerprint() || stored[2] == "" {
		return nil // the whole index has to be made anew
	}
	p.walks = stored[0] != "" || complete != strings.Join(p.all, " ")
	if p.walks && stored[0] != p.index.Fingerprint() {
		return w.transact(func() error { return w.beginWalk(p) })
	}
	return nil
}

// redefine finds out, after SearchParameter resources may have changed, what that
// means.
func (w *writer) redefine() {
	if !w.tx.defines {
		return
	}
	w.tx.defines = false
	if err := w.tryRedefine(); err != nil {
		w.s.log.Error("search parameters have changed, but can not be taken over before the next start", "error", err)
	}
}

func (w *writer) tryRedefine() error {
	complete, err := meta(w.c, "params")
	if err != nil {
		return err
	}
	p, err := w.tx.paramsAs(complete)
	if err != nil {
		return err
	}
	if strings.Join(p.all, " ") == strings.Join(w.s.params.Load().all, " ") {
		return nil
	}
	p.walks = true
	if err := w.catchUp(); err != nil {
		return err
	}
	if err := w.transact(func() error { return w.beginWalk(p) }); err != nil {
		return err
	}
	w.s.params.Store(p)
	w.s.log.Info("search parameters have changed: bringing the index up to date", "custom", len(p.all))
	w.s.walk()
	return nil
}

// beginWalk notes that the index is on the way from what p has active to what it
// indexes by.
func (w *writer) beginWalk(p *params) error {
	var complete []string
	before, err := meta(w.c, "params")
	if err != nil {
		return err
	}
	for _, print := range p.all {
		if strings.Contains(before, print) {
			complete = append(complete, print)
		}
	}
	return w.setAll([][2]string{
		{"base", w.s.reg.Fingerprint()},
		{"params", strings.Join(complete, " ")},
		{"index", p.active.Fingerprint()},
		{"walk for", p.index.Fingerprint()},
		{"walk", strconv.FormatInt(math.MinInt64, 10)},
	})
}

// endWalk notes that all resources are indexed by p.index.
func (w *writer) endWalk(p *params) error {
	return w.setAll([][2]string{
		{"base", w.s.reg.Fingerprint()}, {"params", strings.Join(p.all, " ")}, {"index", p.index.Fingerprint()}, {"walk for", ""}, {"walk", ""},
	})
}

func (w *writer) setAll(values [][2]string) error {
	for _, v := range values {
		if err := setMeta(w.c, v[0], v[1]); err != nil {
			return err
		}
	}
	return nil
}

// whole makes known that all resources are indexed by p.index.
func (s *Store) whole(p *params) {
	s.params.Store(&params{index: p.index, active: p.index, all: p.all})
}

// walk starts to bring the index up to date, unless that is going on.
func (s *Store) walk() {
	if !s.walking.CompareAndSwap(false, true) {
		return
	}
	s.walks.Go(func() {
		defer s.walking.Store(false)
		for more := true; more; {
			err := s.exclusively(context.Background(), func() (err error) {
				more, err = s.writer.walkOn()
				return err
			})
			switch {
			case err == nil:
			case fhir.KindOf(err) == fhir.Unavailable: // the store is being closed, or the disk is full: it goes on when it is opened
				return
			default:
				s.log.Error("bringing the index up to date failed", "error", err)
				return
			}
		}
		s.log.Info("the index is up to date")
	})
}

// walkOn brings some resources up to date and reports whether there are more.
func (w *writer) walkOn() (more bool, err error) {
	p := w.s.params.Load()
	if !p.walks {
		return false, nil
	}
	err = w.transact(func() error {
		text, err := meta(w.c, "walk")
		if err != nil {
			return err
		}
		after, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return errDamagedFile(err)
		}
		after, more, err = w.walkFrom(after, p.index)
		switch {
		case err != nil:
			return err
		case more:
			return setMeta(w.c, "walk", strconv.FormatInt(after, 10))
		}
		return w.endWalk(p)
	})
	if err == nil && !more {
		w.s.whole(p)
	}
	w.tend()
	return more, err
}

// walkFrom indexes the resources that come after one by reg, and returns the last
// and whether there may be more.
func (w *writer) walkFrom(after int64, reg *search.Registry) (last int64, more bool, err error) {
	numbers, err := w.numbersAfter(after, w.s.tuning.walked)
	if err != nil || len(numbers) == 0 {
		return after, false, err
	}
	postings := newPostingBuffer("post")
	for _, n := range numbers {
		if err := w.indexAgain(n, reg, &postings); err != nil {
			return after, false, err
		}
	}
	written, err := postings.flush(w.c)
	w.s.stats.postings.Add(int64(written))
	return numbers[len(numbers)-1], len(numbers) == w.s.tuning.walked, err
}

// numbersAfter returns the resources that come after one, up to a limit.
func (w *writer) numbersAfter(after int64, limit int) ([]int64, error) {
	s, err := w.c.prepare("SELECT n FROM cur WHERE n>? ORDER BY n LIMIT ?")
	if err != nil {
		return nil, err
	}
	s.int(after).int(int64(limit))
	var numbers []int64
	for {
		row, err := s.step()
		if err != nil || !row {
			return numbers, err
		}
		numbers = append(numbers, s.num(0))
	}
}

// indexAgain brings the keys of one resource up to date.
func (w *writer) indexAgain(n int64, reg *search.Registry, postings *postingBuffer) error {
	s, err := w.c.prepare("SELECT d, vid, keys FROM cur WHERE n=?")
	if err != nil {
		return err
	}
	row, err := s.int(n).step()
	if err != nil || !row {
		return err
	}
	date, vid := s.num(0), s.num(1)
	whole := w.tx.old.unpack(s.view(2))
	s.reset()
	if !whole {
		return errDamaged()
	}
	version, err := w.tx.byVid(vid)
	if err != nil {
		return err
	}
	r, err := w.tx.parse(version)
	if err != nil {
		return err
	}
	e := reg.Index(r)
	if date == e.Date && w.tx.old.same(e.Keys) {
		return nil
	}
	postings.add(&w.tx.old, date, e.Keys, e.Date, n)
	u, err := w.c.prepare("UPDATE cur SET d=?, keys=? WHERE n=?")
	if err != nil {
		return err
	}
	return u.int(e.Date).blob(packKeys(e.Keys)).int(n).run()
}

// entries returns what a write is found by, as the store indexes now.
func (tx *transaction) entries(w *store.Write) *search.Entries {
	if reg := tx.s.indexing(); !w.IndexedBy(reg) {
		return reg.IndexAs(w.Resource, w.Key.ID)
	}
	return w.Entries
}
