package search

import "github.com/noafhir/noafhir/fhir"

// A Text is a condition on the words of a resource.
type Text struct{}

func (t *Text) matches(*fhir.Resource) bool { panic("search: text is not searched yet") }
