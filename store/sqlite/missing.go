package sqlite

import (
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// missingStream yields the candidates without a value.
func (f *finder) missingStream(driver int, keys []search.KeyRange) (stream, error) {
	from := f.edge()
	if f.spot.Text == string([]byte{f.order.Missing()}) {
		from = ordering.Spot{A: f.spot.A, B: f.spot.B}
	}
	rows := *f
	rows.unread = true // most have a value
	inner, err := rows.rowStreams(driver, keys, from)
	s := &missing{f: f, inner: inner, ranges: keys}
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
	found int

	ranges []search.KeyRange // of the candidates
	bare   bool              // inner leaves out what the index says to have a value
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
			s.found++
			c.spot.Text = string([]byte{s.f.order.Missing()})
			return c, nil
		}
		if !s.bare && s.seen >= s.f.s.tuning.sought && 16*s.found < s.seen {
			if err := s.sift(c.spot); err != nil {
				return nil, err
			}
		}
	}
}

// sift goes on from a spot without the resources that have a value: few lack one, so
// that it pays to read from the index which have.
func (s *missing) sift(from ordering.Spot) error {
	s.bare = true
	key := &s.f.order.Keys[0]
	if len(key.Via) > 0 {
		return nil
	}
	rows := &rowStream{f: s.f, ranges: s.ranges, from: ordering.Spot{A: from.A, B: from.B}, more: true}
	for i := range key.Forms {
		q, err := s.f.c.prepare("SELECT n FROM post WHERE k>=? AND k<?")
		if err != nil {
			return err
		}
		q.blob(key.Forms[i].Low).blob(key.Forms[i].High)
		for {
			row, err := q.step()
			if err != nil || !row {
				q.reset()
				if err != nil {
					return err
				}
				break
			}
			rows.without.add(q.num(0))
		}
	}
	s.inner = rows
	return nil
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
