package validate

import (
	"crypto/sha1" // as FHIR defines Attachment.hash
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
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
	if sum := sha1.Sum(content); hash != base64.StdEncoding.EncodeToString(sum[:]) {
		r.tellMember(v, "hash", "warning", "value", "the hash is not the SHA-1 of the data")
	}
}

// absoluteSystem checks that a system is a URI that means the same everywhere.
func (r *run) absoluteSystem(v fhir.Value) {
	if system := v.Get("system").Text(); system != "" && !strings.Contains(system, ":") {
		r.tellMember(v, "system", "error", "value", "a system must be an absolute URI")
	}
}

// quantity checks that a unit of UCUM is one.
// See https://hl7.org/fhir/R4/datatypes.html#Quantity.
func (r *run) quantity(v fhir.Value) {
	code := v.Get("code").Text()
	if code == "" || v.Get("system").Text() != ucumSystem {
		return
	}
	if !fhirpath.IsUnit(code) {
		r.tellMember(v, "code", "warning", "code-invalid", "%s is no unit of UCUM", clip(code))
	}
}

// urn checks the form of URIs that are an OID or a UUID.
// See https://hl7.org/fhir/R4/datatypes.html#uri.
func (r *run) urn(v fhir.Value) {
	text := v.Text()
	switch {
	case !strings.HasPrefix(text, "urn:"):
	case strings.HasPrefix(text, "urn:oid:") && !fhir.PrimitiveOID.Valid(text):
		r.tell(v, "error", "value", "this is no OID")
	case strings.HasPrefix(text, "urn:uuid:") && !fhir.PrimitiveUUID.Valid(text):
		r.tell(v, "error", "value", "this is no UUID")
	}
}

// conditions checks that a questionnaire asks about its own items only.
func (r *run) conditions(v fhir.Value) {
	a := answers{run: r, known: map[string]bool{}}
	a.collect(v)
	a.asked(v)
}

func (a *answers) asked(v fhir.Value) {
	for i := range v.Get("item").Items {
		if !a.spend() {
			return
		}
		for w := range i.Get("enableWhen").Items {
			if id := w.Get("question").Text(); id != "" && !a.known[id] {
				a.tellMember(w, "question", "error", "not-found", "the questionnaire has no item %s", clip(id))
			}
		}
		a.asked(i)
	}
}

// fhirPath checks that an expression can be read.
func (r *run) fhirPath(v fhir.Value) {
	if v.Kind() != fhir.StringNode || !r.spend() {
		return
	}
	_, err := fhirpath.Compile(r.v.schema, v.Text())
	switch {
	case err == nil:
	case fhir.KindOf(err) == fhir.Invalid:
		r.tell(v, "error", "invalid", "this is no FHIRPath: %s", clip(clientText(err)))
	default:
		r.tell(v, "warning", "not-supported", "this FHIRPath can not be used here: %s", clip(clientText(err)))
	}
}

// constraints checks the expressions of a definition's invariants.
func (r *run) constraints(v fhir.Value) {
	for _, form := range []string{"differential", "snapshot"} {
		for e := range v.Get(form).Get("element").Items {
			for k := range e.Get("constraint").Items {
				r.fhirPath(k.Get("expression"))
			}
		}
	}
}
