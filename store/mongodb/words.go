package mongodb

import (
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// Words
//
// A document has the words of its resource, each once: those of the content as they
// are, those of the narrative behind a mark that no word begins with. Some are left
// out, because nearly every resource has them: they would be a third of all words,
// and a search for them gains nothing by the index, as a page of matches is found
// among the first resources there are. Searches ask the resources themselves about
// them.

const (
	narrativeMark = "!"
	maxWord       = 24 // bytes of a word that are in the index
)

// ubiquitous are words of the URLs that most codes, units and extensions have. Which
// they are is part of the format of what is stored, as the rule of isCommon is.
var ubiquitous = map[string]bool{
	"http": true, "https": true, "org": true, "com": true, "fhir": true, "hl7": true, "terminology": true, "codesystem": true,
	"structuredefinition": true, "loinc": true, "snomed": true, "info": true, "sct": true, "unitsofmeasure": true,
}

// isCommon reports whether a word is left out: those of URLs, and numbers of up to
// two digits and single letters, which every time is full of.
func isCommon(word string) bool {
	return len(word) < 2 || len(word) == 2 && isDigit(word[0]) && isDigit(word[1]) || ubiquitous[word] || word == search.Boundary
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// beginsCommon reports whether a word that is left out may begin with a prefix.
func beginsCommon(prefix string) bool {
	if isCommon(prefix) {
		return true
	}
	for word := range ubiquitous {
		if strings.HasPrefix(word, prefix) {
			return true
		}
	}
	return false
}

// wordsOf returns what is stored of the words of a resource. Long ones are cut.
func wordsOf(w store.Words) []string {
	words := []string{}
	for _, field := range []struct{ mark, text string }{{narrativeMark, w.Narrative}, {"", w.Content}} {
		seen := map[string]bool{}
		for word := range strings.FieldsSeq(field.text) {
			if isCommon(word) {
				continue
			}
			word = cutWord(word)
			if !seen[word] {
				seen[word] = true
				words = append(words, field.mark+word)
			}
		}
	}
	return words
}

// mark is what the words of a field begin with.
func mark(f search.TextField) string {
	if f == search.Narrative {
		return narrativeMark
	}
	return ""
}

// cutWord returns what of a word is in the index.
func cutWord(word string) string {
	if len(word) <= maxWord {
		return word
	}
	end := maxWord
	for !utf8.RuneStart(word[end]) {
		end--
	}
	return word[:end]
}

// unindexed reports whether the index does not tell of a word, or of those that
// begin with it.
func unindexed(t *search.WordTree) bool {
	if t.Prefix {
		return beginsCommon(t.Word)
	}
	return isCommon(t.Word)
}

// wordSpan returns the span of a word, or of all that begin with it, and whether
// that is exact: a word that may have been cut is not.
func wordSpan(mark string, t *search.WordTree) (span, bool) {
	word := cutWord(t.Word)
	exact := len(t.Word) <= maxWord-utf8.UTFMax // and so is no end of a longer one, cut
	if t.Prefix {
		return span{mark + word, mark + word + "\U0010FFFF"}, exact
	}
	return span{low: mark + word}, exact
}

// wordFilter returns what the database can judge of a condition on words, nil if
// nothing, and whether that is all of it.
func wordFilter(mark string, t *search.WordTree) (filter bson.D, exact bool) {
	switch {
	case t.Word != "" && unindexed(t):
		return nil, false
	case t.Word != "":
		s, exact := wordSpan(mark, t)
		return s.filter("w"), exact
	case t.Any != nil:
		return anyWordFilter(mark, t.Any)
	}
	var parts []bson.D
	exact = !t.Loose
	for i := range t.All {
		f, e := wordFilter(mark, &t.All[i])
		parts, exact = append(parts, f), exact && e
	}
	for i := range t.None {
		f, e := wordFilter(mark, &t.None[i])
		exact = exact && e
		if e {
			parts = append(parts, noneOf(f))
		}
	}
	return allOf(parts...), exact
}

// anyWordFilter is wordFilter for conditions of which one has to hold.
func anyWordFilter(mark string, any []search.WordTree) (filter bson.D, exact bool) {
	parts, exact := bson.A{}, true
	for i := range any {
		f, e := wordFilter(mark, &any[i])
		if f == nil {
			return nil, false
		}
		parts, exact = append(parts, f), exact && e
	}
	return field("$or", parts), exact
}

// wordSpans returns lists of spans. What meets the condition has a word in each of
// the lists. There is none if the index does not tell of the words.
func wordSpans(mark string, t *search.WordTree) [][]span {
	switch {
	case t.Word != "" && unindexed(t):
		return nil
	case t.Word != "":
		s, _ := wordSpan(mark, t)
		return [][]span{{s}}
	case t.Any != nil:
		var union []span
		for i := range t.Any {
			lists := wordSpans(mark, &t.Any[i])
			if lists == nil {
				return nil
			}
			union = append(union, lists[0]...) // of each part, the first list will do
		}
		return [][]span{union}
	}
	var lists [][]span
	for i := range t.All {
		lists = append(lists, wordSpans(mark, &t.All[i])...)
	}
	return lists
}
