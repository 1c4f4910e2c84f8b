package search

import (
	"github.com/noafhir/noafhir/fhir"
)

// A path is an index path: elements of one resource type whose values share
// keys.
type path struct {
	hash    uint32
	name    string // what hash is made of
	param   fhir.ParamType
	kinds   kindSet  // of the elements; for a computed path all
	systems []string // of a token path: those its codes are bound to
	bare    bool     // of a token path: it has codes that are bound to no system
	patient uint32   // hash of the type, if references here put it into a patient's compartment
	pair    *pair    // of a composite
}

// A trie holds all index paths of a resource type, so that one walk over a
// resource finds the values of all. Nodes stand for elements reached by a
// certain way; node 0 is the resource.
type trie struct {
	hash     uint32 // of the type's own key
	nodes    []trieNode
	computed []computed // what no walk can find
}

// A trieNode says what to do at an element.
type trieNode struct {
	first    fhir.ElementID // first element of the type
	children []uint16       // node by element, counted from first; 0: none
	actions  []action
	filtered []filtered
	typ      fhir.TypeID
}

// A filtered is a node for those instances of an element that pass a filter.
type filtered struct {
	filter filter
	node   uint16
}

// An action writes the keys of a path.
type action struct {
	path *path
	rank uint8 // of a clinical date; 0: none
}

// node returns the child of node at for an element.
func (t *trie) child(s *fhir.Schema, at uint16, id fhir.ElementID) uint16 {
	n := &t.nodes[at]
	if n.children == nil {
		n.first = s.Types[n.typ].First
		n.children = make([]uint16, s.Types[n.typ].Count)
	}
	place := &n.children[id-n.first]
	if *place == 0 {
		*place = uint16(len(t.nodes))
		t.nodes = append(t.nodes, trieNode{typ: s.Elements[id].Type})
	}
	return t.nodes[at].children[id-t.nodes[at].first]
}

// filter returns the node for those instances of node at that pass f.
func (t *trie) filter(at uint16, f filter) uint16 {
	if f.kind == noFilter {
		return at
	}
	for _, e := range t.nodes[at].filtered {
		if e.filter == f {
			return e.node
		}
	}
	next := uint16(len(t.nodes))
	t.nodes[at].filtered = append(t.nodes[at].filtered, filtered{f, next})
	t.nodes = append(t.nodes, trieNode{typ: t.nodes[at].typ})
	return next
}

// walk returns the nodes that a route leads to, making them where they are
// missing.
func (r *Registry) walk(t *trie, rt route) []uint16 {
	at := []uint16{0}
	for i := range rt.steps {
		var next []uint16
		for _, n := range at {
			for _, id := range r.elementsOf(t.nodes[n].typ, &rt.steps[i]) {
				next = append(next, t.filter(t.child(r.schema, n, id), rt.steps[i].filter))
			}
		}
		at = next
	}
	return at
}

// act adds an action to a node, once.
func (t *trie) act(at uint16, a action) {
	n := &t.nodes[at]
	for i := range n.actions {
		if n.actions[i].path == a.path {
			n.actions[i].rank = max(n.actions[i].rank, a.rank)
			return
		}
	}
	n.actions = append(n.actions, a)
}

// A walker writes the keys of one resource.
type walker struct {
	reg  *Registry
	tree *fhir.Tree
	trie *trie
	w    *writer
	date int64
	rank uint8   // of date
	care span    // that date is of
	el   element // the value in hand
}

// object visits the members of the object at node i.
func (k *walker) object(i uint32, tn *trieNode) {
	nodes := k.tree.Nodes
	end := nodes[i].Next
	for m := i + 1; m < end; m = nodes[m].Next {
		n := &nodes[m]
		ordinal := int(n.Elem) - int(tn.first)
		if uint(ordinal) >= uint(len(tn.children)) || tn.children[ordinal] == 0 || n.Flags&fhir.Shadow != 0 {
			continue
		}
		child := &k.trie.nodes[tn.children[ordinal]]
		if n.Kind != fhir.ArrayNode {
			k.item(m, 0, child)
			continue
		}
		index := uint32(0)
		for c := m + 1; c < n.Next; c = nodes[c].Next {
			k.item(c, index, child)
			index++
		}
	}
}

// item visits one value.
func (k *walker) item(i, index uint32, tn *trieNode) {
	if k.tree.Nodes[i].Kind == fhir.NullNode {
		return
	}
	for a := range tn.actions {
		k.act(i, &tn.actions[a])
	}
	if tn.children != nil && k.tree.Nodes[i].Kind == fhir.ObjectNode {
		k.object(i, tn)
	}
	for f := range tn.filtered {
		if e := &tn.filtered[f]; e.filter.holds(k.tree.At(i), index) {
			k.item(i, index, &k.trie.nodes[e.node])
		}
	}
}

// act writes the keys of one value.
func (k *walker) act(i uint32, a *action) {
	k.el.v, k.el.kind = k.tree.At(i), k.reg.kinds[k.tree.Nodes[i].Type]
	if a.rank != 0 {
		k.clinical(&k.el, a.rank)
	}
	if a.path != nil {
		k.w.value(a.path, &k.el)
	}
}

// value writes the keys of a value, at least one.
func (w *writer) value(p *path, el *element) {
	before := len(w.spans)
	switch p.param {
	case fhir.TokenParam:
		w.token(p, el)
	case fhir.ReferenceParam:
		w.reference(p, el)
	case fhir.StringParam:
		w.string(p, el)
	case fhir.URIParam:
		w.uri(p, el)
	case fhir.DateParam:
		w.date(p, el)
	case fhir.NumberParam:
		w.number(p, el)
	case fhir.QuantityParam:
		w.quantity(p, el)
	case fhir.CompositeParam:
		w.composite(p, el)
		return
	case fhir.SpecialParam:
		w.position(p, el)
	default:
		panic("search: a parameter without a type")
	}
	if len(w.spans) == before {
		w.begin(p.hash, presentForm)
		w.end()
	}
}
