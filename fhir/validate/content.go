package validate

import (
	"crypto/sha1" //nolint:gosec // FHIR defines Attachment.hash so
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// containedRules checks the ids of contained resources.
// See https://hl7.org/fhir/R4/references.html#contained.
func (r *run) containedRules(v fhir.Value) {
	id := v.Get("id").Text()
	if id == "" {
		r.tellMember(v, "id", "error", "required", "a contained resource needs an id to be referred to")
		return
	}
	way := r.way(v)
	for c := range way[max(len(way)-2, 0)].v.Get("contained").Items {
		if c.Index() >= v.Index() {
			return
		}
		if c.Get("id").Text() == id {
			r.tellMember(v, "id", "error", "duplicate", "another contained resource has the same id")
			return
		}
	}
}

// attachment checks that the size and the hash of an attachment are those of its
// data.
// See https://hl7.org/fhir/R4/datatypes.html#Attachment.
func (r *run) attachment(v fhir.Value) {
	data := v.Get("data")
	size, hash := v.Get("size"), v.Get("hash").Text()
	if !data.Exists() || data.Node().Flags&fhir.Flawed != 0 || !size.Exists() && hash == "" {
		return
	}
	content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data.Text()), ""))
	if err != nil {
		return
	}
	if n, err := strconv.Atoi(size.Text()); err == nil && n != len(content) {
		r.tellMember(v, "size", "error", "value", "the size is not that of the data, which are %d bytes", len(content))
	}
	if hash == "" {
		return
	}
	if sum := sha1.Sum(content); hash != base64.StdEncoding.EncodeToString(sum[:]) { //nolint:gosec // as above
		r.tellMember(v, "hash", "warning", "value", "the hash is not the SHA-1 of the data")
	}
}

// absoluteSystem checks that a system is a URI that means the same everywhere.
func (r *run) absoluteSystem(v fhir.Value) {
	if system := v.Get("system").Text(); system != "" && !strings.Contains(system, ":") {
		r.tellMember(v, "system", "error", "value", "a system must be an absolute URI")
	}
}
