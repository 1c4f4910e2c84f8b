package handlers

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

const formType = "application/x-www-form-urlencoded"

// readBody reads what the interaction takes as its body. Errors: TooLarge,
// UnsupportedType, Invalid, Structure.
func (x *exchange) readBody() error {
	limits := &x.server.options.Limits
	switch {
	case x.req.Part == "_search":
		return x.readForm(limits.FormBytes)
	case x.req.isOperation():
		return x.readResource(limits.ResourceBytes, x.server.codec)
	case x.req.Method == http.MethodPatch:
		return x.readPatch(limits.ResourceBytes)
	case x.req.Key.Type == "":
		return x.readResource(limits.BundleBytes, x.server.bundleCodec())
	case x.req.Key.Type == "Binary" && x.isContent():
		return x.readContent(contentBytes(limits.ResourceBytes))
	case x.req.Key.Type == "Binary":
		return x.readBinary(limits.ResourceBytes)
	}
	return x.readResource(limits.ResourceBytes, x.server.codec)
}

// readResource reads a resource in JSON or XML.
func (x *exchange) readResource(limit int, codec *fhir.Codec) error {
	body, err := x.bytes(limit)
	if err != nil || len(body) == 0 {
		return err
	}
	x.req.Body, err = x.resource(body, codec)
	return err
}

// resource reads the resource that a body is, as its media type says.
func (x *exchange) resource(body []byte, codec *fhir.Codec) (*fhir.Resource, error) {
	mediaType, err := x.mediaType()
	if err != nil {
		return nil, err
	}
	f, ok := mediaTypes[mediaType]
	switch {
	case !ok || !strings.Contains(mediaType, "/"):
		return nil, fhir.Errorf(fhir.UnsupportedType, "Content-Type: resources are read as application/fhir+json or application/fhir+xml, not as %q", clip(mediaType))
	case f == xmlFormat:
		return codec.ParseXML(body)
	}
	return codec.ParseJSON(body)
}

// readPatch reads a patch as it is; what it means depends on its type.
func (x *exchange) readPatch(limit int) error {
	body, err := x.bytes(limit)
	if err != nil {
		return err
	}
	if len(body) == 0 {
		return fhir.Errorf(fhir.Invalid, "the body is missing: expected a patch")
	}
	x.req.Patch = body
	x.req.PatchAs, err = x.mediaType()
	return err
}

// readForm reads the parameters of a search and adds them to those in the URL.
// See https://hl7.org/fhir/R4/http.html#search.
func (x *exchange) readForm(limit int) error {
	body, err := x.bytes(limit)
	if err != nil || len(body) == 0 {
		return err
	}
	mediaType, err := x.mediaType()
	if err != nil {
		return err
	}
	if mediaType != formType {
		return fhir.Errorf(fhir.UnsupportedType, "Content-Type: search parameters are read as %s, not as %q", formType, clip(mediaType))
	}
	params, err := parseQuery(string(body))
	if err != nil {
		return err
	}
	x.req.Query = append(x.req.Query, params...)
	if err := x.checkParams(); err != nil {
		return err
	}
	return x.negotiate()
}

// mediaType returns the media type of the body, in lower case. The error is
// UnsupportedType if there is none, if its charset is not UTF-8, or if it is of
// another version of FHIR.
func (x *exchange) mediaType() (string, error) {
	header := x.r.Header.Get("Content-Type")
	switch header {
	case "application/fhir+json", "application/json", formType:
		return header, nil
	case "":
		return "", fhir.Errorf(fhir.UnsupportedType, "Content-Type is missing: it says how the body is written, as in application/fhir+json")
	}
	mediaType, params, err := mime.ParseMediaType(header)
	if err != nil {
		return "", fhir.Errorf(fhir.UnsupportedType, "Content-Type: %q is no media type", clip(header))
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", fhir.Errorf(fhir.UnsupportedType, "Content-Type: the charset of FHIR is UTF-8, not %q", clip(charset))
	}
	if version := params["fhirversion"]; !isR4(version) {
		return "", fhir.Errorf(fhir.UnsupportedType, "Content-Type: this server speaks FHIR version 4.0, not %q", clip(version))
	}
	return mediaType, nil
}

// bytes reads the body, decompressed, up to a limit.
func (x *exchange) bytes(limit int) ([]byte, error) {
	body, err := x.received(limit)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	switch encoding := strings.ToLower(x.r.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
		return body, nil
	case "gzip":
		return x.inflate(body, limit)
	default:
		return nil, fhir.Errorf(fhir.UnsupportedType, "Content-Encoding: bodies are read plain or as gzip, not as %q", clip(encoding))
	}
}

// firstBytes bounds the memory taken for a body before any of it has arrived.
const firstBytes = 64 << 10

// received reads the body as it was sent.
func (x *exchange) received(limit int) ([]byte, error) {
	size := x.r.ContentLength
	if size == 0 || x.r.Body == nil {
		return nil, nil
	}
	if size > int64(limit) {
		x.w.Header().Set("Connection", "close") // rather than read the rest
		return nil, fhir.Errorf(fhir.TooLarge, "the body is over %d bytes", limit)
	}
	if size < 0 || size > firstBytes {
		size = firstBytes // the rest when it has come
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	_, err := buf.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, int64(limit)))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, fhir.Errorf(fhir.TooLarge, "the body is over %d bytes", limit)
	}
	if err != nil {
		return nil, fhir.Because(fhir.Invalid, err, "the body could not be read to its end")
	}
	return buf.Bytes(), nil
}

// inflate decompresses a body. A body that grows more than resources do is there
// to fill our memory.
func (x *exchange) inflate(body []byte, limit int) ([]byte, error) {
	ratio := x.server.options.Limits.GzipRatio
	most := min(limit, len(body)*ratio)
	broken := fhir.Errorf(fhir.Invalid, "the body is not gzip, or is cut off")
	in, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, broken
	}
	out, err := io.ReadAll(io.LimitReader(in, int64(most)+1))
	switch {
	case err != nil:
		return nil, broken
	case len(out) > limit:
		return nil, fhir.Errorf(fhir.TooLarge, "the decompressed body is over %d bytes", limit)
	case len(out) > most:
		return nil, fhir.Errorf(fhir.TooLarge, "the body is compressed more than %d to 1", ratio)
	}
	return out, nil
}
