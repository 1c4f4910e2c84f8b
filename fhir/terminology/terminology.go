package terminology

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A Source finds definitions. Its errors are passed on.
type Source interface {
	// Canonical returns the resources of a type, CodeSystem or ValueSet, that have
	// the URL.
	Canonical(typ, url string) ([]*fhir.Resource, error)
	// Resource returns the resource of that key, nil if there is none.
	Resource(key fhir.Key) (*fhir.Resource, error)
}

// The limits of an answer.
const (
	maxCodes = 100_000 // codes in a value set
	maxDepth = 10      // value sets that include each other
)

// A Terminology answers from what a source has. It is for one goroutine, and for
// so short a time that what the source has does not change.
type Terminology struct {
	source  Source
	systems map[string]*codeSystem
}

// New returns the terminology of a source.
func New(source Source) *Terminology {
	return &Terminology{source: source, systems: map[string]*codeSystem{}}
}

// definition returns the one resource that a canonical URL names, with |version or
// not.
func (t *Terminology) definition(typ, canonical string) (*fhir.Resource, error) {
	url, version, versioned := strings.Cut(canonical, "|")
	found, err := t.source.Canonical(typ, url)
	if err != nil {
		return nil, err
	}
	var match *fhir.Resource
	for _, r := range found {
		if versioned && r.Root().Get("version").Text() != version {
			continue
		}
		if match != nil {
			return nil, fhir.Errorf(fhir.Unsupported, "there are several %s %s; one can be told by |version, if theirs differ", typ, canonical)
		}
		match = r
	}
	if match == nil {
		return nil, fhir.Errorf(fhir.Unsupported, "this server does not know the %s %s", typ, canonical)
	}
	return match, nil
}

// Below returns c and the codes it subsumes. Errors are Unsupported if its code
// system is not known as a whole, and Invalid if the code is not in it.
func (t *Terminology) Below(c fhir.Coding) ([]fhir.Coding, error) {
	return t.related(c, (*codeSystem).below)
}

// Above returns c and the codes that subsume it. Errors are as of Below.
func (t *Terminology) Above(c fhir.Coding) ([]fhir.Coding, error) {
	return t.related(c, (*codeSystem).above)
}

func (t *Terminology) related(c fhir.Coding, find func(s *codeSystem, code string) map[string]bool) ([]fhir.Coding, error) {
	s, err := t.system(c.System)
	if err != nil {
		return nil, err
	}
	if err := s.hierarchical(); err != nil {
		return nil, err
	}
	if s.concepts[c.Code] == nil {
		return nil, fhir.Errorf(fhir.Invalid, "the code system %s has no code %q", c.System, c.Code)
	}
	return s.list(find(s, c.Code)), nil
}
