package handlers

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	models "github.com/samply/golang-fhir-models/fhir-models/fhir"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A statement is a statement of capabilities, as sent.
type statement struct {
	typ  string // CapabilityStatement or TerminologyCapabilities
	body []byte
	tag  string // what its entity tag holds between the quotes
}

// capabilities says what this server does. The statement is made of the tables
// that it is done by, once: nothing in it but search parameters changes while the
// server runs.
// See https://hl7.org/fhir/R4/http.html#capabilities.
func (s *Server) capabilities(ctx context.Context, u unit, req *Request) (*Response, error) {
	if err := req.onlyParams("mode", "_summary", "_elements"); err != nil {
		return nil, err
	}
	mode, err := req.once("mode")
	if err != nil {
		return nil, err
	}
	made, err := s.statement(mode)
	if err != nil {
		return nil, err
	}
	resp := &Response{Status: http.StatusOK, Body: made.body, Tag: `W/"` + made.tag + `"`}
	if req.IfNoneMatch != "" {
		same, err := tagListed(req.IfNoneMatch, made.tag)
		if err != nil {
			return nil, err
		}
		if same {
			resp.Status, resp.NoBody = http.StatusNotModified, true
			return resp, nil
		}
	}
	view, err := s.resourceView(made.typ, req.Query)
	if err != nil || view.whole() {
		return resp, err
	}
	resp.Body, err = s.subset(view, made.body)
	return resp, err
}

// statement returns the statement for a mode. All of the CapabilityStatement is
// normative, so normative means full.
func (s *Server) statement(mode string) (statement, error) {
	switch mode {
	case "", "full", "normative":
		return s.stated("CapabilityStatement", func() any { return s.capabilityStatement() }), nil
	case "terminology":
		return s.stated("TerminologyCapabilities", func() any { return s.terminologyCapabilities() }), nil
	}
	return statement{}, fhir.Errorf(fhir.Invalid, "mode is full, normative or terminology, not %q", clip(mode))
}

// A statementKey is what a statement depends on.
type statementKey struct {
	typ      string
	registry *search.Registry
}

// stated returns the statement of a type, made once for each set of parameters.
func (s *Server) stated(typ string, build func() any) statement {
	key := statementKey{typ, s.registry()}
	if made, ok := s.statements.Load(key); ok {
		return made.(statement)
	}
	body := mustJSON(build())
	sum := sha256.Sum256(body)
	s.statements.Range(func(old, _ any) bool { // there is one set of parameters at a time
		if old.(statementKey).registry != key.registry {
			s.statements.Delete(old)
		}
		return true
	})
	made, _ := s.statements.LoadOrStore(key, statement{typ, body, hex.EncodeToString(sum[:8])})
	return made.(statement)
}

// capabilityStatement describes the REST API.
// See https://hl7.org/fhir/R4/capabilitystatement.html.
func (s *Server) capabilityStatement() models.CapabilityStatement {
	return models.CapabilityStatement{
		Url:    new(s.base + "/metadata"),
		Name:   new("noafhir"),
		Title:  new("noafhir, a FHIR R4 server"),
		Status: code[models.PublicationStatus]("active"),
		Date:   s.started.UTC().Format(time.RFC3339),
		Kind:   code[models.CapabilityStatementKind]("instance"),
		Software: &models.CapabilityStatementSoftware{
			Name:    "noafhir",
			Version: nonEmpty(s.options.Version),
		},
		Implementation: &models.CapabilityStatementImplementation{
			Description: "noafhir at " + s.base,
			Url:         &s.base,
		},
		FhirVersion: code[models.FHIRVersion]("4.0.1"),
		Format:      []string{"application/fhir+json", "application/fhir+xml", "json", "xml"},
		PatchFormat: patchFormats,
		Rest: []models.CapabilityStatementRest{{
			Mode:        code[models.RestfulCapabilityMode]("server"),
			Resource:    s.restResources(),
			Interaction: s.systemInteractions(),
			SearchParam: s.searchParams(""),
			Compartment: s.compartments(),
			Operation:   s.restOperations(""),
		}},
	}
}

// interactions returns the codes of what there is at some levels, sorted.
func (s *Server) interactions(levels ...level) []string {
	var codes []string
	for at, act := range s.table {
		if act.defs == nil && slices.Contains(levels, at.level) && !slices.Contains(codes, act.name) {
			codes = append(codes, act.name)
		}
	}
	slices.Sort(codes)
	return codes
}

// systemInteractions lists what there is beside resources.
func (s *Server) systemInteractions() []models.CapabilityStatementRestInteraction {
	var list []models.CapabilityStatementRestInteraction
	add := func(name string) {
		list = append(list, models.CapabilityStatementRestInteraction{Code: code[models.SystemRestfulInteraction](name)})
	}
	for _, name := range s.interactions(systemLevel) {
		switch name {
		case "capabilities": // is what tells all this
		case "transaction": // one address, two interactions
			add("batch")
			if s.store.Traits().Transactions {
				add("transaction")
			}
		default:
			add(name)
		}
	}
	return list
}

// restResources lists the resource types. They differ only in what can be
// searched for.
func (s *Server) restResources() []models.CapabilityStatementRestResource {
	var interactions []models.CapabilityStatementRestResourceInteraction
	for _, name := range s.interactions(typeLevel, instanceLevel, versionLevel) {
		interactions = append(interactions, models.CapabilityStatementRestResourceInteraction{
			Code: code[models.TypeRestfulInteraction](name),
		})
	}
	common := models.CapabilityStatementRestResource{
		Interaction:       interactions,
		Versioning:        new(code[models.ResourceVersionPolicy]("versioned")),
		ReadHistory:       new(true),
		UpdateCreate:      new(!s.options.NoUpdateCreate),
		ConditionalCreate: new(true),
		ConditionalRead:   new(code[models.ConditionalReadStatus]("full-support")),
		ConditionalUpdate: new(true),
		ConditionalDelete: new(code[models.ConditionalDeleteStatus](string(s.options.ConditionalDelete))),
	}
	var list []models.CapabilityStatementRestResource
	for i := range s.codec.Schema.Types {
		t := &s.codec.Schema.Types[i]
		if t.Kind != fhir.ResourceType || t.Abstract {
			continue
		}
		r := common
		r.Type = code[models.ResourceType](t.Name)
		r.Profile = new("http://hl7.org/fhir/StructureDefinition/" + t.Name)
		r.SearchParam = s.searchParams(t.Name)
		r.Operation = s.restOperations(t.Name)
		list = append(list, r)
	}
	return list
}

// restOperations lists the operations on a type, or on the system.
func (s *Server) restOperations(typ string) []models.CapabilityStatementRestResourceOperation {
	var list []models.CapabilityStatementRestResourceOperation
	add := func(act action, definition string) {
		for _, o := range list {
			if o.Definition == definition {
				return
			}
		}
		list = append(list, models.CapabilityStatementRestResourceOperation{Name: act.name[1:], Definition: definition})
	}
	for at, act := range s.table {
		for on, definition := range act.defs {
			if (on == "Resource" || on == typ) && (at.level == systemLevel) == (typ == "") {
				add(act, definition)
			}
		}
	}
	slices.SortFunc(list, func(a, b models.CapabilityStatementRestResourceOperation) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// searchParams lists what a type, or everything, can be searched by.
func (s *Server) searchParams(typ string) []models.CapabilityStatementRestResourceSearchParam {
	params := s.registry().Params(typ)
	list := make([]models.CapabilityStatementRestResourceSearchParam, 0, len(params))
	for _, p := range params {
		list = append(list, models.CapabilityStatementRestResourceSearchParam{
			Name:       p.Code,
			Definition: nonEmpty(p.URL),
			Type:       code[models.SearchParamType](p.Type.String()),
		})
	}
	return list
}

// terminologyCapabilities describes the terminology service: there is none yet.
// See https://hl7.org/fhir/R4/terminologycapabilities.html.
func (s *Server) terminologyCapabilities() models.TerminologyCapabilities {
	return models.TerminologyCapabilities{
		Url:         new(s.base + "/metadata?mode=terminology"),
		Name:        new("noafhir"),
		Title:       new("noafhir, terminology"),
		Status:      code[models.PublicationStatus]("active"),
		Date:        s.started.UTC().Format(time.RFC3339),
		Description: new("Code systems, value sets and concept maps are kept as resources; there are no terminology operations."),
		Kind:        code[models.CapabilityStatementKind]("instance"),
		Software: &models.TerminologyCapabilitiesSoftware{
			Name:    "noafhir",
			Version: nonEmpty(s.options.Version),
		},
		Implementation: &models.TerminologyCapabilitiesImplementation{
			Description: "noafhir at " + s.base,
			Url:         &s.base,
		},
	}
}

// nonEmpty returns a pointer to s, nil if it is empty.
func nonEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
