package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/handlers"
	"github.com/noafhir/noafhir/internal/config"
	"github.com/noafhir/noafhir/profiles"
	"github.com/noafhir/noafhir/store"
)

// zone takes the name of a time zone, or nothing.
var zone = config.Reader[*time.Location]{Kind: "zone", Parse: func(s string) (*time.Location, error) {
	if s == "" {
		return nil, nil
	}
	z, err := time.LoadLocation(s)
	if err != nil {
		return nil, errors.New("must be a time zone such as Europe/Berlin that this machine knows")
	}
	return z, nil
}}

// preparer returns what looks at resources before they are stored; nil if nothing
// does.
func (c *settings) preparer(d definitions, st store.Store) handlers.Preparer {
	if !c.NormaliseHormones {
		return nil
	}
	h := &profiles.Hormones{Codec: d.codec, Zone: c.FacilityZone}
	if c.DefaultRanges {
		h.Male = adultMen{d.codec, st}.known
	}
	return h.Prepare
}

// adultMen are those whose records say so.
type adultMen struct {
	codec *fhir.Codec
	store store.Store
}

const adult = 18 // years

// known reports whether a reference leads to the stored record of a man who has
// come of age.
func (m adultMen) known(ctx context.Context, reference string) bool {
	id, ok := strings.CutPrefix(reference, "Patient/")
	if !ok || !fhir.PrimitiveID.Valid(id) {
		return false
	}
	v, err := m.store.Read(ctx, everything, fhir.Key{Type: "Patient", ID: id})
	if err != nil {
		return false
	}
	r, err := v.Parse(m.codec)
	if err != nil {
		return false
	}
	born, ok := fhir.ParseDate(r.Root().Get("birthDate").Text())
	return ok && r.Root().Get("gender").Text() == "male" && !born.End.AddDate(adult, 0, 0).After(time.Now())
}
