package validate_test

import (
	"context"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
	"github.com/noafhir/noafhir/fhir/validate"
)

const questionnaire = `{"resourceType":"Questionnaire","url":"urn:q","status":"active","item":[
	{"linkId":"smokes","type":"boolean","required":true,"text":"Smokes"},
	{"linkId":"packs","type":"integer","required":true,"enableWhen":[{"question":"smokes","operator":"=","answerBoolean":true}]},
	{"linkId":"about","type":"group","item":[
		{"linkId":"when","type":"date"},
		{"linkId":"name","type":"string","maxLength":3},
		{"linkId":"colour","type":"choice","answerOption":[{"valueCoding":{"system":"urn:c","code":"red","display":"Red"}},{"valueCoding":{"system":"urn:c","code":"blue"}}]},
		{"linkId":"drink","type":"open-choice","repeats":true,"answerOption":[{"valueString":"tea"}],"item":[{"linkId":"cups","type":"integer"}]}]},
	{"linkId":"many","type":"group","repeats":true,"item":[{"linkId":"any","type":"choice","answerValueSet":"urn:a"}]},
	{"linkId":"thanks","type":"display"},
	{"linkId":"more","type":"string","enableBehavior":"all","enableWhen":[{"question":"packs","operator":">","answerInteger":2},{"question":"packs","operator":"exists","answerBoolean":true}]}]}`

func TestQuestionnaireResponses(t *testing.T) {
	q, err := fhir.NewCodec(r4.Schema(), fhir.Limits{}).ParseJSON([]byte(questionnaire))
	if err != nil {
		t.Fatal(err)
	}
	src := source{q,
		definition(t, "QuestionnaireResponse", "QuestionnaireResponse", "specialization", `{"path":"QuestionnaireResponse","min":0,"max":"*"}`),
	}
	const no = `{"linkId":"smokes","answer":[{"valueBoolean":false}]}`
	tests := []struct{ Name, Items, Want string }{
		{"conforms", no + `,{"linkId":"about","item":[{"linkId":"when","answer":[{"valueDate":"2020"}]},{"linkId":"name","answer":[{"valueString":"abc"}]},
			{"linkId":"colour","answer":[{"valueCoding":{"system":"urn:c","code":"red"}}]},
			{"linkId":"drink","answer":[{"valueString":"beer","item":[{"linkId":"cups","answer":[{"valueInteger":2}]}]},{"valueString":"tea"}]}]},
			{"linkId":"many"},{"linkId":"many","item":[{"linkId":"any","answer":[{"valueCoding":{"system":"urn:s","code":"a"}}]}]},{"linkId":"thanks"}`, ""},
		{"required", `{"linkId":"many"}`, "error required QuestionnaireResponse.item"},
		{"required, without an answer", `{"linkId":"smokes"}`, "error required QuestionnaireResponse.item[0].answer"},
		{"required when enabled", `{"linkId":"smokes","answer":[{"valueBoolean":true}]}`, "error required QuestionnaireResponse.item"},
		{"not enabled", no + `,{"linkId":"packs","answer":[{"valueInteger":1}]}`, "error business-rule QuestionnaireResponse.item[1]"},
		{"all conditions hold", `{"linkId":"smokes","answer":[{"valueBoolean":true}]},{"linkId":"packs","answer":[{"valueInteger":3}]},{"linkId":"more","answer":[{"valueString":"x"}]}`, ""},
		{"not all conditions hold", `{"linkId":"smokes","answer":[{"valueBoolean":true}]},{"linkId":"packs","answer":[{"valueInteger":2}]},{"linkId":"more","answer":[{"valueString":"x"}]}`, "error business-rule QuestionnaireResponse.item[2]"},
		{"type", `{"linkId":"smokes","answer":[{"valueString":"no"}]}`, "error structure QuestionnaireResponse.item[0].answer[0].value.ofType(string)"},
		{"two answers", `{"linkId":"smokes","answer":[{"valueBoolean":false},{"valueBoolean":false}]}`, "error structure QuestionnaireResponse.item[0].answer"},
		{"twice", no + "," + no, "error structure QuestionnaireResponse.item[1]"},
		{"order", `{"linkId":"many"},` + no, "error structure QuestionnaireResponse.item[1]"},
		{"unknown", no + `,{"linkId":"x"}`, "error not-found QuestionnaireResponse.item[1]"},
		{"in the wrong place", no + `,{"linkId":"when"}`, "error structure QuestionnaireResponse.item[1]"},
		{"no option", no + `,{"linkId":"about","item":[{"linkId":"colour","answer":[{"valueCoding":{"system":"urn:c","code":"green"}}]}]}`, "error code-invalid QuestionnaireResponse.item[1].item[0].answer[0].value.ofType(Coding)"},
		{"not in the value set", no + `,{"linkId":"many","item":[{"linkId":"any","answer":[{"valueCoding":{"system":"urn:s","code":"b"}}]}]}`, "error code-invalid QuestionnaireResponse.item[1].item[0].answer[0].value.ofType(Coding)"},
		{"too long", no + `,{"linkId":"about","item":[{"linkId":"name","answer":[{"valueString":"abcd"}]}]}`, "error too-long QuestionnaireResponse.item[1].item[0].answer[0].value.ofType(string)"},
		{"a group with an answer", no + `,{"linkId":"about","answer":[{"valueString":"x"}]}`, "error structure QuestionnaireResponse.item[1].answer"},
		{"items beside an answer", no + `,{"linkId":"about","item":[{"linkId":"drink","item":[{"linkId":"cups"}]}]}`, "error structure QuestionnaireResponse.item[1].item[0].item"},
		{"another text", `{"linkId":"smokes","text":"Drinks","answer":[{"valueBoolean":false}]}`, "warning value QuestionnaireResponse.item[0].text"},
	}
	v := validate.New(r4.Schema(), src, terms{})
	check := func(t *testing.T, body, want string) {
		t.Helper()
		_, issues := v.ValidateJSON(context.Background(), []byte(body), validate.Request{})
		if got := describe(issues); got != want {
			t.Errorf("%s:\ngot\n%s\nwant\n%s\n%v", body, got, want, issues)
		}
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			check(t, `{"resourceType":"QuestionnaireResponse","questionnaire":"urn:q","status":"completed","item":[`+test.Items+`]}`, test.Want)
		})
	}
	t.Run("what is in progress may lack answers", func(t *testing.T) {
		check(t, `{"resourceType":"QuestionnaireResponse","questionnaire":"urn:q","status":"in-progress","item":[{"linkId":"smokes"}]}`, "")
	})
	t.Run("an unknown questionnaire", func(t *testing.T) {
		check(t, `{"resourceType":"QuestionnaireResponse","questionnaire":"urn:other","status":"completed"}`, "warning not-found QuestionnaireResponse.questionnaire")
	})
	t.Run("no questionnaire", func(t *testing.T) {
		check(t, `{"resourceType":"QuestionnaireResponse","questionnaire":"http://hl7.org/fhir/StructureDefinition/QuestionnaireResponse","status":"completed"}`, "error value QuestionnaireResponse.questionnaire")
	})
}
