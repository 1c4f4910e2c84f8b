package search

import (
	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// Index returns the keys of a resource.
func (r *Registry) Index(res *fhir.Resource) *Entries { return r.IndexAs(res, res.ID()) }

// IndexAs returns the keys of a resource that is to be stored under an id. Only
// those of a patient, an encounter and others that have a compartment depend on
// it: they are in their own.
func (r *Registry) IndexAs(res *fhir.Resource, id string) *Entries {
	k := r.walked(res, id)
	e := &Entries{Keys: k.w.keys(), Date: k.date}
	k.w.release()
	return e
}

// walked returns a walker that has been over a resource. Its writer has to be
// released.
func (r *Registry) walked(res *fhir.Resource, id string) walker {
	typ := r.types[res.Type()]
	w := writers.Get().(*writer)
	k := walker{reg: r, tree: res.Tree(), trie: typ.trie, w: w, el: element{reg: r, root: res.Root()}}
	w.begin(typ.trie.hash, typeForm)
	w.end()
	if typ.compartment && id != "" {
		w.compartment(res.Type(), id, pathHash(res.Type()))
	}
	if id != "" {
		w.self = res.Type() + "/" + id
	}
	k.item(0, 0, &typ.trie.nodes[0])
	k.computed()
	k.nested(res)
	return k
}

// computed writes the keys of the paths that no walk finds.
func (k *walker) computed() {
	for i := range k.trie.computed {
		c := &k.trie.computed[i]
		var buf [4]fhirpath.Item
		for _, item := range c.program.Append(buf[:0], k.tree.Root(), k.tree.Root()) {
			if el, ok := k.reg.element(k.tree.Root(), item); ok {
				k.w.value(c.path, &el)
			}
		}
	}
}

// element returns an item as an element; ok is false for what has no value, and
// for what is neither a place in the resource nor a boolean.
func (r *Registry) element(root fhir.Value, item fhirpath.Item) (el element, ok bool) {
	el = element{reg: r, root: root, v: item.Value()}
	if el.v.Exists() {
		el.kind = r.kinds[item.Type()]
		return el, el.v.Node().Flags&fhir.Shadow == 0
	}
	if item.Kind() != fhirpath.BooleanItem {
		return el, false
	}
	el.kind = booleanKind
	el.yes, ok = item.Bool()
	return el, ok
}
