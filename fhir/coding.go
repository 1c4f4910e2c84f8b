package fhir

// A Coding is a code of a code system.
type Coding struct {
	System string // canonical URL
	Code   string
}

// String returns system|code.
func (c Coding) String() string { return c.System + "|" + c.Code }
