package handlers

import (
	"encoding/base64"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A Binary can come and go as what it holds instead of as a resource.
// See https://hl7.org/fhir/R4/binary.html#rest.

// isContent reports whether a body sent to Binary is the content itself. What
// has a media type that FHIR uses for resources is a resource.
func (x *exchange) isContent() bool {
	mediaType, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	_, resource := mediaTypes[mediaType]
	return err == nil && !resource
}

// contentBytes bounds content, by the limit of the resource made of it.
func contentBytes(resource int) int { return resource / 4 * 3 }

// readContent makes a Binary of the body.
func (x *exchange) readContent(limit int) error {
	body, err := x.bytes(limit)
	if err != nil || len(body) == 0 {
		return err
	}
	return x.wrap(body)
}

// readBinary reads a body that has a media type of FHIR: a Binary or, if it is
// anything else, the content of one.
func (x *exchange) readBinary(limit int) error {
	body, err := x.bytes(limit)
	if err != nil || len(body) == 0 {
		return err
	}
	r, err := x.resource(body, x.server.codec)
	if err == nil && r.Type() == "Binary" || fhir.KindOf(err) == fhir.UnsupportedType || err != nil && claimsBinary.Match(body) {
		x.req.Body = r
		return err
	}
	if limit = contentBytes(limit); len(body) > limit {
		return fhir.Errorf(fhir.TooLarge, "the content is over %d bytes", limit)
	}
	return x.wrap(body)
}

// claimsBinary matches a body that means to be a Binary, even if it is none.
var claimsBinary = regexp.MustCompile(`"resourceType"\s*:\s*"Binary"|<Binary[\s>/]`)

// wrap makes the body of the request a Binary that holds some content.
func (x *exchange) wrap(body []byte) error {
	out := []byte(`{"resourceType":"Binary"`)
	if x.req.Key.ID != "" {
		out = append(out, `,"id":`...)
		out = fhir.AppendQuoted(out, x.req.Key.ID)
	}
	out = append(out, `,"contentType":`...)
	out = fhir.AppendQuoted(out, x.r.Header.Get("Content-Type"))
	if context := x.r.Header.Get("X-Security-Context"); context != "" {
		out = append(out, `,"securityContext":{"reference":`...)
		out = fhir.AppendQuoted(out, strings.TrimPrefix(context, x.server.base+"/"))
		out = append(out, '}')
	}
	out = append(out, `,"data":"`...)
	out = base64.StdEncoding.AppendEncode(out, body)
	out = append(out, `"}`...)
	if limit := x.server.options.Limits.ResourceBytes; len(out) > limit {
		return fhir.Errorf(fhir.TooLarge, "as a Binary in JSON the content is over %d bytes", limit)
	}
	var err error
	x.req.Body, err = x.server.codec.ParseJSON(out)
	return err
}

// wantsContent reports whether a client that reads a Binary asks for what it
// holds: the best of what it accepts is not a media type of FHIR.
func (x *exchange) wantsContent(contentType string) bool {
	if name, named := x.req.param("_format"); named {
		_, err := namedFormat(name)
		return err != nil && strings.EqualFold(name, contentType)
	}
	header := strings.Join(x.r.Header.Values("Accept"), ",")
	contentType, _, _ = mime.ParseMediaType(contentType)
	var best mediaRange
	specific := -1
	for _, r := range parseAccept(header) {
		if r.name == "text/html" {
			return true // a browser
		}
		_, known := mediaTypes[r.name]
		degree, covers := r.covers(contentType)
		if !known && !covers || r.quality == 0 {
			continue
		}
		if known {
			degree = 2
		}
		if r.quality > best.quality || r.quality == best.quality && degree > specific {
			best, specific = r, degree
		}
	}
	_, resource := mediaTypes[best.name]
	return !resource || best.name == contentType
}

// sendContent answers a read of a Binary with what it holds. It reports whether
// it did: a client may want the resource.
func (x *exchange) sendContent(body []byte) (bool, error) {
	r, err := x.server.codec.ParseJSON(body)
	if err != nil {
		return false, fhir.Because(fhir.Internal, err, "a stored Binary can not be read")
	}
	contentType := r.Root().Get("contentType").Text()
	if !x.wantsContent(contentType) {
		name, named := x.req.param("_format")
		if !named {
			return false, nil
		}
		_, err := namedFormat(name)
		return false, err
	}
	content, err := decodeBase64(r.Root().Get("data").Text())
	if err != nil {
		return false, fhir.Because(fhir.Internal, err, "a stored Binary can not be decoded")
	}
	h := x.w.Header()
	h.Set("Content-Type", safeType(contentType))
	h.Set("Content-Disposition", "attachment")
	if context := r.Root().Get("securityContext").Get("reference").Text(); isHeaderText(context) {
		h.Set("X-Security-Context", context)
	}
	x.send(http.StatusOK, content)
	return true, nil
}

// safeType returns the media type to send for content from a client. Types that
// a browser might run become plain bytes, and so does what is no media type.
func safeType(contentType string) string {
	const bytes = "application/octet-stream"
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || !strings.Contains(mediaType, "/") {
		return bytes
	}
	for _, active := range [...]string{"html", "svg", "javascript", "ecmascript", "multipart/", "flash", "cache-manifest", "message/"} {
		if strings.Contains(mediaType, active) {
			return bytes
		}
	}
	if formatted := mime.FormatMediaType(mediaType, params); formatted != "" {
		return formatted
	}
	return bytes
}

// isHeaderText reports whether text can stand in a header.
func isHeaderText(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return text != ""
}

// decodeBase64 decodes base64 in which there may be white space.
// See https://hl7.org/fhir/R4/datatypes.html#base64Binary.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, " \t\r\n") {
		text = strings.Join(strings.Fields(text), "")
	}
	return base64.StdEncoding.DecodeString(text)
}
