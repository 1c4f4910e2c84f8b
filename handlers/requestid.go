package handlers

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"sync/atomic"
)

// requestIDs names requests: as clients ask for, or by a number after a prefix
// that differs from process to process.
type requestIDs struct {
	prefix string
	last   *atomic.Uint64
}

func newRequestIDs() requestIDs {
	return requestIDs{prefix: rand.Text()[:10] + "-", last: new(atomic.Uint64)}
}

// of returns the id of a request: X-Request-Id if it is one, else a new one.
func (ids requestIDs) of(r *http.Request) string {
	if asked := r.Header["X-Request-Id"]; len(asked) == 1 && isRequestID(asked[0]) {
		return asked[0]
	}
	var id [32]byte
	return string(strconv.AppendUint(append(id[:0], ids.prefix...), ids.last.Add(1), 10))
}

// isRequestID reports whether s is 1 to 64 of A-Z a-z 0-9 . _ -.
func isRequestID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
