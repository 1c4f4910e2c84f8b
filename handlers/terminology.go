package handlers

import (
	"context"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/fhir/terminology"
	"github.com/noafhir/noafhir/store"
)

// definitions finds CodeSystems and ValueSets in the store: those that the caller
// may see.
type definitions struct {
	ctx    context.Context
	server *Server
	reader store.Reader
	who    search.Access
}

// A knowledge is what searches ask the store about codes and about what is part of
// what, for one request.
type knowledge struct {
	terms search.Terminology
	parts search.Hierarchy
}

func (s *Server) knowledge(ctx context.Context, r store.Reader, who search.Access) knowledge {
	return knowledge{terminology.New(&definitions{ctx, s, r, who}), store.NewHierarchy(ctx, r, s.registry(), who)}
}

// maxSameURL bounds the definitions with one URL that are looked at.
const maxSameURL = 100

// escaped is for values that are to be taken as they are.
var escaped = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `|`, `\|`, `$`, `\$`)

// Canonical implements [terminology.Source].
func (d *definitions) Canonical(typ, url string) ([]*fhir.Resource, error) {
	if !fhir.PrimitiveURI.Valid(url) {
		return nil, nil
	}
	params := [][2]string{{"url", escaped.Replace(url)}}
	q, err := search.Parse(d.server.registry(), typ, params, search.Options{DefaultCount: maxSameURL})
	if err != nil {
		return nil, err
	}
	page, err := d.reader.Search(d.ctx, d.who, q)
	if err != nil {
		return nil, err
	}
	var found []*fhir.Resource
	for _, v := range page.Versions {
		r, err := v.Parse(d.server.codec)
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, nil
}

// Resource implements [terminology.Source].
func (d *definitions) Resource(key fhir.Key) (*fhir.Resource, error) {
	v, err := d.reader.Read(d.ctx, d.who, key)
	if kind := fhir.KindOf(err); err != nil && (kind == fhir.NotFound || kind == fhir.Gone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return v.Parse(d.server.codec)
}
