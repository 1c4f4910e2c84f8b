package main

import "strings"

// codeSystems knows which code systems value sets draw on.
type codeSystems struct {
	sets map[string]valueSet
}

func newCodeSystems(sets []valueSet) codeSystems {
	c := codeSystems{map[string]valueSet{}}
	for _, v := range sets {
		c.sets[v.URL] = v
	}
	return c
}

// only returns the one system that every code of a value set comes from, or
// empty if there are several or we cannot tell.
func (c codeSystems) only(canonical string) string {
	systems := map[string]bool{}
	if !c.collect(canonical, systems, map[string]bool{}) || len(systems) != 1 {
		return ""
	}
	for s := range systems {
		return s
	}
	return ""
}

// collect adds the systems of a value set. It reports false if there may be
// others: the set, or one it imports, is not in the package or is not defined by
// its content.
func (c codeSystems) collect(canonical string, systems, seen map[string]bool) bool {
	url, _, _ := strings.Cut(canonical, "|")
	if seen[url] {
		return true
	}
	seen[url] = true
	set, ok := c.sets[url]
	if !ok || len(set.Compose.Include) == 0 {
		return false
	}
	for _, in := range set.Compose.Include {
		if !c.collectInclude(in, systems, seen) {
			return false
		}
	}
	return true
}

// collectInclude adds the systems of one include. Its system and its value sets
// narrow each other down, so the system alone says enough; without one, so does
// any of the value sets, but all of them are a safe answer.
func (c codeSystems) collectInclude(in include, systems, seen map[string]bool) bool {
	if in.System != "" {
		systems[in.System] = true
		return true
	}
	for _, v := range in.ValueSet {
		if !c.collect(v, systems, seen) {
			return false
		}
	}
	return len(in.ValueSet) > 0
}
