package mongodb

import (
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// A stream yields candidates in the order of its finder, from the finder's spot
// on. The database has judged them.
type stream interface {
	// next returns the next candidate, nil if there are no more.
	next() (*candidate, error)

	// end tells, when there are no more, up to where that is so and whether it is
	// the end of all.
	end() (ordering.Spot, bool)
}

// stream begins to go through a driver's candidates. It may end early, but not
// before limit rows.
func (f *finder) stream(driver, limit int) (stream, error) {
	switch {
	case f.order.By == ordering.ByValue:
		return f.valueStream(driver, limit)
	case driver == walkAll:
		return f.walk(f.everything(), f.spot, limit), nil
	case driver >= 0 && f.ordered(&f.conditions[driver]) && (len(f.conditions[driver].spans) == 1 || !f.conditions[driver].small):
		return f.keyStreams(driver, limit, f.spot, nil)
	}
	return f.sorted(driver)
}

// A source is a part of an index whose rows are in the order of a finder.
type source struct {
	driver int
	match  bson.D
	hint   bson.D
	fields bson.D
	judged bson.D // beside what else has to be
	tight  bool   // the index is read between two places in order, from wherever
}

// everything is all resources of the type, or of all types.
func (f *finder) everything() source {
	s := source{driver: walkAll, match: bson.D{}, fields: f.fields(), tight: true}
	typed := f.q.Type != ""
	if typed {
		s.match = field("t", f.q.Type)
	}
	switch f.order.By {
	case ordering.ByUpdated:
		s.hint = up("lu", "_id")
	case ordering.ByID:
		s.hint = up("id", "t")
		if typed {
			s.match, s.hint = field("_id", bson.D{{Key: "$gte", Value: f.q.Type + "/"}, {Key: "$lt", Value: f.q.Type + "0"}}), up("_id")
		}
		return s
	default:
		s.hint = up("d", "n")
	}
	if typed {
		s.hint = slices.Concat(up("t"), s.hint)
	}
	return s
}

// ofSpan is what has one key.
func (f *finder) ofSpan(driver int, c *condition, s span) source {
	return source{driver: driver, match: s.filter(c.field), hint: f.hintOf(c), fields: f.fields()}
}

// fields is what is read of candidates.
func (f *finder) fields() bson.D {
	switch {
	case f.order.By == ordering.ByValue:
		return f.valueFields()
	case f.bodies || f.parsed():
		return allFields
	}
	return headFields
}

// A walkStream goes through a source, in the order of its index.
type walkStream struct {
	f     *finder
	src   source
	parts []bson.D // what is left, one after the other
	most  int      // rows that a question reads; 0: all

	list  []candidate
	at    int
	last  ordering.Spot
	cut   *ordering.Spot // where it ends early
	ahead *part          // what the next part has answered already
}

// A part is the answer to the question for one part of a walk.
type part struct {
	question *question
	list     []candidate
	bound    *ordering.Spot // the last row that it was allowed to read, if it came to that
}

// walk returns a stream of what comes behind a spot.
func (f *finder) walk(src source, from ordering.Spot, limit int) *walkStream {
	if first := f.edge(false); f.dated() && f.order.Compare(first, ordering.Spot{A: from.A, B: from.B}) > 0 {
		from = first
	}
	src.judged = allOf(src.judged, f.judgedBy(src.driver))
	w := &walkStream{f: f, src: src, parts: f.behind(from), last: from}
	if limit < unlimited {
		w.most = limit
	}
	return w
}

// next implements stream.
func (w *walkStream) next() (*candidate, error) {
	for w.at == len(w.list) {
		if len(w.parts) == 0 || w.cut != nil {
			return nil, nil
		}
		if err := w.fill(); err != nil {
			return nil, err
		}
	}
	w.at++
	c := &w.list[w.at-1]
	w.last = c.spot
	return c, nil
}

// question returns the one for a part.
func (w *walkStream) question(part bson.D) *question {
	q := &question{
		match: slices.Concat(w.src.match, part), hint: w.src.hint, sort: w.f.sort(), most: w.most, judged: w.src.judged,
		limit: w.f.fetch, fields: w.src.fields,
	}
	if w.f.clinical {
		q.limit += spare
	}
	if w.f.order.By == ordering.ByUpdated && w.src.driver == walkAll {
		q.match = w.f.boundTime(q.match)
	}
	if far := w.f.far(); far != nil {
		if w.src.tight {
			q.match = allOf(q.match, far)
		} else {
			q.judged = allOf(q.judged, far)
		}
	}
	return q
}

// spare is how many rows more are read where the next ones have to be known to put
// some into order.
const spare = 10

// fill fetches a batch.
func (w *walkStream) fill() error {
	p := w.ahead
	if w.ahead = nil; p == nil {
		var err error
		if p, err = w.fetch(); err != nil {
			return err
		}
	}
	w.list, w.at = p.list, 0
	if len(w.list) == p.question.limit {
		last := w.list[len(w.list)-1].spot
		w.parts, w.ahead = w.f.behind(ordering.Spot{Text: w.f.rowText(last), A: last.A, B: last.B}), nil
		return nil
	}
	switch {
	case p.bound == nil:
		w.parts = w.parts[1:]
	case w.f.past(*p.bound):
		w.parts = nil
	default:
		w.cut = p.bound
	}
	return nil
}

// fetch returns the answer for the next part. What is behind a place with the very
// same date mostly is not much: then the part after it is fetched as well.
func (w *walkStream) fetch() (*part, error) {
	parts := w.parts[:1]
	if len(w.parts) == 2 && w.last.A != 0 && mongo.SessionFromContext(w.f.ctx) == nil {
		parts = w.parts
	}
	answers := make([]part, len(parts))
	err := w.f.together(len(parts), func(i int) (err error) {
		q := w.question(parts[i])
		if len(w.parts) == 2 && i == 0 && w.last.A != 0 {
			q.most = 0
		}
		answers[i], err = w.answer(q)
		return err
	})
	if len(parts) == 2 {
		w.ahead = &answers[1]
	}
	return &answers[0], err
}

// answer puts a question. Where it may not have read all rows of the part, it is
// put again, up to a place: rows that others write or delete meanwhile would
// change how far a number of them leads.
func (w *walkStream) answer(q *question) (part, error) {
	list, err := w.ask(q)
	if err != nil || q.most == 0 || len(list) == q.limit {
		return part{question: q, list: list}, err
	}
	bound, err := w.bound(q)
	if err != nil {
		return part{}, err
	}
	whole := *q
	whole.most = 0
	if bound != nil {
		first, all := w.f.upTo(*bound)
		whole.match, whole.judged = allOf(q.match, first), allOf(q.judged, all)
	}
	list, err = w.ask(&whole)
	return part{question: q, list: list, bound: bound}, err
}

func (w *walkStream) ask(q *question) (list []candidate, err error) {
	err = w.f.answers(q, func(d *doc) error {
		c, err := w.f.candidate(d)
		list = append(list, c)
		return err
	})
	return list, err
}

// bound returns the spot of the last row that a question was allowed to read, nil
// if it was not that many.
func (w *walkStream) bound(q *question) (*ordering.Spot, error) {
	docs, err := w.f.all(&question{match: q.match, hint: q.hint, sort: q.sort, skip: q.most - 1, limit: 1, fields: headFields})
	if err != nil || len(docs) == 0 {
		return nil, err
	}
	spot := w.f.spotOf(&docs[0])
	return &spot, nil
}

// upTo returns a filter for what comes before a spot and at it, and one that is
// simpler and holds for more.
func (f *finder) upTo(s ordering.Spot) (first, all bson.D) {
	before := map[string]string{"$lt": "$gt", "$gt": "$lt"}[f.beyond()]
	keys, values := f.keys(), f.values(s)
	first = field(keys[0], field(before+"e", values[0]))
	if len(keys) == 1 {
		return first, nil
	}
	same := bson.D{{Key: keys[0], Value: values[0]}, {Key: keys[1], Value: field(before+"e", values[1])}}
	return first, field("$or", bson.A{field(keys[0], field(before, values[0])), same})
}

// end implements stream.
func (w *walkStream) end() (ordering.Spot, bool) {
	if w.cut != nil {
		return *w.cut, false
	}
	return w.last, true
}

// candidate makes one of an answer.
func (f *finder) candidate(d *doc) (candidate, error) {
	c := candidate{spot: f.spotOf(d), doc: *d}
	if f.order.By == ordering.ByValue {
		if err := f.value(&c); err != nil || !f.order.Indexed() {
			return c, err
		}
	}
	if d.Body != nil { // files are read one by one, when they are needed
		var err error
		c.version, err = f.s.version(f.ctx, d)
		c.doc.Body = nil
		return c, err
	}
	return c, nil
}

// boundTime adds to a filter the conditions on lastUpdated.
func (f *finder) boundTime(match bson.D) bson.D {
	for i := range f.conditions {
		if c := &f.conditions[i]; c.timed {
			match = allOf(match, c.filter())
		}
	}
	if match == nil {
		return bson.D{}
	}
	return match
}

// keyStreams yields the resources that have one of the keys of a condition and
// meet a filter.
func (f *finder) keyStreams(driver, limit int, from ordering.Spot, judged bson.D) (stream, error) {
	c := &f.conditions[driver]
	streams := make([]stream, len(c.spans))
	for i, s := range c.spans {
		src := f.ofSpan(driver, c, s)
		src.judged = judged
		if f.clinical {
			src.fields = f.rowFields()
		}
		if len(c.spans) > 3 && !f.clinical {
			src.fields = headFields // many would be fetched that are not needed; they are read later
		}
		streams[i] = f.walk(src, from, limit)
	}
	return f.merge(streams, f.rowCompare)
}

// A sortStream yields a driver's candidates, whose rows come in another order than
// the one asked for: the database sorts them.
type sortStream struct {
	walkStream
}

// sorted returns the candidates of a driver behind f.spot.
func (f *finder) sorted(driver int) (stream, error) {
	var all []*sortStream
	for match, hint := range f.driving(driver) {
		src := source{driver: driver, match: match, hint: hint, fields: f.fields(), judged: f.judgedBy(driver)}
		all = append(all, &sortStream{walkStream{f: f, src: src, parts: []bson.D{nil}, last: f.spot}})
	}
	streams := make([]stream, len(all))
	for i, s := range all {
		if len(all) > 1 || f.fetch > 100 && f.bodies {
			s.src.fields = headFields // many may be fetched that are not needed; they are read later
		}
		streams[i] = s
	}
	return f.merge(streams, f.order.Compare)
}

// driving returns what a driver is the union of, with the indexes.
func (f *finder) driving(driver int) func(yield func(match, hint bson.D) bool) {
	return func(yield func(match, hint bson.D) bool) {
		switch driver {
		case walkAll:
			src := f.everything()
			yield(src.match, src.hint)
		case walkIDs:
			name, hint, values := "id", up("id", "t"), f.q.IDs
			if f.q.Type != "" {
				name, hint, values = "_id", up("_id"), nil
				for _, id := range f.q.IDs {
					values = append(values, f.q.Type+"/"+id)
				}
			}
			for list := range slices.Chunk(values, f.s.tuning.slice) {
				if !yield(in(name, list), hint) {
					return
				}
			}
		default:
			c := &f.conditions[driver]
			for match := range f.slices(c) {
				if !yield(f.rowsOf(c, match), f.hintOf(c)) {
					return
				}
			}
		}
	}
}

// next implements stream.
func (s *sortStream) next() (*candidate, error) {
	for s.at == len(s.list) {
		if len(s.parts) == 0 {
			return nil, nil
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	s.at++
	s.last = s.list[s.at-1].spot
	return &s.list[s.at-1], nil
}

func (s *sortStream) fill() error {
	from := s.last
	s.list, s.at = s.list[:0], 0
	q := &question{
		match: s.src.match, hint: s.src.hint, judged: allOf(s.src.judged, s.f.behindAny(from)), after: s.f.sort(),
		limit: s.f.fetch, fields: s.src.fields,
	}
	err := s.f.answers(q, func(d *doc) error {
		c, err := s.f.candidate(d)
		s.list = append(s.list, c)
		return err
	})
	if len(s.list) < q.limit {
		s.parts = nil
	}
	return err
}

// occur reports whether there are rows in one of some ranges of keys.
func (f *finder) occur(ranges []search.KeyRange) (bool, error) {
	if len(ranges) == 0 {
		return false, nil
	}
	n, err := f.countUpTo(filterOf("k", spansOf(ranges)), up("k", "d", "n"), 1)
	return n > 0, err
}
