package handlers

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/patch"
	"github.com/noafhir/noafhir/store"
)

// The media types of patches beside those of resources, which say that a FHIRPath
// Patch comes as Parameters.
const (
	jsonPatch = "application/json-patch+json" // RFC 6902
	xmlPatch  = "application/xml-patch+xml"   // RFC 5261 and 7351
)

// patchFormats are all media types of patches.
var patchFormats = []string{jsonPatch, xmlPatch, "application/fhir+json", "application/fhir+xml"}

// patch changes a part of a resource.
// See https://hl7.org/fhir/R4/http.html#patch.
func (s *Server) patch(ctx context.Context, u unit, req *Request) (*Response, error) {
	if err := req.onlyParams(); err != nil {
		return nil, err
	}
	return s.patchFound(ctx, u, req, func(r store.Reader) (*store.Version, error) {
		return r.Read(ctx, req.Who, req.Key)
	})
}

// conditionalPatch patches the one resource that meets the criteria in the
// query.
// See https://hl7.org/fhir/R4/http.html#patch.
func (s *Server) conditionalPatch(ctx context.Context, u unit, req *Request) (*Response, error) {
	criteria, err := s.criteria(s.knowledge(ctx, u, req.Who), req.Key.Type, req.Query)
	if err != nil {
		return nil, err
	}
	return s.patchFound(ctx, u, req, func(r store.Reader) (*store.Version, error) {
		v, err := store.Match(ctx, r, req.Who, criteria)
		if err == nil && v == nil {
			err = fhir.Errorf(fhir.NotFound, "the criteria match no resource of type %s", req.Key.Type)
		}
		return v, err
	})
}

// errMoved says that the resource to be patched changed while the patch was
// being applied.
var errMoved = errors.New("the resource has changed meanwhile")

// patchFound patches the resource that find finds. The patch is applied outside
// of the unit of work first; if another write gets in between, it is applied
// again within one.
func (s *Server) patchFound(ctx context.Context, u unit, req *Request, find func(store.Reader) (*store.Version, error)) (*Response, error) {
	v, err := s.changeFound(ctx, u, req, find, func(old *store.Version) (store.Write, error) { return s.patched(ctx, req, old) })
	if err != nil {
		return nil, err
	}
	return written(req, v, false), nil
}

// changeFound stores what change makes of the resource that find finds. It holds
// to If-Match. Change may be called again, and is best done quickly: where it is
// called the second time, other writers wait.
func (s *Server) changeFound(ctx context.Context, u unit, req *Request, find func(store.Reader) (*store.Version, error), change func(old *store.Version) (store.Write, error)) (*store.Version, error) {
	must, err := parseIfMatch(req.IfMatch)
	if err != nil {
		return nil, err
	}
	var v *store.Version
	try := func(u unit) error {
		old, err := find(u)
		if err != nil {
			return req.patchError(err)
		}
		if must.version != 0 && must.version != old.Number {
			return fhir.Errorf(fhir.Stale, "If-Match: the current version of %s is %d", old.Key, old.Number)
		}
		w, err := change(old)
		if err != nil {
			return err
		}
		return within(ctx, u, func(tx store.Tx) error {
			now, err := find(tx)
			if err != nil {
				return req.patchError(err)
			}
			if now.Key != old.Key || now.Number != old.Number {
				return errMoved
			}
			v, err = tx.Put(ctx, req.Who, w)
			return err
		})
	}
	if err = try(u); errors.Is(err, errMoved) {
		err = within(ctx, u, func(tx store.Tx) error { return try(tx) })
	}
	return v, err
}

// patchError says that If-Match can not hold for what does not exist.
func (req *Request) patchError(err error) error {
	if kind := fhir.KindOf(err); req.IfMatch != "" && (kind == fhir.NotFound || kind == fhir.Gone) {
		return fhir.Because(fhir.Stale, err, "If-Match: the resource does not exist")
	}
	return err
}

// patched returns the write that stores a version with the patch applied.
func (s *Server) patched(ctx context.Context, req *Request, old *store.Version) (store.Write, error) {
	body, err := s.applyPatch(req, old)
	if err != nil {
		return store.Write{}, err
	}
	r, err := s.codec.ParseJSON(body)
	if err != nil {
		return store.Write{}, patchMade(err)
	}
	if r.Key() != old.Key {
		return store.Write{}, fhir.Errorf(fhir.Unprocessable, "a patch must not change the type or the id of a resource")
	}
	if err := errors.Join(s.settled(r.Root()), whole(r)); err != nil {
		return store.Write{}, patchMade(err)
	}
	w, notes, err := s.prepare(ctx, r, old.Key.ID, req.Method)
	req.Notes, w.IfVersion = notes, old.Number
	return w, err
}

// applyPatch returns the JSON of a version with the patch of a request applied.
// See https://hl7.org/fhir/R4/http.html#patch.
func (s *Server) applyPatch(req *Request, old *store.Version) ([]byte, error) {
	if req.PatchAs == jsonPatch {
		return patch.Apply(old.Body, req.Patch, patch.Limits{JSON: s.codec.Limits})
	}
	if !slices.Contains(patchFormats, req.PatchAs) {
		return nil, fhir.Errorf(fhir.UnsupportedType, "patches are read as %s, not as %q", strings.Join(patchFormats, ", "), clip(req.PatchAs))
	}
	doc, err := old.Parse(s.codec)
	if err != nil {
		return nil, err
	}
	if req.PatchAs == xmlPatch {
		return patch.ApplyXML(s.codec, doc, req.Patch)
	}
	var params *fhir.Resource
	if mediaTypes[req.PatchAs] == xmlFormat {
		params, err = s.codec.ParseXML(req.Patch)
	} else {
		params, err = s.codec.ParseJSON(req.Patch)
	}
	if err != nil {
		return nil, err
	}
	return patch.ApplyFHIRPath(s.codec, doc, params)
}

// patchMade tells that it is the result of a patch that is wrong.
func patchMade(err error) error {
	known, ok := errors.AsType[*fhir.Error](err)
	if !ok {
		return err
	}
	told := *known
	told.Kind = fhir.Unprocessable
	told.Text = "the patched resource would be invalid: " + known.Text
	return &told
}
