package mongodb

import (
	"bytes"
	"math/big"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store/ordering"
)

// A formStream yields the resources whose value is in one form of keys. It reads
// windows of the index: all rows of keys from one up to another, which are chosen
// by what has been read so that they are not many. A key that alone has more is
// gone through in the order of its rows.
type formStream struct {
	f      *finder
	form   *search.SortForm
	judged bson.D
	most   int // rows to read before it may end early

	low, high []byte // what is left: keys from low up to but not including high
	list      []candidate
	run       *walkStream // through one key
	runText   string
	rows      int // read
	last      ordering.Spot
	cut       bool
}

// smallWindow is how few rows the first window may be chosen to have.
const smallWindow = 50

func (s *formStream) next() (*candidate, error) {
	for {
		if len(s.list) > 0 {
			c := s.list[0]
			s.list = s.list[1:]
			return &c, nil
		}
		if s.run != nil {
			c, err := s.ofRun()
			if err != nil || c != nil {
				return c, err
			}
		}
		if s.cut || s.run == nil && bytes.Compare(s.low, s.high) >= 0 {
			return nil, nil
		}
		if s.run == nil {
			if s.rows >= s.most && s.f.order.Compare(s.last, s.f.spot) > 0 {
				s.cut = true
				return nil, nil
			}
			if err := s.window(); err != nil {
				return nil, err
			}
		}
	}
}

func (s *formStream) end() (ordering.Spot, bool) { return s.last, !s.cut }

// window reads the next one, or begins to go through a key.
func (s *formStream) window() error {
	if s.f.order.Down() {
		return s.windowDown()
	}
	low, high := s.low, s.high
	for most := s.size(); ; most = s.f.s.tuning.window {
		keys, found, whole, err := s.read(low, high, most)
		if err != nil {
			return err
		}
		if whole {
			s.take(found, low, high)
			if s.low = high; !bytes.Equal(high, s.high) {
				s.last = s.f.edgeOf(s.form.AppendValue(nil, high), false)
			}
			return nil
		}
		// Rows mostly come in the order of keys: then this is all but the last.
		next := keys[len(keys)-1]
		if most == s.f.s.tuning.window && len(keys) > 1 {
			next = keys[len(keys)/2]
		}
		if bytes.Equal(next, low) || bytes.Equal(keys[0], keys[len(keys)-1]) && bytes.Equal(keys[0], low) {
			s.low = append(bytes.Clone(low), 0)
			return s.begin(low)
		}
		high = next
	}
}

func (s *formStream) windowDown() error {
	high := s.high
	keys, found, whole, err := s.read(s.low, high, s.size())
	if err != nil {
		return err
	}
	if whole {
		s.take(found, s.low, high)
		s.high = s.low
		return nil
	}
	known := keys[len(keys)-1] // there are rows of it; it may be far from the last
	for halve := true; ; {
		low := append(bytes.Clone(known), 0)
		if halve {
			low = maxKey(between(known, high), low)
		}
		if bytes.Compare(low, high) >= 0 {
			s.high = known
			return s.begin(known)
		}
		keys, found, whole, err := s.read(low, high, s.f.s.tuning.window)
		switch {
		case err != nil:
			return err
		case !whole:
			known, halve = keys[len(keys)-1], true
		case len(keys) == 0: // then maybe all is whole that lies behind the known one
			high, halve = low, false
		default:
			s.take(found, low, high)
			s.high = low
			s.last = s.f.edgeOf(s.form.AppendValue(nil, keys[0]), true)
			return nil
		}
	}
}

// between returns a key about in the middle of two others.
func between(low, high []byte) []byte {
	size := max(len(low), len(high))
	number := func(k []byte) *big.Int {
		return new(big.Int).SetBytes(append(bytes.Clone(k), make([]byte, size-len(k))...))
	}
	sum := number(low)
	sum.Add(sum, number(high)).Rsh(sum, 1)
	return bytes.TrimRight(sum.FillBytes(make([]byte, size)), "\x00")
}

// size is how many rows a window is to have.
func (s *formStream) size() int { return min(max(smallWindow, 2*s.f.fetch), s.f.s.tuning.window) }

// read reads up to most rows with keys from low up to but not including high. It
// returns their keys between these, in order, and the candidates among them, and
// whether these are all.
func (s *formStream) read(low, high []byte, most int) (keys [][]byte, found []candidate, whole bool, err error) {
	match := span{encodeKey(low), encodeKey(high)}.filter("k")
	ask := func(judged bson.D) ([]candidate, error) {
		q := question{match: match, hint: up("k", "d", "n"), most: most + 1, judged: judged, fields: s.f.valueFields()}
		var list []candidate
		err := s.f.answers(&q, func(d *doc) error {
			c, err := s.f.candidate(d)
			list = append(list, c)
			return err
		})
		return list, err
	}
	asked := []bson.D{nil}
	if s.judged != nil {
		asked = append(asked, s.judged)
	}
	lists := make([][]candidate, len(asked))
	err = s.f.together(len(asked), func(i int) (err error) {
		lists[i], err = ask(asked[i])
		return err
	})
	if err != nil {
		return nil, nil, false, err
	}
	s.rows += len(lists[0])
	for i := range lists[0] {
		for _, k := range lists[0][i].keys {
			if bytes.Compare(low, k) <= 0 && bytes.Compare(k, high) < 0 {
				keys = append(keys, k)
			}
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	return keys, lists[len(lists)-1], len(lists[0]) <= most, nil
}

// take puts the candidates of a window into order, as far as they come by a key
// of it and not by another.
func (s *formStream) take(found []candidate, low, high []byte) {
	for i := range found {
		c := &found[i]
		if s.f.order.Compare(c.spot, s.f.spot) <= 0 {
			continue
		}
		for _, k := range c.keys {
			if bytes.Compare(low, k) <= 0 && bytes.Compare(k, high) < 0 && s.text(k) == c.spot.Text {
				s.list = append(s.list, *c)
				break
			}
		}
	}
	slices.SortFunc(s.list, func(a, b candidate) int { return s.f.order.Compare(a.spot, b.spot) })
}

// text returns the text of the spots of those that come by a key.
func (s *formStream) text(key []byte) string {
	return string(s.f.order.AppendValue(nil, 0, s.form.AppendValue(nil, key)))
}

// begin begins to go through a key.
func (s *formStream) begin(key []byte) error {
	s.runText = s.text(key)
	from := s.f.start()
	if s.f.spot.Text == s.runText {
		from = ordering.Spot{A: s.f.spot.A, B: s.f.spot.B}
	}
	src := source{driver: walkForms, match: span{low: encodeKey(key)}.filter("k"), hint: up("k", "d", "n"), fields: s.f.valueFields()}
	s.run = s.f.walk(src, from, s.most)
	return nil
}

// ofRun returns the next candidate that comes by the key gone through.
func (s *formStream) ofRun() (*candidate, error) {
	for {
		c, err := s.run.next()
		if err != nil {
			return nil, err
		}
		if c == nil {
			spot, all := s.run.end()
			s.last = ordering.Spot{Text: s.runText, A: spot.A, B: spot.B}
			if s.cut = !all; all {
				value, _ := s.f.order.Split(s.runText)
				s.last = s.f.edgeOf(value, true)
			}
			s.run = nil
			return nil, nil
		}
		if c.spot.Text == s.runText && s.f.order.Compare(c.spot, s.f.spot) > 0 {
			kept := *c
			return &kept, nil
		}
	}
}
