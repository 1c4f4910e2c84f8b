package validate

import (
	"strconv"

	"github.com/noafhir/noafhir/fhir"
)

func itoa(n int) string { return strconv.Itoa(n) }

// enabled reports whether an item of a questionnaire is enabled by the answers
// that a response has. Owner is where the item stands, or would stand.
// See https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen.
func (a *answers) enabled(owner, q fhir.Value) bool {
	conditions := q.Get("enableWhen")
	if !conditions.Exists() {
		return true
	}
	all := q.Get("enableBehavior").Text() == "all"
	for c := range conditions.Items {
		if met := a.met(owner, c); met != all {
			return met
		}
	}
	return all
}

// met reports whether one condition holds.
func (a *answers) met(owner, c fhir.Value) bool {
	given := a.given(owner, c.Get("question").Text())
	want := a.chosen(c, "answer")
	operator := c.Get("operator").Text()
	if operator == "exists" {
		return (len(given) > 0) == (want.Text() == "true")
	}
	if operator == "!=" {
		for _, g := range given {
			if sameAnswer(g, want) {
				return false
			}
		}
		return true
	}
	for _, g := range given {
		if holdsFor(operator, g, want) {
			return true
		}
	}
	return false
}

func holdsFor(operator string, given, want fhir.Value) bool {
	if operator == "=" {
		return sameAnswer(given, want)
	}
	order, ok := compare(given, want)
	if !ok {
		return false
	}
	switch operator {
	case ">":
		return order > 0
	case "<":
		return order < 0
	case ">=":
		return order >= 0
	case "<=":
		return order <= 0
	}
	return false
}

// given returns the answers to a question: those nearest to owner, in it or in
// what it is in.
func (a *answers) given(owner fhir.Value, linkID string) []fhir.Value {
	way := a.way(owner)
	for k := len(way) - 1; k >= 0; k-- {
		at := way[k].v
		if at.Get("linkId").Text() == linkID {
			if found := a.answersOf(at); len(found) > 0 {
				return found
			}
		}
		if found := a.below(at, linkID); len(found) > 0 {
			return found
		}
		if at.Index() == a.root.Index() {
			break
		}
	}
	return nil
}

// below returns the answers to a question anywhere in an object.
func (a *answers) below(v fhir.Value, linkID string) []fhir.Value {
	var found []fhir.Value
	for i := range v.Get("item").Items {
		if !a.spend() {
			return found
		}
		if i.Get("linkId").Text() == linkID {
			found = append(found, a.answersOf(i)...)
		}
		found = append(found, a.below(i, linkID)...)
		for x := range i.Get("answer").Items {
			found = append(found, a.below(x, linkID)...)
		}
	}
	return found
}

func (a *answers) answersOf(item fhir.Value) []fhir.Value {
	var found []fhir.Value
	for x := range item.Get("answer").Items {
		if v := a.chosen(x, "value"); v.Exists() {
			found = append(found, v)
		}
	}
	return found
}
