package handlers

import (
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// checkCompartment refuses addresses where no compartment is, or none with
// resources of the type asked for. The error is NotFound.
// See https://hl7.org/fhir/R4/compartmentdefinition.html.
func (s *Server) checkCompartment(req *Request) error {
	if s.codec.Schema.ResourceByName(req.Within.Type) == 0 {
		return fhir.Errorf(fhir.NotFound, "%q is no R4 resource type", clip(req.Within.Type))
	}
	if !fhir.ValidID(req.Within.ID) {
		return fhir.Errorf(fhir.NotFound, "%q is no id", clip(req.Within.ID))
	}
	if !s.registry().HasCompartment(req.Within.Type) {
		return fhir.Errorf(fhir.NotFound, "a resource of type %s has no compartment", req.Within.Type)
	}
	if _, ok := s.registry().Compartment(req.Within.Type, req.Within.ID, req.Key.Type); !ok {
		return fhir.Errorf(fhir.NotFound, "there is nothing of type %s in the compartment of a %s", req.Key.Type, req.Within.Type)
	}
	return nil
}

// searchAddress returns where the search of a request is, relative to the base.
func (req *Request) searchAddress() string {
	switch {
	case req.Within.Type == "":
		return req.Key.Type
	case req.Key.Type == "":
		return req.Within.String() + "/*"
	}
	return req.Within.String() + "/" + req.Key.Type
}

// compartments returns the URLs of the definitions of compartments, sorted.
func (s *Server) compartments() []string {
	var urls []string
	for _, kind := range s.registry().Compartments() {
		urls = append(urls, "http://hl7.org/fhir/CompartmentDefinition/"+strings.ToLower(kind[:1])+kind[1:])
	}
	slices.Sort(urls)
	return urls
}
