package mongodb

import (
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

func TestWordsOf(t *testing.T) {
	long := strings.Repeat("ä", 20)
	for _, test := range []struct{ narrative, content, want string }{
		{"", "", ""},
		{"", "arm broken arm", "arm broken"},
		{"arm", "arm left", "!arm arm left"},
		{"", "http loinc org x 07 ¶ é 7a 123 httpd", "é 7a 123 httpd"},
		{"http a", "http a", ""},
		{"", long + "a " + long + "b", long[:24]},
		{"", "unitsofmeasure structuredefinition", ""},
	} {
		got := wordsOf(store.Words{Narrative: test.narrative, Content: test.content})
		if !slices.Equal(got, strings.Fields(test.want)) {
			t.Errorf("%q and %q: got %q, want %q", test.narrative, test.content, got, test.want)
		}
	}
}

// TestUnindexedWords wants candidates to be sought by no word that is left out.
func TestUnindexedWords(t *testing.T) {
	word := func(w string) search.WordTree { return search.WordTree{Word: w} }
	begins := func(w string) search.WordTree { return search.WordTree{Word: w, Prefix: true} }
	for name, test := range map[string]struct {
		tree   search.WordTree
		lists  int
		filter bool
		exact  bool
	}{
		"a word":               {word("arm"), 1, true, true},
		"a common one":         {word("http"), 0, false, false},
		"beginning like one":   {begins("htt"), 0, false, false},
		"beginning with digit": {begins("1"), 0, false, false},
		"beginning otherwise":  {begins("httpd"), 1, true, true},
		"both":                 {search.WordTree{All: []search.WordTree{word("arm"), word("07")}}, 1, true, false},
		"one of them":          {search.WordTree{Any: []search.WordTree{word("arm"), word("07")}}, 0, false, false},
		"not a common one":     {search.WordTree{All: []search.WordTree{word("arm")}, None: []search.WordTree{word("x")}}, 1, true, false},
	} {
		lists := wordSpans("", &test.tree)
		filter, exact := wordFilter("", &test.tree)
		if len(lists) != test.lists || (filter != nil) != test.filter || exact != test.exact {
			t.Errorf("%s: got %d lists, %v, exact %t", name, len(lists), filter, exact)
		}
	}
}
