package search

import "github.com/noafhir/noafhir/fhir"

// A parser reads one value of a parameter.
type parser func(p *Param, text string, o *Options) (comparison, error)

// A modifier changes how the values of a parameter are read and compared.
type modifier struct {
	typ   fhir.ParamType
	name  string
	parse parser // nil: known, but not supported
}

// modifiers lists those of https://hl7.org/fhir/R4/search.html#modifiers; no
// name stands for no modifier. Of any type are :missing and, on references, the
// name of a type. What :not and :not-in turn round is read as
// without.
var modifiers = []modifier{
	{fhir.NumberParam, "", parseNumber},
	{fhir.DateParam, "", parseDate},
	{fhir.QuantityParam, "", parseQuantity},
	{fhir.CompositeParam, "", parseComposite},
	{fhir.SpecialParam, "", parseNear},
	{fhir.StringParam, "", parseString(startsWith)},
	{fhir.StringParam, "exact", parseString(exactly)},
	{fhir.StringParam, "contains", parseString(contains)},
	{fhir.TokenParam, "", parseToken},
	{fhir.TokenParam, "not", parseToken},
	{fhir.TokenParam, "text", parseDisplay},
	{fhir.TokenParam, "in", parseCodes("in")},
	{fhir.TokenParam, "not-in", parseCodes("not-in")},
	{fhir.TokenParam, "above", parseCodes("above")},
	{fhir.TokenParam, "below", parseCodes("below")},
	{fhir.TokenParam, "of-type", parseTyped},
	{fhir.ReferenceParam, "", parseReference("")},
	{fhir.ReferenceParam, "identifier", parseIdentifier},
	{fhir.ReferenceParam, "above", parseHierarchy("above")},
	{fhir.ReferenceParam, "below", parseHierarchy("below")},
	{fhir.URIParam, "", parseURI(sameURI)},
	{fhir.URIParam, "above", parseURI(uriAbove)},
	{fhir.URIParam, "below", parseURI(uriBelow)},
}

// parserOf returns the parser for a parameter of a type with a modifier; known
// is false if the type has no such modifier.
func parserOf(typ fhir.ParamType, name string) (parse parser, known bool) {
	for _, m := range modifiers {
		if m.typ == typ && m.name == name {
			return m.parse, true
		}
	}
	return nil, false
}

// parser returns the parser for values of p with a modifier.
func (p *Param) parser(modifier string) (parser, error) {
	parse, known := parserOf(p.Type, modifier)
	switch {
	case parse != nil:
		return parse, nil
	case known && modifier == "":
		return nil, fhir.Errorf(fhir.Unsupported, "it is not supported")
	case known:
		return nil, fhir.Errorf(fhir.Unsupported, "the modifier :%s is not supported", modifier)
	case p.Type == fhir.ReferenceParam && p.reg.schema.ResourceByName(modifier) != 0:
		return parseReference(modifier), nil
	}
	return nil, invalid("parameters of type %s have no modifier :%s", p.Type, clip(modifier))
}

// missing makes c what :missing asks for: that the resource has no value for the
// parameter, or that it has.
func (c *Clause) missing(values []string) error {
	switch {
	case len(values) != 1 || values[0] != "true" && values[0] != "false":
		return invalid(":missing is true or false")
	case values[0] == "true":
		c.Values = []Value{{Text: "true", missing: true}}
		return nil
	}
	c.Values = []Value{{Text: "false"}}
	if c.Param.sparse || !c.keyed() {
		return nil
	}
	c.Exact = true
	for _, b := range c.Param.branches {
		r := newRanger(b.path)
		r.everything()
		c.Ranges = append(c.Ranges, r.out...)
		c.Exact = c.Exact && b.target == ""
	}
	c.tidy()
	return nil
}
