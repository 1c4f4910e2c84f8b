// Package statistics works out what https://hl7.org/fhir/R4/observation-operation-stats.html
// asks of measurements: averages, quantiles, moments and a regression line.
//
// Numbers are fractions, so that nothing is lost on the way, however many there are
// and however alike; only roots are rounded, and [Text] rounds for people. The package
// knows nothing of resources and imports nothing of ours.
package statistics
