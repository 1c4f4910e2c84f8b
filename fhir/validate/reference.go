package validate

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// links checks what an element says about the profiles of its values and about
// what its references lead to.
func (r *run) links(value, shadow, v fhir.Value, el *element) {
	t := v.Type()
	name := r.v.schema.Types[t].Name
	resource := r.v.schema.Types[t].Kind == fhir.ResourceType
	for _, rule := range el.types {
		if rule.code != name && !(resource && rule.code == "Resource") {
			continue
		}
		if len(rule.profiles) > 0 && r.req.Mode == Full {
			r.profiled(value, shadow, v, rule.profiles)
		}
		if t == r.v.types.reference && v.Kind() == fhir.ObjectNode {
			r.reference(v, rule)
		}
		return
	}
}

// profiled checks that a value conforms to one of some profiles.
func (r *run) profiled(value, shadow, v fhir.Value, urls []string) {
	if v.Type() == r.v.types.extension {
		// Every extension is checked by its own definition already.
		if url := v.Get("url").Text(); !slices.ContainsFunc(urls, func(u string) bool { u, _ = cutVersion(u); return u == url }) {
			r.tell(v, "error", "extension", "the extension must be %s", either(urls))
		}
		return
	}
	var known []*profile
	for _, url := range urls {
		p, err := r.v.profile(url)
		if err != nil {
			r.tell(v, "warning", "not-found", "the profile %s is not known here, so it was not checked", url)
			return
		}
		if p.core && r.fits(v, p) {
			return
		}
		known = append(known, p)
	}
	if len(known) == 1 {
		if !r.fits(v, known[0]) {
			r.tell(v, "error", "structure", "%s is not allowed here; it must conform to %s", r.v.schema.Types[v.Type()].Name, urls[0])
			return
		}
		r.conform(value, shadow, known[0])
		return
	}
	for _, p := range known {
		if r.fits(v, p) && r.try(func() { r.conform(value, shadow, p) }) {
			return
		}
	}
	r.tell(v, "error", "structure", "the value conforms to none of %s", either(urls))
}

// reference checks one Reference.
// See https://hl7.org/fhir/R4/references.html.
func (r *run) reference(v fhir.Value, rule typeRule) {
	text := v.Get("reference").Text()
	target, where := r.follow(v, text)
	if text != "" && !target.Exists() {
		switch {
		case text[0] == '#':
			r.tellMember(v, "reference", "error", "not-found", "there is no contained resource with the id of this reference")
			return
		case strings.HasPrefix(text, "urn:") && r.tree.Nodes[0].Type == r.v.types.bundle:
			severity := "warning"
			switch r.tree.At(0).Get("type").Text() {
			case "document", "message", "transaction":
				severity = "error"
			}
			r.tellMember(v, "reference", severity, "not-found", "no entry of the bundle has the full URL of this reference")
		}
	}
	r.aggregated(v, rule, text, where)
	var typ fhir.TypeID
	switch {
	case target.Exists():
		typ = target.Type()
	case text != "":
		typ = r.v.schema.ResourceByName(fhirpath.ReferenceType(text))
	}
	said := v.Get("type").Text()
	if named := r.v.schema.ResourceByName(said); named != 0 {
		if typ != 0 && typ != named {
			r.tellMember(v, "type", "error", "value", "the type says %s, but the reference leads to %s", said, r.v.schema.Types[typ].Name)
			return
		}
		typ = named
	}
	if typ != 0 && len(rule.targets) > 0 {
		r.targeted(v, target, typ, rule.targets)
	}
}

// aggregated checks how a reference is made.
func (r *run) aggregated(v fhir.Value, rule typeRule, text, where string) {
	if len(rule.aggregation) == 0 || text == "" || slices.Contains(rule.aggregation, where) {
		return
	}
	if where == "bundled" && slices.Contains(rule.aggregation, "referenced") {
		return
	}
	r.tellMember(v, "reference", "error", "structure", "the target of this reference must be %s, but it is %s", either(rule.aggregation), where)
}

// targeted checks that what a reference leads to has one of the allowed types and
// conforms to one of the allowed profiles. What was not found is judged by its
// type.
func (r *run) targeted(v, target fhir.Value, typ fhir.TypeID, urls []string) {
	s := r.v.schema
	rightType, unknown := false, false
	for _, url := range urls {
		var p *profile
		t := fhir.TypeID(0)
		if name, ok := strings.CutPrefix(url, coreBase); ok {
			t = s.TypeByName(name)
		}
		if t == 0 {
			var err error
			if p, err = r.v.profile(url); err != nil {
				unknown = true
				continue
			}
			t = p.typ
		}
		if !s.IsA(typ, t) {
			continue
		}
		if p == nil || p.core || !target.Exists() || r.req.Mode == Structure || r.elsewhere(target, func(o *run) { o.conform(target, fhir.Value{}, p) }) {
			return
		}
		rightType = true
	}
	switch {
	case unknown:
	case rightType:
		r.tell(v, "error", "structure", "what the reference leads to conforms to none of the allowed profiles: %s", either(urls))
	default:
		names := make([]string, len(urls))
		for i, url := range urls {
			names[i] = strings.TrimPrefix(url, coreBase)
		}
		r.tell(v, "error", "structure", "the reference leads to %s; allowed is %s", s.Types[typ].Name, either(names))
	}
}
