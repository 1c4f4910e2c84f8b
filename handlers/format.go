package handlers

import (
	"bytes"
	"encoding/json"
	"mime"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// A format is how a resource is written.
type format uint8

// The formats.
const (
	jsonFormat format = iota
	xmlFormat
)

// mediaTypes are the names of the formats, those of FHIR first.
// See https://hl7.org/fhir/R4/http.html#mime-type.
var mediaTypes = map[string]format{
	"application/fhir+json": jsonFormat,
	"application/fhir+xml":  xmlFormat,
	"application/json":      jsonFormat,
	"application/xml":       xmlFormat,
	"text/json":             jsonFormat,
	"text/xml":              xmlFormat,
	"json":                  jsonFormat,
	"xml":                   xmlFormat,
}

// contentTypes are the header values we send, shared by all responses.
var contentTypes = [...][]string{
	jsonFormat: {"application/fhir+json; charset=utf-8"},
	xmlFormat:  {"application/fhir+xml; charset=utf-8"},
}

// A mediaRange is one member of an Accept header.
type mediaRange struct {
	name    string // lower case; may be */* or end in /*
	quality float64
	version string // fhirVersion, if given
}

// maxRanges bounds what is looked at of an Accept header. Browsers send eight.
const maxRanges = 50

// parseAccept reads an Accept header. Members that are malformed are left out,
// as nothing can be said to be acceptable by them.
func parseAccept(header string) []mediaRange {
	var ranges []mediaRange
	for member := range strings.SplitSeq(header, ",") {
		if len(ranges) == maxRanges {
			break
		}
		name, params, err := mime.ParseMediaType(member)
		if err != nil {
			continue
		}
		r := mediaRange{name: name, quality: 1, version: params["fhirversion"]}
		if q, ok := params["q"]; ok {
			if r.quality, err = strconv.ParseFloat(q, 64); err != nil || r.quality < 0 || r.quality > 1 {
				continue
			}
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// covers reports whether a range includes a media type, and how specific it is.
func (r *mediaRange) covers(mediaType string) (int, bool) {
	if r.name == mediaType {
		return 2, true
	}
	if r.name == "*/*" {
		return 0, true
	}
	family, any := strings.CutSuffix(r.name, "*")
	return 1, any && strings.HasPrefix(mediaType, family)
}

// isR4 reports whether a fhirVersion parameter means what we speak.
func isR4(version string) bool {
	return version == "" || version == "4.0" || version == "4.0.1"
}

// acceptable lists what a client can ask for, in the order of our preference.
// Browsers ask for HTML: they get JSON.
var acceptable = []string{
	"application/fhir+json", "application/json", "text/json", "text/html",
	"application/fhir+xml", "application/xml", "text/xml", "json", "xml",
}

// acceptedFormat chooses the format that an Accept header likes best; of those
// it likes equally, the one it names first. What it says of a media type is what
// its most specific member says: RFC 9110 §12.5.1. The error is NotAcceptable.
func acceptedFormat(header string) (format, error) {
	switch header {
	case "", "*/*", "application/fhir+json", "application/json":
		return jsonFormat, nil
	case "application/fhir+xml":
		return xmlFormat, nil
	}
	ranges := parseAccept(header)
	best, place, chosen := 0.0, 0, jsonFormat
	for _, name := range acceptable {
		f := mediaTypes[name]
		sent := "application/fhir+json"
		if f == xmlFormat {
			sent = "application/fhir+xml"
		}
		if at := specific(ranges, sent); at >= 0 && ranges[at].quality == 0 {
			continue
		}
		at := specific(ranges, name)
		if at < 0 || !isR4(ranges[at].version) {
			continue
		}
		if q := ranges[at].quality; q > best || q == best && q > 0 && at < place {
			best, place, chosen = q, at, f
		}
	}
	if best == 0 {
		return jsonFormat, fhir.Errorf(fhir.NotAcceptable, "Accept: this server writes application/fhir+json and application/fhir+xml, FHIR version 4.0")
	}
	return chosen, nil
}

// specific returns the place of the most specific range that covers a media
// type, of equal ones the first; -1 if there is none.
func specific(ranges []mediaRange, mediaType string) int {
	place, most := -1, -1
	for i := range ranges {
		if degree, ok := ranges[i].covers(mediaType); ok && degree > most {
			place, most = i, degree
		}
	}
	return place
}

// namedFormat returns the format that _format names. A plus sign that came as a
// space was not encoded. The error is NotAcceptable.
func namedFormat(name string) (format, error) {
	mediaType, params, err := mime.ParseMediaType(strings.Replace(name, "fhir ", "fhir+", 1))
	if err == nil && isR4(params["fhirversion"]) {
		if f, ok := mediaTypes[mediaType]; ok {
			return f, nil
		}
		if mediaType == "html" || mediaType == "text/html" {
			return jsonFormat, nil
		}
	}
	return jsonFormat, fhir.Errorf(fhir.NotAcceptable, "_format: %q is not json, xml or a media type of theirs", clip(name))
}

// encode writes the JSON of a resource in a format.
func (s *Server) encode(f format, body []byte, pretty bool) ([]byte, error) {
	switch f {
	case xmlFormat:
		return s.codec.JSONToXML(body, pretty)
	case jsonFormat:
		if !pretty {
			return body, nil
		}
		var out bytes.Buffer
		if err := json.Indent(&out, body, "", "  "); err != nil {
			return nil, fhir.Because(fhir.Internal, err, "a resource of ours is no JSON")
		}
		out.WriteByte('\n')
		return out.Bytes(), nil
	}
	panic("handlers: no such format")
}
