// Package profiles holds the NOA implementation guide: profiles, extensions,
// terminology and search parameters for the care of men with non-obstructive
// azoospermia.
//
// The guide is data. Each resource is a file of its own in noa/, in the folder of
// its kind, named after its id, as short as a person wants to edit it:
// StructureDefinitions are differentials, and nothing has narrative.
//
//	noa/extensions            what R4 has no element for
//	noa/structuredefinitions  the profiles
//	noa/codesystems           the local codes
//	noa/valuesets             which codes an element takes
//	noa/conceptmaps           local codes in the codes of others
//	noa/searchparameters      what extensions are found by
//
// [Source] gives them to what reads definitions. The package imports fhir and what
// stands below it.
package profiles

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/r4"
)

// Base is what the canonical URLs of the guide, and the systems of its
// identifiers, begin with. It stays the same wherever the guide is used.
const Base = "https://noa-fhir.example.org"

// Version is the version of the guide, and of every resource in it.
const Version = "1.0.0"

//go:embed noa
var files embed.FS

// Files returns the files of the guide: folder/id.json.
func Files() fs.FS {
	sub, err := fs.Sub(files, "noa")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return sub
}

// folders are the types of the resources in each folder.
var folders = map[string]string{
	"capabilitystatements": "CapabilityStatement",
	"codesystems":          "CodeSystem",
	"conceptmaps":          "ConceptMap",
	"extensions":           "StructureDefinition",
	"implementationguides": "ImplementationGuide",
	"namingsystems":        "NamingSystem",
	"operationdefinitions": "OperationDefinition",
	"plandefinitions":      "PlanDefinition",
	"questionnaires":       "Questionnaire",
	"searchparameters":     "SearchParameter",
	"structuredefinitions": "StructureDefinition",
	"valuesets":            "ValueSet",
}

// A guide is the index of the files.
type guide struct {
	keys  []fhir.Key // sorted by type and id
	parse map[fhir.Key]func() *fhir.Resource
}

// index lists the files, without reading them.
var index = sync.OnceValue(func() *guide {
	g := &guide{parse: map[fhir.Key]func() *fhir.Resource{}}
	codec := sync.OnceValue(func() *fhir.Codec { return fhir.NewCodec(r4.Schema(), fhir.Limits{}) })
	names, err := fs.Glob(Files(), "*/*.json")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for _, name := range names {
		folder, file := path.Split(name)
		key := fhir.Key{Type: folders[path.Clean(folder)], ID: strings.TrimSuffix(file, ".json")}
		g.keys = append(g.keys, key)
		g.parse[key] = sync.OnceValue(func() *fhir.Resource { return parse(codec(), name) })
	}
	slices.SortFunc(g.keys, func(a, b fhir.Key) int { return strings.Compare(a.String(), b.String()) })
	return g
})

// parse reads one file. It is part of the binary, and a test has read it.
func parse(codec *fhir.Codec, name string) *fhir.Resource {
	text, err := fs.ReadFile(Files(), name)
	if err != nil {
		panic(err)
	}
	r, err := codec.ParseJSON(text)
	if err != nil {
		panic("profiles: " + name + ": " + err.Error())
	}
	return r
}

// Keys returns the type and id of all resources of the guide, sorted. With a
// type, it returns only those of the type.
func Keys(typ string) []fhir.Key {
	var keys []fhir.Key
	for _, k := range index().keys {
		if typ == "" || k.Type == typ {
			keys = append(keys, k)
		}
	}
	return keys
}

// URL returns the canonical URL of a resource of the guide.
func URL(typ, id string) string { return Base + "/" + typ + "/" + id }

// A source is what Source is.
type source struct{}

// Source finds the resources of the guide. It is safe for concurrent use, and its
// methods never fail.
var Source source

// Canonical returns the resource of a type that has the URL, which is without a
// version; none if the guide has none.
func (source) Canonical(typ, url string) ([]*fhir.Resource, error) {
	id, ours := strings.CutPrefix(url, Base+"/"+typ+"/")
	if !ours || typ == "NamingSystem" { // R4 gives NamingSystem no URL
		return nil, nil
	}
	r, err := Source.Resource(fhir.Key{Type: typ, ID: id})
	if r == nil || err != nil {
		return nil, err
	}
	return []*fhir.Resource{r}, nil
}

// Resource returns the resource with a key, nil if the guide has none.
func (source) Resource(key fhir.Key) (*fhir.Resource, error) {
	if read := index().parse[key]; read != nil {
		return read(), nil
	}
	return nil, nil
}
