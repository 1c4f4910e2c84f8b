package main

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"
)

// A shape is a search with values of its own each time.
type shape struct {
	name string // as the report has it
	path func(a *asking) string
}

// An asking chooses the values of searches.
type asking struct {
	clinic
	*rand.Rand
}

// newAsking returns one that always chooses the same.
func (c clinic) newAsking() *asking { return &asking{c, rand.New(rand.NewPCG(0x61736b, 0))} }

// number returns one of the patient's resources from a place on.
func (a *asking) number(first, end int) int {
	return a.IntN(a.size/perPatient)*perPatient + first + a.IntN(end-first)
}

// next returns the search, in pages of 20 unless it says otherwise.
func (s *shape) next(a *asking) string {
	path := s.path(a)
	if !strings.Contains(path, "_count=") {
		path += "&_count=20"
	}
	return path
}

func (a *asking) patient() int     { return a.number(0, 1) }
func (a *asking) encounter() int   { return a.number(firstEncounter, firstCondition) }
func (a *asking) observation() int { return a.number(firstObservation, perPatient) }

const loinc = "http://loinc.org%7C"

func (a *asking) code() string { return loinc + pick(a.Rand, labTests).code }

// ucum writes a unit as a quantity has it in a URL.
func ucum(t labTest) string { return "%7Chttp://unitsofmeasure.org%7C" + url.QueryEscape(t.unit) }

// high returns a test and a value that one in so many of its results exceeds.
func (a *asking) high(of float64) (t labTest, value string) {
	t = pick(a.Rand, labTests)
	return t, fmt.Sprintf("gt%.2f", t.high-(t.high-t.low)/of*(1-0.1*a.Float64()))
}

// apart is high of the tests whose unit is no multiple of another's: without a
// code, a mass concentration is compared with those of all tests.
func (a *asking) apart(of float64) (t labTest, value string) {
	for t, value = a.high(of); !apart[t.code]; t, value = a.high(of) {
	}
	return t, value
}

var apart = map[string]bool{"10600-5": true, "9780-8": true, "2751-4": true}

// day returns a day on which patients come, with room for days after it.
func (a *asking) day() time.Time {
	return firstDay.Add(followed + time.Duration(a.Float64()*float64(lastDay.Sub(firstDay)-2*followed)))
}

func month(t time.Time) string { return t.Format("2006-01") }

// span asks for the dates of so many days from any day on.
func (a *asking) span(name string, days int) string {
	t := a.day()
	return name + "=ge" + t.Format(time.DateOnly) + "&" + name + "=lt" + t.AddDate(0, 0, days).Format(time.DateOnly)
}

// pages are searches that an index answers in the order asked for.
var pages = []shape{
	{"token `code`", func(a *asking) string { return "Observation?code=" + a.code() }},
	{"token `code`, `_sort=-date`", func(a *asking) string { return "Observation?code=" + a.code() + "&_sort=-date" }},
	{"reference `patient`", func(a *asking) string { return "Observation?patient=Patient/" + id(a.patient()) }},
	{"reference `encounter`, `_sort=date`", func(a *asking) string { return "Observation?encounter=Encounter/" + id(a.encounter()) + "&_sort=date" }},
	{"`identifier`", func(a *asking) string {
		return fmt.Sprintf("Observation?identifier=%s%%7CR-%d", resultIDs, a.observation())
	}},
	{"`date` of a month, `_sort=-date`", func(a *asking) string { return "Observation?date=" + month(a.day()) + "&_sort=-date" }},
	{"`birthdate` of two years, `_sort=birthdate`", func(a *asking) string {
		y := 1960 + a.IntN(40)
		return fmt.Sprintf("Patient?birthdate=ge%d&birthdate=lt%d&_sort=birthdate", y, y+2)
	}},
	{"`value-quantity` of a value", func(a *asking) string {
		t := labTests[2]
		return fmt.Sprintf("Observation?value-quantity=%.0f", t.low+a.Float64()*(t.high-t.low)) + ucum(t)
	}},
	{"`value-quantity` that many exceed, `_sort=value-quantity`", func(a *asking) string {
		t := labTests[3]
		return "Observation?value-quantity=gt" + fmt.Sprintf("%.1f", t.high-a.Float64()) + ucum(t) + "&_sort=value-quantity"
	}},
	{"`value-quantity` over a value, `_sort=value-quantity`", func(a *asking) string {
		t, value := a.apart(20)
		return "Observation?value-quantity=" + value + ucum(t) + "&_sort=value-quantity"
	}},
	{"`value-quantity` over a value", func(a *asking) string {
		t, value := a.apart(20)
		return "Observation?value-quantity=" + value + ucum(t)
	}},
	{"composite `code-value-quantity`", func(a *asking) string {
		t, value := a.high(20)
		return "Observation?code-value-quantity=" + loinc + t.code + "$" + value + ucum(t)
	}},
	{"composite `component-code-value-quantity`, `_sort=-date`", func(a *asking) string {
		return fmt.Sprintf("Observation?component-code-value-quantity=%s8480-6$gt%d&_sort=-date", loinc, 150+a.IntN(8))
	}},
	{"string prefix `family`, `_sort=family`", func(a *asking) string { return "Patient?family=" + pick(a.Rand, nameStarts) + "&_sort=family" }},
	{"string prefix `name`", func(a *asking) string { return "Patient?name=" + pick(a.Rand, nameStarts) }},
}

// single is what pairs are compared with, and pairs are conditions that narrow
// each other.
var (
	single = shape{"`code`, `_sort=-date`", func(a *asking) string { return "Observation?code=" + a.code() + "&_sort=-date" }}
	pairs  = []shape{
		{"`patient`, `code`, `_sort=-date`", func(a *asking) string {
			p := a.patient()
			return "Observation?patient=Patient/" + id(p) + "&code=" + loinc + mainTest(p).code + "&_sort=-date"
		}},
		{"`code`, `date` of a month", func(a *asking) string { return "Observation?code=" + a.code() + "&date=" + month(a.day()) }},
		{"`code`, `date` of a month, `_sort=-date`", func(a *asking) string {
			return "Observation?code=" + a.code() + "&date=" + month(a.day()) + "&_sort=-date"
		}},
		{"`code`, `value-quantity` over a value, one in 20", func(a *asking) string {
			t, value := a.high(20)
			return "Observation?code=" + loinc + t.code + "&value-quantity=" + value + ucum(t)
		}},
		{"the same, `_sort=-date`", func(a *asking) string {
			t, value := a.high(20)
			return "Observation?code=" + loinc + t.code + "&value-quantity=" + value + ucum(t) + "&_sort=-date"
		}},
	}
)

// links are conditions on other resources, of which there are many.
var links = []shape{
	{"chain through all encounters", func(a *asking) string { return "Observation?encounter:Encounter.status=finished&code=" + a.code() }},
	{"chain through every other encounter", func(a *asking) string { return "Observation?encounter:Encounter.class=AMB&code=" + a.code() }},
	{"chain through all patients", func(a *asking) string { return "Observation?patient.gender=male" }},
	{"chain through one in 24 patients", func(a *asking) string {
		return "Observation?patient.family=" + pick(a.Rand, nameStarts) + "&code=" + a.code()
	}},
	{"chain of two", func(a *asking) string {
		return "Observation?encounter:Encounter.patient.family=" + pick(a.Rand, nameStarts) + pick(a.Rand, nameMiddles)
	}},
	{"chain that nothing meets", func(a *asking) string {
		return "Condition?encounter:Encounter.status=finished&encounter:Encounter.class=EMER"
	}},
	{"`_has` of a code", func(a *asking) string { return "Patient?_has:Observation:patient:code=" + a.code() }},
	{"`_has` of all", func(a *asking) string { return "Patient?_has:Observation:patient:status=final" }},
	{"`_has` of high values", func(a *asking) string {
		t, value := a.high(50)
		return "Patient?_has:Observation:patient:code-value-quantity=" + loinc + t.code + "$" + value + ucum(t)
	}},
	{"`_has` of a code, name prefix", func(a *asking) string {
		return "Patient?_has:Observation:patient:code=" + a.code() + "&family=" + pick(a.Rand, nameStarts)
	}},
	{"encounters that have a code", func(a *asking) string { return "Encounter?_has:Observation:encounter:code=" + a.code() }},
	{"`_has` that nothing meets", func(a *asking) string {
		return "Patient?_has:Observation:patient:code=" + loinc + "85354-9&_has:Encounter:patient:class=EMER"
	}},
}

// mix is what clients ask in real use.
var mix = []shape{
	{"name prefix", func(a *asking) string { return "Patient?name=" + pick(a.Rand, nameStarts) }},
	{"family prefix, sorted", func(a *asking) string {
		return "Patient?family=" + pick(a.Rand, nameStarts) + pick(a.Rand, nameMiddles) + "&_sort=family"
	}},
	{"family and given", func(a *asking) string {
		p := a.patient()
		return "Patient?family=" + familyOf(p) + "&given=" + givenOf(p)
	}},
	{"exact name", func(a *asking) string { return "Patient?family:exact=" + familyOf(a.patient()) }},
	{"patient identifier", func(a *asking) string { return fmt.Sprintf("Patient?identifier=%s%%7CMRN-%d", patientIDs, a.patient()) }},
	{"birth date", func(a *asking) string { return "Patient?birthdate=" + birthOf(a.patient()) }},
	{"birth dates, sorted", func(a *asking) string {
		y := 1960 + a.IntN(40)
		return fmt.Sprintf("Patient?birthdate=ge%d&birthdate=lt%d&_sort=birthdate", y, y+1)
	}},
	{"gender and name prefix", func(a *asking) string { return "Patient?gender=male&name=" + pick(a.Rand, nameStarts) }},
	{"phone", func(a *asking) string { return fmt.Sprintf("Patient?phone=555-%07d", a.patient()%10_000_000) }},
	{"town, newest first", func(a *asking) string { return "Patient?address-city=" + pick(a.Rand, towns) + "&_sort=-_lastUpdated" }},
	{"patient with all observations", func(a *asking) string { return "Patient?_id=" + id(a.patient()) + "&_revinclude=Observation:patient" }},
	{"patients with a code, by birth year", func(a *asking) string {
		y := 1960 + a.IntN(40)
		return fmt.Sprintf("Patient?_has:Observation:patient:code=%s&birthdate=%d", a.code(), y)
	}},
	{"observations of a patient", func(a *asking) string { return "Observation?patient=" + id(a.patient()) }},
	{"the latest of a code", func(a *asking) string {
		return "Observation?patient=" + id(a.patient()) + "&code=" + a.code() + "&_sort=-date&_count=1"
	}},
	{"laboratory of a patient in a year", func(a *asking) string {
		return "Observation?patient=" + id(a.patient()) + "&category=laboratory&" + a.span("date", 365) + "&_sort=-date"
	}},
	{"code in a week", func(a *asking) string { return "Observation?code=" + a.code() + "&" + a.span("date", 7) }},
	{"code over a value", func(a *asking) string {
		t, value := a.high(20)
		return "Observation?code-value-quantity=" + loinc + t.code + "$" + value + ucum(t)
	}},
	{"blood pressure over a value", func(a *asking) string {
		return fmt.Sprintf("Observation?component-code-value-quantity=%s8480-6$ge%d", loinc, 140+a.IntN(15))
	}},
	{"one of three codes, sorted", func(a *asking) string {
		return "Observation?code=" + a.code() + "," + a.code() + "," + a.code() + "&_sort=-date"
	}},
	{"observations of an encounter", func(a *asking) string { return "Observation?encounter=" + id(a.encounter()) }},
	{"observations with encounter and performer", func(a *asking) string {
		return "Observation?patient=" + id(a.patient()) + "&_include=Observation:encounter&_include=Observation:performer"
	}},
	{"observations by name of the patient", func(a *asking) string {
		return "Observation?patient.name=" + familyOf(a.patient()) + "&code=" + a.code()
	}},
	{"observations by identifier of the patient", func(a *asking) string {
		return fmt.Sprintf("Observation?subject:Patient.identifier=%s%%7CMRN-%d", patientIDs, a.patient())
	}},
	{"count of vital signs in a month", func(a *asking) string {
		return "Observation?category=vital-signs&date=" + month(a.day()) + "&_summary=count"
	}},
	{"total of a patient's observations", func(a *asking) string {
		return "Observation?patient=" + id(a.patient()) + "&_count=10&_total=accurate"
	}},
	{"encounters of a patient, sorted", func(a *asking) string { return "Encounter?patient=" + id(a.patient()) + "&_sort=-date" }},
	{"encounters of a day with patients", func(a *asking) string {
		return "Encounter?class=AMB&date=" + a.day().Format(time.DateOnly) + "&_include=Encounter:patient"
	}},
	{"active conditions of a patient", func(a *asking) string { return "Condition?patient=" + id(a.patient()) + "&clinical-status=active" }},
	{"new diagnoses with patients", func(a *asking) string {
		return "Condition?code=http://snomed.info/sct%7C" + pick(a.Rand, diagnoses).code + "&" + a.span("onset-date", 30) + "&_include=Condition:patient"
	}},
	{"reports of a patient with results", func(a *asking) string {
		return "DiagnosticReport?patient=" + id(a.patient()) + "&_include=DiagnosticReport:result"
	}},
}
