package validate

import (
	"context"
	"fmt"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// The bounds of one validation.
const (
	maxSteps       = 4_000_000 // values looked at by the walk, all profiles together
	maxExpression  = 2_000_000 // steps of one invariant
	maxExpressions = 20_000_000
	maxNesting     = 24 // profiles that lead to profiles, and resources to resources
)

// A budget is what the runs of one validation share.
type budget struct {
	steps       int
	expressions int
	spent       bool
}

// A run is one validation of one tree.
type run struct {
	v       *Validator
	ctx     context.Context
	req     *Request
	tree    *fhir.Tree
	env     fhirpath.Env
	issues  []fhir.Issue
	counts  []uint16
	budget  *budget
	quiet   int // in a trial: errors are counted, and told to nobody
	errors  int // of the trial
	nesting int
	active  []claimed // what is being checked now
	untold  bool      // there were more issues than are told
	entries *directory
}

// A claimed is the question whether a node conforms to a profile.
type claimed struct {
	node    uint32
	profile *profile
}

// spend takes one step from the budget and reports whether to go on.
func (r *run) spend() bool {
	b := r.budget
	if b.spent {
		return false
	}
	b.steps--
	if b.steps > 0 && (b.steps&1023 != 0 || r.ctx.Err() == nil) {
		return true
	}
	r.exhausted()
	return false
}

// exhausted says, once, that validation is not complete.
func (r *run) exhausted() {
	if r.budget.spent {
		return
	}
	r.budget.spent = true
	r.errors++
	r.issues = append(r.issues, fhir.Issue{Severity: "error", Code: "too-costly", Text: "the resource takes too much work to validate; not everything was checked"})
}

// tell notes an issue at a place of the tree.
func (r *run) tell(at fhir.Value, severity, code, format string, args ...any) {
	if !r.wanted(severity) {
		return
	}
	r.note(r.expression(at), severity, code, format, args...)
}

// tellMember notes an issue about a member that may not exist.
func (r *run) tellMember(of fhir.Value, name, severity, code, format string, args ...any) {
	if !r.wanted(severity) {
		return
	}
	r.note(r.expression(of)+"."+name, severity, code, format, args...)
}

// wanted counts an issue and reports whether it is to be told.
func (r *run) wanted(severity string) bool {
	if r.quiet > 0 {
		if severity == "error" {
			r.errors++
		}
		return false
	}
	if severity != "error" && len(r.issues) >= r.req.MaxIssues {
		r.untold = true
		return false
	}
	return true
}

func (r *run) note(expression, severity, code, format string, args ...any) {
	issue := fhir.Issue{Severity: severity, Code: code, Text: fmt.Sprintf(format, args...), Expression: expression}
	// An element and its slices, or two profiles, may have the same rule.
	if slices.Contains(r.issues, issue) || len(r.issues) >= r.req.MaxIssues && !r.room(severity) {
		return
	}
	r.issues = append(r.issues, issue)
}

// room makes place for an issue where there are as many as may be told: an error
// takes the place of what is none. It reports whether there is place.
func (r *run) room(severity string) bool {
	r.untold = true
	if severity != "error" {
		return false
	}
	for k := len(r.issues) - 1; k >= 0; k-- {
		if r.issues[k].Severity != "error" {
			r.issues = append(r.issues[:k], r.issues[k+1:]...)
			return true
		}
	}
	r.budget.spent = true
	return false
}

// try reports whether what do checks holds, and tells nothing.
func (r *run) try(do func()) bool {
	outer := r.errors
	r.errors = 0
	r.quiet++
	do()
	ok := r.errors == 0
	r.quiet--
	r.errors = outer
	return ok
}
