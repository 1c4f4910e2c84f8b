package search

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldCase removes the difference between upper and lower case.
func foldCase(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		}
	}
	return strings.ToLower(s)
}

// foldRune returns one and the same letter for all forms of a letter that differ
// in case: ς and Σ become σ.
func foldRune(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }

// letters are those that Unicode does not take apart, though people write them
// without the stroke or as two.
var letters = map[rune]string{
	'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'đ': "d", 'ð': "d", 'ħ': "h", 'ł': "l", 'ŧ': "t", 'þ': "th",
}

// appendFolded appends s as string searches see it: without regard to case,
// accents, punctuation and extra white space. Apostrophes vanish, so that
// O'Neill is oneill; other punctuation counts as a space.
// See https://hl7.org/fhir/R4/search.html#string.
func appendFolded(dst []byte, s string) []byte {
	start := len(dst)
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= utf8.RuneSelf:
			return appendFoldedText(dst[:start], s)
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			dst = append(dst, c)
		case c >= 'A' && c <= 'Z':
			dst = append(dst, c|0x20)
		case c == '\'' || c == '`':
		default:
			dst = appendSpace(dst, start, c < ' ' || strings.IndexByte(symbols, c) < 0, c)
		}
	}
	return trimSpace(dst, start)
}

// symbols are the ASCII characters that are no punctuation: they tell texts
// apart.
const symbols = "+$<=>^|~"

// appendSpace appends a space where a word has ended, or the symbol c.
func appendSpace(dst []byte, start int, space bool, c byte) []byte {
	if !space {
		return append(dst, c)
	}
	if len(dst) > start && dst[len(dst)-1] != ' ' {
		dst = append(dst, ' ')
	}
	return dst
}

func trimSpace(dst []byte, start int) []byte {
	if len(dst) > start && dst[len(dst)-1] == ' ' {
		return dst[:len(dst)-1]
	}
	return dst
}

// appendFoldedText is appendFolded for any text.
func appendFoldedText(dst []byte, s string) []byte {
	start := len(dst)
	for _, r := range norm.NFKD.String(s) {
		switch r = foldRune(r); {
		case unicode.Is(unicode.Mn, r), strings.ContainsRune("'`’‘ʼ´", r):
		case unicode.IsSpace(r), unicode.IsPunct(r), unicode.IsControl(r):
			dst = appendSpace(dst, start, true, 0)
		case letters[r] != "":
			dst = append(dst, letters[r]...)
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return trimSpace(dst, start)
}
