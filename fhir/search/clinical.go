package search

import (
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A clinicalDate names the elements that say when what a resource is about took
// place, the best first.
type clinicalDate struct {
	typ   string
	paths []string
}

// clinicalDates lists the types for which the parameter "date" is missing or not
// the date a clinician would sort by. Other types have that of the parameter
// "date", and types without one have none.
var clinicalDates = []clinicalDate{
	{"Account", []string{"servicePeriod"}},
	{"AdverseEvent", []string{"date", "detected", "recordedDate"}},
	{"AllergyIntolerance", []string{"recordedDate", "onset", "lastOccurrence"}},
	{"Appointment", []string{"start", "created"}},
	{"AppointmentResponse", []string{"start"}},
	{"AuditEvent", []string{"recorded"}},
	{"BiologicallyDerivedProduct", []string{"collection.collected", "manipulation.time"}},
	{"Bundle", []string{"timestamp"}},
	{"CarePlan", []string{"period", "created"}},
	{"ChargeItem", []string{"occurrence", "enteredDate"}},
	{"Claim", []string{"billablePeriod", "created"}},
	{"ClaimResponse", []string{"created"}},
	{"ClinicalImpression", []string{"effective", "date"}},
	{"Communication", []string{"sent", "received"}},
	{"CommunicationRequest", []string{"occurrence", "authoredOn"}},
	{"Condition", []string{"onset", "recordedDate"}},
	{"Contract", []string{"issued", "applies"}},
	{"Coverage", []string{"period"}},
	{"DetectedIssue", []string{"identified"}},
	{"DeviceRequest", []string{"occurrence", "authoredOn"}},
	{"DeviceUseStatement", []string{"timing", "recordedOn"}},
	{"DiagnosticReport", []string{"effective", "issued"}},
	{"DocumentManifest", []string{"created"}},
	{"ExplanationOfBenefit", []string{"billablePeriod", "created"}},
	{"Goal", []string{"start", "statusDate"}},
	{"GuidanceResponse", []string{"occurrenceDateTime"}},
	{"ImagingStudy", []string{"started"}},
	{"Immunization", []string{"occurrence", "recorded"}},
	{"Media", []string{"created", "issued"}},
	{"MedicationAdministration", []string{"effective"}},
	{"MedicationDispense", []string{"whenHandedOver", "whenPrepared"}},
	{"MedicationRequest", []string{"authoredOn"}},
	{"MedicationStatement", []string{"effective", "dateAsserted"}},
	{"NutritionOrder", []string{"dateTime"}},
	{"Observation", []string{"effective", "issued"}},
	{"Procedure", []string{"performed"}},
	{"Provenance", []string{"occurred", "recorded"}},
	{"QuestionnaireResponse", []string{"authored"}},
	{"RequestGroup", []string{"authoredOn"}},
	{"RiskAssessment", []string{"occurrence"}},
	{"Schedule", []string{"planningHorizon"}},
	{"ServiceRequest", []string{"occurrence", "authoredOn"}},
	{"Slot", []string{"start"}},
	{"Specimen", []string{"collection.collected", "receivedTime"}},
	{"SupplyDelivery", []string{"occurrence"}},
	{"SupplyRequest", []string{"occurrence", "authoredOn"}},
	{"Task", []string{"executionPeriod", "authoredOn"}},
	{"VisionPrescription", []string{"dateWritten", "created"}},
}

// addClinicalDate marks the elements that hold the clinical date of a type.
func (r *Registry) addClinicalDate(id fhir.TypeID, typ *resourceType) {
	name := r.schema.Types[id].Name
	for _, c := range clinicalDates {
		if c.typ != name {
			continue
		}
		for i, text := range c.paths {
			e, err := fhirpath.Parse(text)
			rt, ok := r.route(e)
			if err != nil || !ok {
				panic("search: the clinical date of " + name + " is no path: " + text)
			}
			r.rank(typ.trie, rt, uint8(200-i))
		}
		return
	}
	for _, rt := range r.dateRoutes(id, typ) {
		r.rank(typ.trie, rt, 1)
	}
}

// dateRoutes returns the routes of the parameter "date" of a type.
func (r *Registry) dateRoutes(id fhir.TypeID, typ *resourceType) []route {
	p := typ.params["date"]
	if p == nil || p.Type != fhir.DateParam {
		return nil
	}
	var routes []route
	for _, a := range alternatives(p.expr) {
		if rt, ok := r.route(a); ok {
			routes = append(routes, rt)
		}
	}
	return routes
}

// rank marks the elements of a route as clinical dates of a rank.
func (r *Registry) rank(t *trie, rt route, rank uint8) {
	for _, n := range r.walk(t, rt) {
		if kindsFor[fhir.DateParam].has(r.kinds[t.nodes[n].typ]) {
			t.act(n, action{rank: rank})
		}
	}
}

// clinical keeps the clinical date if it is better than what there is.
func (k *walker) clinical(el *element, rank uint8) {
	if rank <= k.rank {
		return
	}
	s, ok := el.span()
	if !ok {
		return
	}
	at := s.begin
	if at == always {
		at = s.end
	}
	k.date, k.rank, k.care = at.milliseconds(), rank, s
}

// A careTime is a condition on when what a resource is about took place.
type careTime struct {
	reg  *Registry
	span span
}

// CareTime returns a clause that holds for the resources whose clinical date
// overlaps with the time from one instant up to but not including another, and for
// those without one. A zero instant is open.
func (r *Registry) CareTime(from, to time.Time) Clause {
	c := &careTime{r, span{begin: always, end: never}}
	if !from.IsZero() {
		c.span.begin = momentOf(from)
	}
	if !to.IsZero() {
		c.span.end = momentOf(to)
	}
	return Clause{care: c}
}

func (c *careTime) matches(r *fhir.Resource) bool {
	k := c.reg.walked(r, r.ID())
	defer k.w.release()
	return k.rank == 0 || k.care.begin.before(c.span.end) && c.span.begin.before(k.care.end)
}
