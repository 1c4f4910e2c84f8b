package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// The systems of identifiers.
const (
	patientIDs = "https://noa-fhir.example.org/id/patient"
	resultIDs  = "https://noa-fhir.example.org/id/result"
)

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

// mainTest is the test that is done again and again for the patient of i.
func mainTest(i int) labTest { return labTests[i/perPatient%len(labTests)] }

// A coding is a code with its display.
type coding struct{ code, display string }

var (
	diagnoses   = []coding{{"8619003", "Infertile"}, {"48188009", "Azoospermia"}, {"48130008", "Hypogonadism"}, {"52929003", "Varicocele"}, {"405808007", "Oligozoospermia"}, {"44054006", "Diabetes mellitus type 2"}}
	medications = []coding{{"6809", "metformin"}, {"10379", "testosterone"}, {"2541", "clomiphene"}, {"84857", "anastrozole"}}
	classes     = []coding{{"AMB", "ambulatory"}, {"AMB", "ambulatory"}, {"VR", "virtual"}, {"IMP", "inpatient encounter"}}
)

// The parts that invented names are made of.
var (
	nameStarts  = []string{"Al", "Bar", "Cor", "Dan", "El", "Fen", "Gar", "Hol", "Is", "Jor", "Kar", "Lin", "Mor", "Nor", "Os", "Per", "Quil", "Ros", "Sel", "Tor", "Ul", "Ver", "Wen", "Zan"}
	nameMiddles = []string{"", "a", "de", "en", "i", "la", "me", "no", "o", "ri", "ta", "va"}
	nameEnds    = []string{"berg", "dal", "feld", "ford", "ham", "hof", "ker", "land", "mann", "sen", "stad", "well"}
	givens      = []string{"Adam", "Anton", "Ben", "Boris", "Carl", "Dan", "David", "Emil", "Erik", "Finn", "Georg", "Gus", "Hal", "Hugo", "Ivo", "Jan", "Jonas", "Karl", "Leo", "Max", "Nils", "Otto", "Paul", "Quentin", "Rolf", "Sven", "Theo", "Uwe", "Viktor", "Willi"}
	towns       = []string{"Northam", "Southam", "Eastham", "Westham", "Midham"}
)

// familyOf and givenOf return the name of the patient of i.
func familyOf(i int) string {
	r := random(patientOf(i))
	return pick(r, nameStarts) + pick(r, nameMiddles) + pick(r, nameEnds)
}

func givenOf(i int) string { return pick(random(patientOf(i)+1), givens) }

// birthOf returns the birth date of the patient of i.
func birthOf(i int) string {
	r := random(patientOf(i) + 2)
	return fmt.Sprintf("%04d-%02d-%02d", 1960+r.IntN(45), 1+r.IntN(12), 1+r.IntN(28))
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// patient returns an invented patient.
func patient(i int, id string) []byte {
	r := random(i + 3)
	family, given := familyOf(i), givenOf(i)
	b := start("Patient", id)
	b = narrative(b, family+" "+given+", an invented patient of an invented clinic, made for measuring and for nothing else.")
	b = fmt.Appendf(b, `,"identifier":[{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical record number"}]},"system":"%s","value":"MRN-%d"}]`, patientIDs, i)
	b = fmt.Appendf(b, `,"active":true,"name":[{"use":"official","family":"%s","given":["%s"]}]`, family, given)
	b = fmt.Appendf(b, `,"telecom":[{"system":"phone","value":"555-%07d","use":"home"},{"system":"email","value":"p%d@example.org"}]`, i%10_000_000, i)
	b = fmt.Appendf(b, `,"gender":"male","birthDate":"%s"`, birthOf(i))
	b = fmt.Appendf(b, `,"address":[{"use":"home","line":["%d High Street"],"city":"%s","postalCode":"%05d","country":"XX"}]`, 1+r.IntN(200), pick(r, towns), r.IntN(100_000))
	b = append(b, `,"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M","display":"Married"}]}`...)
	b = append(b, `,"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"en","display":"English"}]},"preferred":true}]`...)
	b = append(b, `,"managingOrganization":{"reference":"Organization/invented-clinic","display":"Invented Clinic of Andrology"}`...)
	return append(b, '}')
}

// encounter returns an invented visit.
func (c clinic) encounter(i int, id string, to references) []byte {
	r, at := random(i+1), c.date(i)
	class := pick(r, classes)
	b := start("Encounter", id)
	b = narrative(b, "A visit of an invented patient on "+at.Format("2 January 2006")+", "+class.display+".")
	b = fmt.Appendf(b, `,"identifier":[{"system":"https://noa-fhir.example.org/id/visit","value":"V-%d"}],"status":"finished"`, i)
	b = fmt.Appendf(b, `,"class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"%s","display":"%s"}`, class.code, class.display)
	b = append(b, `,"type":[{"coding":[{"system":"http://snomed.info/sct","code":"185349003","display":"Encounter for check up"}],"text":"Encounter for check up"}]`...)
	b = fmt.Appendf(b, `,"subject":{"reference":"%s","display":"%s %s"}`, to(patientOf(i)), givenOf(i), familyOf(i))
	b = fmt.Appendf(b, `,"participant":[{"type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"PPRF","display":"primary performer"}],"text":"primary performer"}],"individual":{"reference":"%s"}}]`, practitioner(r.IntN(staff)))
	b = fmt.Appendf(b, `,"period":{"start":"%s","end":"%s"}`, at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339))
	b = append(b, `,"reasonCode":[{"coding":[{"system":"http://snomed.info/sct","code":"8619003","display":"Infertile"}]}],"serviceProvider":{"reference":"Organization/invented-clinic","display":"Invented Clinic of Andrology"}`...)
	return append(b, '}')
}

// condition returns an invented diagnosis.
func (c clinic) condition(i int, id string, to references) []byte {
	r, at := random(i+1), c.date(i)
	what, status := pick(r, diagnoses), "active"
	if r.IntN(3) == 0 {
		status = "resolved"
	}
	b := start("Condition", id)
	b = narrative(b, what.display+", "+status+", since "+at.Format("2 January 2006")+".")
	b = fmt.Appendf(b, `,"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"%s"}]}`, status)
	b = append(b, `,"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]}`...)
	b = append(b, `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis","display":"Encounter Diagnosis"}]}]`...)
	b = fmt.Appendf(b, `,"code":{"coding":[{"system":"http://snomed.info/sct","code":"%s","display":"%s"}],"text":"%s"}`, what.code, what.display, what.display)
	b = fmt.Appendf(b, `,"subject":{"reference":"%s"},"encounter":{"reference":"%s"}`, to(patientOf(i)), to(encounterOf(i)))
	b = fmt.Appendf(b, `,"onsetDateTime":"%s","recordedDate":"%s"`, at.Format(time.RFC3339), at.Format(time.RFC3339))
	return append(b, '}')
}

// medicationRequest returns an invented prescription.
func (c clinic) medicationRequest(i int, id string, to references) []byte {
	r := random(i + 1)
	what := pick(r, medications)
	b := start("MedicationRequest", id)
	b = fmt.Appendf(b, `,"status":"%s","intent":"order"`, pick(r, []string{"active", "stopped"}))
	b = fmt.Appendf(b, `,"medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"%s","display":"%s"}],"text":"%s"}`, what.code, what.display, what.display)
	b = fmt.Appendf(b, `,"subject":{"reference":"%s"},"encounter":{"reference":"%s"},"authoredOn":"%s"`, to(patientOf(i)), to(encounterOf(i)), c.date(i).Format(time.RFC3339))
	b = fmt.Appendf(b, `,"requester":{"reference":"%s"}`, practitioner(r.IntN(staff)))
	b = append(b, `,"dosageInstruction":[{"sequence":1,"text":"One tablet in the morning","timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":1}}]}]`...)
	return append(b, '}')
}

// report returns an invented report on the first four observations.
func (c clinic) report(i int, id string, to references) []byte {
	at := c.date(i).Format(time.RFC3339)
	b := start("DiagnosticReport", id)
	b = append(b, `,"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"LAB","display":"Laboratory"}]}]`...)
	b = append(b, `,"code":{"coding":[{"system":"http://loinc.org","code":"24362-6","display":"Hormone panel"}],"text":"Hormone panel"}`...)
	b = fmt.Appendf(b, `,"subject":{"reference":"%s"},"encounter":{"reference":"%s"},"effectiveDateTime":"%s","issued":"%s"`, to(patientOf(i)), to(encounterOf(i)), at, at)
	for k := range 4 {
		b = fmt.Appendf(b, `%s{"reference":"%s"}`, [2]string{`,"result":[`, ","}[min(k, 1)], to(patientOf(i)+firstObservation+k))
	}
	return append(b, `],"conclusion":"An invented conclusion about an invented patient, to be relied on by nobody."}`...)
}

// observation returns an invented result about a subject: of the patient's main
// test, of another, or their blood pressure. Edition changes nothing that is
// indexed.
func observation(i int, id, subject, encounter string, at time.Time, edition int) []byte {
	switch k := i % perPatient; {
	case k%10 == 9:
		return bloodPressure(i, id, subject, encounter, at, edition)
	case k%2 == 0 || k%10 == 5:
		return labResult(i, id, subject, encounter, at, edition, mainTest(i))
	}
	return labResult(i, id, subject, encounter, at, edition, pick(random(i+1), labTests))
}

// labResult returns an invented laboratory result.
func labResult(i int, id, subject, encounter string, at time.Time, edition int, t labTest) []byte {
	r := random(i)
	value := t.low + r.Float64()*(t.high-t.low)
	flag, flagName := "N", "Normal"
	if value > t.low+0.8*(t.high-t.low) {
		flag, flagName = "H", "High"
	}
	b := start("Observation", id)
	b = narrative(b, fmt.Sprintf("%s: %.2f %s (%s) on %s", t.name, value, t.unit, flagName, at.Format("2 January 2006")))
	b = fmt.Appendf(b, `,"identifier":[{"system":"%s","value":"R-%d"}],"status":"final"`, resultIDs, i)
	b = append(b, `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}],"text":"Laboratory"}]`...)
	b = fmt.Appendf(b, `,"code":{"coding":[{"system":"http://loinc.org","code":"%s","display":"%s"}],"text":"%s"}`, t.code, t.name, t.name)
	b = about(b, subject, encounter, at, r.IntN(staff))
	b = fmt.Appendf(b, `,"valueQuantity":{"value":%.2f,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"}`, value, t.unit, t.unit)
	b = fmt.Appendf(b, `,"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"%s","display":"%s"}]}]`, flag, flagName)
	b = note(b, edition)
	b = fmt.Appendf(b, `,"referenceRange":[{"low":{"value":%.2f,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"},"high":{"value":%.2f,"unit":"%s","system":"http://unitsofmeasure.org","code":"%s"},"text":"adult men"}]`,
		t.low, t.unit, t.unit, t.low+0.8*(t.high-t.low), t.unit, t.unit)
	return append(b, '}')
}

// bloodPressure returns an invented result of two components.
func bloodPressure(i int, id, subject, encounter string, at time.Time, edition int) []byte {
	r := random(i)
	b := start("Observation", id)
	b = narrative(b, "Blood pressure on "+at.Format("2 January 2006"))
	b = fmt.Appendf(b, `,"identifier":[{"system":"%s","value":"R-%d"}],"status":"final"`, resultIDs, i)
	b = append(b, `,"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}],"text":"Vital Signs"}]`...)
	b = append(b, `,"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel"}],"text":"Blood pressure"}`...)
	b = about(b, subject, encounter, at, r.IntN(staff))
	for k, c := range []coding{{"8480-6", "Systolic blood pressure"}, {"8462-4", "Diastolic blood pressure"}} {
		b = fmt.Appendf(b, `%s{"code":{"coding":[{"system":"http://loinc.org","code":"%s","display":"%s"}]},"valueQuantity":{"value":%d,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}`,
			[2]string{`,"component":[`, ","}[k], c.code, c.display, 110-40*k+r.IntN(50))
	}
	return append(note(append(b, ']'), edition), '}')
}

// about writes whom, when and by whom an observation is.
func about(b []byte, subject, encounter string, at time.Time, who int) []byte {
	when := at.Format(time.RFC3339)
	b = fmt.Appendf(b, `,"subject":{"reference":"%s"},"encounter":{"reference":"%s"}`, subject, encounter)
	b = fmt.Appendf(b, `,"effectiveDateTime":"%s","issued":"%s"`, when, when)
	return fmt.Appendf(b, `,"performer":[{"reference":"%s","display":"Laboratory of the Invented Clinic"}]`, practitioner(who))
}

func note(b []byte, edition int) []byte {
	return fmt.Appendf(b, `,"note":[{"text":"Edition %d of a result that no patient ever had; drawn in the morning, fasting, processed within two hours."}]`, edition)
}

// narrative writes the text of a resource.
func narrative(b []byte, text string) []byte {
	return fmt.Appendf(b, `,"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>%s</p></div>"}`, text)
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

// staff is how many practitioners the clinic has.
const staff = 20

func practitioner(k int) string { return "Practitioner/invented-" + strconv.Itoa(k) }

// personnel returns the clinic itself and who works there.
func personnel() [][]byte {
	list := [][]byte{[]byte(`{"resourceType":"Organization","id":"invented-clinic","active":true,"name":"Invented Clinic of Andrology"}`)}
	for k := range staff {
		_, id, _ := strings.Cut(practitioner(k), "/")
		b := start("Practitioner", id)
		list = append(list, fmt.Appendf(b, `,"active":true,"name":[{"family":"%s","given":["%s"]}]}`, familyOf(k*perPatient), givenOf(k*perPatient)))
	}
	return list
}
