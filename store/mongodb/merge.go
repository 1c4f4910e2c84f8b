package mongodb

import (
	"github.com/noafhir/noafhir/store/ordering"
)

// A mergeStream yields what several streams do, each candidate once. Where one
// ends early, it does.
type mergeStream struct {
	compare func(a, b ordering.Spot) int
	streams []stream
	heads   []*candidate
	cut     *ordering.Spot
	last    ordering.Spot
}

// merge returns the streams, whose candidates come in an order, as one.
func (f *finder) merge(streams []stream, compare func(a, b ordering.Spot) int) (stream, error) {
	if len(streams) == 1 {
		return streams[0], nil
	}
	m := &mergeStream{compare: compare, streams: streams, heads: make([]*candidate, len(streams)), last: f.spot}
	err := f.together(len(streams), func(i int) error {
		c, err := streams[i].next()
		if c != nil {
			kept := *c
			m.heads[i] = &kept
		}
		return err
	})
	for i := range streams {
		m.ended(i)
	}
	return m, err
}

// ended looks whether stream i has ended early.
func (m *mergeStream) ended(i int) {
	if m.heads[i] != nil {
		return
	}
	if spot, all := m.streams[i].end(); !all && (m.cut == nil || m.compare(spot, *m.cut) < 0) {
		m.cut = &spot
	}
}

// next implements stream.
func (m *mergeStream) next() (*candidate, error) {
	var least *candidate
	for _, c := range m.heads {
		if c != nil && (least == nil || m.compare(c.spot, least.spot) < 0) {
			least = c
		}
	}
	if least == nil || m.cut != nil && m.compare(least.spot, *m.cut) > 0 {
		return nil, nil
	}
	m.last = least.spot
	for i, c := range m.heads {
		if c == nil || c.spot != least.spot {
			continue
		}
		head, err := m.streams[i].next()
		if err != nil {
			return nil, err
		}
		m.heads[i] = nil
		if head != nil {
			kept := *head
			m.heads[i] = &kept
		}
		m.ended(i)
	}
	return least, nil
}

// end implements stream.
func (m *mergeStream) end() (ordering.Spot, bool) {
	if m.cut != nil {
		return *m.cut, false
	}
	return m.last, true
}
