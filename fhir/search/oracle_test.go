package search

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// The words that random resources and random searches are made of. They are few,
// so that searches find something.
var (
	codeWords   = []string{"a", "A", "b", "male", "final", "a,b", "a|b", "x$y", `back\slash`}
	systemWords = []string{"http://s.example/1", "http://s.example/2", "http://hl7.org/fhir/administrative-gender", booleanSystem}
	textWords   = []string{"Ada", "ada lovelace", "O'Neill", "García-Márquez", "Øster", "a", "phone", "+49 30-1", "Ada@Example.org",
		"a text that is longer than what keys hold of it, by some words", "a text that is longer than what keys hold of it, by others"}
	uriWords = []string{"http://u.example/a", "http://u.example/a/b", "http://u.example/a/b/a-name-longer-than-what-keys-hold",
		"http://u.example/a/b/a-name-longer-than-what-keys-have", "urn:uuid:0f0e2b1c-5f4d-4a8e-9d1b-6a1f2c3d4e5f", "http://u.example/a|2", "http://u.example/a|2.1"}
	referenceWords = []string{"Patient/1", "Patient/2", "Group/1", "Patient/1/_history/2", "https://here.example/fhir/Patient/1", "Location/2", "Organization/1", "https://here.example/fhir/Organization/2",
		"http://there.example/fhir/Patient/1", "#c", "#d", "#e", "urn:uuid:0f0e2b1c-5f4d-4a8e-9d1b-6a1f2c3d4e5f", "Practitioner/1",
		"Patient/0f0e2b1c-5f4d-4a8e-9d1b-6a1f2c3d4e5f", "Patient/0F0E2B1C-5f4d-4a8e-9d1b-6a1f2c3d4e5f"}
	dateWords = []string{"2020", "2020-02", "2020-02-29", "2020-03", "2020-03-01", "2021", "1969-12-31", "0001", "9999-12-31"}
	timeWords = []string{"2020-02-29T00:00:00Z", "2020-02-29T23:59:59.5Z", "2020-03-01T00:00:00+01:00", "2020-03-01T00:00:00.000Z", "2020-02-29T23:59:59Z"}
	unitWords = []string{"mg", "g", "ug", "mg/dL", "g/L", "mmol/L", "Cel", "mL/min", "L/h", "{count}", "no such unit"}
	numWords  = []string{"0", "1", "-1", "100", "99.5", "100.50", "1e2", "5.4", "5.40", "-0.001", "12345678901234567890.5"}
)

// A maker makes random resources.
type maker struct {
	reg *Registry
	*rand.Rand
}

func (m maker) pick(words []string) string { return words[m.IntN(len(words))] }

// primitive returns a random value of a primitive type, as JSON.
func (m maker) primitive(p fhir.Primitive) string {
	switch p {
	case fhir.PrimitiveBoolean:
		return m.pick([]string{"true", "false"})
	case fhir.PrimitiveDecimal:
		return m.pick(numWords)
	case fhir.PrimitiveInteger:
		return m.pick([]string{"0", "1", "-1", "100"})
	case fhir.PrimitiveUnsignedInt, fhir.PrimitivePositiveInt:
		return m.pick([]string{"1", "100"})
	}
	return fhir.Quote(map[fhir.Primitive]func() string{
		fhir.PrimitiveBase64Binary: func() string { return "QUJD" },
		fhir.PrimitiveCanonical:    func() string { return m.pick(uriWords) },
		fhir.PrimitiveCode:         func() string { return m.pick(codeWords) },
		fhir.PrimitiveDate:         func() string { return m.pick(dateWords) },
		fhir.PrimitiveDateTime:     func() string { return m.pick(append(timeWords, dateWords...)) },
		fhir.PrimitiveID:           func() string { return m.pick([]string{"1", "2", "c"}) },
		fhir.PrimitiveInstant:      func() string { return m.pick(timeWords) },
		fhir.PrimitiveMarkdown:     func() string { return m.pick(textWords) },
		fhir.PrimitiveOID:          func() string { return "urn:oid:1.2.3" },
		fhir.PrimitiveString:       func() string { return m.pick(textWords) },
		fhir.PrimitiveTime:         func() string { return "12:00:00" },
		fhir.PrimitiveURI:          func() string { return m.pick(append(uriWords, systemWords...)) },
		fhir.PrimitiveURL:          func() string { return m.pick(uriWords) },
		fhir.PrimitiveUUID:         func() string { return "urn:uuid:0f0e2b1c-5f4d-4a8e-9d1b-6a1f2c3d4e5f" },
		fhir.PrimitiveXHTML:        func() string { return `<div xmlns="http://www.w3.org/1999/xhtml">x</div>` },
	}[p]())
}

// object returns the members of a random object of a type. Elements that the
// trie looks at are frequent, others rare.
func (m maker) object(t fhir.TypeID, node *trieNode, trie *trie, depth int) []string {
	var members []string
	choices := map[string]bool{}
	for i, e := range m.reg.schema.ElementsOf(t) {
		chance, child := 0.02, (*trieNode)(nil)
		if node != nil && i < len(node.children) && node.children[i] != 0 {
			chance, child = 0.4, &trie.nodes[node.children[i]]
		}
		switch e.Name {
		case "system", "value", "code", "reference", "coding", "display", "type", "start", "end", "family", "given", "low", "high", "identifier", "city", "latitude", "longitude":
			chance = max(chance, 0.7)
		case "id", "extension", "modifierExtension", "text":
			chance /= 4
		case "contained":
			chance = 0.1
		}
		if depth > 5 && m.reg.Codec.Primitive(e.Type) == 0 || m.Float64() > chance || e.Choice != "" && choices[e.Choice] {
			continue
		}
		choices[e.Choice] = e.Choice != ""
		values := m.values(&e, child, trie, depth)
		if values == nil {
			continue
		}
		text := values[0]
		if e.Flags&fhir.Repeats != 0 {
			text = "[" + strings.Join(values, ",") + "]"
		}
		members = append(members, `"`+e.Name+`":`+text)
	}
	return members
}

// values returns one or two random values of an element.
func (m maker) values(e *fhir.ElementDef, node *trieNode, trie *trie, depth int) []string {
	var values []string
	for range 1 + m.IntN(2) {
		if p := m.reg.Codec.Primitive(e.Type); p != 0 {
			values = append(values, m.primitive(p))
			continue
		}
		if name := m.reg.schema.Types[e.Type].Name; m.reg.kinds[e.Type] == quantityKind && m.IntN(2) > 0 {
			comparator := m.pick([]string{"", "", `"comparator":"<",`, `"comparator":">=",`})
			if name == "MoneyQuantity" || name == "SimpleQuantity" {
				comparator = ""
			}
			values = append(values, `{"value":`+m.pick(numWords)+`,`+comparator+`"system":"http://unitsofmeasure.org","code":"`+m.pick(unitWords)+`"}`)
			continue
		}
		if m.reg.schema.Types[e.Type].Name == "Reference" && m.IntN(8) > 0 {
			values = append(values, `{"reference":`+fhir.Quote(m.pick(referenceWords))+`}`)
			continue
		}
		if e.Type == m.reg.schema.TypeByName("Resource") {
			return m.nested(e)
		}
		if members := m.object(e.Type, node, trie, depth+1); members != nil {
			values = append(values, "{"+strings.Join(members, ",")+"}")
		}
	}
	return values
}

// nested returns random resources to stand within another.
func (m maker) nested(e *fhir.ElementDef) []string {
	var all []string
	for i, typ := range []string{m.pick(nestedTypes), m.pick(nestedTypes)} {
		trie := m.reg.types[typ].trie
		members := m.object(m.reg.schema.ResourceByName(typ), &trie.nodes[0], trie, 4)
		members = slices.DeleteFunc(members, func(s string) bool {
			return strings.HasPrefix(s, `"id"`) || strings.HasPrefix(s, `"contained"`) || strings.HasPrefix(s, `"entry"`)
		})
		all = append(all, "{"+strings.Join(append([]string{`"resourceType":"` + typ + `","id":"` + []string{"c", "d"}[i] + `"`}, members...), ",")+"}")
	}
	return all
}

// nestedTypes are the types of what stands within random resources.
var nestedTypes = []string{"Patient", "Organization", "Medication", "Composition", "MessageHeader", "Observation"}

// resource returns a random resource of a type.
func (m maker) resource(t testing.TB, typ string) *fhir.Resource {
	trie := m.reg.types[typ].trie
	members := m.object(m.reg.schema.ResourceByName(typ), &trie.nodes[0], trie, 0)
	members = slices.DeleteFunc(members, func(s string) bool { return strings.HasPrefix(s, `"id"`) })
	if m.IntN(4) > 0 {
		members = append([]string{`"id":"` + m.pick([]string{"1", "2"}) + `"`}, members...)
	}
	members = append([]string{`"resourceType":"` + typ + `"`}, members...)
	text := "{" + strings.Join(members, ",") + "}"
	r, err := m.reg.Codec.ParseJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

var escaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`, `|`, `\|`)

func (m maker) prefix() string {
	return m.pick([]string{"", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
}

// value returns a random value for a type of parameter.
func (m maker) value(p *Param, typ fhir.ParamType, modifier string) string {
	code := escaper.Replace(m.pick(append(codeWords, textWords...)))
	switch typ {
	case fhir.SpecialParam:
		return m.pick([]string{"0|0", "1|0|200|km", "0|-1|120|[mi_i]", "-1|1|1", "5|99|100|km", "1|179.9|20000", "89.9|0|5000|km", "5.4|100|50000|m"})
	case fhir.TokenParam:
		switch modifier {
		case "text":
			return m.value(p, fhir.StringParam, "")
		case "of-type":
			return m.pick(systemWords) + "|" + code + "|" + escaper.Replace(m.pick(textWords))
		}
		return m.token(code)
	case fhir.StringParam:
		return escaper.Replace(m.pick([]string{m.pick(textWords), "ad", "ADA L", "garcia mar", "text that", "a", "lo"}))
	case fhir.DateParam:
		return m.prefix() + m.pick(append(append([]string{"2020-02-29T23:59", "2020-02-29T23:59:59.25Z"}, dateWords...), timeWords...))
	case fhir.NumberParam:
		return m.prefix() + m.pick(numWords)
	case fhir.QuantityParam:
		return m.prefix() + m.pick(numWords) + m.pick([]string{"", "||" + code, "|" + m.pick(systemWords) + "|" + code, "|http://unitsofmeasure.org|" + m.pick(unitWords), "|http://unitsofmeasure.org|" + m.pick(unitWords)})
	case fhir.ReferenceParam:
		if modifier == "identifier" {
			return m.token(code)
		}
		return m.pick([]string{"1", "2", m.pick(uriWords), m.pick(referenceWords[:6]), "Location/1", "Organization/2", "http://u.example/a|2"})
	case fhir.URIParam:
		return m.pick(append([]string{"http://u.example/", "http://u.example/a/b/c", "http://u.example/a|1"}, uriWords...))
	case fhir.CompositeParam:
		var values []string
		for _, part := range p.pair.parts {
			values = append(values, m.value(p, part.param, ""))
		}
		return strings.Join(values, "$")
	}
	return "x"
}

func (m maker) token(code string) string {
	return m.pick([]string{code, "true", "|" + code, m.pick(systemWords) + "|" + code, m.pick(systemWords) + "|"})
}

// A family is a hierarchy in which 2 is part of 1.
type family struct{}

func (family) Below(_ *Param, of fhir.Key) ([]fhir.Key, error) {
	if of.ID == "1" {
		return []fhir.Key{of, {Type: of.Type, ID: "2"}}, nil
	}
	return []fhir.Key{of}, nil
}

func (family) Above(_ *Param, of fhir.Key) ([]fhir.Key, error) {
	if of.ID == "2" {
		return []fhir.Key{of, {Type: of.Type, ID: "1"}}, nil
	}
	return []fhir.Key{of}, nil
}

// query returns a random parameter of a type with a random value.
func (m maker) query(typ string) (name, value string) {
	params := m.reg.Params(typ)
	p := params[m.IntN(len(params))]
	modifiers := map[fhir.ParamType][]string{
		fhir.StringParam: {"exact", "contains"}, fhir.TokenParam: {"not", "text", "of-type"}, fhir.URIParam: {"above", "below"},
		fhir.ReferenceParam: {"identifier", "Patient", "above", "below"},
	}[p.Type]
	modifier := m.pick(append([]string{"", "", "missing"}, modifiers...))
	switch {
	case p.Code == "_id":
		return p.Code, m.pick([]string{"1", "2", "1,2"})
	case modifier == "missing":
		return p.Code + ":missing", m.pick([]string{"true", "false"})
	case p.Code == "_lastUpdated":
		modifier = ""
	}
	value = m.value(p, p.Type, modifier)
	if m.IntN(4) == 0 {
		value += "," + m.value(p, p.Type, modifier)
	}
	if modifier != "" {
		modifier = ":" + modifier
	}
	return p.Code + modifier, value
}

// oracleVariable is how many searches TestOracle asks at least.
const oracleVariable = "NOAFHIR_ORACLE_SEARCHES"

// oracleRounds returns how many resources of each type TestOracle makes.
func oracleRounds(t *testing.T, reg *Registry) int {
	text := os.Getenv(oracleVariable)
	switch {
	case text != "":
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %v", oracleVariable, err)
		}
		return n/(len(reg.names)*oracleSearches) + 1
	case testing.Short():
		return 2
	}
	return 12
}

const oracleSearches = 25 // for each resource

// TestOracle asks random searches about random resources of every type. Keys
// must agree with Matches, the keys of the walk with those of the expressions,
// those of references with what they refer to, and a search must read the same
// again.
func TestOracle(t *testing.T) {
	reg, err := NewRegistry(fhir.NewCodec(r4.Schema(), fhir.Limits{}), r4.Schema().SearchParams)
	if err != nil {
		t.Fatal(err)
	}
	reg.Base = "https://here.example/fhir"
	rounds := oracleRounds(t, reg)
	m := maker{reg, rand.New(rand.NewPCG(1, 2))}
	asked, matched := 0, 0
	for _, typ := range reg.names {
		for range rounds {
			r := m.resource(t, typ)
			checkAgainstExpressions(t, reg, r)
			entries := reg.Index(r)
			m.checkReferences(t, r, entries)
			for range oracleSearches {
				asked++
				if m.ask(t, r, entries) {
					matched++
				}
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d searches, %d matches", asked, matched)
}

// checkReferences holds the keys of references against what they refer to.
func (m maker) checkReferences(t *testing.T, r *fhir.Resource, entries *Entries) {
	t.Helper()
	for _, p := range m.reg.Params(r.Type()) {
		if p.Type != fhir.ReferenceParam {
			continue
		}
		refs := p.References(r)
		m.checkNested(t, p, r, entries)
		for _, key := range []fhir.Key{{Type: "Patient", ID: "1"}, {Type: "Group", ID: "1"}, {Type: "Practitioner", ID: "1"}, {Type: "Patient", ID: "c"}} {
			if found := anyIn(entries, m.reg.ReferenceRanges(p, key)); found != slices.Contains(refs, key) {
				t.Errorf("%s refers to %v; keys say %v of %s: %s", p.Code, refs, found, key, r.JSON())
			}
		}
	}
}

// checkNested holds the keys of references to contained resources against these.
func (m maker) checkNested(t *testing.T, p *Param, r *fhir.Resource, entries *Entries) {
	t.Helper()
	if r.ID() == "" {
		return
	}
	var led []string
	for _, n := range p.Nested(r, nil) {
		led = append(led, n.Type()+"/"+n.ID())
		if !anyIn(entries, p.NestedRanges(r.Key(), n)) {
			t.Errorf("%s leads to %s; keys do not say so: %s", p.Code, n.Key(), r.JSON())
		}
	}
	for n := range m.reg.Contained(r) {
		if !p.Nests() && !slices.Contains(led, n.Key().String()) && anyIn(entries, p.NestedRanges(r.Key(), n)) {
			t.Errorf("%s leads to %v; keys say also to %s: %s", p.Code, led, n.Key(), r.JSON())
		}
	}
}

// anyIn reports whether there is a key in one of some ranges.
func anyIn(entries *Entries, ranges []KeyRange) bool {
	return slices.ContainsFunc(entries.Keys, func(k []byte) bool {
		return slices.ContainsFunc(ranges, func(s KeyRange) bool { return s.Contains(k) })
	})
}

// filter returns a random filter for a type.
func (m maker) filter(typ string, depth int) string {
	switch n := m.IntN(8); {
	case depth < 3 && n == 0:
		return "not (" + m.filter(typ, depth+1) + ")"
	case depth < 3 && n < 3:
		return "(" + m.filter(typ, depth+1) + m.pick([]string{" and ", " or "}) + m.filter(typ, depth+1) + ")"
	}
	params := m.reg.Params(typ)
	p := params[m.IntN(len(params))]
	operator := m.pick([]string{"eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "ap", "sa", "eb", "po", "re", "pr"})
	value := m.pick([]string{"true", "false"})
	if operator != "pr" {
		_, value = cutPrefix(m.value(p, p.Type, ""))
	}
	return p.Code + " " + operator + " " + fhir.Quote(value)
}

// ask asks one random search about a resource and reports whether it matched.
func (m maker) ask(t *testing.T, r *fhir.Resource, entries *Entries) bool {
	t.Helper()
	name, value := m.query(r.Type())
	if m.IntN(4) == 0 {
		name, value = "_filter", m.filter(r.Type(), 0)
	}
	o := Options{Contained: true, Base: "https://here.example/fhir", Now: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Hierarchy: family{}}
	typ, params := r.Type(), [][2]string{{name, value}}
	if r.Root().Get("contained").Exists() && m.IntN(2) == 0 {
		typ = m.pick(nestedTypes)
		params = [][2]string{{"_contained", m.pick([]string{"true", "both"})}}
		for range 1 + m.IntN(2) {
			name, value = m.query(typ)
			params = append(params, [2]string{name, value})
		}
	}
	q, err := Parse(m.reg, typ, params, o)
	if kind := fhir.KindOf(err); err != nil {
		if kind != fhir.Invalid && kind != fhir.Unsupported || !slices.ContainsFunc(params, func(p [2]string) bool { return strings.Contains(err.Error(), strings.SplitN(p[0], ":", 2)[0]) }) {
			t.Errorf("%s?%v: %v", typ, params, err)
		}
		return false
	}
	again, err := Parse(m.reg, typ, q.Applied, o)
	if err != nil || !reflect.DeepEqual(q.Where, again.Where) {
		t.Errorf("%s?%v reads differently again: %v", typ, params, err)
	}
	want := q.Matches(r)
	checkAll(t, fmt.Sprintf("%s?%v", typ, params), r, entries, q)
	return want
}

// checkAll holds the ranges of all clauses of a query against Matches.
func checkAll(t *testing.T, query string, r *fhir.Resource, entries *Entries, q *Query) {
	t.Helper()
	if q.Type != "" && q.Type != r.Type() {
		return
	}
	for i := range q.Where {
		checkKeys(t, query, r, entries, &q.Where[i])
	}
}

// checkKeys holds the ranges of a clause against Matches.
func checkKeys(t *testing.T, query string, r *fhir.Resource, entries *Entries, c *Clause) {
	t.Helper()
	for i := range c.Or {
		checkAll(t, query, r, entries, &c.Or[i])
	}
	if c.Not != nil {
		checkAll(t, query, r, entries, c.Not)
	}
	if c.Ranges == nil {
		if c.Exact {
			t.Errorf("%s: exact without ranges", query)
		}
		return
	}
	found := anyIn(entries, c.Ranges)
	want := c.Matches(r)
	if want && !found || c.Exact && found != want {
		t.Errorf("%s: keys say %v (exact %v), Matches says %v: %s", query, found, c.Exact, want, r.JSON())
	}
}
