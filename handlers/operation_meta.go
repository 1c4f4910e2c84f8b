package handlers

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// meta returns the meta of a resource or a version or, for a type and the system,
// the profiles, tags and labels in use there.
// See https://hl7.org/fhir/R4/resource-operation-meta.html.
func (s *Server) meta(ctx context.Context, u unit, req *Request, given arguments) (*Response, error) {
	if err := given.only("$meta"); err != nil {
		return nil, err
	}
	if req.Key.ID == "" {
		return s.metaInUse(ctx, u, req)
	}
	v, err := s.metaVersion(ctx, u, req)
	if err != nil {
		return nil, err
	}
	r, err := v.Parse(s.codec)
	if err != nil {
		return nil, err
	}
	return metaResponse(r.Meta().Raw()), nil
}

// metaVersion returns the version that a $meta is about.
func (s *Server) metaVersion(ctx context.Context, u unit, req *Request) (*store.Version, error) {
	if req.Version == "" {
		return u.Read(ctx, req.Who, req.Key)
	}
	number, ok := parseVersion(req.Version)
	if !ok {
		return nil, fhir.Errorf(fhir.NotFound, "%s has no version %q", req.Key, clip(req.Version))
	}
	return u.ReadVersion(ctx, req.Who, req.Key, number)
}

// metaResponse answers with a meta.
func metaResponse(meta []byte) *Response {
	return &Response{Status: http.StatusOK, Body: parametersJSON("return", "Meta", meta)}
}

// metaScan bounds the resources looked at for a $meta of a type or the system.
const metaScan = 100_000

// metaInUse answers with the profiles, tags and labels of all resources of a type,
// or of all there are.
func (s *Server) metaInUse(ctx context.Context, u unit, req *Request) (*Response, error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Limits.SearchTime)
	defer cancel()
	const marked = "_profile pr true or _tag pr true or _security pr true"
	q, err := search.Parse(s.registry(), req.Key.Type, [][2]string{{"_filter", marked}}, search.Options{DefaultCount: s.options.Limits.MaxCount})
	if err != nil {
		return nil, err
	}
	var all metaList
	err = s.eachMatch(ctx, u, req.Who, q, metaScan, func(r *fhir.Resource) error {
		all.add(r.Meta())
		return nil
	})
	if err != nil {
		return nil, err
	}
	meta := all.append(nil)
	if len(all.members) == 0 {
		// An element may not be empty, and there is nothing to be said.
		return &Response{Status: http.StatusOK, Body: []byte(`{"resourceType":"Parameters"}`)}, nil
	}
	return metaResponse(meta), nil
}

// eachMatch calls do for the matches of a query, which is about pages of its
// Count, in their order. The error is TooCostly if there are more than limit.
func (s *Server) eachMatch(ctx context.Context, r store.Reader, who search.Access, q *search.Query, limit int, do func(r *fhir.Resource) error) error {
	seen := 0
	for {
		page, err := r.Search(ctx, who, q)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			if seen++; seen > limit {
				return fhir.Errorf(fhir.TooCostly, "there are over %d resources to look at; ask for less", limit)
			}
			resource, err := v.Parse(s.codec)
			if err != nil {
				return err
			}
			if err := do(resource); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		q.After = page.Next
	}
}

// metaAdd adds profiles, tags and labels to a resource.
// See https://hl7.org/fhir/R4/resource-operation-meta-add.html.
func (s *Server) metaAdd(ctx context.Context, u unit, req *Request, given arguments) (*Response, error) {
	return s.changeMeta(ctx, u, req, given, "$meta-add", func(list *metaList, meta fhir.Value) { list.add(meta) })
}

// metaDelete takes profiles, tags and labels from a resource.
// See https://hl7.org/fhir/R4/resource-operation-meta-delete.html.
func (s *Server) metaDelete(ctx context.Context, u unit, req *Request, given arguments) (*Response, error) {
	return s.changeMeta(ctx, u, req, given, "$meta-delete", func(list *metaList, meta fhir.Value) { list.remove(meta) })
}

// errSame says that a resource would stay as it is.
var errSame = errors.New("nothing changes")

// changeMeta stores a resource with another meta, as its next version, unless
// nothing about it changes.
func (s *Server) changeMeta(ctx context.Context, u unit, req *Request, given arguments, name string, change func(*metaList, fhir.Value)) (*Response, error) {
	if err := given.only(name, "meta"); err != nil {
		return nil, err
	}
	metas := given.complex["meta"]
	if len(metas) != 1 || s.codec.Schema.Types[metas[0].Type()].Name != "Meta" {
		return nil, fhir.Errorf(fhir.Invalid, "%s needs one parameter meta, with a valueMeta", name)
	}
	var same *store.Version
	v, err := s.changeFound(ctx, u, req, func(r store.Reader) (*store.Version, error) {
		return r.Read(ctx, req.Who, req.Key)
	}, func(old *store.Version) (store.Write, error) {
		w, err := s.withMeta(ctx, old, metas[0], change)
		if err == errSame {
			same = old
		}
		return w, err
	})
	if err == errSame {
		v, err = same, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := v.Parse(s.codec)
	if err != nil {
		return nil, err
	}
	resp := metaResponse(r.Meta().Raw())
	resp.Version = v
	return resp, nil
}

// withMeta returns the write that stores a version with its meta changed.
func (s *Server) withMeta(ctx context.Context, old *store.Version, by fhir.Value, change func(*metaList, fhir.Value)) (store.Write, error) {
	r, err := old.Parse(s.codec)
	if err != nil {
		return store.Write{}, err
	}
	var list metaList
	list.add(r.Meta())
	before := string(list.append(nil))
	change(&list, by)
	meta := list.append(nil)
	if string(meta) == before {
		return store.Write{}, errSame
	}
	n := r.Meta().Node()
	body := r.Tree().Splice([]fhir.Edit{{Start: n.Start, End: n.End, Text: string(list.within(r.Meta()))}})
	changed, err := s.codec.ParseJSON(body)
	if err == nil {
		err = whole(changed)
	}
	if err != nil {
		return store.Write{}, err
	}
	w := store.Write{}
	if bytes.Equal(changed.Meta().Get("profile").Raw(), r.Meta().Get("profile").Raw()) {
		// A tag for a person to look at something must be removable.
		w = store.Prepare(s.registry(), changed, old.Key.ID, http.MethodPatch)
	} else if w, _, err = s.prepare(ctx, changed, old.Key.ID, http.MethodPatch); err != nil {
		return store.Write{}, err
	}
	w.IfVersion = old.Number
	return w, nil
}

// metaMembers are the members of a Meta that the operations are about.
var metaMembers = []string{"profile", "security", "tag"}

// A metaList collects profiles, labels and tags, each once.
type metaList struct {
	members map[string][]metaItem // by member
}

// A metaItem is a profile, a label or a tag.
type metaItem struct {
	id  string // what makes it the same as another
	raw []byte
}

// itemID tells items apart: profiles by URL, codings by system and code.
func itemID(v fhir.Value) string {
	if v.Kind() != fhir.ObjectNode {
		return v.Text()
	}
	return v.Get("system").Text() + "|" + v.Get("code").Text()
}

// add adds what of a meta is not there yet.
func (l *metaList) add(meta fhir.Value) {
	for _, member := range metaMembers {
		for item := range meta.Get(member).Items {
			id := itemID(item)
			if slices.ContainsFunc(l.members[member], func(m metaItem) bool { return m.id == id }) {
				continue
			}
			if l.members == nil {
				l.members = map[string][]metaItem{}
			}
			l.members[member] = append(l.members[member], metaItem{id, item.Raw()})
		}
	}
}

// remove takes out what is in a meta.
func (l *metaList) remove(meta fhir.Value) {
	for _, member := range metaMembers {
		for item := range meta.Get(member).Items {
			id := itemID(item)
			l.members[member] = slices.DeleteFunc(l.members[member], func(m metaItem) bool { return m.id == id })
		}
	}
}

// append appends the list as the JSON of a Meta.
func (l *metaList) append(dst []byte) []byte {
	return append(l.appendMembers(append(dst, '{')), '}')
}

// within returns the JSON of a meta with what the list has in the place of its own.
func (l *metaList) within(meta fhir.Value) []byte {
	out := []byte{'{'}
	for m := range meta.Children {
		if !slices.Contains(metaMembers, m.Key()) && m.Key() != "_profile" {
			out = appendMember(out, m.Key(), m.Raw())
		}
	}
	return append(l.appendMembers(out), '}')
}

func (l *metaList) appendMembers(dst []byte) []byte {
	for _, member := range metaMembers {
		items := l.members[member]
		if len(items) == 0 {
			continue
		}
		list := []byte{'['}
		for i, item := range items {
			if i > 0 {
				list = append(list, ',')
			}
			list = append(list, item.raw...)
		}
		dst = appendMember(dst, member, append(list, ']'))
	}
	return dst
}

// appendMember appends a member to an object in the making.
func appendMember(dst []byte, name string, value []byte) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(fhir.AppendQuoted(dst, name), ':')
	return append(dst, value...)
}
