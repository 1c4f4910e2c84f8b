package sqlite

import (
	"bytes"
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// Results sorted by several keys
//
// The stream by the first key gives runs of candidates that are alike by it. A
// short run is read and sorted by the other keys. A long one is a search of its
// own: for what has that value, sorted by the other keys, from which as much is
// taken as is wanted.

// A pin says what resources are sorted by in a key.
type pin struct {
	key   *ordering.Key
	value []byte // nil: nothing
}

// linked reports whether it takes other resources to tell.
func (p pin) linked() bool { return len(p.key.Via) > 0 }

func (p pin) holds(value []byte) bool {
	return bytes.Equal(value, p.value) && (value == nil) == (p.value == nil)
}

// runs yields a driver's candidates in an order by several keys.
func (f *finder) runs(driver int) (stream, error) {
	s := &runStream{f: f, driver: driver, first: *f, from: f.spot}
	s.first.keys = keySet{}
	s.first.order, s.first.spot = f.order.First(f.spot)
	s.first.atDate()
	var err error
	s.inner, err = s.first.valueStream(driver)
	return s, err
}

// atDate gives the spot of an order by the clinical date the date of its value: all
// rows of a value have that.
func (f *finder) atDate() {
	if value, _ := f.order.Split(f.spot.Text); f.clinical && value != nil && f.spot.Text[0] == ordering.Present {
		f.spot.A = search.ClinicalDateOf(value)
	}
}

// A runStream puts candidates that are alike by the first key into order by the
// others.
type runStream struct {
	f      *finder
	driver int
	from   ordering.Spot
	first  finder // by the first key alone
	inner  stream // of first

	head *candidate // of the next run
	run  listStream
	long *subStream // of a run that is not sorted here
	last candidate  // of the run that is
	keys keySet
	cost int // of candidates since one was yielded
}

func (s *runStream) next() (*candidate, error) {
	for {
		if c, _ := s.run.next(); c != nil {
			return c, nil
		}
		if s.long != nil {
			c, err := s.long.next()
			if err != nil || c != nil {
				return c, err
			}
			if err := s.skip(); err != nil {
				return nil, err
			}
			s.long = nil
		}
		if s.cost > 0 {
			c := &candidate{blank: true, cost: s.cost}
			s.cost = 0
			return c, nil
		}
		if s.head == nil {
			c, err := s.pull()
			if err != nil || c == nil {
				return nil, err
			}
			s.keep(c)
		}
		if err := s.collect(); err != nil {
			return nil, err
		}
	}
}

// pull returns the next candidate by the first key.
func (s *runStream) pull() (*candidate, error) {
	for {
		c, err := s.inner.next()
		if err != nil || c == nil {
			return nil, err
		}
		if !c.blank {
			return c, s.first.complete(c)
		}
		s.cost += c.cost
	}
}

// keep makes a candidate the head of the next run.
func (s *runStream) keep(c *candidate) {
	head := *c
	head.keys = bytes.Clone(c.keys)
	s.head = &head
}

// collect reads the next run, or begins a search for it.
func (s *runStream) collect() error {
	s.run = listStream{}
	s.last = *s.head
	text := s.head.spot.Text
	c := s.head
	s.head = nil
	limit := s.f.s.tuning.run
	if len(s.f.order.Keys[0].Via) > 0 {
		limit = s.f.s.tuning.fan // to search for the rest would take going through all
	}
	for n := 0; c != nil && c.spot.Text == text; n++ {
		if n == limit {
			s.run = listStream{}
			return s.search()
		}
		if err := s.place(c); err != nil {
			return err
		}
		var err error
		if c, err = s.pull(); err != nil {
			return err
		}
	}
	if c != nil {
		s.keep(c)
	}
	slices.SortFunc(s.run.list, func(a, b candidate) int { return s.f.order.Compare(a.spot, b.spot) })
	return nil
}

// place adds a candidate to the run, with its place in the whole order.
func (s *runStream) place(c *candidate) error {
	kept := *c
	kept.keys = bytes.Clone(c.keys)
	if !s.keys.unpack(c.keys) {
		return errDamaged()
	}
	var err error
	if kept.spot.Text, err = s.f.textOf(&kept, &s.keys); err != nil {
		return err
	}
	if s.f.order.Compare(kept.spot, s.from) > 0 {
		s.run.list = append(s.run.list, kept)
	}
	return nil
}

// textOf returns the text of the spot of a candidate.
func (f *finder) textOf(c *candidate, keys *keySet) (string, error) {
	if f.order.Indexed() {
		return f.order.Text(keys), nil
	}
	if c.version == nil {
		var err error
		if c.version, err = f.byVid(c.vid); err != nil {
			return "", err
		}
	}
	r, err := f.parse(c.version)
	if err != nil {
		return "", err
	}
	var text []byte
	for i := range f.order.Keys {
		value, err := f.sortValue(&f.order.Keys[i].SortKey, r)
		if err != nil {
			return "", err
		}
		text = f.order.AppendValue(text, i, value)
	}
	return string(text), nil
}

// search begins a search for the run in hand, sorted by the other keys.
func (s *runStream) search() error {
	f := s.f
	value, _ := s.first.order.Split(s.last.spot.Text)
	key := &f.order.Keys[0]
	q := *f.q
	q.Explain = nil
	sub := &finder{
		view: f.view, ctx: f.ctx, who: f.who, q: &q, order: f.order.Rest(), t: f.t, conditions: slices.Clone(f.conditions),
		residual: f.residual, none: f.none, bodies: f.bodies, known: f.known, values: f.values, pins: append(slices.Clip(f.pins), pin{key, value}),
	}
	if value != nil && key.Forms != nil {
		sub.conditions = append(sub.conditions, condition{ranges: pointsOf(key, value), keys: true})
	}
	if err := sub.prepareOrder(); err != nil {
		return err
	}
	if err := sub.boundDates(); err != nil {
		return err
	}
	lead := f.order.AppendValue(nil, 0, value)
	sub.spot = sub.order.Start()
	if s.from != f.order.Start() && bytes.HasPrefix([]byte(s.from.Text), lead) {
		sub.spot = ordering.Spot{Text: s.from.Text[len(lead):], A: s.from.A, B: s.from.B}
	}
	s.long = &subStream{f: sub, lead: string(lead)}
	return nil
}

// pointsOf returns the keys that stand for a value.
func pointsOf(key *ordering.Key, value []byte) []search.KeyRange {
	var points []search.KeyRange
	for i := range key.Forms {
		form := &key.Forms[i]
		if k := form.Seek(value); form.Contains(k) && bytes.Equal(form.AppendValue(nil, k), value) {
			points = append(points, search.KeyRange{Low: k})
		}
	}
	return search.Union(points)
}

// skip has the stream by the first key go on behind the run in hand.
func (s *runStream) skip() error {
	back := s.first.order
	back.Backward = !back.Backward
	behind := back.Start()
	behind.Text = s.last.spot.Text
	s.first.spot = behind
	s.first.atDate()
	var err error
	s.inner, err = s.first.valueStream(s.driver)
	return err
}

func (s *runStream) end() (ordering.Spot, bool) { return s.f.spot, true }

// A subStream yields what a search of its own finds.
type subStream struct {
	f    *finder
	lead string // of the texts of spots

	list listStream
	done bool
}

func (s *subStream) next() (*candidate, error) {
	for {
		if c, _ := s.list.next(); c != nil {
			return c, nil
		}
		if s.done {
			return nil, nil
		}
		s.list = listStream{}
		before, bytes := s.f.examined, 0
		s.done = true
		s.f.found = func(c *candidate) bool {
			found := *c
			found.keys, found.judged = nil, true
			found.spot.Text = s.lead + c.spot.Text
			s.list.list = append(s.list.list, found)
			if c.version != nil {
				bytes += len(c.version.Body)
			}
			s.done = len(s.list.list) < s.f.page() && bytes < maxBatchBytes
			return s.done
		}
		if err := s.f.find(); err != nil {
			return nil, err
		}
		s.list.list = append(s.list.list, candidate{blank: true, cost: s.f.examined - before})
	}
}

func (s *subStream) end() (ordering.Spot, bool) { return s.f.spot, true }
