package handlers_test

import (
	"testing"

	"github.com/noafhir/noafhir/handlers"
)

func TestSearchByTerminology(t *testing.T) {
	overStores(t, handlers.Options{}, func(t *testing.T, c *client) {
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
			{Name: "as a condition", Send: "DELETE Specimen?type:in=http://v.example/fluids", Status: 400},
			{Name: "a URL with a bar", Send: "GET Specimen?type:in=http://v.example/fluids%7C9", Status: 400},
		})
	})
}
