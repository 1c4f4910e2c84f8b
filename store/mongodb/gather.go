package mongodb

import (
	"slices"

	"github.com/noafhir/noafhir/store/ordering"
)

// A listStream yields what has been gathered.
type listStream struct {
	list []candidate
	at   int
	cut  bool // there is more behind it
}

func (s *listStream) next() (*candidate, error) {
	if s.at == len(s.list) {
		return nil, nil
	}
	s.at++
	return &s.list[s.at-1], nil
}

func (s *listStream) end() (ordering.Spot, bool) {
	if len(s.list) == 0 {
		return ordering.Spot{}, true
	}
	return s.list[len(s.list)-1].spot, !s.cut
}

// gather reads all candidates of a driver, and keeps the first that come after
// f.spot.
func (f *finder) gather(driver int) (stream, error) {
	out := &listStream{}
	var waiting []candidate // their values are not known yet
	add := func(list []candidate) {
		for _, c := range list {
			if f.order.Compare(c.spot, f.spot) > 0 {
				out.list = append(out.list, c)
			}
		}
		if len(out.list) >= 2*f.s.tuning.kept {
			f.tidy(out)
		}
	}
	place := func() error {
		err := f.placeAll(waiting)
		add(waiting)
		waiting = waiting[:0]
		return err
	}
	for match, hint := range f.driving(driver) {
		q := question{match: match, hint: hint, judged: f.judgedBy(driver), fields: f.fields()}
		err := f.answers(&q, func(d *doc) error {
			c, err := f.candidate(d)
			if err == nil && f.order.Indexed() {
				add([]candidate{c})
				return nil
			}
			if waiting = append(waiting, c); err == nil && len(waiting) >= f.s.tuning.batch {
				return place()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if err := place(); err != nil {
		return nil, err
	}
	f.tidy(out)
	return out, nil
}

// tidy sorts, drops what occurs twice, and cuts off what is too much.
func (f *finder) tidy(s *listStream) {
	slices.SortFunc(s.list, func(a, b candidate) int { return f.order.Compare(a.spot, b.spot) })
	s.list = slices.CompactFunc(s.list, func(a, b candidate) bool { return a.spot == b.spot })
	if len(s.list) > f.s.tuning.kept {
		clear(s.list[f.s.tuning.kept:])
		s.list, s.cut = s.list[:f.s.tuning.kept], true
	}
}
