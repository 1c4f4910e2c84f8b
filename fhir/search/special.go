package search

import (
	"encoding/binary"
)

// position writes the key of a Location's position: latitude and longitude,
// scaled to 32 bits each and interleaved from the top, latitude first. Places
// that share the first 2n bits are in one cell of 180°/2ⁿ by 360°/2ⁿ. How far a
// place is from another is for Matches to say.
func (w *writer) position(p *path, el *element) {
	lat, long, ok := el.place()
	if !ok {
		return
	}
	w.begin(p.hash, cellForm)
	w.buf = binary.BigEndian.AppendUint64(w.buf, interleave(scale((lat+90)/180), scale((long+180)/360)))
	w.end()
}

// scale maps 0…1 to 32 bits.
func scale(part float64) uint32 { return uint32(min(part*(1<<32), 1<<32-1)) }

// interleave returns the bits of a and b in turn, beginning with a.
func interleave(a, b uint32) uint64 { return spread(a)<<1 | spread(b) }

// spread puts a zero before each bit.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000FFFF0000FFFF
	x = (x | x<<8) & 0x00FF00FF00FF00FF
	x = (x | x<<4) & 0x0F0F0F0F0F0F0F0F
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}
