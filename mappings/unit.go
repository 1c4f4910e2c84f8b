package mappings

import (
	"strings"
	"sync"
)

// An Alias is a unit as laboratories write it.
type Alias struct {
	Text    string `json:"alias"`
	UCUM    string `json:"ucum"`
	Hormone bool   `json:"hormone"` // it is meant so for hormones only
}

// Aliases returns the table of units. The caller must not change it.
func Aliases() []Alias { return aliases().list }

type aliasTable struct {
	list      []Alias
	all, more map[string]string // by folded text; more: those of hormones
}

var aliases = sync.OnceValue(func() *aliasTable {
	file := read[struct {
		Units []Alias `json:"units"`
	}]("units.json")
	t := &aliasTable{file.Units, map[string]string{}, map[string]string{}}
	for _, a := range file.Units {
		if a.Hormone {
			t.more[fold(a.Text)] = a.UCUM
		} else {
			t.all[fold(a.Text)] = a.UCUM
		}
	}
	return t
})

// fold writes a unit so that those which differ in case, space or the Unicode of
// the micro sign only are the same.
func fold(text string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), "\u03bc", "\u00b5")
}

// Unit returns the UCUM code of a unit as laboratories write it. It reports
// whether the table has it.
func Unit(text string) (ucum string, ok bool) {
	ucum, ok = aliases().all[fold(text)]
	return ucum, ok
}

// hormoneUnit is Unit for results of hormones, where U means the international
// unit.
func hormoneUnit(text string) (ucum string, ok bool) {
	if ucum, ok = aliases().more[fold(text)]; ok {
		return ucum, ok
	}
	return Unit(text)
}
