package mongodb

import (
	"bytes"
	"context"
	"errors"

	"github.com/klauspost/compress/zstd"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir"
)

// Bodies are stored as they are sent. Those that shrink enough to be worth it are
// compressed. The first byte tells: JSON begins with a brace.
const (
	zstdFormat   = 1 // with the dictionary
	dictionaryID = 1
	compressFrom = 128     // shorter ones do not shrink enough
	maxInline    = 1 << 20 // longer ones, as stored, lie in GridFS: a document has at most 16 MB
	maxBody      = 1 << 30
)

// A packer compresses and expands bodies. It is safe for concurrent use.
type packer struct {
	encoder *zstd.Encoder
	decoder *zstd.Decoder
}

func newPacker() (*packer, error) {
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(256<<10),
		zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false), zstd.WithEncoderDictRaw(dictionaryID, []byte(dictionary)))
	if err != nil {
		return nil, err
	}
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBody), zstd.WithDecoderDictRaw(dictionaryID, []byte(dictionary)))
	return &packer{encoder, decoder}, err
}

// pack returns what is stored for a body.
func (p *packer) pack(body []byte) []byte {
	if len(body) < compressFrom {
		return body
	}
	small := p.encoder.EncodeAll(body, append(make([]byte, 0, len(body)/2), zstdFormat))
	if len(small) > len(body)-len(body)/8 {
		return body
	}
	return small
}

// unpack returns a body from what is stored for it. They may share memory.
func (p *packer) unpack(stored []byte) ([]byte, error) {
	switch {
	case len(stored) > 0 && stored[0] == '{':
		return stored, nil
	case len(stored) > 0 && stored[0] == zstdFormat:
		return p.decoder.DecodeAll(stored[1:], nil)
	}
	return nil, errors.New("the body has a format this program does not know")
}

func (p *packer) close() {
	p.encoder.Close()
	p.decoder.Close()
}

// keep returns what a document holds of a body: its packed bytes, or the file
// that they were put in. A file is stored at once and outside of transactions, so
// it has to be dropped if the document is not stored.
func (s *Store) keep(ctx context.Context, key fhir.Key, body []byte) ([]byte, *bson.ObjectID, error) {
	packed := s.packer.pack(body)
	if len(packed) <= maxInline {
		return packed, nil, nil
	}
	file, err := s.files.UploadFromStream(outside(ctx), key.String(), bytes.NewReader(packed))
	if err != nil {
		return nil, nil, err
	}
	return nil, &file, nil
}

// drop removes a file that no document has. If that fails it is left to lie.
func (s *Store) drop(file *bson.ObjectID) {
	if file == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), tidyWait)
	defer cancel()
	if err := s.files.Delete(ctx, *file); err != nil {
		s.log.Warn("a file that is not needed any more was not removed", "error", translate(err))
	}
}

// body returns the body that a document has.
func (s *Store) body(ctx context.Context, key fhir.Key, packed []byte, file *bson.ObjectID) ([]byte, error) {
	if file != nil {
		var out bytes.Buffer
		if _, err := s.files.DownloadToStream(outside(ctx), *file, &out); err != nil {
			return nil, err
		}
		packed = out.Bytes()
	}
	body, err := s.packer.unpack(packed)
	if err != nil {
		return nil, errDamaged(key, err)
	}
	return body, nil
}

// outside returns the context that a transaction's came from.
func outside(ctx context.Context) context.Context {
	if parent, ok := ctx.Value(outsideKey{}).(context.Context); ok {
		return parent
	}
	return ctx
}

type outsideKey struct{}
