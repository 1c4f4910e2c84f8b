package handlers

import (
	"net/http"
	"strconv"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// A pageWriter puts together the JSON of a Bundle from the bytes of stored
// resources.
type pageWriter struct {
	out     []byte
	entries int
}

// newBundle begins a Bundle. A negative total is unknown. Size is a guess at the
// bytes to come.
func newBundle(typ string, total int64, size int) *pageWriter {
	b := &pageWriter{out: make([]byte, 0, size+512)}
	b.out = append(b.out, `{"resourceType":"Bundle","type":"`...)
	b.out = append(b.out, typ...)
	b.out = append(b.out, '"')
	if total >= 0 {
		b.out = append(b.out, `,"total":`...)
		b.out = strconv.AppendInt(b.out, total, 10)
	}
	return b
}

// A pageLink leads from a page to itself or another.
type pageLink struct{ relation, url string }

// links writes links, at least one. It is called once, before the entries.
func (b *pageWriter) links(links []pageLink) {
	b.out = append(b.out, `,"link":[`...)
	for i, l := range links {
		if i > 0 {
			b.out = append(b.out, ',')
		}
		b.out = append(b.out, `{"relation":"`...)
		b.out = append(b.out, l.relation...)
		b.out = append(b.out, `","url":`...)
		b.out = fhir.AppendQuoted(b.out, l.url)
		b.out = append(b.out, '}')
	}
	b.out = append(b.out, ']')
}

// entry begins an entry with members fullUrl and resource, each of which may be
// empty. What follows is written by the caller, up to the closing brace.
func (b *pageWriter) entry(fullURL string, resource []byte) {
	if b.entries == 0 {
		b.out = append(b.out, `,"entry":[{`...)
	} else {
		b.out = append(b.out, `,{`...)
	}
	b.entries++
	if fullURL != "" {
		b.out = append(b.out, `"fullUrl":`...)
		b.out = fhir.AppendQuoted(b.out, fullURL)
	}
	if len(resource) > 0 {
		if fullURL != "" {
			b.out = append(b.out, ',')
		}
		b.out = append(b.out, `"resource":`...)
		b.out = append(b.out, resource...)
	}
}

// found adds an entry of a searchset; mode is match, include or outcome.
func (b *pageWriter) found(fullURL string, resource []byte, mode string) {
	b.entry(fullURL, resource)
	b.out = append(b.out, `,"search":{"mode":"`...)
	b.out = append(b.out, mode...)
	b.out = append(b.out, `"}}`...)
}

// version adds an entry of a history.
// See https://hl7.org/fhir/R4/http.html#history.
func (b *pageWriter) version(fullURL string, v *store.Version, resource []byte) {
	b.entry(fullURL, resource)
	address, status := v.Key.String(), "200"
	switch {
	case v.Method == http.MethodPost:
		address, status = v.Key.Type, "201"
	case v.Deleted:
		status = "204"
	case v.Number == 1:
		status = "201"
	}
	b.out = append(b.out, `,"request":{"method":"`...)
	b.out = append(b.out, v.Method...)
	b.out = append(b.out, `","url":`...)
	b.out = fhir.AppendQuoted(b.out, address)
	b.out = append(b.out, `},"response":{"status":"`...)
	b.out = append(b.out, status...)
	b.out = append(b.out, `","etag":"W/\"`...)
	b.out = strconv.AppendInt(b.out, v.Number, 10)
	b.out = append(b.out, `\"","lastModified":"`...)
	b.out = fhir.AppendInstant(b.out, v.LastUpdated)
	b.out = append(b.out, `"}}`...)
}

// bytes ends the Bundle and returns its JSON.
func (b *pageWriter) bytes() []byte {
	if b.entries > 0 {
		b.out = append(b.out, ']')
	}
	return append(b.out, '}')
}

// bodies returns the bytes of the bodies of versions and of what stands around
// them in a Bundle.
func bodies(versions []*store.Version) int {
	size := 0
	for _, v := range versions {
		size += len(v.Body) + 300
	}
	return size
}
