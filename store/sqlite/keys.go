package sqlite

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"

	"github.com/noafhir/noafhir/fhir/search"
)

// The keys of a resource stand in two places: in post, by which it is found, and
// packed in its row of cur. The packed ones tell what has to change in post when
// the resource does, and answer whether a candidate meets another clause. What
// post holds for a resource is at any time exactly what cur says.

// packKeys writes sorted keys one after the other: how many bytes a key shares
// with the one before, how many follow, and these.
func packKeys(keys [][]byte) []byte {
	size := 0
	for _, k := range keys {
		size += len(k) + 2
	}
	out := make([]byte, 0, size)
	var last []byte
	for _, k := range keys {
		same := commonPrefix(last, k)
		out = binary.AppendUvarint(out, uint64(same))
		out = binary.AppendUvarint(out, uint64(len(k)-same))
		out = append(out, k[same:]...)
		last = k
	}
	return out
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// A keySet holds the keys of one resource, unpacked. It can be filled again and
// again, and then allocates nothing.
type keySet struct {
	buf  []byte
	ends []int
}

// unpack fills the set. It reports whether packed was whole.
func (s *keySet) unpack(packed []byte) bool {
	s.buf, s.ends = s.buf[:0], s.ends[:0]
	from := 0 // where the last key begins
	for len(packed) > 0 {
		same, n := binary.Uvarint(packed)
		if n <= 0 {
			return false
		}
		rest, m := binary.Uvarint(packed[n:])
		start := len(s.buf)
		if m <= 0 || same > uint64(start-from) || rest > uint64(len(packed)-n-m) {
			return false
		}
		packed = packed[n+m:]
		s.buf = append(s.buf, s.buf[from:from+int(same)]...)
		s.buf = append(s.buf, packed[:rest]...)
		packed = packed[rest:]
		s.ends = append(s.ends, len(s.buf))
		from = start
	}
	return true
}

func (s *keySet) len() int { return len(s.ends) }

// at returns the key at place i, which belongs to the set.
func (s *keySet) at(i int) []byte {
	start := 0
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.buf[start:s.ends[i]:s.ends[i]]
}

// seek returns the place of the first key that is not before k.
func (s *keySet) seek(k []byte) int {
	return sort.Search(s.len(), func(i int) bool { return bytes.Compare(s.at(i), k) >= 0 })
}

// inAny reports whether one of the keys is in one of the ranges, which are in
// order and do not overlap.
func (s *keySet) inAny(ranges []search.KeyRange) bool {
	if len(ranges) > 2*s.len() {
		return s.inMany(ranges)
	}
	for i := range ranges {
		r := &ranges[i]
		at := s.seek(r.Low)
		if at == s.len() {
			continue
		}
		if r.High == nil && bytes.Equal(s.at(at), r.Low) || r.High != nil && bytes.Compare(s.at(at), r.High) < 0 {
			return true
		}
	}
	return false
}

// inMany is inAny for more ranges than there are keys.
func (s *keySet) inMany(ranges []search.KeyRange) bool {
	for i := range s.len() {
		k := s.at(i)
		at := sort.Search(len(ranges), func(i int) bool { return bytes.Compare(ranges[i].Low, k) > 0 })
		if at > 0 && ranges[at-1].Contains(k) {
			return true
		}
	}
	return false
}

// A posting is a row of post that is to be written or removed.
type posting struct {
	head   uint64 // the first bytes of key, to compare faster
	key    []byte
	d, n   int64
	remove bool
}

func newPosting(key []byte, d, n int64, remove bool) posting {
	p := posting{key: key, d: d, n: n, remove: remove}
	if len(key) >= 8 {
		p.head = binary.BigEndian.Uint64(key)
	} else {
		var b [8]byte
		copy(b[:], key)
		p.head = binary.BigEndian.Uint64(b[:])
	}
	return p
}

// comparePostings orders as post does.
func comparePostings(a, b *posting) int {
	return cmp.Or(bytes.Compare(a.key, b.key), cmp.Compare(a.d, b.d), cmp.Compare(a.n, b.n))
}

// A postingBuffer holds changes to post until many can be written in the order
// of the tree, which costs about half as much.
type postingBuffer struct {
	rows    []posting
	flushed int // rows before this one are written, and kept in case a unit is undone
	sorted  []posting
	keys    []sortKey

	insertMany, insertOne, removeOne string // statements
}

// newPostingBuffer returns a buffer for changes to a table: post, or what is to
// become it.
func newPostingBuffer(table string) postingBuffer {
	insert := "INSERT INTO " + table + "(k, d, n) VALUES (?,?,?)"
	return postingBuffer{
		insertMany: insert + strings.Repeat(",(?,?,?)", postingsPerStatement-1),
		insertOne:  insert,
		removeOne:  "DELETE FROM " + table + " WHERE k=? AND d=? AND n=?",
	}
}

// add notes the difference between what a resource was found by and what it is
// found by from now on. A nil set stands for no keys.
func (b *postingBuffer) add(old *keySet, oldDate int64, keys [][]byte, date, n int64) {
	if old != nil && oldDate != date {
		b.all(old, oldDate, n)
		old = nil
	}
	if old == nil {
		for _, k := range keys {
			b.rows = append(b.rows, newPosting(k, date, n, false))
		}
		return
	}
	i, j := 0, 0
	for i < old.len() || j < len(keys) {
		order := 0
		switch {
		case i == old.len():
			order = 1
		case j == len(keys):
			order = -1
		default:
			order = bytes.Compare(old.at(i), keys[j])
		}
		switch {
		case order < 0:
			b.remove(old.at(i), date, n)
			i++
		case order > 0:
			b.rows = append(b.rows, newPosting(keys[j], date, n, false))
			j++
		default:
			i++
			j++
		}
	}
}

// all notes that none of the keys of a resource hold any more.
func (b *postingBuffer) all(old *keySet, date, n int64) {
	for i := range old.len() {
		b.remove(old.at(i), date, n)
	}
}

func (b *postingBuffer) remove(key []byte, d, n int64) {
	b.rows = append(b.rows, newPosting(bytes.Clone(key), d, n, true))
}

// A postingMark is a place in a buffer to go back to.
type postingMark struct{ rows, flushed int }

func (b *postingBuffer) mark() postingMark { return postingMark{len(b.rows), b.flushed} }

// undo forgets what was noted since a mark. The database has to undo what was
// flushed since then.
func (b *postingBuffer) undo(m postingMark) {
	clear(b.rows[m.rows:])
	b.rows, b.flushed = b.rows[:m.rows], m.flushed
}

// flush writes what has not been written and returns how many rows that were.
func (b *postingBuffer) flush(c *conn) (int, error) {
	if b.flushed == len(b.rows) {
		return 0, nil
	}
	rows := settle(b.sort(b.rows[b.flushed:]))
	if err := b.write(c, rows); err != nil {
		return 0, err
	}
	b.flushed = len(b.rows)
	n := len(rows)
	clear(b.sorted)
	return n, nil
}

// A sortKey stands for a posting while these are sorted: it is smaller, and the
// collector need not know of it.
type sortKey struct {
	head uint64
	at   uint32
}

// sort returns rows in the order of post, and those of one row as they came.
func (b *postingBuffer) sort(rows []posting) []posting {
	b.keys = b.keys[:0]
	for i := range rows {
		b.keys = append(b.keys, sortKey{rows[i].head, uint32(i)})
	}
	slices.SortFunc(b.keys, func(x, y sortKey) int {
		if x.head != y.head {
			return cmp.Compare(x.head, y.head)
		}
		return cmp.Or(comparePostings(&rows[x.at], &rows[y.at]), cmp.Compare(x.at, y.at))
	})
	b.sorted = slices.Grow(b.sorted[:0], len(rows))
	for _, k := range b.keys {
		b.sorted = append(b.sorted, rows[k.at])
	}
	return b.sorted
}

// settle leaves of several changes to one row what they come to. Each is true to
// the one before: a row is only written when it is not there, and only removed
// when it is.
func settle(rows []posting) []posting {
	out := rows[:0]
	for i := 0; i < len(rows); {
		j := i + 1
		for j < len(rows) && comparePostings(&rows[i], &rows[j]) == 0 {
			j++
		}
		if rows[i].remove == rows[j-1].remove {
			out = append(out, rows[i])
		}
		i = j
	}
	return out
}

// forget empties the buffer.
func (b *postingBuffer) forget() {
	clear(b.rows)
	b.rows, b.flushed = b.rows[:0], 0
	if cap(b.rows) > maxKeptPostings {
		b.rows, b.sorted, b.keys = nil, nil, nil
	}
}

// maxKeptPostings bounds the memory a buffer keeps between transactions.
const maxKeptPostings = 1 << 14

// postingsPerStatement is how many rows one INSERT takes.
const postingsPerStatement = 64

// write writes sorted rows.
func (b *postingBuffer) write(c *conn, rows []posting) error {
	for len(rows) > 0 {
		run := 1 // how many from here on are to be inserted
		for run < min(len(rows), postingsPerStatement) && !rows[run-1].remove && !rows[run].remove {
			run++
		}
		var err error
		switch {
		case rows[0].remove:
			run = 1
			err = writeRows(c, b.removeOne, rows[:1])
		case run == postingsPerStatement:
			err = writeRows(c, b.insertMany, rows[:run])
		default:
			run = 1
			err = writeRows(c, b.insertOne, rows[:1])
		}
		if err != nil {
			return err
		}
		rows = rows[run:]
	}
	return nil
}

func writeRows(c *conn, statement string, rows []posting) error {
	s, err := c.prepare(statement)
	if err != nil {
		return err
	}
	for i := range rows {
		s.blob(rows[i].key).int(rows[i].d).int(rows[i].n)
	}
	return s.run()
}
