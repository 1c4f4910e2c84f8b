package fhir

import (
	"math"
	"strconv"
	"strings"
)

// A Primitive is one of the primitive types of
// https://hl7.org/fhir/R4/datatypes.html#primitive.
type Primitive uint8

// The primitive types. Zero is not primitive.
const (
	PrimitiveBase64Binary Primitive = iota + 1
	PrimitiveBoolean
	PrimitiveCanonical
	PrimitiveCode
	PrimitiveDate
	PrimitiveDateTime
	PrimitiveDecimal
	PrimitiveID
	PrimitiveInstant
	PrimitiveInteger
	PrimitiveMarkdown
	PrimitiveOID
	PrimitivePositiveInt
	PrimitiveString
	PrimitiveTime
	PrimitiveUnsignedInt
	PrimitiveURI
	PrimitiveURL
	PrimitiveUUID
	PrimitiveXHTML
)

// A primitiveRule says how values of a primitive type are written.
type primitiveRule struct {
	name  string
	json  NodeKind // StringNode, NumberNode, or TrueNode for both booleans
	valid func(s string) bool
	form  string // for the message
}

var primitiveRules = [...]primitiveRule{
	PrimitiveBase64Binary: {"base64Binary", StringNode, isBase64, "base64"},
	PrimitiveBoolean:      {"boolean", TrueNode, isBoolean, "true or false"},
	PrimitiveCanonical:    {"canonical", StringNode, isURI, "a URI without white space"},
	PrimitiveCode:         {"code", StringNode, isCode, "a code: no leading, trailing or double white space"},
	PrimitiveDate:         {"date", StringNode, isDate, "a date: YYYY, YYYY-MM or YYYY-MM-DD"},
	PrimitiveDateTime:     {"dateTime", StringNode, isDateTime, "a dateTime: YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss[.f]+zz:zz"},
	PrimitiveDecimal:      {"decimal", NumberNode, isDecimal, "a decimal number"},
	PrimitiveID:           {"id", StringNode, ValidID, "an id: 1 to 64 of A-Z a-z 0-9 - ."},
	PrimitiveInstant:      {"instant", StringNode, isInstant, "an instant: YYYY-MM-DDThh:mm:ss[.f]+zz:zz"},
	PrimitiveInteger:      {"integer", NumberNode, func(s string) bool { return isInteger(s, math.MinInt32) }, "a 32-bit integer"},
	PrimitiveMarkdown:     {"markdown", StringNode, isString, "text with a character that is not white space"},
	PrimitiveOID:          {"oid", StringNode, isOID, "an OID as urn:oid:…"},
	PrimitivePositiveInt:  {"positiveInt", NumberNode, func(s string) bool { return isInteger(s, 1) }, "a whole number from 1 to 2147483647"},
	PrimitiveString:       {"string", StringNode, isString, "text with a character that is not white space"},
	PrimitiveTime:         {"time", StringNode, isTime, "a time: hh:mm:ss[.f]"},
	PrimitiveUnsignedInt:  {"unsignedInt", NumberNode, func(s string) bool { return isInteger(s, 0) }, "a whole number from 0 to 2147483647"},
	PrimitiveURI:          {"uri", StringNode, isURI, "a URI without white space"},
	PrimitiveURL:          {"url", StringNode, isURI, "a URL without white space"},
	PrimitiveUUID:         {"uuid", StringNode, isUUID, "a UUID as urn:uuid:…"},
	PrimitiveXHTML:        {"xhtml", StringNode, isXHTML, "an XHTML <div> element"},
}

// String returns the type's name: "base64Binary", "dateTime".
func (p Primitive) String() string { return primitiveRules[p].name }

// JSON returns the kind of JSON value that carries p; TrueNode stands for both
// booleans.
func (p Primitive) JSON() NodeKind { return primitiveRules[p].json }

// Valid reports whether s is written as values of type p are.
func (p Primitive) Valid(s string) bool { return primitiveRules[p].valid(s) }

// Form describes in words how values of type p are written.
func (p Primitive) Form() string { return primitiveRules[p].form }

// ValidID reports whether s can be the logical id of a resource.
// See https://hl7.org/fhir/R4/datatypes.html#id.
func ValidID(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isBoolean(s string) bool { return s == "true" || s == "false" }

// isString accepts what has a visible character and no control characters but
// tab, line feed and carriage return.
func isString(s string) bool {
	visible := false
	for i := range len(s) {
		switch c := s[i]; {
		case c > ' ':
			visible = true
		case c != ' ' && c != '\t' && c != '\n' && c != '\r':
			return false
		}
	}
	return visible
}

// isCode accepts [^\s]+(\s[^\s]+)*.
func isCode(s string) bool {
	space := true
	for i := range len(s) {
		if s[i] <= ' ' {
			if space || s[i] != ' ' && s[i] != '\t' && s[i] != '\n' && s[i] != '\r' {
				return false
			}
			space = true
			continue
		}
		space = false
	}
	return !space
}

func isURI(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' {
			return false
		}
	}
	return s != ""
}

func isDate(s string) bool {
	d, ok := ParseDate(s)
	return ok && d.Precision <= Day
}

func isDateTime(s string) bool {
	d, ok := ParseDate(s)
	return ok && (d.Precision <= Day || d.Precision >= Second && d.Zoned)
}

func isInstant(s string) bool {
	d, ok := ParseDate(s)
	return ok && d.Precision >= Second && d.Zoned
}

func isTime(s string) bool {
	c, ok := parseClock(s)
	return ok && c.length == len(s) && c.precision >= Second
}

func isInteger(s string, least int64) bool {
	digits := strings.TrimPrefix(s, "-")
	if strings.ContainsAny(s, ".eE+") || s == "-0" || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	v, err := strconv.ParseInt(s, 10, 32)
	return err == nil && v >= least
}

// isDecimal accepts every JSON number; the grammar itself is the scanner's. XML
// carries decimals as text, so it is checked here again.
func isDecimal(s string) bool {
	sc := scanner{src: []byte(s), limits: DefaultLimits}
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && sc.number() == nil && sc.at == len(s)
}

func isOID(s string) bool {
	arcs, ok := strings.CutPrefix(s, "urn:oid:")
	if !ok || len(arcs) < 3 || arcs[0] < '0' || arcs[0] > '2' || arcs[1] != '.' {
		return false
	}
	for arc := range strings.SplitSeq(arcs[2:], ".") {
		if arc == "" || len(arc) > 1 && arc[0] == '0' {
			return false
		}
		for i := range len(arc) {
			if arc[i] < '0' || arc[i] > '9' {
				return false
			}
		}
	}
	return true
}

func isUUID(s string) bool {
	u, ok := strings.CutPrefix(s, "urn:uuid:")
	if !ok || len(u) != 36 {
		return false
	}
	for i := range len(u) {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if u[i] != '-' {
				return false
			}
		} else if hex4("000"+u[i:i+1]) < 0 {
			return false
		}
	}
	return true
}

// isBase64 accepts base64 in groups of four, with white space between, as
// https://hl7.org/fhir/R4/datatypes.html#base64Binary has it.
func isBase64(s string) bool {
	digits, pads := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '+', c == '/':
			if pads > 0 {
				return false
			}
			digits++
		case c == '=':
			pads++
		case c != ' ' && c != '\n' && c != '\r' && c != '\t':
			return false
		}
	}
	return digits > 0 && (digits+pads)%4 == 0 && pads <= 2
}

// isXHTML accepts safe narrative; see [CheckNarrative].
func isXHTML(s string) bool {
	_, err := checkXHTML(s)
	return err == nil
}
