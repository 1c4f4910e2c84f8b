package mongodb

import (
	"bytes"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
)

var someKeys = [][]byte{{}, {0}, {0, 0}, {0, 0, 0}, {0, 0, 0, 0}, {0, 1}, {1}, {1, 255}, {1, 255, 255, 255}, {2}, []byte("abc"), []byte("abcd"), {254, 255}, {255}, {255, 0}, {255, 255, 255, 255}}

func TestKeysKeepTheirOrder(t *testing.T) {
	for _, a := range someKeys {
		for _, b := range someKeys {
			if got, want := strings.Compare(encodeKey(a), encodeKey(b)), bytes.Compare(a, b); got != want {
				t.Errorf("%x and %x compare %d, encoded %d", a, b, want, got)
			}
		}
	}
}

func FuzzKeys(f *testing.F) {
	for i := range someKeys {
		f.Add(someKeys[i], someKeys[len(someKeys)-1-i])
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		if got, want := strings.Compare(encodeKey(a), encodeKey(b)), bytes.Compare(a, b); got != want {
			t.Errorf("%x and %x compare %d, encoded %d", a, b, want, got)
		}
		if got, err := decodeKey(encodeKey(a)); err != nil || !bytes.Equal(got, a) {
			t.Errorf("%x comes back as %x (error %v)", a, got, err)
		}
	})
}

// TestSpans checks that a span holds the keys that its range does.
func TestSpans(t *testing.T) {
	for _, low := range someKeys {
		for _, high := range append(someKeys[1:], nil) {
			r := search.KeyRange{Low: low, High: high}
			if high != nil && bytes.Compare(low, high) >= 0 {
				continue
			}
			s := spanOf(r)
			for _, k := range someKeys {
				e := encodeKey(k)
				in := e == s.low
				if s.high != "" {
					in = e >= s.low && e < s.high
				}
				if in != r.Contains(k) {
					t.Errorf("%x in %x–%x: %t, encoded %t", k, low, high, !in, in)
				}
			}
		}
	}
}

func TestKeySet(t *testing.T) {
	keys, err := decodeKeys([]string{encodeKey([]byte("b")), encodeKey([]byte("a")), encodeKey([]byte("c"))})
	if err != nil || keys.Len() != 3 || string(keys.At(0)) != "a" {
		t.Fatalf("got %s (error %v)", keys, err)
	}
	for want, k := range []string{"", "b", "bb", "d"} {
		if got := keys.Seek([]byte(k)); got != want {
			t.Errorf("%q is sought at %d, want %d", k, got, want)
		}
	}
	if _, err := decodeKeys([]string{"!"}); err == nil {
		t.Error("what is no key is decoded")
	}
}
