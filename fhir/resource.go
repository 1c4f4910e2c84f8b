package fhir

import (
	"strconv"
	"time"
)

// A Key names a resource, or with no ID a type, or with no Type the system.
type Key struct {
	Type string
	ID   string
}

// String returns Type/ID.
func (k Key) String() string { return k.Type + "/" + k.ID }

// A Resource is one resource: the bytes of its JSON and the tree over them,
// checked against its definitions. It is immutable.
type Resource struct {
	tree *Tree
	typ  string
	id   string
	meta uint32 // node of meta, 0 if there is none
	idAt uint32 // node of id, 0 if there is none

	flaws map[uint32]error // by node; see [Codec.KeepingFlaws]
}

// newResource returns the resource of a checked tree.
func (c *Codec) newResource(t *Tree) *Resource {
	r := &Resource{tree: t, typ: c.Schema.Types[t.Nodes[0].Type].Name}
	root := t.Root()
	for m := range root.Children {
		if m.Node().Flags&Shadow != 0 {
			continue
		}
		switch m.Key() {
		case "id":
			r.idAt, r.id = m.Index(), m.Text()
		case "meta":
			r.meta = m.Index()
		}
	}
	return r
}

// Nested returns the resource that stands at v, a checked place of another
// resource's tree: a bundle entry's or a contained one.
func (c *Codec) Nested(v Value) *Resource { return c.newResource(v.t.Subtree(v.i)) }

// Flaw returns what is wrong with the resource of a Bundle entry that stands at
// v, nil if nothing is. Only a codec that is [Codec.KeepingFlaws] leaves any.
func (r *Resource) Flaw(v Value) error { return r.flaws[v.i] }

// Type returns the resource type: "Patient".
func (r *Resource) Type() string { return r.typ }

// ID returns the logical id, empty if the resource has none.
func (r *Resource) ID() string { return r.id }

// Key returns type and id.
func (r *Resource) Key() Key { return Key{r.typ, r.id} }

// Tree returns the tree. Its Src is the resource's compact JSON.
func (r *Resource) Tree() *Tree { return r.tree }

// Root returns the outermost value of the tree.
func (r *Resource) Root() Value { return r.tree.Root() }

// JSON returns the resource's compact JSON. The bytes belong to the resource.
func (r *Resource) JSON() []byte { return r.tree.Src }

// Meta returns the value of meta, which may not exist.
func (r *Resource) Meta() Value {
	if r.meta == 0 {
		return Value{}
	}
	return r.tree.At(r.meta)
}

// VersionID returns meta.versionId, empty if there is none.
func (r *Resource) VersionID() string { return r.Meta().Get("versionId").Text() }

// A Stampable is a resource's JSON with a gap where versionId and lastUpdated
// go. The rest of meta, and every other member in its place, stays as received.
type Stampable struct {
	head, tail []byte
}

// Stampable returns r's JSON under a logical id, ready for a version to be
// stamped in.
func (r *Resource) Stampable(id string) Stampable {
	edits := r.idEdits(id)
	const mark = "\x00" // never part of checked JSON
	edits = r.metaEdits(edits, mark)
	out := r.tree.Splice(edits)
	for i, c := range out {
		if c == 0 {
			return Stampable{head: out[:i], tail: out[i+1:]}
		}
	}
	panic("fhir: the mark is gone")
}

// idEdits returns the edits that give r the id.
func (r *Resource) idEdits(id string) []Edit {
	if r.idAt != 0 {
		n := &r.tree.Nodes[r.idAt]
		if r.id == id {
			return nil
		}
		return []Edit{{n.Start, n.End, Quote(id)}}
	}
	at := r.tree.At(0).Get("resourceType").Node().End
	return []Edit{{at, at, `,"id":` + Quote(id)}}
}

// metaEdits adds the edits that put mark where versionId and lastUpdated go.
// Members of meta are replaced in place; a missing meta comes after the id.
func (r *Resource) metaEdits(edits []Edit, mark string) []Edit {
	if r.meta == 0 {
		var at uint32
		if r.idAt != 0 {
			at = r.tree.Nodes[r.idAt].End
		} else {
			at = r.tree.At(0).Get("resourceType").Node().End
		}
		return append(edits, Edit{at, at, `,"meta":{` + mark + `}`})
	}
	text := `{` + mark
	for m := range r.tree.At(r.meta).Children {
		switch m.Key() {
		case "versionId", "lastUpdated", "_versionId", "_lastUpdated":
		default:
			text += `,"` + m.Key() + `":` + string(m.Raw())
		}
	}
	n := &r.tree.Nodes[r.meta]
	edit := Edit{n.Start, n.End, text + `}`}
	if len(edits) > 0 && edits[0].Start > edit.Start {
		return []Edit{edit, edits[0]}
	}
	return append(edits, edit)
}

// Stamp returns the JSON to store and to send: with versionId and lastUpdated
// (UTC, microseconds) first in meta.
func (s Stampable) Stamp(version int64, lastUpdated time.Time) []byte {
	out := make([]byte, 0, len(s.head)+len(s.tail)+80)
	out = append(out, s.head...)
	out = append(out, `"versionId":"`...)
	out = strconv.AppendInt(out, version, 10)
	out = append(out, `","lastUpdated":"`...)
	out = AppendInstant(out, lastUpdated)
	out = append(out, '"')
	return append(out, s.tail...)
}
