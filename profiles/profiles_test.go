package profiles_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/profiles"
)

// TestHeads holds every resource of the guide to what all of them have.
func TestHeads(t *testing.T) {
	keys := profiles.Keys("")
	if len(keys) < 29 {
		t.Fatalf("the guide has %d resources only", len(keys))
	}
	for _, key := range keys {
		t.Run(key.String(), func(t *testing.T) {
			r := resource(t, key)
			root := r.Root()
			if r.Key() != key {
				t.Errorf("the file holds %s", r.Key())
			}
			want := map[string]string{
				"url":          profiles.URL(key.Type, key.ID),
				"version":      profiles.Version,
				"status":       "draft",
				"publisher":    "noafhir",
				"experimental": "false",
			}
			if key.Type == "NamingSystem" {
				want = map[string]string{"status": "draft", "publisher": "noafhir"}
			}
			for name, value := range want {
				if got := root.Get(name).Text(); got != value {
					t.Errorf("%s is %q, want %q", name, got, value)
				}
			}
			if root.Get("description").Text() == "" {
				t.Error("description is missing")
			}
			if key.Type != "SearchParameter" && key.Type != "NamingSystem" && root.Get("title").Text() == "" {
				t.Error("title is missing")
			}
			if root.Get("text").Exists() {
				t.Error("it has a narrative")
			}
		})
	}
}

// TestFolders keeps files out of the guide that nothing would find.
func TestFolders(t *testing.T) {
	files := 0
	err := fs.WalkDir(profiles.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files++
			if path.Ext(name) != ".json" || strings.Count(name, "/") != 1 {
				t.Errorf("%s is no file of the guide", name)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	keys := map[fhir.Key]bool{}
	for _, k := range profiles.Keys("") {
		keys[k] = true
	}
	if files != len(keys) || keys[fhir.Key{}] {
		t.Errorf("%d files hold %d resources", files, len(keys))
	}
}

var noaURL = regexp.MustCompile(`https?://noa-fhir[^"\\ ]*`)

// TestURLs checks that what looks like a URL of the guide begins with its base,
// and that the canonical ones lead somewhere.
func TestURLs(t *testing.T) {
	for _, key := range profiles.Keys("") {
		for _, url := range noaURL.FindAllString(string(resource(t, key).JSON()), -1) {
			if !strings.HasPrefix(url, profiles.Base+"/") {
				t.Errorf("%s: %s does not begin with %s", key, url, profiles.Base)
			}
		}
	}
}

// TestSource finds resources by URL and by key.
func TestSource(t *testing.T) {
	tests := []struct {
		Name string
		Type string
		URL  string
		Want string
	}{
		{Name: "an extension", Type: "StructureDefinition", URL: profiles.Base + "/StructureDefinition/noa-aetiology", Want: "noa-aetiology"},
		{Name: "another type", Type: "Patient", URL: profiles.Base + "/StructureDefinition/noa-aetiology"},
		{Name: "unknown", Type: "StructureDefinition", URL: profiles.Base + "/StructureDefinition/none"},
		{Name: "another base", Type: "StructureDefinition", URL: "http://example.com/StructureDefinition/noa-aetiology"},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			found, err := profiles.Source.Canonical(test.Type, test.URL)
			got := ""
			if len(found) > 0 {
				got = found[0].ID()
			}
			if err != nil || got != test.Want {
				t.Errorf("Canonical(%s, %s) = %q, %v; want %q", test.Type, test.URL, got, err, test.Want)
			}
		})
	}
	if r, err := profiles.Source.Resource(fhir.Key{Type: "StructureDefinition", ID: "none"}); r != nil || err != nil {
		t.Errorf("an unknown key: %v, %v", r, err)
	}
}

// TestReadable checks that files end in a line feed and are indented by two, as
// people and their tools expect.
func TestReadable(t *testing.T) {
	err := fs.WalkDir(profiles.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(profiles.Files(), name)
		if err != nil {
			return err
		}
		if !json.Valid(text) || !bytes.HasPrefix(text, []byte("{\n  \"resourceType\"")) || !bytes.HasSuffix(text, []byte("}\n")) {
			t.Errorf("%s is not written as the others", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func resource(t *testing.T, key fhir.Key) *fhir.Resource {
	t.Helper()
	r, err := profiles.Source.Resource(key)
	if err != nil || r == nil {
		t.Fatalf("%s: %v", key, err)
	}
	return r
}
