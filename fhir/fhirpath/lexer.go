package fhirpath

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/noafhir/noafhir/fhir"
)

// A tokenKind tells the tokens of the grammar apart.
type tokenKind uint8

const (
	endToken        tokenKind = iota
	nameToken                 // identifier or keyword
	quotedNameToken           // `identifier`
	stringToken
	numberToken
	dateToken
	dateTimeToken
	timeToken
	dollarToken // $this, $index, $total: the name without $
	symbolToken
)

// A token is one token: its text without quotes and with escapes resolved.
type token struct {
	kind tokenKind
	text string
	pos  int // offset in bytes
}

// is reports whether t is that symbol or keyword.
func (t token) is(text string) bool {
	return (t.kind == symbolToken || t.kind == nameToken) && t.text == text
}

// A lexer cuts an expression into tokens.
type lexer struct {
	src string
	at  int
}

// errorAt returns an error of a kind that tells a position, counted from 1.
func errorAt(kind fhir.Kind, pos int, format string, args ...any) *fhir.Error {
	err := fhir.Errorf(kind, format, args...)
	err.Text = "FHIRPath, at character " + itoa(pos+1) + ": " + err.Text
	return err
}

func (l *lexer) fail(pos int, format string, args ...any) error {
	return errorAt(fhir.Invalid, pos, format, args...)
}

// space skips white space and comments.
func (l *lexer) space() error {
	for l.at < len(l.src) {
		rest := l.src[l.at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			l.at++
		case strings.HasPrefix(rest, "//"):
			if end := strings.IndexByte(rest, '\n'); end >= 0 {
				l.at += end + 1
			} else {
				l.at = len(l.src)
			}
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return l.fail(l.at, "the comment does not end")
			}
			l.at += end + 4
		default:
			return nil
		}
	}
	return nil
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	if err := l.space(); err != nil {
		return token{}, err
	}
	start := l.at
	if start == len(l.src) {
		return token{endToken, "", start}, nil
	}
	switch c := l.src[start]; {
	case isLetter(c):
		return token{nameToken, l.name(), start}, nil
	case isDigit(c):
		return l.number()
	case c == '\'':
		text, err := l.quoted('\'')
		return token{stringToken, text, start}, err
	case c == '`' || c == '"':
		text, err := l.quoted(c)
		return token{quotedNameToken, text, start}, err
	case c == '@':
		return l.moment()
	case c == '$':
		l.at++
		return token{dollarToken, l.name(), start}, nil
	}
	return l.symbol()
}

// symbols lists the operators and brackets, longer ones first.
var symbols = []string{"<=", ">=", "!=", "!~", ".", "[", "]", "(", ")", "{", "}", ",", "+", "-", "*", "/", "&", "|", "<", ">", "=", "~", "%"}

func (l *lexer) symbol() (token, error) {
	start := l.at
	for _, s := range symbols {
		if strings.HasPrefix(l.src[start:], s) {
			l.at += len(s)
			return token{symbolToken, s, start}, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.src[start:])
	return token{}, l.fail(start, "%q has no meaning here", r)
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// name reads a plain identifier; it may be empty.
func (l *lexer) name() string {
	start := l.at
	for l.at < len(l.src) && (isLetter(l.src[l.at]) || l.at > start && isDigit(l.src[l.at])) {
		l.at++
	}
	return l.src[start:l.at]
}

// digits skips digits and returns how many there were.
func (l *lexer) digits() int {
	start := l.at
	for l.at < len(l.src) && isDigit(l.src[l.at]) {
		l.at++
	}
	return l.at - start
}

func (l *lexer) number() (token, error) {
	start := l.at
	l.digits()
	if l.at+1 < len(l.src) && l.src[l.at] == '.' && isDigit(l.src[l.at+1]) {
		l.at++
		l.digits()
	}
	return token{numberToken, l.src[start:l.at], start}, nil
}

// moment reads @date, @dateTtime or @Ttime. Its text has no @.
func (l *lexer) moment() (token, error) {
	start := l.at
	l.at++
	for l.at < len(l.src) && (isDigit(l.src[l.at]) || strings.IndexByte("-:TZ+", l.src[l.at]) >= 0 ||
		l.src[l.at] == '.' && l.at+1 < len(l.src) && isDigit(l.src[l.at+1])) {
		l.at++
	}
	text := l.src[start+1 : l.at]
	kind, ok := momentKind(text)
	if !ok {
		return token{}, l.fail(start, "%q is no date or time", l.src[start:l.at])
	}
	return token{kind, text, start}, nil
}

// momentKind tells dates, dateTimes and times apart and checks them.
func momentKind(s string) (tokenKind, bool) {
	day, clock, timed := strings.Cut(s, "T")
	if !timed {
		d, ok := fhir.ParseDate(s)
		return dateToken, ok && d.Precision <= fhir.Day
	}
	if day == "" {
		return timeToken, isClock(clock)
	}
	if _, ok := fhir.ParseDate(day); !ok {
		return dateTimeToken, false
	}
	if i := strings.IndexAny(clock, "Z+-"); i >= 0 {
		zone := clock[i:]
		if _, ok := fhir.ParseDate("2000-01-01T00:00" + zone); !ok {
			return dateTimeToken, false
		}
		clock = clock[:i]
	}
	return dateTimeToken, clock == "" || isClock(clock)
}

// isClock accepts hh, hh:mm, hh:mm:ss and hh:mm:ss.f….
func isClock(s string) bool {
	if len(s) == 2 {
		s += ":00"
	}
	_, ok := fhir.ParseDate("2000-01-01T" + s)
	return ok && !strings.ContainsAny(s, "Z+-")
}

// quoted reads up to the closing quote and resolves escapes.
func (l *lexer) quoted(quote byte) (string, error) {
	start := l.at
	var b strings.Builder
	for l.at++; l.at < len(l.src); l.at++ {
		switch c := l.src[l.at]; c {
		case quote:
			l.at++
			return b.String(), nil
		case '\\':
			if err := l.escape(&b); err != nil {
				return "", err
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", l.fail(start, "the quote does not end")
}

// escape resolves the escape at the backslash and leaves l.at on its last byte.
func (l *lexer) escape(b *strings.Builder) error {
	l.at++
	if l.at == len(l.src) {
		return l.fail(l.at-1, "the escape does not end")
	}
	switch c := l.src[l.at]; c {
	case 'r':
		b.WriteByte('\r')
	case 'n':
		b.WriteByte('\n')
	case 't':
		b.WriteByte('\t')
	case 'f':
		b.WriteByte('\f')
	case 'u':
		return l.unicode(b)
	default:
		b.WriteByte(c) // a quote, a backslash; before anything else a backslash means nothing
	}
	return nil
}

// unicode resolves \uXXXX, and two of them where they are a surrogate pair.
func (l *lexer) unicode(b *strings.Builder) error {
	start := l.at - 1
	r, err := l.hex()
	if err != nil {
		return err
	}
	if utf16.IsSurrogate(r) {
		low := rune(0)
		if strings.HasPrefix(l.src[l.at+1:], `\u`) {
			l.at += 2
			if low, err = l.hex(); err != nil {
				return err
			}
		}
		if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
			return l.fail(start, "half of a surrogate pair")
		}
	}
	b.WriteRune(r)
	return nil
}

// hex reads the four digits that follow l.at and leaves l.at on the last.
func (l *lexer) hex() (rune, error) {
	var r rune
	for range 4 {
		l.at++
		digit := -1
		if l.at < len(l.src) {
			digit = strings.IndexByte("0123456789abcdef", l.src[l.at]|0x20)
		}
		if digit < 0 {
			return 0, l.fail(min(l.at, len(l.src)-1), "\\u needs four hex digits")
		}
		r = r<<4 | rune(digit)
	}
	return r, nil
}
