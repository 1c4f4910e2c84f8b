package handlers

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/noafhir/noafhir/fhir"
)

// An operation is one that a published OperationDefinition describes, which also
// says at which levels it is.
// See https://hl7.org/fhir/R4/operations.html.
type operation struct {
	name    string   // without $
	on      []string // the resource types it is for
	changes bool     // it changes something, so it is no GET
	run     func(s *Server, ctx context.Context, u unit, req *Request, given arguments) (*Response, error)
}

// operations are those there are. Routes, bundle entries and the
// CapabilityStatement follow from the list.
func operations() []operation {
	return []operation{
		{name: "everything", on: []string{"Encounter", "Group", "Patient"}, run: (*Server).everything},
		{name: "lastn", on: []string{"Observation"}, run: (*Server).lastN},
		{name: "meta", on: []string{"Resource"}, run: (*Server).meta},
		{name: "meta-add", on: []string{"Resource"}, changes: true, run: (*Server).metaAdd},
		{name: "meta-delete", on: []string{"Resource"}, changes: true, run: (*Server).metaDelete},
		{name: "stats", on: []string{"Observation"}, run: (*Server).stats},
	}
}

// isOperation reports whether a request is for an operation.
func (req *Request) isOperation() bool { return strings.HasPrefix(req.Part, "$") }

// definition returns what is published about an operation on a type.
func (s *Server) definition(name, typ string) *fhir.Operation {
	for i := range s.codec.Schema.Operations {
		def := &s.codec.Schema.Operations[i]
		if def.Code == name && slices.Contains(def.Resource, typ) {
			return def
		}
	}
	panic("handlers: there is no definition of $" + name + " on " + typ)
}

// addOperations puts operations into a table of actions.
func (s *Server) addOperations(table map[cell]action) {
	for _, o := range operations() {
		for _, typ := range o.on {
			def := s.definition(o.name, typ)
			for at, there := range map[level]bool{systemLevel: def.System, typeLevel: def.TypeLevel, instanceLevel: def.Instance} {
				if there {
					s.addOperation(table, &o, typ, at)
				}
			}
			if o.name == "meta" {
				s.addOperation(table, &o, typ, versionLevel)
			}
		}
	}
}

// addOperation puts one operation at one level into a table: under POST and, if it
// changes nothing, GET.
func (s *Server) addOperation(table map[cell]action, o *operation, typ string, at level) {
	def := s.definition(o.name, typ)
	methods := []string{http.MethodPost}
	if !o.changes {
		methods = append(methods, http.MethodGet)
	}
	for _, method := range methods {
		place := cell{method, at, "$" + o.name}
		act := table[place]
		act.name, act.changes = place.part, o.changes
		if act.defs == nil {
			act.defs = map[string]string{}
		}
		act.defs[typ] = def.URL
		if typ != "Resource" {
			act.types = append(act.types, typ)
		}
		act.run = func(ctx context.Context, u unit, req *Request) (*Response, error) {
			given, err := req.arguments()
			if err != nil {
				return nil, err
			}
			return o.run(s, ctx, u, req, given)
		}
		table[place] = act
	}
}

// arguments are what an operation is given: the parameters in the URL, and those of
// the Parameters in the body.
type arguments struct {
	plain   [][2]string             // primitive ones, in their order
	complex map[string][]fhir.Value // by name
}

// arguments reads the parameters of an operation. Errors are Invalid.
// See https://hl7.org/fhir/R4/operations.html#executing.
func (req *Request) arguments() (arguments, error) {
	given := arguments{complex: map[string][]fhir.Value{}}
	for _, p := range req.Query {
		if !presentational(p[0]) {
			given.plain = append(given.plain, p)
		}
	}
	if req.Body == nil {
		return given, nil
	}
	if req.Body.Type() != "Parameters" {
		return given, fhir.Errorf(fhir.Invalid, "the body of an operation is of type Parameters, not %s", req.Body.Type())
	}
	for p := range req.Body.Root().Get("parameter").Items {
		name := p.Get("name").Text()
		value := choice(p, "value")
		switch {
		case name == "" || !value.Exists():
			return given, fhir.ErrorAt(fhir.Invalid, "Parameters.parameter", "the parameter %q has no value", clip(name))
		case value.Kind() == fhir.ObjectNode:
			given.complex[name] = append(given.complex[name], value)
		default:
			given.plain = append(given.plain, [2]string{name, value.Text()})
		}
	}
	return given, nil
}

// choice returns the member of v that a choice of types like value[x] is, which
// may not exist.
func choice(v fhir.Value, name string) fhir.Value {
	for m := range v.Children {
		if rest, ok := strings.CutPrefix(m.Key(), name); ok && m.Node().Flags&fhir.Shadow == 0 && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' {
			return m
		}
	}
	return fhir.Value{}
}

// only refuses arguments that are not among those named. Errors are Unsupported.
func (a arguments) only(operation string, names ...string) error {
	refuse := func(name string) error {
		return fhir.Errorf(fhir.Unsupported, "%s has no parameter %q", operation, clip(name))
	}
	for _, p := range a.plain {
		if !slices.Contains(names, p[0]) {
			return refuse(p[0])
		}
	}
	for name := range a.complex {
		if !slices.Contains(names, name) {
			return refuse(name)
		}
	}
	return nil
}

// once returns the primitive argument of a name, empty if there is none. The error
// is Invalid if it is repeated.
func (a arguments) once(name string) (string, error) {
	return (&Request{Query: a.plain}).once(name)
}

// all returns the primitive arguments of a name.
func (a arguments) all(name string) []string {
	var values []string
	for _, p := range a.plain {
		if p[0] == name {
			values = append(values, p[1])
		}
	}
	return values
}

// parametersJSON returns a Parameters resource with one parameter, whose value is
// the JSON of a type.
func parametersJSON(name, typ string, value []byte) []byte {
	out := append([]byte(`{"resourceType":"Parameters","parameter":[{"name":`), fhir.Quote(name)...)
	out = append(out, `,"value`+typ+`":`...)
	out = append(out, value...)
	return append(out, "}]}"...)
}
