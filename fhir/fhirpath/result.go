package fhirpath

import "github.com/noafhir/noafhir/fhir"

// A Result is what is known about the items that an expression yields before it
// is evaluated.
type Result struct {
	Any    bool          // they can be anything
	Types  []fhir.TypeID // FHIR types that they can have
	System []Kind        // types of this language that they can have
}

// ResultOf returns what an expression can yield when it is evaluated on a value
// of a type. The error is that of compiling it with [Strict].
func ResultOf(schema *fhir.Schema, e *Expr, typ fhir.TypeID) (Result, error) {
	if _, err := CompileExpr(schema, e, Strict(typ)); err != nil {
		return Result{}, err
	}
	c := compiler{m: modelOf(schema), declared: map[string]bool{}, custom: map[string]Function{}}
	s, err := c.shape(e, c.known(typ))
	if err != nil || s.types == nil {
		return Result{Any: true}, err
	}
	var r Result
	for _, t := range s.types {
		switch {
		case t.any:
			r.Any = true
		case t.fhir != 0:
			r.Types = append(r.Types, t.fhir)
		default:
			r.System = append(r.System, t.system)
		}
	}
	return r, nil
}
