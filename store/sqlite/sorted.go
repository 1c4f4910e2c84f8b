package sqlite

import (
	"bytes"
	"math"
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// Results sorted by a parameter
//
// Dates, numbers, quantities, strings and URIs stand in the index in their order,
// each form of keys by itself: a walk merges the forms, and takes a resource with
// several values where it belongs. Resources without a value come last, and are
// found by going through the type. Where the parameter is the clinical date, by
// which the rows of every key are in order, the rows of any condition will do.
// Everything else is gathered and sorted; see gather.go.

// prepareOrder finds out whether the rows of keys come in the order asked for.
func (f *finder) prepareOrder() error {
	for i := range f.order.Keys {
		k := &f.order.Keys[i]
		if untyped, err := f.occur(k.Param.UntypedTargets()); err != nil {
			return err
		} else if untyped {
			k.Forms = nil
		}
	}
	if f.order.By != ordering.ByValue || len(f.order.Keys) != 1 || f.q.Type == "" || f.order.Keys[0].Forms == nil {
		return nil
	}
	p := f.order.Keys[0].Param
	if !p.ByClinicalDate() {
		return nil
	}
	open, err := f.occur(p.OpenBegin())
	f.clinical = !open
	return err
}

// boundDates finds out between which clinical dates all matches lie.
func (f *finder) boundDates() error {
	f.dates = [2]int64{math.MinInt64, math.MaxInt64}
	if f.q.Type == "" || f.order.By != ordering.ByDate && !f.clinical {
		return nil
	}
	for i := range f.q.Where {
		span, ok := f.q.Where[i].ClinicalSpan()
		if !ok {
			continue
		}
		if open, err := f.occur(f.q.Where[i].Param.OpenBegin()); err != nil || open {
			return err
		}
		f.dates[1] = min(f.dates[1], span.High)
		reaching, err := f.occur(span.Unless)
		if err != nil {
			return err
		}
		if !reaching {
			f.dates[0] = max(f.dates[0], span.Low)
		}
	}
	return nil
}

// bound returns the spot before all rows that can match, or with last the one
// behind them, the way they are gone through.
func (f *finder) bound(last bool) ordering.Spot {
	if f.order.Down() != last {
		return ordering.Spot{A: f.dates[1], B: math.MaxInt64}
	}
	return ordering.Spot{A: f.dates[0], B: math.MinInt64}
}

// occur reports whether there are rows in one of some ranges.
func (v *view) occur(ranges []search.KeyRange) (bool, error) {
	for i := range ranges {
		where := "k=?"
		if ranges[i].High != nil {
			where = "k>=? AND k<?"
		}
		s, err := v.c.prepare("SELECT 1 FROM post WHERE " + where + " LIMIT 1")
		if err != nil {
			return false, err
		}
		row, err := s.bindRange(&ranges[i]).step()
		s.reset()
		if err != nil || row {
			return row, err
		}
	}
	return false, nil
}

// streamed reports whether all resources of a type can be had in order.
func (f *finder) streamed() bool {
	return f.order.By != ordering.ByValue || len(f.order.Keys) == 1 && f.order.Keys[0].Forms != nil
}

// valueStream yields a driver's candidates in an order by values.
func (f *finder) valueStream(driver int) (stream, error) {
	keys := f.typeKeys()
	switch {
	case driver == walkAll && f.streamed():
	case driver >= 0 && f.ordered(&f.conditions[driver]):
		keys = f.conditions[driver].ranges
	default:
		return f.gather(driver)
	}
	with := func() (stream, error) {
		if f.clinical {
			return f.clinicalStream(driver, keys)
		}
		return f.formStreams(), nil
	}
	without := func() (stream, error) { return f.missingStream(driver, keys) }
	text := f.spot.Text
	inValues := text != "" && text[0] == ordering.Present
	inMissing := text == string([]byte{f.order.Missing()})
	switch {
	case f.order.Backward && inValues:
		return &chainStream{parts: []func() (stream, error){with}}, nil
	case f.order.Backward:
		return &chainStream{parts: []func() (stream, error){without, with}}, nil
	case inMissing:
		return &chainStream{parts: []func() (stream, error){without}}, nil
	}
	return &chainStream{parts: []func() (stream, error){with, without}}, nil
}

// A chainStream yields what several streams do, one after the other.
type chainStream struct {
	parts []func() (stream, error)
	now   stream
	last  ordering.Spot
}

func (s *chainStream) next() (*candidate, error) {
	for {
		if s.now == nil {
			if len(s.parts) == 0 {
				return nil, nil
			}
			var err error
			if s.now, err = s.parts[0](); err != nil {
				return nil, err
			}
			s.parts = s.parts[1:]
		}
		c, err := s.now.next()
		if err != nil {
			return nil, err
		}
		if c != nil {
			s.last = c.spot
			return c, nil
		}
		s.now = nil
	}
}

func (s *chainStream) end() (ordering.Spot, bool) { return s.last, true }

// edge is where rows of a key begin, the way they are gone through.
func (f *finder) edge() ordering.Spot {
	s := f.order.Start()
	s.Text = ""
	return s
}

// missingStream yields the candidates without a value.
func (f *finder) missingStream(driver int, keys []search.KeyRange) (stream, error) {
	from := f.edge()
	if f.spot.Text == string([]byte{f.order.Missing()}) {
		from = ordering.Spot{A: f.spot.A, B: f.spot.B}
	}
	inner, err := f.keyStreams(driver, keys, math.MaxInt, from)
	return &missing{f: f, inner: inner}, err
}

type missing struct {
	f     *finder
	inner stream
	keys  keySet
	seen  int
}

func (s *missing) next() (*candidate, error) {
	for {
		c, err := s.inner.next()
		if err != nil || c == nil {
			return nil, err
		}
		if s.seen++; s.seen%64 == 0 && s.f.ctx.Err() != nil {
			return nil, s.f.ctx.Err()
		}
		if !s.keys.unpack(c.keys) {
			return nil, errDamaged()
		}
		if s.f.order.Keys[0].Best(&s.keys) == nil {
			c.spot.Text = string([]byte{s.f.order.Missing()})
			return c, nil
		}
	}
}

func (s *missing) end() (ordering.Spot, bool) { return s.inner.end() }

// clinicalStream yields the candidates with a value, where that is their clinical
// date.
func (f *finder) clinicalStream(driver int, keys []search.KeyRange) (stream, error) {
	s := &clinicalStream{f: f, param: f.order.Keys[0].Param}
	from := f.edge()
	if f.spot.Text != "" && f.spot.Text[0] == ordering.Present {
		from = ordering.Spot{A: f.spot.A, B: f.spot.B}
		if err := s.look(from.A); err != nil {
			return nil, err
		}
		if s.fine {
			from.B = f.edge().B
		}
	}
	var err error
	s.inner, err = f.keyStreams(driver, keys, math.MaxInt, from)
	return s, err
}

// A clinicalStream puts values within one millisecond into order, which rows are
// not.
type clinicalStream struct {
	f     *finder
	param *search.Param
	inner stream
	keys  keySet
	seen  int

	known bool
	d     int64 // the millisecond in hand, if known
	fine  bool  // there are values that begin within it, but not at its start
	group listStream
	ahead *candidate // read, but of the next millisecond
}

// look finds out about a millisecond.
func (s *clinicalStream) look(d int64) (err error) {
	if !s.known || s.d != d {
		s.known, s.d = true, d
		s.fine, err = s.f.occur(s.param.WithinMillisecond(d))
	}
	return err
}

func (s *clinicalStream) next() (*candidate, error) {
	for {
		if c, _ := s.group.next(); c != nil {
			return c, nil
		}
		c, err := s.valued()
		if err != nil || c == nil {
			return nil, err
		}
		if err := s.look(c.spot.A); err != nil {
			return nil, err
		}
		if !s.fine {
			return c, nil
		}
		if err := s.collect(c); err != nil {
			return nil, err
		}
	}
}

// valued returns the next candidate with a value.
func (s *clinicalStream) valued() (*candidate, error) {
	if c := s.ahead; c != nil {
		s.ahead = nil
		return c, nil
	}
	for {
		c, err := s.inner.next()
		if err != nil || c == nil {
			return nil, err
		}
		if s.seen++; s.seen%64 == 0 && s.f.ctx.Err() != nil {
			return nil, s.f.ctx.Err()
		}
		if !s.keys.unpack(c.keys) {
			return nil, errDamaged()
		}
		if v := s.f.order.Keys[0].Best(&s.keys); v != nil {
			c.spot.Text = string(s.f.order.AppendValue(nil, 0, v))
			return c, nil
		}
	}
}

// collect reads all candidates of the millisecond that c is the first of.
func (s *clinicalStream) collect(c *candidate) error {
	s.group = listStream{}
	d := c.spot.A
	for c != nil && c.spot.A == d {
		kept := *c
		kept.keys = bytes.Clone(c.keys)
		if s.f.order.Compare(kept.spot, s.f.spot) > 0 {
			s.group.list = append(s.group.list, kept)
		}
		var err error
		if c, err = s.valued(); err != nil {
			return err
		}
	}
	if c != nil {
		kept := *c
		kept.keys = bytes.Clone(c.keys)
		s.ahead = &kept
	}
	slices.SortFunc(s.group.list, func(a, b candidate) int { return s.f.order.Compare(a.spot, b.spot) })
	return nil
}

func (s *clinicalStream) end() (ordering.Spot, bool) { return s.f.spot, true }

// formStreams yields all resources that have a value, from the index.
func (f *finder) formStreams() stream {
	key := &f.order.Keys[0]
	streams := make([]stream, len(key.Forms))
	for i := range key.Forms {
		streams[i] = f.formStream(key, &key.Forms[i])
	}
	return f.merge(streams)
}

// A formStream yields the resources whose value is in one form of keys.
type formStream struct {
	f    *finder
	by   *ordering.Key
	form *search.SortForm
	text string

	k    []byte // the row reached
	d, n int64

	size, at int
	list     []candidate
	buf      []byte
	last     bool
	keys     keySet
}

func (f *finder) formStream(by *ordering.Key, form *search.SortForm) *formStream {
	s := &formStream{f: f, by: by, form: form, size: f.page(), k: form.Low, d: math.MinInt64, n: math.MinInt64}
	compare, ending := direction(&f.order)
	limit := "p.k<?"
	if f.order.Down() {
		s.k, limit = form.High, "p.k>=?"
	}
	s.text = "SELECT p.k, p.d, p.n, c.t, c.vid, c.keys FROM post p CROSS JOIN cur c ON c.n=p.n WHERE (p.k,p.d,p.n)" + compare +
		"(?,?,?) AND " + limit + " ORDER BY p.k" + ending + ", p.d" + ending + ", p.n" + ending + " LIMIT ?"
	if value := ordering.FirstValue(f.spot.Text); value != nil {
		s.k = form.Seek(value)
		if form.Contains(s.k) && bytes.Equal(form.AppendValue(nil, s.k), value) {
			s.d, s.n = f.spot.A, f.spot.B
		}
	}
	return s
}

func (s *formStream) next() (*candidate, error) {
	for s.at == len(s.list) {
		if s.last {
			return nil, nil
		}
		if s.f.ctx.Err() != nil {
			return nil, s.f.ctx.Err()
		}
		if err := s.fetch(); err != nil {
			return nil, err
		}
	}
	s.at++
	return &s.list[s.at-1], nil
}

func (s *formStream) fetch() error {
	s.list, s.buf, s.at = s.list[:0], s.buf[:0], 0
	q, err := s.f.c.prepare(s.text)
	if err != nil {
		return err
	}
	defer q.reset()
	limit := s.form.High
	if s.f.order.Down() {
		limit = s.form.Low
	}
	q.blob(s.k).int(s.d).int(s.n).blob(limit).int(int64(s.size))
	rows := 0
	var value []byte
	for ; ; rows++ {
		row, err := q.step()
		if err != nil {
			return err
		}
		if !row {
			break
		}
		s.k, s.d, s.n = append(s.k[:0:0], q.view(0)...), q.num(1), q.num(2)
		packed := q.view(5)
		if !s.keys.unpack(packed) {
			return errDamaged()
		}
		value = s.form.AppendValue(value[:0], s.k)
		if !bytes.Equal(value, s.by.Best(&s.keys)) {
			continue // it comes by another of its values
		}
		from := len(s.buf)
		s.buf = append(s.buf, packed...)
		s.list = append(s.list, candidate{
			n: s.n, t: q.num(3), vid: q.num(4), keys: s.buf[from:len(s.buf):len(s.buf)],
			spot: ordering.Spot{Text: string(s.f.order.AppendValue(nil, 0, value)), A: s.d, B: s.n},
		})
	}
	s.last = rows < s.size
	s.size = min(2*s.size, s.f.s.tuning.batch)
	return nil
}

func (s *formStream) end() (ordering.Spot, bool) { return s.f.spot, true }
