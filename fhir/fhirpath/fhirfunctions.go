package fhirpath

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// The functions of https://hl7.org/fhir/R4/fhirpath.html#functions.
var fhirFunctions = map[string]function{
	"extension":      {1, 1, extension},
	"hasExtension":   {1, 1, hasExtension},
	"hasValue":       collective(hasValue),
	"getValue":       collective(getValue),
	"resolve":        collective(resolve),
	"conformsTo":     {1, 1, conformsTo},
	"memberOf":       {1, 1, memberOf},
	"subsumes":       {1, 1, subsumes},
	"subsumedBy":     {1, 1, subsumes},
	"htmlChecks":     collective(htmlChecks),
	"checkModifiers": {0, -1, checkModifiers},
}

// extension keeps the extensions of a URL.
func extension(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		url, ok := f.one(e, args[0](f, in), wantString, "the URL of "+e.Text+"()")
		if !ok {
			return nil
		}
		at := len(f.items)
		for _, i := range items {
			if i.kind != NodeItem {
				continue
			}
			from := len(f.items)
			f.children(i, "extension")
			found := f.items[from:]
			f.items = f.items[:from]
			for _, x := range found {
				if x.Value().Get("url").Text() == url.text {
					f.items = append(f.items, x)
				}
			}
			f.spend(1 + len(found))
		}
		return f.since(at)
	}, nil
}

func hasExtension(e *Expr, input step, args []step) (step, error) {
	find, err := extension(e, input, args)
	return func(f *frame, in []Item) []Item {
		return f.give(Boolean(len(find(f, in)) > 0))
	}, err
}

// hasValue tells whether the input is one primitive with a value.
func hasValue(f *frame, _ *Expr, items []Item) []Item {
	return f.give(Boolean(len(items) == 1 && f.primitive(items[0]).kind != 0))
}

func getValue(f *frame, _ *Expr, items []Item) []Item {
	if len(items) != 1 {
		return nil
	}
	return f.giveIf(f.primitive(items[0]))
}

// primitive returns the value of a primitive, or the zero Item.
func (f *frame) primitive(i Item) Item {
	if v := f.value(i); v.kind >= BooleanItem && v.kind <= TimeItem {
		return v
	}
	return Item{}
}

// resolve follows references and canonical URLs.
func resolve(f *frame, _ *Expr, items []Item) []Item {
	at := len(f.items)
	for _, i := range items {
		if !f.spend(1) {
			break
		}
		f.giveIf(f.target(i))
	}
	return f.since(at)
}

// target returns what a Reference or a URI points to, the zero Item if nothing is
// found.
func (f *frame) target(i Item) Item {
	text, named := "", ""
	switch v := i.Value(); {
	case v.Kind() == fhir.ObjectNode:
		text, named = v.Get("reference").Text(), v.Get("type").Text()
	default:
		text = f.value(i).text
	}
	if id, ok := strings.CutPrefix(text, "#"); ok {
		return f.contained(i, id)
	}
	if text != "" {
		if found := f.entry(i, text); found.kind != 0 {
			return found
		}
		if f.env.Resolve != nil {
			root, err := f.env.Resolve(f.ctx, text)
			if err != nil {
				f.failed(err)
				return Item{}
			}
			if root.Exists() {
				return Node(root)
			}
		}
	}
	if !f.env.TypedReferences {
		return Item{}
	}
	t := f.m.ResourceByName(ReferenceType(text))
	if t == 0 {
		t = f.m.ResourceByName(named)
	}
	if t == 0 {
		return Item{}
	}
	return Item{kind: ResourceItem, typ: t, text: text}
}

// contained finds the contained resource of that id, from the resource that the
// reference is in outwards; no id means the resource that contains others.
func (f *frame) contained(i Item, id string) Item {
	chain := []Item{f.root, f.top}
	if i.kind == NodeItem {
		chain = f.m.enclosing(i)
	}
	for _, r := range slices.Backward(chain) {
		if r.kind != NodeItem {
			continue
		}
		if id == "" && f.m.label(r) != "contained" {
			return r
		}
		for c := range r.Value().Get("contained").Items {
			if c.Get("id").Text() == id {
				return Node(c)
			}
		}
	}
	return Item{}
}

// entry finds a resource in the bundle that a reference is in, by the full URL of
// its entry: https://hl7.org/fhir/R4/bundle.html#references.
func (f *frame) entry(i Item, reference string) Item {
	bundle := f.top
	if i.kind == NodeItem {
		bundle = nodeItem(i.tree, 0, 0)
	}
	if bundle.kind != NodeItem || f.m.Types[bundle.typ].Name != "Bundle" {
		return Item{}
	}
	reference, _, _ = strings.Cut(reference, "/_history/")
	base := f.base(bundle, i)
	for entry := range bundle.Value().Get("entry").Items {
		if !f.spend(1) {
			return Item{}
		}
		url, resource := entry.Get("fullUrl").Text(), entry.Get("resource")
		if url == "" || !resource.Exists() {
			continue
		}
		if url == reference || base != "" && url == base+reference {
			return Node(resource)
		}
	}
	return Item{}
}

// base returns what relative references in an entry of a bundle are relative to;
// empty if its full URL has no base.
func (f *frame) base(bundle, i Item) string {
	if i.kind != NodeItem {
		return ""
	}
	for entry := range bundle.Value().Get("entry").Items {
		if n := entry.Node(); entry.Index() > i.node() || i.node() >= n.Next {
			continue
		}
		url := entry.Get("fullUrl").Text()
		if t := ReferenceType(url); t != "" {
			return url[:strings.LastIndex(url, t+"/")]
		}
	}
	return ""
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

// baseDefinition is what the URLs of the definitions of R4's own types begin with.
const baseDefinition = "http://hl7.org/fhir/StructureDefinition/"

// conformsTo tells whether one item conforms to a profile. That checked values
// conform to the definitions of their types needs no validator.
func conformsTo(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		url, ok := f.one(e, args[0](f, in), wantString, "the profile")
		if len(items) > 1 {
			return f.fail(fhir.Invalid, e, "conformsTo() is applied to %d items", len(items))
		}
		if !ok || len(items) == 0 || !f.spend(1) {
			return nil
		}
		i := items[0]
		if name, base := strings.CutPrefix(url.text, baseDefinition); base {
			if t := f.m.TypeByName(name); t != 0 && f.m.Types[t].Kind != fhir.BackboneType {
				return f.give(Boolean(f.m.is(i, typeRef{fhir: t})))
			}
		}
		if f.env.Conforms == nil {
			return f.fail(fhir.Unsupported, e, "the profile %s is not known here", url.text)
		}
		conforms, err := f.env.Conforms(f.ctx, i.Value(), url.text)
		if err != nil {
			return f.failed(err)
		}
		return f.give(Boolean(conforms))
	}, nil
}

// codings returns what a code, a Coding or a CodeableConcept says.
func (f *frame) codings(e *Expr, i Item) []Coding {
	switch v := i.Value(); {
	case i.kind == NodeItem && f.m.IsA(i.typ, f.m.coding):
		return []Coding{codingOf(v)}
	case i.kind == NodeItem && f.m.IsA(i.typ, f.m.concept):
		var all []Coding
		for c := range v.Get("coding").Items {
			all = append(all, codingOf(c))
		}
		return all
	}
	if text := f.value(i); text.kind == StringItem {
		return []Coding{{Code: text.text}}
	}
	f.fail(fhir.Invalid, e, "%s() is about codes, not about %s", e.Text, f.describe(i))
	return nil
}

func codingOf(v fhir.Value) Coding {
	return Coding{v.Get("system").Text(), v.Get("version").Text(), v.Get("code").Text(), v.Get("display").Text()}
}

// terminology returns the terminology of the environment; without one the
// evaluation fails.
func (f *frame) terminology(e *Expr) Terminology {
	if f.env.Terminology == nil {
		f.fail(fhir.Unsupported, e, "%s() needs a terminology, and there is none here", e.Text)
	}
	return f.env.Terminology
}

func memberOf(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		url, ok := f.one(e, args[0](f, in), wantString, "the value set")
		if len(items) > 1 {
			return f.fail(fhir.Invalid, e, "memberOf() is applied to %d items", len(items))
		}
		if !ok || len(items) == 0 || !f.spend(1) {
			return nil
		}
		codings := f.codings(e, items[0])
		terminology := f.terminology(e)
		if f.err != nil {
			return nil
		}
		member, err := terminology.MemberOf(f.ctx, url.text, codings)
		if err != nil {
			return f.failed(err)
		}
		return f.give(Boolean(member))
	}, nil
}

// subsumes compiles subsumes and subsumedBy: whether any coding of one side is, or
// is an ancestor of, any of the other.
func subsumes(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items, other := input(f, in), args[0](f, in)
		if len(items) > 1 || len(other) > 1 {
			return f.fail(fhir.Invalid, e, "%s() compares one item with one", e.Text)
		}
		if len(items) == 0 || len(other) == 0 {
			return nil
		}
		above, below := f.codings(e, items[0]), f.codings(e, other[0])
		terminology := f.terminology(e)
		if e.Text == "subsumedBy" {
			above, below = below, above
		}
		for _, a := range above {
			for _, b := range below {
				if !f.spend(1) {
					return nil
				}
				is, err := terminology.Subsumes(f.ctx, a, b)
				if err != nil {
					return f.failed(err)
				}
				if is {
					return f.give(Boolean(true))
				}
			}
		}
		return f.give(Boolean(false))
	}, nil
}

// htmlChecks tells whether narrative is safe, of narrative only.
func htmlChecks(f *frame, _ *Expr, items []Item) []Item {
	if len(items) != 1 || items[0].kind != NodeItem || items[0].typ != f.m.xhtml {
		return nil
	}
	return f.give(Boolean(fhir.PrimitiveXHTML.Valid(items[0].Value().Text())))
}

// checkModifiers passes its input on if it has no modifier extensions but those
// named, and fails otherwise.
func checkModifiers(e *Expr, input step, args []step) (step, error) {
	return func(f *frame, in []Item) []Item {
		items := input(f, in)
		known := map[string]bool{}
		for _, a := range args {
			url, _ := f.one(e, a(f, in), wantString, "a modifier")
			known[url.text] = true
		}
		for _, i := range items {
			for x := range i.Value().Get("modifierExtension").Items {
				if url := x.Get("url").Text(); !f.spend(1) || !known[url] {
					return f.fail(fhir.Invalid, e, "there is a modifier extension that is not known: %s", url)
				}
			}
		}
		return items
	}, nil
}
