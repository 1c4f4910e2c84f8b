package sqlite

import (
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// Results sorted by a parameter
//
// Values stand in the index in their order, each form of keys by itself: a walk
// merges the forms, and takes a resource with several values where it belongs. Resources without a value come last, and are
// found by going through the type. Where the parameter is the clinical date, by
// which the rows of every key are in order, the rows of any condition will do. For
// several keys see runs.go, for what is referred to linksort.go. Everything else is gathered and sorted; see gather.go.

// prepareOrder finds out whether the rows of keys come in the order asked for.
func (f *finder) prepareOrder() error {
	if f.order.By == ordering.ByValue && linked(&f.order.Keys[0]) {
		// The targets may be many more than what refers to them, which is better
		// gathered then.
		f.conditions = append(f.conditions, condition{ranges: f.typeKeys(), keys: true})
	}
	for i := range f.order.Keys {
		k := &f.order.Keys[i]
		if len(k.Via) > 0 {
			continue
		}
		if untyped, err := f.occur(k.Param.UntypedTargets()); err != nil {
			return err
		} else if untyped {
			k.Forms = nil
		}
	}
	if f.order.By != ordering.ByValue || f.q.Type == "" || f.order.Keys[0].Forms == nil {
		return nil
	}
	p := f.order.Keys[0].Param
	if p.ByClinicalDate() {
		open, err := f.occur(p.OpenBegin())
		if f.clinical = !open; err != nil || f.clinical {
			return err
		}
	}
	return f.narrowOrder()
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
	return f.order.By != ordering.ByValue || f.order.Keys[0].Forms != nil || linked(&f.order.Keys[0])
}

// linked reports whether a key is of what is referred to, and that can be had in
// order.
func linked(k *ordering.Key) bool {
	return len(k.Via) > 0 && k.Param.Code != "_id" && k.Param.Code != "_lastUpdated"
}

// valueStream yields a driver's candidates in an order by values.
func (f *finder) valueStream(driver int) (stream, error) {
	keys := f.typeKeys()
	switch {
	case driver == walkAll && f.streamed():
	case driver >= 0 && (f.ordered(&f.conditions[driver]) || f.byRows(&f.conditions[driver])):
		keys = f.conditions[driver].ranges
	default:
		return f.gather(driver)
	}
	if len(f.order.Keys) > 1 {
		return f.runs(driver)
	}
	with := func() (stream, error) {
		if f.clinical {
			return f.clinicalStream(driver, keys)
		}
		if linked(&f.order.Keys[0]) {
			return f.linkStream()
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
	case f.narrow != nil && inMissing && !f.order.Backward:
		return &chainStream{}, nil
	case f.narrow != nil:
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
			if !c.blank {
				s.last = c.spot
			}
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
