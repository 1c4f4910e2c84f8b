package validate

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A constraint is an invariant of a definition. Definitions that have the same one
// share it.
type constraint struct {
	key, severity, human string
	native               func(v fhir.Value) answer // a quicker way that is often enough
	program              *fhirpath.Program
	err                  error // why the expression can not be compiled
}

// An answer is what is known about an invariant without evaluating it.
type answer uint8

const (
	unsure answer = iota // evaluate it
	holds
	fails
)

// constraint reads an invariant; nil if it has no expression or is checked
// otherwise.
func (c *compiler) constraint(x fhir.Value) *constraint {
	key, expression := x.Get("key").Text(), x.Get("expression").Text()
	if expression == "" || key == "ele-1" || key == "ext-1" {
		return nil
	}
	severity := x.Get("severity").Text()
	human := x.Get("human").Text()
	id := strings.Join([]string{key, severity, human, expression}, "\x00")
	v := c.v
	v.mu.RLock()
	k := v.shared[id]
	v.mu.RUnlock()
	if k != nil {
		return k
	}
	k = &constraint{key: strings.Clone(key), severity: "error", human: strings.Clone(human)}
	if severity == "warning" {
		k.severity = "warning"
	}
	if corrected, ok := corrections[native{key, expression}]; ok {
		expression = corrected
	}
	k.native = natives[native{key, expression}]
	k.program, k.err = fhirpath.Compile(v.schema, strings.Clone(expression))
	v.mu.Lock()
	defer v.mu.Unlock()
	if other := v.shared[id]; other != nil {
		return other
	}
	if len(v.shared) < maxCompiled {
		v.shared[id] = k
	}
	return k
}

// rules evaluates the invariants of an element at a value.
func (r *run) rules(v fhir.Value, focus fhirpath.Item, el *element) {
	if r.req.Mode == Structure {
		return
	}
	for _, k := range el.rules {
		r.rule(v, focus, k)
	}
}

func (r *run) rule(v fhir.Value, focus fhirpath.Item, k *constraint) {
	if r.quiet > 0 && k.severity != "error" {
		return
	}
	if k.native != nil {
		switch k.native(v) {
		case holds:
			return
		case fails:
			r.tell(v, k.severity, "invariant", "%s: %s", k.key, k.human)
			return
		}
	}
	if k.err != nil {
		r.tell(v, "warning", "not-supported", "%s was not checked, as its expression can not be used: %s", k.key, clientText(k.err))
		return
	}
	if !r.spend() {
		return
	}
	found, err := r.evaluate(k.program, focus)
	if err != nil {
		if fhir.KindOf(err) == fhir.TooCostly {
			return
		}
		r.tell(v, "warning", "not-supported", "%s was not checked, as its expression does not fit the resource: %s", k.key, clientText(err))
		return
	}
	if len(found) == 1 {
		if met, ok := found[0].Bool(); !ok || met {
			return
		}
	}
	r.tell(v, k.severity, "invariant", "%s: %s", k.key, k.human)
}

// evaluate runs an expression within what is left of the budget. When that is
// spent, validation ends, and an issue says so.
func (r *run) evaluate(p *fhirpath.Program, focus fhirpath.Item) ([]fhirpath.Item, error) {
	left := maxExpressions - r.budget.expressions
	if left <= 0 {
		r.exhausted()
		return nil, fhir.Errorf(fhir.TooCostly, "the invariants take too much work")
	}
	r.env.Steps = min(maxExpression, left)
	r.env.Used = &r.budget.expressions
	r.budget.expressions += evaluationCost
	found, err := p.Evaluate(r.ctx, &r.env, focus)
	if fhir.KindOf(err) == fhir.TooCostly && err != nil {
		r.exhausted()
	}
	return found, err
}

// evaluationCost is what starting an evaluation counts for, in steps.
const evaluationCost = 32
