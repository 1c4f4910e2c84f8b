package validate

import "github.com/noafhir/noafhir/fhir"

func (r *run) bundle(fhir.Value)         {}
func (r *run) response(fhir.Value)       {}
func (r *run) containedRules(fhir.Value) {}

type questionnaireEntry struct{}
