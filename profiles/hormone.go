package profiles

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/mappings"
)

// Hormones brings results that claim the profile noa-hormone into the form that
// searches and rules read, before they are stored:
//
//   - a unit as laboratories write it becomes UCUM;
//   - the value in the canonical unit of the hormone is added beside the received
//     one, which stays as it is;
//   - what can not be is refused, and what is unusual is tagged for a person
//     (rule R31);
//   - testosterone that was not drawn in the morning is flagged.
//
// Results that are entered in error or cancelled stay as they are.
type Hormones struct {
	Codec *fhir.Codec

	// Zone is where blood is drawn: times are judged by its clocks. Nil: by the
	// offset that the time is written with.
	Zone *time.Location

	// Male reports whether a reference leads to an adult man. Nil: nobody knows.
	// Results of men without a reference range get the interval of last resort,
	// marked as such.
	Male func(ctx context.Context, reference string) bool
}

const (
	ucum        = "http://unitsofmeasure.org"
	loinc       = "http://loinc.org"
	translation = "http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation"
	morningEnds = 11 * time.Hour
)

// Prepare returns the resource to store in place of r, and what there is to tell
// about it. Errors are Unprocessable and name the element.
func (h *Hormones) Prepare(ctx context.Context, r *fhir.Resource) (*fhir.Resource, []fhir.Issue, error) {
	edits, issues, err := h.Normalise(ctx, r)
	if err != nil || len(edits) == 0 {
		return r, issues, err
	}
	changed, err := h.Codec.ParseJSON(r.Tree().Splice(edits))
	return changed, issues, err
}

// Normalise returns the edits of r's JSON, in order, that bring it into form, and
// what there is to tell about it. There are none for what makes no claim to be a
// hormone of the guide, and for what is in form. Errors are Unprocessable.
func (h *Hormones) Normalise(ctx context.Context, r *fhir.Resource) ([]fhir.Edit, []fhir.Issue, error) {
	if !Claims(r, "Observation", "noa-hormone") {
		return nil, nil, nil
	}
	if status := r.Root().Get("status").Text(); status == "entered-in-error" || status == "cancelled" {
		return nil, nil, nil
	}
	hormone, err := hormoneOf(r.Root().Get("code"))
	if hormone == nil || err != nil {
		return nil, nil, err
	}
	n := normalisation{hormone: hormone, root: r.Root(), quantity: r.Root().Get("valueQuantity")}
	if n.quantity.Get("value").Exists() {
		if err := n.value(); err != nil {
			return nil, nil, err
		}
		h.ranges(ctx, &n)
	}
	h.draw(&n)
	slices.SortStableFunc(n.edits, func(a, b fhir.Edit) int { return cmp.Compare(a.Start, b.Start) })
	return n.edits, n.issues, nil
}

// Claims reports whether r is of a type and names a profile of the guide in
// meta.profile, in any version.
func Claims(r *fhir.Resource, typ, profile string) bool {
	if r.Type() != typ {
		return false
	}
	for claim := range r.Meta().Get("profile").Items {
		if url, _, _ := strings.Cut(claim.Text(), "|"); url == URL("StructureDefinition", profile) {
			return true
		}
	}
	return false
}

// hormoneOf returns the hormone that the LOINC codes of a concept name, nil if it
// has none. The error is Unprocessable: LOINC names no hormone of the guide, or
// two that differ.
func hormoneOf(concept fhir.Value) (*mappings.Hormone, error) {
	var found *mappings.Hormone
	unknown := ""
	for c := range concept.Get("coding").Items {
		if c.Get("system").Text() != loinc {
			continue
		}
		hormone, ok := mappings.HormoneOf(c.Get("code").Text())
		switch {
		case !ok:
			unknown = c.Get("code").Text()
		case found != nil && found != hormone:
			return nil, fhir.ErrorAt(fhir.Unprocessable, "Observation.code", "LOINC %s and %s are not the same: the unit would be ambiguous", found.LOINC, hormone.LOINC)
		default:
			found = hormone
		}
	}
	if found == nil && unknown != "" {
		return nil, fhir.ErrorAt(fhir.Unprocessable, "Observation.code", "LOINC %q is no hormone of the profile noa-hormone", unknown)
	}
	return found, nil
}

// A normalisation is the work on one result.
type normalisation struct {
	hormone        *mappings.Hormone
	root, quantity fhir.Value
	unit           string // UCUM
	edits          []fhir.Edit
	issues         []fhir.Issue
}

// value brings unit and value into form.
func (n *normalisation) value() error {
	members, err := n.readUnit()
	if err != nil {
		return err
	}
	value := n.quantity.Get("value").Text()
	res, err := n.hormone.Judge(value, n.unit)
	if err != nil {
		return at(err, "Observation.value.code")
	}
	switch res.Plausibility {
	case mappings.Impossible:
		return fhir.ErrorAt(fhir.Unprocessable, "Observation.value.value", "R31: %s can not have this value in %s: check number and unit", n.hormone.Name, n.unit)
	case mappings.Unusual:
		n.unusual(res.Maybe)
	}
	if res.Value != "" && n.unit != n.hormone.Canonical {
		members += n.translate(res.Value)
	}
	if members != "" {
		start := n.quantity.Node().Start + 1
		n.edits = append(n.edits, fhir.Edit{Start: start, End: start, Text: members})
	}
	return nil
}

// readUnit finds the UCUM unit of the value, and returns the members that the
// quantity lacks.
func (n *normalisation) readUnit() (members string, err error) {
	system, code := n.quantity.Get("system"), n.quantity.Get("code")
	if system.Exists() && system.Text() != ucum {
		return "", fhir.ErrorAt(fhir.Unprocessable, "Observation.value.system", "R31: the unit of a hormone is in UCUM: %s", ucum)
	}
	received, where := code.Text(), "Observation.value.code"
	if !code.Exists() {
		received, where = n.quantity.Get("unit").Text(), "Observation.value.unit"
	}
	if received == "" {
		return "", fhir.ErrorAt(fhir.Unprocessable, "Observation.value", "R31: the unit is missing")
	}
	if n.unit, err = n.hormone.Unit(received); err != nil {
		return "", at(err, where)
	}
	switch {
	case !code.Exists():
		members = `"code":` + fhir.Quote(n.unit) + `,`
	case n.unit != received:
		n.edits = append(n.edits, fhir.Edit{Start: code.Node().Start, End: code.Node().End, Text: fhir.Quote(n.unit)})
	}
	if !system.Exists() {
		members += `"system":"` + ucum + `",`
	}
	if n.unit != received {
		n.issues = append(n.issues, fhir.Issue{Severity: "information", Code: "informational", Text: fmt.Sprintf("the unit %s is read as %s", received, n.unit), Expression: where})
	}
	return members, nil
}

// at says where in the resource an error is.
func at(err error, expression string) error {
	if e, ok := err.(*fhir.Error); ok && e.Expression == "" {
		told := *e
		told.Expression = expression
		return &told
	}
	return err
}

// translate gives the quantity its value in the canonical unit. It returns the
// member that the quantity lacks, if it has no extensions. What stood there in the
// canonical unit is replaced.
func (n *normalisation) translate(value string) (member string) {
	comparator := ""
	if c := n.quantity.Get("comparator"); c.Exists() {
		comparator = `"comparator":` + string(c.Raw()) + `,`
	}
	unit := fhir.Quote(n.hormone.Canonical)
	text := `{"url":"` + translation + `","valueQuantity":{"value":` + value + `,` + comparator + `"unit":` + unit + `,"system":"` + ucum + `","code":` + unit + `}}`
	extensions := n.quantity.Get("extension")
	for e := range extensions.Items {
		if e.Get("url").Text() == translation && e.Get("valueQuantity").Get("code").Text() == n.hormone.Canonical {
			if string(e.Raw()) != text {
				n.edits = append(n.edits, fhir.Edit{Start: e.Node().Start, End: e.Node().End, Text: text})
			}
			return ""
		}
	}
	if extensions.Exists() {
		n.appendTo(extensions, text)
		return ""
	}
	return `"extension":[` + text + `],`
}

// appendTo adds an item to an array.
func (n *normalisation) appendTo(array fhir.Value, item string) {
	end := array.Node().End - 1
	n.edits = append(n.edits, fhir.Edit{Start: end, End: end, Text: "," + item})
}

// insert adds a member to the resource.
func (n *normalisation) insert(member string) {
	end := n.root.Get("resourceType").Node().End
	n.edits = append(n.edits, fhir.Edit{Start: end, End: end, Text: "," + member})
}

// unusual tags a result whose value a person should look at.
func (n *normalisation) unusual(maybe string) {
	text := "R31: the value is unusual"
	if maybe != "" {
		text += ": the unit may be " + maybe
	}
	n.issues = append(n.issues, fhir.Issue{Severity: "warning", Code: "business-rule", Text: text, Expression: "Observation.value"})
	const code = "review-plausibility"
	item := `{"system":"` + Base + `/CodeSystem/noa-observation","code":"` + code + `"}`
	meta := n.root.Get("meta")
	tags := meta.Get("tag")
	for tag := range tags.Items {
		if tag.Get("code").Text() == code {
			return
		}
	}
	if tags.Exists() {
		n.appendTo(tags, item)
	} else {
		start := meta.Node().Start + 1
		n.edits = append(n.edits, fhir.Edit{Start: start, End: start, Text: `"tag":[` + item + `],`})
	}
}

// ranges adds the interval of last resort where the laboratory has sent none.
func (h *Hormones) ranges(ctx context.Context, n *normalisation) {
	if h.Male == nil || n.root.Get("referenceRange").Exists() {
		return
	}
	low, high, ok := n.hormone.IntervalIn(n.unit)
	if !ok || !h.Male(ctx, n.root.Get("subject").Get("reference").Text()) {
		return
	}
	quantity := func(value string) string {
		unit := fhir.Quote(n.unit)
		return `{"value":` + value + `,"unit":` + unit + `,"system":"` + ucum + `","code":` + unit + `}`
	}
	n.insert(`"referenceRange":[{"low":` + quantity(low) + `,"high":` + quantity(high) +
		`,"type":{"coding":[{"system":"` + Base + `/CodeSystem/noa-observation","code":"default-range","display":"Default reference range"}]}}]`)
}

// draw flags what falls in the course of the day and was not drawn in the morning.
func (h *Hormones) draw(n *normalisation) {
	if !n.hormone.Diurnal || !h.late(n.root.Get("effectiveDateTime").Text()) {
		return
	}
	url := URL("StructureDefinition", "noa-draw-flag")
	extensions := n.root.Get("extension")
	for e := range extensions.Items {
		if e.Get("url").Text() == url && e.Get("valueCode").Text() == "not-morning" {
			return
		}
	}
	item := `{"url":"` + url + `","valueCode":"not-morning"}`
	if extensions.Exists() {
		n.appendTo(extensions, item)
	} else {
		n.insert(`"extension":[` + item + `]`)
	}
	n.issues = append(n.issues, fhir.Issue{Severity: "information", Code: "informational", Text: "not drawn in the morning: " + n.hormone.Name + " falls in the course of the day", Expression: "Observation.effective"})
}

// late reports whether a dateTime is after the morning. Without a time of day, it
// is not.
func (h *Hormones) late(text string) bool {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return false
	}
	if h.Zone != nil {
		t = t.In(h.Zone)
	}
	hour, minute, second := t.Clock()
	return time.Duration(hour)*time.Hour+time.Duration(minute)*time.Minute+time.Duration(second)*time.Second+time.Duration(t.Nanosecond()) > morningEnds
}
