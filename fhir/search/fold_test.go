package search

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAppendFolded(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"case", "ADA", "ada"},
		{"accents", "José", "jose"},
		{"accents apart from their letter", "Jose\u0301", "jose"},
		{"hyphen", "García-Márquez", "garcia marquez"},
		{"apostrophe", "O'Neill", "oneill"},
		{"typographic apostrophe", "O’Neill", "oneill"},
		{"white space", "  Mary \t Ann\n", "mary ann"},
		{"punctuation and white space", "St. Mary, (old)", "st mary old"},
		{"letters with a stroke", "Łódź Øst", "lodz ost"},
		{"ligatures and sharp s", "Æther ﬁn Straße", "aether fin strasse"},
		{"Greek", "ΣΊΣΥΦΟΣ", "σισυφοσ"},
		{"full width", "ＡＤＡ", "ada"},
		{"other scripts stay", "山田", "山田"},
		{"symbols stay", "a+b <5", "a+b <5"},
		{"nothing left", " -- ", ""},
		{"nothing left but not ASCII", "«»", ""},
		{"empty", "", ""},
	} {
		if got := string(appendFolded([]byte("x"), row.text)); got != "x"+row.want {
			t.Errorf("%s: %q folds to %q, want %q", row.name, row.text, got[1:], row.want)
		}
	}
}

func TestFoldContact(t *testing.T) {
	for text, want := range map[string]string{
		"+49 (30) 12-3/4.5": "+4930123" + "45", "Ada.L@Example.org": "ada.l@example.org", "HTTPS://a.example/B": "https://a.example/b",
	} {
		if got := foldContact(text); got != want {
			t.Errorf("%q folds to %q, want %q", text, got, want)
		}
	}
}

// FuzzAppendFolded holds that folding is stable: what is folded folds to itself,
// and a beginning of a text at a space folds to a beginning.
func FuzzAppendFolded(f *testing.F) {
	for _, s := range []string{"José Müller-Straße", "ΣΊΣΥΦΟΣ", "O'Neill  x", "ǅ ǆ ﬃ", "İstanbul"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // neither resources nor searches have such
		}
		once := string(appendFolded(nil, s))
		if twice := string(appendFolded(nil, once)); twice != once {
			t.Errorf("%q folds to %q, and that to %q", s, once, twice)
		}
		if head, _, ok := strings.Cut(s, " "); ok {
			if part := string(appendFolded(nil, head)); !strings.HasPrefix(once, part) {
				t.Errorf("%q folds to %q, which does not begin with %q of %q", s, once, part, head)
			}
		}
	})
}
