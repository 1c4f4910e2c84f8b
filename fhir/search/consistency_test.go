package search

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// checkAgainstExpressions holds the keys that one walk over a resource found
// against those of evaluating the expression of each parameter: every value an
// expression yields has its keys under one of the parameter's paths, and every
// key comes from such a value.
func checkAgainstExpressions(t *testing.T, reg *Registry, r *fhir.Resource) {
	t.Helper()
	got := reg.Index(r).Keys
	has := func(key []byte) bool {
		_, found := slices.BinarySearchFunc(got, key, bytes.Compare)
		return found
	}
	explained := map[string]bool{}
	targeted := map[uint32]bool{} // paths that hold references whatever they point to
	for _, p := range reg.types[r.Type()].params {
		if keyless[p.Code] {
			continue
		}
		for _, b := range p.branches {
			targeted[b.path.hash] = targeted[b.path.hash] || b.target != ""
		}
		for _, el := range elementsOf(p, r) {
			some := false
			for _, b := range p.branches {
				keys := keysOf(b.path, el)
				all := true
				for _, k := range keys {
					all = all && has(k)
				}
				if !all {
					continue
				}
				some = true
				for _, k := range keys {
					explained[string(k)] = true
				}
			}
			if !some {
				t.Errorf("%s: %s: a value of kind %d has no keys: %s", r.Key(), p.Code, el.kind, el.v.Raw())
			}
		}
	}
	for _, k := range got {
		hash := binary.BigEndian.Uint32(k)
		if hash == compartmentPath || hash == nestedPath || k[4] == typeForm || targeted[hash] || explained[string(k)] {
			continue
		}
		t.Errorf("%s: no expression explains the key %x of %v", r.Key(), k, reg.paths[hash])
	}
}

// elementsOf returns the values of a parameter as keys are made of them.
func elementsOf(p *Param, r *fhir.Resource) []*element {
	var out []*element
	var add func(el element)
	add = func(el element) {
		switch {
		case el.kind == extensionKind:
			if el, ok := el.content(); ok {
				add(el)
			}
		case p.Type == fhir.StringParam && parts[el.kind] != nil:
			for _, name := range parts[el.kind] {
				for v := range el.v.Get(name).Items {
					if v.Kind() != fhir.NullNode {
						out = append(out, &element{reg: el.reg, root: el.root, v: v, kind: textKind})
					}
				}
			}
		default:
			out = append(out, &el)
		}
	}
	var items []fhirpath.Item
	for _, item := range p.program.Append(items, r.Root(), r.Root()) {
		if el, ok := p.reg.element(r.Root(), item); ok {
			add(el)
		}
	}
	return out
}

func keysOf(p *path, el *element) [][]byte {
	w := &writer{}
	if id := el.root.Get("id").Text(); id != "" {
		w.self = el.root.Get("resourceType").Text() + "/" + id
	}
	w.value(p, el)
	return slices.DeleteFunc(w.keys(), func(k []byte) bool { return binary.BigEndian.Uint32(k) == compartmentPath })
}
