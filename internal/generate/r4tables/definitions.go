package main

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// definitions is what the tables are made from, in the order of the package.
type definitions struct {
	structures   []structure
	searchParams []searchParam
	valueSets    []valueSet
	compartments []compartment
	operations   []operation
}

// A structure is the part of a StructureDefinition that matters here.
type structure struct {
	Type           string
	Kind           string
	Derivation     string
	BaseDefinition string
	Abstract       bool
	Snapshot       struct{ Element []element }
}

// An element is an ElementDefinition of a snapshot.
type element struct {
	Path             string
	Min              int
	Max              string
	Base             struct{ Path string }
	Representation   []string
	Type             []typeRef
	ContentReference string
	IsSummary        bool
	IsModifier       bool
	Binding          binding
}

// A typeRef is one of the types an element may have.
type typeRef struct {
	Code          string
	TargetProfile []string
	Extension     []struct {
		URL      string
		ValueURL string
	}
}

type binding struct{ Strength, ValueSet string }

// A valueSet is a ValueSet, by the parts that say which systems it draws on.
type valueSet struct {
	URL     string
	Compose struct{ Include []include }
}

type include struct {
	System   string
	ValueSet []string
}

// An identity tells a definition from others. It is part of what may be defined
// twice.
type identity struct {
	ID      string
	URL     string
	Version string
}

// fhirVersion is the version of the definitions of R4. Examples of how to write
// a definition, which the package holds too, have another or none.
const fhirVersion = "4.0.1"

// compare orders definitions by URL, with examples after all others.
func (i identity) compare(j identity) int {
	return cmp.Or(cmp.Compare(i.example(), j.example()), cmp.Compare(i.URL, j.URL))
}

// example returns 1 for an example, else 0.
func (i identity) example() int {
	if i.Version == fhirVersion {
		return 0
	}
	return 1
}

type searchParam struct {
	identity
	Code       string
	Type       string
	Base       []string
	Expression string
	Target     []string
	Component  []struct{ Definition, Expression string }
}

type compartment struct {
	identity
	Code     string
	Resource []struct {
		Code  string
		Param []string
	}
}

type operation struct {
	URL          string
	Code         string
	Resource     []string
	AffectsState bool
	System       bool
	Type         bool
	Instance     bool
}

// readDefinitions reads an npm package.
func readDefinitions(r io.Reader) (*definitions, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	defs := &definitions{}
	files := tar.NewReader(unzipped)
	for {
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return defs, nil
		}
		if err != nil {
			return nil, err
		}
		if err := defs.add(path.Base(header.Name), files); err != nil {
			return nil, fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}

// add reads one file, if it is of a kind we want.
func (d *definitions) add(name string, r io.Reader) error {
	kind, _, _ := strings.Cut(name, "-")
	switch kind {
	case "StructureDefinition":
		return decodeOnto(&d.structures, r)
	case "SearchParameter":
		return decodeOnto(&d.searchParams, r)
	case "ValueSet":
		return decodeOnto(&d.valueSets, r)
	case "CompartmentDefinition":
		return decodeOnto(&d.compartments, r)
	case "OperationDefinition":
		return decodeOnto(&d.operations, r)
	}
	return nil
}

func decodeOnto[T any](list *[]T, r io.Reader) error {
	var v T
	if err := json.NewDecoder(r).Decode(&v); err != nil {
		return err
	}
	*list = append(*list, v)
	return nil
}
