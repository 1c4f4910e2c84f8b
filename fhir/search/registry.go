package search

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A Param is a search parameter of one resource type, compiled.
type Param struct {
	Code   string // as it stands in the query string
	URL    string // canonical URL of its definition
	Type   fhir.ParamType
	Base   string   // the resource type it is for; Resource for searches on the whole system
	Target []string // types a reference may point to; empty: any

	reg      *Registry
	program  *fhirpath.Program
	expr     *fhirpath.Expr // what program was made of
	branches []branch
	pair     *pair // of a composite
	sparse   bool  // some values have no key

	each map[string]*Param // of several types of resource: the parameter of each, by type
}

// Entries are what a resource is found by.
type Entries struct {
	Keys [][]byte // sorted, no duplicates
	Date int64    // clinical date in milliseconds since 1970, the start of it; 0 if the type has none
}

// A Registry holds the search parameters of every resource type, compiled. It
// is safe for concurrent use.
type Registry struct {
	Codec *fhir.Codec

	// Base is this server's base URL, without a slash at the end: references that
	// begin with it are to resources of this server. It may be set before first
	// use.
	Base string

	schema *fhir.Schema
	params []fhir.SearchParam // what it was made of
	kinds  []kind             // by TypeID
	names  []string           // of all resource types, sorted
	types  map[string]*resourceType
	system *resourceType // what searches on the whole system can use
	paths  map[uint32]*path
	prose  map[string]bool // codes that are defined in prose only, by "Type.code"

	known *facts
}

// A resourceType holds what searches on one type can use.
type resourceType struct {
	params map[string]*Param
	sorted []*Param
	trie   *trie

	compartment bool // its resources have one
}

// NewRegistry compiles search parameters. The error names the first one whose
// expression can not be compiled.
func NewRegistry(codec *fhir.Codec, params []fhir.SearchParam) (*Registry, error) {
	r := &Registry{
		Codec: codec, schema: codec.Schema, params: params, kinds: kindsOf(codec.Schema),
		types: map[string]*resourceType{}, paths: map[uint32]*path{}, prose: map[string]bool{},
		system: &resourceType{params: map[string]*Param{}}, known: &facts{},
	}
	for _, name := range []string{compartmentName, nestedName} {
		if _, err := r.share(&path{name: name}); err != nil {
			return nil, err
		}
	}
	definitions, err := parseDefinitions(params)
	if err != nil {
		return nil, err
	}
	for id := range r.schema.Types {
		if t := &r.schema.Types[id]; t.Kind == fhir.ResourceType && !t.Abstract {
			r.names = append(r.names, t.Name)
			if err := r.addType(fhir.TypeID(id), definitions); err != nil {
				return nil, err
			}
		}
	}
	r.system.sort()
	return r, nil
}

// Lookup returns the parameter of that code for a resource type, common ones
// like _id included. Without a type it returns what the whole system can be
// searched by.
func (r *Registry) Lookup(typ, code string) (*Param, bool) {
	p, ok := r.typeOf(typ).params[code]
	return p, ok
}

// Params returns the parameters of a resource type that can be searched by,
// sorted by code.
func (r *Registry) Params(typ string) []*Param { return r.typeOf(typ).sorted }

// typeOf returns what searches on a type can use, nothing for an unknown one.
func (r *Registry) typeOf(typ string) *resourceType {
	if typ == "" {
		return r.system
	}
	if t := r.types[typ]; t != nil {
		return t
	}
	return &resourceType{}
}

// Fingerprint identifies how resources are indexed: the format of keys, and
// which elements they are made of. An index made under another fingerprint has
// to be made again.
func (r *Registry) Fingerprint() string {
	lines := []string{fmt.Sprintf("format %d", keyFormat)}
	for _, p := range r.paths {
		lines = append(lines, fmt.Sprintf("%s kinds %x systems %q bare %t patient %x", p.name, p.kinds, p.systems, p.bare, p.patient))
	}
	for _, c := range clinicalDates {
		lines = append(lines, fmt.Sprint(c))
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, l := range lines {
		fmt.Fprintln(h, l)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// A definition is a published parameter with its expressions parsed.
type definition struct {
	*fhir.SearchParam
	expr  *fhirpath.Expr // nil: in prose
	parts []*fhirpath.Expr
	types []fhir.ParamType // of the parts
}

// parseDefinitions parses the expressions of all parameters and sorts the
// parameters by the types they are for.
func parseDefinitions(params []fhir.SearchParam) (map[string][]definition, error) {
	byURL := map[string]*fhir.SearchParam{}
	for i := range params {
		byURL[params[i].URL] = &params[i]
	}
	byBase := map[string][]definition{}
	for i := range params {
		d := definition{SearchParam: &params[i]}
		var err error
		if d.Expression != "" {
			if d.expr, err = fhirpath.Parse(d.Expression); err != nil {
				return nil, fmt.Errorf("search parameter %s: %w", d.URL, err)
			}
		}
		for _, c := range d.Component {
			e, err := fhirpath.Parse(c.Expression)
			url, _, _ := strings.Cut(c.Definition, "|")
			if err != nil || byURL[url] == nil {
				return nil, fmt.Errorf("search parameter %s, component %s: %w", d.URL, c.Definition, cmp.Or(err, errNoDefinition))
			}
			d.parts = append(d.parts, e)
			d.types = append(d.types, byURL[url].Type)
		}
		for _, base := range d.Base {
			byBase[base] = append(byBase[base], d)
		}
	}
	return byBase, nil
}

var errNoDefinition error = fhir.Errorf(fhir.Invalid, "no such parameter")

// keyless are the parameters that stores answer without keys.
var keyless = map[string]bool{"_id": true, "_lastUpdated": true}

// addType compiles the parameters of one resource type.
func (r *Registry) addType(id fhir.TypeID, definitions map[string][]definition) error {
	typ := &resourceType{params: map[string]*Param{}, trie: &trie{nodes: []trieNode{{typ: id}}}}
	name := r.schema.Types[id].Name
	own, err := r.share(&path{name: name + ":type"})
	if err != nil {
		return err
	}
	typ.trie.hash = own.hash
	r.types[name] = typ
	for base := id; base != 0; base = r.schema.Types[base].Base {
		for _, d := range definitions[r.schema.Types[base].Name] {
			if typ.params[d.Code] != nil {
				continue // a type's own definition goes before an inherited one
			}
			p, err := r.compile(id, typ.trie, d)
			if err != nil {
				return fmt.Errorf("search parameter %s of %s: %w", d.URL, name, err)
			}
			if p == nil {
				r.prose[name+"."+d.Code] = true
				continue
			}
			typ.params[d.Code] = p
			r.addSystem(p, base)
		}
	}
	r.addClinicalDate(id, typ)
	r.addCompartment(name, typ)
	typ.sort()
	return nil
}

func (t *resourceType) sort() {
	for _, p := range t.params {
		if parse, _ := parserOf(p.Type, ""); parse != nil {
			t.sorted = append(t.sorted, p)
		}
	}
	slices.SortFunc(t.sorted, func(a, b *Param) int { return cmp.Compare(a.Code, b.Code) })
}

// addSystem makes a parameter that every type has one of the whole system.
func (r *Registry) addSystem(p *Param, base fhir.TypeID) {
	if r.schema.Types[base].Name != "Resource" {
		return
	}
	all := r.system.params[p.Code]
	if all == nil {
		whole := *p
		whole.Base, whole.branches = "Resource", nil
		all = &whole
		r.system.params[p.Code] = all
	}
	all.branches = append(all.branches, p.branches...)
}

// compile compiles a parameter for a type. It returns nil if there is no
// expression.
func (r *Registry) compile(id fhir.TypeID, t *trie, d definition) (*Param, error) {
	p := &Param{Code: d.Code, URL: d.URL, Type: d.Type, Base: r.schema.Types[id].Name, Target: d.Target, reg: r}
	if d.expr == nil {
		return nil, nil
	}
	alternatives := r.forType(d.expr, id)
	p.expr = d.expr
	if len(alternatives) > 0 {
		p.expr = union(alternatives)
	}
	var err error
	if p.program, err = fhirpath.CompileExpr(r.schema, p.expr); err != nil {
		return nil, err
	}
	if p.pair, err = r.compilePair(id, d); err != nil || keyless[d.Code] {
		return p, err
	}
	p.sparse = p.Type == fhir.CompositeParam
	return p, r.addPaths(p, id, t, d, alternatives)
}

// union joins alternatives again.
func union(alternatives []*fhirpath.Expr) *fhirpath.Expr {
	all := alternatives[0]
	for _, a := range alternatives[1:] {
		all = &fhirpath.Expr{Op: fhirpath.BinaryOp, Text: "|", Pos: a.Pos, Args: []*fhirpath.Expr{all, a}}
	}
	return all
}

// addPaths puts the index paths of a parameter into the trie of its type.
func (r *Registry) addPaths(p *Param, id fhir.TypeID, t *trie, d definition, alternatives []*fhirpath.Expr) error {
	var routes []route
	for _, a := range alternatives {
		if rt, ok := r.route(a); ok {
			routes = append(routes, rt)
			continue
		}
		if err := r.addComputed(p, id, t, a); err != nil {
			return err
		}
	}
	for _, rt := range merge(routes) {
		for _, t := range r.leafTypes(id, rt) {
			p.sparse = p.sparse || p.Type == fhir.StringParam && parts[r.kinds[t]] != nil || r.kinds[t] == extensionKind
		}
		for _, leaf := range r.expand(id, rt, p.Type) {
			if err := r.addRoute(p, id, t, d, leaf); err != nil {
				return err
			}
		}
	}
	return nil
}

// addRoute puts one index path into the trie.
func (r *Registry) addRoute(p *Param, id fhir.TypeID, t *trie, d definition, rt route) error {
	ix := &path{param: p.Type, name: r.describe(id, rt) + ":" + p.Type.String()}
	elements := r.leafElements(id, rt)
	for _, e := range elements {
		ix.kinds |= 1 << r.kinds[r.schema.Elements[e].Type]
	}
	if p.Type == fhir.TokenParam {
		r.addSystems(ix, elements)
	}
	if p.Type == fhir.CompositeParam {
		r.addPair(ix, p, d, r.leafTypes(id, rt))
	}
	ix, err := r.share(ix)
	if err != nil {
		return err
	}
	for _, n := range r.walk(t, rt) {
		t.act(n, action{path: ix})
	}
	p.addBranch(ix, r.schema.Types[rt.target].Name)
	return nil
}

// addBranch adds an index path, once.
func (p *Param) addBranch(ix *path, target string) {
	b := branch{ix, target}
	if !slices.Contains(p.branches, b) {
		p.branches = append(p.branches, b)
	}
}

// share returns the path of that name that there is already, or makes it one.
func (r *Registry) share(p *path) (*path, error) {
	p.hash = pathHash(p.name)
	old := r.paths[p.hash]
	if old == nil {
		r.paths[p.hash] = p
		return p, nil
	}
	if old.name != p.name {
		return nil, fhir.Errorf(fhir.Internal, "the index paths %s and %s have one hash", old.name, p.name)
	}
	return old, nil
}

// addSystems notes the code systems that the codes of a path are bound to.
func (r *Registry) addSystems(p *path, elements []fhir.ElementID) {
	for _, e := range elements {
		if r.kinds[r.schema.Elements[e].Type] != codeKind {
			continue
		}
		switch system := r.systemOf(e); {
		case system == "":
			p.bare = true
		case !slices.Contains(p.systems, system):
			p.systems = append(p.systems, system)
		}
	}
}

// leafElements returns the elements that a route leads to.
func (r *Registry) leafElements(typ fhir.TypeID, rt route) []fhir.ElementID {
	if len(rt.steps) == 0 {
		return nil
	}
	last := len(rt.steps) - 1
	var found []fhir.ElementID
	for _, t := range r.leafTypes(typ, route{steps: rt.steps[:last]}) {
		found = append(found, r.elementsOf(t, &rt.steps[last])...)
	}
	return found
}

// A computed is a path that takes an evaluation of its own.
type computed struct {
	path    *path
	program *fhirpath.Program
}

// addComputed adds an alternative that is no route.
func (r *Registry) addComputed(p *Param, id fhir.TypeID, t *trie, e *fhirpath.Expr) error {
	program, err := fhirpath.CompileExpr(r.schema, e)
	if err != nil {
		return err
	}
	name := r.schema.Types[id].Name + "/" + e.String() + ":" + p.Type.String()
	ix, err := r.share(&path{param: p.Type, name: name, kinds: kindsFor[p.Type], bare: true})
	if err != nil {
		return err
	}
	t.computed = append(t.computed, computed{ix, program})
	p.addBranch(ix, "")
	return nil
}
