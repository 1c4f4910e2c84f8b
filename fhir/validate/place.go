package validate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A directory is what is looked up in a tree often: the entries of a bundle.
type directory struct {
	array  uint32            // the node of Bundle.entry, 0 if there is none
	starts []uint32          // nodes of the entries
	byURL  map[string]uint32 // resources by full URL; the first of its URL
}

// directory reads the entries of the tree, once.
func (r *run) directory() *directory {
	if r.entries != nil {
		return r.entries
	}
	d := &directory{byURL: map[string]uint32{}}
	r.entries = d
	root := r.tree.At(0)
	if root.Type() != r.v.types.bundle {
		return d
	}
	list := root.Get("entry")
	if list.Kind() != fhir.ArrayNode {
		return d
	}
	d.array = list.Index()
	for e := range list.Children {
		d.starts = append(d.starts, e.Index())
		url, resource := e.Get("fullUrl").Text(), e.Get("resource")
		if url == "" || resource.Kind() != fhir.ObjectNode {
			continue
		}
		if _, taken := d.byURL[url]; !taken {
			d.byURL[url] = resource.Index()
		}
	}
	return d
}

// toward returns the child of a node that a later node is or is in, and its place
// among the children; 0 if it is in none.
func (r *run) toward(at, target uint32) (child uint32, ordinal int) {
	nodes := r.tree.Nodes
	if d := r.directory(); at == d.array && at != 0 {
		k, exact := slices.BinarySearch(d.starts, target)
		if !exact {
			k--
		}
		if k >= 0 && target < nodes[d.starts[k]].Next {
			return d.starts[k], k
		}
		return 0, 0
	}
	for child = at + 1; child < nodes[at].Next; child = nodes[child].Next {
		if target < nodes[child].Next {
			return child, ordinal
		}
		ordinal++
	}
	return 0, 0
}

// expression writes the place of a value as FHIRPath from the root of its tree.
func (r *run) expression(v fhir.Value) string {
	var b strings.Builder
	nodes, s := r.tree.Nodes, r.v.schema
	b.WriteString(s.Types[nodes[0].Type].Name)
	for at := uint32(0); at < v.Index(); {
		child, ordinal := r.toward(at, v.Index())
		if child == 0 {
			break
		}
		n := &nodes[child]
		e := &s.Elements[n.Elem]
		switch {
		case nodes[at].Kind == fhir.ArrayNode:
			b.WriteString("[" + strconv.Itoa(ordinal) + "]")
		case n.Elem == 0:
			b.WriteString("." + r.tree.At(child).Key())
		case e.Choice == "":
			b.WriteString("." + e.Name)
		default:
			b.WriteString("." + e.Choice + ".ofType(" + s.Types[e.Type].Name + ")")
		}
		at = child
	}
	return b.String()
}

// An ancestor is one node on the way from the root to another.
type ancestor struct {
	v    fhir.Value
	name string // of the element, "value[x]" for a choice; empty for the root
}

// way returns the objects from the root to v, v the last, arrays left out. The
// place of a primitive's extensions is the primitive.
func (r *run) way(v fhir.Value) []ancestor {
	nodes, s := r.tree.Nodes, r.v.schema
	list := []ancestor{{v: r.tree.At(0)}}
	for at := uint32(0); at < v.Index(); {
		child, _ := r.toward(at, v.Index())
		if child == 0 {
			break
		}
		if nodes[child].Kind != fhir.ArrayNode {
			name := s.Elements[nodes[child].Elem].Name
			if choice := s.Elements[nodes[child].Elem].Choice; choice != "" {
				name = choice + "[x]"
			}
			list = append(list, ancestor{r.tree.At(child), name})
		}
		at = child
	}
	return list
}

// follow finds what the text of a reference leads to, and tells whether it is
// contained, bundled or elsewhere.
// See https://hl7.org/fhir/R4/bundle.html#references.
func (r *run) follow(v fhir.Value, text string) (target fhir.Value, where string) {
	if text == "" || !r.spend() {
		return fhir.Value{}, ""
	}
	if text[0] == '#' {
		return r.contained(v, text[1:]), "contained"
	}
	if d := r.directory(); len(d.byURL) > 0 {
		plain, _, _ := strings.Cut(text, "/_history/")
		at, found := d.byURL[plain]
		if !found && !strings.Contains(plain, ":") {
			at, found = d.byURL[r.base(v)+plain]
		}
		if found {
			return r.tree.At(at), "bundled"
		}
	}
	if r.req.Resolve == nil || r.req.Mode == Structure {
		return fhir.Value{}, "referenced"
	}
	target, err := r.req.Resolve(r.ctx, text)
	if err != nil {
		return fhir.Value{}, "referenced"
	}
	return target, "referenced"
}

// contained finds a contained resource from the resource that a reference is in
// outwards; no id means the resource that contains others.
func (r *run) contained(v fhir.Value, id string) fhir.Value {
	way := r.way(v)
	for k := len(way) - 1; k >= 0; k-- {
		at := way[k]
		if r.v.schema.Types[at.v.Type()].Kind != fhir.ResourceType {
			continue
		}
		if id == "" && at.name != "contained" {
			return at.v
		}
		for c := range at.v.Get("contained").Items {
			if c.Kind() == fhir.ObjectNode && c.Get("id").Text() == id {
				return c
			}
		}
	}
	return fhir.Value{}
}

// base returns what relative references in the entry of a bundle are relative to.
func (r *run) base(v fhir.Value) string {
	d := r.directory()
	entry, _ := r.toward(d.array, v.Index())
	if entry == 0 || d.array == 0 {
		return ""
	}
	url := r.tree.At(entry).Get("fullUrl").Text()
	if t := fhirpath.ReferenceType(url); t != "" {
		return url[:strings.LastIndex(url, t+"/")]
	}
	return ""
}
