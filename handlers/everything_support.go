package handlers

import (
	"maps"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// supporting are the types of resource that belong to nobody's compartment and are
// needed to understand what does.
var supporting = []string{
	"Binary", "Device", "DeviceDefinition", "Endpoint", "HealthcareService", "Location", "Medication", "MedicationKnowledge",
	"Organization", "Practitioner", "PractitionerRole", "Substance",
}

// supportDepth is how far references are followed from what is in a compartment: to a
// role, its organization, and that of which it is a part.
const supportDepth = 3

// A supportWalk collects what supports a subject's compartment.
type supportWalk struct {
	*everything
	subject *subject
	within  map[fhir.Key]bool // what is in the compartment
	found   map[fhir.Key]bool
	next    []fhir.Key // found, but not yet looked at for what they refer to
}

// support returns what resources in the compartment of a subject refer to, and what
// that refers to, as far as it is of types that support; the devices of a patient; and
// all that an encounter itself refers to, such as its patient. It may name what is not
// there.
func (e *everything) support(s *subject) ([]fhir.Key, error) {
	w := &supportWalk{everything: e, subject: s, within: map[fhir.Key]bool{}, found: map[fhir.Key]bool{}}
	if !slices.ContainsFunc(supporting, w.shown) && e.kind != "Encounter" {
		return nil, nil
	}
	if err := w.walk(e.inCompartment(s, nil), w.refer); err != nil {
		return nil, err
	}
	if e.kind == "Patient" && w.shown("Device") {
		if err := w.devices(); err != nil {
			return nil, err
		}
	}
	for depth := range supportDepth {
		if err := w.deeper(depth < supportDepth-1); err != nil {
			return nil, err
		}
	}
	maps.DeleteFunc(w.found, func(key fhir.Key, _ bool) bool { return w.within[key] || !w.shown(key.Type) })
	compare := func(a, b fhir.Key) int { return strings.Compare(a.String(), b.String()) }
	return slices.SortedFunc(maps.Keys(w.found), compare), nil
}

// shown reports whether resources of a type were asked for.
func (e *everything) shown(typ string) bool { return e.types == nil || slices.Contains(e.types, typ) }

// walk calls see for each match of a search.
func (w *supportWalk) walk(q *search.Query, see func(r *fhir.Resource)) error {
	q.Count = w.server.options.Limits.MaxCount
	for {
		page, err := w.reader.Search(w.ctx, w.who, q)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			r, err := v.Parse(w.server.codec)
			if err != nil {
				return err
			}
			see(r)
		}
		if page.Next == nil {
			return nil
		}
		q.After = page.Next
	}
}

// refer takes what a resource of the compartment refers to.
func (w *supportWalk) refer(r *fhir.Resource) {
	w.within[r.Key()] = true
	itself := w.kind == "Encounter" && r.Key() == fhir.Key{Type: w.kind, ID: w.subject.id}
	w.references(r, itself)
}

// references takes what a resource refers to, of any type or of those that support.
func (w *supportWalk) references(r *fhir.Resource, any bool) {
	_ = w.server.links.visit(r.Root(), func(v fhir.Value, form linkForm) error {
		if form != referenceLink && form != urlLink {
			return nil
		}
		key, ok := w.server.localKey(v.Text())
		if ok && !w.found[key] && (any || slices.Contains(supporting, key.Type)) {
			w.found[key] = true
			w.next = append(w.next, key)
		}
		return nil
	})
}

// localKey returns the resource of this server that a reference names.
func (s *Server) localKey(reference string) (fhir.Key, bool) {
	path := splitLink(strings.TrimPrefix(reference, s.base+"/")).path
	typ, id, _ := strings.Cut(path, "/")
	return fhir.Key{Type: typ, ID: id}, fhir.ValidID(id) && s.codec.Schema.ResourceByName(typ) != 0
}

// devices takes the devices that are the patient's, whether anything refers to them
// or not.
func (w *supportWalk) devices() error {
	p, _ := w.server.registry().Lookup("Device", "patient")
	own := w.server.registry().Referring(p, []fhir.Key{{Type: "Patient", ID: w.subject.id}})
	return w.walk(&search.Query{Type: "Device", Where: []search.Clause{own}}, func(r *fhir.Resource) {
		if !w.found[r.Key()] {
			w.found[r.Key()] = true
			w.next = append(w.next, r.Key())
		}
	})
}

// deeper leaves out the devices of others from what was found last, and follows what
// the rest refers to.
func (w *supportWalk) deeper(follow bool) error {
	from := w.next
	w.next = nil
	for _, key := range from {
		if key.Type == "Binary" || !slices.Contains(supporting, key.Type) || !follow && key.Type != "Device" {
			continue
		}
		v, err := w.readKey(key)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		r, err := v.Parse(w.server.codec)
		if err != nil {
			return err
		}
		if key.Type == "Device" && w.foreign(r) {
			delete(w.found, key)
			continue
		}
		if follow {
			w.references(r, false)
		}
	}
	return nil
}

// foreign reports whether a device belongs to a patient who is not concerned.
func (w *supportWalk) foreign(device *fhir.Resource) bool {
	p, _ := w.server.registry().Lookup("Device", "patient")
	for _, key := range p.References(device) {
		if key.Type == "Patient" && !w.concerns(key) {
			return true
		}
	}
	return false
}

// concerns reports whether a patient is a subject, or that of the encounter.
func (w *supportWalk) concerns(patient fhir.Key) bool {
	if w.kind == "Encounter" {
		return w.found[patient]
	}
	if w.ids == nil {
		return true
	}
	_, found := slices.BinarySearch(w.ids, patient.ID)
	return found
}

// readKey reads what a reference leads to, nil if that is nothing the caller may see.
func (e *everything) readKey(key fhir.Key) (*store.Version, error) {
	v, err := e.reader.Read(e.ctx, e.who, key)
	if kind := fhir.KindOf(err); err != nil && (kind == fhir.NotFound || kind == fhir.Gone) {
		return nil, nil
	}
	return v, err
}
