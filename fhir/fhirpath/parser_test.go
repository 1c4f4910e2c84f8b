package fhirpath_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

func TestParse(t *testing.T) {
	for src, want := range map[string]string{
		"a.b[0].c(1, 'x')":           "a.b[0].c(1, 'x')",
		"a or b and c = d":           "(a or (b and (c = d)))",
		"a = b in c":                 "((a = b) in c)",
		"a | b < c":                  "((a | b) < c)",
		"a is B | c":                 "((a is B) | c)",
		"a + b is FHIR.`C d`":        "((a + b) is FHIR.`C d`)",
		"1 + 2 * -3 - 4":             "((1 + (2 * (-3))) - 4)",
		"-a.b":                       "(-a.b)",
		"a implies b implies c":      "((a implies b) implies c)",
		"a xor b or c":               "((a xor b) or c)",
		"a as b":                     "(a as b)",
		"contains.as.is.in":          "`contains`.`as`.`is`.`in`",
		"`div`.`a'b`":                "`div`.`a'b`",
		"\"quoted\"":                 "quoted",
		"%a + %`b-c` + %'d'":         "((%`a` + %`b-c`) + %`d`)",
		"1 year + 2 'a'":             "(1 year + 2 'a')",
		"@2020T + @T10 + @2020-01":   "((@2020T + @T10) + @2020-01)",
		"$this.a[$index + $total]":   "$this.a[($index + $total)]",
		"a.sort(b asc, c.d desc, e)": "a.sort(b, c.d desc, e)",
		"'\\'\\\\\\n\\u0041'":        "'\\'\\\\\nA'",
		"{} | true /* x */ // y":     "({} | true)",
	} {
		e, err := fhirpath.Parse(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if got := e.String(); got != want {
			t.Errorf("%s\n\tgot  %s\n\twant %s", src, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, src := range []string{
		"", " ", "a.", "a..b", "(a", "a)", "a[", "a[0", "a(", "a(1,", "a(1,)", "1 2", "a b", "{", "{1}", "and", "a and", "div", "%", "%''",
		"``", "'a", "`a", "/* a", "@", "@20", "@2020-1", "@T", "@T1", "@2020-01-01T10:00:", "a is", "a is 1", "a is b.", "- ", "$", "$x", "#", "\x00",
		strings.Repeat("(", 5000) + "a" + strings.Repeat(")", 5000),
		"a" + strings.Repeat(".a", 5000), strings.Repeat("-", 5000) + "1", "1" + strings.Repeat("+1", 5000), strings.Repeat("a", 1<<17),
	} {
		if _, err := fhirpath.Parse(src); fhir.KindOf(err) != fhir.Invalid {
			t.Errorf("%.60q: got %v, want Invalid", src, err)
		}
	}
}
