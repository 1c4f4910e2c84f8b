package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// The size of the random tests.
const (
	randomSeeds   = 8
	randomWrites  = 300
	randomQueries = 150
)

// random does the same arbitrary things to the store and to the oracle, and
// compares what they answer to arbitrary questions.
func random(s *suite) {
	for seed := range seeds() {
		s.run(fmt.Sprint("seed ", seed), func(s *suite) {
			g := &generator{rand.New(rand.NewPCG(uint64(seed), 0))}
			p := &pair{trial: s.fresh(), oracle: &trial{s, NewMemory(s.reg)}, generator: g}
			for i := 0; i < randomWrites; i += p.unit() {
			}
			p.compareHistories()
			for range randomQueries {
				p.compareSearch()
			}
		})
	}
}

// SeedsVariable is the name of the environment variable that says how many random
// tests are made of each kind, 8 without it.
const SeedsVariable = "NOAFHIR_TEST_SEEDS"

func seeds() int {
	if n, err := strconv.Atoi(os.Getenv(SeedsVariable)); err == nil && n > 0 {
		return n
	}
	if testing.Short() {
		return 2
	}
	return randomSeeds
}

// A pair is a store and the oracle that was told the same.
type pair struct {
	*trial
	oracle *trial
	*generator
}

// An op is one write.
type op struct {
	delete bool
	write  store.Write
	fails  bool // a unit ends with an error after it
}

// unit performs one to four writes as a unit on both stores, one if there are no
// transactions, and returns how many they were.
func (p *pair) unit() int {
	most := 4
	if !p.Traits().Transactions {
		most = 1
	}
	ops := make([]op, 1+p.IntN(most))
	for i := range ops {
		w := p.write(p.resource())
		switch p.IntN(10) {
		case 0:
			w.IfVersion = int64(1 + p.IntN(3))
		case 1:
			w.MustBeNew = true
		case 2:
			w.MustExist = true
		}
		ops[i] = op{delete: p.IntN(6) == 0, write: w, fails: p.IntN(20) == 0}
	}
	got, gotErr := perform(p.trial, ops)
	want, wantErr := perform(p.oracle, ops)
	if !slices.Equal(got, want) || fmt.Sprint(gotErr == nil, fhir.KindOf(gotErr)) != fmt.Sprint(wantErr == nil, fhir.KindOf(wantErr)) {
		p.Fatalf("%d writes made %v (error %v), want %v (error %v)", len(ops), got, gotErr, want, wantErr)
	}
	return len(ops)
}

// perform runs writes as a unit, or a single one as such, and says what came of
// each.
func perform(s *trial, ops []op) ([]string, error) {
	ctx := context.Background()
	if len(ops) == 1 && !ops[0].fails {
		var v *store.Version
		var err error
		if ops[0].delete {
			v, err = s.Delete(ctx, all, ops[0].write.Key, ops[0].write.IfVersion)
		} else {
			v, err = s.Put(ctx, all, ops[0].write)
		}
		return []string{describe(v)}, err
	}
	var made []string
	err := s.Update(ctx, func(tx store.Tx) error {
		made = nil
		for _, o := range ops {
			var v *store.Version
			var err error
			if o.delete {
				v, err = tx.Delete(ctx, all, o.write.Key, o.write.IfVersion)
			} else {
				v, err = tx.Put(ctx, all, o.write)
			}
			if err != nil {
				return err
			}
			made = append(made, describe(v))
			if o.fails {
				return fhir.Errorf(fhir.Unprocessable, "this unit fails")
			}
		}
		return nil
	})
	return made, err
}

// describe says all about a version but when it was made.
func describe(v *store.Version) string {
	if v == nil {
		return "nothing"
	}
	return fmt.Sprintf("%s/%d %s deleted %t created %t %s", v.Key, v.Number, v.Method, v.Deleted, v.Created, withoutInstant(v.Body))
}

func describeAll(versions []*store.Version) []string {
	list := []string{}
	for _, v := range versions {
		list = append(list, describe(v))
	}
	return list
}

// compareHistories compares everything that was ever stored.
func (p *pair) compareHistories() {
	p.Helper()
	for _, of := range []string{"", "Patient", "Observation", "Encounter", "Patient/p1", "Observation/o3"} {
		q := store.HistoryQuery{Key: key(of), Count: 1 + p.IntN(20)}
		got, want := describeAll(p.walkHistory(q)), describeAll(p.oracle.walkHistory(q))
		if !slices.Equal(got, want) {
			p.Errorf("history of %q:\ngot  %s\nwant %s", of, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
}

// compareSearch asks both stores an arbitrary question.
func (p *pair) compareSearch() {
	p.Helper()
	text := p.search()
	count := 1 + p.IntN(30)
	who, whose := all, ""
	if p.IntN(4) == 0 {
		for whose = p.search(); !p.trial.query(p.instants(whose, p.trial)).Local(); whose = p.search() {
		}
		who = p.grant(whose)
	}
	mine, theirs := p.trial.queryFor(who, p.instants(text, p.trial)), p.oracle.queryFor(who, p.instants(text, p.oracle))
	mine.Count, theirs.Count = count, count
	for p.IntN(2) == 0 {
		w := p.wish(mine.Type, 3)
		if w == nil {
			break
		}
		mine.Where = append(mine.Where, p.clause(w, who, mine.Type, p.trial))
		theirs.Where = append(theirs.Where, p.clause(w, who, mine.Type, p.oracle))
		text += w.String()
	}
	got, want := p.walk(p.trial, who, mine), p.oracle.walk(p.oracle, who, theirs)
	if !slices.Equal(got, want) {
		p.Errorf("%s by pages of %d for %q finds\n%v, want\n%v", text, count, whose, got, want)
	}
	if got := p.walkBack(p.trial, who, mine, true); !slices.Equal(got, want) && len(got)+len(want) > 0 {
		p.Errorf("%s backwards by pages of %d for %q finds\n%v, want\n%v", text, count, whose, got, want)
	}
	p.wantTotal(p.trial, who, mine, text+" for "+whose, int64(len(want)))
}

// grant returns the access to what a search finds, as far as it has clauses.
func (p *pair) grant(text string) search.Access {
	q := p.trial.query(p.instants(text, p.trial))
	return search.Only(search.Grant{Type: q.Type, Where: q.Where})
}

// instants replaces @0, @1, … by when the first, second, … write was made, which
// differs from store to store.
func (p *pair) instants(text string, s *trial) string {
	for {
		before, after, found := strings.Cut(text, "@")
		if !found {
			return text
		}
		digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
		var n int
		fmt.Sscan(after[:digits], &n)
		versions := s.walkHistory(store.HistoryQuery{Count: 1000})
		at := versions[n%len(versions)].LastUpdated
		text = before + string(fhir.AppendInstant(nil, at)) + after[digits:]
	}
}

// A generator makes up resources and searches out of few words, so that they
// often meet.
type generator struct{ *rand.Rand }

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

// maybe returns what a choice is, or nothing.
func (g *generator) maybe(of ...string) string {
	if g.IntN(3) == 0 {
		return ""
	}
	return g.one(of...)
}

var (
	families = []string{"Poe", "poe", "Pöe", "Roe", "Roe-Doe", "Doe", "Rowe"}
	systems  = []string{"http://example.org/a", "http://example.org/b"}
	codes    = []string{"a", "b", "B", "c"}
	days     = []string{"2024", "2024-02", "2024-02-29", "2024-02-29T12:00:00Z", "2024-02-29T23:59:59.5+05:00", "2024-02-29T12:00:00.0004Z", "2024-02-29T12:00:00.0007Z", "1999-12-31"}
	patients = []string{"p1", "p2", "p3", "p4", "p5", "p6", "p7"}
	urls     = []string{"http://example.org/q/one", "http://example.org/q/two"}
	statuses = []string{"final", "amended", "preliminary"}
)

// resource makes up a resource. One in three is like another, but for its id.
func (g *generator) resource() string {
	switch g.IntN(7) {
	case 0, 1:
		return g.patient()
	case 2, 3:
		return g.observation()
	case 4:
		return g.questionnaire()
	case 5:
		return g.answers()
	}
	return g.encounter()
}

// questionnaire makes up something that has a canonical URL.
func (g *generator) questionnaire() string {
	b := object{}
	b.add("resourceType", `"Questionnaire"`)
	b.add("id", fmt.Sprintf(`"q%d"`, g.IntN(6)))
	if g.IntN(6) > 0 {
		b.add("url", `"`+g.one(urls...)+`"`)
	}
	if v := g.maybe("1", "1.2", "1.10", "2"); v != "" {
		b.add("version", `"`+v+`"`)
	}
	b.add("status", `"`+g.one("draft", "active", "retired")+`"`)
	b.add("title", `"`+g.one(families...)+`"`)
	return b.String()
}

// answers makes up something that refers by canonical URL.
func (g *generator) answers() string {
	b := object{}
	b.add("resourceType", `"QuestionnaireResponse"`)
	b.add("id", fmt.Sprintf(`"a%d"`, g.IntN(12)))
	if g.IntN(6) > 0 {
		b.add("questionnaire", `"`+g.one(urls...)+g.one("", "", "|1", "|1.2", "|1.10", "|2")+`"`)
	}
	b.add("status", `"`+g.one("in-progress", "completed")+`"`)
	b.add("subject", `{"reference":"Patient/`+g.one(patients...)+`"}`)
	return b.String()
}

func (g *generator) patient() string {
	b := object{}
	b.add("resourceType", `"Patient"`)
	b.add("id", `"`+g.one(patients...)+`"`)
	if f := g.maybe(families...); f != "" {
		b.add("name", `[{"family":"`+f+`","given":["`+g.one(families...)+`"]}]`)
	}
	if v := g.maybe(codes...); v != "" {
		b.add("identifier", `[{"system":"`+g.one(systems...)+`","value":"`+v+`"},{"value":"`+g.one(codes...)+`"}]`)
	}
	if d := g.maybe("2024", "2024-02", "2024-02-29", "1999-12-31"); d != "" {
		b.add("birthDate", `"`+d+`"`)
	}
	if v := g.maybe("male", "female", "unknown"); v != "" {
		b.add("gender", `"`+v+`"`)
	}
	b.add("active", g.one("true", "false"))
	return b.String()
}

func (g *generator) observation() string {
	b := object{}
	b.add("resourceType", `"Observation"`)
	b.add("id", fmt.Sprintf(`"o%d"`, g.IntN(25)))
	if v := g.maybe(codes...); v != "" {
		b.add("meta", `{"tag":[{"system":"`+g.one(systems...)+`","code":"`+v+`"}]}`)
	}
	b.add("status", `"`+g.one(statuses...)+`"`)
	b.add("code", `{"coding":[{"system":"`+g.one(systems...)+`","code":"`+g.one(codes...)+`"},{"code":"`+g.one(codes...)+`"}]}`)
	switch v := g.maybe(patients...); {
	case g.IntN(5) == 0:
		b.add("contained", "["+g.contained("c1")+","+g.contained("c2")+"]")
		b.add("subject", `{"reference":"#`+g.one("c1", "c2", "c3")+`"}`)
	case v != "":
		b.add("subject", `{"reference":"Patient/`+v+`"}`)
	}
	if g.IntN(3) == 0 {
		b.add("encounter", fmt.Sprintf(`{"reference":"Encounter/e%d"}`, g.IntN(6)))
	}
	if g.IntN(3) == 0 {
		b.add("hasMember", fmt.Sprintf(`[{"reference":"Observation/o%d"},{"reference":"Observation/o%d"}]`, g.IntN(25), g.IntN(25)))
	}
	switch g.IntN(5) {
	case 0, 4:
		b.add("effectiveDateTime", `"`+g.one(days...)+`"`)
	case 1:
		b.add("effectivePeriod", `{"start":"`+g.one("1999-12-31", "2024", "2024-02-29")+`","end":"2024-03"}`)
	case 2:
		b.add("effectivePeriod", `{"start":"`+g.one(days...)+`"}`)
	case 3:
		if g.IntN(8) == 0 { // then the index does not have dates in order
			b.add("effectivePeriod", `{"end":"`+g.one(days...)+`"}`)
		}
	}
	switch g.IntN(3) {
	case 0:
		b.add("valueQuantity", `{"value":`+g.one("1", "1.0", "1.5", "-2", "1e2")+`,`+g.one(``, ``, ``, `"comparator":"<",`, `"comparator":">=",`)+`"unit":"mg","system":"http://unitsofmeasure.org","code":"`+g.one("mg", "g")+`"}`)
	case 1:
		b.add("valueString", `"`+g.one(families...)+`"`)
	}
	return b.String()
}

// contained makes up a resource to stand in another.
func (g *generator) contained(id string) string {
	if g.IntN(4) == 0 {
		return `{"resourceType":"Encounter","id":"` + id + `","status":"` + g.one("planned", "finished") + `","class":{"code":"` + g.one(codes...) +
			`"},"subject":{"reference":"` + g.one("#c1", "#c2", "Patient/p1", "Patient/p2") + `"}}`
	}
	return strings.Replace(g.patient(), `"id":"`, `"id":"`+id+`","language":"`, 1)
}

func (g *generator) encounter() string {
	b := object{}
	b.add("resourceType", `"Encounter"`)
	b.add("id", fmt.Sprintf(`"e%d"`, g.IntN(6)))
	b.add("status", `"`+g.one("planned", "finished")+`"`)
	b.add("class", `{"system":"`+g.one(systems...)+`","code":"`+g.one(codes...)+`"}`)
	b.add("subject", `{"reference":"Patient/`+g.one(patients...)+`"}`)
	if g.IntN(3) > 0 {
		b.add("partOf", fmt.Sprintf(`{"reference":"Encounter/e%d"}`, g.IntN(6)))
	}
	return b.String()
}

// An object is a JSON object in the making.
type object struct{ strings.Builder }

func (o *object) add(name, value string) {
	if o.Len() > 0 {
		o.WriteByte(',')
	}
	fmt.Fprintf(o, "%q:%s", name, value)
}

// String returns the object's JSON.
func (o *object) String() string { return "{" + o.Builder.String() + "}" }

// search makes up a search.
func (g *generator) search() string {
	typ := g.one("Patient", "Observation", "Observation", "Encounter", "Questionnaire", "QuestionnaireResponse", "")
	var params []string
	for range g.IntN(4) {
		params = append(params, g.param(typ))
	}
	some := typ == "" && g.IntN(2) == 0
	if some {
		params = append(params, "_type="+g.one("Observation,Encounter", "QuestionnaireResponse,Observation,Encounter"))
	}
	switch g.IntN(12) {
	case 0, 1, 2, 3, 4, 5:
		if some {
			params = append(params, "_sort="+g.one("", "-")+g.one("status", "subject", "patient", "identifier")+g.one("", "", ",-_id"))
			break
		}
		params = append(params, "_sort="+g.sort(typ))
	case 8, 9:
		params = append(params, g.sortedRange(typ)...)
	case 6, 7:
		params = append(params, "_contained="+g.one("true", "true", "both"))
		if typ == "Encounter" && g.IntN(2) == 0 {
			params = append(params, g.one("patient", "subject:Patient")+"."+g.param("Patient"))
		}
	}
	return typ + "?" + strings.Join(params, "&")
}

// sortedRange makes up one or two conditions and an order by what they are about.
func (g *generator) sortedRange(typ string) []string {
	var params []string
	by := ""
	for range 1 + g.IntN(2) {
		prefix := g.one("", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
		switch typ {
		case "Patient":
			if by == "" {
				by = g.one("birthdate", "family", "name")
			}
			value := prefix + g.one("2024", "2024-02", "2024-02-29", "1999")
			if by != "birthdate" {
				value = g.or(families)
			}
			params = append(params, by+"="+value)
		case "Observation":
			by = "value-quantity"
			params = append(params, by+"="+prefix+g.one("1", "1.0", "1.5", "100", "-2")+g.one("", "", "||mg", "||g", "|http://unitsofmeasure.org|mg"))
		default:
			return nil
		}
	}
	return append(params, "_sort="+g.one("", "-")+by+g.one("", "", "", ",-_id"))
}

// sort makes up an order for a type.
func (g *generator) sort(typ string) string {
	by := map[string][]string{
		"Patient": {"family", "given", "name", "birthdate", "gender", "identifier", "active"},
		"Observation": {"date", "date", "status", "code", "subject", "value-quantity", "value-string", "combo-code",
			"subject:Patient.family", "patient.birthdate", "subject:Patient.gender", "has-member:Observation.date", "has-member:Observation.value-quantity",
			"has-member:Observation.patient.name", "patient._lastUpdated"},
		"Encounter": {"status", "class", "subject", "date", "subject:Patient.family", "patient.active"},

		"Questionnaire":         {"url", "version", "title"},
		"QuestionnaireResponse": {"status", "questionnaire", "subject"},
		"":                      {"_tag"},
	}[typ]
	by = append(by, "_id", "_lastUpdated", "_tag")
	var keys []string
	for range 1 + g.IntN(6)/5 + g.IntN(4)/3 {
		keys = append(keys, g.one("", "-")+g.one(by...))
	}
	return strings.Join(keys, ",")
}

// param makes up a parameter for a type.
func (g *generator) param(typ string) string {
	if g.IntN(6) == 0 || typ == "" {
		return g.common()
	}
	prefix := g.one("", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")
	token := g.one("", g.one(systems...)+"|", "|") + g.one(codes...)
	switch typ {
	case "Patient":
		return g.one(
			"family="+g.or(families), "family:exact="+g.or(families), "family:contains=o", "name="+g.or(families), "given="+g.or(families),
			"identifier="+token, "identifier="+token+","+g.one(codes...), "gender="+g.or([]string{"male", "female", "unknown"}), "gender:not=male",
			"birthdate="+prefix+g.one("2024", "2024-02", "2024-02-29", "1999"), "active="+g.one("true", "false"), "birthdate:missing="+g.one("true", "false"),
		)
	case "Questionnaire":
		return g.one("url="+g.or(urls), "url:below="+g.one("http://example.org/q", "http://example.org/q/one"), "url:above="+g.one(urls...)+"/x",
			"status="+g.one("draft", "active", "retired"), "version="+g.one("1", "1.10"), "title="+g.or(families))
	case "QuestionnaireResponse":
		return g.one("questionnaire="+g.one(urls...)+g.one("", "|1", "|2"), "questionnaire:below="+g.one(urls...)+g.one("", "|1", "|2"),
			"questionnaire:missing="+g.one("true", "false"), "status="+g.one("in-progress", "completed"), "subject=Patient/"+g.one(patients...))
	case "Observation":
		return g.one(
			"status="+g.or(statuses), "status:not="+g.or(statuses), "code="+token, "code="+g.or(codes), "code:not="+g.one(codes...),
			"subject=Patient/"+g.one(patients...), "patient="+g.or(patients), "subject:Patient="+g.one(patients...), "subject:missing="+g.one("true", "false"),
			"date="+prefix+g.one("2024", "2024-02", "2024-02-29", "2024-02-29T12:00:00Z", "1999"), "date="+g.or([]string{"2024", "1999"}),
			"value-quantity="+prefix+g.one("1", "1.0", "1.5", "100", "-2"), "value-quantity="+prefix+"1|http://unitsofmeasure.org|"+g.one("mg", "g"),
			"value-string="+g.or(families), "_tag="+token, fmt.Sprintf("encounter:%s=e%d", g.one("above", "below"), g.IntN(6)),
		)
	}
	return g.one("status="+g.one("planned", "finished"), "class="+token, fmt.Sprintf("part-of:%s=e%d", g.one("above", "below"), g.IntN(6)), "subject=Patient/"+g.one(patients...), "patient="+g.one(patients...))
}

// common makes up a parameter that every type has.
func (g *generator) common() string {
	return g.one(
		"_id="+g.or([]string{"p1", "p2", "o1", "o2", "o3", "e1", "nobody"}), "_id="+g.or(patients),
		fmt.Sprintf("_lastUpdated=%s@%d", g.one("", "gt", "lt", "ge", "le", "ne"), g.IntN(200)),
		"_content="+g.one("roe", "poe OR doe", "roe NOT doe", "final", "b", "%22roe doe%22"), "_content="+g.one("male", "mg", "finished"),
		"_tag="+g.or(codes), "_tag="+g.one(systems...)+"|"+g.one(codes...),
	)
}

// or joins a few values.
func (g *generator) or(values []string) string {
	list := make([]string, 1+g.IntN(3))
	for i := range list {
		list[i] = strings.ReplaceAll(g.one(values...), "ö", "%C3%B6")
	}
	return strings.Join(list, ",")
}
