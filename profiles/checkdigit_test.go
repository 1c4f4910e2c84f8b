package profiles_test

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/mappings"
)

// TestCheckDigits checks the last digit of every LOINC number and SNOMED CT id in
// the files of this folder: those of the guide, the examples and the demo patients.
// It finds what was typed wrong, as in several public files.
func TestCheckDigits(t *testing.T) {
	checked := map[string]int{}
	check := func(name, system, code string) {
		valid, known := digitOf[system]
		if !known || strings.HasPrefix(code, "LP") || strings.HasPrefix(code, "LA") {
			return
		}
		checked[system]++
		if !valid(code) {
			t.Errorf("%s: %s is no code of %s: its check digit is wrong", name, code, system)
		}
	}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		// Examples that break a rule may do so by a wrong code.
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".json" || strings.HasPrefix(entry.Name(), "bad-") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return err
		}
		eachCoding(value, func(system, code string) { check(name, system, code) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range mappings.Hormones() {
		check("hormones.json", loincSystem, code)
	}
	for system := range digitOf {
		if checked[system] < 20 {
			t.Errorf("found %d codes of %s only", checked[system], system)
		}
	}
}

// TestTraps holds the check to codes of public files that are wrong, and to some
// that are right.
func TestTraps(t *testing.T) {
	tests := []struct {
		System, Code string
		Want         bool
	}{
		{loincSystem, "38476-8", true},
		{loincSystem, "38476-0", false}, // as AMH
		{loincSystem, "11068-0", false}, // as concentration of sperm
		{loincSystem, "9780-8", true},
		{loincSystem, "9780", false},
		{snomedSystem, "48188009", true},
		{snomedSystem, "48188008", false},
		{snomedSystem, "405769009", true},
		{snomedSystem, "405796009", false}, // two digits changed places
		{snomedSystem, "", false},
	}
	for _, test := range tests {
		if got := digitOf[test.System](test.Code); got != test.Want {
			t.Errorf("the check digit of %s %q is right: %t", test.System, test.Code, got)
		}
	}
}

const (
	loincSystem  = "http://loinc.org"
	snomedSystem = "http://snomed.info/sct"
)

// digitOf says by system whether the check digit of a code is right.
var digitOf = map[string]func(string) bool{loincSystem: luhn, snomedSystem: verhoeff}

// eachCoding calls yield with every code and its system, however they stand
// together.
func eachCoding(v any, yield func(system, code string)) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			eachCoding(item, yield)
		}
	case map[string]any:
		text := func(o any, name string) string {
			m, _ := o.(map[string]any)
			s, _ := m[name].(string)
			return s
		}
		list := func(o any, name string) []any {
			m, _ := o.(map[string]any)
			l, _ := m[name].([]any)
			return l
		}
		pair := func(system, code string) {
			if code != "" {
				yield(system, code)
			}
		}
		pair(text(v, "system"), text(v, "code"))
		for _, c := range list(v, "concept") {
			pair(text(v, "system"), text(c, "code"))
		}
		for _, e := range list(v, "element") {
			pair(text(v, "source"), text(e, "code"))
			for _, to := range list(e, "target") {
				pair(text(v, "target"), text(to, "code"))
			}
		}
		for _, member := range v {
			eachCoding(member, yield)
		}
	}
}

// luhn checks a LOINC number by mod 10.
func luhn(code string) bool {
	number, digit, ok := strings.Cut(code, "-")
	if !ok || number == "" || len(digit) != 1 {
		return false
	}
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return (10-sum%10)%10 == int(digit[0]-'0')
}

// verhoeff checks a SNOMED CT id by the dihedral group of order ten.
func verhoeff(code string) bool {
	permute := [8][10]int{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
	next := [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}
	for i := 1; i < len(permute); i++ {
		for d := range 10 {
			permute[i][d] = permute[i-1][next[d]]
		}
	}
	check := 0
	for i := range len(code) {
		d := int(code[len(code)-1-i] - '0')
		if d < 0 || d > 9 {
			return false
		}
		check = dihedral(check, permute[i%8][d])
	}
	return len(code) >= 6 && check == 0
}

// dihedral multiplies in the group of a pentagon's symmetries.
func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return (a+b-5)%5 + 5
	case b < 5:
		return (a-5-b+5)%5 + 5
	}
	return (a - b + 5) % 5
}
