package sqlite

import (
	"math"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
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

// A want says which columns of candidates are read.
type want struct {
	keys   bool // cur's packed keys
	bodies bool // the version
	bare   bool // nothing beyond the row of post
}

// columns writes the columns that [finder.candidate] reads, and the join for
// them.
func (w want) columns() (columns, join string) {
	if w.bare {
		return "p.n, 0, 0, p.d", ""
	}
	columns = "c.n, c.t, c.vid, c.d"
	if w.keys {
		columns += ", c.keys"
	}
	if w.bodies {
		columns += ", v.id, " + versionColumns
		join = " CROSS JOIN ver v ON v.vid=c.vid"
	}
	return columns, join
}

// candidate reads one from the current row. Its packed keys are gone with the
// next step.
func (f *finder) candidate(s *stmt, w want) (candidate, error) {
	c := candidate{n: s.num(0), t: s.num(1), vid: s.num(2), checked: w.bare}
	switch f.order.By {
	case ordering.ByDate, ordering.ByValue:
		c.spot = ordering.Spot{A: s.num(3), B: c.n}
	case ordering.ByUpdated:
		c.spot = ordering.Spot{A: c.vid}
	}
	next := 4
	if w.keys {
		c.keys = s.view(next)
		next++
	}
	if w.bodies {
		key := fhir.Key{Type: f.s.types.names[c.t], ID: s.text(next)}
		var err error
		if c.version, err = f.version(s, key, next+1); err != nil {
			return c, err
		}
	}
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

// fill runs a statement and adds its candidates to a batch.
func (f *finder) fill(b *batchStream, s *stmt, w want) error {
	defer s.reset()
	for {
		row, err := s.step()
		if err != nil || !row {
			return err
		}
		c, err := f.candidate(s, w)
		if err != nil {
			return err
		}
		if !b.add(c) {
			return nil
		}
	}
}

// keyStreams yields the resources that have one of some keys, by clinical date
// and creation, from a spot on.
func (f *finder) keyStreams(driver int, keys []search.KeyRange, limit int, from ordering.Spot) (stream, error) {
	if first := f.bound(false); f.order.Compare(first, from) > 0 {
		from = first
	}
	if len(keys) == 1 {
		return f.keyStream(driver, keys[0].Low, limit, from)
	}
	streams := make([]stream, len(keys))
	for i := range keys {
		k := f.newKeyFetch(driver, keys[i].Low)
		k.want.bodies = false // many may be fetched that are not needed; they are read later
		k.write()
		streams[i] = f.batches(8, from, k.fetch)
	}
	return f.merge(streams), nil
}

// keyStream yields the resources that have a key.
func (f *finder) keyStream(driver int, key []byte, limit int, from ordering.Spot) (stream, error) {
	k := f.newKeyFetch(driver, key)
	s := f.batches(f.page(), from, k.fetch)
	if len(k.probes) > 0 && limit < math.MaxInt {
		bound, err := k.bound(from, limit)
		if err != nil {
			return nil, err
		}
		if bound != nil && f.order.Compare(*bound, k.upTo) < 0 {
			s.upTo, k.upTo = bound, *bound
		}
	}
	k.write()
	return s, nil
}

// A keyFetch reads the candidates of one key. Conditions that are a few keys are
// asked within the statement; if no others are left, it can also read the
// versions.
type keyFetch struct {
	f      *finder
	key    []byte
	probes []*condition
	want   want
	upTo   ordering.Spot
	text   string
}

func (f *finder) newKeyFetch(driver int, key []byte) *keyFetch {
	k := &keyFetch{f: f, key: key, upTo: f.bound(true)}
	if f.order.By == ordering.ByValue { // the keys tell the values
		k.want.keys = true
		return k
	}
	listed := false
	for i := range f.conditions {
		c := &f.conditions[i]
		switch {
		case i == driver || c.timed || c.open():
		case c.listed:
			listed = true
		case c.keys && len(c.ranges) <= f.s.tuning.probeKeys && len(k.probes) < maxProbes:
			k.probes = append(k.probes, c)
		default:
			k.want.keys = true
		}
	}
	if !k.want.keys && !listed && len(f.q.LastUpdated) == 0 { // nothing is left to check
		k.want.bodies = f.bodiesNeeded()
		k.want.bare = !k.want.bodies
	}
	return k
}

// direction returns how rows are compared with the place reached, and the ending
// of ORDER BY columns.
func direction(o *ordering.Order) (compare, ending string) {
	if o.Down() {
		return "<", " DESC"
	}
	return ">", ""
}

// bound returns the spot of the row that is limit rows after another, nil if
// there is none.
func (k *keyFetch) bound(after ordering.Spot, limit int) (*ordering.Spot, error) {
	compare, ending := direction(&k.f.order)
	s, err := k.f.c.prepare("SELECT d, n FROM post WHERE k=? AND (d,n)" + compare + "(?,?) ORDER BY d" + ending + ", n" + ending + " LIMIT 1 OFFSET ?")
	if err != nil {
		return nil, err
	}
	defer s.reset()
	row, err := s.blob(k.key).int(after.A).int(after.B).int(int64(limit - 1)).step()
	if err != nil || !row {
		return nil, err
	}
	return &ordering.Spot{A: s.num(0), B: s.num(1)}, nil
}

// maxProbes bounds the conditions asked within one statement. SQLite makes joins
// of them, and the time it plans for grows with every one. The rest is checked by
// packed keys.
const maxProbes = 4

// write makes the statement. CROSS JOIN keeps the planner from changing the order
// of the tables.
func (k *keyFetch) write() {
	compare, ending := direction(&k.f.order)
	back := map[string]string{"<": ">=", ">": "<="}[compare]
	var b strings.Builder
	columns, join := k.want.columns()
	b.WriteString("SELECT " + columns + " FROM post p")
	if !k.want.bare {
		b.WriteString(" CROSS JOIN cur c ON c.n=p.n" + join)
	}
	b.WriteString(" WHERE p.k=? AND (p.d,p.n)" + compare + "(?,?) AND (p.d,p.n)" + back + "(?,?)")
	for _, c := range k.probes {
		b.WriteString(" AND EXISTS(SELECT 1 FROM post q WHERE q.k IN (?" + strings.Repeat(",?", len(c.ranges)-1) + ") AND q.d=p.d AND q.n=p.n)")
	}
	b.WriteString(" ORDER BY p.d" + ending + ", p.n" + ending + " LIMIT ?")
	k.text = b.String()
}

func (k *keyFetch) fetch(b *batchStream) error {
	s, err := k.f.c.prepare(k.text)
	if err != nil {
		return err
	}
	s.blob(k.key).int(b.after.A).int(b.after.B).int(k.upTo.A).int(k.upTo.B)
	for _, c := range k.probes {
		for i := range c.ranges {
			s.blob(c.ranges[i].Low)
		}
	}
	return k.f.fill(b, s.int(int64(b.size)), k.want)
}

// updatedStream yields all resources of the type by lastUpdated. Without a type
// it goes through all versions, and leaves out those that are not current.
func (f *finder) updatedStream() stream {
	w := want{keys: f.keysNeeded(walkAll)}
	w.bodies = f.bodiesNeeded() && !w.keys
	columns, join := w.columns()
	from, column := " FROM cur c"+join+" WHERE c.t=? AND ", "c.vid"
	if f.t == 0 {
		from, column = " FROM ver o CROSS JOIN cur c ON c.n=o.n AND c.vid=o.vid"+join+" WHERE ", "o.vid"
	}
	_, direction := direction(&f.order)
	text := "SELECT " + columns + from + column + ">? AND " + column + "<? ORDER BY " + column + direction + " LIMIT ?"
	return f.batches(f.page(), f.spot, func(b *batchStream) error {
		s, err := f.c.prepare(text)
		if err != nil {
			return err
		}
		if f.t != 0 {
			s.int(f.t)
		}
		low, high := f.openVids(b.after.A)
		return f.fill(b, s.int(low).int(high).int(int64(b.size)), w)
	})
}

// openVids returns the vids between which candidates lie that come after one,
// both excluded.
func (f *finder) openVids(after int64) (low, high int64) {
	low, high = after, math.MaxInt64
	if f.order.Down() {
		low, high = math.MinInt64, after
	}
	for i := range f.conditions {
		c := &f.conditions[i]
		if !c.timed {
			continue
		}
		if c.vids.low > math.MinInt64 {
			low = max(low, c.vids.low-1)
		}
		high = min(high, c.vids.high)
	}
	return low, high
}

// idStreams yields all resources of the type, or of all types, by id.
func (f *finder) idStreams() stream {
	var streams []stream
	for _, t := range f.typeNumbers() {
		streams = append(streams, f.idStream(t))
	}
	return f.merge(streams)
}

func (f *finder) idStream(t int64) stream {
	w := want{keys: f.keysNeeded(walkAll)}
	columns, _ := w.columns()
	return f.batches(32, f.spot, func(b *batchStream) error {
		// Of two resources with one id, the type decides.
		compare, direction := direction(&f.order)
		if f.order.Compare(ordering.Spot{A: t}, ordering.Spot{A: b.after.A}) > 0 {
			compare += "="
		}
		s, err := f.c.prepare("SELECT " + columns + ", r.id FROM res r CROSS JOIN cur c ON c.n=r.n WHERE r.t=? AND r.id" + compare +
			"? AND NOT r.deleted ORDER BY r.id" + direction + " LIMIT ?")
		if err != nil {
			return err
		}
		defer s.reset()
		s.int(t).str(b.after.Text).int(int64(b.size))
		for {
			row, err := s.step()
			if err != nil || !row {
				return err
			}
			c, err := f.candidate(s, w)
			if err != nil {
				return err
			}
			c.spot = ordering.Spot{Text: s.text(w.next()), A: t}
			if !b.add(c) {
				return nil
			}
		}
	})
}

// next returns the number of columns a want has.
func (w want) next() int {
	n := 4
	if w.keys {
		n++
	}
	if w.bodies {
		n += 5
	}
	return n
}
