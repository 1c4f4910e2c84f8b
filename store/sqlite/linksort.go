package sqlite

import (
	"bytes"
	"errors"
	"math"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// Results sorted by what they refer to
//
// A search of its own yields the targets in order. For each run of those with one
// value, what refers to them is read, by clinical date: merged if they are few,
// else gathered; and where they are very many, the resources of the type are gone
// through by date and asked for their value. Resources without a value come last,
// as always.

// A valueFact is what a resource is sorted by in a key, as seen from a reference
// to it.
type valueFact struct {
	key  string
	of   fhir.Key
	hops int
}

// sortValue returns what a resource is sorted by in a key, nil if nothing.
func (f *finder) sortValue(k *search.SortKey, r *fhir.Resource) ([]byte, error) {
	if len(k.Via) == 0 {
		return k.Param.SortValue(r, k.Descending), nil
	}
	var best []byte
	for _, key := range k.Via[0].Param.References(r) {
		if key.Type != k.Via[0].Type {
			continue
		}
		value, err := f.targetValue(k, key)
		if err != nil {
			return nil, err
		}
		best = k.Better(best, value)
	}
	return best, nil
}

// targetValue returns what the target of a key's first reference is sorted by.
func (f *finder) targetValue(k *search.SortKey, target fhir.Key) ([]byte, error) {
	fact := valueFact{k.String(), target, len(k.Via)}
	if value, ok := f.values[fact]; ok {
		return value, nil
	}
	version, err := f.read(f.who, target)
	if known, ok := errors.AsType[*fhir.Error](err); ok && (known.Kind == fhir.NotFound || known.Kind == fhir.Gone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := f.parse(version)
	if err != nil {
		return nil, err
	}
	value, err := f.sortValue(&search.SortKey{Param: k.Param, Descending: k.Descending, Via: k.Via[1:]}, r)
	if err != nil {
		return nil, err
	}
	if len(f.values) >= maxFacts {
		clear(f.values)
	}
	if f.values == nil {
		f.values = map[valueFact][]byte{}
	}
	f.values[fact] = value
	return value, nil
}

// linkStream yields the resources with a value in the first key, which is of what
// they refer to.
func (f *finder) linkStream() (stream, error) {
	key := &f.order.Keys[0]
	hop := key.Via[0]
	targets, err := f.newFinder(f.ctx, f.who, &search.Query{
		Type: hop.Type, Backward: f.order.Backward,
		Sort: []search.SortKey{{Param: key.Param, Descending: key.Descending, Via: key.Via[1:]}},
	})
	if err != nil {
		return nil, err
	}
	s := &linkStream{f: f, key: key, hop: hop, targets: targets, forms: hop.Param.SortForms(), size: min(f.page(), f.s.tuning.batch)}
	value, _ := f.order.Split(f.spot.Text)
	switch {
	case value != nil:
		s.seek(value, false)
	case f.order.Backward: // those without a value come first that way
		s.seek(nil, true)
	}
	return s, nil
}

// A linkStream goes through the targets, and what refers to them.
type linkStream struct {
	f       *finder
	key     *ordering.Key
	hop     search.Hop
	targets *finder
	forms   []search.SortForm // of the keys of references; nil: they are not known

	list  []linkTarget // read, but not used yet
	at    int
	size  int  // of the next list
	last  bool // there are no more behind them
	value []byte
	run   stream
	keys  keySet
	cost  int // targets gone through since a candidate was yielded
}

// A linkTarget is a resource that others are sorted by.
type linkTarget struct {
	n     int64
	value []byte
}

// seek puts the search for targets before all of one value, or behind them.
func (s *linkStream) seek(value []byte, behind bool) {
	o := s.targets.order
	text := string(o.AppendValue(nil, 0, value))
	if behind {
		o.Backward = !o.Backward
	}
	s.targets.spot = o.Start()
	s.targets.spot.Text = text
	s.targets.atDate()
	s.list, s.at, s.last, s.size = nil, 0, false, min(s.f.page(), s.f.s.tuning.batch)
}

// peek returns the next target, nil if there is none with a value.
func (s *linkStream) peek() (*linkTarget, error) {
	if s.at == len(s.list) && !s.last {
		if err := s.fetch(); err != nil {
			return nil, err
		}
	}
	if s.at == len(s.list) || s.list[s.at].value == nil {
		return nil, nil
	}
	return &s.list[s.at], nil
}

// fetch reads some targets.
func (s *linkStream) fetch() error {
	s.list, s.at, s.last = s.list[:0], 0, true
	s.targets.found = func(c *candidate) bool {
		value, _ := s.targets.order.Split(c.spot.Text)
		s.list = append(s.list, linkTarget{c.n, value})
		s.last = len(s.list) < s.size
		return s.last
	}
	err := s.targets.find()
	s.size = min(2*s.size, s.f.s.tuning.batch)
	return err
}

func (s *linkStream) next() (*candidate, error) {
	for {
		if s.run != nil {
			c, err := s.run.next()
			if err != nil {
				return nil, err
			}
			if c == nil {
				s.run = nil
				if s.value != nil && s.list == nil {
					s.seek(s.value, true) // what was behind the run has not been read
				}
				continue
			}
			if ok, err := s.accept(c); err != nil || ok {
				return c, err
			}
			continue
		}
		if s.cost > 0 {
			c := &candidate{blank: true, cost: s.cost}
			s.cost = 0
			return c, nil
		}
		if more, err := s.begin(); err != nil || !more {
			return nil, err
		}
	}
}

func (s *linkStream) end() (ordering.Spot, bool) { return s.f.spot, true }

// accept gives a candidate its place. One that refers to several resources may
// belong to another.
func (s *linkStream) accept(c *candidate) (bool, error) {
	if c.blank || c.judged {
		return true, nil
	}
	if !s.keys.unpack(c.keys) {
		return false, errDamaged()
	}
	c.spot.Text = string(s.f.order.AppendValue(nil, 0, s.value))
	if s.forms != nil && countIn(&s.keys, s.forms) <= 1 {
		return true, nil
	}
	value, err := s.f.valueOf(s.key, c)
	return err == nil && bytes.Equal(value, s.value), err
}

// countIn returns how many keys are in some forms.
func countIn(keys *keySet, forms []search.SortForm) int {
	n := 0
	for i := range forms {
		for at := keys.Seek(forms[i].Low); at < keys.Len() && forms[i].Contains(keys.At(at)); at++ {
			n++
		}
	}
	return n
}

// valueOf returns what a candidate is sorted by in a key, from its body.
func (f *finder) valueOf(k *ordering.Key, c *candidate) ([]byte, error) {
	version := c.version
	if version == nil {
		var err error
		if version, err = f.byVid(c.vid); err != nil {
			return nil, err
		}
	}
	r, err := f.parse(version)
	if err != nil {
		return nil, err
	}
	return f.sortValue(&k.SortKey, r)
}

// begin starts the run of the next value, and reports whether there is one.
func (s *linkStream) begin() (bool, error) {
	first, err := s.peek()
	if err != nil || first == nil {
		return false, err
	}
	s.value = bytes.Clone(first.value)
	from := s.f.edge()
	if value, _ := s.f.order.Split(s.f.spot.Text); bytes.Equal(value, s.value) && value != nil {
		from = ordering.Spot{A: s.f.spot.A, B: s.f.spot.B}
	}
	var ranges []search.KeyRange
	for n := 0; ; n++ {
		t, err := s.peek()
		if err != nil {
			return false, err
		}
		if t == nil || !bytes.Equal(t.value, s.value) {
			break
		}
		if n == s.f.s.tuning.streams {
			many, err := s.many()
			if err != nil {
				return false, err
			}
			if many {
				n = s.f.s.tuning.fan
			}
		}
		if n >= s.f.s.tuning.fan {
			s.list = nil
			return true, s.walk(from)
		}
		key, err := s.f.keyOf(t.n)
		if err != nil {
			return false, err
		}
		ranges = append(ranges, s.f.s.reg.ReferenceRanges(s.hop.Param, key)...)
		s.at++
		s.cost++
	}
	return true, s.read(search.Union(ranges), from)
}

// many reports whether the index has more targets of the value in hand than are
// gathered.
func (s *linkStream) many() (bool, error) {
	c := condition{ranges: pointsOf(&s.targets.order.Keys[0], s.value), keys: true}
	if len(c.ranges) == 0 {
		return false, nil
	}
	n, err := s.targets.size(&c, s.f.s.tuning.fan)
	return n >= s.f.s.tuning.fan, err
}

// read begins to read what refers to the targets of a run.
func (s *linkStream) read(ranges []search.KeyRange, from ordering.Spot) (err error) {
	const nobody = math.MinInt // no condition is met by these rows
	if len(ranges) <= s.f.s.tuning.streams {
		if len(ranges) == 0 {
			s.run = &listStream{}
			return nil
		}
		s.run, err = s.f.keyStreams(nobody, ranges, math.MaxInt, from)
		return err
	}
	s.run = &rowStream{f: s.f, ranges: ranges, from: from, more: true}
	return nil
}

// walk begins to go through all resources by date, for those of the value in hand.
func (s *linkStream) walk(from ordering.Spot) error {
	f := s.f
	q := *f.q
	q.Sort, q.Explain = nil, nil
	sub := &finder{
		view: f.view, ctx: f.ctx, who: f.who, q: &q, t: f.t, conditions: slices.Clone(f.conditions), residual: f.residual, none: f.none,
		bodies: f.bodies, known: f.known, values: f.values, pins: append(slices.Clip(f.pins), pin{s.key, s.value}),
		order: ordering.Order{By: ordering.ByDate, Descending: f.order.Descending, Backward: f.order.Backward},
		spot:  from,
	}
	s.run = &subStream{f: sub, lead: string(f.order.AppendValue(nil, 0, s.value))}
	return sub.boundDates()
}

// A rowStream yields the resources that have one of many keys by clinical date: it
// gathers rows and sorts them.
type rowStream struct {
	f      *finder
	ranges []search.KeyRange
	from   ordering.Spot   // what is before it has been gathered
	rows   []ordering.Spot // gathered
	more   bool            // there may be others behind them
	now    candidate

	without bitSet // resources to be left out
}

// gather gathers rows, as many as are kept.
func (s *rowStream) gather() error {
	s.more = false
	for i := range s.ranges {
		if err := s.add(s.ranges[i].Low, s.from); err != nil {
			return err
		}
	}
	s.tidy()
	return nil
}

// add gathers the rows of a key that come after a spot.
func (s *rowStream) add(key []byte, from ordering.Spot) error {
	compare, _ := direction(&s.f.order)
	q, err := s.f.c.prepare("SELECT d, n FROM post WHERE k=? AND (d,n)" + compare + "(?,?)")
	if err != nil {
		return err
	}
	defer q.reset()
	q.blob(key).int(from.A).int(from.B)
	for {
		row, err := q.step()
		if err != nil || !row {
			return err
		}
		if s.without.has(q.num(1)) {
			continue
		}
		if s.rows = append(s.rows, ordering.Spot{A: q.num(0), B: q.num(1)}); len(s.rows) >= 2*s.f.s.tuning.kept {
			s.tidy()
		}
	}
}

// tidy puts the rows into order, and cuts off what is too much. A resource may have
// several.
func (s *rowStream) tidy() {
	slices.SortFunc(s.rows, s.f.order.Compare)
	s.rows = slices.Compact(s.rows)
	if kept := s.f.s.tuning.kept; len(s.rows) > kept {
		s.rows, s.more = s.rows[:kept], true
	}
}

func (s *rowStream) next() (*candidate, error) {
	if len(s.rows) == 0 && s.more {
		if err := s.gather(); err != nil {
			return nil, err
		}
	}
	if len(s.rows) == 0 {
		return nil, nil
	}
	s.from = s.rows[0]
	s.now = candidate{n: s.rows[0].B, spot: s.rows[0]}
	s.rows = s.rows[1:]
	return &s.now, s.f.complete(&s.now)
}

func (s *rowStream) end() (ordering.Spot, bool) { return s.f.spot, true }
