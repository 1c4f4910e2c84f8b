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
	cursor := s.sealCursor("Patient", params, at)

	got, err := s.openCursor("Patient", params, cursor)
	if err != nil || !bytes.Equal(got, at) {
		t.Fatalf("got %q, %v", got, err)
	}
	flipped := []byte(cursor)
	flipped[len(flipped)-3] ^= 1
	tests := []struct {
		Name    string
		Server  *Server
		Address string
		Params  [][2]string
		Cursor  string
	}{
		{Name: "another key", Server: other, Address: "Patient", Params: params, Cursor: cursor},
		{Name: "another address", Server: s, Address: "Person", Params: params, Cursor: cursor},
		{Name: "another value", Server: s, Address: "Patient", Params: [][2]string{{"name", "Bob"}, {"_count", "2"}}, Cursor: cursor},
		{Name: "fewer parameters", Server: s, Address: "Patient", Params: params[:1], Cursor: cursor},
		{Name: "the same text cut elsewhere", Server: s, Address: "Patient", Params: [][2]string{{"nameA", "da"}, {"_count", "2"}}, Cursor: cursor},
		{Name: "changed", Server: s, Address: "Patient", Params: params, Cursor: string(flipped)},
		{Name: "cut off", Server: s, Address: "Patient", Params: params, Cursor: cursor[:len(cursor)-4]},
		{Name: "longer", Server: s, Address: "Patient", Params: params, Cursor: cursor + "AAAA"},
		{Name: "no position", Server: s, Address: "Patient", Params: params, Cursor: cursor[:22]},
		{Name: "not base64", Server: s, Address: "Patient", Params: params, Cursor: "!"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			if at, err := test.Server.openCursor(test.Address, test.Params, test.Cursor); fhir.KindOf(err) != fhir.Invalid {
				t.Errorf("got %q, %v", at, err)
			}
		})
	}
}
