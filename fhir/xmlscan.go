package fhir

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// An xmlKind is the kind of a token.
type xmlKind uint8

// The kinds of token.
const (
	xmlEnd     xmlKind = iota + 1 // </a>, or the second half of <a/>
	xmlStart                      // <a …>
	xmlText                       // character data
	xmlCDATA                      // <![CDATA[…]]>
	xmlComment                    // <!--…-->
	xmlEOF                        // the text is over
)

// maxXMLAttrs bounds the attributes of one element.
const maxXMLAttrs = 64

// An xmlAttr is an attribute of a start tag.
type xmlAttr struct {
	name       string // as written, with prefix
	raw        string // between the quotes, references unresolved
	plain      bool   // raw is the value
	start, end int    // name="raw" in the source
}

// value returns the attribute's value as https://www.w3.org/TR/xml/#AVNormalize
// has it: references resolved, white space written literally turned to spaces.
func (a *xmlAttr) value() string {
	if a.plain {
		return a.raw
	}
	var b strings.Builder
	b.Grow(len(a.raw))
	for i := 0; i < len(a.raw); {
		switch c := a.raw[i]; c {
		case '&':
			r, n := xmlReference(a.raw[i:])
			b.WriteRune(r)
			i += n
		case '\r':
			b.WriteByte(' ')
			if i++; i < len(a.raw) && a.raw[i] == '\n' {
				i++
			}
		case '\t', '\n':
			b.WriteByte(' ')
			i++
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String()
}

// An xmlScanner splits XML 1.0 (https://www.w3.org/TR/xml/) into tokens. It
// reads the part of XML that FHIR needs and refuses the rest: document types,
// processing instructions, entities other than the five of XML itself, names
// outside ASCII. What it lets pass is well formed: elements are balanced, there
// is one root, attributes are unique by their names as written, and all
// characters are ones that XML has.
type xmlScanner struct {
	src   string
	label string // what the text is, for messages
	depth int    // how many elements may be open at once

	at     int
	open   []string // names of the open elements
	rooted bool     // the root has been seen
	ending bool     // the next token is the end of <a/>

	// The token in hand:
	start   int       // it is src[start:at]
	name    string    // of a tag, as written
	attrs   []xmlAttr // of a start tag; reused by the next one
	empty   bool      // the start tag is <a/>; its end follows as a token without length
	visible bool      // the text or CDATA has more than white space
}

// fail returns an error at the current position, counted in lines and columns.
func (s *xmlScanner) fail(format string, args ...any) error {
	before := s.src[:min(s.at, len(s.src))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return Errorf(Invalid, "%s line %d column %d: %s", s.label, line, column, fmt.Sprintf(format, args...))
}

// next moves to the next token.
func (s *xmlScanner) next() (xmlKind, error) {
	s.start = s.at
	if s.ending {
		s.ending = false
		s.name = s.pop()
		return xmlEnd, nil
	}
	if s.at == len(s.src) {
		if len(s.open) > 0 {
			return 0, s.fail("the text ends inside <%s>", s.open[len(s.open)-1])
		}
		if !s.rooted {
			return 0, s.fail("there is no element")
		}
		return xmlEOF, nil
	}
	if s.src[s.at] != '<' {
		return s.text()
	}
	rest := s.src[s.at:]
	switch {
	case strings.HasPrefix(rest, "</"):
		return s.endTag()
	case strings.HasPrefix(rest, "<!--"):
		return s.comment()
	case strings.HasPrefix(rest, "<![CDATA["):
		return s.cdata()
	case strings.HasPrefix(rest, "<!"):
		return 0, s.fail("a document type (<!DOCTYPE) is not allowed")
	case strings.HasPrefix(rest, "<?"):
		return 0, s.fail("a processing instruction is not allowed")
	}
	return s.startTag()
}

// pop closes the innermost element and returns its name.
func (s *xmlScanner) pop() string {
	last := len(s.open) - 1
	name := s.open[last]
	s.open = s.open[:last]
	return name
}

// xmlWhite reports whether c is white space of XML.
func xmlWhite(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// white moves past white space and reports whether there was any.
func (s *xmlScanner) white() bool {
	start := s.at
	for s.at < len(s.src) && xmlWhite(s.src[s.at]) {
		s.at++
	}
	return s.at > start
}

// peek returns the byte in hand, 0 at the end.
func (s *xmlScanner) peek() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

// text reads character data.
func (s *xmlScanner) text() (xmlKind, error) {
	s.visible = false
	for s.at < len(s.src) && s.src[s.at] != '<' {
		switch c := s.src[s.at]; {
		case c == '&':
			r, err := s.reference()
			if err != nil {
				return 0, err
			}
			s.visible = s.visible || r > ' '
		case c == ']' && strings.HasPrefix(s.src[s.at:], "]]>"):
			return 0, s.fail("]]> must not stand in text")
		case xmlWhite(c):
			s.at++
		default:
			s.visible = true
			if err := s.char(); err != nil {
				return 0, err
			}
		}
	}
	if len(s.open) == 0 && s.visible {
		s.at = s.start
		return 0, s.fail("text outside of the root element")
	}
	return xmlText, nil
}

// char moves past one character of the source, other than white space.
func (s *xmlScanner) char() error {
	c := s.src[s.at]
	switch {
	case c < ' ':
		if c == 0 {
			return s.fail("a NUL byte: the encoding must be UTF-8")
		}
		return s.fail("a control character that XML does not have")
	case c < utf8.RuneSelf:
		s.at++
		return nil
	}
	r, n := utf8.DecodeRuneInString(s.src[s.at:])
	if r == utf8.RuneError && n == 1 {
		return s.fail("the text is not valid UTF-8")
	}
	if !xmlChar(r) {
		return s.fail("U+%04X is no character of XML", r)
	}
	s.at += n
	return nil
}

// xmlChar reports whether r is a character that XML 1.0 can carry.
func xmlChar(r rune) bool {
	return r >= ' ' && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' ||
		r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}

// reference moves past a reference and returns the character it stands for.
func (s *xmlScanner) reference() (rune, error) {
	r, n := xmlReference(s.src[s.at:])
	if n > 0 {
		s.at += n
		return r, nil
	}
	end := strings.IndexByte(s.src[s.at:min(len(s.src), s.at+12)], ';')
	if end < 2 {
		return 0, s.fail("& must be written as &amp;")
	}
	return 0, s.fail("unknown entity %s: write the character itself", clip(s.src[s.at:s.at+end+1]))
}

// xmlReference returns the character that the reference at the start of text
// stands for and the length of the reference, 0 if it is none.
func xmlReference(text string) (rune, int) {
	end := strings.IndexByte(text[:min(len(text), 12)], ';')
	if end < 2 {
		return 0, 0
	}
	switch name := text[1:end]; name {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if name[0] != '#' {
			return 0, 0
		}
		r := xmlCodePoint(name[1:])
		if !xmlChar(r) {
			return 0, 0
		}
		return r, end + 1
	}
}

// xmlCodePoint reads the number of a character reference, at most nine digits;
// -1 if it is none.
func xmlCodePoint(digits string) rune {
	base := rune(10)
	if strings.HasPrefix(digits, "x") {
		base, digits = 16, digits[1:]
	}
	if digits == "" {
		return -1
	}
	var r rune
	for i := range len(digits) {
		d := hexDigit(digits[i])
		if d < 0 || d >= base || r > utf8.MaxRune {
			return -1
		}
		r = r*base + d
	}
	return r
}

// hexDigit returns the value of a hex digit, -1 if c is none.
func hexDigit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// cdata reads a CDATA section.
func (s *xmlScanner) cdata() (xmlKind, error) {
	if len(s.open) == 0 {
		return 0, s.fail("text outside of the root element")
	}
	s.at += len("<![CDATA[")
	s.visible = false
	end, err := s.until("]]>", "a CDATA section")
	if err != nil {
		return 0, err
	}
	for i := s.start + len("<![CDATA["); i < end && !s.visible; i++ {
		s.visible = !xmlWhite(s.src[i])
	}
	return xmlCDATA, nil
}

// comment reads a comment.
func (s *xmlScanner) comment() (xmlKind, error) {
	s.at += len("<!--")
	end, err := s.until("--", "a comment")
	if err != nil {
		return 0, err
	}
	if s.peek() != '>' {
		s.at = end
		return 0, s.fail("-- must not stand in a comment")
	}
	s.at++
	return xmlComment, nil
}

// until moves past the next occurrence of mark, checking the characters up to
// it, and returns where it stands.
func (s *xmlScanner) until(mark, what string) (int, error) {
	n := strings.Index(s.src[s.at:], mark)
	if n < 0 {
		return 0, s.fail("%s has no end", what)
	}
	end := s.at + n
	for s.at < end {
		if xmlWhite(s.src[s.at]) {
			s.at++
		} else if err := s.char(); err != nil {
			return 0, err
		}
	}
	s.at += len(mark)
	return end, nil
}

// qname reads a name, which may have a prefix.
func (s *xmlScanner) qname() (string, error) {
	start, colons := s.at, 0
	for ; s.at < len(s.src); s.at++ {
		c := s.src[s.at]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' {
			continue
		}
		begins := s.at == start || s.src[s.at-1] == ':'
		if c == ':' && !begins {
			colons++
			continue
		}
		if begins || (c < '0' || c > '9') && c != '-' && c != '.' {
			break
		}
	}
	if s.at == start || s.src[s.at-1] == ':' || colons > 1 {
		if s.peek() >= utf8.RuneSelf {
			return "", s.fail("names are plain ASCII")
		}
		return "", s.fail("a name was expected")
	}
	if s.peek() >= utf8.RuneSelf {
		return "", s.fail("names are plain ASCII")
	}
	return s.src[start:s.at], nil
}

// startTag reads a start tag.
func (s *xmlScanner) startTag() (xmlKind, error) {
	if len(s.open) == 0 && s.rooted {
		return 0, s.fail("a second root element")
	}
	if len(s.open) >= s.depth {
		return 0, s.fail("nested deeper than %d levels", s.depth)
	}
	s.at++
	name, err := s.qname()
	if err != nil {
		return 0, err
	}
	s.attrs = s.attrs[:0]
	for {
		separate := s.white()
		switch c := s.peek(); {
		case c == '>':
			s.at++
			return s.started(name, false)
		case c == '/':
			if !strings.HasPrefix(s.src[s.at:], "/>") {
				return 0, s.fail("expected /> at the end of <%s", name)
			}
			s.at += 2
			return s.started(name, true)
		case !separate:
			return 0, s.fail("expected white space, > or /> in <%s", name)
		}
		if err := s.attr(); err != nil {
			return 0, err
		}
	}
}

func (s *xmlScanner) started(name string, empty bool) (xmlKind, error) {
	s.name, s.empty, s.ending, s.rooted = name, empty, empty, true
	s.open = append(s.open, name)
	return xmlStart, nil
}

// attr reads an attribute.
func (s *xmlScanner) attr() error {
	a := xmlAttr{start: s.at}
	var err error
	if a.name, err = s.qname(); err != nil {
		return err
	}
	for i := range s.attrs {
		if s.attrs[i].name == a.name {
			return s.fail("the attribute %s occurs twice", a.name)
		}
	}
	if len(s.attrs) == maxXMLAttrs {
		return s.fail("an element has over %d attributes", maxXMLAttrs)
	}
	s.white()
	if s.peek() != '=' {
		return s.fail("expected = after the attribute %s", a.name)
	}
	s.at++
	s.white()
	if err := s.attrValue(&a); err != nil {
		return err
	}
	a.end = s.at
	s.attrs = append(s.attrs, a)
	return nil
}

// attrValue reads an attribute's value from quote to quote.
func (s *xmlScanner) attrValue(a *xmlAttr) error {
	quote := s.peek()
	if quote != '"' && quote != '\'' {
		return s.fail("the value of the attribute %s must stand in quotes", a.name)
	}
	s.at++
	start := s.at
	a.plain = true
	for {
		if s.at == len(s.src) {
			return s.fail("the value of the attribute %s has no end", a.name)
		}
		switch c := s.src[s.at]; {
		case c == quote:
			a.raw = s.src[start:s.at]
			s.at++
			return nil
		case c == '<':
			return s.fail("< must be written as &lt; in an attribute")
		case c == '&':
			a.plain = false
			if _, err := s.reference(); err != nil {
				return err
			}
		case c == ' ':
			s.at++
		case xmlWhite(c):
			a.plain = false
			s.at++
		default:
			if err := s.char(); err != nil {
				return err
			}
		}
	}
}

// endTag reads an end tag, which must close the innermost element.
func (s *xmlScanner) endTag() (xmlKind, error) {
	s.at += 2
	name, err := s.qname()
	if err != nil {
		return 0, err
	}
	s.white()
	if s.peek() != '>' {
		return 0, s.fail("expected > at the end of </%s", name)
	}
	if len(s.open) == 0 || s.open[len(s.open)-1] != name {
		s.at = s.start
		return 0, s.fail("</%s> closes nothing", clip(name))
	}
	s.at++
	s.name = s.pop()
	return xmlEnd, nil
}
