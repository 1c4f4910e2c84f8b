package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A patient has perPatient resources: the patient, then what follows from these
// places on.
const (
	perPatient       = 50
	firstEncounter   = 1
	firstCondition   = 6
	prescription     = 8
	firstReport      = 9
	firstObservation = 10
)

// encounters is how many a patient has. The observations are spread over them.
const encounters = firstCondition - firstEncounter

// A clinic is the invented place whose records fill a store: it has admitted
// patients evenly over ten years and followed each for eighteen months. So
// records come in about the order of what they are about, as they do in life.
// Random dates would be the worst case for an index in which they are part of
// nearly every row.
type clinic struct {
	size int // resources in the store to begin with, the staff aside
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
	if k := i % perPatient; k >= firstReport {
		return c.date(encounterOf(i)).Add(time.Duration(k) * time.Minute)
	}
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

// encounterOf returns which resource is the encounter of resource i, which is no
// patient.
func encounterOf(i int) int { return patientOf(i) + firstEncounter + i%encounters }

// kindOf returns the type of resource i.
func kindOf(i int) string {
	switch k := i % perPatient; {
	case k == 0:
		return "Patient"
	case k < firstCondition:
		return "Encounter"
	case k < prescription:
		return "Condition"
	case k == prescription:
		return "MedicationRequest"
	case k == firstReport:
		return "DiagnosticReport"
	}
	return "Observation"
}

// A references says how resource i is referred to.
type references func(i int) string

// relative refers to resources by type and id.
func relative(i int) string { return kindOf(i) + "/" + id(i) }

// urns refers to resources of the same Bundle.
func urns(i int) string { return "urn:uuid:" + id(i) }

// resource returns the type of resource i and its JSON: a patient first, then
// what is about them. With an id of "" there is none in it.
func (c clinic) resource(i int, id string) (typ string, json []byte) {
	return kindOf(i), c.text(i, id, relative)
}

// text returns the JSON of resource i.
func (c clinic) text(i int, id string, to references) []byte {
	switch kindOf(i) {
	case "Patient":
		return patient(i, id)
	case "Encounter":
		return c.encounter(i, id, to)
	case "Condition":
		return c.condition(i, id, to)
	case "MedicationRequest":
		return c.medicationRequest(i, id, to)
	case "DiagnosticReport":
		return c.report(i, id, to)
	}
	return observation(i, id, to(patientOf(i)), to(encounterOf(i)), c.date(i), 0)
}

// transactionBundle returns a Bundle of the patient of i and others after it with
// what is about them, as a clinic's system would send it: with URNs for each
// other, and a condition.
func (c clinic) transactionBundle(i, patients int) []byte {
	b := append(make([]byte, 0, patients*perPatient*2400), `{"resourceType":"Bundle","type":"transaction","entry":[`...)
	first := patientOf(i)
	for n := first; n < first+patients*perPatient; n++ {
		if n > first {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"fullUrl":"urn:uuid:%s","resource":%s,"request":{"method":"POST","url":"%s"`, id(n), c.text(n, "", urns), kindOf(n))
		if kindOf(n) == "Patient" {
			b = fmt.Appendf(b, `,"ifNoneExist":"identifier=%s|MRN-%d"`, patientIDs, n)
		}
		b = append(b, `}}`...)
	}
	return append(b, `]}`...)
}
