package sqlite

import (
	"slices"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// A stream yields candidates in the order of its finder, from the finder's spot
// on.
type stream interface {
	// next returns the next candidate, nil if there are no more. What it returned
	// before is not valid any longer, except for the version.
	next() (*candidate, error)

	// end tells, when there are no more, up to where that is so and whether it is
	// the end of all.
	end() (ordering.Spot, bool)
}

// stream begins to go through a driver's candidates. It may end early, but not
// before limit rows.
func (f *finder) stream(driver, limit int) (stream, error) {
	switch {
	case driver == walkIDs:
		return f.gather(walkIDs)
	case f.order.By == ordering.ByValue:
		return f.valueStream(driver)
	case driver == walkAll && f.order.By == ordering.ByDate:
		return f.keyStreams(walkAll, f.typeKeys(), limit, f.spot)
	case driver == walkAll && f.order.By == ordering.ByUpdated:
		return f.updatedStream(), nil
	case driver == walkAll:
		return f.idStreams(), nil
	case f.ordered(&f.conditions[driver]):
		return f.keyStreams(driver, f.conditions[driver].ranges, limit, f.spot)
	case f.byRows(&f.conditions[driver]):
		return f.rangeRows(driver, f.conditions[driver].ranges, f.spot)
	}
	return f.gather(driver)
}

// typeKeys returns the keys that the resources of the types searched have.
func (f *finder) typeKeys() []search.KeyRange {
	var keys []search.KeyRange
	for _, t := range f.typeNumbers() {
		keys = append(keys, search.KeyRange{Low: search.TypeKey(f.s.types.names[t])})
	}
	return keys
}

// A batchStream fetches candidates by the batch, so that other statements can run
// in between.
type batchStream struct {
	after ordering.Spot // what has been yielded ends here
	size  int           // of the next batch
	list  []candidate
	at    int
	keys  []byte                     // of the candidates in list
	last  bool                       // there is no further batch
	upTo  *ordering.Spot             // where the stream ends early
	bytes int                        // of the bodies in list
	most  int                        // candidates in a batch
	fetch func(s *batchStream) error // appends to list the up to size candidates that follow after
}

// maxBatchBytes ends a batch early whose bodies are large.
const maxBatchBytes = 4 << 20

func (s *batchStream) next() (*candidate, error) {
	if s.at == len(s.list) {
		if s.last {
			return nil, nil
		}
		s.list, s.at, s.keys, s.bytes = s.list[:0], 0, s.keys[:0], 0
		if err := s.fetch(s); err != nil {
			return nil, err
		}
		s.last = len(s.list) < s.size && s.bytes < maxBatchBytes
		s.size = min(2*s.size, s.most)
		if len(s.list) == 0 {
			return nil, nil
		}
	}
	c := &s.list[s.at]
	s.at++
	s.after = c.spot
	return c, nil
}

// add appends a candidate to the batch, with a copy of its packed keys. It
// reports whether there is room for more.
func (s *batchStream) add(c candidate) bool {
	if c.keys != nil {
		from := len(s.keys)
		s.keys = append(s.keys, c.keys...)
		c.keys = s.keys[from:len(s.keys):len(s.keys)]
	}
	s.list = append(s.list, c)
	if c.version != nil {
		s.bytes += len(c.version.Body)
	}
	return s.bytes < maxBatchBytes
}

func (s *batchStream) end() (ordering.Spot, bool) {
	if s.upTo != nil {
		return *s.upTo, false
	}
	return s.after, true
}

// batches returns a stream that fetches candidates behind a spot, size at first.
func (f *finder) batches(size int, from ordering.Spot, fetch func(s *batchStream) error) *batchStream {
	most := f.s.tuning.batch
	return &batchStream{after: from, size: min(size, most), most: most, fetch: fetch}
}

// page is the size of the batch that a page can be made of.
func (f *finder) page() int { return max(f.q.Count, 7) + 1 }

// A mergeStream yields what several streams do, each candidate once.
type mergeStream struct {
	order   ordering.Order
	streams []stream
	heads   []*candidate // of the streams; nil: not known
	current candidate
}

func (m *mergeStream) next() (*candidate, error) {
	least := -1
	for i := 0; i < len(m.streams); i++ {
		if m.heads[i] == nil {
			c, err := m.streams[i].next()
			if err != nil {
				return nil, err
			}
			if c == nil {
				m.streams = slices.Delete(m.streams, i, i+1)
				m.heads = slices.Delete(m.heads, i, i+1)
				i--
				continue
			}
			m.heads[i] = c
		}
		if least < 0 || m.order.Compare(m.heads[i].spot, m.heads[least].spot) < 0 {
			least = i
		}
	}
	if least < 0 {
		return nil, nil
	}
	m.current = *m.heads[least]
	for i := range m.heads {
		if m.heads[i].spot == m.current.spot {
			m.heads[i] = nil
		}
	}
	return &m.current, nil
}

func (m *mergeStream) end() (ordering.Spot, bool) { return m.current.spot, true }

// merge returns the streams as one.
func (f *finder) merge(streams []stream) stream {
	if len(streams) == 1 {
		return streams[0]
	}
	return &mergeStream{order: f.order, streams: streams, heads: make([]*candidate, len(streams))}
}
