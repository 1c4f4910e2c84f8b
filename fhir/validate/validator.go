package validate

import (
	"context"
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
)

// A Source finds definitions. It must be safe for concurrent use.
type Source interface {
	// Canonical returns the resources of a type, like StructureDefinition, that
	// have the URL, which comes without |version.
	Canonical(typ, url string) ([]*fhir.Resource, error)
}

// A Membership says whether a code is in a value set or code system.
type Membership uint8

// The answers to the question whether a code is valid. Unknown is zero: what
// nobody can tell is neither valid nor invalid.
const (
	Unknown Membership = iota
	In
	NotIn
)

// Terms judges codes. It must be safe for concurrent use.
type Terms interface {
	// ValidateCode tells whether a coding is in a value set, a canonical URL with
	// or without |version. No value set means the code system of the coding. A
	// coding without a system is a bare code, which is in a value set if it is
	// that under any system. The message tells people why a code is NotIn or
	// Unknown.
	ValidateCode(ctx context.Context, valueSet string, coding fhir.Coding) (Membership, string, error)
}

// A Mode says how much is checked.
type Mode uint8

// The modes. The zero Mode checks everything.
const (
	Full      Mode = iota
	Structure      // the definition of the type only: cardinalities, types, formats, references' form
)

// A Request says how to validate one resource.
type Request struct {
	// Profiles are canonical URLs, with or without |version, that the resource
	// must conform to. One that is not known is an error.
	Profiles []string

	// IgnoreClaims leaves out the profiles that meta.profile names.
	IgnoreClaims bool

	Mode Mode

	// UnknownExtensions takes the place of what [WithUnknownExtensions] set, if it
	// is not empty.
	UnknownExtensions string

	// Resolve finds what a reference or canonical URL points to, after contained
	// resources and entries of the bundle at hand were searched. It returns the
	// root of the target, or no place if there is none. Nil finds nothing.
	Resolve func(ctx context.Context, reference string) (fhir.Value, error)

	// MaxIssues bounds what is returned; 0 means DefaultMaxIssues.
	MaxIssues int
}

// DefaultMaxIssues is how many issues are returned at most. Where there are more,
// errors come before the others, and a last issue says so.
const DefaultMaxIssues = 500

// An Option changes how a Validator works.
type Option func(*Validator)

// WithUnknownExtensions sets the severity of an extension whose definition is not
// known. It is information by default, as every FHIR resource may be extended;
// empty means that none is told. An unknown modifier extension is an error always.
func WithUnknownExtensions(severity string) Option {
	return func(v *Validator) { v.unknownExtension = severity }
}

// WithSnapshots sets what completes a StructureDefinition that has a differential
// only. Without it the differential is added to the rules of the base.
func WithSnapshots(generate func(sd *fhir.Resource) (*fhir.Resource, error)) Option {
	return func(v *Validator) { v.generate = generate }
}

// WithLimits sets the limits of texts that ValidateJSON reads.
func WithLimits(limits fhir.Limits) Option {
	return func(v *Validator) { v.codec = v.codec.WithLimits(limits) }
}

// A Validator judges resources. It is safe for concurrent use and keeps what it
// compiled.
type Validator struct {
	schema *fhir.Schema
	codec  *fhir.Codec
	source Source
	terms  Terms

	unknownExtension string
	generate         func(sd *fhir.Resource) (*fhir.Resource, error)

	types    types
	mu       sync.RWMutex
	compiled map[string]*compiledEntry // by canonical as asked for
	cores    map[fhir.TypeID]*compiledEntry
	shared   map[string]*constraint // rules that many definitions have
	members  map[memberKey]member
}

// types are those that validation treats in their own way.
type types struct {
	extension, reference, coding, concept, quantity, resource, bundle, response, attachment, identifier, questionnaire fhir.TypeID
	searchParameter, structureDefinition                                                                               fhir.TypeID

	uris map[fhir.TypeID]bool // uri and what specialises it
}

// New returns a validator for resources of a schema. Terms may be nil: then no
// codes are checked.
func New(schema *fhir.Schema, source Source, terms Terms, options ...Option) *Validator {
	v := &Validator{schema: schema, codec: fhir.NewCodec(schema, fhir.Limits{}), source: source, terms: terms, unknownExtension: "information"}
	for name, id := range map[string]*fhir.TypeID{
		"Extension": &v.types.extension, "Reference": &v.types.reference, "Coding": &v.types.coding, "CodeableConcept": &v.types.concept,
		"Quantity": &v.types.quantity, "Resource": &v.types.resource, "Bundle": &v.types.bundle, "QuestionnaireResponse": &v.types.response,
		"Attachment": &v.types.attachment, "Identifier": &v.types.identifier, "Questionnaire": &v.types.questionnaire,
		"SearchParameter": &v.types.searchParameter, "StructureDefinition": &v.types.structureDefinition,
	} {
		*id = schema.TypeByName(name)
	}
	v.types.uris = map[fhir.TypeID]bool{}
	for _, name := range []string{"uri", "url", "canonical"} {
		v.types.uris[schema.TypeByName(name)] = true
	}
	v.Invalidate()
	for _, o := range options {
		o(v)
	}
	return v
}

// Invalidate forgets everything that was compiled or looked up. It is to be called
// when definitions have changed.
func (v *Validator) Invalidate() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.compiled = map[string]*compiledEntry{}
	v.cores = map[fhir.TypeID]*compiledEntry{}
	v.shared = map[string]*constraint{}
	v.members = map[memberKey]member{}
}

// Validate returns what is wrong with a resource or worth telling about it, in the
// order in which it was found; nothing means that it conforms. A resource of
// [fhir.Codec.Survey] may be given: what the survey told is not told again. When
// ctx ends, or the resource takes too much work, an issue says so.
func (v *Validator) Validate(ctx context.Context, resource *fhir.Resource, req Request) []fhir.Issue {
	if req.MaxIssues <= 0 {
		req.MaxIssues = DefaultMaxIssues
	}
	r := &run{v: v, ctx: ctx, req: &req, tree: resource.Tree(), budget: &budget{steps: maxSteps}}
	r.env = fhirpath.Env{FilterAs: true, TypedReferences: true, Resolve: req.Resolve, Conforms: r.conforms, Terminology: (*membership)(r)}
	root := resource.Root()
	r.resource(root, "")
	for _, url := range req.Profiles {
		r.require(root, url)
	}
	if r.untold {
		r.issues = append(r.issues, fhir.Issue{Severity: "information", Code: "informational", Text: "there are more issues than are told"})
	}
	return r.issues
}

// ValidateJSON validates the text of a resource and tells all that is wrong with
// it, also where it does not have the structure of FHIR; only a text that is no
// JSON has a single issue. The resource is nil if it is not good enough to be
// used: if the issues include a structural error.
func (v *Validator) ValidateJSON(ctx context.Context, data []byte, req Request) (*fhir.Resource, []fhir.Issue) {
	if req.MaxIssues <= 0 {
		req.MaxIssues = DefaultMaxIssues
	}
	tree, err := fhir.ScanJSON(data, v.codec.Limits)
	if err != nil {
		return nil, []fhir.Issue{{Severity: "fatal", Code: fhir.KindOf(err).IssueCode(), Text: err.Error()}}
	}
	resource, issues := v.codec.Survey(tree, req.MaxIssues)
	if resource == nil {
		return nil, issues
	}
	flawed := len(issues) > 0
	if rest := req.MaxIssues - len(issues); rest > 0 {
		req.MaxIssues = rest
		issues = append(issues, v.Validate(ctx, resource, req)...)
	}
	if flawed {
		return nil, issues
	}
	return resource, issues
}

// Valid reports whether issues have no error among them.
func Valid(issues []fhir.Issue) bool {
	for _, i := range issues {
		if i.Severity == "error" || i.Severity == "fatal" {
			return false
		}
	}
	return true
}

// cutVersion splits a canonical URL from its version.
func cutVersion(canonical string) (url, version string) {
	url, version, _ = strings.Cut(canonical, "|")
	url, _, _ = strings.Cut(url, "#")
	return url, version
}
