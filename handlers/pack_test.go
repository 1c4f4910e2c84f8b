package handlers

import (
	"net/url"
	"reflect"
	"strings"
	"testing"
)

// FuzzPacked packs parameters into a link and takes them out of it again; and reads
// what anybody may send as packed.
func FuzzPacked(f *testing.F) {
	f.Add("name", "Müller & Co", "AwA")
	f.Add("_id", "a,b", "")
	f.Fuzz(func(t *testing.T, name, value, packed string) {
		s := &Server{options: Options{Limits: Limits{URLBytes: 1, FormBytes: 1000}}}
		if got, err := s.unpack([][2]string{{packedParam, packed}}); err == nil && len(withQuery("", got)) > 3*4*1000 {
			t.Errorf("%q is unpacked to %d parameters", packed, len(got))
		}
		if name == "" && value == "" || len(url.QueryEscape(name+value)) > 3000 {
			return
		}
		given := [][2]string{{name, value}}
		link := s.linkTo("Patient", given, "place")
		text, found := strings.CutPrefix(link, "Patient?"+packedParam+"=")
		text, cut := strings.CutSuffix(text, "&_cursor=place")
		if !found || !cut {
			t.Fatalf("the link is %s", link)
		}
		if got, err := s.unpack([][2]string{{packedParam, text}}); err != nil || !reflect.DeepEqual(got, given) {
			t.Errorf("%q comes back as %q: %v", given, got, err)
		}
	})
}
