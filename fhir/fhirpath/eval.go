package fhirpath

import (
	"context"
	"math"
	"sync"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// DefaultSteps is the budget of an evaluation that names none. A step is a value
// looked at or made; ten million take well under a second.
const DefaultSteps = 10_000_000

// Limits of single values, so that a short expression can not make large ones.
const (
	maxText  = 1 << 20 // bytes of a computed string
	maxItems = 1 << 20 // items of all collections of an evaluation together
)

// An Env is what an evaluation may know and use beside its focus. The zero Env
// is of use: it knows the resource that the focus is in, and the time.
type Env struct {
	// Resource and RootResource are %resource and %rootResource. By default
	// they are the resource that the focus is in and the one that contains that,
	// if it is contained.
	Resource, RootResource fhir.Value

	// Variables are the values of what [WithVariables] declared. One without a
	// value is empty.
	Variables map[string][]Item

	// Now is what now(), today() and timeOfDay() tell, in its zone. The zero
	// time means the time at which the evaluation begins.
	Now time.Time

	// Resolve finds what a reference or canonical URL points to, after contained
	// resources and entries of the bundle at hand were searched. It returns the
	// root of the target, or no place if there is none. If it is nil, nothing
	// else is found.
	Resolve func(ctx context.Context, reference string) (fhir.Value, error)

	// TypedReferences makes resolve() return an item of which only the type is
	// known, where the text of a reference tells one and nothing was found, so
	// that resolve() is Patient has an answer.
	TypedReferences bool

	// FilterAs makes as and as() filter collections of several items. R4's own
	// invariants and search parameters are written that way; without it they are
	// an error, as FHIRPath has it.
	FilterAs bool

	// Terminology answers memberOf, subsumes and subsumedBy, which fail without.
	Terminology Terminology

	// Conforms answers conformsTo for profiles; the base definitions of R4 need
	// none. The error is that of a profile that is not known.
	Conforms func(ctx context.Context, v fhir.Value, profile string) (bool, error)

	// Trace receives what trace() tells. The items are valid during the call.
	Trace func(name string, items []Item)

	// Units converts between units; nil means UCUM.
	Units Units

	// Steps is the budget; 0 means DefaultSteps.
	Steps int

	// Used, if it is not nil, has the steps that the evaluation took added.
	Used *int
}

// A Coding is a code as Terminology is asked about it. The system is empty for a
// bare code.
type Coding struct {
	System, Version, Code, Display string
}

// Terminology answers the questions of
// https://hl7.org/fhir/R4/fhirpath.html#functions about codes. Its errors become
// errors of the evaluation.
type Terminology interface {
	// MemberOf reports whether any of the codings is in a value set.
	MemberOf(ctx context.Context, valueSet string, codings []Coding) (bool, error)
	// Subsumes reports whether a is b or an ancestor of b.
	Subsumes(ctx context.Context, a, b Coding) (bool, error)
}

// A frame is the state of one evaluation.
type frame struct {
	m       *model
	ctx     context.Context
	env     *Env
	root    Item // %resource
	top     Item // %rootResource
	context []Item
	index   int
	total   []Item
	vars    [][]Item
	items   []Item // results stand here one behind the other; nothing is moved
	steps   int    // left
	err     error
}

var frames = sync.Pool{New: func() any { return new(frame) }}

// searchEnv is the environment of [Program.Append].
var searchEnv = Env{FilterAs: true, TypedReferences: true}

// Append evaluates p with v as context and appends the result to dst. Root is
// the resource that v is in. It is meant for search: as() filters, references
// that lead out of the resource have a type only, and what fails or takes more
// than DefaultSteps yields nothing.
func (p *Program) Append(dst []Item, root, v fhir.Value) []Item {
	f := frames.Get().(*frame)
	f.begin(p, context.Background(), &searchEnv)
	f.root = nodeItem(root.Tree(), root.Index(), 0)
	f.top = f.root
	f.items = append(f.items, nodeItem(v.Tree(), v.Index(), 0))
	f.context = f.items[:1:1]
	found := p.run(f, f.context)
	if f.err == nil {
		dst = p.named(append(dst, found...), len(dst))
	}
	f.end()
	return dst
}

// Eval evaluates p with the resource r as context, as Append does.
func (p *Program) Eval(r *fhir.Resource) []Item {
	return p.Append(nil, r.Root(), r.Root())
}

// Evaluate evaluates p on a focus: usually one node, also none or several items.
// Errors tell the position; they are Invalid where the expression can not be
// applied to these values, TooCostly when the budget is spent or ctx has ended,
// Unsupported where Env lacks what is needed, and those of Env's functions as they
// are.
func (p *Program) Evaluate(ctx context.Context, env *Env, focus ...Item) ([]Item, error) {
	f := frames.Get().(*frame)
	f.begin(p, ctx, env)
	defer f.end()
	f.items = append(f.items, focus...)
	f.context = f.items[:len(focus):len(focus)]
	if len(focus) > 0 && focus[0].kind == NodeItem {
		f.root, f.top = f.m.resources(focus[0])
	}
	if env.Resource.Exists() {
		f.root = Node(env.Resource)
		f.top = f.root
	}
	if env.RootResource.Exists() {
		f.top = Node(env.RootResource)
	}
	if env.Now.IsZero() {
		own := *env
		own.Now = time.Now()
		f.env = &own
	}
	budget := f.steps
	found := p.run(f, f.context)
	if env.Used != nil {
		*env.Used += min(budget-f.steps, budget)
	}
	if f.err != nil {
		return nil, f.err
	}
	return p.named(append([]Item(nil), found...), 0), nil
}

// named tells items the names of their types, which they carry to callers.
func (p *Program) named(items []Item, from int) []Item {
	for k := from; k < len(items); k++ {
		if i := &items[k]; i.kind == NodeItem || i.kind == ResourceItem {
			i.unit = p.m.Types[i.typ].Name
		}
	}
	return items
}

func (f *frame) begin(p *Program, ctx context.Context, env *Env) {
	f.m, f.ctx, f.env, f.steps = p.m, ctx, env, env.Steps
	if f.steps <= 0 {
		f.steps = DefaultSteps
	}
	f.items = f.items[:0]
	if p.vars > 0 {
		f.vars = make([][]Item, p.vars)
	}
}

// end gives the frame back, to be used again.
func (f *frame) end() {
	clear(f.items)
	items := f.items[:0]
	if cap(items) > 1<<12 {
		items = nil
	}
	*f = frame{items: items}
	frames.Put(f)
}

// fail ends the evaluation with an error at e, unless it has failed already.
func (f *frame) fail(kind fhir.Kind, e *Expr, format string, args ...any) []Item {
	if f.err == nil {
		f.err = errorAt(kind, e.Pos, format, args...)
	}
	return nil
}

// failed ends the evaluation with an error of the caller's.
func (f *frame) failed(err error) []Item {
	if f.err == nil {
		f.err = err
	}
	return nil
}

// spend takes n steps from the budget and reports whether to go on.
func (f *frame) spend(n int) bool {
	const look = 1 << 12 // steps between two looks at the clock
	before := f.steps
	f.steps -= n
	switch {
	case f.err != nil:
		return false
	case f.steps < 0 || len(f.items) > maxItems:
		f.steps = math.MinInt / 2
		f.err = fhir.Errorf(fhir.TooCostly, "the FHIRPath expression takes too many steps")
	case before/look != f.steps/look && f.ctx.Err() != nil:
		f.err = fhir.Because(fhir.TooCostly, f.ctx.Err(), "the FHIRPath expression takes too long")
	}
	return f.err == nil
}

// give returns a collection of one item.
func (f *frame) give(i Item) []Item {
	at := len(f.items)
	f.items = append(f.items, i)
	return f.since(at)
}

// giveIf returns the item, or nothing for the zero Item.
func (f *frame) giveIf(i Item) []Item {
	if i.kind == 0 {
		return nil
	}
	return f.give(i)
}

// since returns what was appended since f.items had that length.
func (f *frame) since(at int) []Item {
	return f.items[at:len(f.items):len(f.items)]
}

// keep drops what was appended since f.items had that length, but for the items
// found, which move there.
func (f *frame) keep(at int, found []Item) {
	f.items = append(f.items[:at], found...)
}

// each calls do for every item with the item as focus and $index set, until the
// evaluation fails or do returns false.
func (f *frame) each(items []Item, do func(focus []Item) bool) {
	outer := f.index
	for k := range items {
		f.index = k
		if !f.spend(1) || !do(items[k:k+1:k+1]) {
			break
		}
	}
	f.index = outer
}
