package search_test

import "testing"

// The rows are those of https://hl7.org/fhir/R4/search.html#prefix, and what
// follows from the text around them.
func TestDate(t *testing.T) {
	effective := func(value string) string {
		return `{"resourceType":"Observation","id":"o",` + value + `}`
	}
	for _, row := range []struct {
		name, resource string
		rows           []queryRow
	}{
		{"a day", effective(`"effectiveDateTime":"2013-03-14"`), []queryRow{
			{"date", "2013-03-14", true}, {"date", "2013-03", true}, {"date", "2013", true},
			{"date", "2013-03-14T10:00Z", false}, {"date", "2013-03-15", false},
			{"date", "ne2013-03-14", false}, {"date", "ne2013-03-14T10:00Z", true},
			{"date", "gt2013-03-13", true}, {"date", "gt2013-03-14", false}, {"date", "gt2013-03-14T10:00Z", true},
			{"date", "lt2013-03-14T10:00Z", true}, {"date", "lt2013-03-14", false}, {"date", "lt2013-03-15", true},
			{"date", "ge2013-03-14", true}, {"date", "ge2013-03-15", false}, {"date", "le2013-03-14", true}, {"date", "le2013-03-13", false},
			{"date", "sa2013-03-13", true}, {"date", "sa2013-03-14", false}, {"date", "eb2013-03-15", true}, {"date", "eb2013-03-14", false},
			{"date", "2012,2013", true},
		}},
		{"an instant within the day", effective(`"effectiveDateTime":"2013-01-14T10:00:00Z"`), []queryRow{
			{"date", "eq2013-01-14", true}, {"date", "ne2013-01-14", false}, {"date", "2013-01-14T10:00Z", true},
			{"date", "2013-01-14T11:00:00+01:00", true}, {"date", "2013-01-14T10:00:00", true}, {"date", "2013-01-14T10:01Z", false},
			{"date", "sa2013-01-14T09:59Z", true}, {"date", "gt2013-01-14T10:00:00Z", false}, {"date", "ge2013-01-14T10:00:00Z", true},
		}},
		{"another zone can be another day", effective(`"effectiveDateTime":"2013-01-14T00:30:00+02:00"`), []queryRow{
			{"date", "2013-01-14", false}, {"date", "2013-01-13", true},
		}},
		{"a fraction of a second is a point", effective(`"effectiveInstant":"2013-01-14T10:00:00.25Z"`), []queryRow{
			{"date", "2013-01-14T10:00:00Z", true}, {"date", "2013-01-14T10:00:00.2Z", true}, {"date", "2013-01-14T10:00:00.250Z", true},
			{"date", "2013-01-14T10:00:00.3Z", false}, {"date", "lt2013-01-14T10:00:00.26Z", true}, {"date", "gt2013-01-14T10:00:00.25Z", false},
		}},
		{"a period", effective(`"effectivePeriod":{"start":"2013-03-10","end":"2013-03-14"}`), []queryRow{
			{"date", "2013-03", true}, {"date", "2013-03-14", false}, {"date", "gt2013-03-13", true}, {"date", "gt2013-03-14", false},
			{"date", "ge2013-03-14", false}, {"date", "le2013-03-10", false}, {"date", "le2013-03-11", true},
			{"date", "sa2013-03-09", true}, {"date", "sa2013-03-10", false}, {"date", "eb2013-03-15", true}, {"date", "eb2013-03-14", false},
		}},
		{"a period without end", effective(`"effectivePeriod":{"start":"2013-01-21"}`), []queryRow{
			{"date", "ge2013-03-14", true}, {"date", "gt2999", true}, {"date", "sa2013-03-14", false}, {"date", "2013", false},
			{"date", "lt2013-01-22", true}, {"date", "lt2013-01-21", false}, {"date", "eb9999", false}, {"date", "sa2013-01-20", true},
		}},
		{"a period without start", effective(`"effectivePeriod":{"end":"2013-01-21"}`), []queryRow{
			{"date", "le1913", true}, {"date", "eb2013-01-22", true}, {"date", "eb2013-01-21", false}, {"date", "sa0001", false},
			{"date", "gt2013-01-20", true}, {"date", "gt2013-01-21", false},
		}},
		{"a period that knows nothing", effective(`"effectivePeriod":{"extension":[{"url":"http://x.example"}]}`), []queryRow{
			{"date", "gt0001", false}, {"date", "ne2013", false}, {"date:missing", "false", true},
		}},
		{"outer limits of a timing", effective(`"effectiveTiming":{"event":["2013-01-05","2013-01-01"],"repeat":{"boundsPeriod":{"start":"2013-01-03","end":"2013-02-01"}}}`), []queryRow{
			{"date", "2013", true}, {"date", "2013-01", false}, {"date", "sa2012", true}, {"date", "lt2013-01-02", true}, {"date", "eb2013-02-02", true},
		}},
		{"a timing without limits", effective(`"effectiveTiming":{"repeat":{"frequency":1}}`), []queryRow{
			{"date", "gt0001", false}, {"date:missing", "true", false},
		}},
		{"no date", effective(`"status":"final"`), []queryRow{
			{"date", "ne2013", false}, {"date:missing", "true", true}, {"date:missing", "false", false},
		}},
		{"an extension is no value", effective(`"_effectiveDateTime":{"extension":[{"url":"http://x.example","valueCode":"unknown"}]}`), []queryRow{
			{"date:missing", "true", true}, {"date", "gt0001", false},
		}},
		{"a leap day", effective(`"effectiveDateTime":"2012-02"`), []queryRow{
			{"date", "le2012-02-29", true}, {"date", "2012", true}, {"date", "gt2012-02-29", false}, {"date", "gt2012-02-28", true},
		}},
	} {
		t.Run(row.name, func(t *testing.T) { checkRows(t, row.resource, row.rows) })
	}
}
