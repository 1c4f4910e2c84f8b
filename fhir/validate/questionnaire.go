package validate

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// response checks a QuestionnaireResponse against its Questionnaire.
// See https://hl7.org/fhir/R4/questionnaireresponse.html#notes.
func (r *run) response(v fhir.Value) {
	url := v.Get("questionnaire").Text()
	if url == "" {
		return
	}
	q, ok := r.questionnaire(v, url)
	if !ok {
		return
	}
	a := answers{run: r, root: v, questionnaire: q, known: map[string]bool{}}
	switch v.Get("status").Text() {
	case "completed", "amended":
		a.complete = true
	}
	a.collect(q)
	a.items(v, q.Get("item"), v.Get("item"))
}

// questionnaire finds what a response answers.
func (r *run) questionnaire(v fhir.Value, url string) (fhir.Value, bool) {
	at := func() fhir.Value { return v.Get("questionnaire") }
	if id, ok := strings.CutPrefix(url, "#"); ok {
		for c := range v.Get("contained").Items {
			if c.Get("id").Text() == id && c.Type() == r.v.schema.TypeByName("Questionnaire") {
				return c, true
			}
		}
		r.tell(at(), "error", "not-found", "there is no contained Questionnaire with this id")
		return fhir.Value{}, false
	}
	base, version := cutVersion(url)
	found, err := r.v.source.Canonical("Questionnaire", base)
	if err == nil {
		for _, q := range found {
			if version == "" || q.Root().Get("version").Text() == version {
				return q.Root(), true
			}
		}
	}
	if r.req.Resolve != nil {
		if target, err := r.req.Resolve(r.ctx, url); err == nil && target.Exists() {
			if r.v.schema.Types[target.Type()].Name == "Questionnaire" {
				return target, true
			}
			r.tell(at(), "error", "value", "this leads to a %s, not to a Questionnaire", r.v.schema.Types[target.Type()].Name)
			return fhir.Value{}, false
		}
	}
	for _, typ := range []string{"ValueSet", "StructureDefinition", "CodeSystem"} {
		if others, err := r.v.source.Canonical(typ, base); err == nil && len(others) > 0 {
			r.tell(at(), "error", "value", "this is the URL of a %s, not of a Questionnaire", typ)
			return fhir.Value{}, false
		}
	}
	r.tell(at(), "warning", "not-found", "the questionnaire is not known here, so the answers were not checked against it")
	return fhir.Value{}, false
}

// answers checks one response.
type answers struct {
	*run
	root, questionnaire fhir.Value
	known               map[string]bool // linkIds
	complete            bool
}

// collect notes the linkIds of a questionnaire.
func (a *answers) collect(q fhir.Value) {
	for i := range q.Get("item").Items {
		if !a.spend() {
			return
		}
		a.known[i.Get("linkId").Text()] = true
		a.collect(i)
	}
}

// items checks the items of one level, in owner.
func (a *answers) items(owner, questions, given fhir.Value) {
	byID := map[string][]fhir.Value{}
	order := map[string]int{}
	for q := range questions.Items {
		order[q.Get("linkId").Text()] = len(order)
	}
	latest := 0
	for i := range given.Items {
		if !a.spend() {
			return
		}
		id := i.Get("linkId").Text()
		place, here := order[id]
		switch {
		case here && place < latest:
			a.tell(i, "error", "structure", "the item %s is not in the order of the questionnaire", clip(id))
		case here:
			latest = place
		case a.known[id]:
			a.tell(i, "error", "structure", "the item %s belongs elsewhere in the questionnaire", clip(id))
		case id != "":
			a.tell(i, "error", "not-found", "the questionnaire has no item %s", clip(id))
		}
		if here {
			byID[id] = append(byID[id], i)
		}
	}
	for q := range questions.Items {
		a.question(owner, q, byID[q.Get("linkId").Text()])
	}
}

// question checks what a response has for one item of the questionnaire.
func (a *answers) question(owner, q fhir.Value, given []fhir.Value) {
	if !a.spend() {
		return
	}
	id, typ := q.Get("linkId").Text(), q.Get("type").Text()
	enabled := a.enabled(owner, q)
	if len(given) == 0 {
		if enabled && a.complete && q.Get("required").Text() == "true" && typ != "display" {
			a.tellMember(owner, "item", "error", "required", "the item %s must be answered", clip(id))
		}
		return
	}
	if !enabled && typ != "display" {
		a.tell(given[0], "error", "business-rule", "the item %s is answered, but it is not enabled", clip(id))
	}
	if len(given) > 1 && (typ != "group" || q.Get("repeats").Text() != "true") {
		a.tell(given[1], "error", "structure", "the item %s may occur only once here", clip(id))
	}
	for _, i := range given {
		a.item(q, i, id, typ, enabled)
	}
}

// item checks one item of a response.
func (a *answers) item(q, i fhir.Value, id, typ string, enabled bool) {
	if text, want := i.Get("text").Text(), q.Get("text").Text(); text != "" && want != "" && text != want {
		a.tellMember(i, "text", "warning", "value", "the text is not that of the questionnaire")
	}
	given := i.Get("answer")
	switch typ {
	case "group", "display":
		if given.Exists() {
			a.tellMember(i, "answer", "error", "structure", "a %s has no answer", typ)
		}
		if typ == "display" && i.Get("item").Exists() {
			a.tellMember(i, "item", "error", "structure", "a display has no items")
			return
		}
		a.items(i, q.Get("item"), i.Get("item"))
		return
	}
	if i.Get("item").Exists() {
		a.tellMember(i, "item", "error", "structure", "items below a question stand in its answer")
	}
	n := 0
	for x := range given.Items {
		n++
		a.answer(q, x, typ)
		a.items(x, q.Get("item"), x.Get("item"))
	}
	switch {
	case n == 0 && enabled && a.complete && q.Get("required").Text() == "true":
		a.tellMember(i, "answer", "error", "required", "the item %s must be answered", clip(id))
	case n > 1 && q.Get("repeats").Text() != "true":
		a.tellMember(i, "answer", "error", "structure", "the item %s takes one answer, found %d", clip(id), n)
	}
}

// answerTypes are the types of answers by the type of the question.
// See https://hl7.org/fhir/R4/valueset-item-type.html.
var answerTypes = map[string][]string{
	"boolean": {"boolean"}, "decimal": {"decimal"}, "integer": {"integer"}, "date": {"date"}, "dateTime": {"dateTime"}, "time": {"time"},
	"string": {"string"}, "text": {"string"}, "url": {"uri"}, "choice": {"Coding", "string", "integer", "date", "time", "Reference"},
	"open-choice": {"Coding", "string", "integer", "date", "time", "Reference"}, "attachment": {"Attachment"}, "reference": {"Reference"}, "quantity": {"Quantity"},
}

// chosen returns the value[x], or answer[x], of an object.
func (a *answers) chosen(v fhir.Value, choice string) fhir.Value {
	for m := range v.Children {
		if id := m.Elem(); id != 0 && m.Node().Flags&fhir.Shadow == 0 && a.v.schema.Elements[id].Choice == choice {
			return m
		}
	}
	return fhir.Value{}
}

// answer checks one answer to a question of a type.
func (a *answers) answer(q, x fhir.Value, typ string) {
	value := a.chosen(x, "value")
	if !value.Exists() {
		return
	}
	name := a.v.schema.Types[value.Type()].Name
	allowed := answerTypes[typ]
	fits := len(allowed) == 0
	for _, t := range allowed {
		fits = fits || t == name
	}
	if !fits {
		a.tell(value, "error", "structure", "the answer is a %s; the question takes %s", name, either(allowed))
		return
	}
	if most, ok := compareLength(value, q.Get("maxLength")); !ok {
		a.tell(value, "error", "too-long", "the answer may have at most %s characters", most)
	}
	if typ == "open-choice" && name == "string" {
		return
	}
	if options := q.Get("answerOption"); options.Exists() {
		for o := range options.Items {
			if sameAnswer(a.chosen(o, "value"), value) {
				return
			}
		}
		a.tell(value, "error", "code-invalid", "the answer is none of the options of the questionnaire")
		return
	}
	a.fromSet(q, value, name, typ)
}

// fromSet checks an answer against the value set of its question.
func (a *answers) fromSet(q, value fhir.Value, name, typ string) {
	set := q.Get("answerValueSet").Text()
	if set == "" || name != "Coding" || set[0] == '#' || a.v.terms == nil {
		return
	}
	c := fhir.Coding{System: value.Get("system").Text(), Code: value.Get("code").Text()}
	severity := "error"
	if typ == "open-choice" {
		severity = "warning"
	}
	a.inSet(value, []fhir.Coding{c}, false, set, severity)
}

func compareLength(value, limit fhir.Value) (string, bool) {
	if !limit.Exists() || value.Kind() != fhir.StringNode {
		return "", true
	}
	n := number(limit.Text())
	if n == nil {
		return "", true
	}
	return limit.Text(), n.Cmp(number(itoa(len([]rune(value.Text()))))) >= 0
}

// sameAnswer reports whether two answers say the same; codes are compared by system
// and code.
func sameAnswer(x, y fhir.Value) bool {
	switch {
	case !x.Exists() || !y.Exists() || x.Type() != y.Type():
		return false
	case x.Kind() != fhir.ObjectNode:
		return same(x, y)
	case x.Get("code").Exists() || y.Get("code").Exists():
		return x.Get("code").Text() == y.Get("code").Text() && x.Get("system").Text() == y.Get("system").Text()
	case x.Get("reference").Exists():
		return x.Get("reference").Text() == y.Get("reference").Text()
	}
	return matches(x, y)
}
