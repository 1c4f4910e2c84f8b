package terminology

import (
	"github.com/noafhir/noafhir/fhir"
)

// A codeSystem is a CodeSystem resource, read.
type codeSystem struct {
	url      string
	meaning  string // of the hierarchy
	concepts map[string]*concept
	order    []string // codes as they stand in the resource
}

// A concept is one code.
type concept struct {
	parents, children []string
	properties        map[string][]string
}

// system returns a code system all of whose codes are known.
func (t *Terminology) system(canonical string) (*codeSystem, error) {
	if s := t.systems[canonical]; s != nil {
		return s, nil
	}
	r, err := t.definition("CodeSystem", canonical)
	if err != nil {
		return nil, err
	}
	if content := r.Root().Get("content").Text(); content != "complete" {
		return nil, fhir.Errorf(fhir.Unsupported, "of the code system %s this server does not have all codes: its content is %q", canonical, content)
	}
	s := &codeSystem{url: r.Root().Get("url").Text(), meaning: r.Root().Get("hierarchyMeaning").Text(), concepts: map[string]*concept{}}
	s.read(r.Root(), "")
	s.connect()
	t.systems[canonical] = s
	return s, nil
}

// read reads the concepts within v, which is that of parent.
func (s *codeSystem) read(v fhir.Value, parent string) {
	for item := range v.Get("concept").Items {
		code := item.Get("code").Text()
		c := s.concepts[code]
		if c == nil {
			c = &concept{properties: map[string][]string{}}
			s.concepts[code] = c
			s.order = append(s.order, code)
		}
		if parent != "" {
			c.parents = append(c.parents, parent)
		}
		for p := range item.Get("property").Items {
			name := p.Get("code").Text()
			c.properties[name] = append(c.properties[name], propertyValue(p))
		}
		s.read(item, code)
	}
}

// propertyValue returns value[x] of a property as text.
func propertyValue(p fhir.Value) string {
	for v := range p.Children {
		switch v.Key() {
		case "valueCode", "valueString", "valueInteger", "valueBoolean", "valueDateTime", "valueDecimal":
			return v.Text()
		case "valueCoding":
			return v.Get("code").Text()
		}
	}
	return ""
}

// connect adds the parents and children that properties name.
func (s *codeSystem) connect() {
	for code, c := range s.concepts {
		c.parents = append(c.parents, c.properties["parent"]...)
		for _, child := range c.properties["child"] {
			if other := s.concepts[child]; other != nil {
				other.parents = append(other.parents, code)
			}
		}
	}
	for code, c := range s.concepts {
		for _, parent := range c.parents {
			if p := s.concepts[parent]; p != nil {
				p.children = append(p.children, code)
			}
		}
	}
}

// hierarchical refuses code systems whose hierarchy is not one of subsumption.
func (s *codeSystem) hierarchical() error {
	if s.meaning == "" || s.meaning == "is-a" {
		return nil
	}
	return fhir.Errorf(fhir.Unsupported, "in the code system %s the hierarchy means %q, so that no code subsumes another", s.url, s.meaning)
}

// below returns a code and its descendants.
func (s *codeSystem) below(code string) map[string]bool {
	return s.reach(code, func(c *concept) []string { return c.children })
}

// above returns a code and its ancestors.
func (s *codeSystem) above(code string) map[string]bool {
	return s.reach(code, func(c *concept) []string { return c.parents })
}

func (s *codeSystem) reach(code string, next func(*concept) []string) map[string]bool {
	found := map[string]bool{}
	todo := []string{code}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if c := s.concepts[at]; c != nil && !found[at] {
			found[at] = true
			todo = append(todo, next(c)...)
		}
	}
	return found
}

// list returns the codes of a set, in the order of the code system.
func (s *codeSystem) list(codes map[string]bool) []fhir.Coding {
	var all []fhir.Coding
	for _, code := range s.order {
		if codes[code] {
			all = append(all, fhir.Coding{System: s.url, Code: code})
		}
	}
	return all
}
