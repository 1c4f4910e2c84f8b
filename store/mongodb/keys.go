package mongodb

import (
	"encoding/base64"
	"slices"
	"sort"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir/search"
)

// keyEncoding writes byte strings so that they sort as strings the way they sort
// as bytes: databases compare binary data by length first.
var keyEncoding = base64.NewEncoding("-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz").WithPadding(base64.NoPadding)

// encodeKey returns what stands in the database for an index key.
func encodeKey(key []byte) string { return keyEncoding.EncodeToString(key) }

// decodeKey reads what encodeKey wrote.
func decodeKey(text string) ([]byte, error) { return keyEncoding.DecodeString(text) }

// encodeKeys encodes keys.
func encodeKeys(keys [][]byte) []string {
	encoded := make([]string, len(keys))
	for i, k := range keys {
		encoded[i] = encodeKey(k)
	}
	return encoded
}

// A keySet holds keys of one resource, decoded, in order.
type keySet [][]byte

// decodeKeys decodes keys, in whatever order.
func decodeKeys(texts []string) (keySet, error) {
	slices.Sort(texts)
	keys := make(keySet, len(texts))
	for i, text := range texts {
		var err error
		if keys[i], err = decodeKey(text); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// Len implements [ordering.Keys].
func (s keySet) Len() int { return len(s) }

// At implements [ordering.Keys].
func (s keySet) At(i int) []byte { return s[i] }

// Seek implements [ordering.Keys].
func (s keySet) Seek(k []byte) int {
	return sort.Search(len(s), func(i int) bool { return string(s[i]) >= string(k) })
}

// A span holds the strings from low up to but not including high, or just low if
// high is empty.
type span struct{ low, high string }

// spanOf returns the encoded keys of a range.
func spanOf(r search.KeyRange) span {
	if r.High == nil {
		return span{low: encodeKey(r.Low)}
	}
	return span{encodeKey(r.Low), encodeKey(r.High)}
}

func spansOf(ranges []search.KeyRange) []span {
	spans := make([]span, len(ranges))
	for i, r := range ranges {
		spans[i] = spanOf(r)
	}
	return spans
}

// filter returns the condition that an array has an element in the span. Only
// with $elemMatch is an index of the array read between both ends.
func (s span) filter(field string) bson.D {
	if s.high == "" {
		return bson.D{{Key: field, Value: s.low}}
	}
	return bson.D{{Key: field, Value: bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "$gte", Value: s.low}, {Key: "$lt", Value: s.high}}}}}}
}

// filterOf returns the condition that an array has an element in one of some
// spans.
func filterOf(field string, spans []span) bson.D {
	if len(spans) == 1 {
		return spans[0].filter(field)
	}
	singles := bson.A{}
	var parts bson.A
	for _, s := range spans {
		if s.high == "" {
			singles = append(singles, s.low)
		} else {
			parts = append(parts, s.filter(field))
		}
	}
	if parts == nil {
		return bson.D{{Key: field, Value: bson.D{{Key: "$in", Value: singles}}}}
	}
	if len(singles) > 0 {
		parts = append(parts, bson.D{{Key: field, Value: bson.D{{Key: "$in", Value: singles}}}})
	}
	if len(parts) == 1 {
		return parts[0].(bson.D)
	}
	return bson.D{{Key: "$or", Value: parts}}
}
