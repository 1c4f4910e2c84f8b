package search

import "github.com/noafhir/noafhir/fhir"

// A Param is a search parameter of one resource type, compiled.
type Param struct {
	Code   string // as it stands in the query string
	URL    string // canonical URL of its definition
	Type   fhir.ParamType
	Base   string   // the resource type it is for
	Target []string // types a reference may point to; empty: any
}

// A Value is one value a clause compares with, parsed.
type Value struct{}

// Entries are what a resource is found by.
type Entries struct {
	Keys [][]byte // sorted, no duplicates
	Date int64    // clinical date in milliseconds since 1970, the start of it; 0 if the type has none
}

// A Registry holds the search parameters of every resource type, compiled. It
// is safe for concurrent use.
type Registry struct {
	Codec *fhir.Codec
}

// NewRegistry compiles search parameters. The error names the first one whose
// expression can not be compiled.
func NewRegistry(codec *fhir.Codec, params []fhir.SearchParam) (*Registry, error) {
	return &Registry{Codec: codec}, nil
}

// Lookup returns the parameter of that code for a resource type, common ones
// like _id included.
func (r *Registry) Lookup(typ, code string) (*Param, bool) { return nil, false }

// Params returns the parameters of a resource type that can be searched by,
// sorted by code.
func (r *Registry) Params(typ string) []*Param { return nil }

// Index returns the keys of a resource.
func (r *Registry) Index(res *fhir.Resource) *Entries { return &Entries{} }

// Options say how Parse treats what a client may choose.
type Options struct {
	Lenient      bool   // unknown parameters are left out with a warning instead of refused
	Base         string // this server's base URL, without a slash at the end
	DefaultCount int    // page size if _count is absent
	MaxCount     int    // larger pages are cut to this
	Conditional  bool   // criteria of a conditional interaction: result parameters are refused
}

// Parse reads the parameters of a search on a type, or on the whole system if
// typ is empty, in the order they came. Errors are Invalid or Unsupported and
// name the parameter at fault.
func Parse(reg *Registry, typ string, params [][2]string, o Options) (*Query, error) {
	return nil, fhir.Errorf(fhir.Unsupported, "search")
}

// Matches reports whether r matches the clause. It is the definition of what a
// match is.
func (c *Clause) Matches(r *fhir.Resource) bool { return false }

// Matches reports whether r, as stored, matches all of the query.
func (q *Query) Matches(r *fhir.Resource) bool { return false }
