package patch

import (
	"context"
	"fmt"
	"strconv"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// pathSteps is the budget of one path: see [fhirpath.Env].
const pathSteps = 200_000

// ApplyFHIRPath returns doc changed by the operations of params, a FHIRPath Patch
// (https://hl7.org/fhir/R4/fhirpatch.html). They apply one after the other, each
// to the outcome of those before; all of them apply or none does. The result is
// compact JSON that codec accepts.
//
// An element whose last child is deleted goes with it, for FHIR has no empty
// elements. Values must have the type of the element they are for. Paths are
// evaluated strictly (see [fhirpath.Strict]) and never leave the resource.
//
// An error is Invalid if the patch is malformed, TooLarge over a limit, TooCostly
// for a path that takes too long, and Unprocessable if an operation can not be
// applied or its outcome is no resource; it names the operation, counted from 0.
func ApplyFHIRPath(codec *fhir.Codec, doc, params *fhir.Resource) ([]byte, error) {
	if params.Type() != "Parameters" {
		return nil, fhir.Errorf(fhir.Invalid, "a FHIRPath Patch is a Parameters resource, not %s", params.Type())
	}
	var ops []*change
	for p := range params.Root().Get("parameter").Items {
		if len(ops) == DefaultLimits.Operations {
			return nil, fhir.Errorf(fhir.TooLarge, "the patch has over %d operations", DefaultLimits.Operations)
		}
		o := &change{codec: codec, index: len(ops)}
		if err := o.parse(p); err != nil {
			return nil, err
		}
		ops = append(ops, o)
	}
	for _, o := range ops {
		root := &value{source: doc.Root()}
		o.doc, o.root = doc, root
		if err := o.apply(); err != nil {
			return nil, err
		}
		if !root.opened {
			continue // nothing was there to delete
		}
		next, err := codec.ParseJSON(root.append(nil))
		if err != nil {
			return nil, o.fail(fhir.Unprocessable, "the outcome is no valid %s: %s", doc.Type(), err)
		}
		doc = next
	}
	return doc.JSON(), nil
}

// A change is an operation of a FHIRPath Patch.
type change struct {
	codec *fhir.Codec
	index int
	kind  string // add, insert, delete, replace, move
	path  *fhirpath.Expr
	text  string     // of the path
	name  string     // of add
	value fhir.Value // the part that holds it: of add, insert, replace
	to    int        // index of insert, destination of move
	from  int        // source of move

	doc  *fhir.Resource // what it is applied to
	root *value         // the same, to be changed
}

// fail returns an error that names the operation.
func (o *change) fail(kind fhir.Kind, format string, args ...any) error {
	return fhir.Errorf(kind, "operation %d (%s %s): %s", o.index, clip(o.kind), clip(o.text), fmt.Sprintf(format, args...))
}

// changeParts are the parts that each kind of operation must have.
var changeParts = map[string][]string{
	"add":     {"path", "name", "value"},
	"insert":  {"path", "value", "index"},
	"delete":  {"path"},
	"replace": {"path", "value"},
	"move":    {"path", "source", "destination"},
}

// parse reads an operation from its parameter.
func (o *change) parse(p fhir.Value) error {
	if name := p.Get("name").Text(); name != "operation" {
		return o.fail(fhir.Invalid, "a parameter is called %q, not operation", clip(name))
	}
	parts := map[string]fhir.Value{}
	for part := range p.Get("part").Items {
		name := part.Get("name").Text()
		if parts[name].Exists() {
			return o.fail(fhir.Invalid, "the part %q is given twice", clip(name))
		}
		parts[name] = part
	}
	o.kind, o.text, o.name = textOf(parts["type"]), textOf(parts["path"]), textOf(parts["name"])
	needed, ok := changeParts[o.kind]
	if !ok {
		return o.fail(fhir.Invalid, "the type must be add, insert, delete, replace or move")
	}
	for _, name := range needed {
		if !parts[name].Exists() {
			return o.fail(fhir.Invalid, "the part %q is missing", name)
		}
	}
	o.value = parts["value"]
	var err error
	if o.path, err = fhirpath.Parse(o.text); err != nil {
		return o.fail(fhir.Invalid, "%s", err)
	}
	switch o.kind {
	case "insert":
		return o.number(parts, "index", &o.to)
	case "move":
		if err := o.number(parts, "source", &o.from); err != nil {
			return err
		}
		return o.number(parts, "destination", &o.to)
	}
	return nil
}

// number reads a part that is a place in a list.
func (o *change) number(parts map[string]fhir.Value, name string, n *int) error {
	var err error
	if *n, err = strconv.Atoi(textOf(parts[name])); err != nil || *n < 0 {
		return o.fail(fhir.Invalid, "the %s must be a number from 0", name)
	}
	return nil
}

// textOf returns the primitive value of a part.
func textOf(part fhir.Value) string {
	for m := range part.Children {
		if m.Key() != "name" {
			if text := m.Text(); text != "" {
				return text
			}
		}
	}
	return ""
}

func (o *change) apply() error {
	switch o.kind {
	case "add":
		return o.add()
	case "delete":
		return o.delete()
	case "replace":
		return o.replace()
	case "insert":
		return o.insert()
	case "move":
		return o.move()
	}
	panic("patch: an operation that was not parsed: " + o.kind)
}

// evaluate returns the places that an expression leads to.
func (o *change) evaluate(e *fhirpath.Expr) ([]fhir.Value, error) {
	program, err := fhirpath.CompileExpr(o.codec.Schema, e, fhirpath.Strict(o.doc.Root().Type()))
	if err != nil {
		return nil, o.fail(fhir.KindOf(err), "%s", err)
	}
	items, err := program.Evaluate(context.Background(), &fhirpath.Env{Steps: pathSteps}, fhirpath.Node(o.doc.Root()))
	if err != nil {
		kind := fhir.KindOf(err)
		if kind == fhir.Invalid {
			kind = fhir.Unprocessable
		}
		return nil, o.fail(kind, "%s", err)
	}
	places := make([]fhir.Value, len(items))
	for i, item := range items {
		if places[i] = item.Value(); !places[i].Exists() {
			return nil, o.fail(fhir.Unprocessable, "the path leads to a computed value, not to an element")
		}
	}
	return places, nil
}

// one returns the single place that an expression leads to.
func (o *change) one(e *fhirpath.Expr) (fhir.Value, error) {
	places, err := o.evaluate(e)
	if err == nil && len(places) != 1 {
		err = o.fail(fhir.Unprocessable, "%s leads to %d elements, not to one", clip(e.String()), len(places))
	}
	if err != nil {
		return fhir.Value{}, err
	}
	return places[0], nil
}

// add appends a child to an element.
func (o *change) add() error {
	place, err := o.one(o.path)
	if err != nil {
		return err
	}
	def, new, err := o.payload(place.Type(), o.name, o.value)
	if err != nil {
		return err
	}
	s := o.children(place)
	if def.Flags&fhir.Repeats != 0 {
		s.insert(def.Name, s.length(def.Name), new)
		return nil
	}
	for _, e := range o.elements(place.Type(), o.name) {
		if s.has(e.Name) {
			return o.fail(fhir.Unprocessable, "%s is there already, and does not repeat", e.Name)
		}
	}
	s.set(def.Name, new)
	return nil
}

// delete takes out an element, if it is there.
func (o *change) delete() error {
	places, err := o.evaluate(o.path)
	if err != nil {
		return err
	}
	switch len(places) {
	case 0:
		return nil
	case 1:
	default:
		return o.fail(fhir.Unprocessable, "the path leads to %d elements; only one can be deleted", len(places))
	}
	chain := o.locate(places[0])
	if len(chain) == 0 {
		return o.fail(fhir.Unprocessable, "the resource itself can not be deleted")
	}
	chain.remove()
	return nil
}

// replace puts another value in the place of an element.
func (o *change) replace() error {
	place, err := o.one(o.path)
	if err != nil {
		return err
	}
	chain := o.locate(place)
	if len(chain) == 0 {
		return o.fail(fhir.Unprocessable, "the resource itself can not be replaced")
	}
	last := chain[len(chain)-1]
	old := &o.codec.Schema.Elements[place.Elem()]
	label := old.Name
	if old.Choice != "" {
		label = old.Choice
	}
	def, new, err := o.payload(last.owner, label, o.value)
	if err != nil {
		return err
	}
	if last.index >= 0 {
		last.slot.change(last.name, last.index, new)
		return nil
	}
	last.slot.put(last.name, def.Name, new)
	return nil
}

// insert puts a value into a list.
func (o *change) insert() error {
	s, owner, name, err := o.list()
	if err != nil {
		return err
	}
	def, new, err := o.payload(owner, name, o.value)
	if err != nil {
		return err
	}
	if def.Flags&fhir.Repeats == 0 {
		return o.fail(fhir.Unprocessable, "%s does not repeat", def.Name)
	}
	if n := s.length(def.Name); o.to > n {
		return o.fail(fhir.Unprocessable, "index %d is beyond the end of a list of %d", o.to, n)
	}
	s.insert(def.Name, o.to, new)
	return nil
}

// move moves an item within a list.
func (o *change) move() error {
	s, _, name, err := o.list()
	if err != nil {
		return err
	}
	if n := s.length(name); o.from >= n || o.to >= n {
		return o.fail(fhir.Unprocessable, "%d to %d leads out of a list of %d", o.from, o.to, n)
	}
	s.move(name, o.from, o.to)
	return nil
}

// list returns the list that the path leads to: the children of one name of one
// element, which may have none yet.
func (o *change) list() (s slot, owner fhir.TypeID, name string, err error) {
	if e := o.path; e.Op == fhirpath.MemberOp {
		parent := o.doc.Root()
		if e.Input != nil {
			if parent, err = o.one(e.Input); err != nil {
				return s, 0, "", err
			}
		}
		if len(o.elements(parent.Type(), e.Text)) == 0 {
			return s, 0, "", o.fail(fhir.Unprocessable, "%s has no %s", o.codec.Schema.Types[parent.Type()].Name, clip(e.Text))
		}
		return o.children(parent), parent.Type(), e.Text, nil
	}
	places, err := o.evaluate(o.path)
	if err != nil {
		return s, 0, "", err
	}
	if len(places) == 0 {
		return s, 0, "", o.fail(fhir.Unprocessable, "the path leads to nothing")
	}
	first := o.locate(places[0])
	for i, p := range places {
		chain := o.locate(p)
		if len(chain) == 0 || len(chain) != len(first) || chain.last().index != i || chain.last().slot.object != first.last().slot.object || chain.last().name != first.last().name {
			return s, 0, "", o.fail(fhir.Unprocessable, "the path does not lead to one whole list")
		}
	}
	last := first.last()
	if n := last.slot.length(last.name); n != len(places) {
		return s, 0, "", o.fail(fhir.Unprocessable, "the path leads to %d of the %d items of a list, not to all", len(places), n)
	}
	return last.slot, last.owner, last.name, nil
}
