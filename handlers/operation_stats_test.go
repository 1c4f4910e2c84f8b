package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/handlers"
)

// measured returns an observation of patient p with a LOINC code and a quantity like
// "5.40 mg/dL"; more stands beside it.
func measured(id, when, code, quantity, more string) string {
	value, unit, _ := strings.Cut(quantity, " ")
	text := `{"resourceType":"Observation","id":"` + id + `","status":"final","subject":{"reference":"Patient/p"},"effectiveDateTime":"` + when + `",` +
		`"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]}`
	if quantity != "" {
		text += `,"valueQuantity":{"value":` + value + `,"system":"http://unitsofmeasure.org","code":"` + unit + `"}`
	}
	if more != "" {
		text += "," + more
	}
	return text + "}"
}

// part returns a component.
func part(code, value, unit string) string {
	return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]},"valueQuantity":{"value":` + value + `,"system":"http://unitsofmeasure.org","code":"` + unit + `"}}`
}

// statistics lists what a reply of $stats says: "code statistic=value unit …" for
// each observation, and its sources.
func (r *reply) statistics() []string {
	var list []string
	for i := 0; r.at(fmt.Sprintf("parameter.%d", i)) != ""; i++ {
		at := fmt.Sprintf("parameter.%d.", i)
		if r.at(at+"name") == "source" {
			list = append(list, "source "+r.at(at+"resource.id"))
			continue
		}
		line := r.at(at + "resource.code.coding.0.code")
		for j := 0; r.at(fmt.Sprintf("%sresource.component.%d", at, j)) != ""; j++ {
			c := fmt.Sprintf("%sresource.component.%d.", at, j)
			line += " " + r.at(c+"code.coding.0.code") + "=" + r.at(c+"valueQuantity.value") + r.at(c+"valueQuantity.unit") + r.at(c+"dataAbsentReason.coding.0.code")
			if r.at(c+"valueQuantity.unit") != r.at(c+"valueQuantity.code") {
				line += "(no code)"
			}
		}
		list = append(list, line)
	}
	return list
}

var laboratory = []string{
	measured("g1", "2020-01-01", "glucose", "90.0 mg/dL", ""),
	measured("g2", "2020-01-02", "glucose", "100 mg/dL", ""),
	measured("g3", "2020-01-03", "glucose", "0.11 g/dL", ""), // 110 mg/dL
	measured("g4", "2020-01-04", "glucose", "120.50 mg/dL", ""),
	measured("g5", "2020-01-05", "glucose", "999 mg/dL", `"modifierExtension":[{"url":"http://example.org/x","valueBoolean":true}]`),
	measured("g6", "2020-01-06", "glucose", "", `"valueString":"lost"`),
	measured("g7", "2020-01-07", "glucose", "", `"valueQuantity":{"value":10,"comparator":"<","system":"http://unitsofmeasure.org","code":"mg/dL"}`),
	measured("g8", "2020-01-08", "glucose", "", `"valueQuantity":{"value":95,"unit":"mg/dL"}`),
	strings.Replace(measured("g9", "2020-01-09", "glucose", "500 mg/dL", ""), "final", "entered-in-error", 1),
	strings.Replace(measured("gq", "2020-01-09", "glucose", "500 mg/dL", ""), "Patient/p", "Patient/q", 1),
	measured("mixed1", "2020-01-01", "mixed", "90 mg/dL", ""), measured("mixed2", "2020-01-01", "mixed", "5 mmol/L", ""),
	measured("t1", "2020-01-01", "temperature", "36.5 Cel", ""), measured("t2", "2020-01-02", "temperature", "38.5 Cel", ""),
	measured("bp1", "2020-02-01", "bp", "", `"component":[`+part("sys", "120", "mm[Hg]")+`,`+part("dia", "80", "mm[Hg]")+`]`),
	measured("bp2", "2020-02-02", "bp", "", `"component":[`+part("sys", "130", "mm[Hg]")+`,`+part("dia", "84", "mm[Hg]")+`]`),
	measured("sys", "2020-02-03", "sys", "140 mm[Hg]", ""),
	measured("cbc", "2020-03-01", "cbc", "", `"hasMember":[{"reference":"Observation/hb"},{"reference":"Observation/wbc"},{"reference":"Observation/none"},{"reference":"Observation/gq"}]`),
	measured("hb", "2020-03-01", "hb", "14.0 g/dL", ""), measured("wbc", "2020-03-01", "wbc", "6.1 10*3/uL", ""),
}

func TestStats(t *testing.T) {
	all := "statistic=" + strings.Join([]string{
		"average", "maximum", "minimum", "count", "total-count", "median", "std-dev", "sum", "variance", "20-percent", "80-percent",
		"4-lower", "4-upper", "4-dev", "5-1", "5-2", "5-3", "5-4", "skew", "kurtosis", "regression",
	}, "&statistic=")
	const of = "subject=Patient/p&system=http://loinc.org&code="
	tests := []struct {
		Name string
		Send string
		Want []string
	}{
		{
			Name: "every statistic", Send: of + "glucose&" + all,
			Want: []string{"glucose average=105.125mg/dL maximum=120.50mg/dL minimum=90.0mg/dL count=41 total-count=81 median=105mg/dL" +
				" std-dev=13.1045475567mg/dL sum=420.5mg/dL variance=171.729166667(mg/dL).(mg/dL) 20-percent=96mg/dL 80-percent=114.2mg/dL" +
				" 4-lower=97.5mg/dL 4-upper=112.625mg/dL 4-dev=7.5625mg/dL 5-1=96mg/dL 5-2=102mg/dL 5-3=108mg/dL 5-4=114.2mg/dL" +
				" skew=0.04611612456321 kurtosis=-1.126815735591 regression=10.15(mg/dL)/d regression=89.9mg/dL"},
		},
		{Name: "of what can not be squared", Send: of + "temperature&statistic=average&statistic=variance", Want: []string{"temperature average=37.5Cel variance=2Cel.Cel(no code)"}},
		{
			Name: "of nothing", Send: of + "none&statistic=average&statistic=count&statistic=total-count&statistic=sum&statistic=regression",
			Want: []string{"none average=not-applicable count=01 total-count=01 sum=not-applicable regression=not-applicable regression=not-applicable"},
		},
		{Name: "a panel of components", Send: of + "bp&statistic=average&statistic=count", Want: []string{"sys average=125mm[Hg] count=21", "dia average=82mm[Hg] count=21"}},
		{Name: "a component and by itself", Send: of + "sys&statistic=average", Want: []string{"sys average=130mm[Hg]"}},
		{Name: "a panel and one of its parts", Send: of + "sys&code=bp&statistic=count", Want: []string{"sys count=31", "dia count=21"}},
		{Name: "a panel of members", Send: of + "cbc&statistic=maximum", Want: []string{"hb maximum=14.0g/dL", "wbc maximum=6.110*3/uL"}},
		{Name: "twice", Send: of + "hb&code=hb&statistic=count&statistic=count", Want: []string{"hb count=11"}},
		{Name: "a duration that is over", Send: of + "glucose&statistic=total-count&duration=24.5", Want: []string{"glucose total-count=01"}},
		{Name: "sources", Send: of + "glucose&statistic=count&include=true", Want: []string{"glucose count=41", "source g4", "source g3", "source g2", "source g1"}},
		{Name: "some sources", Send: of + "glucose&statistic=count&include=true&limit=1", Want: []string{"glucose count=41", "source g4"}},
		{Name: "no sources", Send: of + "glucose&statistic=count&include=false&limit=x", Want: []string{"glucose count=41"}},
		{Name: "sources of a panel", Send: of + "cbc&statistic=count&include=true", Want: []string{"hb count=11", "wbc count=11", "source hb", "source wbc"}},
	}
	posted := func(parameters string) string {
		return `{"resourceType":"Parameters","parameter":[{"name":"subject","valueUri":"Patient/p"},{"name":"statistic","valueCode":"count"},` + parameters + `]}`
	}
	const glucose = `{"name":"coding","valueCoding":{"system":"http://loinc.org","code":"glucose","display":"Glucose"}}`
	const stats = "GET Observation/$stats?"
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(laboratory...)
		c.store(measured("now", time.Now().UTC().Format(time.RFC3339), "pulse", "60 /min", ""))
		for _, test := range tests {
			t.Run(test.Name, func(t *testing.T) {
				got := c.send(stats+test.Send, "")
				if list := got.statistics(); !slices.Equal(list, test.Want) || got.status != 200 {
					t.Errorf("status %d\n got %s\nwant %s\n%s", got.status, strings.Join(list, "\n    "), strings.Join(test.Want, "\n    "), got.body)
				}
			})
		}
		const first = "parameter.0.resource."
		c.walk(t, []step{
			{Name: "an observation", Send: stats + of + "glucose&statistic=skew", Status: 200, Has: []string{
				"resourceType = Parameters", "parameter.0.name = statistics", first + "resourceType = Observation", first + "status = final", first + "subject.reference = Patient/p",
				first + "effectivePeriod =", first + "component.0.code.coding.0.system = http://terminology.hl7.org/CodeSystem/observation-statistics", first + "component.0.code.coding.0.display = Skew",
				first + "note.0.text = Left out of 8 measurements: 1 without a unit of UCUM, 1 with a comparator, 1 without a quantity, 1 with a modifier extension.",
			}},
			{Name: "the last hour", Send: stats + of + "pulse&statistic=count&duration=1", Status: 200, Has: []string{first + "component.0.valueQuantity.value = 1"}},
			{Name: "a line and where it begins", Send: stats + of + "glucose&statistic=regression", Status: 200, Text: `"text":"intercept: the value at 2020-01-01T00:00:00.000Z"`},
			{Name: "a period", Send: "POST Observation/$stats", Body: posted(glucose + `,{"name":"period","valuePeriod":{"start":"2020-01-02","end":"2020-01-03"}}`), Status: 200, Has: []string{
				first + "component.0.valueQuantity.value = 2", first + "effectivePeriod.start = 2020-01-02", first + "effectivePeriod.end = 2020-01-03", first + "code.coding.0.display = Glucose",
			}},
			{Name: "in XML", Send: stats + of + "hb&statistic=maximum&_format=xml", Status: 200, Text: `<value value="14.0"/>`},
			{Name: "mass and amount", Send: stats + of + "mixed&statistic=average", Status: 422, Text: "http://loinc.org|mixed are in units that can not be converted into each other: mmol/L and mg/dL"},
			{Name: "whose", Send: stats + "code=x&system=urn:s&statistic=count", Status: 400, Text: "subject"},
			{Name: "an id alone", Send: stats + "subject=p&code=x&system=urn:s&statistic=count", Status: 400, Text: "subject"},
			{Name: "of what", Send: stats + "subject=Patient/p&statistic=count", Status: 400, Text: "code"},
			{Name: "a code of no system", Send: stats + "subject=Patient/p&code=x&statistic=count", Status: 400, Text: "system"},
			{Name: "a system without a code", Send: stats + "subject=Patient/p&system=urn:x&statistic=count", Status: 400, Text: "code"},
			{Name: "an empty code", Send: stats + of + "&statistic=count", Status: 400, Text: "code"},
			{Name: "no statistic", Send: stats + of + "x", Status: 400, Text: "statistic"},
			{Name: "a statistic there is not", Send: stats + of + "x&statistic=mode", Status: 400, Text: "4-lower"},
			{Name: "a duration that is none", Send: stats + of + "x&statistic=count&duration=-1", Status: 400, Text: "duration"},
			{Name: "include what", Send: stats + of + "x&statistic=count&include=yes", Status: 400, Text: "include"},
			{Name: "how many", Send: stats + of + "x&statistic=count&include=true&limit=0", Status: 400, Text: "limit"},
			{Name: "a coding in the URL", Send: stats + "subject=Patient/p&coding=x&statistic=count", Status: 400, Text: "coding"},
			{Name: "a coding without a system", Send: "POST Observation/$stats", Body: posted(`{"name":"coding","valueCoding":{"code":"x"}}`), Status: 400, Text: "coding"},
			{Name: "both times", Send: "POST Observation/$stats", Body: posted(glucose + `,{"name":"duration","valueDecimal":1},{"name":"period","valuePeriod":{"start":"2020"}}`), Status: 400, Text: "period"},
			{Name: "a period that is empty", Send: "POST Observation/$stats", Body: posted(glucose + `,{"name":"period","valuePeriod":{"start":"2020","end":"2019"}}`), Status: 400, Text: "period"},
			{Name: "a period without an end or a start", Send: "POST Observation/$stats", Body: posted(glucose + `,{"name":"period","valuePeriod":{"id":"x"}}`), Status: 400, Text: "period"},
			{Name: "a parameter there is not", Send: stats + of + "x&statistic=count&colour=red", Status: 400, Text: "colour"},
			{
				Name: "in a batch", Send: "POST ", Status: 200, Has: []string{"entry.0.resource." + first + "component.0.valueQuantity.value = 4"},
				Body: `{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Observation/$stats?` + of + `glucose&statistic=count"}}]}`,
			},
		})
	})
}

// TestObservationOperationsPolicy lets neither $lastn nor $stats tell of what the
// caller may not see.
func TestObservationOperationsPolicy(t *testing.T) {
	access := search.Everything()
	o := handlers.Options{Access: func(*http.Request) (search.Access, error) { return access, nil }}
	overStores(t, o, func(t *testing.T, c *client) {
		access = search.Everything()
		c.store(laboratory...)
		final, err := search.Parse(newRegistry(t), "Observation", [][2]string{{"code", "glucose,cbc,wbc"}, {"date", "le2020-01-02,ge2020-03"}}, search.Options{})
		if err != nil {
			t.Fatal(err)
		}
		access = search.Only(search.Grant{Type: "Observation", Where: final.Where})
		c.walk(t, []step{
			{Name: "the last there is to see", Send: "GET Observation/$lastn?patient=p&code=http://loinc.org|glucose", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = g2"}},
			{Name: "of what there is to see", Send: "GET Observation/$stats?subject=Patient/p&system=http://loinc.org&code=glucose&statistic=maximum&statistic=total-count", Status: 200, Has: []string{
				"parameter.0.resource.component.0.valueQuantity.value = 100", "parameter.0.resource.component.1.valueQuantity.value = 2",
			}},
			{Name: "members that there are to see", Send: "GET Observation/$stats?subject=Patient/p&system=http://loinc.org&code=cbc&statistic=count", Status: 200, Has: []string{
				"parameter.0.resource.code.coding.0.code = wbc", "parameter.1 =",
			}},
		})
	})
}
