package sqlite

import (
	"github.com/klauspost/compress/zstd"
)

// Bodies are stored as they are sent, so that reading is copying. Those that do
// not fit into a page are few, but much of the bytes, and shrink to a fifth: they
// are compressed. Very large ones are not: the writer would keep others waiting.
const (
	compressFrom = 4_000
	compressTo   = 256 << 10
)

// A packer compresses and expands bodies. It is safe for concurrent use.
type packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newPacker(readers int) (*packer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(compressTo), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(readers+1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(2*compressTo))
	return &packer{encoder, decoder}, err
}

// pack returns what is stored for a body.
func (p *packer) pack(body []byte) []byte {
	if len(body) < compressFrom || len(body) > compressTo {
		return body
	}
	small := p.encoder.EncodeAll(body, make([]byte, 0, len(body)/3))
	if len(small) > len(body)-len(body)/8 {
		return body
	}
	return small
}

// unpack returns a copy of a body from what is stored for it. JSON begins with a
// brace, which compressed data does not.
func (p *packer) unpack(stored []byte) ([]byte, error) {
	if len(stored) == 0 || stored[0] == '{' {
		return append(make([]byte, 0, len(stored)), stored...), nil
	}
	body, err := p.decoder.DecodeAll(stored, nil)
	if err != nil {
		return nil, errDamagedFile(err)
	}
	return body, nil
}

func (p *packer) close() {
	p.encoder.Close()
	p.decoder.Close()
}
