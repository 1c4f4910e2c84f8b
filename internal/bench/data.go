package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"
)

// observationsPerPatient is how many observations follow each patient.
const observationsPerPatient = 49

// perPatient is how many resources belong to a patient, the patient included.
const perPatient = observationsPerPatient + 1

// A labTest is a laboratory test that the invented clinic does.
type labTest struct {
	code, name, unit string
	low, high        float64
}

// labTests are what an andrology clinic measures.
var labTests = []labTest{
	{"15067-2", "Follitropin [Units/volume] in Serum or Plasma", "[IU]/L", 1.5, 40},
	{"10501-5", "Lutropin [Units/volume] in Serum or Plasma", "[IU]/L", 1.7, 20},
	{"2986-8", "Testosterone [Mass/volume] in Serum or Plasma", "ng/dL", 90, 900},
	{"2243-4", "Estradiol (E2) [Mass/volume] in Serum or Plasma", "pg/mL", 10, 60},
	{"2842-3", "Prolactin [Mass/volume] in Serum or Plasma", "ng/mL", 2, 30},
	{"38476-8", "Inhibin B [Mass/volume] in Serum or Plasma", "pg/mL", 5, 400},
	{"3016-3", "Thyrotropin [Units/volume] in Serum or Plasma", "m[IU]/L", 0.4, 5},
	{"10600-5", "Sperm [#/volume] in Semen", "10*6/mL", 0, 120},
	{"9780-8", "Volume of Semen", "mL", 0.5, 6},
	{"2751-4", "pH of Semen", "[pH]", 6.2, 8.4},
}

// A clinic is the invented place whose records fill a store: it has admitted
// patients evenly over ten years and followed each for eighteen months. So
// records come in about the order of what they are about, as they do in life.
// Random dates would be the worst case for an index in which they are part of
// nearly every row.
type clinic struct {
	size int // resources in the store to begin with
}

// The ten years, and how long a patient is followed.
var (
	firstDay = time.Date(2016, 1, 1, 8, 0, 0, 0, time.UTC)
	lastDay  = time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC)
)

const followed = 540 * 24 * time.Hour

// date returns when resource i was made. What comes after those to begin with
// belongs to patients admitted on the last day.
func (c clinic) date(i int) time.Time {
	admitted := lastDay
	if i < c.size {
		admitted = firstDay.Add(time.Duration(float64(lastDay.Sub(firstDay)-followed) * float64(patientOf(i)) / float64(c.size)))
	}
	return admitted.Add(time.Duration(random(i).Int64N(int64(followed)))).Truncate(time.Minute)
}

// random returns the random numbers of resource i: always the same.
func random(i int) *rand.Rand { return rand.New(rand.NewPCG(0x6e6f61, uint64(i))) }

// id returns the logical id of resource i. Ids are spread, as UUIDs are.
func id(i int) string {
	a := uint64(i)*0x9e3779b97f4a7c15 + 0x5851f42d4c957f2d
	a ^= a >> 29
	a *= 0xbf58476d1ce4e5b9
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", uint32(a), uint16(a>>32), a>>48&0xfff, a>>52&0xfff, i)
}

// patientOf returns which resource is the patient of resource i.
func patientOf(i int) int { return i - i%perPatient }

// resource returns the type of resource i and its JSON: a patient first, then
// the observations about them. With an id of "" there is none in it.
func (c clinic) resource(i int, id string) (typ string, json []byte) {
	if i%perPatient == 0 {
		return "Patient", patient(i, id)
	}
	return "Observation", observation(i, id, "Patient/"+idOf(patientOf(i)), c.date(i), 0)
}

// idOf is id, where that name is taken.
func idOf(i int) string { return id(i) }

var (
	families = []string{"Doe", "Roe", "Poe", "Loe", "Moe", "Zoe", "Noe", "Hoe", "Coe", "Boe"}
	givens   = []string{"Adam", "Ben", "Carl", "Dan", "Emil", "Finn", "Gus", "Hal", "Ivo", "Jan"}
	towns    = []string{"Northam", "Southam", "Eastham", "Westham", "Midham"}
)

// patient returns an invented patient.
func patient(i int, id string) []byte {
	r := random(i)
	n := strconv.Itoa(i)
	family := families[r.IntN(len(families))] + n
	given := givens[r.IntN(len(givens))]
	b := start("Patient", id)
	b = fmt.Appendf(b, `,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>%s %s, an invented patient of an invented clinic, made for measuring and for nothing else.</p></div>"}`, given, family)
	b = fmt.Appendf(b, `,"identifier":[{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical record number"}]},"system":"https://noa-fhir.example.org/id/patient","value":"MRN-%s"}]`, n)
	b = fmt.Appendf(b, `,"active":true,"name":[{"use":"official","family":"%s","given":["%s"]}]`, family, given)
	b = fmt.Appendf(b, `,"telecom":[{"system":"phone","value":"555-%07d","use":"home"},{"system":"email","value":"p%s@example.org"}]`, i%10_000_000, n)
	b = fmt.Appendf(b, `,"gender":"male","birthDate":"%04d-%02d-%02d"`, 1960+r.IntN(45), 1+r.IntN(12), 1+r.IntN(28))
	b = fmt.Appendf(b, `,"address":[{"use":"home","line":["%d High Street"],"city":"%s","postalCode":"%05d","country":"XX"}]`, 1+r.IntN(200), towns[r.IntN(len(towns))], r.IntN(100_000))
	b = append(b, `,"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}]}`...)
	b = append(b, `,"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en","display":"English"}]},"preferred":true}]`...)
	b = append(b, `,"managingOrganization":{"reference":"Organization/invented-clinic","display":"Invented Clinic of Andrology"}`...)
	return append(b, '}')
}

// observation returns an invented laboratory result about a subject. Edition
// changes nothing that is indexed.
func observation(i int, id, subject string, at time.Time, edition int) []byte {
	r := random(i)
	t := labTests[r.IntN(len(labTests))]
	value := t.low + r.Float64()*(t.high-t.low)
	flag, flagName := "N", "Normal"
	if value > t.low+0.8*(t.high-t.low) {
		flag, flagName = "H", "High"
	}
	when := at.Format(time.RFC3339)
	b := start("Observation", id)
	b = fmt.Appendf(b, `,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>%s: %.2f %s (%s) on %s</p></div>"}`, t.name, value, t.unit, flagName, at.Format("2 January 2006"))
	b = fmt.Appendf(b, `,"identifier":[{"system":"https://noa-fhir.example.org/id/result","value":"R-%d"}],"status":"final"`, i)
	b = append(b, `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}],"text":"Laboratory"}]`...)
	b = fmt.Appendf(b, `,"code":{"coding":[{"system":"http://loinc.org","code":"%s","display":"%s"}],"text":"%s"}`, t.code, t.name, t.name)
	b = fmt.Appendf(b, `,"subject":{"reference":"%s"},"encounter":{"reference":"Encounter/e-%d"}`, subject, i/7)
	b = fmt.Appendf(b, `,"effectiveDateTime":"%s","issued":"%s"`, when, when)
	b = fmt.Appendf(b, `,"performer":[{"reference":"Practitioner/invented-%d","display":"Laboratory of the Invented Clinic"}]`, r.IntN(20))
	b = fmt.Appendf(b, `,"valueQuantity":{"value":%.2f,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}`, value, t.unit, t.unit)
	b = fmt.Appendf(b, `,"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"%s","display":"%s"}]}]`, flag, flagName)
	b = fmt.Appendf(b, `,"note":[{"text":"Edition %d of a result that no patient ever had; drawn in the morning, fasting, processed within two hours."}]`, edition)
	b = fmt.Appendf(b, `,"referenceRange":[{"low":{"value":%.2f,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"},"high":{"value":%.2f,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"},"text":"adult men"}]`,
		t.low, t.unit, t.unit, t.low+0.8*(t.high-t.low), t.unit, t.unit)
	return append(b, '}')
}

// start begins a resource.
func start(typ, id string) []byte {
	b := make([]byte, 0, 2200)
	b = append(append(append(b, `{"resourceType":"`...), typ...), '"')
	if id != "" {
		b = append(append(append(b, `,"id":"`...), id...), '"')
	}
	return b
}

// transactionBundle returns a Bundle of patient i and their observations, as a
// clinic's system would send it: with URNs for each other, and a condition.
func (c clinic) transactionBundle(i, patients int) []byte {
	b := append(make([]byte, 0, patients*perPatient*2400), `{"resourceType":"Bundle","type":"transaction","entry":[`...)
	for p := range patients {
		first := patientOf(i) + p*perPatient
		urn := "urn:uuid:" + id(first)
		for k := range perPatient {
			if p+k > 0 {
				b = append(b, ',')
			}
			n := first + k
			if k == 0 {
				b = fmt.Appendf(b, `{"fullUrl":"%s","resource":%s,"request":{"method":"POST","url":"Patient","ifNoneExist":"identifier=https://noa-fhir.example.org/id/patient|MRN-%d"}}`, urn, patient(n, ""), n)
				continue
			}
			b = fmt.Appendf(b, `{"fullUrl":"urn:uuid:%s","resource":%s,"request":{"method":"POST","url":"Observation"}}`, id(n), observation(n, "", urn, c.date(n), 0))
		}
	}
	return append(b, `]}`...)
}
