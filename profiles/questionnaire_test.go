package profiles_test

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/r4"
)

// TestTotal computes the total of the IIEF-5 as the questionnaire says.
func TestTotal(t *testing.T) {
	q := resource(t, fhir.Key{Type: "Questionnaire", ID: "noa-iief5"}).Root()
	items := 0
	var expression string
	for item := range q.Get("item").Items {
		items++
		for e := range item.Get("extension").Items {
			if x := e.Get("valueExpression"); x.Exists() {
				expression = x.Get("expression").Text()
			}
		}
	}
	if items != 6 || q.Get("copyright").Text() == "" {
		t.Errorf("%d items, copyright %q", items, q.Get("copyright").Text())
	}
	response := parsed(t, `{"resourceType":"QuestionnaireResponse","status":"completed","item":[
		{"linkId":"q1","answer":[{"valueInteger":4}]},{"linkId":"q2","answer":[{"valueInteger":4}]},{"linkId":"q3","answer":[{"valueInteger":4}]},
		{"linkId":"q4","answer":[{"valueInteger":4}]},{"linkId":"q5","answer":[{"valueInteger":5}]},{"linkId":"total","answer":[{"valueInteger":99}]}]}`)
	program, err := fhirpath.Compile(r4.Schema(), expression)
	if err != nil {
		t.Fatal(err)
	}
	got, err := program.Evaluate(t.Context(), &fhirpath.Env{}, fhirpath.Node(response.Root()))
	if err != nil || len(got) != 1 || string(got[0].AppendJSON(nil)) != "21" {
		t.Errorf("%s is %v, %v; want 21", expression, got, err)
	}
}
