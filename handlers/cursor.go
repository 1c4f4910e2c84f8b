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
type cursor struct {
	at       search.Position
	backward bool // the page ends there instead of beginning
}

// sealCursor returns a cursor for the result of a query, as clients carry it.
func (s *Server) sealCursor(address string, params [][2]string, c cursor) string {
	content := []byte{'>'}
	if c.backward {
		content[0] = '<'
	}
	content = append(content, c.at...)
	return base64.RawURLEncoding.EncodeToString(append(s.cursorMAC(address, params, content), content...))
}

// openCursor returns what sealCursor has made a text of, no position if that is
// empty. The error is Invalid if it is not one of ours for that query.
func (s *Server) openCursor(address string, params [][2]string, text string) (cursor, error) {
	if text == "" {
		return cursor{}, nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err == nil && len(sealed) > macSize+1 {
		content := sealed[macSize:]
		if hmac.Equal(sealed[:macSize], s.cursorMAC(address, params, content)) {
			return cursor{at: content[1:], backward: content[0] == '<'}, nil
		}
	}
	return cursor{}, fhir.Errorf(fhir.Invalid, "%s is not a cursor this server made for this query: start again without it", cursorParam)
}

// cursorMAC signs a place in the result of a query. Every part is preceded
// by its length, so that no two lists of parts look the same.
func (s *Server) cursorMAC(address string, params [][2]string, content []byte) []byte {
	mac := hmac.New(sha256.New, s.options.CursorKey)
	part := func(b []byte) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(b)))
		mac.Write(size[:])
		mac.Write(b)
	}
	part([]byte(address))
	for _, p := range params {
		if p[0] == totalParam {
			continue // a page has its place whatever total is told
		}
		part([]byte(p[0]))
		part([]byte(p[1]))
	}
	part(content)
	return mac.Sum(nil)[:macSize]
}
