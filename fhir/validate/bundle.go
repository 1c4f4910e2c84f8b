package validate

import (
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// bundle holds the rules of bundles that their definition has no invariants for.
// See https://hl7.org/fhir/R4/bundle.html.
func (r *run) bundle(v fhir.Value) {
	kind := v.Get("type").Text()
	seen := map[string]bool{}
	for e := range v.Get("entry").Items {
		if !r.spend() {
			return
		}
		r.fullURL(e, kind, seen)
		if kind == "transaction" || kind == "batch" {
			r.entryRequest(e)
		}
	}
	links := map[string]bool{}
	for l := range v.Get("link").Items {
		relation := l.Get("relation").Text()
		if links[relation] && relation != "" {
			r.tell(l, "error", "structure", "the link relation %s may occur only once", clip(relation))
		}
		links[relation] = true
	}
	if kind == "document" && v.Index() == 0 {
		r.document(v)
	}
}

// fullURL checks the full URL of an entry: absolute, the only one of its version,
// and in accord with the id of the resource.
func (r *run) fullURL(e fhir.Value, kind string, seen map[string]bool) {
	url, resource := e.Get("fullUrl").Text(), e.Get("resource")
	if url == "" {
		if kind != "transaction" && kind != "batch" && kind != "history" && resource.Exists() {
			severity := "warning"
			if kind == "document" || kind == "message" {
				severity = "error"
			}
			r.tellMember(e, "fullUrl", severity, "required", "an entry of a %s must have a full URL", clip(kind))
		}
		return
	}
	if !strings.Contains(url, ":") {
		r.tellMember(e, "fullUrl", "error", "value", "a full URL must be absolute")
		return
	}
	if kind != "history" {
		version := url + "|" + resource.Get("meta").Get("versionId").Text()
		if seen[version] {
			r.tellMember(e, "fullUrl", "error", "duplicate", "another entry has the same full URL")
		}
		seen[version] = true
	}
	id := resource.Get("id").Text()
	if id == "" || !strings.HasPrefix(url, "http") {
		return
	}
	last := url[strings.LastIndexByte(url, '/')+1:]
	typ := fhirpath.ReferenceType(url)
	if r.v.schema.ResourceByName(typ) == 0 {
		return
	}
	if name := r.v.schema.Types[resource.Type()].Name; last != id || typ != name {
		r.tellMember(e, "fullUrl", "error", "value", "the full URL does not end with the type and id of the resource, %s/…", name)
	}
}

// entryRequest checks that the address of a request fits the resource.
func (r *run) entryRequest(e fhir.Value) {
	request, resource := e.Get("request"), e.Get("resource")
	method, url := request.Get("method").Text(), request.Get("url").Text()
	if url == "" {
		return
	}
	switch method {
	case "POST", "PUT":
		if !resource.Exists() {
			r.tellMember(e, "resource", "error", "required", "a %s needs a resource", method)
			return
		}
	default:
		return
	}
	path, _, _ := strings.Cut(url, "?")
	if strings.Contains(path, "$") || strings.HasSuffix(path, "_search") {
		return
	}
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	name := r.v.schema.Types[resource.Type()].Name
	switch {
	case resource.Type() == 0 || strings.Contains(path, ":"):
	case parts[0] != name:
		r.tellMember(request, "url", "error", "value", "the request is about %s, the resource is a %s", clip(parts[0]), name)
	case method == "PUT" && len(parts) == 2 && resource.Get("id").Exists() && parts[1] != resource.Get("id").Text():
		r.tellMember(request, "url", "error", "value", "the id in the address is not that of the resource")
	}
}

// document checks that what a composition refers to is in its document, and that
// the composition leads to every entry.
// See https://hl7.org/fhir/R4/documents.html#content.
func (r *run) document(v fhir.Value) {
	composition := v.Get("entry").First().Get("resource")
	if !composition.Exists() || composition.Type() != r.v.schema.TypeByName("Composition") {
		return // an invariant tells it
	}
	reached := map[uint32]bool{composition.Index(): true}
	queue := []fhir.Value{composition}
	for len(queue) > 0 && r.spend() {
		at := queue[0]
		queue = queue[1:]
		for i := at.Index(); i < at.Node().Next; i++ {
			n := r.tree.At(i)
			if n.Kind() != fhir.ObjectNode || n.Type() != r.v.types.reference || !r.spend() {
				continue
			}
			text := n.Get("reference").Text()
			if text == "" || text[0] == '#' {
				continue
			}
			target, where := r.follow(n, text)
			if where != "bundled" {
				if at == composition && needed[r.memberName(composition, n)] {
					r.tellMember(n, "reference", "error", "not-found", "what a composition refers to must be in its document")
				}
				continue
			}
			if !reached[target.Index()] {
				reached[target.Index()] = true
				queue = append(queue, target)
			}
		}
	}
	for e := range v.Get("entry").Items {
		if res := e.Get("resource"); res.Exists() && !reached[res.Index()] && res.Type() != r.v.schema.TypeByName("Provenance") {
			r.tell(e, "warning", "informational", "the composition does not lead to this entry")
		}
	}
}

// needed are the elements of a Composition whose targets are part of its document.
var needed = map[string]bool{"subject": true, "encounter": true, "author": true, "attester": true, "custodian": true, "event": true, "section": true}

// memberName returns which member of an object a value is in.
func (r *run) memberName(object, v fhir.Value) string {
	for m := range object.Children {
		if v.Index() >= m.Index() && v.Index() < m.Node().Next {
			return m.Key()
		}
	}
	return ""
}
