package validate

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// extension checks an extension by its definition, if that is known: its content,
// whether it may stand here, and whether it is a modifier where those belong.
// See https://hl7.org/fhir/R4/extensibility.html.
func (r *run) extension(v fhir.Value, modifier bool) {
	r.choiceOrNested(v)
	url := v.Get("url").Text()
	if url == "" {
		return
	}
	if !strings.Contains(url, ":") {
		// A part of another extension, which that one's definition knows.
		if !r.insideExtension(v) {
			r.tellMember(v, "url", "error", "value", "the URL of an extension must be absolute")
		}
		return
	}
	if strings.Contains(url, "|") {
		r.tellMember(v, "url", "error", "extension", "the URL of an extension must not have a version")
		return
	}
	if r.req.Mode == Structure {
		return
	}
	p, err := r.v.profile(url)
	switch {
	case fhir.KindOf(err) == fhir.NotFound:
		r.unknownExtension(v, url, modifier)
		return
	case err != nil:
		r.tell(v, "warning", "not-supported", "the definition of the extension %s can not be used: %s", url, clientText(err))
		return
	case !p.extension:
		r.tell(v, "error", "extension", "%s is not the definition of an extension", url)
		return
	}
	if p.modifier != modifier {
		if modifier {
			r.tell(v, "error", "extension", "%s is no modifier extension: it belongs into extension", url)
		} else {
			r.tell(v, "error", "extension", "%s is a modifier extension: it belongs into modifierExtension", url)
		}
	}
	r.context(v, p)
	r.conform(v, fhir.Value{}, p)
}

// choiceOrNested holds ext-1.
func (r *run) choiceOrNested(v fhir.Value) {
	value := false
	for m := range v.Children {
		if id := m.Elem(); id != 0 && r.v.schema.Elements[id].Choice == "value" {
			value = true
		}
	}
	if value == v.Get("extension").Exists() {
		r.tell(v, "error", "invariant", "ext-1: an extension must have either a value or extensions, not both")
	}
}

func (r *run) unknownExtension(v fhir.Value, url string, modifier bool) {
	if modifier {
		r.tell(v, "error", "extension", "the modifier extension %s is not known here, so what it changes is not understood", url)
		return
	}
	severity := r.v.unknownExtension
	if r.req.UnknownExtensions != "" {
		severity = r.req.UnknownExtensions
	}
	if severity != "" && !r.insideExtension(v) {
		r.tell(v, severity, "extension", "the extension %s is not known here, so it was not checked", url)
	}
}

// widerContexts are places where R4 itself uses extensions that it defined for
// others.
var widerContexts = map[string]string{
	coreBase + "structuredefinition-fhir-type":         "ElementDefinition.type",
	coreBase + "regex":                                 "ElementDefinition.type",
	coreBase + "structuredefinition-normative-version": "Element",
}

func (r *run) insideExtension(v fhir.Value) bool {
	way := r.way(v)
	return len(way) > 1 && way[len(way)-2].v.Type() == r.v.types.extension && way[len(way)-1].name != "value[x]"
}

// context checks that an extension stands where its definition allows it.
// See https://hl7.org/fhir/R4/defining-extensions.html#context.
func (r *run) context(v fhir.Value, p *profile) {
	way := r.way(v)
	if len(way) < 2 {
		return
	}
	holder := way[:len(way)-1]
	place := holder[len(holder)-1].v
	wider := widerContexts[p.url]
	if len(p.contexts) > 0 && (wider == "" || !r.isElement(holder, wider)) && !slices.ContainsFunc(p.contexts, func(c extensionContext) bool { return r.within(holder, c) }) {
		var allowed []string
		for _, c := range p.contexts {
			allowed = append(allowed, c.expression)
		}
		r.tell(v, "error", "extension", "the extension %s is not allowed here, only at %s", p.url, either(allowed))
	}
	for _, expression := range p.invariants {
		program, err := fhirpath.Compile(r.v.schema, expression)
		if err != nil {
			continue
		}
		found, err := r.evaluate(program, fhirpath.Node(place))
		if err != nil || len(found) != 1 {
			continue
		}
		if met, ok := found[0].Bool(); ok && !met {
			r.tell(v, "error", "extension", "the extension %s is allowed only where %s", p.url, expression)
		}
	}
}

// within reports whether the last of some ancestors is a context.
func (r *run) within(way []ancestor, c extensionContext) bool {
	last := way[len(way)-1].v
	switch c.kind {
	case "extension":
		return last.Type() == r.v.types.extension && last.Get("url").Text() == c.expression
	case "fhirpath":
		program, err := fhirpath.Compile(r.v.schema, c.expression)
		if err != nil {
			return true
		}
		root := last
		for _, a := range way {
			if r.v.schema.Types[a.v.Type()].Kind == fhir.ResourceType {
				root = a.v
			}
		}
		found, err := r.evaluate(program, fhirpath.Node(root))
		if err != nil {
			return true
		}
		return slices.ContainsFunc(found, func(i fhirpath.Item) bool { return i.Value() == last })
	}
	if strings.ContainsAny(c.expression, "#:") {
		return true // an element of another profile, which is not in sight here
	}
	return r.isElement(way, c.expression)
}

// isElement reports whether the last of some ancestors is what an element id
// names: a type, or a path from a type, be it that of the resource or of a part.
// Element stands for everything that can be extended.
func (r *run) isElement(way []ancestor, id string) bool {
	if id == "Element" || id == "*" {
		return true
	}
	s := r.v.schema
	rest, loose := "", ""
	for k := len(way) - 1; k >= 0; k-- {
		for t := way[k].v.Type(); t != 0; t = s.Types[t].Base {
			if name := s.Types[t].Name; id == name+rest || id == name+loose {
				return true
			}
		}
		rest = "." + way[k].name + rest
		loose = "." + strings.TrimSuffix(way[k].name, "[x]") + loose
	}
	return false
}
