package handlers

import (
	"testing"

	"github.com/noafhir/noafhir/fhir"
)

// FuzzPlaceAt reads positions that this or another version of the server signed.
func FuzzPlaceAt(f *testing.F) {
	f.Add([]byte(everythingPlace{subject: subject{id: "p", before: []byte{1}}, part: supportPart, behind: []byte("Location/l")}.position()))
	f.Add([]byte{0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) == 0 {
			return // a cursor is not empty
		}
		at, err := placeAt(p)
		if err != nil {
			if fhir.KindOf(err) != fhir.Invalid {
				t.Errorf("%x: %v", p, err)
			}
			return
		}
		if again, err := placeAt(at.position()); err != nil || again.part != at.part || again.subject.id != at.subject.id || string(again.behind) != string(at.behind) {
			t.Errorf("%x: %+v, again %+v, %v", p, at, again, err)
		}
	})
}
