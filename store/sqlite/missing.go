package sqlite

import (
	"math"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// missingStream yields the candidates without a value.
func (f *finder) missingStream(driver int, keys []search.KeyRange) (stream, error) {
	from := f.edge()
	if f.spot.Text == string([]byte{f.order.Missing()}) {
		from = ordering.Spot{A: f.spot.A, B: f.spot.B}
	}
	inner, err := f.keyStreams(driver, keys, math.MaxInt, from)
	s := &missing{f: f, inner: inner}
	if via := f.order.Keys[0].Via; len(via) > 0 {
		s.refs = via[0].Param.SortForms()
	}
	return s, err
}

type missing struct {
	f     *finder
	inner stream
	keys  keySet
	refs  []search.SortForm // of references, if these are what it takes; nil: not known
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
		missing, err := s.lacks(c)
		if err != nil {
			return nil, err
		}
		if missing {
			c.spot.Text = string([]byte{s.f.order.Missing()})
			return c, nil
		}
	}
}

// lacks reports whether a candidate, whose keys have been unpacked, has no value.
func (s *missing) lacks(c *candidate) (bool, error) {
	key := &s.f.order.Keys[0]
	if len(key.Via) == 0 {
		return key.Best(&s.keys) == nil, nil
	}
	if s.refs != nil && countIn(&s.keys, s.refs) == 0 {
		return true, nil
	}
	value, err := s.f.valueOf(key, c)
	return value == nil, err
}

func (s *missing) end() (ordering.Spot, bool) { return s.inner.end() }
