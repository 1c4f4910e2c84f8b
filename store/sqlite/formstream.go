package sqlite

import (
	"bytes"
	"math"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// formStreams yields all resources that have a value, from the index; of those that
// the conditions rule out by their value not all.
func (f *finder) formStreams() stream {
	key := &f.order.Keys[0]
	forms := f.narrow
	if forms == nil {
		forms = key.Forms
	}
	streams := make([]stream, len(forms))
	for i := range forms {
		streams[i] = f.formStream(key, &forms[i])
	}
	return f.merge(streams)
}

// narrowOrder finds out where in the index the values of matches are.
func (f *finder) narrowOrder() error {
	key := &f.order.Keys[0]
	if err := f.narrowUnits(key.Param); err != nil || f.narrow != nil {
		return err
	}
	for i := range f.conditions {
		c := &f.conditions[i]
		if c.ranges == nil {
			continue
		}
		forms := f.narrow
		if forms == nil {
			forms = key.Forms
		}
		narrow, ok, err := key.Param.Narrow(forms, c.ranges, key.Descending, f.occur)
		if err != nil {
			return err
		}
		if ok {
			f.narrow = narrow
		}
	}
	return nil
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
	if value, _ := f.order.Split(f.spot.Text); value != nil {
		s.k = form.Seek(value)
		if bytes.Compare(s.k, form.Low) < 0 {
			s.k = form.Low
		} else if bytes.Compare(s.k, form.High) > 0 {
			s.k = form.High
		}
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
