package validate

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

const coreBase = "http://hl7.org/fhir/StructureDefinition/"

// A profile is a compiled StructureDefinition.
type profile struct {
	url, version, name string
	typ                fhir.TypeID
	typeName           string
	core               bool // the definition of a type itself
	abstract           bool
	extension          bool // defines an extension
	modifier           bool // that is a modifier
	contexts           []extensionContext
	invariants         []string // contextInvariant
	root               *element
	base               *profile // what else must hold, of a profile known by its differential
}

// An extensionContext says where an extension may stand.
type extensionContext struct{ kind, expression string }

// A compiledEntry is a definition under one canonical URL, or the reason why there
// is none.
type compiledEntry struct {
	once    sync.Once
	profile *profile
	err     error
}

// profile returns the definition that a canonical URL names. The error is NotFound
// if there is none, and Unprocessable if it is no use.
func (v *Validator) profile(canonical string) (*profile, error) {
	v.mu.RLock()
	e := v.compiled[canonical]
	v.mu.RUnlock()
	if e == nil {
		v.mu.Lock()
		if e = v.compiled[canonical]; e == nil {
			if len(v.compiled) >= maxCompiled {
				v.compiled = map[string]*compiledEntry{}
			}
			e = &compiledEntry{}
			v.compiled[canonical] = e
		}
		v.mu.Unlock()
	}
	e.once.Do(func() { e.profile, e.err = v.load(canonical) })
	if passing(e.err) {
		v.mu.Lock()
		if v.compiled[canonical] == e {
			delete(v.compiled, canonical)
		}
		v.mu.Unlock()
	}
	return e.profile, e.err
}

// passing reports whether an error may be gone the next time: it is not about the
// definition.
func passing(err error) bool {
	switch {
	case err == nil:
		return false
	case fhir.KindOf(err) == fhir.Internal, fhir.KindOf(err) == fhir.Unavailable:
		return true
	}
	return false
}

// maxCompiled bounds what is remembered, as resources may claim what they like.
const maxCompiled = 5_000

// core returns the definition of a type, nil if the source lacks it or the type is
// part of another.
func (v *Validator) core(t fhir.TypeID) *profile {
	if t == 0 || v.schema.Types[t].Kind == fhir.BackboneType {
		return nil
	}
	v.mu.RLock()
	e := v.cores[t]
	v.mu.RUnlock()
	if e == nil {
		v.mu.Lock()
		if e = v.cores[t]; e == nil {
			e = &compiledEntry{}
			v.cores[t] = e
		}
		v.mu.Unlock()
	}
	e.once.Do(func() { e.profile, e.err = v.loadCore(v.schema.Types[t].Name) })
	if passing(e.err) {
		v.mu.Lock()
		if v.cores[t] == e {
			delete(v.cores, t)
		}
		v.mu.Unlock()
	}
	return e.profile
}

// loadCore compiles the definition of a type. Whatever else goes by its URL is
// passed over. It needs no other definition.
func (v *Validator) loadCore(name string) (*profile, error) {
	found, err := v.source.Canonical("StructureDefinition", coreBase+name)
	if err != nil {
		return nil, err
	}
	for _, sd := range found {
		if isCore(sd) && sd.Root().Get("snapshot").Exists() {
			return v.compile(sd)
		}
	}
	return nil, fhir.Errorf(fhir.NotFound, "the definition of %s is not known here", name)
}

// isCore reports whether a definition is that of a type itself.
func isCore(sd *fhir.Resource) bool {
	root := sd.Root()
	return root.Get("derivation").Text() != "constraint" && root.Get("url").Text() == coreBase+root.Get("type").Text()
}

// load finds and compiles a definition.
func (v *Validator) load(canonical string) (*profile, error) {
	url, version := cutVersion(canonical)
	found, err := v.source.Canonical("StructureDefinition", url)
	if err != nil {
		return nil, err
	}
	var sd *fhir.Resource
	for _, r := range found {
		its := r.Root().Get("version").Text()
		if version != "" && its != version && !strings.HasPrefix(its, version+".") {
			continue
		}
		if sd == nil || newer(its, sd.Root().Get("version").Text()) {
			sd = r
		}
	}
	if sd == nil {
		return nil, fhir.Errorf(fhir.NotFound, "the profile %s is not known here", canonical)
	}
	if isCore(sd) {
		if p := v.core(v.schema.TypeByName(sd.Root().Get("type").Text())); p != nil {
			return p, nil
		}
	}
	if !sd.Root().Get("snapshot").Exists() && v.generate != nil {
		if sd, err = v.generate(sd); err != nil {
			return nil, err
		}
	}
	return v.compile(sd)
}

// newer compares versions number by number, text where there are none.
func newer(a, b string) bool {
	x, y := strings.FieldsFunc(a, notDigit), strings.FieldsFunc(b, notDigit)
	for i := range min(len(x), len(y)) {
		if len(x[i]) != len(y[i]) {
			return len(x[i]) > len(y[i])
		}
		if x[i] != y[i] {
			return x[i] > y[i]
		}
	}
	return len(x) > len(y)
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

// keep returns a copy of a text that does not hold on to its definition.
func keep(v fhir.Value) string { return strings.Clone(v.Text()) }

// own returns a copy of a value that does not hold on to its definition.
func own(v fhir.Value) fhir.Value {
	t := v.Tree().Subtree(v.Index())
	t.Src = bytes.Clone(t.Src)
	return t.Root()
}

// compile makes a StructureDefinition ready for use, by its snapshot if it has
// one.
func (v *Validator) compile(sd *fhir.Resource) (*profile, error) {
	root := sd.Root()
	p := &profile{url: keep(root.Get("url")), version: keep(root.Get("version")), name: keep(root.Get("name")), typeName: keep(root.Get("type"))}
	p.typ = v.schema.TypeByName(p.typeName)
	if p.typ == 0 {
		return nil, fhir.Errorf(fhir.Unprocessable, "the profile %s is about %q, which is no type of R4", p.url, p.typeName)
	}
	p.core = isCore(sd)
	p.abstract = root.Get("abstract").Text() == "true"
	p.extension = p.typ == v.types.extension && !p.core
	for c := range root.Get("context").Items {
		p.contexts = append(p.contexts, extensionContext{keep(c.Get("type")), keep(c.Get("expression"))})
	}
	for c := range root.Get("contextInvariant").Items {
		p.invariants = append(p.invariants, keep(c))
	}
	c := compiler{v: v, p: p, byID: map[string]*element{}}
	build := func() error { return c.elements(root.Get("snapshot").Get("element")) }
	if !root.Get("snapshot").Exists() {
		build = func() error { return c.differential(root) }
	}
	if err := build(); err != nil {
		return nil, err
	}
	if p.root == nil {
		return nil, fhir.Errorf(fhir.Unprocessable, "the snapshot of the profile %s has no elements", p.url)
	}
	p.modifier = c.modifier
	if err := c.link(p.root, 0); err != nil {
		return nil, err
	}
	if err := c.tellApart(p.root); err != nil {
		return nil, err
	}
	if !p.core {
		c.prune(p.root, v.coreElement(p.typ))
	}
	index(v.schema, p.root, map[*element]bool{})
	return p, nil
}

func (v *Validator) coreElement(t fhir.TypeID) *element {
	if p := v.core(t); p != nil {
		return p.root
	}
	return nil
}

// A compiler compiles one definition.
type compiler struct {
	v        *Validator
	p        *profile
	byID     map[string]*element
	modifier bool
}

// elements builds the tree of elements from the flat list of a snapshot. An element
// belongs below the last one of its parent's path.
func (c *compiler) elements(list fhir.Value) error {
	type open struct {
		path string
		e    *element
	}
	var stack []open
	for def := range list.Items {
		e := c.element(def)
		id := keep(def.Get("id"))
		if id == "" {
			id = e.path
		}
		if c.p.root == nil {
			c.p.root = e
			c.byID[id] = e
			c.modifier = def.Get("isModifier").Text() == "true"
			stack = append(stack, open{e.path, e})
			continue
		}
		parentPath, name, found := cutLast(e.path)
		if !found {
			return fhir.Errorf(fhir.Unprocessable, "the profile %s has the element %s beside its root", c.p.url, e.path)
		}
		for len(stack) > 0 && stack[len(stack)-1].path != parentPath {
			stack = stack[:len(stack)-1]
		}
		if len(stack) == 0 {
			return fhir.Errorf(fhir.Unprocessable, "the profile %s has no element above %s", c.p.url, e.path)
		}
		parent := stack[len(stack)-1].e
		e.name, e.choice = strings.CutSuffix(name, "[x]")
		c.byID[id] = e
		c.place(parent, e)
		stack = append(stack, open{e.path, e})
	}
	return nil
}

func cutLast(path string) (before, last string, found bool) {
	i := strings.LastIndexByte(path, '.')
	if i < 0 {
		return "", path, false
	}
	return path[:i], path[i+1:], true
}

// place puts an element below its parent: beside the others, or as a slice of one.
func (c *compiler) place(parent, e *element) {
	base := parent.child(e.name)
	if base == nil && !e.choice {
		// Old definitions write value[x] with a single type as valueQuantity.
		for _, o := range parent.children {
			if o.choice && strings.HasPrefix(e.name, o.name) && len(e.types) == 1 && strings.EqualFold(e.name, o.name+e.types[0].code) {
				base = o
				if e.slice == "" {
					e.slice = e.name
				}
				e.name, e.choice = o.name, true
			}
		}
	}
	if base == nil || e.slice == "" {
		parent.children = append(parent.children, e)
		return
	}
	// identifier/a/b is a slice of the slice identifier/a.
	for {
		i := slices.IndexFunc(base.slices, func(s *element) bool {
			return s.slicing != nil && strings.HasPrefix(e.slice, s.slice+"/")
		})
		if i < 0 {
			break
		}
		base = base.slices[i]
	}
	if base.slicing == nil && e.choice {
		base.slicing = &slicing{rules: "open", discriminators: []discriminator{{kind: "type", path: "$this"}}}
	}
	base.slices = append(base.slices, e)
}

// link resolves references to other elements of the same definition.
func (c *compiler) link(e *element, depth int) error {
	if e.content != "" {
		target := c.byID[e.content]
		if target == nil && c.p.base == nil {
			return fhir.Errorf(fhir.Unprocessable, "the profile %s refers to its element %s, which it does not have", c.p.url, e.content)
		}
		if target != nil && len(e.children) == 0 {
			e.shares = target
		}
	}
	if depth > maxDefinitionDepth {
		return fhir.Errorf(fhir.Unprocessable, "the profile %s is nested too deeply", c.p.url)
	}
	for _, list := range [][]*element{e.children, e.slices} {
		for _, child := range list {
			if err := c.link(child, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

const maxDefinitionDepth = 40

// prune drops from a profile what the definition of its type has already, which is
// checked always. It reports whether nothing is left.
func (c *compiler) prune(e, core *element) bool {
	if core != nil {
		e.less(core)
	}
	if len(e.types) == 1 && e != c.p.root {
		if t := c.v.coreElement(c.v.schema.TypeByName(e.types[0].code)); t != nil {
			e.lessRules(t)
		}
	}
	below := core
	if core == nil || len(core.inner()) == 0 {
		below = nil
		if len(e.types) == 1 && e != c.p.root {
			below = c.v.coreElement(c.v.schema.TypeByName(e.types[0].code))
		}
	}
	left := e.children[:0]
	for _, child := range e.children {
		var of *element
		if below != nil {
			of = below.child(child.name)
		}
		if !c.prune(child, of) {
			left = append(left, child)
		}
	}
	e.children = left
	for _, s := range e.slices {
		c.prune(s, core)
	}
	return e.empty()
}

// index makes children quick to find for elements of one type.
func index(s *fhir.Schema, e *element, done map[*element]bool) {
	if done[e] {
		return
	}
	done[e] = true
	if len(e.children) > 0 {
		e.table(s)
	}
	for _, child := range e.children {
		index(s, child, done)
	}
	for _, child := range e.slices {
		index(s, child, done)
	}
}
