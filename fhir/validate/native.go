package validate

import "github.com/noafhir/noafhir/fhir"

// A native names an invariant that is checked without FHIRPath where that is
// enough. The expression is part of the name, so that a definition that says
// something else under the same key is evaluated.
type native struct{ key, expression string }

// natives are the invariants that nearly every resource meets; a test holds them
// to what their expressions say.
var natives = map[native]func(v fhir.Value) answer{
	{"dom-2", "contained.contained.empty()"}:                                             withoutContained,
	{"dom-4", "contained.meta.versionId.empty() and contained.meta.lastUpdated.empty()"}: withoutContained,
	{"dom-5", "contained.meta.security.empty()"}:                                         withoutContained,
	{"dom-3", dom3}:                              referredTo,
	{"dom-6", "text.`div`.exists()"}:             withNarrative,
	{"qty-3", "code.empty() or system.exists()"}: codeHasSystem,
	{"txt-1", "htmlChecks()"}:                    checkedByCodec,
	{"txt-2", "htmlChecks()"}:                    checkedByCodec,
	{"per-1", "start.hasValue().not() or end.hasValue().not() or (start <= end)"}:                                                    openPeriod,
	{"ref-1", "reference.startsWith('#').not() or (reference.substring(1).trace('url') in %rootResource.contained.id.trace('ids'))"}: outside,
}

// corrections are invariants that R4 published with a mistake, as they are meant;
// later releases have them so.
var corrections = map[native]string{
	{"que-7", "operator = 'exists' implies (answer is Boolean)"}:                "operator = 'exists' implies (answer is boolean)",
	{"que-12", "enableWhen.count() > 2 implies enableBehavior.exists()"}:        "enableWhen.count() > 1 implies enableBehavior.exists()",
	{"bdl-8", "fullUrl.contains('/_history/').not()"}:                           "fullUrl.exists() implies fullUrl.contains('/_history/').not()",
	{"ras-2", "probability is decimal implies (probability as decimal) <= 100"}: "probability.ofType(decimal).exists() implies probability.ofType(decimal) <= 100",
}

const dom3 = "contained.where((('#'+id in (%resource.descendants().reference | %resource.descendants().as(canonical) | %resource.descendants().as(uri) | %resource.descendants().as(url))) or descendants().where(reference = '#').exists() or descendants().where(as(canonical) = '#').exists() or descendants().where(as(canonical) = '#').exists()).not()).trace('unmatched', id).empty()"

func withoutContained(v fhir.Value) answer {
	if v.Get("contained").Exists() {
		return unsure
	}
	return holds
}

func withNarrative(v fhir.Value) answer {
	if v.Get("text").Get("div").Exists() {
		return holds
	}
	return fails
}

func codeHasSystem(v fhir.Value) answer {
	if !v.Get("code").Exists() && !v.Get("_code").Exists() || v.Get("system").Exists() {
		return holds
	}
	return unsure
}

// checkedByCodec: narrative that is not safe does not come to validation, or is
// told as a flaw of the structure.
func checkedByCodec(fhir.Value) answer { return holds }

func openPeriod(v fhir.Value) answer {
	if !v.Get("start").Exists() || !v.Get("end").Exists() {
		return holds
	}
	return unsure
}

func outside(v fhir.Value) answer {
	// R4's expression forgets that # alone is the resource that contains others.
	if text := v.Get("reference").Text(); text == "" || text[0] != '#' || text == "#" {
		return holds
	}
	return unsure
}

// referredTo decides dom-3: every contained resource is referred to from the
// resource that contains it, or refers to that. It is decided here because the
// expression looks through everything for every contained resource.
func referredTo(v fhir.Value) answer {
	contained := v.Get("contained")
	if !contained.Exists() {
		return holds
	}
	tree := v.Tree()
	local := map[string]bool{}
	backward := func(from, to uint32) (found bool) {
		for i := from; i < to; i++ {
			if n := tree.At(i); n.Kind() == fhir.StringNode && n.Raw()[1] == '#' {
				local[n.Text()] = true
				found = found || n.Text() == "#"
			}
		}
		return found
	}
	backward(v.Index(), v.Node().Next)
	for c := range contained.Items {
		if id := c.Get("id").Text(); id != "" && !local["#"+id] && !backward(c.Index(), c.Node().Next) {
			return fails
		}
	}
	return holds
}
