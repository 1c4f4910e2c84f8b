package mongodb

// dictionary is what compressed bodies may refer to: most resources are short, and
// much the same. It is part of the format of what is stored and never changes; a
// better one gets another format byte. What is most frequent stands last.
const dictionary = `"http://hl7.org/fhir/StructureDefinition/patient-birthPlace","http://hl7.org/fhir/StructureDefinition/data-absent-reason","valueCode":"unknown"` +
	`"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB","display":"ambulatory"},"http://terminology.hl7.org/CodeSystem/v3-NullFlavor"` +
	`"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR","display":"Medical record number"}"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"` +
	`"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"confirmed"}]},` +
	`"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis","display":"Encounter Diagnosis"}]}],"onsetDateTime":"recordedDate":"` +
	`"resourceType":"MedicationRequest","intent":"order","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","authoredOn":"requester":{"reference":"Practitioner/"dosageInstruction":[{"sequence":1,"text":"timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}},"asNeededBoolean":false,"doseAndRate":[{"doseQuantity":{"value":` +
	`"resourceType":"Immunization","status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","occurrenceDateTime":"primarySource":true` +
	`"resourceType":"Specimen","resourceType":"ServiceRequest","resourceType":"Task","resourceType":"CarePlan","resourceType":"QuestionnaireResponse","questionnaire":"linkId":"item":[{"answer":[{"valueString":"` +
	`"resourceType":"DocumentReference","content":[{"attachment":{"contentType":"text/plain; charset=utf-8","data":"` +
	`"resourceType":"Practitioner","resourceType":"Organization","resourceType":"Location","resourceType":"DiagnosticReport","result":[{"reference":"Observation/"conclusion":"` +
	`"resourceType":"Procedure","status":"completed","performedPeriod":{"start":"resourceType":"Condition","abatementDateTime":"` +
	`"resourceType":"Claim","resourceType":"ExplanationOfBenefit","provider":{"reference":"Organization/"insurance":[{"sequence":"adjudication":[{"category":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/adjudication","amount":{"value":"currency":"EUR"}` +
	`"resourceType":"Patient","active":true,"name":[{"use":"official","family":"given":["telecom":[{"system":"phone","value":"use":"home"}],"gender":"female","gender":"male","birthDate":"19","deceasedBoolean":false,"address":[{"use":"home","type":"both","line":["city":"postalCode":"country":"DE"}],"maritalStatus":{"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"de"}]}}],` +
	`"resourceType":"Encounter","status":"finished","class":{"system":"serviceType":{"participant":[{"individual":{"reference":"Practitioner/"serviceProvider":{"reference":"Organization/"reasonCode":[{"coding":[{"period":{"start":"2025-01-01T00:00:00+01:00","end":"` +
	`"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/"valueString":"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"` +
	`"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"interpretation":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation","code":"N","display":"Normal"}]}],"referenceRange":[{"low":{"value":"high":{"value":` +
	`"bodySite":{"coding":[{"system":"note":[{"text":"identifier":[{"system":"urn:oid:","value":"identifier":[{"system":"http://` +
	`"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\"><p></p></div>"},"contained":[{"resourceType":"` +
	`{"resourceType":"Observation","id":"00000000-0000-4000-8000-000000000000","meta":{"versionId":"1","lastUpdated":"2026-01-01T00:00:00.000000Z","profile":["http://hl7.org/fhir/StructureDefinition/"]},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}]}],` +
	`"code":"vital-signs","display":"Vital Signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"8867-4","display":"text":"subject":{"reference":"Patient/"},"encounter":{"reference":"Encounter/"},"effectiveDateTime":"2026-01-01T00:00:00+01:00","issued":"2026-01-01T00:00:00.000+01:00","performer":[{"reference":"Practitioner/"}],"valueQuantity":{"value":1.0,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"}}`
