package search

import "testing"

// TestAppendWords holds the way of ASCII against that of any text.
func TestAppendWords(t *testing.T) {
	for _, text := range []string{
		"", " ", "Ada", "Ada  Lovelace", "O'Neill's  (5 mg/dL)", "a+b=c", "<", "x<", "<x", "a - b", "Übung macht", "ß und ss", "end ä",
	} {
		for _, before := range []string{"", "before"} {
			want := string(appendAnyWords([]byte(before), string(appendFolded(nil, text))))
			if got := string(appendWords([]byte(before), text)); got != want {
				t.Errorf("%q behind %q: got %q, want %q", text, before, got, want)
			}
		}
	}
}
