package search

// An Include asks for resources beside the matches.
// See https://hl7.org/fhir/R4/search.html#include.
type Include struct {
	Reverse bool   // _revinclude: resources that refer to the matches; else those the matches refer to
	Source  string // the type of the resources that have the references
	Param   *Param // the references; nil: those of every reference parameter of Source
	Target  string // only references to this type; empty: to any
	Iterate bool   // also from what was included, not from the matches alone
}
