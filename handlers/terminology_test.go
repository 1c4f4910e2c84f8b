package handlers_test

import (
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestSearchByTerminology(t *testing.T) {
	overTransactions(t, handlers.Options{}, func(t *testing.T, c *client) {
		c.walk(t, []step{
			{Name: "a code system", Send: "PUT CodeSystem/tissues", Status: 201, Body: `{"resourceType":"CodeSystem","id":"tissues","url":"http://c.example/tissues","status":"active","content":"complete","concept":[{"code":"blood","concept":[{"code":"plasma"},{"code":"serum"}]},{"code":"bone"}]}`},
			{Name: "a value set", Send: "PUT ValueSet/fluids", Status: 201, Body: `{"resourceType":"ValueSet","id":"fluids","url":"http://v.example/fluids","status":"active","compose":{"include":[{"system":"http://c.example/tissues","filter":[{"property":"concept","op":"is-a","value":"blood"}]}]}}`},
			{Name: "plasma", Send: "PUT Specimen/plasma", Status: 201, Body: `{"resourceType":"Specimen","id":"plasma","type":{"coding":[{"system":"http://c.example/tissues","code":"plasma"}]}}`},
			{Name: "bone", Send: "PUT Specimen/bone", Status: 201, Body: `{"resourceType":"Specimen","id":"bone","type":{"coding":[{"system":"http://c.example/tissues","code":"bone"}]}}`},
			{Name: "in", Send: "GET Specimen?type:in=http://v.example/fluids", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = plasma"}},
			{Name: "in, by id", Send: "GET Specimen?type:in=ValueSet/fluids", Status: 200, Has: []string{"total = 1"}},
			{Name: "not in", Send: "GET Specimen?type:not-in=http://v.example/fluids", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = bone"}},
			{Name: "below", Send: "GET Specimen?type:below=http://c.example/tissues%7Cblood", Status: 200, Has: []string{"total = 1", "entry.0.resource.id = plasma"}},
			{Name: "above", Send: "GET Specimen?type:above=http://c.example/tissues%7Cserum", Status: 200, Has: []string{"total = 0"}},
			{Name: "filter", Send: "GET Specimen?_filter=type%20ss%20http://c.example/tissues%7Cblood", Status: 200, Has: []string{"total = 1"}},
			{Name: "an unknown value set", Send: "GET Specimen?type:in=http://v.example/unknown", Status: 400, Has: []string{"issue.0.code = not-supported"}},
			{Name: "an unknown code", Send: "GET Specimen?type:below=http://c.example/tissues%7Cfire", Status: 400},
			{Name: "an unknown code system", Send: "GET Specimen?type:below=http://c.example/unknown%7Cfire", Status: 400},
			{Name: "a condition nobody knows", Send: "DELETE Specimen?type:in=http://v.example/unknown", Status: 400, Text: "type:in"},
			{Name: "a condition that is met", Send: "POST Specimen", With: []string{"If-None-Exist: type:in=http://v.example/fluids"}, Status: 200, Body: `{"resourceType":"Specimen"}`, Has: []string{"id = plasma"}},
			{Name: "an update by what is above", Send: "PUT Specimen?type:below=http://c.example/tissues%7Cblood", Status: 200, Body: `{"resourceType":"Specimen","status":"available","type":{"coding":[{"system":"http://c.example/tissues","code":"plasma"}]}}`, Has: []string{"id = plasma", "status = available"}},
			{Name: "a patch", Send: "PATCH Specimen?type:above=http://c.example/tissues%7Cplasma", With: []string{"Content-Type: application/json-patch+json"}, Status: 200, Body: `[{"op":"replace","path":"/status","value":"unavailable"}]`, Has: []string{"status = unavailable"}},
			{
				Name: "in a transaction", Send: "POST ", Status: 200, Has: []string{"entry.0.response.status = 200 OK", "entry.1.response.status = 201 Created"},
				Body: `{"resourceType":"Bundle","type":"transaction","entry":[
					{"request":{"method":"POST","url":"Specimen","ifNoneExist":"type:in=http://v.example/fluids"},"resource":{"resourceType":"Specimen"}},
					{"request":{"method":"POST","url":"Observation"},"resource":{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"specimen":{"reference":"Specimen?type:not-in=http://v.example/fluids"}}}]}`,
			},
			{Name: "the reference is resolved", Send: "GET Observation?specimen=Specimen/bone", Status: 200, Has: []string{"total = 1"}},
			{
				Name: "in a transaction, unknown", Send: "POST ", Status: 400, Text: "unknown",
				Body: `{"resourceType":"Bundle","type":"transaction","entry":[{"request":{"method":"DELETE","url":"Specimen?type:in=http://v.example/unknown"}}]}`,
			},
			{Name: "a delete", Send: "DELETE Specimen?type:in=http://v.example/fluids", Status: 204},
			{Name: "it is gone", Send: "GET Specimen/plasma", Status: 410},
			{Name: "a functional list", Send: "GET Condition?_list=$current-problems", Status: 400, Text: `_list\": there are no functional lists`},
			{Name: "a functional list, leniently", Send: "GET Condition?_list=$current-problems", With: []string{"Prefer: handling=lenient"}, Status: 400, Text: "current-problems"},
			{Name: "a URL with a bar", Send: "GET Specimen?type:in=http://v.example/fluids%7C9", Status: 400},
		})
	})
}
