package r4_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// TestCounts checks the tables against what the specification publishes.
func TestCounts(t *testing.T) {
	s := r4.Schema()
	kinds := map[fhir.TypeKind]int{}
	for _, d := range s.Types[1:] {
		if !d.Abstract {
			kinds[d.Kind]++
		}
	}
	for _, tt := range []struct {
		what string
		got  int
		want int
	}{
		{"resource types", kinds[fhir.ResourceType], 146},
		{"data types", kinds[fhir.ComplexType], 39},
		{"primitive types, xhtml included", kinds[fhir.PrimitiveType], 20},
		{"search parameters: 1400 less two examples that repeat others", len(s.SearchParams), 1398},
		{"compartments", len(s.Compartments), 5},
		{"operations", len(s.Operations), 47},
	} {
		if tt.got != tt.want {
			t.Errorf("%d %s, want %d", tt.got, tt.what, tt.want)
		}
	}
}

// TestElements checks elements whose definition is special in some way.
func TestElements(t *testing.T) {
	for _, tt := range []struct {
		path    string
		want    string // the type
		choice  string
		flags   fhir.ElementFlags
		targets string // "" for any or none
		system  string
	}{
		{path: "Patient.gender", want: "code", flags: fhir.InSummary, system: "http://hl7.org/fhir/administrative-gender"},
		{path: "Observation.status", want: "code", flags: fhir.InSummary | fhir.Required | fhir.IsModifier, system: "http://hl7.org/fhir/observation-status"},
		{path: "Task.intent", want: "code", flags: fhir.InSummary | fhir.Required}, // codes of two systems

		{path: "Observation.valueSampledData", want: "SampledData", choice: "value", flags: fhir.InSummary},
		{path: "Observation.component.valueTime", want: "time", choice: "value", flags: fhir.InSummary},
		{path: "MedicationRequest.medicationReference", want: "Reference", choice: "medication", flags: fhir.InSummary | fhir.Required, targets: "Medication"},
		{path: "Extension.valueAge", want: "Age", choice: "value"},

		// Content is defined elsewhere.
		{path: "Questionnaire.item.item", want: "Questionnaire.item", flags: fhir.Repeats},
		{path: "Observation.component.referenceRange", want: "Observation.referenceRange", flags: fhir.Repeats},
		{path: "Bundle.entry.link", want: "Bundle.link", flags: fhir.Repeats | fhir.InSummary},
		{path: "Timing.repeat", want: "Timing.repeat", flags: fhir.InSummary},

		// Identity is a member of a resource, but an attribute of an element.
		{path: "Patient.id", want: "id", flags: fhir.InSummary},
		{path: "Patient.contact.id", want: "string", flags: fhir.Attribute},
		{path: "string.id", want: "string", flags: fhir.Attribute},
		{path: "Extension.url", want: "uri", flags: fhir.Attribute | fhir.Required},
		{path: "Narrative.div", want: "xhtml", flags: fhir.Required},

		// Any resource.
		{path: "Patient.contained", want: "Resource", flags: fhir.Repeats},
		{path: "Bundle.entry.resource", want: "Resource", flags: fhir.InSummary},
		{path: "Parameters.parameter.resource", want: "Resource", flags: fhir.InSummary},

		{path: "Patient.managingOrganization", want: "Reference", flags: fhir.InSummary, targets: "Organization"},
		{path: "Observation.subject", want: "Reference", flags: fhir.InSummary, targets: "Device Group Location Patient"},
		{path: "Observation.focus", want: "Reference", flags: fhir.InSummary | fhir.Repeats},
		{path: "QuestionnaireResponse.questionnaire", want: "canonical", flags: fhir.InSummary, targets: "Questionnaire"},
		{path: "Observation.referenceRange.low", want: "Quantity"}, // SimpleQuantity is a profile
	} {
		t.Run(tt.path, func(t *testing.T) {
			s := r4.Schema()
			e := element(t, s, tt.path)
			if got := s.Types[e.Type].Name; got != tt.want {
				t.Errorf("type is %s, want %s", got, tt.want)
			}
			if e.Choice != tt.choice {
				t.Errorf("choice is %q, want %q", e.Choice, tt.choice)
			}
			if e.Flags != tt.flags {
				t.Errorf("flags are %b, want %b", e.Flags, tt.flags)
			}
			if got := strings.Join(s.TargetSets[e.Targets], " "); got != tt.targets {
				t.Errorf("targets are %q, want %q", got, tt.targets)
			}
			if got := s.Bindings[e.Binding].System; got != tt.system {
				t.Errorf("system is %q, want %q", got, tt.system)
			}
		})
	}
}

// element returns the element at a path, which must exist.
func element(t *testing.T, s *fhir.Schema, path string) fhir.ElementDef {
	t.Helper()
	dot := strings.LastIndexByte(path, '.')
	id := s.TypeByName(path[:dot])
	if id == 0 {
		t.Fatalf("no type %s", path[:dot])
	}
	for _, e := range s.ElementsOf(id) {
		if e.Name == path[dot+1:] {
			return e
		}
	}
	t.Fatalf("no element %s", path)
	return fhir.ElementDef{}
}

// TestOrder checks that elements come in the order of the definition, which is
// the order of XML.
func TestOrder(t *testing.T) {
	for _, tt := range []struct{ typ, want string }{
		{"Period", "id extension start end"},
		{"Patient", "id meta implicitRules language text contained extension modifierExtension identifier active name " +
			"telecom gender birthDate deceasedBoolean deceasedDateTime address maritalStatus multipleBirthBoolean " +
			"multipleBirthInteger photo contact communication generalPractitioner managingOrganization link"},
		{"Observation.component", "id extension modifierExtension code valueQuantity valueCodeableConcept valueString " +
			"valueBoolean valueInteger valueRange valueRatio valueSampledData valueTime valueDateTime valuePeriod " +
			"dataAbsentReason interpretation referenceRange"},
		{"boolean", "id extension"},
		{"xhtml", "id"},
	} {
		s := r4.Schema()
		var names []string
		for _, e := range s.ElementsOf(s.TypeByName(tt.typ)) {
			names = append(names, e.Name)
		}
		if got := strings.Join(names, " "); got != tt.want {
			t.Errorf("%s has %s, want %s", tt.typ, got, tt.want)
		}
	}
}

func TestHierarchy(t *testing.T) {
	s := r4.Schema()
	for _, tt := range []struct {
		typ, base string
		want      bool
	}{
		{"Patient", "DomainResource", true},
		{"Patient", "Resource", true},
		{"Bundle", "Resource", true},
		{"Bundle", "DomainResource", false},
		{"Age", "Quantity", true},
		{"code", "string", true},
		{"code", "Element", true},
		{"canonical", "uri", true},
		{"Patient.contact", "BackboneElement", true},
		{"Timing.repeat", "Element", true},
		{"Timing.repeat", "BackboneElement", false},
		{"Resource", "Element", false},
	} {
		if got := s.IsA(s.TypeByName(tt.typ), s.TypeByName(tt.base)); got != tt.want {
			t.Errorf("%s is a %s: %t, want %t", tt.typ, tt.base, got, tt.want)
		}
	}
	for _, name := range []string{"Event", "FiveWs", "MetadataResource", "SimpleQuantity", "DomainResource", "Quantity", "patient", ""} {
		if s.ResourceByName(name) != 0 {
			t.Errorf("%q is a concrete resource type, want not", name)
		}
	}
}

// TestTypesAreSound checks what every type must fulfil.
func TestTypesAreSound(t *testing.T) {
	s := r4.Schema()
	next := fhir.ElementID(1)
	for i := 1; i < len(s.Types); i++ {
		d := s.Types[i]
		if got := s.TypeByName(d.Name); got != fhir.TypeID(i) {
			t.Errorf("TypeByName(%q) = %d, want %d: names must be sorted and distinct", d.Name, got, i)
		}
		if d.First != next || d.Count == 0 {
			t.Errorf("%s has %d elements from %d on, want some from %d on", d.Name, d.Count, d.First, next)
		}
		next = d.First + fhir.ElementID(d.Count)
		if (d.Base == 0) != (d.Name == "Element" || d.Name == "Resource") || int(d.Base) >= len(s.Types) {
			t.Errorf("%s has base %d", d.Name, d.Base)
		}
		if d.Kind < fhir.ResourceType || d.Kind > fhir.PrimitiveType {
			t.Errorf("%s has kind %d", d.Name, d.Kind)
		}
	}
	if int(next) != len(s.Elements) {
		t.Errorf("the types have %d elements, of %d", next, len(s.Elements))
	}
}

// TestElementsAreSound checks what every element must fulfil.
func TestElementsAreSound(t *testing.T) {
	s := r4.Schema()
	for i := 1; i < len(s.Types); i++ {
		seen := map[string]bool{}
		for _, e := range s.ElementsOf(fhir.TypeID(i)) {
			at := s.Types[i].Name + "." + e.Name
			switch {
			case seen[e.Name]:
				t.Errorf("%s is there twice", at)
			case !strings.HasPrefix(e.Name, e.Choice) || e.Name == e.Choice:
				t.Errorf("%s is of choice %s", at, e.Choice)
			case e.Type == 0 || int(e.Type) >= len(s.Types):
				t.Errorf("%s has type %d", at, e.Type)
			case int(e.Targets) >= len(s.TargetSets) || int(e.Binding) >= len(s.Bindings):
				t.Errorf("%s has target set %d, binding %d", at, e.Targets, e.Binding)
			case e.Choice != "" && e.Flags&fhir.Repeats != 0:
				t.Errorf("%s is a choice and repeats", at)
			}
			seen[e.Name] = true
		}
	}
	for _, set := range s.TargetSets[1:] {
		mustBeResources(t, "a target set", set)
	}
	for _, b := range s.Bindings[1:] {
		if !strings.ContainsRune("repx", rune(b.Strength)) || b.ValueSet == "" {
			t.Errorf("binding to %q has strength %q", b.ValueSet, b.Strength)
		}
	}
}

// mustBeResources checks that names are resource types, sorted, and some.
func mustBeResources(t *testing.T, where string, names []string) {
	t.Helper()
	s := r4.Schema()
	if len(names) == 0 || !slices.IsSorted(names) {
		t.Errorf("%s has %v, want sorted names", where, names)
	}
	for _, n := range names {
		if id := s.TypeByName(n); id == 0 || s.Types[id].Kind != fhir.ResourceType {
			t.Errorf("%s has %q, want resource types", where, n)
		}
	}
}

func TestSearchParamsAreSound(t *testing.T) {
	s := r4.Schema()
	urls := map[string]bool{}
	for _, p := range s.SearchParams {
		if urls[p.URL] {
			t.Errorf("%s is there twice", p.URL)
		}
		urls[p.URL] = true
	}
	taken := map[[2]string]bool{}
	for _, p := range s.SearchParams {
		mustBeResources(t, p.URL, p.Base)
		if len(p.Target) > 0 {
			mustBeResources(t, p.URL, p.Target)
		}
		for _, b := range p.Base {
			if taken[[2]string{b, p.Code}] {
				t.Errorf("%s has a second parameter %s", b, p.Code)
			}
			taken[[2]string{b, p.Code}] = true
		}
		if (p.Type == fhir.CompositeParam) != (len(p.Component) > 0) {
			t.Errorf("%s is %s with %d components", p.URL, p.Type, len(p.Component))
		}
		for _, c := range p.Component {
			if !urls[c.Definition] || c.Expression == "" {
				t.Errorf("%s has component %v", p.URL, c)
			}
		}
	}
	if !slices.IsSortedFunc(s.SearchParams, func(a, b fhir.SearchParam) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), cmp.Compare(a.URL, b.URL))
	}) {
		t.Error("search parameters are not sorted by code and URL")
	}
}

func TestSearchParams(t *testing.T) {
	for _, tt := range []struct {
		name, url, base, expression, target string
		typ                                 fhir.ParamType
	}{
		{"of every resource, not the example", "Resource-id", "Resource", "Resource.id", "", fhir.TokenParam},
		{"real one, not the example", "Condition-subject", "Condition", "Condition.subject", "Group Patient", fhir.ReferenceParam},
		{"base from the ID", "valueset-extensions-ValueSet-author", "ValueSet", "", "", fhir.StringParam},
		{"special", "Location-near", "Location", "Location.position", "", fhir.SpecialParam},
		{"several bases", "individual-gender", "Patient Person Practitioner RelatedPerson",
			"Patient.gender | Person.gender | Practitioner.gender | RelatedPerson.gender", "", fhir.TokenParam},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := searchParam(t, "http://hl7.org/fhir/SearchParameter/"+tt.url)
			if got := strings.Join(p.Base, " "); got != tt.base {
				t.Errorf("base is %s, want %s", got, tt.base)
			}
			if p.Expression != tt.expression || p.Type != tt.typ {
				t.Errorf("%s of %q, want %s of %q", p.Type, p.Expression, tt.typ, tt.expression)
			}
			if got := strings.Join(p.Target, " "); got != tt.target {
				t.Errorf("target is %s, want %s", got, tt.target)
			}
		})
	}
}

func searchParam(t *testing.T, url string) fhir.SearchParam {
	t.Helper()
	for _, p := range r4.Schema().SearchParams {
		if p.URL == url {
			return p
		}
	}
	t.Fatalf("no search parameter %s", url)
	return fhir.SearchParam{}
}

// TestCompartmentsAreSound checks that every member names parameters of its
// type.
func TestCompartmentsAreSound(t *testing.T) {
	s := r4.Schema()
	codes := map[string]bool{}
	for _, p := range s.SearchParams {
		for _, b := range p.Base {
			codes[b+" "+p.Code] = true
		}
	}
	members := map[string]int{}
	for _, c := range s.Compartments {
		members[c.Type] = len(c.Members)
		for _, m := range c.Members {
			for _, code := range m.Params {
				if code != "{def}" && !codes[m.Type+" "+code] {
					t.Errorf("%s has no parameter %s, which compartment %s names", m.Type, code, c.Type)
				}
			}
		}
	}
	for typ, want := range map[string]int{"Device": 32, "Encounter": 25, "Patient": 66, "Practitioner": 59, "RelatedPerson": 32} {
		if members[typ] != want {
			t.Errorf("%d types can be in a %s compartment, want %d", members[typ], typ, want)
		}
	}
}

func TestOperationsAreSound(t *testing.T) {
	for _, o := range r4.Schema().Operations {
		mustBeResources(t, o.URL, o.Resource)
		if o.Code == "" || !o.System && !o.TypeLevel && !o.Instance {
			t.Errorf("%s has code %q and no level to be called at", o.URL, o.Code)
		}
	}
}

// TestLookupsDoNotAllocate guards the parser, which looks up a type per resource.
func TestLookupsDoNotAllocate(t *testing.T) {
	patient := r4.Schema().TypeByName("Patient")
	n := testing.AllocsPerRun(100, func() {
		s := r4.Schema()
		if s.ResourceByName("Patient") != patient || len(s.ElementsOf(patient)) == 0 || s.IsA(patient, 0) {
			t.Error("Patient is not what it was")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
