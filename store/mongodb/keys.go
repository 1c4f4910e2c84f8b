package mongodb

import "encoding/base64"

// keyEncoding writes byte strings so that they sort as strings the way they sort
// as bytes: databases compare binary data by length first.
var keyEncoding = base64.NewEncoding("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz").WithPadding(base64.NoPadding)

// encodeKey returns what stands in the database for an index key.
func encodeKey(key []byte) string { return keyEncoding.EncodeToString(key) }

// encodeKeys encodes keys.
func encodeKeys(keys [][]byte) []string {
	encoded := make([]string, len(keys))
	for i, k := range keys {
		encoded[i] = encodeKey(k)
	}
	return encoded
}
