package main

import (
	"strings"
	"testing"
)

func TestFHIRPath(t *testing.T) {
	json := write(t, "p.json", `{"resourceType":"Patient","birthDate":"1990-01","name":[{"given":["Ada","B"]}]}`)
	xml := write(t, "p.xml", "\uFEFF<Patient xmlns=\"http://hl7.org/fhir\"><gender value=\"male\"/></Patient>")
	for _, test := range []struct {
		Name, Expr, File string
		Code             int
		Out, Err         string
	}{
		{Name: "strings", Expr: "name.given", File: json, Out: `[{"type":"string","value":"Ada"},{"type":"string","value":"B"}]`},
		{Name: "computed", Expr: "birthDate + 1 month | 1.50", File: json, Out: `[{"type":"date","value":"1990-02"},{"type":"decimal","value":1.50}]`},
		{Name: "a complex value", Expr: "name", File: json, Out: `[{"type":"HumanName","value":{"given":["Ada","B"]}}]`},
		{Name: "nothing", Expr: "photo", File: json, Out: `[]`},
		{Name: "XML", Expr: "gender", File: xml, Out: `[{"type":"code","value":"male"}]`},
		{Name: "bad syntax", Expr: "name..given", File: json, Code: 2, Err: "at character 6"},
		{Name: "several where one is due", Expr: "name.given.single()", File: json, Code: 1, Err: "finds 2 items"},
		{Name: "no such element", Expr: "Patient.foo", File: json, Code: 1, Err: "has no foo"},
		{Name: "no resource", Expr: "name", File: write(t, "x", "hello"), Code: 1, Err: "JSON"},
	} {
		t.Run(test.Name, func(t *testing.T) {
			code, out, errs := runHere(t, nil, "fhirpath", test.Expr, test.File)
			if code != test.Code || strings.TrimSpace(out) != test.Out || !strings.Contains(errs, test.Err) {
				t.Errorf("got exit code %d, %s%s", code, out, errs)
			}
		})
	}
}
