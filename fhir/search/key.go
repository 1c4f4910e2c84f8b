package search

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"sync"
)

// keyFormat is the version of how keys are written. Whoever changes what a form
// means, or which keys a value has, raises it.
const keyFormat = 5

// The forms of keys. What each holds stands in the file of its parameter type.
const (
	presentForm = '!' // nothing: the element is there, but has no other key

	tokenForm      = 'c' // system (4) · system and code (10)
	boundForm      = 'b' // of a code bound to a system: that (4) · code, as uriForm
	codeForm       = 'd' // code, case-sensitive, as uriForm
	foldedForm     = 'e' // code, case folded, as uriForm
	identifierForm = 'i' // of a reference's identifier: as tokenForm
	valueForm      = 'j' // of a reference's identifier: as codeForm

	displayForm = 'x' // of a token: folded text, cut to 24 bytes
	typedForm   = 'o' // of an identifier: system and code of its type, and value (10)

	referenceForm = 'r' // target, see appendTarget
	stringForm    = 'a' // folded text, cut to 48 bytes
	uriForm       = 'p' // the URI; if long its first 48 bytes and hash (10)

	yearForm     = 'y' // day it begins (3)
	monthForm    = 'm' // day it begins (3)
	dayForm      = 'D' // day (3)
	secondForm   = 's' // second (5)
	instantForm  = 'f' // second (5) · nanosecond (4)
	intervalForm = 'I' // of an interval: its begin, as instantForm
	endForm      = 'J' // of an interval: its end, as instantForm

	numberForm   = '#' // ordered decimal
	lowForm      = 'l' // of an interval: its low end, as numberForm
	highForm     = 'h' // of an interval: its high end, as numberForm
	unitForm     = 'u' // code or unit (6) · ordered decimal
	unitLowForm  = 'v' // of an interval: as unitForm
	unitHighForm = 'w' // of an interval: as unitForm

	canonicalForm     = 'Q' // canonical unit (6) · ordered decimal
	canonicalLowForm  = 'R' // of an interval: as canonicalForm
	canonicalHighForm = 'S' // of an interval: as canonicalForm

	pairForm     = 'A' // composite: system and code (10) of the first part · key of the second
	pairCodeForm = 'B' // composite: code (10) of the first part · key of the second

	cellForm        = 'g' // position (8)
	typeForm        = 't' // nothing
	compartmentForm = 'C' // kind and id (10) · type (4)

	nestedForm    = 'k' // of a reference to a contained resource: container and id (10)
	containedForm = 'n' // of a contained resource: its key
	entryForm     = 'N' // of the first resource of a document or message: its key
)

// hashSize is the length of the payload of equality forms.
const hashSize = 10

// pathHash returns the stable 32-bit hash (FNV-1a) that keys begin with.
func pathHash(name string) uint32 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h
}

// TypeKey returns the key that every resource of a type has.
func TypeKey(typ string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, pathHash(typ+":type")), typeForm)
}

// compartmentName is the path of the keys of compartments. All that is in one of a
// patient has such a key; of the others only the resource they are of. See
// [Registry.Compartment].
const compartmentName = "Patient:compartment"

var compartmentPath = pathHash(compartmentName)

// CompartmentKey returns the key of the resources of a type that are in the
// compartment of a patient, with the patient itself.
func CompartmentKey(patient, typ string) []byte {
	return compartmentKey("Patient", patient, typ)
}

// CompartmentRange returns the keys of everything that is in the compartment of
// a patient, with the patient itself.
func CompartmentRange(patient string) KeyRange {
	low := compartmentPrefix("Patient", patient)
	return KeyRange{Low: low, High: after(low)}
}

func compartmentKey(kind, id, typ string) []byte {
	return binary.BigEndian.AppendUint32(compartmentPrefix(kind, id), pathHash(typ))
}

func compartmentPrefix(kind, id string) []byte {
	key := append(binary.BigEndian.AppendUint32(nil, compartmentPath), compartmentForm)
	return appendHash(key, kind, "/", id)
}

// appendHash appends the first ten bytes of the SHA-256 of the parts, one behind
// the other.
func appendHash(dst []byte, parts ...string) []byte {
	var buf [256]byte
	text := buf[:0]
	for _, p := range parts {
		text = append(text, p...)
	}
	sum := sha256.Sum256(text)
	return append(dst, sum[:hashSize]...)
}

// after returns the first byte string behind all that begin with prefix, which
// must have a byte under 255.
func after(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	panic("search: nothing comes after the prefix")
}

// A keySpan is one key of a writer.
type keySpan struct {
	order      uint64 // the first eight bytes, to compare by
	start, end uint32
}

// A writer collects the keys of one resource. Its memory is used again.
type writer struct {
	buf   []byte
	spans []keySpan
	start int
	lead  [5 + hashSize]byte
	pair  []byte // if not nil, what the keys of a composite's second part begin with

	self   string // Type/id of the resource, empty if it has no id
	within []byte // if not nil, what the keys of a resource within another begin with
}

var writers = sync.Pool{New: func() any { return new(writer) }}

// begin starts a key of a path, in a form.
func (w *writer) begin(prefix uint32, form byte) {
	w.start = len(w.buf)
	w.buf = append(w.buf, w.within...)
	if w.pair != nil {
		w.buf = append(append(w.buf, w.pair...), form)
		return
	}
	w.buf = append(w.buf, byte(prefix>>24), byte(prefix>>16), byte(prefix>>8), byte(prefix), form)
}

// end finishes the key begun last.
func (w *writer) end() {
	key := w.buf[w.start:]
	var order uint64
	if len(key) >= 8 {
		order = binary.BigEndian.Uint64(key)
	} else {
		for i, b := range key {
			order |= uint64(b) << (56 - 8*i)
		}
	}
	w.spans = append(w.spans, keySpan{order, uint32(w.start), uint32(len(w.buf))})
}

// keys returns the keys, sorted and without duplicates, in memory of their own.
func (w *writer) keys() [][]byte {
	compare := func(a, b keySpan) int {
		switch {
		case a.order < b.order:
			return -1
		case a.order > b.order:
			return 1
		}
		return bytes.Compare(w.buf[a.start:a.end], w.buf[b.start:b.end])
	}
	slices.SortFunc(w.spans, compare)
	w.spans = slices.CompactFunc(w.spans, func(a, b keySpan) bool { return compare(a, b) == 0 })
	size := 0
	for _, s := range w.spans {
		size += int(s.end - s.start)
	}
	data := make([]byte, 0, size)
	keys := make([][]byte, len(w.spans))
	for i, s := range w.spans {
		at := len(data)
		data = append(data, w.buf[s.start:s.end]...)
		keys[i] = data[at:len(data):len(data)]
	}
	return keys
}

// release gives the writer back. Very large ones are left to the collector.
func (w *writer) release() {
	if cap(w.buf) > 1<<20 {
		return
	}
	w.buf, w.spans, w.self = w.buf[:0], w.spans[:0], ""
	writers.Put(w)
}
