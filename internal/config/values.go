package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Reader reads the text of one kind of value.
type Reader[T any] struct {
	Kind  string // the word for such a value in --help
	Parse func(text string) (T, error)
}

// The kinds of value.
var (
	// Text takes any text but an empty one.
	Text = Reader[string]{"string", func(s string) (string, error) {
		if s == "" {
			return "", errors.New("must not be empty")
		}
		return s, nil
	}}

	// Any takes any text.
	Any = Reader[string]{"string", func(s string) (string, error) { return s, nil }}

	// Switch takes true or false, and what else [strconv.ParseBool] knows.
	Switch = Reader[bool]{"bool", func(s string) (bool, error) {
		v, err := strconv.ParseBool(s)
		if err != nil {
			return false, errors.New("must be true or false")
		}
		return v, nil
	}}

	// Words takes a list separated by commas. Empty items are left out.
	Words = Reader[[]string]{"list", func(s string) ([]string, error) {
		var words []string
		for w := range strings.SplitSeq(s, ",") {
			if w = strings.TrimSpace(w); w != "" {
				words = append(words, w)
			}
		}
		return words, nil
	}}

	// Span takes a duration like 30s or 1m30s that is more than nothing.
	Span = Reader[time.Duration]{"duration", func(s string) (time.Duration, error) {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return 0, errors.New("must be a duration above 0 such as 30s or 1m30s")
		}
		return d, nil
	}}

	// Size takes a number of bytes above 0, with B, KiB, MiB or GiB at the end
	// or nothing.
	Size = Reader[int]{"size", parseSize}
)

// Whole takes a whole number that is least or more.
func Whole(least int) Reader[int] {
	return Reader[int]{"int", func(s string) (int, error) {
		v, err := strconv.Atoi(s)
		if err != nil || v < least {
			return 0, fmt.Errorf("must be a whole number, %d or more", least)
		}
		return v, nil
	}}
}

// Hidden takes a secret of a kind.
func Hidden(kind string) Reader[Secret] {
	return Reader[Secret]{kind, func(s string) (Secret, error) {
		if s == "" {
			return Secret{}, errors.New("must not be empty")
		}
		return Secret{s}, nil
	}}
}

// OneOf takes one of the words.
func OneOf(words ...string) Reader[string] {
	return Reader[string]{strings.Join(words, "|"), func(s string) (string, error) {
		if !slices.Contains(words, s) {
			return "", fmt.Errorf("must be one of %s", strings.Join(words, ", "))
		}
		return s, nil
	}}
}

func parseSize(s string) (int, error) {
	factor := 1
	number := strings.TrimSuffix(s, "B")
	for unit, power := range map[string]int{"Ki": 10, "Mi": 20, "Gi": 30} {
		if n, ok := strings.CutSuffix(number, unit); ok {
			number, factor = n, 1<<power
			break
		}
	}
	v, err := strconv.Atoi(strings.TrimSpace(number))
	if err != nil || v < 1 || v > math.MaxInt/factor {
		return 0, errors.New("must be a number of bytes such as 65536, 64KiB or 5MiB")
	}
	return v * factor, nil
}

// hidden stands for a secret wherever one would be printed.
const hidden = "[secret]"

// A Secret is text that is not to be seen: however it is printed, logged or
// marshalled, something else comes out.
type Secret struct{ text string }

// NewSecret returns text as a secret.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text itself.
func (s Secret) Reveal() string { return s.text }

// String implements [fmt.Stringer], for every verb that would print s.
func (s Secret) String() string { return hidden }

// GoString implements [fmt.GoStringer].
func (s Secret) GoString() string { return hidden }

// Format implements [fmt.Formatter], so that no verb reaches the text.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText implements [encoding.TextMarshaler], for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
