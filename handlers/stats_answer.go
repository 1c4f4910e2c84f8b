package handlers

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/statistics"
)

// A statistic is one of those that $stats knows.
// See https://hl7.org/fhir/R4/valueset-observation-statistics.html.
type statistic struct {
	code, display string
	unit          func(of string) string
	value         func(s *statistics.Summary) (*big.Rat, bool)
}

// statisticsSystem is the code system of statistics.
const statisticsSystem = "http://terminology.hl7.org/CodeSystem/observation-statistics"

var allStatistics = []statistic{
	{"average", "Average", sameUnit, (*statistics.Summary).Average},
	{"maximum", "Maximum", sameUnit, quantile(1, 1)},
	{"minimum", "Minimum", sameUnit, quantile(0, 1)},
	{"count", "Count", noUnit, func(s *statistics.Summary) (*big.Rat, bool) { return big.NewRat(int64(s.Count()), 1), true }},
	{"total-count", "Total Count", noUnit, nil},
	{"median", "Median", sameUnit, quantile(1, 2)},
	{"std-dev", "Standard Deviation", sameUnit, (*statistics.Summary).Deviation},
	{"sum", "Sum", sameUnit, (*statistics.Summary).Sum},
	{"variance", "Variance", squareUnit, (*statistics.Summary).Variance},
	{"20-percent", "20th Percentile", sameUnit, quantile(1, 5)},
	{"80-percent", "80th Percentile", sameUnit, quantile(4, 5)},
	{"4-lower", "Lower Quartile", sameUnit, quantile(1, 4)},
	{"4-upper", "Upper Quartile", sameUnit, quantile(3, 4)},
	{"4-dev", "Quartile Deviation", sameUnit, quartileDeviation},
	{"5-1", "1st Quintile", sameUnit, quantile(1, 5)},
	{"5-2", "2nd Quintile", sameUnit, quantile(2, 5)},
	{"5-3", "3rd Quintile", sameUnit, quantile(3, 5)},
	{"5-4", "4th Quintile", sameUnit, quantile(4, 5)},
	{"skew", "Skew", noUnit, (*statistics.Summary).Skew},
	{"kurtosis", "Kurtosis", noUnit, (*statistics.Summary).Kurtosis},
	{"regression", "Regression", dailyUnit, nil},
}

func sameUnit(of string) string   { return of }
func noUnit(string) string        { return "1" }
func squareUnit(of string) string { return factor(of) + "." + factor(of) }
func dailyUnit(of string) string  { return factor(of) + "/d" }

// factor writes a unit so that it can be one of several.
func factor(unit string) string {
	if strings.ContainsAny(unit, "/.") {
		return "(" + unit + ")"
	}
	return unit
}

func quantile(n, of int64) func(*statistics.Summary) (*big.Rat, bool) {
	return func(s *statistics.Summary) (*big.Rat, bool) { return s.Quantile(big.NewRat(n, of)) }
}

// quartileDeviation is half of what lies between the quartiles.
func quartileDeviation(s *statistics.Summary) (*big.Rat, bool) {
	lower, ok := s.Quantile(big.NewRat(1, 4))
	if !ok {
		return nil, false
	}
	upper, _ := s.Quantile(big.NewRat(3, 4))
	half := new(big.Rat).Sub(upper, lower)
	return half.Quo(half, big.NewRat(2, 1)), true
}

// observation returns the observation that tells the statistics of a group.
func (group *statsGroup) observation(asked *statsRequest) (*models.Observation, error) {
	unit, err := group.convert()
	if err != nil {
		return nil, err
	}
	all := make([]statistics.Measurement, len(group.all))
	for i, m := range group.all {
		all[i] = statistics.Measurement{Value: m.value, At: m.at}
	}
	summary := statistics.Of(all)
	o := &models.Observation{
		Status: code[models.ObservationStatus]("final"), Code: group.code,
		Subject: &models.Reference{Reference: &asked.subject}, EffectivePeriod: asked.period,
	}
	for _, s := range asked.statistics {
		switch s.code {
		case "total-count":
			o.Component = append(o.Component, s.component("", unit, big.NewRat(int64(group.total), 1), true, ""))
		case "regression":
			origin := summary.First()
			gradient, intercept, ok := summary.Regression(origin)
			o.Component = append(o.Component, s.component("gradient: the change in a day", unit, gradient, ok, ""))
			s.unit = sameUnit
			o.Component = append(o.Component, s.component("intercept: the value at "+instantText(origin), unit, intercept, ok, ""))
		default:
			value, ok := s.value(summary)
			o.Component = append(o.Component, s.component("", unit, value, ok, group.asWritten(s.code, unit, value)))
		}
	}
	if group.left != nil {
		o.Note = []models.Annotation{{Text: group.leftOut()}}
	}
	return o, nil
}

// asWritten returns the greatest or least value as it was written, which says how
// precise it is; nothing for other statistics, or if it was converted.
func (group *statsGroup) asWritten(code, unit string, value *big.Rat) string {
	if code == "maximum" || code == "minimum" {
		for _, m := range group.all {
			if m.code == unit && m.value.Cmp(value) == 0 {
				return m.text
			}
		}
	}
	return ""
}

// leftOut says which measurements were left out.
func (group *statsGroup) leftOut() string {
	var parts []string
	for _, reason := range group.reasons {
		parts = append(parts, fmt.Sprintf("%d %s", group.left[reason], reason))
	}
	return fmt.Sprintf("Left out of %d measurements: %s.", group.total, strings.Join(parts, ", "))
}

// component returns the component that tells one statistic. Without a value it says
// that there is none.
func (s *statistic) component(text, unit string, value *big.Rat, ok bool, written string) models.ObservationComponent {
	system, code, display := statisticsSystem, s.code, s.display
	c := models.ObservationComponent{Code: models.CodeableConcept{Coding: []models.Coding{{System: &system, Code: &code, Display: &display}}}}
	if text != "" && ok {
		c.Code.Text = &text
	}
	if !ok {
		system, code := "http://terminology.hl7.org/CodeSystem/data-absent-reason", "not-applicable"
		c.DataAbsentReason = &models.CodeableConcept{Coding: []models.Coding{{System: &system, Code: &code}}}
		return c
	}
	if written == "" {
		written = statistics.Text(value)
	}
	number, name := json.Number(written), s.unit(unit)
	c.ValueQuantity = &models.Quantity{Value: &number, Unit: &name}
	if _, _, known := fhirpath.CanonicalUnit(name); known {
		system := ucumSystem
		c.ValueQuantity.System, c.ValueQuantity.Code = &system, &name
	}
	return c
}

// convert brings all measurements to the unit that most of them have, and returns it.
// The error is Unprocessable if they do not measure the same.
func (group *statsGroup) convert() (string, error) {
	count := map[string]int{}
	var units []string // as they were found: the newest first
	for _, m := range group.all {
		if count[m.code]++; count[m.code] == 1 {
			units = append(units, m.code)
		}
	}
	if units == nil {
		return "1", nil
	}
	most := slices.MaxFunc(units, func(a, b string) int { return count[a] - count[b] })
	canonical, factor, _ := fhirpath.CanonicalUnit(most)
	for _, unit := range units {
		other, by, _ := fhirpath.CanonicalUnit(unit)
		if unit == most {
			continue
		}
		if other != canonical {
			c := group.code.Coding[0]
			return "", fhir.Errorf(fhir.Unprocessable, "the measurements of %s|%s are in units that can not be converted into each other: %s and %s", *c.System, *c.Code, clip(most), clip(unit))
		}
		by = new(big.Rat).Quo(by, factor)
		for i := range group.all {
			if group.all[i].code == unit {
				group.all[i].value = new(big.Rat).Mul(group.all[i].value, by)
			}
		}
	}
	return most, nil
}
