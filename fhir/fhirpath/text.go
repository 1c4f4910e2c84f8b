package fhirpath

import (
	"encoding/base64"
	"encoding/hex"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/noafhir/noafhir/fhir"
)

// The functions of https://hl7.org/fhirpath/N1/#string-manipulation, and those
// that later releases add. Positions and lengths are counted in characters.
var stringFunctions = map[string]function{
	"indexOf": scalar(wantString, func(_ *frame, _ *Expr, i Item, args []Item) Item {
		return position(i.text, strings.Index(i.text, args[0].text))
	}, wantString),
	"lastIndexOf": scalar(wantString, func(_ *frame, _ *Expr, i Item, args []Item) Item {
		return position(i.text, strings.LastIndex(i.text, args[0].text))
	}, wantString),
	"substring": scalar(wantString, substring, wantInteger, wantInteger|optional),
	"startsWith": scalar(wantString, func(_ *frame, _ *Expr, i Item, args []Item) Item {
		return Boolean(strings.HasPrefix(i.text, args[0].text))
	}, wantString),
	"endsWith": scalar(wantString, func(_ *frame, _ *Expr, i Item, args []Item) Item {
		return Boolean(strings.HasSuffix(i.text, args[0].text))
	}, wantString),
	"contains": scalar(wantString, func(_ *frame, _ *Expr, i Item, args []Item) Item {
		return Boolean(strings.Contains(i.text, args[0].text))
	}, wantString),
	"upper": scalar(wantString, func(f *frame, e *Expr, i Item, _ []Item) Item { return f.text(e, strings.ToUpper(i.text)) }),
	"lower": scalar(wantString, func(f *frame, e *Expr, i Item, _ []Item) Item { return f.text(e, strings.ToLower(i.text)) }),
	"trim":  scalar(wantString, func(_ *frame, _ *Expr, i Item, _ []Item) Item { return String(strings.Trim(i.text, " \t\r\n")) }),
	"length": scalar(wantString, func(_ *frame, _ *Expr, i Item, _ []Item) Item {
		return Integer(int64(utf8.RuneCountInString(i.text)))
	}),
	"replace":        scalar(wantString, replace, wantString, wantString),
	"matches":        scalar(wantString, matches, wantString, wantString|optional),
	"matchesFull":    scalar(wantString, matches, wantString, wantString|optional),
	"replaceMatches": scalar(wantString, replaceMatches, wantString, wantString, wantString|optional),
	"encode":         scalar(wantString, encode, wantString),
	"decode":         scalar(wantString, decode, wantString),
	"escape":         scalar(wantString, escape, wantString),
	"unescape":       scalar(wantString, unescape, wantString),
	"toChars":        {0, 0, split},
	"split":          {1, 1, split},
	"join":           {0, 1, join},
}

// position counts the characters before byte at; -1 stays.
func position(s string, at int) Item {
	if at > 0 {
		at = utf8.RuneCountInString(s[:at])
	}
	return Integer(int64(at))
}

// cut returns the byte at which the n-th character of s begins; false if there
// are not so many.
func cut(s string, n int64) (int, bool) {
	for at := range s {
		if n == 0 {
			return at, true
		}
		n--
	}
	return len(s), n == 0
}

func substring(_ *frame, _ *Expr, i Item, args []Item) Item {
	start, ok := cut(i.text, args[0].integer())
	if !ok || args[0].integer() < 0 || start == len(i.text) {
		return Item{}
	}
	rest := i.text[start:]
	if args[1].kind != 0 {
		end, _ := cut(rest, max(0, args[1].integer()))
		rest = rest[:end]
	}
	return String(rest)
}

// replace bounds the result before it is made.
func replace(f *frame, e *Expr, i Item, args []Item) Item {
	old, with := args[0].text, args[1].text
	n := strings.Count(i.text, old)
	if len(i.text)+n*(len(with)-len(old)) > maxText {
		return f.text(e, strings.Repeat(" ", maxText+1))
	}
	return f.text(e, strings.ReplaceAll(i.text, old, with))
}

// maxPattern bounds a regular expression. Matching takes time in proportion to
// pattern and text, never more.
const maxPattern = 4096

// pattern compiles the regular expression of matches and its like: single line
// mode, where . stands for line ends too. Flags are i and m.
func (f *frame) pattern(e *Expr, pattern, flags string, full bool) *regexp.Regexp {
	if strings.Trim(flags, "im") != "" {
		f.fail(fhir.Invalid, e, "%s() has no flags %q, only i and m", e.Text, flags)
		return nil
	}
	if len(pattern) > maxPattern || !f.spend(len(pattern)) {
		f.fail(fhir.TooCostly, e, "a regular expression is over %d bytes", maxPattern)
		return nil
	}
	if full {
		pattern = "^(?:" + pattern + ")$"
	}
	re, err := regexp.Compile("(?s" + flags + ")" + pattern)
	if err != nil {
		f.fail(fhir.Invalid, e, "the regular expression can not be read: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
		return nil
	}
	return re
}

func matches(f *frame, e *Expr, i Item, args []Item) Item {
	re := f.pattern(e, args[0].text, args[1].text, e.Text == "matchesFull")
	if re == nil || !f.spend(len(i.text)) {
		return Item{}
	}
	return Boolean(re.MatchString(i.text))
}

// replaceMatches leaves the text as it is for an empty pattern, which would match
// everywhere.
func replaceMatches(f *frame, e *Expr, i Item, args []Item) Item {
	re := f.pattern(e, args[0].text, args[2].text, false)
	if re == nil || !f.spend(len(i.text)) {
		return Item{}
	}
	if args[0].text == "" {
		return i
	}
	n := len(re.FindAllStringIndex(i.text, -1))
	if len(i.text)+n*(len(args[1].text)+len(i.text)*strings.Count(args[1].text, "$")) > 16*maxText {
		return f.text(e, strings.Repeat(" ", maxText+1))
	}
	return f.text(e, re.ReplaceAllString(i.text, args[1].text))
}

func encode(f *frame, e *Expr, i Item, args []Item) Item {
	switch args[0].text {
	case "hex":
		return f.text(e, hex.EncodeToString([]byte(i.text)))
	case "base64":
		return f.text(e, base64.StdEncoding.EncodeToString([]byte(i.text)))
	case "urlbase64":
		return f.text(e, base64.URLEncoding.EncodeToString([]byte(i.text)))
	}
	f.fail(fhir.Invalid, e, "encode() knows hex, base64 and urlbase64, not %q", args[0].text)
	return Item{}
}

// decode is empty for what is not well formed, or no text.
func decode(f *frame, e *Expr, i Item, args []Item) Item {
	var text []byte
	var err error
	switch args[0].text {
	case "hex":
		text, err = hex.DecodeString(i.text)
	case "base64":
		text, err = base64.StdEncoding.DecodeString(i.text)
	case "urlbase64":
		text, err = base64.URLEncoding.DecodeString(i.text)
	default:
		f.fail(fhir.Invalid, e, "decode() knows hex, base64 and urlbase64, not %q", args[0].text)
		return Item{}
	}
	if err != nil || !utf8.Valid(text) {
		return Item{}
	}
	return String(string(text))
}

var escapeHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

func escape(f *frame, e *Expr, i Item, args []Item) Item {
	switch args[0].text {
	case "html":
		return f.text(e, escapeHTML.Replace(i.text))
	case "json":
		quoted := fhir.Quote(i.text)
		return f.text(e, quoted[1:len(quoted)-1])
	}
	f.fail(fhir.Invalid, e, "escape() knows html and json, not %q", args[0].text)
	return Item{}
}

// unescape is empty for text that is not well formed.
func unescape(f *frame, e *Expr, i Item, args []Item) Item {
	switch args[0].text {
	case "html":
		return String(html.UnescapeString(i.text))
	case "json":
		// Quotes need no escape here: the text stands for itself otherwise.
		quoted := strings.ReplaceAll(strings.ReplaceAll(i.text, `\"`, `"`), `"`, `\"`)
		tree, err := fhir.ScanJSON([]byte(`"`+quoted+`"`), fhir.Limits{})
		if err != nil {
			return Item{}
		}
		return String(tree.Root().Text())
	}
	f.fail(fhir.Invalid, e, "unescape() knows html and json, not %q", args[0].text)
	return Item{}
}

// split compiles split, and toChars, which splits everywhere.
func split(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		i, ok := f.one(e, input(f, in), wantString, "what "+e.Text+"() is applied to")
		var separator Item
		if len(args) > 0 {
			var given bool
			separator, given = f.one(e, args[0](f, in), wantString, "the separator")
			ok = ok && given
		}
		if !ok || !f.spend(len(i.text)) {
			return nil
		}
		at := len(f.items)
		if i.text == "" && separator.text == "" {
			return nil
		}
		for s := range strings.SplitSeq(i.text, separator.text) {
			f.items = append(f.items, String(s))
		}
		f.spend(len(f.items) - at)
		return f.since(at)
	}, nil
}

func join(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		var separator Item
		if len(args) > 0 {
			separator, _ = f.one(e, args[0](f, in), wantString, "the separator")
		}
		if len(items) == 0 {
			return nil
		}
		var b strings.Builder
		for k := range items {
			i, _ := f.one(e, items[k:k+1], wantString, "what join() is applied to")
			if k > 0 {
				b.WriteString(separator.text)
			}
			b.WriteString(i.text)
			if b.Len() > maxText || !f.spend(1) {
				break
			}
		}
		return f.giveIf(f.text(e, b.String()))
	}, nil
}
