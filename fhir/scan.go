package fhir

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"unicode/utf8"
)

// Limits bound what a parser accepts. Zero means the default of
// [DefaultLimits].
type Limits struct {
	Depth        int // nesting of objects and arrays
	Nodes        int // JSON values in one text
	StringBytes  int // of one string, base64Binary excepted
	NumberDigits int // characters of one number
}

// DefaultLimits suit single resources. Bundles need more nodes.
var DefaultLimits = Limits{Depth: 64, Nodes: 200_000, StringBytes: 1 << 20, NumberDigits: 64}

// or returns l with every zero taken from d.
func (l Limits) or(d Limits) Limits {
	pick := func(a, b int) int {
		if a > 0 {
			return a
		}
		return b
	}
	return Limits{pick(l.Depth, d.Depth), pick(l.Nodes, d.Nodes), pick(l.StringBytes, d.StringBytes), pick(l.NumberDigits, d.NumberDigits)}
}

// noCharacter says why U+FFFE and U+FFFF are refused: XML can not carry them.
const noCharacter = "U+FFFE and U+FFFF are no characters"

// maxExponent bounds the exponent of a number, so that arithmetic on it stays
// affordable.
const maxExponent = 400

// A scanner reads one JSON text (RFC 8259) into nodes, strictly:
// valid UTF-8, no lone surrogates, no NUL, nothing that RFC 8259 does not have.
type scanner struct {
	src    []byte
	at     int
	nodes  []Node
	limits Limits
	spaces bool // white space was seen between tokens
}

// scratch holds node lists for reuse; trees get exact copies.
var scratch = sync.Pool{New: func() any { s := make([]Node, 0, 512); return &s }}

// ScanJSON reads src as one JSON text into a tree without looking at what it
// means. The tree may keep src. Whether member names are unique is for [Codec]
// to check.
func ScanJSON(src []byte, limits Limits) (*Tree, error) {
	limits = limits.or(DefaultLimits)
	src = bytes.TrimPrefix(src, []byte("\uFEFF")) // RFC 8259 §8.1 lets us
	if len(src) >= 1<<31 {
		return nil, Errorf(TooLarge, "the text is over 2 GiB")
	}
	buf := scratch.Get().(*[]Node)
	defer func() {
		if cap(*buf) > 1<<16 {
			*buf = make([]Node, 0, 512)
		}
		scratch.Put(buf)
	}()
	s := scanner{src: src, nodes: (*buf)[:0], limits: limits}
	err := s.document()
	*buf = s.nodes[:0]
	if err != nil {
		return nil, err
	}
	if s.spaces {
		s = scanner{src: s.compact(), nodes: s.nodes[:0], limits: limits}
		if err := s.document(); err != nil {
			return nil, err
		}
		*buf = s.nodes[:0]
	}
	nodes := make([]Node, len(s.nodes))
	copy(nodes, s.nodes)
	return &Tree{Src: s.src, Nodes: nodes}, nil
}

// compact returns the source without white space between tokens. It relies on
// the nodes of a successful scan.
func (s *scanner) compact() []byte {
	out := make([]byte, 0, len(s.src))
	inString := false
	from := 0
	for i := 0; i < len(s.src); i++ {
		c := s.src[i]
		if inString {
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
			continue
		}
		switch c {
		case '"':
			inString = true
		case ' ', '\t', '\r', '\n':
			out = append(out, s.src[from:i]...)
			from = i + 1
		}
	}
	return append(out, s.src[from:]...)
}

func (s *scanner) document() error {
	s.skip()
	if s.at == len(s.src) {
		return Errorf(Invalid, "the JSON is empty")
	}
	if err := s.value(0, 0, 0); err != nil {
		return err
	}
	s.skip()
	if s.at != len(s.src) {
		return s.fail("text after the end of the JSON value")
	}
	return nil
}

// fail returns an error at the current position, counted in lines and columns.
func (s *scanner) fail(format string, args ...any) error {
	line, column := 1, 1
	for _, c := range s.src[:min(s.at, len(s.src))] {
		if c == '\n' {
			line, column = line+1, 0
		}
		column++
	}
	return Errorf(Invalid, "JSON line %d column %d: %s", line, column, fmt.Sprintf(format, args...))
}

// skip moves past white space.
func (s *scanner) skip() {
	for s.at < len(s.src) {
		switch s.src[s.at] {
		case ' ', '\t', '\r', '\n':
			s.spaces = true
			s.at++
		default:
			return
		}
	}
}

// value reads one value. The key span, if any, is the caller's.
func (s *scanner) value(keyStart, keyEnd uint32, depth int) error {
	if s.at >= len(s.src) {
		return s.fail("the text ends too early")
	}
	if len(s.nodes) >= s.limits.Nodes {
		return Errorf(TooLarge, "the JSON has over %d values", s.limits.Nodes)
	}
	at := len(s.nodes)
	s.nodes = append(s.nodes, Node{KeyStart: keyStart, KeyEnd: keyEnd, Start: uint32(s.at)})
	kind, flags, err := NullNode, NodeFlags(0), error(nil)
	switch c := s.src[s.at]; c {
	case '{':
		kind, err = ObjectNode, s.object(depth+1)
	case '[':
		kind, err = ArrayNode, s.array(depth+1)
	case '"':
		kind = StringNode
		flags, err = s.str()
	case 't':
		kind, err = TrueNode, s.literal("true")
	case 'f':
		kind, err = FalseNode, s.literal("false")
	case 'n':
		err = s.literal("null")
	default:
		if c != '-' && (c < '0' || c > '9') {
			return s.fail("unexpected %q", rune(c))
		}
		kind, err = NumberNode, s.number()
	}
	if err != nil {
		return err
	}
	n := &s.nodes[at]
	n.Kind, n.Flags, n.End, n.Next = kind, flags, uint32(s.at), uint32(len(s.nodes))
	return nil
}

func (s *scanner) object(depth int) error {
	if depth > s.limits.Depth {
		return s.fail("nested deeper than %d levels", s.limits.Depth)
	}
	s.at++
	s.skip()
	if s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.fail("expected a member name")
		}
		start := s.at + 1
		flags, err := s.str()
		if err != nil {
			return err
		}
		if flags&(Escaped|NonASCII) != 0 {
			return s.fail("member names are written in plain ASCII, without escapes")
		}
		end := s.at - 1
		s.skip()
		if s.peek() != ':' {
			return s.fail("expected ':' after a member name")
		}
		s.at++
		s.skip()
		if err := s.value(uint32(start), uint32(end), depth); err != nil {
			return err
		}
		s.skip()
		switch s.peek() {
		case ',':
			s.at++
			s.skip()
		case '}':
			s.at++
			return nil
		default:
			return s.fail("expected ',' or '}' in an object")
		}
	}
}

func (s *scanner) array(depth int) error {
	if depth > s.limits.Depth {
		return s.fail("nested deeper than %d levels", s.limits.Depth)
	}
	s.at++
	s.skip()
	if s.peek() == ']' {
		s.at++
		return nil
	}
	for {
		if err := s.value(0, 0, depth); err != nil {
			return err
		}
		s.skip()
		switch s.peek() {
		case ',':
			s.at++
			s.skip()
		case ']':
			s.at++
			return nil
		default:
			return s.fail("expected ',' or ']' in an array")
		}
	}
}

// peek returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	if s.at < len(s.src) {
		return s.src[s.at]
	}
	return 0
}

func (s *scanner) literal(word string) error {
	if len(s.src)-s.at < len(word) || string(s.src[s.at:s.at+len(word)]) != word {
		return s.fail("expected %s", word)
	}
	s.at += len(word)
	return nil
}

// special reports whether any of eight bytes needs a closer look: a quote, a
// backslash, a control character, or one outside ASCII. The arithmetic is the
// usual "has a byte less than n" and "has a zero byte" on words.
func special(w uint64) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	quote := w ^ ones*'"'
	slash := w ^ ones*'\\'
	return (w|(w-ones*0x20)|(quote-ones)|(slash-ones))&highs != 0
}

// str reads a string from its opening quote past its closing one.
func (s *scanner) str() (NodeFlags, error) {
	var flags NodeFlags
	i := s.at + 1
	for {
		for i+8 <= len(s.src) && !special(binary.LittleEndian.Uint64(s.src[i:])) {
			i += 8
		}
		if i >= len(s.src) {
			s.at = i
			return 0, s.fail("a string has no end")
		}
		switch c := s.src[i]; {
		case c == '"':
			s.at = i + 1
			return flags, nil
		case c == '\\':
			n, err := s.escape(i)
			if err != nil {
				return 0, err
			}
			flags |= Escaped
			i += n
		case c < 0x20:
			s.at = i
			return 0, s.fail("a control character must be escaped in a string")
		case c < utf8.RuneSelf:
			i++
		default:
			r, n := utf8.DecodeRune(s.src[i:])
			if r == utf8.RuneError && n == 1 {
				s.at = i
				return 0, s.fail("the text is not valid UTF-8")
			}
			if r >= 0xFFFE && r <= 0xFFFF {
				s.at = i
				return 0, s.fail(noCharacter)
			}
			flags |= NonASCII
			i += n
		}
	}
}

// escape checks the escape at i and returns its length.
func (s *scanner) escape(i int) (int, error) {
	s.at = i
	if i+1 >= len(s.src) {
		return 0, s.fail("a string has no end")
	}
	switch s.src[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, nil
	case 'u':
	default:
		return 0, s.fail("unknown escape \\%c", s.src[i+1])
	}
	r := s.hex(i + 2)
	switch {
	case r < 0:
		return 0, s.fail(`\u needs four hex digits`)
	case r == 0:
		return 0, s.fail("strings must not hold the NUL character")
	case r >= 0xFFFE:
		return 0, s.fail(noCharacter)
	case r < 0xD800 || r > 0xDFFF:
		return 6, nil
	case r < 0xDC00 && i+8 < len(s.src) && s.src[i+6] == '\\' && s.src[i+7] == 'u':
		if low := s.hex(i + 8); low >= 0xDC00 && low <= 0xDFFF {
			return 12, nil
		}
	}
	return 0, s.fail("half of a surrogate pair")
}

func (s *scanner) hex(i int) int32 {
	if i+4 > len(s.src) {
		return -1
	}
	return hex4(string(s.src[i : i+4]))
}

// number reads a number by the grammar of RFC 8259 §6.
func (s *scanner) number() error {
	start := s.at
	if s.src[s.at] == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
		if c := s.peek(); c >= '0' && c <= '9' {
			return s.fail("a number must not begin with 0")
		}
	} else if !s.digits() {
		return s.fail("a number needs a digit")
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail("a number needs a digit after the point")
		}
	}
	if s.peek()|0x20 == 'e' {
		if err := s.exponent(); err != nil {
			return err
		}
	}
	if s.at-start > s.limits.NumberDigits {
		return s.fail("a number has over %d characters", s.limits.NumberDigits)
	}
	return nil
}

func (s *scanner) exponent() error {
	s.at++
	if c := s.peek(); c == '+' || c == '-' {
		s.at++
	}
	start := s.at
	if !s.digits() {
		return s.fail("an exponent needs a digit")
	}
	exp := 0
	for _, c := range s.src[start:s.at] {
		if exp = exp*10 + int(c-'0'); exp > maxExponent {
			return s.fail("an exponent is over %d", maxExponent)
		}
	}
	return nil
}

// digits moves past digits and reports whether there were any.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.src) && s.src[s.at] >= '0' && s.src[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}
