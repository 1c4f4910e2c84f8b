package mappings

import (
	"regexp"
	"strings"
	"sync"
)

// A Diagnosis is what a diagnosis code that comes from outside means here.
type Diagnosis struct {
	Code        string `json:"diagnosis"`   // of the code system noa-diagnosis; empty: it claims no azoospermia
	Aetiology   string `json:"aetiology"`   // of the code system noa-aetiology, or empty
	SNOMED      string `json:"snomed"`      // of a plain Condition, where there is no local code
	Provisional bool   `json:"provisional"` // azoospermia has to be confirmed (rule R29)
	Review      bool   `json:"review"`      // a person has to judge whether surgery is indicated
}

// A Translation says how a code was translated.
type Translation uint8

// The translations. Zero is that there is none.
const (
	Unmapped Translation = iota // the tables do not have the code
	Mapped                      // the Diagnosis says what it means
	Held                        // rule R32: a person has to look at it, and nothing may be coded before
)

// diagnoses is the table of ICD-10-CM, by code.
var diagnoses = sync.OnceValue(func() map[string]Diagnosis {
	file := read[struct {
		Codes []struct {
			ICD string `json:"code"`
			Diagnosis
		}
	}]("icd10cm.json")
	all := map[string]Diagnosis{}
	for _, c := range file.Codes {
		all[c.ICD] = c.Diagnosis
	}
	return all
})

// DiagnosisOf translates an ICD-10-CM code, with the texts that came with it: the
// display of the code, notes, a karyotype. Where code or texts speak of
// Creutzfeldt-Jakob, as a mistranslation of Klinefelter does, the answer is Held;
// its Aetiology is then a proposal for the person who looks at it, made only if the
// texts have the karyotype 47,XXY.
func DiagnosisOf(code string, texts ...string) (Diagnosis, Translation) {
	code = strings.ToUpper(strings.TrimSpace(code))
	if strings.HasPrefix(code, "A81.0") || Mistranslated(append(texts, code)...) {
		return heldDiagnosis(texts), Held
	}
	if d, ok := diagnoses()[code]; ok {
		return d, Mapped
	}
	return Diagnosis{}, Unmapped
}

// heldDiagnosis proposes what may be meant by Creutzfeldt-Jakob.
func heldDiagnosis(texts []string) Diagnosis {
	d := Diagnosis{Provisional: true, Review: true}
	for _, text := range texts {
		if xxy.MatchString(text) {
			d.Aetiology = "klinefelter-47xxy"
		}
	}
	return d
}

var (
	prion = regexp.MustCompile(`(?i)creutzfeldt|jakob|\bcjd\b`)
	xxy   = regexp.MustCompile(`\b47\s*,\s*XXY`)
)

// Mistranslated reports whether a text speaks of Creutzfeldt-Jakob: rule R32. In
// records of infertility that is nearly always a mistranslation of Klinefelter.
func Mistranslated(texts ...string) bool {
	for _, text := range texts {
		if prion.MatchString(text) {
			return true
		}
	}
	return false
}
