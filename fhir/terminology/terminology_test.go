package terminology_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/terminology"
)

// A shelf is a source of a few resources.
type shelf []*fhir.Resource

// Canonical implements terminology.Source.
func (s shelf) Canonical(typ, url string) ([]*fhir.Resource, error) {
	var found []*fhir.Resource
	for _, r := range s {
		if r.Type() == typ && r.Root().Get("url").Text() == url {
			found = append(found, r)
		}
	}
	return found, nil
}

// Resource implements terminology.Source.
func (s shelf) Resource(key fhir.Key) (*fhir.Resource, error) {
	for _, r := range s {
		if r.Key() == key {
			return r, nil
		}
	}
	return nil, nil
}

const definitions = `
{"resourceType":"CodeSystem","id":"animals","url":"http://c.example/animals","version":"1","status":"active","content":"complete","hierarchyMeaning":"is-a","concept":[{"code":"animal","concept":[{"code":"bird","property":[{"code":"legs","valueInteger":2}],"concept":[{"code":"owl"},{"code":"duck","property":[{"code":"swims","valueBoolean":true}]}]},{"code":"fish","property":[{"code":"swims","valueBoolean":true}]}]},{"code":"bat","property":[{"code":"parent","valueCode":"animal"}]}]}
{"resourceType":"CodeSystem","id":"parts","url":"http://c.example/parts","status":"active","content":"complete","hierarchyMeaning":"part-of","concept":[{"code":"body","concept":[{"code":"arm"}]}]}
{"resourceType":"CodeSystem","id":"big","url":"http://c.example/big","status":"active","content":"not-present"}
{"resourceType":"CodeSystem","id":"loop","url":"http://c.example/loop","status":"active","content":"complete","concept":[{"code":"a","property":[{"code":"parent","valueCode":"b"}]},{"code":"b","property":[{"code":"parent","valueCode":"a"}]}]}
{"resourceType":"CodeSystem","id":"two1","url":"http://c.example/two","version":"1","status":"active","content":"complete","concept":[{"code":"x"}]}
{"resourceType":"CodeSystem","id":"two2","url":"http://c.example/two","version":"2","status":"active","content":"complete","concept":[{"code":"x"},{"code":"y"}]}
{"resourceType":"ValueSet","id":"v1","url":"http://v.example/listed","status":"active","compose":{"include":[{"system":"http://c.example/big","concept":[{"code":"1"},{"code":"2"}]},{"system":"http://c.example/animals","concept":[{"code":"owl"}]}]}}
{"resourceType":"ValueSet","id":"v2","url":"http://v.example/all","status":"active","compose":{"include":[{"system":"http://c.example/animals"}]}}
{"resourceType":"ValueSet","id":"v3","url":"http://v.example/birds","status":"active","compose":{"include":[{"system":"http://c.example/animals","filter":[{"property":"concept","op":"is-a","value":"bird"}]}],"exclude":[{"system":"http://c.example/animals","concept":[{"code":"owl"}]}]}}
{"resourceType":"ValueSet","id":"v4","url":"http://v.example/swimming-birds","status":"active","compose":{"include":[{"system":"http://c.example/animals","filter":[{"property":"swims","op":"=","value":"true"}],"valueSet":["http://v.example/birds"]}]}}
{"resourceType":"ValueSet","id":"v5","url":"http://v.example/itself","status":"active","compose":{"include":[{"valueSet":["http://v.example/itself"]}]}}
{"resourceType":"ValueSet","id":"v6","url":"http://v.example/expanded","status":"active","expansion":{"timestamp":"2024-01-01","contains":[{"system":"http://c.example/big","code":"9","contains":[{"system":"http://c.example/big","code":"10"}]},{"system":"http://c.example/big","code":"11","abstract":true}]}}
{"resourceType":"ValueSet","id":"v7","url":"http://v.example/missing-system","status":"active","compose":{"include":[{"system":"http://c.example/unknown"}]}}
{"resourceType":"ValueSet","id":"v8","url":"http://v.example/partial-system","status":"active","compose":{"include":[{"system":"http://c.example/big"}]}}
{"resourceType":"ValueSet","id":"v9","url":"http://v.example/regex","status":"active","compose":{"include":[{"system":"http://c.example/animals","filter":[{"property":"code","op":"regex","value":".*"}]}]}}
{"resourceType":"ValueSet","id":"v10","url":"http://v.example/two","status":"active","compose":{"include":[{"system":"http://c.example/two","version":"2"}]}}
{"resourceType":"ValueSet","id":"v11","url":"http://v.example/no-legs","status":"active","compose":{"include":[{"system":"http://c.example/animals","filter":[{"property":"legs","op":"exists","value":"false"},{"property":"concept","op":"descendent-of","value":"animal"},{"property":"concept","op":"is-not-a","value":"fish"},{"property":"concept","op":"not-in","value":"owl,bat"}]}]}}
`

func open(t testing.TB) *terminology.Terminology {
	t.Helper()
	codec := fhir.NewCodec(r4.Schema(), fhir.Limits{})
	var s shelf
	for line := range strings.Lines(strings.TrimSpace(definitions)) {
		r, err := codec.ParseJSON([]byte(line))
		if err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		s = append(s, r)
	}
	return terminology.New(s)
}

func codes(list []fhir.Coding) string {
	var all []string
	for _, c := range list {
		all = append(all, c.Code)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestExpand(t *testing.T) {
	term := open(t)
	for _, row := range []struct{ name, want string }{
		{"http://v.example/listed", "1 2 owl"},
		{"ValueSet/v1", "1 2 owl"},
		{"http://v.example/all", "animal bat bird duck fish owl"},
		{"http://v.example/birds", "bird duck"},
		{"http://v.example/swimming-birds", "duck"},
		{"http://v.example/expanded", "10 9"},
		{"http://v.example/two", "x y"},
		{"http://v.example/no-legs", "duck"},
	} {
		got, err := term.Expand(row.name)
		if err != nil || codes(got) != row.want {
			t.Errorf("%s has %q, want %q (error %v)", row.name, codes(got), row.want, err)
		}
	}
	for _, name := range []string{
		"http://v.example/unknown", "ValueSet/unknown", "http://v.example/listed|7", "http://v.example/itself",
		"http://v.example/missing-system", "http://v.example/partial-system", "http://v.example/regex", "",
	} {
		if got, err := term.Expand(name); fhir.KindOf(err) != fhir.Unsupported {
			t.Errorf("%s has %q, error %v", name, codes(got), err)
		}
	}
}

func TestSubsumption(t *testing.T) {
	term := open(t)
	for _, row := range []struct{ system, code, below, above string }{
		{"http://c.example/animals", "bird", "bird duck owl", "animal bird"},
		{"http://c.example/animals", "bat", "bat", "animal bat"},
		{"http://c.example/animals|1", "animal", "animal bat bird duck fish owl", "animal"},
		{"http://c.example/loop", "a", "a b", "a b"},
	} {
		below, err1 := term.Below(fhir.Coding{System: row.system, Code: row.code})
		above, err2 := term.Above(fhir.Coding{System: row.system, Code: row.code})
		if err1 != nil || err2 != nil || codes(below) != row.below || codes(above) != row.above {
			t.Errorf("%s|%s: below %q, above %q (errors %v, %v)", row.system, row.code, codes(below), codes(above), err1, err2)
		}
	}
	for _, row := range []struct {
		system, code string
		kind         fhir.Kind
	}{
		{"http://c.example/animals", "stone", fhir.Invalid},
		{"http://c.example/parts", "body", fhir.Unsupported},
		{"http://c.example/big", "1", fhir.Unsupported},
		{"http://c.example/two", "x", fhir.Unsupported},
		{"http://c.example/unknown", "x", fhir.Unsupported},
	} {
		if got, err := term.Below(fhir.Coding{System: row.system, Code: row.code}); fhir.KindOf(err) != row.kind || err == nil {
			t.Errorf("%s|%s: below %q, error %v", row.system, row.code, codes(got), err)
		}
	}
}
