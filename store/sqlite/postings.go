package sqlite

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir/search"
)

// A posting is a row of post that is to be written or removed. It holds no
// pointers, since there may be a million of them.
type posting struct {
	head     uint64 // the first bytes of the key, to compare faster
	d, n     int64
	from, to uint32 // the key, in the buffer's text
	remove   bool
}

// A postingBuffer holds changes to post until many can be written in the order
// of the tree, which costs a fraction: the more there are, the more of them fall
// on one page.
type postingBuffer struct {
	rows    []posting
	text    []byte // the keys of the rows
	flushed int    // rows before this one are written, and kept in case a unit is undone
	order   []sortKey

	seen   map[uint64]struct{} // hashes of the keys of rows before hashed
	hashed int
	seed   maphash.Seed

	insertMany, insertOne, removeOne string // statements
}

// postingsPerStatement is how many rows one INSERT takes.
const postingsPerStatement = 64

// newPostingBuffer returns a buffer for changes to a table: post, or what is to
// become it.
func newPostingBuffer(table string) postingBuffer {
	insert := "INSERT INTO " + table + "(k, d, n) VALUES (?,?,?)"
	return postingBuffer{
		seen:       map[uint64]struct{}{},
		seed:       maphash.MakeSeed(),
		insertMany: insert + strings.Repeat(",(?,?,?)", postingsPerStatement-1),
		insertOne:  insert,
		removeOne:  "DELETE FROM " + table + " WHERE k=? AND d=? AND n=?",
	}
}

// note adds one row.
func (b *postingBuffer) note(key []byte, d, n int64, remove bool) {
	p := posting{d: d, n: n, from: uint32(len(b.text)), remove: remove}
	b.text = append(b.text, key...)
	p.to = uint32(len(b.text))
	if len(key) >= 8 {
		p.head = binary.BigEndian.Uint64(key)
	} else {
		var head [8]byte
		copy(head[:], key)
		p.head = binary.BigEndian.Uint64(head[:])
	}
	b.rows = append(b.rows, p)
}

func (b *postingBuffer) key(p *posting) []byte { return b.text[p.from:p.to] }

// compare orders as post does.
func (b *postingBuffer) compare(x, y *posting) int {
	return cmp.Or(bytes.Compare(b.key(x), b.key(y)), cmp.Compare(x.d, y.d), cmp.Compare(x.n, y.n))
}

// add notes the difference between what a resource was found by and what it is
// found by from now on. A nil set stands for no keys.
func (b *postingBuffer) add(old *keySet, oldDate int64, keys [][]byte, date, n int64) {
	if old != nil && oldDate != date {
		b.removeAll(old, oldDate, n)
		old = nil
	}
	if old == nil {
		for _, k := range keys {
			b.note(k, date, n, false)
		}
		return
	}
	i, j := 0, 0
	for i < old.Len() || j < len(keys) {
		order := 0
		switch {
		case i == old.Len():
			order = 1
		case j == len(keys):
			order = -1
		default:
			order = bytes.Compare(old.At(i), keys[j])
		}
		if order < 0 {
			b.note(old.At(i), date, n, true)
		} else if order > 0 {
			b.note(keys[j], date, n, false)
		}
		if order <= 0 {
			i++
		}
		if order >= 0 {
			j++
		}
	}
}

// removeAll notes that none of the keys of a resource hold any more.
func (b *postingBuffer) removeAll(old *keySet, date, n int64) {
	for i := range old.Len() {
		b.note(old.At(i), date, n, true)
	}
}

// waiting returns how many rows have not been written.
func (b *postingBuffer) waiting() int { return len(b.rows) - b.flushed }

// A postingMark is a place in a buffer to go back to.
type postingMark struct{ rows, text, flushed int }

func (b *postingBuffer) mark() postingMark { return postingMark{len(b.rows), len(b.text), b.flushed} }

// undo forgets what was noted since a mark. The database has to undo what was
// flushed since then.
func (b *postingBuffer) undo(m postingMark) {
	b.rows, b.text, b.flushed = b.rows[:m.rows], b.text[:m.text], m.flushed
	b.hashed = min(b.hashed, m.rows)
}

// touches reports whether a search would look at keys of which rows wait to be
// written, or may do so. Streams is how many keys of a condition are merged.
func (b *postingBuffer) touches(q *search.Query, streams int) bool {
	if b.waiting() == 0 {
		return false
	}
	for ; b.hashed < len(b.rows); b.hashed++ {
		b.seen[maphash.Bytes(b.seed, b.key(&b.rows[b.hashed]))] = struct{}{}
	}
	for _, key := range q.Sort {
		if key.Param.Code != "_id" && key.Param.Code != "_lastUpdated" {
			return true
		}
	}
	driven := false
	for i := range q.Where {
		c := &q.Where[i]
		if c.Links != nil || c.Or != nil || c.Not != nil || c.Text != nil || !c.Local() {
			return true
		}
		driven = driven || len(c.Ranges) > 0 && len(c.Ranges) <= streams
		for _, r := range c.Ranges {
			if _, ok := b.seen[maphash.Bytes(b.seed, r.Low)]; ok || r.High != nil {
				return true
			}
		}
	}
	// Without keys to go by, it may go through all resources of a type by the key
	// that these have. Those of given ids are asked for their own keys.
	return !driven && q.IDs == nil
}

// flush writes what has not been written and returns how many rows that were.
func (b *postingBuffer) flush(c *conn) (int, error) {
	if b.waiting() == 0 {
		return 0, nil
	}
	b.sort()
	b.settle()
	if err := b.write(c); err != nil {
		return 0, err
	}
	b.flushed = len(b.rows)
	return len(b.order), nil
}

// A sortKey stands for a posting while these are sorted.
type sortKey struct {
	head uint64
	at   uint32
}

// sort puts the rows that wait into the order of post, and those of one row into
// that in which they came.
func (b *postingBuffer) sort() {
	b.order = slices.Grow(b.order[:0], b.waiting())
	for i := b.flushed; i < len(b.rows); i++ {
		b.order = append(b.order, sortKey{b.rows[i].head, uint32(i)})
	}
	slices.SortFunc(b.order, func(x, y sortKey) int {
		if x.head != y.head {
			return cmp.Compare(x.head, y.head)
		}
		return cmp.Or(b.compare(&b.rows[x.at], &b.rows[y.at]), cmp.Compare(x.at, y.at))
	})
}

// settle leaves of several changes to one row what they come to. Each is true to
// the one before: a row is only written when it is not there, and only removed
// when it is.
func (b *postingBuffer) settle() {
	out := b.order[:0]
	for i := 0; i < len(b.order); {
		first := &b.rows[b.order[i].at]
		j := i + 1
		for j < len(b.order) && b.compare(first, &b.rows[b.order[j].at]) == 0 {
			j++
		}
		if first.remove == b.rows[b.order[j-1].at].remove {
			out = append(out, b.order[i])
		}
		i = j
	}
	b.order = out
}

// write writes the rows in order.
func (b *postingBuffer) write(c *conn) error {
	removes := func(k sortKey) bool { return b.rows[k.at].remove }
	for rows := b.order; len(rows) > 0; {
		run := 0 // how many from here on are to be inserted
		for run < min(len(rows), postingsPerStatement) && !removes(rows[run]) {
			run++
		}
		text := b.insertOne
		switch {
		case run == 0:
			run, text = 1, b.removeOne
		case run == postingsPerStatement:
			text = b.insertMany
		default:
			run = 1
		}
		s, err := c.prepare(text)
		if err != nil {
			return err
		}
		for _, k := range rows[:run] {
			p := &b.rows[k.at]
			s.blob(b.key(p)).int(p.d).int(p.n)
		}
		if err := s.run(); err != nil {
			return err
		}
		rows = rows[run:]
	}
	return nil
}

// maxKeptPostings bounds the memory a buffer keeps between transactions.
const maxKeptPostings = 1 << 14

// forget empties the buffer.
func (b *postingBuffer) forget() {
	b.rows, b.text, b.flushed, b.hashed = b.rows[:0], b.text[:0], 0, 0
	if len(b.seen) > 0 {
		clear(b.seen)
	}
	if cap(b.rows) > maxKeptPostings {
		b.rows, b.text, b.order = nil, nil, nil
		b.seen = map[uint64]struct{}{}
	}
}
