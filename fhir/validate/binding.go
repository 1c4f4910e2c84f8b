package validate

import (
	"context"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A binding ties an element to a value set.
type binding struct {
	strength string
	valueSet string
	most     string // the maximum value set, which holds always
}

const (
	maxValueSet = coreBase + "elementdefinition-maxValueSet"
	ucumSystem  = "http://unitsofmeasure.org"
)

func readBinding(b fhir.Value) *binding {
	if !b.Exists() {
		return nil
	}
	out := &binding{strength: keep(b.Get("strength")), valueSet: keep(b.Get("valueSet"))}
	for x := range b.Get("extension").Items {
		if x.Get("url").Text() != maxValueSet {
			continue
		}
		if out.most = keep(x.Get("valueCanonical")); out.most == "" {
			out.most = keep(x.Get("valueUri"))
		}
	}
	if out.valueSet == "" || out.strength == "example" && out.most == "" {
		return nil
	}
	return out
}

// A memberKey is a question to Terms.
type memberKey struct {
	valueSet string
	coding   fhir.Coding
}

// A member is its answer.
type member struct {
	is   Membership
	text string
}

// maxMembers bounds the answers that are remembered.
const maxMembers = 50_000

// member asks whether a coding is in a value set; the answer is remembered.
func (r *run) membership(valueSet string, coding fhir.Coding) member {
	if r.v.terms == nil {
		return member{}
	}
	key := memberKey{valueSet, coding}
	v := r.v
	v.mu.RLock()
	m, ok := v.members[key]
	v.mu.RUnlock()
	if ok {
		return m
	}
	is, text, err := v.terms.ValidateCode(r.ctx, valueSet, coding)
	if err != nil {
		return member{Unknown, clientText(err)}
	}
	m = member{is, text}
	// The keys must not hold on to the resource.
	key.coding = fhir.Coding{System: string([]byte(coding.System)), Code: string([]byte(coding.Code))}
	v.mu.Lock()
	if len(v.members) >= maxMembers {
		v.members = map[memberKey]member{}
	}
	v.members[key] = m
	v.mu.Unlock()
	return m
}

// bound checks a coded value against the value set that its element is bound to.
// See https://hl7.org/fhir/R4/terminologies.html#strength.
func (r *run) bound(value, v fhir.Value, b *binding) {
	if r.v.terms == nil || !value.Exists() {
		return
	}
	switch {
	case value.Kind() == fhir.StringNode:
		r.boundCodings(v, []fhir.Coding{{Code: value.Text()}}, false, b)
	case v.Type() == r.v.types.concept:
		var codings []fhir.Coding
		for c := range value.Get("coding").Items {
			if code := c.Get("code").Text(); code != "" {
				codings = append(codings, fhir.Coding{System: c.Get("system").Text(), Code: code})
			}
		}
		r.boundCodings(v, codings, true, b)
	case v.Type() == r.v.types.coding, r.v.schema.IsA(v.Type(), r.v.types.quantity):
		code := value.Get("code").Text()
		if code == "" && v.Type() != r.v.types.coding {
			return
		}
		var codings []fhir.Coding
		if code != "" {
			codings = append(codings, fhir.Coding{System: value.Get("system").Text(), Code: code})
		}
		r.boundCodings(v, codings, true, b)
	}
}

// boundCodings checks that one of some codings is in the value set of a binding.
func (r *run) boundCodings(v fhir.Value, codings []fhir.Coding, systems bool, b *binding) {
	if b.most != "" && b.strength != "required" && (len(codings) > 0 || b.strength == "extensible") {
		r.inSet(v, codings, systems, b.most, "error")
	}
	switch b.strength {
	case "required":
		r.inSet(v, codings, systems, b.valueSet, "error")
	case "extensible":
		r.inSet(v, codings, systems, b.valueSet, "warning")
	case "preferred":
		r.inSet(v, codings, systems, b.valueSet, "information")
	}
}

func (r *run) inSet(v fhir.Value, codings []fhir.Coding, systems bool, valueSet, severity string) {
	if len(codings) == 0 {
		if severity == "error" {
			r.tell(v, "error", "code-invalid", "a code of the value set %s is required", valueSet)
		}
		return
	}
	unknown := ""
	for _, c := range codings {
		if c.System == "" && systems {
			continue
		}
		switch m := r.membership(valueSet, c); m.is {
		case In:
			return
		case Unknown:
			unknown = c.String()
		}
	}
	if unknown != "" {
		r.tell(v, "information", "code-invalid", "whether the code %s is in the value set %s could not be checked", unknown, valueSet)
		return
	}
	names := ""
	for i, c := range codings {
		if i > 0 {
			names += ", "
		}
		if c.System == "" {
			names += c.Code
			continue
		}
		names += c.String()
	}
	r.tell(v, severity, "code-invalid", "%s is not in the value set %s", clip(names), valueSet)
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// coding checks a code against its own code system.
func (r *run) coding(v fhir.Value) {
	system, code := v.Get("system").Text(), v.Get("code").Text()
	if r.v.terms == nil || system == "" || code == "" || r.quiet > 0 {
		return
	}
	if m := r.membership("", fhir.Coding{System: system, Code: code}); m.is == NotIn {
		text := m.text
		if text == "" {
			text = "the code system has no such code"
		}
		r.tell(v, "error", "code-invalid", "%s|%s: %s", clip(system), clip(code), text)
		return
	}
	r.display(v, fhir.Coding{System: system, Code: code})
}

// display checks that a display is one that its code system has for the code: what
// people read should be what programs read.
func (r *run) display(v fhir.Value, coding fhir.Coding) {
	text := v.Get("display").Text()
	d, ok := r.v.terms.(Displayer)
	if text == "" || !ok {
		return
	}
	known := d.Displays(r.ctx, coding)
	for _, k := range known {
		if sameWords(k, text) {
			return
		}
	}
	if len(known) > 0 {
		r.tellMember(v, "display", "warning", "value", "this is no display of %s; its display is %q", clip(coding.String()), clip(known[0]))
	}
}

// sameWords compares displays without regard to case and white space.
func sameWords(a, b string) bool {
	return strings.EqualFold(a, b) || strings.EqualFold(strings.Join(strings.Fields(a), " "), strings.Join(strings.Fields(b), " "))
}

// A Displayer is Terms that also know how codes are displayed.
type Displayer interface {
	// Displays returns the displays that the code system has for a code, in any
	// language, the preferred one first; none if that is not known.
	Displays(ctx context.Context, coding fhir.Coding) []string
}

// membership answers memberOf() of FHIRPath.
type membership run

// MemberOf implements [fhirpath.Terminology].
func (m *membership) MemberOf(_ context.Context, valueSet string, codings []fhirpath.Coding) (bool, error) {
	unknown := m.v.terms == nil
	for _, c := range codings {
		switch (*run)(m).membership(valueSet, fhir.Coding{System: c.System, Code: c.Code}).is {
		case In:
			return true, nil
		case Unknown:
			unknown = true
		}
	}
	if unknown {
		return false, fhir.Errorf(fhir.Unsupported, "the value set %s can not be checked here", valueSet)
	}
	return false, nil
}

// Subsumes implements [fhirpath.Terminology].
func (m *membership) Subsumes(_ context.Context, a, b fhirpath.Coding) (bool, error) {
	if a.System == b.System && a.Code == b.Code {
		return true, nil
	}
	if s, ok := m.v.terms.(Subsumer); ok {
		return s.Subsumes(m.ctx, fhir.Coding{System: a.System, Code: a.Code}, fhir.Coding{System: b.System, Code: b.Code})
	}
	return false, fhir.Errorf(fhir.Unsupported, "how the codes of %s relate can not be checked here", a.System)
}

// A Subsumer is Terms that also know which codes are above which.
type Subsumer interface {
	// Subsumes reports whether a is b or an ancestor of b.
	Subsumes(ctx context.Context, a, b fhir.Coding) (bool, error)
}
