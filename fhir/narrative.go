package fhir

import "strings"

// xhtmlSpace is the namespace of narrative.
const xhtmlSpace = "http://www.w3.org/1999/xhtml"

// narrativeDepth bounds the nesting of elements in narrative.
const narrativeDepth = 64

// narrativeElements are the elements that narrative may have, each with its
// attributes: those of chapters 7 to 11 (without 9.4) and 15 of HTML 4.0, a and
// img, as https://hl7.org/fhir/R4/narrative.html#xhtml has it. Deprecated
// elements are left out, as it demands; so is whatever runs, loads or frames.
var narrativeElements = map[string]string{
	"div": "align", "span": "", "address": "", "bdo": "",
	"h1": "align", "h2": "align", "h3": "align", "h4": "align", "h5": "align", "h6": "align",
	"em": "", "strong": "", "dfn": "", "code": "", "samp": "", "kbd": "", "var": "", "cite": "",
	"abbr": "", "acronym": "", "blockquote": "cite", "q": "cite", "sub": "", "sup": "",
	"p": "align", "br": "clear", "pre": "width xml:space",
	"ul": "type compact", "ol": "type start compact", "li": "type value",
	"dl": "compact", "dt": "", "dd": "",
	"table":    "summary width border frame rules cellspacing cellpadding align bgcolor",
	"caption":  "align",
	"colgroup": "span width align char charoff valign",
	"col":      "span width align char charoff valign",
	"thead":    "align char charoff valign",
	"tbody":    "align char charoff valign",
	"tfoot":    "align char charoff valign",
	"tr":       "align char charoff valign bgcolor",
	"td":       "abbr axis headers scope rowspan colspan align char charoff valign nowrap bgcolor width height",
	"th":       "abbr axis headers scope rowspan colspan align char charoff valign nowrap bgcolor width height",
	"tt":       "", "i": "", "b": "", "big": "", "small": "",
	"hr":  "align noshade size width",
	"a":   "href name hreflang rel rev charset type accesskey tabindex",
	"img": "src alt longdesc width height align border hspace vspace",
}

// narrativeAttributes may stand on every element.
const narrativeAttributes = "style class id title lang xml:lang dir"

// CheckNarrative reports what keeps div from being narrative: one well-formed
// <div> in the XHTML namespace with some content, made of the elements and
// attributes of https://hl7.org/fhir/R4/narrative.html#xhtml only, without
// scripts in links or styles, and read alike by XML and by HTML parsers. White
// space around the div is allowed. The error is of kind Structure.
func CheckNarrative(div string) error {
	content, err := checkXHTML(div)
	if err == nil && !content {
		return Errorf(Structure, "the narrative has no content")
	}
	return err
}

// checkXHTML is CheckNarrative but for the content, which it reports. That there
// is some is no matter of safety but a rule of validation (txt-2), and published
// examples break it.
func checkXHTML(div string) (content bool, err error) {
	var open [16]string
	var attrs [8]xmlAttr
	n := narrativeChecker{xmlScanner: xmlScanner{
		src:   trimXML(div),
		label: "narrative",
		depth: narrativeDepth,
		open:  open[:0],
		attrs: attrs[:0],
	}}
	if err := n.check(); err != nil {
		return false, Errorf(Structure, "%s", err)
	}
	return n.content, nil
}

// trimXML returns s without white space around it.
func trimXML(s string) string { return strings.Trim(s, " \t\r\n") }

// A narrativeChecker goes through one narrative.
type narrativeChecker struct {
	xmlScanner
	content bool // text or an image was seen
}

func (n *narrativeChecker) check() error {
	for {
		kind, err := n.next()
		if err != nil {
			return err
		}
		switch kind {
		case xmlStart:
			err = n.element()
		case xmlText:
			n.content = n.content || n.visible
		case xmlCDATA:
			// An HTML parser ends such a section at its first >.
			err = n.refuse("a CDATA section is not allowed")
		case xmlComment:
			err = n.note()
		case xmlEOF:
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// refuse returns an error at the start of the token in hand.
func (n *narrativeChecker) refuse(format string, args ...any) error {
	n.at = n.start
	return n.fail(format, args...)
}

// note checks a comment. HTML parsers end a comment that begins with > or -> at
// once, and some read what stands in <!--[if …]>.
func (n *narrativeChecker) note() error {
	text := n.src[n.start+len("<!--") : n.at]
	if len(n.open) == 0 {
		return n.refuse("nothing may stand around the div")
	}
	if text[0] == '>' || text[0] == '[' || strings.HasPrefix(text, "->") {
		return n.refuse("a comment must not begin with >, -> or [")
	}
	return nil
}

// element checks a start tag.
func (n *narrativeChecker) element() error {
	own, known := narrativeElements[n.name]
	if !known {
		return n.refuse("the element %s is not allowed", clip(n.name))
	}
	root := len(n.open) == 1
	if root && n.name != "div" {
		return n.refuse("the root is a div, not %s", n.name)
	}
	spaced := false
	for i := range n.attrs {
		a := &n.attrs[i]
		if a.name == "xmlns" {
			spaced = true
			if a.value() != xhtmlSpace {
				return n.refuse("the namespace of %s must be %s", n.name, xhtmlSpace)
			}
			continue
		}
		if !hasWord(narrativeAttributes, a.name) && !hasWord(own, a.name) {
			return n.refuse("the attribute %s of %s is not allowed", clip(a.name), n.name)
		}
		if !safeAttr(a) {
			return n.refuse("the %s of %s may only lead to http, https, ftp, mailto, tel, urn, or an image as data:, and must not run anything", a.name, n.name)
		}
	}
	if root && !spaced {
		return n.refuse(`the div must have xmlns="%s"`, xhtmlSpace)
	}
	n.content = n.content || n.name == "img"
	return nil
}

// hasWord reports whether list, words with one space between, has the word.
func hasWord(list, word string) bool {
	for list != "" {
		var first string
		if first, list, _ = strings.Cut(list, " "); first == word {
			return true
		}
	}
	return false
}

// safeAttr reports whether the value of an attribute can do no harm in a
// browser.
func safeAttr(a *xmlAttr) bool {
	switch a.name {
	case "href", "longdesc", "cite":
		return safeURL(a.value(), false)
	case "src":
		return safeURL(a.value(), true)
	case "style":
		return safeStyle(a.value())
	}
	return true
}

// safeURL reports whether a URL is relative or has a scheme that runs nothing.
// Browsers skip control characters and white space in a scheme, so they are
// skipped here; a colon after anything else but a known scheme is refused.
func safeURL(url string, image bool) bool {
	var buf [12]byte
	scheme := buf[:0]
	for i := range len(url) {
		switch c := url[i]; {
		case c <= ' ' || c == 0x7F:
		case c == '/' || c == '?' || c == '#':
			return true
		case c == ':':
			return safeScheme(string(scheme), url[i+1:], image)
		case len(scheme) == cap(scheme):
			return !strings.ContainsRune(untilAny(url[i:], "/?#"), ':')
		case c >= 'A' && c <= 'Z':
			scheme = append(scheme, c|0x20)
		default:
			scheme = append(scheme, c)
		}
	}
	return true
}

// untilAny returns s up to the first of some characters.
func untilAny(s, chars string) string {
	if i := strings.IndexAny(s, chars); i >= 0 {
		return s[:i]
	}
	return s
}

// safeScheme reports whether links, or the sources of images, may have a scheme.
func safeScheme(scheme, rest string, image bool) bool {
	switch scheme {
	case "http", "https", "urn": // a urn:uuid may name a Binary in the same bundle
		return true
	case "ftp", "mailto", "tel":
		return !image
	case "data":
		rest = strings.TrimLeft(rest, " \t\r\n")
		return image && len(rest) > len("image/") && strings.EqualFold(rest[:len("image/")], "image/")
	}
	return false
}

// styleDangers can make old and new browsers run or load what stands in a
// style; they are looked for in lower case and without white space.
var styleDangers = []string{"expression(", "javascript:", "vbscript:", "behavior:", "-moz-binding", "@"}

// safeStyle reports whether a style only styles. Escapes and comments, which
// could hide something from this look, are refused.
func safeStyle(style string) bool {
	if strings.IndexByte(style, '\\') >= 0 || strings.Contains(style, "/*") || strings.IndexByte(style, '<') >= 0 {
		return false
	}
	var buf [256]byte
	plain := buf[:0]
	for i := range len(style) {
		c := style[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c > ' ' && c != 0x7F {
			plain = append(plain, c)
		}
	}
	text := string(plain)
	for _, danger := range styleDangers {
		if strings.Contains(text, danger) {
			return false
		}
	}
	for {
		_, after, found := strings.Cut(text, "url(")
		if !found {
			return true
		}
		url, rest, closed := strings.Cut(after, ")")
		if !closed || !safeURL(strings.Trim(url, `"'`), true) {
			return false
		}
		text = rest
	}
}
