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
