package fhir_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

func TestPrimitiveValid(t *testing.T) {
	tests := []struct {
		Type fhir.Primitive
		Good []string
		Bad  []string
	}{
		{
			Type: fhir.PrimitiveBase64Binary,
			Good: []string{"AA==", "AAA=", "AAAA", "+/09", "AA AA", "AAAA\r\nAAAA", " AA==\n"},
			Bad:  []string{"", " ", "A", "AA", "AAA", "====", "A===", "AA=A", "AAAA=", "AAAA====", "AA-_", "AA==AA==", "ÄAAA"},
		},
		{
			Type: fhir.PrimitiveBoolean,
			Good: []string{"true", "false"},
			Bad:  []string{"", "True", "TRUE", "0", "1", " true", "yes"},
		},
		{
			Type: fhir.PrimitiveCanonical,
			Good: []string{"http://e.org/x|1.0", "#a", "urn:oid:1.2", "x"},
			Bad:  []string{"", " ", "a b", "a\tb", " a", "a\n"},
		},
		{
			Type: fhir.PrimitiveCode,
			Good: []string{"a", "a b", "ä-1", "<=", "a b c"},
			Bad:  []string{"", " ", " a", "a ", "a  b", "\ta", "a\x01b", "a\x00"},
		},
		{
			Type: fhir.PrimitiveDate,
			Good: []string{"2020", "2020-02", "2020-02-29", "0001-01-01", "9999-12-31"},
			Bad:  []string{"", "20", "0000", "2020-", "2020-2", "2020-13", "2020-00", "2021-02-29", "2020-04-31", "2020-01-32", "2020-01-00", "2020-01-01T00:00:00Z", "20200101", "2020/01/01", " 2020", "2020 ", "-2020", "+020", "２０２０"},
		},
		{
			Type: fhir.PrimitiveDateTime,
			Good: []string{"2020", "2020-02", "2020-02-29", "2020-02-29T00:00:00Z", "2020-02-29T23:59:59.123456789+14:00", "2020-02-29T12:00:60-00:00", "2020-02-29T12:00:00-12:30"},
			Bad:  []string{"", "2020-02-29T", "2020-02-29T12", "2020-02-29T12:00Z", "2020-02-29T12:00:00", "2020-02-29T12:00:00.1", "2020-02-29T24:00:00Z", "2020-02-29T12:60:00Z", "2020-02-29T12:00:61Z", "2020-02-29T12:00:00.Z", "2020-02-29T12:00:00,1Z", "2020-02-29T12:00:00+1:00", "2020-02-29T12:00:00+0100", "2020-02-29T12:00:00+14:01", "2020-02-29T12:00:00+12:60", "2020-02-29t12:00:00Z", "2020-02-29 12:00:00Z", "2020-02-29T12:00:00z", "2020-02T12:00:00Z", "2020-02-29T12:00:00ZZ"},
		},
		{
			Type: fhir.PrimitiveDecimal,
			Good: []string{"0", "-0", "1", "-1.50", "0.00", "1e3", "1E+3", "1.5e-3", "123456789012345678901234567890.12"},
			Bad:  []string{"", "+1", "01", "1.", ".5", "-", "1e", "1e+", "1,5", "NaN", "Infinity", "0x1", "1 ", " 1", "1e401", "1_0", "--1"},
		},
		{
			Type: fhir.PrimitiveID,
			Good: []string{"a", "A-1.b", "-", strings.Repeat("x", 64)},
			Bad:  []string{"", "a b", "a_b", "ä", "a/b", strings.Repeat("x", 65), "a\n"},
		},
		{
			Type: fhir.PrimitiveInstant,
			Good: []string{"2020-02-29T12:00:00Z", "2020-02-29T12:00:00.000+01:00"},
			Bad:  []string{"", "2020", "2020-02-29", "2020-02-29T12:00:00", "2020-02-29T12:00Z"},
		},
		{
			Type: fhir.PrimitiveInteger,
			Good: []string{"0", "1", "-1", "2147483647", "-2147483648"},
			Bad:  []string{"", "-0", "+1", "01", "-01", "1.0", "1e1", "2147483648", "-2147483649", "1 ", "0x1", "1_0"},
		},
		{
			Type: fhir.PrimitiveMarkdown,
			Good: []string{"a", "# a\n\n* b\r\n\tc", "<b>"},
			Bad:  []string{"", " \n", "a\x00", "a\x1B"},
		},
		{
			Type: fhir.PrimitiveOID,
			Good: []string{"urn:oid:1.2", "urn:oid:2.16.840.1.113883", "urn:oid:0.0"},
			Bad:  []string{"", "1.2", "urn:oid:", "urn:oid:1", "urn:oid:3.1", "urn:oid:1.", "urn:oid:1..2", "urn:oid:1.02", "urn:oid:1.a", "URN:OID:1.2"},
		},
		{
			Type: fhir.PrimitivePositiveInt,
			Good: []string{"1", "2147483647"},
			Bad:  []string{"0", "-1", "01", "2147483648", "1.0"},
		},
		{
			Type: fhir.PrimitiveString,
			Good: []string{"a", " a ", "a\n\t\rb", "\u00a0", "😀"},
			Bad:  []string{"", " ", "\n\t", "a\x00", "a\x08", "\x1F"},
		},
		{
			Type: fhir.PrimitiveTime,
			Good: []string{"00:00:00", "23:59:59.999", "12:00:60"},
			Bad:  []string{"", "12", "12:00", "24:00:00", "12:60:00", "12:00:00Z", "12:00:00.", "1:00:00", "12:00:61", "12-00-00"},
		},
		{
			Type: fhir.PrimitiveUnsignedInt,
			Good: []string{"0", "2147483647"},
			Bad:  []string{"", "-0", "-1", "00", "2147483648"},
		},
		{
			Type: fhir.PrimitiveURI,
			Good: []string{"http://e.org", "urn:uuid:x", "a%20b", "ä"},
			Bad:  []string{"", " ", "a b", "a\n"},
		},
		{
			Type: fhir.PrimitiveURL,
			Good: []string{"http://e.org", "mailto:a@e.org"},
			Bad:  []string{"", "http://e.org/a b"},
		},
		{
			Type: fhir.PrimitiveUUID,
			Good: []string{"urn:uuid:7b1a9e04-1111-4222-8333-5f0d6b7c8d9e", "urn:uuid:7B1A9E04-1111-4222-8333-5F0D6B7C8D9E"},
			Bad:  []string{"", "7b1a9e04-1111-4222-8333-5f0d6b7c8d9e", "urn:uuid:7b1a9e04111142228333-5f0d6b7c8d9e", "urn:uuid:7b1a9e04-1111-4222-8333-5f0d6b7c8d9g", "urn:uuid:7b1a9e04-1111-4222-8333-5f0d6b7c8d9e0", "urn:uuid:{b1a9e04-1111-4222-8333-5f0d6b7c8d9e"},
		},
		{
			Type: fhir.PrimitiveXHTML,
			Good: []string{`<div xmlns="http://www.w3.org/1999/xhtml">x</div>`},
			Bad:  []string{"", "x", "<div>x</div>", `<div xmlns="http://www.w3.org/1999/xhtml"><script/></div>`},
		},
	}
	seen := map[fhir.Primitive]bool{}
	for _, test := range tests {
		seen[test.Type] = true
		for _, s := range test.Good {
			if !test.Type.Valid(s) {
				t.Errorf("%s: %q is refused", test.Type, s)
			}
		}
		for _, s := range test.Bad {
			if test.Type.Valid(s) {
				t.Errorf("%s: %q is accepted", test.Type, s)
			}
		}
	}
	for p := fhir.PrimitiveBase64Binary; p <= fhir.PrimitiveXHTML; p++ {
		if !seen[p] {
			t.Errorf("no cases for %s", p)
		}
	}
}

// TestPrimitivesAreDefined holds that the primitive types here are those of the
// definitions.
func TestPrimitivesAreDefined(t *testing.T) {
	schema := r4.Schema()
	for id := range schema.Types {
		typ := &schema.Types[id]
		p := codec.Primitive(fhir.TypeID(id))
		if (typ.Kind == fhir.PrimitiveType && !typ.Abstract) != (p != 0) {
			t.Errorf("%s: kind %d, primitive %d", typ.Name, typ.Kind, p)
		}
		if p != 0 && p.String() != typ.Name {
			t.Errorf("%s is called %s", typ.Name, p)
		}
	}
}
