package validate

import (
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/noafhir/noafhir/fhir"
)

// A slicing says how the occurrences of an element are told apart.
// See https://hl7.org/fhir/R4/profiling.html#slicing.
type slicing struct {
	discriminators []discriminator
	ordered        bool
	rules          string // open, closed or openAtEnd

	once  sync.Once
	tests [][]test // by slice: what an occurrence of it meets; nil if that can not be told
}

type discriminator struct{ kind, path string }

func readSlicing(v fhir.Value) *slicing {
	if !v.Exists() {
		return nil
	}
	s := &slicing{ordered: v.Get("ordered").Text() == "true", rules: keep(v.Get("rules"))}
	if s.rules == "" {
		s.rules = "open"
	}
	for d := range v.Get("discriminator").Items {
		s.discriminators = append(s.discriminators, discriminator{keep(d.Get("type")), keep(d.Get("path"))})
	}
	return s
}

const defaultSlice = "@default"

// sliced sorts the occurrences of an element into its slices and checks them there.
// Owner is the object that has no occurrence at all, if there are no items.
func (r *run) sliced(items []item, owner fhir.Value, el *element) {
	if el.slicing == nil || len(el.slices) == 0 && el.slicing.rules != "closed" {
		return
	}
	el.slicing.once.Do(func() { el.slicing.tests = r.v.tests(el) })
	counts := make([]int, len(el.slices))
	members := make([][]item, len(el.slices))
	latest, ended := 0, false
	for _, it := range items {
		at := it.at()
		if !at.Exists() || at.Node().Flags&fhir.Flawed != 0 {
			continue
		}
		k := r.sliceOf(it, el)
		if k < 0 {
			r.unmatched(it, el)
			ended = true
			continue
		}
		if ended && el.slicing.rules == "openAtEnd" {
			r.tell(at, "error", "structure", "the slice %s must stand before what belongs to no slice", el.slices[k].slice)
		}
		if el.slicing.ordered && k < latest {
			r.tell(at, "error", "structure", "the slice %s must stand before the slice %s", el.slices[k].slice, el.slices[latest].slice)
		}
		latest = max(latest, k)
		counts[k]++
		if len(el.slices[k].slices) > 0 {
			members[k] = append(members[k], it)
		}
		r.occurrence(it.value, it.shadow, el.slices[k], false)
	}
	for k, s := range el.slices {
		if el.slicing.tests[k] == nil && s.slice != defaultSlice {
			if of := r.ownerOf(items, owner); s.min > 0 && of.Exists() {
				r.tellMember(of, s.name, "warning", "not-supported", "the slice %s was not checked, as its definition does not tell it apart", s.slice)
			}
			continue
		}
		r.sliceCount(items, owner, s, counts[k])
		if len(s.slices) > 0 {
			r.sliced(members[k], r.ownerOf(items, owner), s)
		}
	}
}

// ownerOf returns the object that the items, or their absence, are in.
func (r *run) ownerOf(items []item, owner fhir.Value) fhir.Value {
	if owner.Exists() || len(items) == 0 || items[0].at().Tree() != r.tree {
		return owner
	}
	way := r.way(items[0].at())
	return way[max(len(way)-2, 0)].v
}

func (r *run) sliceCount(items []item, owner fhir.Value, s *element, n int) {
	if n >= s.min && n <= s.max {
		return
	}
	of := r.ownerOf(items, owner)
	if !of.Exists() {
		return
	}
	switch {
	case n < s.min:
		r.tellMember(of, s.name, "error", "required", "the slice %s must occur at least %d times, found %d", s.slice, s.min, n)
	case s.max == 0:
		r.tellMember(of, s.name, "error", "structure", "the slice %s is not allowed here", s.slice)
	case s.max != math.MaxInt:
		r.tellMember(of, s.name, "error", "structure", "the slice %s may occur at most %d times, found %d", s.slice, s.max, n)
	}
}

// unmatched checks an occurrence that belongs to no slice.
func (r *run) unmatched(it item, el *element) {
	if k := slices.IndexFunc(el.slices, func(s *element) bool { return s.slice == defaultSlice }); k >= 0 {
		r.occurrence(it.value, it.shadow, el.slices[k], false)
		return
	}
	if el.slicing.rules == "closed" && !slices.ContainsFunc(el.slicing.tests, func(t []test) bool { return t == nil }) {
		var names []string
		for _, s := range el.slices {
			names = append(names, s.slice)
		}
		r.tell(it.at(), "error", "structure", "this belongs to no slice; allowed are %s", either(names))
	}
}

// sliceOf returns the index of the slice that an occurrence belongs to, or -1.
func (r *run) sliceOf(it item, el *element) int {
	for k, tests := range el.slicing.tests {
		if tests == nil || el.slices[k].slice == defaultSlice {
			continue
		}
		if !slices.ContainsFunc(tests, func(t test) bool { return !t(r, it) }) {
			return k
		}
	}
	return -1
}

// tests makes the tests of all slices of an element.
func (v *Validator) tests(el *element) [][]test {
	out := make([][]test, len(el.slices))
	for k, s := range el.slices {
		for _, d := range el.slicing.discriminators {
			t := v.test(s, d)
			if t == nil {
				out[k] = nil
				break
			}
			out[k] = append(out[k], t)
		}
	}
	return out
}

// A test says whether an occurrence meets one discriminator of a slice.
type test func(r *run, it item) bool

// test makes the test for one discriminator, nil if the slice does not say enough.
func (v *Validator) test(s *element, d discriminator) test {
	steps, ok := parsePath(d.path)
	if !ok {
		return nil
	}
	if kinds := v.kinds(s); d.kind == "value" && d.path == "url" && len(kinds) == 1 && kinds[0].code == "Extension" && len(kinds[0].profiles) > 0 && s.child("url") == nil {
		url, _ := cutVersion(kinds[0].profiles[0])
		return func(_ *run, it item) bool { return it.value.Get("url").Text() == url }
	}
	target := v.expected(s, steps)
	if target == nil {
		return nil
	}
	switch d.kind {
	case "value", "pattern":
		if !target.says() {
			target = target.inherited((*element).says)
		}
		if target == nil {
			return nil
		}
		return func(r *run, it item) bool {
			return r.some(it, steps, func(o *run, i item) bool {
				return o.try(func() { o.occurrence(i.value, i.shadow, target, false) })
			})
		}
	case "exists":
		want := target.max != 0 && (target.counted || target.base == nil || target.base.max != 0)
		return func(r *run, it item) bool {
			return r.some(it, steps, func(*run, item) bool { return true }) == want
		}
	case "type":
		return v.typeTest(target, steps)
	case "profile":
		return v.profileTest(target, steps)
	}
	return nil
}

// says reports whether an element has rules that tell values apart.
func (e *element) says() bool {
	if e.fixed.Exists() || e.pattern.Exists() || e.binding != nil && e.binding.strength == "required" || len(e.rules) > 0 || len(e.slices) > 0 {
		return true
	}
	return slices.ContainsFunc(e.inner(), func(c *element) bool { return c.min > 0 && c.counted || c.says() })
}

func (v *Validator) typeTest(target *element, steps []pathStep) test {
	var allowed []fhir.TypeID
	resolved := len(steps) > 0 && steps[len(steps)-1].kind == resolveStep
	for _, t := range v.kinds(target) {
		if !resolved {
			if id := v.schema.TypeByName(t.code); id != 0 {
				allowed = append(allowed, id)
			}
			continue
		}
		for _, url := range t.targets {
			if p, err := v.profile(url); err == nil {
				allowed = append(allowed, p.typ)
			}
		}
	}
	if len(allowed) == 0 {
		return nil
	}
	is := func(t fhir.TypeID) bool {
		return slices.ContainsFunc(allowed, func(a fhir.TypeID) bool { return instance(v.schema, t, a) })
	}
	return func(r *run, it item) bool {
		if resolved {
			return r.someType(it, steps, is)
		}
		return r.some(it, steps, func(_ *run, i item) bool { return is(i.at().Type()) })
	}
}

func (v *Validator) profileTest(target *element, steps []pathStep) test {
	resolved := len(steps) > 0 && steps[len(steps)-1].kind == resolveStep
	var urls []string
	for _, t := range v.kinds(target) {
		if resolved {
			urls = append(urls, t.targets...)
		} else {
			urls = append(urls, t.profiles...)
		}
	}
	urls = slices.DeleteFunc(urls, func(url string) bool { _, err := v.profile(url); return err != nil })
	if len(urls) == 0 {
		return nil
	}
	return func(r *run, it item) bool {
		return r.some(it, steps, func(o *run, i item) bool {
			return slices.ContainsFunc(urls, func(url string) bool {
				p, err := v.profile(url)
				return err == nil && o.fits(i.at(), p) && o.try(func() { o.conform(i.value, i.shadow, p) })
			})
		})
	}
}

// A pathStep is one step of a discriminator's path.
// See https://hl7.org/fhir/R4/profiling.html#discriminator.
type pathStep struct {
	kind stepKind
	name string // an element, the URL of an extension, or a type
}

type stepKind uint8

const (
	memberStep stepKind = iota
	extensionStep
	resolveStep
	typeStep
)

// parsePath reads the restricted FHIRPath of a discriminator.
func parsePath(path string) ([]pathStep, bool) {
	var steps []pathStep
	for path != "" {
		var step string
		if open := strings.IndexByte(path, '('); open >= 0 && !strings.Contains(path[:open], ".") {
			end := strings.IndexByte(path, ')')
			if end < open {
				return nil, false
			}
			step, path = path[:end+1], strings.TrimPrefix(path[end+1:], ".")
		} else {
			step, path, _ = strings.Cut(path, ".")
		}
		name, argument, call := strings.Cut(strings.TrimSuffix(step, ")"), "(")
		switch {
		case step == "$this":
		case !call:
			steps = append(steps, pathStep{memberStep, strings.TrimSuffix(name, "[x]")})
		case name == "resolve":
			steps = append(steps, pathStep{resolveStep, ""})
		case name == "extension":
			steps = append(steps, pathStep{extensionStep, strings.Trim(argument, `'"`)})
		case name == "ofType", name == "as":
			steps = append(steps, pathStep{typeStep, argument})
		default:
			return nil, false
		}
	}
	return steps, true
}
