package demo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// An entry is what the tests read of an entry of a Bundle.
type entry struct {
	FullURL  string         `json:"fullUrl"`
	Resource map[string]any `json:"resource"`
	Request  struct {
		Method string `json:"method"`
		URL    string `json:"url"`
	} `json:"request"`
}

// bundles returns the entries of each Bundle, in load order.
func bundles(t *testing.T) [][]entry {
	t.Helper()
	var all [][]entry
	for _, text := range Bundles() {
		var b struct {
			ResourceType string  `json:"resourceType"`
			Type         string  `json:"type"`
			Entry        []entry `json:"entry"`
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&b); err != nil {
			t.Fatal(err)
		}
		if b.ResourceType != "Bundle" || b.Type != "transaction" || len(b.Entry) == 0 {
			t.Fatalf("not a transaction Bundle with entries: %.120s", text)
		}
		all = append(all, b.Entry)
	}
	return all
}

// resources returns every resource by its "Type/id".
func resources(t *testing.T) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for _, entries := range bundles(t) {
		for _, e := range entries {
			all[e.Request.URL] = e.Resource
		}
	}
	return all
}

// walk calls visit for every object in a resource.
func walk(node any, visit func(object map[string]any)) {
	switch node := node.(type) {
	case map[string]any:
		visit(node)
		for _, child := range node {
			walk(child, visit)
		}
	case []any:
		for _, child := range node {
			walk(child, visit)
		}
	}
}

func text(object map[string]any, name string) string {
	s, _ := object[name].(string)
	return s
}

func TestEntriesPutFixedIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, entries := range bundles(t) {
		for _, e := range entries {
			key := text(e.Resource, "resourceType") + "/" + text(e.Resource, "id")
			if e.Request.Method != "PUT" || e.Request.URL != key {
				t.Errorf("%s is sent as %s %s", key, e.Request.Method, e.Request.URL)
			}
			if !strings.HasSuffix(e.FullURL, "/fhir/"+key) {
				t.Errorf("%s has the fullUrl %s", key, e.FullURL)
			}
			if seen[key] {
				t.Errorf("%s is there twice", key)
			}
			seen[key] = true
		}
	}
}

func TestReferencesResolve(t *testing.T) {
	known := map[string]bool{}
	for _, entries := range bundles(t) {
		for _, e := range entries {
			known[e.Request.URL] = true
		}
		for _, e := range entries {
			local := map[string]bool{}
			contained, _ := e.Resource["contained"].([]any)
			for _, c := range contained {
				local["#"+text(c.(map[string]any), "id")] = true
			}
			walk(e.Resource, func(object map[string]any) {
				target, ok := object["reference"].(string)
				if ok && !known[target] && !local[target] {
					t.Errorf("%s refers to %s, which is neither here nor in a file before", e.Request.URL, target)
				}
			})
		}
	}
}

func TestCodesHaveTheirCheckDigit(t *testing.T) {
	check := map[string]func(string) bool{"http://loinc.org": loinc, "http://snomed.info/sct": snomed}
	count := map[string]int{}
	for key, resource := range resources(t) {
		walk(resource, func(object map[string]any) {
			system, code := text(object, "system"), text(object, "code")
			valid, ok := check[system]
			if !ok {
				return
			}
			count[system]++
			if !valid(code) {
				t.Errorf("%s: %s is no code of %s", key, code, system)
			}
		})
	}
	for system := range check {
		if count[system] == 0 {
			t.Errorf("no code of %s was found to check", system)
		}
	}
}

func TestCheckDigits(t *testing.T) {
	tests := []struct {
		Name  string
		Valid func(string) bool
		Code  string
		Want  bool
	}{
		{"a LOINC code", loinc, "2986-8", true},
		{"a long LOINC code", loinc, "14913-8", true},
		{"seen in the wild for AMH", loinc, "38476-0", false},
		{"seen in the wild for sperm concentration", loinc, "11068-0", false},
		{"LOINC without its dash", loinc, "29868", false},
		{"a SNOMED id", snomed, "48188009", true},
		{"a long SNOMED id", snomed, "1186936003", true},
		{"two digits swapped", snomed, "48180889", false},
		{"no digits", snomed, "azoospermia", false},
		{"nothing", snomed, "", false},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			if got := test.Valid(test.Code); got != test.Want {
				t.Errorf("%s: got %v, want %v", test.Code, got, test.Want)
			}
		})
	}
}

// loinc checks the Luhn (mod 10) digit after the dash.
func loinc(code string) bool {
	number, check, ok := strings.Cut(code, "-")
	if !ok || number == "" || len(check) != 1 || strings.Trim(number+check, "0123456789") != "" {
		return false
	}
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return (10-sum%10)%10 == int(check[0]-'0')
}

// snomed checks the Verhoeff digit that ends an SCTID: multiplication in the
// dihedral group of order ten, digits permuted by their place.
func snomed(code string) bool {
	if len(code) < 6 || strings.Trim(code, "0123456789") != "" {
		return false
	}
	c := 0
	for i := range len(code) {
		d := int(code[len(code)-1-i] - '0')
		for range i % 8 {
			d = int("1576283094"[d] - '0')
		}
		c = dihedral(c, d)
	}
	return c == 0
}

// dihedral multiplies in the group of the symmetries of a pentagon: 0 to 4 are
// turns, 5 to 9 are flips.
func dihedral(a, b int) int {
	turn := b % 5
	if a >= 5 {
		turn = 5 - turn
	}
	n := (a + turn) % 5
	if (a < 5) != (b < 5) {
		n += 5
	}
	return n
}
