package fhirpath

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A function compiles one call; input is compiled already.
type function struct {
	arity   int
	compile func(c *compiler, e *Expr, input step) (step, error)
}

// functions returns the functions there are.
func functions(name string) (function, bool) {
	switch name {
	case "where":
		return function{1, (*compiler).where}, true
	case "exists":
		return function{-1, (*compiler).exists}, true
	case "empty":
		return function{0, (*compiler).empty}, true
	case "not":
		return function{0, (*compiler).not}, true
	case "first":
		return function{0, (*compiler).first}, true
	case "is", "as", "ofType":
		return function{1, (*compiler).typeCall}, true
	case "extension":
		return function{1, (*compiler).extension}, true
	case "hasExtension":
		return function{1, (*compiler).hasExtension}, true
	case "resolve":
		return function{0, (*compiler).resolve}, true
	}
	return function{}, false
}

// call compiles a call.
func (c *compiler) call(e *Expr, head bool) (step, error) {
	fn, ok := functions(e.Text)
	if !ok {
		return nil, unsupported(e, "the function "+e.Text+"()")
	}
	if fn.arity >= 0 && len(e.Args) != fn.arity || fn.arity < 0 && len(e.Args) > -fn.arity {
		return nil, errorAt(fhir.Invalid, e.Pos, "%s() has %d arguments", e.Text, len(e.Args))
	}
	input, err := c.input(e, head)
	if err != nil {
		return nil, err
	}
	return fn.compile(c, e, input)
}

// where keeps the items for which the criteria are true.
func (c *compiler) where(e *Expr, input step) (step, error) {
	criteria, err := c.compile(e.Args[0], false)
	if err != nil {
		return nil, err
	}
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		at := len(f.items)
		for k := range items {
			mark := len(f.items)
			ok := truthOfItems(criteria(f, items[k:k+1:k+1])) == yes
			f.items = f.items[:mark]
			if ok {
				f.items = append(f.items, items[k])
			}
		}
		return f.since(at)
	}, nil
}

func (c *compiler) exists(e *Expr, input step) (step, error) {
	if len(e.Args) == 1 {
		var err error
		if input, err = c.where(e, input); err != nil {
			return nil, err
		}
	}
	return func(f *frame, in []Item) []Item {
		return f.give(boolean(len(input(f, in)) > 0))
	}, nil
}

func (c *compiler) empty(_ *Expr, input step) (step, error) {
	return func(f *frame, in []Item) []Item {
		return f.give(boolean(len(input(f, in)) == 0))
	}, nil
}

func (c *compiler) not(_ *Expr, input step) (step, error) {
	return func(f *frame, in []Item) []Item {
		return not(truthOfItems(input(f, in))).give(f)
	}, nil
}

func (c *compiler) first(_ *Expr, input step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		return items[:min(1, len(items))]
	}, nil
}

// typeCall compiles is(T), as(T) and ofType(T).
func (c *compiler) typeCall(e *Expr, _ step) (step, error) {
	name, ok := typeArgument(e.Args[0])
	if !ok {
		return nil, errorAt(fhir.Invalid, e.Args[0].Pos, "%s() wants a type", e.Text)
	}
	return c.typed(e, e.Input, name, e.Text == "is", e.Input != nil)
}

// typeArgument reads an argument as a qualified type name.
func typeArgument(e *Expr) (string, bool) {
	if e.Op != MemberOp {
		return "", false
	}
	if e.Input == nil {
		return e.Text, true
	}
	prefix, ok := typeArgument(e.Input)
	return prefix + "." + e.Text, ok
}

// url returns the argument of extension and hasExtension.
func (c *compiler) url(e *Expr) (string, error) {
	if e.Args[0].Op != StringOp {
		return "", unsupported(e.Args[0], "a URL that is not written out")
	}
	return e.Args[0].Text, nil
}

// extension keeps the extensions of that URL.
func (c *compiler) extension(e *Expr, input step) (step, error) {
	url, err := c.url(e)
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		at := len(f.items)
		for _, i := range items {
			from := len(f.items)
			f.children(i, "extension")
			found := f.items[from:]
			f.items = f.items[:from]
			for _, x := range found {
				if x.Value().Get("url").Text() == url {
					f.items = append(f.items, x)
				}
			}
		}
		return f.since(at)
	}, err
}

func (c *compiler) hasExtension(e *Expr, input step) (step, error) {
	found, err := c.extension(e, input)
	return func(f *frame, in []Item) []Item {
		return f.give(boolean(len(found(f, in)) > 0))
	}, err
}

// resolve follows references as far as their text tells: contained resources
// are found, of others only the type is known.
func (c *compiler) resolve(_ *Expr, input step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		at := len(f.items)
		for _, i := range items {
			if target, ok := f.target(i); ok {
				f.items = append(f.items, target)
			}
		}
		return f.since(at)
	}, nil
}

// target returns what a Reference or a URI points to.
func (f *frame) target(i Item) (Item, bool) {
	v := i.Value()
	text, named := v.Text(), ""
	if v.Kind() == fhir.ObjectNode {
		text = v.Get("reference").Text()
		named = v.Get("type").Text()
	}
	if id, ok := strings.CutPrefix(text, "#"); ok {
		return f.contained(id)
	}
	t := f.schema.ResourceByName(ReferenceType(text))
	if t == 0 {
		t = f.schema.ResourceByName(named)
	}
	return Item{kind: ResourceItem, typ: t}, t != 0
}

// contained finds the contained resource of that id; no id means the resource
// itself.
func (f *frame) contained(id string) (Item, bool) {
	root := f.root.Value()
	if id == "" {
		return f.root, true
	}
	for c := range root.Get("contained").Items {
		if c.Get("id").Text() == id {
			return nodeItem(f.root.tree, c.Index(), 0), true
		}
	}
	return Item{}, false
}

// ReferenceType returns the resource type that the text of a reference names:
// "Patient" of Patient/1, of Patient/1/_history/2 and of the same behind a base
// URL. It is empty for a text of another form.
func ReferenceType(text string) string {
	if i := strings.Index(text, "/_history/"); i >= 0 {
		text = text[:i]
	}
	slash := strings.LastIndexByte(text, '/')
	if slash < 0 || !fhir.ValidID(text[slash+1:]) {
		return ""
	}
	typ := text[strings.LastIndexByte(text[:slash], '/')+1 : slash]
	if typ == "" || typ[0] < 'A' || typ[0] > 'Z' {
		return ""
	}
	return typ
}
