package search_test

import "testing"

func TestQuantity(t *testing.T) {
	observation := func(value string) string {
		return `{"resourceType":"Observation","id":"o","code":{"coding":[{"system":"http://loinc.org","code":"2986-8"}]},` + value + `}`
	}
	for _, row := range []struct {
		name, resource string
		rows           []queryRow
	}{
		{"a value with a UCUM unit", observation(`"valueQuantity":{"value":5.40,"unit":"ng per mL","system":"http://unitsofmeasure.org","code":"ng/mL"}`), []queryRow{
			{"value-quantity", "5.4", true}, {"value-quantity", "5.40", true}, {"value-quantity", "5.41", false}, {"value-quantity", "5", true},
			{"value-quantity", "5.4|http://unitsofmeasure.org|ng/mL", true}, {"value-quantity", "5.4|http://other.example|ng/mL", false},
			{"value-quantity", "5.4||ng/mL", true}, {"value-quantity", "5.4||ng per mL", true}, {"value-quantity", "5.4||mg/dL", false},
			{"value-quantity", "gt5.4", false}, {"value-quantity", "ge5.4", true}, {"value-quantity", "lt5.400001||ng/mL", true}, {"value-quantity", "le5", false},
			{"value-quantity", "ap5", true}, {"value-quantity", "ap4", false}, {"value-quantity", "ne5.4", false}, {"value-quantity", "ne5.5||ng/mL", true},
			{"value-quantity", "sa5", true}, {"value-quantity", "eb5", false}, {"value-quantity", "1,5.4", true},
			{"combo-value-quantity", "5.4", true}, {"component-value-quantity", "5.4", false},
			{"code-value-quantity", "2986-8$5.4", true}, {"code-value-quantity", "http://loinc.org|2986-8$gt5.3|http://unitsofmeasure.org|ng/mL", true},
			{"code-value-quantity", "2986-8$5.5", false}, {"code-value-quantity", "other$5.4", false}, {"code-value-quantity", "|2986-8$5.4", false},
			{"combo-code-value-quantity", "2986-8$lt6", true}, {"component-code-value-quantity", "2986-8$5.4", false},
		}},
		{"below the limit of detection", observation(`"valueQuantity":{"value":0.1,"comparator":"<","code":"ng/mL"}`), []queryRow{
			{"value-quantity", "lt0.05", true}, {"value-quantity", "gt0.05", true}, {"value-quantity", "gt0.1", false}, {"value-quantity", "0.1", false},
			{"value-quantity", "eb0.2||ng/mL", true}, {"value-quantity", "sa0", false},
		}},
		{"sampled data has no value", observation(`"valueSampledData":{"origin":{"value":1},"period":1,"dimensions":1}`), []queryRow{
			{"value-quantity", "1", false}, {"value-quantity:missing", "false", true},
		}},
		{"no value", observation(`"dataAbsentReason":{"text":"not drawn"}`), []queryRow{
			{"value-quantity", "ne1", false}, {"value-quantity:missing", "true", true}, {"data-absent-reason:missing", "false", true}, {"data-absent-reason", "drawn", false},
		}},
		{"pairs stay within one component", observation(`"component":[{"code":{"coding":[{"code":"a"}]},"valueQuantity":{"value":1}},{"code":{"coding":[{"code":"b"}]},"valueQuantity":{"value":2}}]`), []queryRow{
			{"component-code-value-quantity", "a$1", true}, {"component-code-value-quantity", "b$2", true}, {"component-code-value-quantity", "a$2", false},
			{"combo-code-value-quantity", "b$gt1", true}, {"combo-code-value-quantity", "a$gt1", false}, {"combo-code", "b", true}, {"combo-code", "2986-8", true},
		}},
	} {
		t.Run(row.name, func(t *testing.T) { checkRows(t, row.resource, row.rows) })
	}
}

func TestRange(t *testing.T) {
	checkRows(t, `{"resourceType":"RiskAssessment","id":"r","prediction":[{"probabilityRange":{"low":{"value":10},"high":{"value":20}}}]}`, []queryRow{
		{"probability", "gt15", true}, {"probability", "lt15", true}, {"probability", "15", false}, {"probability", "sa9", true},
		{"probability", "sa10", false}, {"probability", "eb21", true}, {"probability", "gt20", false}, {"probability", "2e1", false}, {"probability", "0e2", true}, {"probability", "ap15", true}, {"probability", "ap8", false},
	})
	checkRows(t, `{"resourceType":"RiskAssessment","id":"r","prediction":[{"probabilityDecimal":0.5}]}`, []queryRow{
		{"probability", "0.5", true}, {"probability", "gt0.4", true}, {"probability", "ge0.5", true}, {"probability", "-0.5", false},
	})
}

func TestReference(t *testing.T) {
	checkRows(t, `{"resourceType":"Observation","id":"o","subject":{"reference":"Patient/p"},"focus":[{"reference":"#c"}],"device":{"display":"by hand"},
"hasMember":[{"reference":"http://there.example/fhir/Observation/x/_history/3"}],"specimen":{"reference":"urn:uuid:0f0e2b1c-5f4d-4a8e-9d1b-6a1f2c3d4e5f"}}`, []queryRow{
		{"subject", "Patient/p", true}, {"subject", "p", true}, {"subject:Patient", "p", true}, {"subject:Group", "p", false}, {"subject", "Group/p", false},
		{"patient", "p", true}, {"patient", "Patient/p", true}, {"patient", "Group/p", false}, {"patient", "https://here.example/fhir/Patient/p", true},
		{"subject", "Patient/p/_history/1", false}, {"subject", "x,p", true}, {"subject:Patient", "Patient/p", true},
		{"focus", "c", false}, {"focus:missing", "false", true}, {"device", "x", false}, {"device:missing", "false", true}, {"encounter:missing", "true", true},
		{"has-member", "http://there.example/fhir/Observation/x", true}, {"has-member", "http://there.example/fhir/Observation/x/_history/3", true},
		{"has-member", "http://there.example/fhir/Observation/x/_history/4", false}, {"has-member", "Observation/x", false},
		{"specimen", "urn:uuid:0f0e2b1c-5f4d-4a8e-9d1b-6a1f2c3d4e5f", true},
	})
	checkRows(t, `{"resourceType":"QuestionnaireResponse","id":"q","questionnaire":"http://q.example/Questionnaire/a|2.0#x"}`, []queryRow{
		{"questionnaire", "http://q.example/Questionnaire/a", true}, {"questionnaire", "http://q.example/Questionnaire/a|2.0", true},
		{"questionnaire", "http://q.example/Questionnaire/a|1.0", false}, {"questionnaire", "http://q.example/Questionnaire/b", false},
	})
	checkRows(t, `{"resourceType":"EpisodeOfCare","id":"e","careManager":{"reference":"PractitionerRole/d"}}`, []queryRow{
		{"care-manager", "PractitionerRole/d", false}, {"care-manager", "d", false}, {"care-manager:missing", "true", true},
	})
	checkRows(t, `{"resourceType":"Bundle","id":"b","type":"document","entry":[{"resource":{"resourceType":"Composition","id":"c"}},{"resource":{"resourceType":"Composition","id":"d"}}]}`, []queryRow{
		{"composition", "Composition/c", true}, {"composition", "c", true}, {"composition", "d", false}, {"type", "document", true},
	})
}

func TestURI(t *testing.T) {
	checkRows(t, `{"resourceType":"ValueSet","id":"v","url":"http://acme.example/fhir/ValueSet/a-name-that-is-longer-than-a-key-holds","version":"1"}`, []queryRow{
		{"url", "http://acme.example/fhir/ValueSet/a-name-that-is-longer-than-a-key-holds", true},
		{"url", "http://acme.example/fhir/ValueSet/a-name-that-is-longer-than-a-key-keeps", false},
		{"url", "HTTP://acme.example/fhir/ValueSet/a-name-that-is-longer-than-a-key-holds", false},
		{"url:below", "http://acme.example/fhir/", true}, {"url:below", "http://acme.example/fhir/ValueSet/a-name-that-is-longer-than", true},
		{"url:below", "http://acme.example/fhir/ValueSet/a-name-that-is-longer-then", false}, {"url:below", "http://other.example/", false},
		{"url:above", "http://acme.example/fhir/ValueSet/a-name-that-is-longer-than-a-key-holds/_history/5", true},
		{"url:above", "http://acme.example/fhir/ValueSet", false},
	})
}

func TestFilteredPaths(t *testing.T) {
	checkRows(t, `{"resourceType":"Library","id":"l","relatedArtifact":[{"type":"depends-on","resource":"http://l.example/a"},{"type":"successor","resource":"http://l.example/b|1"}]}`, []queryRow{
		{"depends-on", "http://l.example/a", true}, {"depends-on", "http://l.example/b", false}, {"successor", "http://l.example/b", true}, {"successor", "http://l.example/a", false},
	})
	checkRows(t, `{"resourceType":"Patient","id":"p","deceasedDateTime":"2020","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/patient-extensions-Patient-mothersMaidenName","valueString":"Smith"},{"url":"http://x.example","valueString":"Jones"}],
"telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b.example"}]}`, []queryRow{
		{"deceased", "true", true}, {"deceased", "false", false}, {"death-date", "2020", true},
		{"mothersMaidenName", "smi", true}, {"mothersMaidenName", "jon", false}, {"mothersMaidenName:missing", "false", true},
		{"phone", "1", true}, {"phone", "a@b.example", false}, {"email", "A@b.example", true}, {"telecom", "1", true},
	})
	checkRows(t, `{"resourceType":"QuestionnaireResponse","id":"q","item":[{"linkId":"1","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject","valueBoolean":true}],
"answer":[{"valueReference":{"reference":"Patient/p"}}]},{"linkId":"2","answer":[{"valueReference":{"reference":"Patient/x"}}]}]}`, []queryRow{
		{"item-subject", "Patient/p", true}, {"item-subject", "Patient/x", false},
	})
	checkRows(t, `{"resourceType":"DocumentReference","id":"d","relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/e"}}]}`, []queryRow{
		{"relationship", "replaces$DocumentReference/e", true}, {"relationship", "appends$DocumentReference/e", false}, {"relationship", "replaces$DocumentReference/f", false},
	})
	checkRows(t, `{"resourceType":"MolecularSequence","id":"m","coordinateSystem":0,"referenceSeq":{"chromosome":{"coding":[{"code":"1"}]},"windowStart":5,"windowEnd":9},"variant":[{"start":6,"end":8}]}`, []queryRow{
		{"chromosome-variant-coordinate", "1$6$8", true}, {"chromosome-variant-coordinate", "1$6$9", false}, {"chromosome-variant-coordinate", "2$6$8", false},
		{"chromosome-window-coordinate", "1$ge5$le9", true},
	})
}
