package sqlite

import (
	"bytes"
	"encoding/binary"
	"sort"

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

// Len implements [ordering.Keys].
func (s *keySet) Len() int { return len(s.ends) }

// At returns the key at place i, which belongs to the set.
func (s *keySet) At(i int) []byte {
	start := 0
	if i > 0 {
		start = s.ends[i-1]
	}
	return s.buf[start:s.ends[i]:s.ends[i]]
}

// Seek returns the place of the first key that is not before k.
func (s *keySet) Seek(k []byte) int {
	return sort.Search(s.Len(), func(i int) bool { return bytes.Compare(s.At(i), k) >= 0 })
}

// inAny reports whether one of the keys is in one of the ranges, which are in
// order and do not overlap.
func (s *keySet) inAny(ranges []search.KeyRange) bool {
	if len(ranges) > 2*s.Len() {
		return s.inMany(ranges)
	}
	for i := range ranges {
		r := &ranges[i]
		at := s.Seek(r.Low)
		if at == s.Len() {
			continue
		}
		if r.High == nil && bytes.Equal(s.At(at), r.Low) || r.High != nil && bytes.Compare(s.At(at), r.High) < 0 {
			return true
		}
	}
	return false
}

// same reports whether the set is those keys.
func (s *keySet) same(keys [][]byte) bool {
	if s.Len() != len(keys) {
		return false
	}
	for i, k := range keys {
		if !bytes.Equal(s.At(i), k) {
			return false
		}
	}
	return true
}

// inMany is inAny for more ranges than there are keys.
func (s *keySet) inMany(ranges []search.KeyRange) bool {
	for i := range s.Len() {
		k := s.At(i)
		at := sort.Search(len(ranges), func(i int) bool { return bytes.Compare(ranges[i].Low, k) > 0 })
		if at > 0 && ranges[at-1].Contains(k) {
			return true
		}
	}
	return false
}
