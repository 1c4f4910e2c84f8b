package handlers

import (
	"bytes"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

func TestCursor(t *testing.T) {
	s := &Server{options: Options{CursorKey: []byte("0123456789abcdef")}}
	other := &Server{options: Options{CursorKey: []byte("fedcba9876543210")}}
	params := [][2]string{{"name", "Ada"}, {"_count", "2"}}
	at := search.Position("here")
	text := s.sealCursor("Patient", params, cursor{at: at})
	for _, c := range []cursor{{at: at}, {at: at, backward: true}} {
		got, err := s.openCursor("Patient", params, s.sealCursor("Patient", params, c))
		if err != nil || !bytes.Equal(got.at, at) || got.backward != c.backward {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	flipped := []byte(text)
	flipped[len(flipped)-3] ^= 1
	tests := []struct {
		Name    string
		Server  *Server
		Address string
		Params  [][2]string
		Cursor  string
	}{
		{Name: "another key", Server: other, Address: "Patient", Params: params, Cursor: text},
		{Name: "another address", Server: s, Address: "Person", Params: params, Cursor: text},
		{Name: "another value", Server: s, Address: "Patient", Params: [][2]string{{"name", "Bob"}, {"_count", "2"}}, Cursor: text},
		{Name: "fewer parameters", Server: s, Address: "Patient", Params: params[:1], Cursor: text},
		{Name: "the same text cut elsewhere", Server: s, Address: "Patient", Params: [][2]string{{"nameA", "da"}, {"_count", "2"}}, Cursor: text},
		{Name: "changed", Server: s, Address: "Patient", Params: params, Cursor: string(flipped)},
		{Name: "cut off", Server: s, Address: "Patient", Params: params, Cursor: text[:len(text)-4]},
		{Name: "longer", Server: s, Address: "Patient", Params: params, Cursor: text + "AAAA"},
		{Name: "no position", Server: s, Address: "Patient", Params: params, Cursor: text[:22]},
		{Name: "not base64", Server: s, Address: "Patient", Params: params, Cursor: "!"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			if at, err := test.Server.openCursor(test.Address, test.Params, test.Cursor); fhir.KindOf(err) != fhir.Invalid {
				t.Errorf("got %+v, %v", at, err)
			}
		})
	}
}
