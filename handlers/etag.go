package handlers

import (
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// Entity tags are W/"n" where n is the version id. Comparison is weak, so the
// prefix does not matter. See https://hl7.org/fhir/R4/http.html#concurrency.

// nextTag takes the first entity tag off a list of them. It returns what stands
// between the quotes.
func nextTag(list string) (tag, rest string, ok bool) {
	list = strings.TrimPrefix(list, "W/")
	if list == "" || list[0] != '"' {
		return "", "", false
	}
	end := strings.IndexByte(list[1:], '"')
	if end < 0 {
		return "", "", false
	}
	tag, rest = list[1:1+end], strings.TrimLeft(list[end+2:], " \t")
	if rest == "" {
		return tag, "", true
	}
	next, isList := strings.CutPrefix(rest, ",")
	return tag, strings.TrimLeft(next, " \t"), isList && next != ""
}

// tagListed reports whether an If-None-Match names a tag. The error is Invalid.
func tagListed(header, tag string) (bool, error) {
	if strings.TrimSpace(header) == "*" {
		return true, nil
	}
	listed := false
	for rest := strings.TrimSpace(header); rest != ""; {
		one, next, ok := nextTag(rest)
		if !ok {
			return false, fhir.Errorf(fhir.Invalid, `If-None-Match: expected entity tags like W/"1"`)
		}
		listed = listed || one == tag
		rest = next
	}
	return listed, nil
}

// A precondition is what If-Match demands. The zero value demands nothing.
type precondition struct {
	version int64 // the current version must have this number
	exists  bool  // there must be a current version
}

// parseIfMatch reads an If-Match header. Errors: Invalid if it is no entity
// tag, Stale if it is one that no version can have.
func parseIfMatch(header string) (precondition, error) {
	header = strings.TrimSpace(header)
	switch header {
	case "":
		return precondition{}, nil
	case "*":
		return precondition{exists: true}, nil
	}
	tag, rest, ok := nextTag(header)
	if !ok || rest != "" {
		return precondition{}, fhir.Errorf(fhir.Invalid, `If-Match: expected one entity tag like W/"1"`)
	}
	number, ok := parseVersion(tag)
	if !ok {
		return precondition{}, fhir.Errorf(fhir.Stale, "If-Match: the current version is another one")
	}
	return precondition{version: number}, nil
}

// parseVersion reads a version id of this server: 1, 2, 3, ….
func parseVersion(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n > 0 && s[0] != '0' && s[0] != '+'
}
