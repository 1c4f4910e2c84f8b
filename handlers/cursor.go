package handlers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// cursorParam carries a cursor in paging links.
const cursorParam = "_cursor"

// macSize is what is kept of HMAC-SHA256.
const macSize = 16

// A cursor is a position, signed together with the query it belongs to: it
// needs no memory on the server, can not be made up, and fits no other query.

// sealCursor returns the cursor for a position in the result of a query.
func (s *Server) sealCursor(address string, params [][2]string, at search.Position) string {
	sealed := append(s.cursorMAC(address, params, at), at...)
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// openCursor returns the position in a cursor. The error is Invalid if the
// cursor is not one of ours for that query.
func (s *Server) openCursor(address string, params [][2]string, cursor string) (search.Position, error) {
	if cursor == "" {
		return nil, nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil && len(sealed) > macSize {
		at := search.Position(sealed[macSize:])
		if hmac.Equal(sealed[:macSize], s.cursorMAC(address, params, at)) {
			return at, nil
		}
	}
	return nil, fhir.Errorf(fhir.Invalid, "%s is not a cursor this server made for this query: start again without it", cursorParam)
}

// cursorMAC signs a position in the result of a query. Every part is preceded
// by its length, so that no two lists of parts look the same.
func (s *Server) cursorMAC(address string, params [][2]string, at search.Position) []byte {
	mac := hmac.New(sha256.New, s.options.CursorKey)
	part := func(b []byte) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(b)))
		mac.Write(size[:])
		mac.Write(b)
	}
	part([]byte(address))
	for _, p := range params {
		part([]byte(p[0]))
		part([]byte(p[1]))
	}
	part(at)
	return mac.Sum(nil)[:macSize]
}
