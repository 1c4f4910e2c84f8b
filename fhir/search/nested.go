package search

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// Resources within others
//
// What is contained in a resource has keys as it would have by itself, behind a
// mark, among those of its container; so has the Composition or MessageHeader that
// a Bundle begins with. They find the container; that one and the same contained
// resource meets all conditions is for Matches to say.

// nestedName is the path of the keys of resources within others.
const nestedName = "Resource:nested"

var nestedPath = pathHash(nestedName)

// nestedPrefix returns what such keys begin with.
func nestedPrefix(form byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, nestedPath), form)
}

// nested writes the keys of the resources within one.
func (k *walker) nested(res *fhir.Resource) {
	for c := range k.reg.Contained(res) {
		k.nestedKeys(containedForm, c)
	}
	if first := k.reg.firstEntry(res); first != nil {
		k.nestedKeys(entryForm, first)
	}
}

func (k *walker) nestedKeys(form byte, res *fhir.Resource) {
	typ := k.reg.types[res.Type()]
	k.w.within = nestedPrefix(form)
	inner := walker{reg: k.reg, tree: res.Tree(), trie: typ.trie, w: k.w, el: element{reg: k.reg, root: res.Root()}}
	k.w.begin(typ.trie.hash, typeForm)
	k.w.end()
	inner.item(0, 0, &typ.trie.nodes[0])
	inner.computed()
	k.w.within = nil
}

// Contained goes through the resources contained in one.
func (r *Registry) Contained(res *fhir.Resource) func(yield func(*fhir.Resource) bool) {
	return func(yield func(*fhir.Resource) bool) {
		for v := range res.Root().Get("contained").Items {
			if v.Kind() == fhir.ObjectNode && !yield(r.Codec.Nested(v)) {
				return
			}
		}
	}
}

// containedBy returns the resource of that id contained in one, nil if there is
// none. Of several it is the first.
func (r *Registry) containedBy(res *fhir.Resource, id string) *fhir.Resource {
	for c := range r.Contained(res) {
		if c.ID() == id {
			return c
		}
	}
	return nil
}

// firstEntry returns the Composition of a document and the MessageHeader of a
// message, nil if res is neither.
func (r *Registry) firstEntry(res *fhir.Resource) *fhir.Resource {
	if res.Type() != "Bundle" {
		return nil
	}
	for entry := range res.Root().Get("entry").Items {
		v := entry.Get("resource")
		if typ := v.Get("resourceType").Text(); typ == "Composition" || typ == "MessageHeader" {
			return r.Codec.Nested(v)
		}
		return nil
	}
	return nil
}

// nestedID returns the id of the contained resource that a reference points to, or
// for a resource that is a value itself, no id.
func (el *element) nestedID() (id string, ok bool) {
	switch el.kind {
	case referenceKind:
		id, ok = strings.CutPrefix(el.v.Get("reference").Text(), "#")
		return id, ok && id != ""
	case canonicalKind:
		id, ok = strings.CutPrefix(el.v.Text(), "#")
		return id, ok && id != ""
	case resourceKind:
		return "", true
	}
	return "", false
}

// Nested returns the resources within another that the values of p lead to: what
// is contained there, each once, or what is a value itself. R is the resource that
// has the values, and container what it is contained in, or nil.
func (p *Param) Nested(r, container *fhir.Resource) []*fhir.Resource {
	var found []*fhir.Resource
	var ids []string
	p.any(r, func(el *element) bool {
		id, ok := el.nestedID()
		switch {
		case !ok || slices.Contains(ids, id):
		case el.kind == resourceKind:
			found = append(found, p.reg.Codec.Nested(el.v))
		default:
			ids = append(ids, id)
			if c := p.reg.containedBy(cmp.Or(container, r), id); c != nil {
				found = append(found, c)
			}
		}
		return false
	})
	return found
}

// nested reports whether a chain leads to a resource within r's container, or r if
// that is nil, that meets its target. Ids are those of resources that stand by
// themselves, so that a chain by _id leads to none.
func (l *Link) nested(r, container *fhir.Resource, u Universe) bool {
	if l.Target.IDs != nil {
		return false
	}
	if in, ok := u.(inside); ok {
		u = in.Universe
	}
	u = inside{u, cmp.Or(container, r)}
	return slices.ContainsFunc(l.Param.Nested(r, container), func(n *fhir.Resource) bool { return l.Target.MatchesIn(n, u) })
}

// An inside is what conditions on a resource within another are judged in.
type inside struct {
	Universe
	container *fhir.Resource
}

// An Inside is a condition on what is contained in a resource: one of these
// resources must meet Query.
type Inside struct {
	Query *Query
	reg   *Registry
}

func (in *Inside) holds(r *fhir.Resource, u Universe) bool {
	u = inside{u, r}
	for c := range in.reg.Contained(r) {
		if in.Query.MatchesIn(c, u) {
			return true
		}
	}
	return false
}

// nestedRanges returns ranges of keys as those of resources within others.
func nestedRanges(form byte, ranges []KeyRange) []KeyRange {
	out := make([]KeyRange, len(ranges))
	for i, r := range ranges {
		out[i].Low = append(nestedPrefix(form), r.Low...)
		if r.High != nil {
			out[i].High = append(nestedPrefix(form), r.High...)
		}
	}
	return out
}

// nestedType returns the keys of what has a resource of a type, or of any, within.
func nestedType(form byte, typ string) []KeyRange {
	if typ == "" {
		low := nestedPrefix(form)
		return []KeyRange{{Low: low, High: after(low)}}
	}
	return nestedRanges(form, []KeyRange{{Low: TypeKey(typ)}})
}

// insideOf returns clauses that hold together for the resources with a contained
// one that meets q.
func (r *Registry) insideOf(q *Query) []Clause {
	var all []Clause
	alone := len(q.Where) == 1 && q.IDs == nil && q.LastUpdated == nil
	for i := range q.Where {
		if c := &q.Where[i]; c.Ranges != nil {
			one := &Query{Type: q.Type, Where: []Clause{*c}}
			all = append(all, Clause{
				Inside: &Inside{one, r}, Ranges: nestedRanges(containedForm, c.Ranges), Exact: c.Exact && (q.Type != "" || c.types != nil),
			})
		}
	}
	if alone && len(all) == 1 {
		return all
	}
	whole := Clause{Inside: &Inside{q, r}}
	if all == nil {
		whole.Ranges, whole.Exact = nestedType(containedForm, q.Type), len(q.Where) == 0 && q.IDs == nil && q.LastUpdated == nil
	}
	return append(all, whole)
}

// NestedCandidates returns clauses that hold together for all resources that the
// chain leads from to one within them, and for others.
func (l *Link) NestedCandidates() []Clause {
	form := byte(containedForm)
	if l.Param.Nests() {
		form = entryForm
	}
	var all []Clause
	for i := range l.Target.Where {
		if ranges := l.Target.Where[i].Ranges; ranges != nil {
			all = append(all, Clause{Ranges: nestedRanges(form, ranges), Exact: true})
		}
	}
	if all == nil {
		all = []Clause{{Ranges: nestedType(form, l.Target.Type), Exact: true}}
	}
	return all
}

// NestedRanges returns the keys under which a resource is indexed that has a value
// in p that leads to a resource within it. They are in order.
func (p *Param) NestedRanges(key fhir.Key, nested *fhir.Resource) []KeyRange {
	c := Clause{}
	for _, b := range p.branches {
		if b.target != "" && b.target != nested.Type() {
			continue
		}
		id := nested.ID()
		if b.path.kinds == setOf(resourceKind) {
			id = ""
		}
		to := newRanger(b.path)
		to.point(appendHash(to.key(nestedForm), key.String(), "#", id))
		c.Ranges = append(c.Ranges, to.out...)
	}
	c.tidy()
	return c.Ranges
}
