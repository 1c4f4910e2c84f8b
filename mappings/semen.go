package mappings

import (
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

// A SemenCode is a LOINC code of a semen analysis.
type SemenCode struct {
	LOINC    string `json:"loinc"`
	Name     string `json:"name"`
	Unit     string `json:"unit"`       // UCUM; empty for panels and presence
	Replaced string `json:"replacedBy"` // of a deprecated code: the one in its place
	WrongFor string `json:"wrongFor"`   // what public files use it for, although it means Name
}

var semenCodes = sync.OnceValue(func() map[string]SemenCode {
	file := read[struct {
		Codes []SemenCode `json:"codes"`
	}]("semen.json")
	all := map[string]SemenCode{}
	for _, c := range file.Codes {
		all[c.LOINC] = c
	}
	return all
})

// SemenCodeOf returns the code of a semen analysis. A deprecated code comes back as
// the one in its place, and the warning says so. The error is Unprocessable: the
// code means something else than it is used for, or the table does not have it.
func SemenCodeOf(loinc string) (code SemenCode, warning string, err error) {
	c, ok := semenCodes()[loinc]
	switch {
	case !ok:
		return SemenCode{}, "", fhir.Errorf(fhir.Unprocessable, "LOINC %q is no code of a semen analysis that this server knows", clip(loinc))
	case c.WrongFor != "":
		return SemenCode{}, "", fhir.Errorf(fhir.Unprocessable, "LOINC %s is %s, and not %s", loinc, c.Name, c.WrongFor)
	case c.Replaced != "":
		return semenCodes()[c.Replaced], "LOINC " + loinc + " is deprecated: " + c.Replaced + " stands in its place", nil
	}
	return c, "", nil
}
