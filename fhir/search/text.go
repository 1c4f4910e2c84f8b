package search

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/noafhir/noafhir/fhir"
)

// A TextField is what a text search looks at.
type TextField uint8

// The fields.
const (
	Narrative TextField = iota // text.div, without markup
	Content                    // every text, code and identifier in the resource
)

// String returns the name of the parameter.
func (f TextField) String() string {
	if f == Narrative {
		return "_text"
	}
	return "_content"
}

// A Text is a condition on the words of a resource: words and phrases, joined by
// AND, OR and NOT. Words are as strings are folded in searches, cut at everything
// that is neither letter nor digit.
type Text struct {
	Field TextField

	reg  *Registry
	expr *textExpr
}

// A textOp says how the parts of a textExpr are joined.
type textOp uint8

const (
	phrase textOp = iota
	allOf
	anyOf
)

// A textExpr is a phrase, or an expression of several.
type textExpr struct {
	op     textOp
	words  []string    // of a phrase
	prefix bool        // the last word of the phrase may go on
	parts  []*textExpr // at least one
	but    []*textExpr // of allOf: what must not hold
}

// Boundary is the word between two texts, which no phrase has. It is a word to
// SQLite's ascii tokenizer too.
const Boundary = "¶"

// Words returns the words that a field of a resource has, a space between any two;
// those of its id and meta are no content. Between two texts stands a word that no
// search looks for. A full-text index of it must cut words at nothing but ASCII
// characters that are neither letters nor digits; SQLite's tokenizer ascii does.
func (r *Registry) Words(field TextField, res *fhir.Resource) string {
	div := res.Root().Get("text").Get("div")
	if field == Narrative {
		return string(appendWords(nil, plainText(div.Text())))
	}
	var out []byte
	binary, xhtml := r.schema.TypeByName("base64Binary"), r.schema.TypeByName("xhtml")
	for m := range res.Root().Children {
		if m.Key() == "meta" || m.Key() == "id" {
			continue
		}
		tree := res.Tree()
		for i := m.Index(); i < m.Node().Next; i++ {
			n := &tree.Nodes[i]
			if n.Kind != fhir.StringNode || n.Elem == 0 || n.Type == binary {
				continue
			}
			text := tree.At(i).Text()
			if n.Type == xhtml {
				text = plainText(text)
			}
			if len(out) > 0 {
				out = append(out, " "+Boundary...)
			}
			out = appendWords(out, text)
		}
	}
	return string(out)
}

// appendWords appends the words of a text, each behind a space but the first.
func appendWords(dst []byte, text string) []byte {
	var buf [256]byte
	folded, start := appendFolded(buf[:0], text), len(dst)
	for i, c := range folded {
		if c >= utf8.RuneSelf {
			return appendAnyWords(dst[:start], string(folded))
		}
		if !asciiWord(c) {
			continue
		}
		if len(dst) > 0 && (i == 0 || !asciiWord(folded[i-1])) {
			dst = append(dst, ' ')
		}
		dst = append(dst, c)
	}
	return dst
}

// asciiWord is the opposite of notWord for folded ASCII.
func asciiWord(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }

// appendAnyWords is appendWords for any text that is folded.
func appendAnyWords(dst []byte, folded string) []byte {
	for word := range strings.FieldsFuncSeq(folded, notWord) {
		if len(dst) > 0 {
			dst = append(dst, ' ')
		}
		dst = append(dst, word...)
	}
	return dst
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) }

// inline are the elements of XHTML that do not end a word.
var inline = map[string]bool{
	"a": true, "abbr": true, "b": true, "big": true, "cite": true, "code": true, "em": true, "i": true, "q": true,
	"small": true, "span": true, "strong": true, "sub": true, "sup": true, "tt": true, "u": true,
}

// plainText returns the text of a piece of XHTML.
func plainText(xhtml string) string {
	var b strings.Builder
	for {
		before, tag, found := strings.Cut(xhtml, "<")
		b.WriteString(before)
		if !found {
			return html.UnescapeString(b.String())
		}
		end := ">"
		if strings.HasPrefix(tag, "!--") {
			end = "-->"
		}
		tag, xhtml, _ = strings.Cut(tag, end)
		name := strings.TrimPrefix(tag, "/")
		if i := strings.IndexAny(name, " \t\r\n/"); i >= 0 {
			name = name[:i]
		}
		if !inline[name] {
			b.WriteByte(' ')
		}
	}
}

func (t *Text) matches(r *fhir.Resource) bool { return t.Holds(t.reg.Words(t.Field, r)) }

// Holds reports whether the words that a resource has in the field, as
// [Registry.Words] returns them, meet the condition.
func (t *Text) Holds(words string) bool { return t.expr.holds(" " + words + " ") }

func (e *textExpr) holds(words string) bool {
	switch e.op {
	case phrase:
		text := " " + strings.Join(e.words, " ")
		if !e.prefix {
			text += " "
		}
		return strings.Contains(words, text)
	case anyOf:
		for _, p := range e.parts {
			if p.holds(words) {
				return true
			}
		}
		return false
	}
	for _, p := range e.parts {
		if !p.holds(words) {
			return false
		}
	}
	for _, p := range e.but {
		if p.holds(words) {
			return false
		}
	}
	return true
}

// A WordTree is a condition on which words a resource has, for indexes of single
// words. One of Word, All and Any is set.
type WordTree struct {
	Word   string // it has the word
	Prefix bool   // or one that begins with it

	All  []WordTree // all hold
	None []WordTree // and of these, none
	Any  []WordTree // one holds

	// Loose says that more than the tree tells has to hold: that the words of a
	// phrase stand side by side.
	Loose bool
}

// Tree returns the condition as one on single words.
func (t *Text) Tree() WordTree { return t.expr.tree() }

func (e *textExpr) tree() WordTree {
	switch e.op {
	case phrase:
		var words []WordTree
		for i, w := range e.words {
			words = append(words, WordTree{Word: w, Prefix: e.prefix && i == len(e.words)-1})
		}
		if len(words) == 1 {
			return words[0]
		}
		return WordTree{All: words, Loose: true}
	case anyOf:
		return WordTree{Any: trees(e.parts)}
	}
	return WordTree{All: trees(e.parts), None: trees(e.but)}
}

func trees(parts []*textExpr) []WordTree {
	var all []WordTree
	for _, p := range parts {
		all = append(all, p.tree())
	}
	return all
}

// FTS5 returns the condition as an expression of SQLite's full-text search. There
// is nothing but letters and digits within its quotes.
func (t *Text) FTS5() string {
	var b strings.Builder
	t.expr.fts5(&b)
	return b.String()
}

func (e *textExpr) fts5(b *strings.Builder) {
	switch e.op {
	case phrase:
		b.WriteString(`"` + strings.Join(e.words, " ") + `"`)
		if e.prefix {
			b.WriteString(" *")
		}
		return
	case anyOf:
		join(b, e.parts, " OR ")
		return
	}
	for range e.but {
		b.WriteByte('(')
	}
	join(b, e.parts, " AND ")
	for _, p := range e.but {
		b.WriteString(" NOT ")
		p.fts5(b)
		b.WriteByte(')')
	}
}

func join(b *strings.Builder, parts []*textExpr, operator string) {
	b.WriteByte('(')
	for i, p := range parts {
		if i > 0 {
			b.WriteString(operator)
		}
		p.fts5(b)
	}
	b.WriteByte(')')
}
