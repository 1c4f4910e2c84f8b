package search_test

import "testing"

func TestCanonicalQuantity(t *testing.T) {
	checkRows(t, `{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://c.example","code":"a"}]},
"valueQuantity":{"value":176,"unit":"nanogram/dl","system":"http://unitsofmeasure.org","code":"ng/dL"}}`, []queryRow{
		{"value-quantity", "176|http://unitsofmeasure.org|ng/dL", true},
		{"value-quantity", "1.76|http://unitsofmeasure.org|ug/L", true},
		{"value-quantity", "1.8|http://unitsofmeasure.org|ug/L", true}, // what was typed is 1.75 to 1.85
		{"value-quantity", "1.770|http://unitsofmeasure.org|ug/L", false},
		{"value-quantity", "ge1.76|http://unitsofmeasure.org|ug/L", true},
		{"value-quantity", "gt1.76|http://unitsofmeasure.org|ug/L", false},
		{"value-quantity", "lt0.00000177|http://unitsofmeasure.org|g/L", true},
		{"value-quantity", "gt0|http://unitsofmeasure.org|mmol/L", false},
		{"value-quantity", "ne5|http://unitsofmeasure.org|mmol/L", false},
		{"value-quantity", "ne5|http://unitsofmeasure.org|ug/L", true},
		{"value-quantity", "1.76||ug/L", false},
		{"value-quantity", "176||ng/dL", true},
		{"value-quantity", "176||nanogram/dl", true},
		{"value-quantity", "176|http://other.example|ng/dL", false},
		{"value-quantity", "176", true},
		{"code-value-quantity", "a$1.76|http://unitsofmeasure.org|ug/L", true},
		{"code-value-quantity", "http://c.example|a$lt2|http://unitsofmeasure.org|ug/L", true},
		{"code-value-quantity", "b$1.76|http://unitsofmeasure.org|ug/L", false},
		{"code-value-quantity", "a$gt2|http://unitsofmeasure.org|ug/L", false},
	})
}

func TestTextBesideCodes(t *testing.T) {
	checkRows(t, `{"resourceType":"Patient","id":"p","identifier":[{"type":{"coding":[{"system":"http://t.example","code":"MR"}],"text":"Medical Record Number"},"system":"http://mrn.example","value":"44"},{"type":{"coding":[{"system":"http://t.example","code":"DL"}]},"value":"45"}],
"maritalStatus":{"coding":[{"code":"M","display":"Married"}],"text":"Very married"},"communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"de","display":"Deutsch (Österreich), gesprochen in Wien"}]}}]}`, []queryRow{
		{"identifier:text", "medical rec", true},
		{"identifier:text", "record", false},
		{"identifier:of-type", "http://t.example|MR|44", true},
		{"identifier:of-type", "http://t.example|DL|45", true},
		{"identifier:of-type", "http://t.example|MR|45", false},
		{"identifier:of-type", "http://u.example|MR|44", false},
		{"language:text", "DEUTSCH österreich", true},
		{"language:text", "deutsch osterreich gesprochen in wien", true},
		{"language:text", "deutsch osterreich gesprochen in graz", false},
		{"language:text", "de,deut", true},
	})
}

func TestNear(t *testing.T) {
	// Greenwich.
	checkRows(t, `{"resourceType":"Location","id":"l","position":{"longitude":-0.0015,"latitude":51.4779}}`, []queryRow{
		{"near", "51.4779|-0.0015|0", true},
		{"near", "51.5074|-0.1278", true},
		{"near", "51.5074|-0.1278|10|km", true},
		{"near", "51.5074|-0.1278|9|km", false},
		{"near", "51.5074|-0.1278|10000|m", true},
		{"near", "51.5074|-0.1278|6|mi", true},
		{"near", "51.5074|-0.1278|5.5|[mi_i]", false},
		{"near", "48.8566|2.3522|340|km", true},
		{"near", "48.8566|2.3522|300|km", false},
		{"near", "48.8566|2.3522|300|km,51|0|60|km", true},
		{"near", "-51.4779|179.9985|20100", true},
		{"near", "-51.4779|179.9985|20000", false},
		{"near", "90|0|4300", true},
	})
	checkRows(t, `{"resourceType":"Location","id":"l","position":{"longitude":179.99,"latitude":-16.5}}`, []queryRow{
		{"near", "-16.5|-179.99|5|km", true},
		{"near", "-16.5|-179.99|2|km", false},
		{"near", "-16.5|180|2|km", true},
	})
}
