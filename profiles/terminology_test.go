package profiles_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/profiles"
)

// TestCodesOfOurs checks that every code that stands beside one of the guide's
// own systems is in that system, and is written with the display it has there.
func TestCodesOfOurs(t *testing.T) {
	known := ownCodes(t)
	checked := 0
	check := func(key fhir.Key, system, code, display string) {
		codes := known[system]
		if codes == nil {
			if strings.HasPrefix(system, profiles.Base+"/CodeSystem/") {
				t.Errorf("%s: there is no code system %s", key, system)
			}
			return
		}
		checked++
		switch want, ok := codes[code]; {
		case !ok:
			t.Errorf("%s: %s has no code %q", key, system, code)
		case display != "" && display != want:
			t.Errorf("%s: %s#%s is %q there, not %q", key, system, code, want, display)
		}
	}
	for _, key := range profiles.Keys("") {
		eachCode(resource(t, key).Root(), func(system, code, display string) { check(key, system, code, display) })
	}
	if checked == 0 {
		t.Error("no code of the guide's own is used anywhere")
	}
}

// ownCodes returns the displays of the guide's code systems, by system and code.
func ownCodes(t *testing.T) map[string]map[string]string {
	t.Helper()
	known := map[string]map[string]string{}
	for _, key := range profiles.Keys("CodeSystem") {
		root := resource(t, key).Root()
		codes := map[string]string{}
		n := 0
		for c := range root.Get("concept").Items {
			n++
			codes[c.Get("code").Text()] = c.Get("display").Text()
			if c.Get("display").Text() == "" || c.Get("definition").Text() == "" {
				t.Errorf("%s#%s lacks a display or a definition", key, c.Get("code").Text())
			}
		}
		if count := root.Get("count").Text(); len(codes) != n || count != strconv.Itoa(n) {
			t.Errorf("%s has %d codes, %d of them distinct; count is %s", key, n, len(codes), count)
		}
		known[root.Get("url").Text()] = codes
	}
	return known
}

// eachCode calls yield with the codings at and below v: objects with system and
// code, and the concepts of a ValueSet and the elements of a ConceptMap, whose
// system stands above them.
func eachCode(v fhir.Value, yield func(system, code, display string)) {
	switch v.Kind() {
	case fhir.ArrayNode:
		for item := range v.Items {
			eachCode(item, yield)
		}
	case fhir.ObjectNode:
		if system := v.Get("system").Text(); system != "" {
			if code := v.Get("code").Text(); code != "" {
				yield(system, code, v.Get("display").Text())
			}
			for c := range v.Get("concept").Items {
				yield(system, c.Get("code").Text(), c.Get("display").Text())
			}
		}
		eachMapped(v, yield)
		for m := range v.Children {
			eachCode(m, yield)
		}
	}
}

// eachMapped calls yield with the codes of a group of a ConceptMap.
func eachMapped(group fhir.Value, yield func(system, code, display string)) {
	source, target := group.Get("source").Text(), group.Get("target").Text()
	for e := range group.Get("element").Items {
		if source != "" {
			yield(source, e.Get("code").Text(), e.Get("display").Text())
		}
		for to := range e.Get("target").Items {
			if code := to.Get("code").Text(); code != "" {
				yield(target, code, to.Get("display").Text())
			}
		}
	}
}

// TestBindings checks that what the guide binds to of its own is there.
func TestBindings(t *testing.T) {
	sets := 0
	for _, key := range profiles.Keys("") {
		for _, url := range noaURL.FindAllString(string(resource(t, key).JSON()), -1) {
			rest, _ := strings.CutPrefix(url, profiles.Base+"/")
			typ, id, _ := strings.Cut(rest, "/")
			id, _, _ = strings.Cut(id, "|")
			if typ != "ValueSet" && typ != "CodeSystem" && typ != "ConceptMap" && typ != "Questionnaire" && typ != "PlanDefinition" && typ != "SearchParameter" {
				continue
			}
			sets++
			if found, _ := profiles.Source.Resource(fhir.Key{Type: typ, ID: id}); found == nil {
				t.Errorf("%s names %s, which the guide does not have", key, url)
			}
		}
	}
	if sets == 0 {
		t.Error("nothing is bound to")
	}
}

// TestAetiology holds what rules read of the causes to the specification.
func TestAetiology(t *testing.T) {
	good := map[string]bool{"klinefelter-47xxy": true, "klinefelter-mosaic": true, "idiopathic": true}
	eligibility := map[string]string{
		"idiopathic": "indicated", "klinefelter-47xxy": "indicated", "azfc": "indicated", "cryptorchidism": "indicated",
		"post-radiotherapy": "indicated", "hypogonadotropic": "indicated",
		"azfa": "contraindicated", "azfb": "contraindicated", "azfbc": "contraindicated", "azfabc": "contraindicated",
		"xx-male": "contraindicated", "tex11": "contraindicated", "azf-partial": "review",
	}
	for c := range resource(t, fhir.Key{Type: "CodeSystem", ID: "noa-aetiology"}).Root().Get("concept").Items {
		code := c.Get("code").Text()
		for p := range c.Get("property").Items {
			switch p.Get("code").Text() {
			case "eligibility":
				if want, ok := eligibility[code]; ok && p.Get("valueCode").Text() != want {
					t.Errorf("%s is %s, want %s", code, p.Get("valueCode").Text(), want)
				}
			case "goodGeneticPrognosis":
				if got := p.Get("valueBoolean").Text() == "true"; got != good[code] {
					t.Errorf("%s: good genetic prognosis is %t", code, got)
				}
			}
		}
	}
}
