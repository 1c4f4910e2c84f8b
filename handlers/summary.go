package handlers

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A summaryMode is a value of _summary.
// See https://hl7.org/fhir/R4/search.html#summary.
type summaryMode uint8

const (
	summaryNone  summaryMode = iota // absent, or false: everything
	summaryTrue                     // the elements marked as summary
	summaryText                     // the narrative, id, meta and mandatory elements
	summaryData                     // everything but the narrative
	summaryCount                    // no resources at all, only how many; searches only
)

// A view is the part of a resource that a client asked to see. The zero value is
// the whole of it.
type view struct {
	mode     summaryMode
	elements []string // from _elements: "status" or "Observation.status"
}

// whole reports whether resources go out as they are stored.
func (v view) whole() bool { return v.mode == summaryNone && v.elements == nil }

// parseView reads _summary and _elements among the parameters of a request for
// resources of a type, or of any type if typ is empty. Unknown values, elements
// that no such type has and the two parameters together are Invalid. Whether
// _summary=count makes sense is for the caller to say.
func (s *Server) parseView(typ string, query [][2]string) (view, error) {
	var v view
	given := ""
	for _, p := range query {
		switch p[0] {
		case "_summary":
			if given != "" {
				return view{}, fhir.Errorf(fhir.Invalid, "_summary may be given once")
			}
			mode, ok := summaryModes[p[1]]
			if !ok {
				return view{}, fhir.Errorf(fhir.Invalid, "_summary=%s: expected true, text, data, count or false", clip(p[1]))
			}
			v.mode, given = mode, p[1]
		case "_elements":
			for name := range strings.SplitSeq(p[1], ",") {
				if err := knownElement(s.codec.Schema, typ, name); err != nil {
					return view{}, err
				}
				v.elements = append(v.elements, strings.TrimSuffix(name, "[x]"))
			}
		}
	}
	if v.mode != summaryNone && v.elements != nil {
		return view{}, fhir.Errorf(fhir.Invalid, "_summary=%s and _elements exclude each other", given)
	}
	return v, nil
}

var summaryModes = map[string]summaryMode{
	"true":  summaryTrue,
	"text":  summaryText,
	"data":  summaryData,
	"count": summaryCount,
	"false": summaryNone,
}

// knownElement refuses a name in _elements that the resource type, or with no
// type every one, lacks.
func knownElement(schema *fhir.Schema, typ, name string) error {
	element := strings.TrimSuffix(name, "[x]")
	of, rest, qualified := strings.Cut(element, ".")
	if qualified {
		if schema.ResourceByName(of) == 0 {
			return fhir.Errorf(fhir.Invalid, "_elements=%s: name elements at the top of a resource, as status or Observation.status", clip(name))
		}
		if typ == "" || typ == of {
			typ, element = of, rest
		} else {
			// Elements of included resources may be asked for beside those of the
			// matches.
			return knownElement(schema, of, rest)
		}
	}
	for t := range schema.Types {
		d := &schema.Types[t]
		if d.Kind != fhir.ResourceType || typ != "" && d.Name != typ {
			continue
		}
		for _, e := range schema.ElementsOf(fhir.TypeID(t)) {
			if e.Name == element || e.Choice != "" && e.Choice == element {
				return nil
			}
		}
	}
	if typ == "" {
		return fhir.Errorf(fhir.Invalid, "_elements: no resource type has an element %q", clip(name))
	}
	return fhir.Errorf(fhir.Invalid, "_elements: %s has no element %q", typ, clip(name))
}

// subset returns the part v of a stored resource, as compact JSON that is marked
// with the tag SUBSETTED; the whole is the body itself. Elements that are mandatory or change the meaning of
// others stay in any case, so the result has the structure of its type. The
// error is Internal: what was stored can be read.
// See https://hl7.org/fhir/R4/search.html#elements.
func (s *Server) subset(v view, body []byte) ([]byte, error) {
	if v.whole() {
		return body, nil
	}
	r, err := s.codec.ParseJSON(body)
	if err != nil {
		return nil, fhir.Because(fhir.Internal, err, "a stored resource can not be read")
	}
	c := cutter{schema: s.codec.Schema, out: make([]byte, 0, len(body)+len(subsetted)+24)}
	c.resource(r, func(e *fhir.ElementDef) bool { return v.keeps(r.Type(), e) }, v.mode == summaryTrue)
	return c.out, nil
}

// keeps reports whether an element at the top of a resource is part of v.
func (v view) keeps(typ string, e *fhir.ElementDef) bool {
	if e.Name == "id" || e.Name == "meta" || e.Flags&fhir.Required != 0 {
		return true
	}
	switch v.mode {
	case summaryTrue:
		return e.Flags&(fhir.InSummary|fhir.IsModifier) != 0
	case summaryText:
		return e.Name == "text"
	case summaryData:
		return e.Name != "text"
	}
	return e.Flags&fhir.IsModifier != 0 || slices.ContainsFunc(v.elements, func(asked string) bool {
		if of, rest, qualified := strings.Cut(asked, "."); qualified {
			if of != typ {
				return false
			}
			asked = rest
		}
		return e.Name == asked || e.Choice != "" && e.Choice == asked
	})
}

// ofIncluded returns the view of resources of a type that are included beside those
// asked for. Elements without a type are of those asked for alone.
func (v view) ofIncluded(typ string) view {
	if v.elements != nil && !slices.ContainsFunc(v.elements, func(asked string) bool { return strings.HasPrefix(asked, typ+".") }) {
		return view{}
	}
	return v
}

// subsetted is the tag that says a resource is not all there.
const subsetted = `{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED","display":"subsetted"}`

// A cutter writes parts of trees.
type cutter struct {
	schema *fhir.Schema
	out    []byte
}

// resource writes the elements of r that keep names, and what of their content
// is summary if deep is set. The tag goes in after resourceType and id, where a
// meta belongs, or into the meta there is.
func (c *cutter) resource(r *fhir.Resource, keep func(*fhir.ElementDef) bool, deep bool) {
	c.out = append(c.out, '{')
	for m := range r.Root().Children {
		switch {
		case m.Elem() == 0: // resourceType
			c.member(m)
			c.out = append(c.out, m.Raw()...)
			if !r.Meta().Exists() {
				c.out = append(c.out, `,"meta":{"tag":[`+subsetted+`]}`...)
			}
		case !keep(&c.schema.Elements[m.Elem()]):
		case m.Index() == r.Meta().Index():
			c.member(m)
			c.meta(m)
		default:
			c.member(m)
			c.value(m, deep)
		}
	}
	c.out = append(c.out, '}')
}

// member writes the name of a member, and a comma before it where one is due.
func (c *cutter) member(m fhir.Value) {
	if c.out[len(c.out)-1] != '{' {
		c.out = append(c.out, ',')
	}
	c.out = append(c.out, '"')
	c.out = append(c.out, m.Key()...)
	c.out = append(c.out, '"', ':')
}

// meta writes meta with the tag added to the others.
func (c *cutter) meta(meta fhir.Value) {
	c.out = append(c.out, '{')
	for m := range meta.Children {
		if m.Key() != "tag" {
			c.member(m)
			c.out = append(c.out, m.Raw()...)
		}
	}
	if c.out[len(c.out)-1] != '{' {
		c.out = append(c.out, ',')
	}
	c.out = append(c.out, `"tag":[`...)
	for tag := range meta.Get("tag").Children {
		if tag.Get("code").Text() != "SUBSETTED" {
			c.out = append(c.out, tag.Raw()...)
			c.out = append(c.out, ',')
		}
	}
	c.out = append(c.out, subsetted+"]}"...)
}

// value writes one value: all of it, or with deep what is summary.
func (c *cutter) value(v fhir.Value, deep bool) {
	switch {
	case deep && v.Kind() == fhir.ArrayNode:
		c.out = append(c.out, '[')
		for item := range v.Children {
			if c.out[len(c.out)-1] != '[' {
				c.out = append(c.out, ',')
			}
			c.value(item, deep)
		}
		c.out = append(c.out, ']')
	case deep && v.Kind() == fhir.ObjectNode && v.Node().Flags&fhir.Shadow == 0 && c.divisible(v.Type()):
		c.object(v)
	default:
		c.out = append(c.out, v.Raw()...)
	}
}

// divisible reports whether values of a type have parts to leave out. Resources
// inside resources and extensions are whole or not there at all.
func (c *cutter) divisible(t fhir.TypeID) bool {
	d := &c.schema.Types[t]
	return d.Kind == fhir.BackboneType || d.Kind == fhir.ComplexType && d.Name != "Extension"
}

// object writes what is summary of an object. Extensions below the top stay:
// some say why a value is absent. An object of which nothing would remain stays
// as it is, for JSON in FHIR has no empty objects.
func (c *cutter) object(v fhir.Value) {
	start := len(c.out)
	c.out = append(c.out, '{')
	for m := range v.Children {
		e := &c.schema.Elements[m.Elem()]
		if e.Flags&(fhir.InSummary|fhir.IsModifier|fhir.Required) == 0 && e.Name != "id" && e.Name != "extension" {
			continue
		}
		c.member(m)
		c.value(m, true)
	}
	if len(c.out) == start+1 {
		c.out = append(c.out[:start], v.Raw()...)
		return
	}
	c.out = append(c.out, '}')
}
