package patch

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A payload is the value of an element: of a primitive also its shadow, the object
// with its id and extensions. Either may be missing.
type payload struct {
	value, shadow *value
}

// A slot is an object of a document, whose members can be changed. A primitive
// takes two: its value and, with an underscore before the name, its shadow; so do
// lists of primitives, whose items belong together by their place.
// See https://hl7.org/fhir/R4/json.html#primitive.
type slot struct {
	object *value
}

// fresh returns a value of a JSON text that nobody else changes.
func fresh(text string) *value {
	tree, err := fhir.ScanJSON([]byte(text), fhir.Limits{})
	if err != nil {
		panic("patch: " + err.Error())
	}
	return &value{source: tree.Root()}
}

// get returns a member, or nil.
func (s slot) get(name string) *value {
	s.object.open()
	if i := slices.Index(s.object.names, name); i >= 0 {
		return s.object.items[i]
	}
	return nil
}

// has reports whether an element is there, if only with extensions.
func (s slot) has(name string) bool { return s.get(name) != nil || s.get("_"+name) != nil }

// drop takes a member out.
func (s slot) drop(name string) {
	if i := slices.Index(s.object.names, name); i >= 0 {
		s.object.names = slices.Delete(s.object.names, i, i+1)
		s.object.items = slices.Delete(s.object.items, i, i+1)
	}
}

// place puts a member where one of that name stands, else behind the others.
func (s slot) place(name string, v *value) {
	s.object.open()
	if i := slices.Index(s.object.names, name); i >= 0 {
		s.object.items[i] = v
		return
	}
	s.object.names = append(s.object.names, name)
	s.object.items = append(s.object.items, v)
}

// parts returns what the two members of an element get.
func (p payload) parts(name string) [2]struct {
	member string
	v      *value
} {
	return [2]struct {
		member string
		v      *value
	}{{name, p.value}, {"_" + name, p.shadow}}
}

// set gives an element that does not repeat its value.
func (s slot) set(name string, p payload) {
	for _, part := range p.parts(name) {
		if part.v == nil {
			s.drop(part.member)
		} else {
			s.place(part.member, part.v)
		}
	}
}

// put is set for an element that takes the place of another of the same choice.
func (s slot) put(old, name string, p payload) {
	s.object.open()
	if i := slices.Index(s.object.names, old); i >= 0 && old != name {
		s.object.names[i] = name
	}
	if old != name {
		s.drop("_" + old)
	}
	s.set(name, p)
}

// items returns the items of a list member; none if it is missing.
func (s slot) items(name string) []*value {
	v := s.get(name)
	if v == nil {
		return nil
	}
	v.open()
	return v.items
}

// length returns how many items a list has.
func (s slot) length(name string) int {
	return max(len(s.items(name)), len(s.items("_"+name)))
}

// store gives a list its items. One without any values is left out.
func (s slot) store(name string, items []*value) {
	if !slices.ContainsFunc(items, func(v *value) bool { return v.kind() != fhir.NullNode }) {
		s.drop(name)
		return
	}
	v := s.get(name)
	if v == nil {
		v = fresh("[]")
		v.open()
		s.place(name, v)
	}
	v.items = items
}

// pad returns items with nulls up to a length.
func pad(items []*value, length int) []*value {
	for len(items) < length {
		items = append(items, fresh("null"))
	}
	return items
}

// insert puts an item into a list.
func (s slot) insert(name string, at int, p payload) {
	n := s.length(name)
	for _, part := range p.parts(name) {
		items := s.items(part.member)
		if part.v == nil && len(items) == 0 {
			continue
		}
		s.store(part.member, slices.Insert(pad(items, n), at, orNull(part.v)))
	}
}

// change puts another item in the place of one in a list.
func (s slot) change(name string, at int, p payload) {
	for _, part := range p.parts(name) {
		items := s.items(part.member)
		if part.v == nil && at >= len(items) {
			continue
		}
		items = pad(items, at+1)
		items[at] = orNull(part.v)
		s.store(part.member, items)
	}
}

func orNull(v *value) *value {
	if v == nil {
		return fresh("null")
	}
	return v
}

// erase takes an item out of a list.
func (s slot) erase(name string, at int) {
	for _, member := range []string{name, "_" + name} {
		if items := s.items(member); at < len(items) {
			s.store(member, slices.Delete(items, at, at+1))
		}
	}
}

// move takes an item out of a list and puts it in at another place.
func (s slot) move(name string, from, to int) {
	n := s.length(name)
	for _, member := range []string{name, "_" + name} {
		items := s.items(member)
		if len(items) == 0 {
			continue
		}
		items = pad(items, n)
		moved := items[from]
		items = slices.Delete(items, from, from+1)
		s.store(member, slices.Insert(items, to, moved))
	}
}

// A link is a step from an object to an element in it.
type link struct {
	slot   slot
	owner  fhir.TypeID // type of the object
	name   string      // of the member, without the underscore of a shadow
	index  int         // of the item; -1: the element does not repeat
	shadow bool        // the step leads into the shadow
}

// A chain of links leads from the root to an element.
type chain []link

func (c chain) last() link { return c[len(c)-1] }

// locate returns the links to a place, none for the root.
func (o *change) locate(place fhir.Value) chain {
	var links chain
	v := o.root
	for at := o.doc.Root(); at.Index() != place.Index(); {
		v.open()
		k := 0
		child := at.First()
		for child.Node().Next <= place.Index() {
			child = child.Next(at)
			k++
		}
		if at.Kind() == fhir.ObjectNode {
			name, shadow := strings.CutPrefix(child.Key(), "_")
			links = append(links, link{slot{v}, at.Type(), name, -1, shadow})
		} else {
			links[len(links)-1].index = k
		}
		v, at = v.items[k], child
	}
	return links
}

// children returns the object that holds the children of a place: of a primitive
// its shadow, which is made if there is none.
func (o *change) children(place fhir.Value) slot {
	links := o.locate(place)
	if len(links) == 0 {
		return slot{o.root}
	}
	last := links.last()
	name := last.name
	if o.codec.Primitive(place.Type()) != 0 {
		name = "_" + name
	}
	if last.index < 0 {
		v := last.slot.get(name)
		if v == nil {
			v = fresh("{}")
			last.slot.place(name, v)
		}
		return slot{v}
	}
	items := pad(last.slot.items(name), last.index+1)
	if items[last.index].kind() == fhir.NullNode {
		items[last.index] = fresh("{}")
	}
	last.slot.store(name, items)
	return slot{items[last.index]}
}

// remove takes the element out that the chain leads to. Elements that get empty
// go as well.
func (c chain) remove() {
	c.last().takeOut()
	c.prune()
}

// prune takes out the object that the last link starts from, if it is empty, and
// so on upwards. The root stays.
func (c chain) prune() {
	if len(c) == 1 || len(c.last().slot.object.items) > 0 {
		return
	}
	above := c[:len(c)-1]
	if above.last().shadow {
		above.last().takeShadow()
	} else {
		above.last().takeOut()
	}
	above.prune()
}

// takeOut takes an element out, with its shadow.
func (l link) takeOut() {
	if l.index >= 0 {
		l.slot.erase(l.name, l.index)
		return
	}
	l.slot.drop(l.name)
	l.slot.drop("_" + l.name)
}

// takeShadow takes a shadow out and leaves the value it belongs to, if there is
// one.
func (l link) takeShadow() {
	name := "_" + l.name
	if l.index < 0 {
		l.slot.drop(name)
		return
	}
	if values := l.slot.items(l.name); l.index >= len(values) || values[l.index].kind() == fhir.NullNode {
		l.slot.erase(l.name, l.index)
		return
	}
	items := l.slot.items(name)
	items[l.index] = fresh("null")
	l.slot.store(name, items)
}
