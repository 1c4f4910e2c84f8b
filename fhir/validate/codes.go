package validate

import (
	"context"
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/fhirpath"
	"github.com/noafhir/noafhir/fhir/terminology"
)

// Codes are [Terms] from what a source has: value sets that can be expanded, code
// systems that are there as a whole, and what is known about codes by their form.
// It remembers what it expanded and is safe for concurrent use.
type Codes struct {
	source terminology.Source

	mu      sync.Mutex
	sets    map[string]*codeSet
	systems map[string]*codeSet
}

// NewCodes returns the terms of a source, which must be safe for concurrent use.
func NewCodes(source terminology.Source) *Codes {
	c := &Codes{source: source}
	c.Invalidate()
	return c
}

// Invalidate forgets what was expanded. It is to be called when CodeSystems or
// ValueSets have changed.
func (c *Codes) Invalidate() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sets, c.systems = map[string]*codeSet{}, map[string]*codeSet{}
}

// A codeSet is what is known about a value set or a code system.
type codeSet struct {
	once    sync.Once
	codings map[fhir.Coding]bool
	codes   map[string]bool     // of any system
	display map[string][]string // of a code system: by code
	anyCase bool                // codes are lower case here, and case does not matter
	reason  string              // why there is nothing
	err     error               // why that could not be read
}

// maxSets bounds what is remembered.
const maxSets = 2_000

// entry returns the place of a set.
func (c *Codes) entry(in *map[string]*codeSet, url string) *codeSet {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := (*in)[url]
	if s == nil {
		if len(*in) >= maxSets {
			*in = map[string]*codeSet{}
		}
		s = &codeSet{}
		(*in)[strings.Clone(url)] = s
	}
	return s
}

// forget drops a set that could not be read.
func (c *Codes) forget(in *map[string]*codeSet, url string, s *codeSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if (*in)[url] == s {
		delete(*in, url)
	}
}

// ValidateCode implements [Terms].
func (c *Codes) ValidateCode(_ context.Context, valueSet string, coding fhir.Coding) (Membership, string, error) {
	if coding.System != "" {
		if is, why := c.inSystem(coding); is == NotIn {
			return NotIn, why, nil
		} else if valueSet == "" {
			return is, why, nil
		}
	} else if valueSet == "" {
		return Unknown, "a code without a system can not be checked", nil
	}
	url, _ := cutVersion(valueSet)
	if grammar := grammars[url]; grammar != nil {
		if grammar(coding.Code) {
			return In, "", nil
		}
		return NotIn, "the code is not of the form it must have", nil
	}
	s := c.entry(&c.sets, valueSet)
	s.once.Do(func() { s.expand(c.source, valueSet) })
	if s.err != nil {
		c.forget(&c.sets, valueSet, s)
		return Unknown, "", s.err
	}
	switch {
	case s.codings == nil:
		return Unknown, s.reason, nil
	case coding.System == "" && s.codes[coding.Code], s.codings[coding]:
		return In, "", nil
	}
	return NotIn, "", nil
}

// Displays implements [Displayer].
func (c *Codes) Displays(_ context.Context, coding fhir.Coding) []string {
	s := c.entry(&c.systems, coding.System)
	s.once.Do(func() { s.read(c.source, coding.System) })
	code := coding.Code
	if s.anyCase {
		code = strings.ToLower(code)
	}
	return s.display[code]
}

// expand reads a value set.
func (s *codeSet) expand(source terminology.Source, valueSet string) {
	list, err := terminology.New(source).Expand(valueSet)
	if err != nil {
		url, version := cutVersion(valueSet)
		if version != "" && fhir.KindOf(err) == fhir.Unsupported {
			// R4 names versions of value sets that it does not have.
			list, err = terminology.New(source).Expand(url)
		}
	}
	if err != nil {
		if passing(err) {
			s.err = err
		}
		s.reason = clientText(err)
		return
	}
	s.codings, s.codes = map[fhir.Coding]bool{}, map[string]bool{}
	for _, c := range list {
		c = fhir.Coding{System: strings.Clone(c.System), Code: strings.Clone(c.Code)}
		s.codings[c], s.codes[c.Code] = true, true
	}
}

// inSystem tells whether a code is one of its system.
func (c *Codes) inSystem(coding fhir.Coding) (Membership, string) {
	switch coding.System {
	case "http://loinc.org":
		if isLOINC(coding.Code) && !validLOINC(coding.Code) {
			return NotIn, "the check digit of the LOINC code is wrong"
		}
	case "http://snomed.info/sct":
		if !validSCTID(coding.Code) && !strings.ContainsAny(coding.Code, ":+|<=() ") {
			return NotIn, "this is no SNOMED CT identifier: its check digit is wrong"
		}
	case ucumSystem:
		if !fhirpath.IsUnit(coding.Code) {
			return NotIn, "this is no unit of UCUM"
		}
		return In, ""
	}
	s := c.entry(&c.systems, coding.System)
	s.once.Do(func() { s.read(c.source, coding.System) })
	if s.err != nil {
		c.forget(&c.systems, coding.System, s)
	}
	code := coding.Code
	if s.anyCase {
		code = strings.ToLower(code)
	}
	switch {
	case s.codes == nil:
		return Unknown, s.reason
	case s.codes[code]:
		return In, ""
	}
	return NotIn, "the code system has no such code"
}

// read reads a code system.
func (s *codeSet) read(source terminology.Source, url string) {
	s.reason = "the code system is not known here"
	url, _ = cutVersion(url)
	found, err := source.Canonical("CodeSystem", url)
	if passing(err) {
		s.err = err
	}
	if err != nil || len(found) == 0 {
		return
	}
	root := found[0].Root()
	if root.Get("content").Text() != "complete" || root.Get("compositional").Text() == "true" {
		s.reason = "the code system is not here as a whole"
		return
	}
	s.anyCase = root.Get("caseSensitive").Text() != "true"
	s.codes, s.display = map[string]bool{}, map[string][]string{}
	s.concepts(root, 0)
}

func (s *codeSet) concepts(v fhir.Value, depth int) {
	if depth > 50 {
		return
	}
	for item := range v.Get("concept").Items {
		code := item.Get("code").Text()
		if s.anyCase {
			code = strings.ToLower(code)
		}
		code = strings.Clone(code)
		s.codes[code] = true
		if display := keep(item.Get("display")); display != "" {
			s.display[code] = append(s.display[code], display)
		}
		for d := range item.Get("designation").Items {
			if display := keep(d.Get("value")); display != "" {
				s.display[code] = append(s.display[code], display)
			}
		}
		s.concepts(item, depth+1)
	}
}

// Subsumes implements [Subsumer].
func (c *Codes) Subsumes(_ context.Context, a, b fhir.Coding) (bool, error) {
	below, err := terminology.New(c.source).Below(a)
	if err != nil {
		return false, err
	}
	for _, d := range below {
		if d == b {
			return true, nil
		}
	}
	return false, nil
}

// grammars are value sets that no list can hold: all codes of a form.
var grammars = map[string]func(code string) bool{
	"http://hl7.org/fhir/ValueSet/mimetypes":     isMimeType,
	"http://hl7.org/fhir/ValueSet/all-languages": isLanguage,
	"http://hl7.org/fhir/ValueSet/ucum-units":    fhirpath.IsUnit,
}

// isMimeType accepts type/subtype, with parameters, and the short forms like xml
// that R4 has in examples of its own.
// See https://hl7.org/fhir/R4/valueset-mimetypes.html.
func isMimeType(code string) bool {
	mime, _, _ := strings.Cut(code, ";")
	for part := range strings.SplitSeq(strings.TrimSpace(mime), "/") {
		if part == "" || strings.ContainsAny(part, " \t()<>@,:\\\"[]?=") {
			return false
		}
	}
	return true
}

// isLanguage accepts what has the form of a tag of BCP 47.
func isLanguage(code string) bool {
	for i, part := range strings.Split(code, "-") {
		if len(part) == 0 || len(part) > 8 || i == 0 && len(part) == 1 && part != "x" && part != "i" {
			return false
		}
		for _, c := range part {
			letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
			if !letter && (i == 0 || c < '0' || c > '9') {
				return false
			}
		}
	}
	return true
}
