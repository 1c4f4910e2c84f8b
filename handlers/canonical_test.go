package handlers_test

import (
	"strings"
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestCanonicalReferences(t *testing.T) {
	tests := []struct {
		Send string
		Want string // entries
	}{
		{"QuestionnaireResponse?questionnaire.status=active", "match QuestionnaireResponse/any"},
		{"QuestionnaireResponse?_id=one&_include=QuestionnaireResponse:questionnaire", "match QuestionnaireResponse/one,include Questionnaire/v1"},
		{"QuestionnaireResponse?_id=any&_include=QuestionnaireResponse:questionnaire:Questionnaire", "match QuestionnaireResponse/any,include Questionnaire/v2"},
		{"QuestionnaireResponse?_id=one,any&_include=*&_sort=_id", "match QuestionnaireResponse/any,match QuestionnaireResponse/one,include Questionnaire/v2,include Questionnaire/v1"},
		{"QuestionnaireResponse?_id=gone&_include=QuestionnaireResponse:questionnaire", "match QuestionnaireResponse/gone"},
		{"Questionnaire?_id=v1&_revinclude=QuestionnaireResponse:questionnaire", "match Questionnaire/v1,include QuestionnaireResponse/one"},
		{"Questionnaire?_id=v2&_revinclude=QuestionnaireResponse:questionnaire", "match Questionnaire/v2,include QuestionnaireResponse/any"},
		{"Questionnaire?_id=v1,v2&_sort=_id&_revinclude=QuestionnaireResponse:*", "match Questionnaire/v1,match Questionnaire/v2,include QuestionnaireResponse/one,include QuestionnaireResponse/any"},
	}
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.store(
			`{"resourceType":"Questionnaire","id":"v1","url":"http://example.org/q","version":"1","status":"retired"}`,
			`{"resourceType":"Questionnaire","id":"v2","url":"http://example.org/q","version":"2","status":"active"}`,
			`{"resourceType":"QuestionnaireResponse","id":"one","status":"completed","questionnaire":"http://example.org/q|1"}`,
			`{"resourceType":"QuestionnaireResponse","id":"any","status":"completed","questionnaire":"http://example.org/q"}`,
			`{"resourceType":"QuestionnaireResponse","id":"gone","status":"completed","questionnaire":"http://example.org/q|3"}`,
		)
		for _, test := range tests {
			got := c.send("GET "+test.Send, "")
			if strings.Join(got.entries(), ",") != test.Want {
				t.Errorf("%s: status %d\n%s", test.Send, got.status, got.body)
			}
		}
	})
}
