package sqlite

import (
	"bytes"
	"math"
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

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
			f.loose = true
			return err
		}
		f.dates[1] = min(f.dates[1], span.High)
		reaching, err := f.occur(span.Unless)
		if err != nil {
			return err
		}
		if reaching {
			f.loose = true
			continue
		}
		f.dates[0] = max(f.dates[0], span.Low)
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
	s.inner, err = f.rowStreams(driver, keys, from)
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
