package validate

import "strings"

// isLOINC reports whether a code has the form of a LOINC number; parts and answer
// lists have letters and another form.
func isLOINC(code string) bool {
	number, digit, found := strings.Cut(code, "-")
	return found && len(digit) == 1 && digits(number) && digits(digit)
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// validLOINC checks the digit after the hyphen, modulo 10.
// See https://loinc.org/kb/users-guide/loinc-part-numbers, appendix on check digits.
func validLOINC(code string) bool {
	number, digit, _ := strings.Cut(code, "-")
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

// validSCTID checks the length of an identifier of SNOMED CT and its last digit, by
// Verhoeff's method: multiplication in the dihedral group of the pentagon.
func validSCTID(id string) bool {
	if len(id) < 6 || len(id) > 18 || !digits(id) || id[0] == '0' {
		return false
	}
	c := 0
	for i := range len(id) {
		d := int(id[len(id)-1-i] - '0')
		for range i % 8 {
			d = verhoeffShift[d]
		}
		c = dihedral(c, d)
	}
	return c == 0
}

var verhoeffShift = [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}

// dihedral multiplies in the group of the ten symmetries of a pentagon: 0 to 4 are
// its turns, 5 to 9 its reflections.
func dihedral(a, b int) int {
	switch {
	case a < 5 && b < 5:
		return (a + b) % 5
	case a < 5:
		return 5 + (a+b-5)%5
	case b < 5:
		return 5 + (a-5-b+5)%5
	}
	return (a - b + 5) % 5
}
