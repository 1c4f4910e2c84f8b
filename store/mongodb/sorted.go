package mongodb

import (
	"bytes"
	"maps"
	"math"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// Results sorted by a parameter
//
// Where the parameter is the clinical date, by which the rows of every key are in
// order, the rows of any condition will do. Other values stand in the index in
// their order, each form of keys by itself, but a database can not give rows in
// the order of one element of an array: a part of the index is read at a time and
// put into order here (window.go). Resources without a value come last, and are
// found by going through the type. Everything else is gathered and sorted here.

// valueFields is what is read of candidates that are sorted by values.
func (f *finder) valueFields() bson.D {
	if !f.order.Indexed() {
		return allFields
	}
	var any bson.A
	for _, s := range f.formSpans() {
		any = append(any, field("$and", bson.A{field("$gte", bson.A{"$$k", s.low}), field("$lt", bson.A{"$$k", s.high})}))
	}
	filter := bson.D{{Key: "input", Value: "$k"}, {Key: "as", Value: "k"}, {Key: "cond", Value: field("$or", any)}}
	return slices.Concat(headFields, field("k", field("$filter", filter)))
}

// rowFields is what is read of candidates whose rows come in the order of their
// values.
func (f *finder) rowFields() bson.D {
	if !f.bodies && !f.parsed() {
		return f.valueFields()
	}
	return slices.Concat(f.valueFields(), bson.D{{Key: "ver", Value: 1}, {Key: "m", Value: 1}, {Key: "del", Value: 1}, {Key: "z", Value: 1}, {Key: "b", Value: 1}})
}

// formSpans returns where the index has the values.
func (f *finder) formSpans() []span {
	var spans []span
	for i := range f.order.Keys {
		for _, form := range f.order.Keys[i].Forms {
			spans = append(spans, spanOf(form.KeyRange))
		}
	}
	return spans
}

// value finds out where a candidate stands in an order by values.
func (f *finder) value(c *candidate) (err error) {
	if f.order.Indexed() {
		c.keys, err = decodeKeys(c.doc.Keys)
		if err != nil {
			return errDamaged(c.key(), err)
		}
		c.doc.Keys = nil
		c.spot.Text = f.order.Text(c.keys)
		return nil
	}
	return nil // see placeAll
}

// placeAll finds out where candidates stand whose values are not in the index.
func (f *finder) placeAll(list []candidate) error {
	resources := make([]*fhir.Resource, len(list))
	for i := range list {
		c := &list[i]
		var err error
		if c.version, err = f.s.version(f.ctx, &c.doc); err != nil {
			return err
		}
		if err := f.parse(c); err != nil {
			return err
		}
		resources[i] = c.resource
		c.version, c.resource = nil, nil // much memory; it is read again if it is needed
		c.doc.Body, c.doc.File = nil, nil
	}
	for k := range f.order.Keys {
		values, err := f.sortValues(&f.order.Keys[k].SortKey, resources)
		if err != nil {
			return err
		}
		for i := range list {
			list[i].spot.Text += string(f.order.AppendValue(nil, k, values[i]))
		}
	}
	return nil
}

// sortValues returns what resources are sorted by in a key, nil for those without
// a value. What the caller may not see has none.
func (f *finder) sortValues(k *search.SortKey, resources []*fhir.Resource) ([][]byte, error) {
	values := make([][]byte, len(resources))
	if len(k.Via) == 0 {
		for i, r := range resources {
			values[i] = k.Param.SortValue(r, k.Descending)
		}
		return values, nil
	}
	references := make([][]fhir.Key, len(resources))
	wanted := map[string]bool{}
	for i, r := range resources {
		for _, key := range k.Via[0].Param.References(r) {
			if key.Type == k.Via[0].Type {
				references[i] = append(references[i], key)
				wanted[key.String()] = true
			}
		}
	}
	targets, err := f.visible(slices.Sorted(maps.Keys(wanted)))
	if err != nil {
		return nil, err
	}
	found, err := f.sortValues(&search.SortKey{Param: k.Param, Descending: k.Descending, Via: k.Via[1:]}, targets)
	if err != nil {
		return nil, err
	}
	of := map[fhir.Key][]byte{}
	for i, r := range targets {
		of[r.Key()] = found[i]
	}
	for i := range resources {
		for _, key := range references[i] {
			values[i] = k.Better(values[i], of[key])
		}
	}
	return values, nil
}

// visible returns those of some resources that are there and that the caller may
// see.
func (f *finder) visible(refs []string) ([]*fhir.Resource, error) {
	var all []*fhir.Resource
	for list := range slices.Chunk(refs, f.s.tuning.slice) {
		err := f.answers(&question{match: in("_id", list), hint: up("_id"), judged: field("del", false), fields: allFields}, func(d *doc) error {
			v, err := f.s.version(f.ctx, d)
			if err != nil {
				return err
			}
			r, err := f.s.parse(v)
			if err == nil && f.who.Permits(r) {
				all = append(all, r)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// valueStream yields a driver's candidates in an order by values.
func (f *finder) valueStream(driver, limit int) (stream, error) {
	if driver == walkIDs || !f.streamed() || driver >= 0 && !f.ordered(&f.conditions[driver]) {
		return f.gather(driver)
	}
	with := func() (stream, error) {
		if f.clinical {
			return f.clinicalStream(driver, limit)
		}
		return f.formStreams(limit)
	}
	without := func() (stream, error) { return f.missingStream(driver, limit) }
	text := f.spot.Text
	inValues := text != "" && text[0] == ordering.Present
	switch {
	case f.order.Backward && inValues:
		return &chainStream{parts: []func() (stream, error){with}}, nil
	case f.order.Backward:
		return &chainStream{parts: []func() (stream, error){without, with}}, nil
	case text == f.missing():
		return &chainStream{parts: []func() (stream, error){without}}, nil
	}
	return &chainStream{parts: []func() (stream, error){with, without}}, nil
}

// missing is the text of the spots of resources without a value.
func (f *finder) missing() string { return string([]byte{f.order.Missing()}) }

// A chainStream yields what several streams do, one after the other.
type chainStream struct {
	parts []func() (stream, error)
	now   stream
	last  ordering.Spot
	cut   bool
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
		if err != nil || c != nil {
			return c, err
		}
		spot, all := s.now.end()
		s.last, s.now = spot, nil
		if !all {
			s.parts, s.cut = nil, true
		}
	}
}

func (s *chainStream) end() (ordering.Spot, bool) { return s.last, !s.cut }

// start is where rows begin, the way they are gone through.
func (f *finder) start() ordering.Spot {
	s := f.order.Start()
	s.Text = ""
	return s
}

// rows yields a driver's candidates by clinical date and creation, from a spot
// on, that meet a filter.
func (f *finder) rows(driver, limit int, from ordering.Spot, judged bson.D) (stream, error) {
	if driver == walkAll {
		src := f.everything()
		src.judged, src.fields = judged, f.rowFields()
		return f.walk(src, from, limit), nil
	}
	return f.keyStreams(driver, limit, from, judged)
}

// missingStream yields the candidates without a value.
func (f *finder) missingStream(driver, limit int) (stream, error) {
	from := f.start()
	if f.spot.Text == f.missing() {
		from = ordering.Spot{A: f.spot.A, B: f.spot.B}
	}
	inner, err := f.rows(driver, limit, from, noneOf(filterOf("k", f.formSpans())))
	return &missing{f, inner}, err
}

type missing struct {
	f *finder
	stream
}

func (s *missing) end() (ordering.Spot, bool) {
	spot, all := s.stream.end()
	spot.Text = s.f.missing()
	return spot, all
}

// clinicalStream yields the candidates with a value, where that is their clinical
// date.
func (f *finder) clinicalStream(driver, limit int) (stream, error) {
	s := &clinicalStream{f: f}
	from := f.start()
	if f.spot.Text != "" && f.spot.Text[0] == ordering.Present {
		from = ordering.Spot{A: f.spot.A, B: f.spot.B}
		fine, err := f.fine(from.A)
		if err != nil {
			return nil, err
		}
		if fine {
			from.B = f.start().B
		}
	}
	var err error
	s.inner, err = f.rows(driver, limit, from, filterOf("k", f.formSpans()))
	return s, err
}

// fine reports whether there are values that begin within a millisecond, but not
// at its start: then the order within it is not that of the rows.
func (f *finder) fine(ms int64) (bool, error) {
	return f.occur(f.order.Keys[0].Param.WithinMillisecond(ms))
}

// maxGroup is how many candidates of one millisecond are put into order without
// asking whether that is necessary.
const maxGroup = 200

// A clinicalStream puts values within one millisecond into order, which rows are
// not.
type clinicalStream struct {
	f     *finder
	inner stream
	group []candidate // of one millisecond, in order
	plain bool        // what else is of group's millisecond comes in order
	ms    int64
	ahead *candidate // read, but not in group
	ended bool
}

func (s *clinicalStream) next() (*candidate, error) {
	for len(s.group) == 0 {
		c, err := s.take()
		if err != nil || c == nil {
			return nil, err
		}
		if s.plain && c.spot.A == s.ms {
			return c, nil
		}
		if err := s.collect(*c); err != nil {
			return nil, err
		}
	}
	c := s.group[0]
	s.group = s.group[1:]
	return &c, nil
}

// take returns the next candidate of the rows.
func (s *clinicalStream) take() (*candidate, error) {
	if c := s.ahead; c != nil {
		s.ahead = nil
		return c, nil
	}
	c, err := s.inner.next()
	s.ended = err == nil && c == nil
	return c, err
}

// collect reads all candidates of the millisecond that c is the first of, as long
// as their order is not known.
func (s *clinicalStream) collect(c candidate) error {
	s.ms, s.plain = c.spot.A, false
	for known := false; ; {
		if s.f.order.Compare(c.spot, s.f.spot) > 0 {
			s.group = append(s.group, c)
		}
		if len(s.group) >= maxGroup && !known {
			fine, err := s.f.fine(s.ms)
			if err != nil {
				return err
			}
			if s.plain = !fine; s.plain {
				return nil
			}
			known = true
		}
		next, err := s.take()
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		c = *next
		if c.spot.A != s.ms {
			s.ahead = &c
			break
		}
	}
	if cut, all := s.inner.end(); s.ended && !all && cut.A == s.ms {
		s.group = nil // there may be more of it
	}
	slices.SortFunc(s.group, func(a, b candidate) int { return s.f.order.Compare(a.spot, b.spot) })
	return nil
}

func (s *clinicalStream) end() (ordering.Spot, bool) {
	spot, all := s.inner.end()
	if !all { // up to the millisecond in which the rows have ended
		spot = s.f.before(spot.A)
		if s.f.order.Compare(spot, s.f.spot) < 0 { // it is the one it began in
			spot = s.f.spot
		}
	}
	return spot, all
}

// before returns the spot before all values with a clinical date.
func (f *finder) before(ms int64) ordering.Spot {
	s := ordering.Spot{A: ms, B: f.start().B}
	if f.order.Down() {
		ms++
	}
	s.Text = string(f.order.AppendValue(nil, 0, search.FirstOfClinicalDate(ms)))
	return s
}

// formStreams yields all resources that have a value, from the index.
func (f *finder) formStreams(limit int) (stream, error) {
	key := &f.order.Keys[0]
	streams := make([]stream, len(key.Forms))
	value, _ := f.order.Split(f.spot.Text)
	for i := range key.Forms {
		form := &key.Forms[i]
		s := &formStream{f: f, form: form, low: form.Low, high: form.High, most: limit, last: f.spot, judged: f.judgedBy(walkForms)}
		switch {
		case value == nil:
		case f.order.Down():
			s.high = form.Seek(append(bytes.Clone(value), 0))
			s.high = minKey(s.high, form.High)
		default:
			s.low = maxKey(form.Seek(value), form.Low)
		}
		streams[i] = s
	}
	return f.merge(streams, f.order.Compare)
}

func minKey(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return a
	}
	return b
}

func maxKey(a, b []byte) []byte {
	if bytes.Compare(a, b) > 0 {
		return a
	}
	return b
}

// edgeOf is the spot behind all that have a value, if last, or before them.
func (f *finder) edgeOf(value []byte, last bool) ordering.Spot {
	s := ordering.Spot{Text: string(f.order.AppendValue(nil, 0, value)), A: math.MinInt64, B: math.MinInt64}
	if f.order.Down() != last {
		s.A, s.B = math.MaxInt64, math.MaxInt64
	}
	return s
}
