package handlers

import (
	"encoding/binary"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// maxSubjects bounds the subjects that one page of $everything goes through, so that
// it ends where there is little about each.
const maxSubjects = 100

// The parts of what is shown of a subject.
const (
	compartmentPart = iota
	supportPart
)

// An everythingPage is a page in the making.
type everythingPage struct {
	*everything
	entries []foundEntry
	matches int64
	shared  map[fhir.Key]bool // what has been included for one subject, and need not be for another
	size    int
	next    search.Position // where the next page begins; nil: there is none
}

// A foundEntry is a version to be shown, and why.
type foundEntry struct {
	version *store.Version
	mode    string
}

// An everythingPlace is where a page begins: with a part of what is shown of a
// subject, behind a place in it.
type everythingPlace struct {
	subject subject
	part    byte
	behind  []byte
}

// position writes a place down.
func (at everythingPlace) position() search.Position {
	out := []byte{at.part}
	for _, field := range [][]byte{[]byte(at.subject.id), at.subject.before, at.behind} {
		out = binary.AppendUvarint(out, uint64(len(field)))
		out = append(out, field...)
	}
	return out
}

// placeAt reads what position wrote. The error is Invalid if another version of the
// server wrote it.
func placeAt(p search.Position) (at everythingPlace, err error) {
	var fields [3][]byte
	rest := p[1:]
	for i := range fields {
		n, size := binary.Uvarint(rest)
		if size <= 0 || n > uint64(len(rest)-size) {
			return at, fhir.Errorf(fhir.Invalid, "%s is of another version of this server: start again without it", cursorParam)
		}
		rest = rest[size:]
		fields[i], rest = rest[:n], rest[n:]
	}
	at.part, at.subject.id, at.subject.before, at.behind = p[0], string(fields[0]), fields[1], fields[2]
	return at, nil
}

// full reports whether there is no room for more.
func (p *everythingPage) full() bool { return len(p.entries) >= p.count || p.size >= store.PageBytes }

// fill fills the page from a place on, nil being the beginning.
func (p *everythingPage) fill(from search.Position) error {
	var at everythingPlace
	if from != nil {
		var err error
		if at, err = placeAt(from); err != nil {
			return err
		}
	}
	s, err := p.subjectAt(at.subject.id, at.subject.before)
	if s != nil && s.id != at.subject.id {
		at.part, at.behind = compartmentPart, nil // it is gone; this is another
	}
	for n := 0; err == nil && s != nil && p.next == nil; n++ {
		at.subject = *s
		if n == maxSubjects {
			p.next = at.position()
			return nil
		}
		if at.part == compartmentPart {
			if err := p.addCompartment(at); err != nil || p.next != nil {
				return err
			}
			at.behind = nil
		}
		if err := p.addSupport(at); err != nil || p.next != nil {
			return err
		}
		at.part, at.behind = compartmentPart, nil
		s, err = p.following(s)
	}
	return err
}

// addCompartment adds what is in the compartment of a subject. If there is no room for
// all of it, it says where the next page begins.
func (p *everythingPage) addCompartment(at everythingPlace) error {
	q := p.inCompartment(&at.subject, p.types)
	if q == nil {
		return nil
	}
	if !p.since.IsZero() {
		q.LastUpdated = []search.TimeRange{{Low: p.since}}
	}
	for {
		full := p.full()
		q.Count = max(1, p.count-len(p.entries))
		if len(at.behind) > 0 {
			q.After = at.behind
		}
		page, err := p.reader.Search(p.ctx, p.who, q)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			earlier, err := p.comesEarlier(&at.subject, v)
			switch {
			case err != nil:
				return err
			case earlier:
			case full:
				p.next = at.position()
				return nil
			default:
				p.add(v, "match")
			}
		}
		if page.Next == nil {
			return nil
		}
		at.part, at.behind = compartmentPart, page.Next
	}
}

// addSupport adds what the compartment of a subject refers to.
func (p *everythingPage) addSupport(at everythingPlace) error {
	keys, err := p.support(&at.subject)
	if err != nil {
		return err
	}
	behind := ""
	if at.part == supportPart {
		behind = string(at.behind)
	}
	for _, key := range keys {
		if key.String() <= behind || p.shared[key] {
			continue
		}
		v, err := p.readKey(key)
		if err != nil {
			return err
		}
		if v == nil || v.LastUpdated.Before(p.since) {
			continue
		}
		if p.full() {
			at.part, at.behind = supportPart, []byte(behind)
			p.next = at.position()
			return nil
		}
		p.add(v, "include")
		behind = key.String()
	}
	return nil
}

// add adds an entry.
func (p *everythingPage) add(v *store.Version, mode string) {
	p.entries = append(p.entries, foundEntry{v, mode})
	p.size += len(v.Body)
	if mode == "match" {
		p.matches++
	} else {
		p.shared[v.Key] = true
	}
}

// bundle puts together the Bundle of a page.
func (p *everythingPage) bundle(req *Request, given arguments, total int64) ([]byte, error) {
	b := newBundle("searchset", total, p.size+300*len(p.entries))
	shown := *req
	shown.Query = given.plain
	b.links(p.server.pageLinks(operationAddress(req), p.params, &store.Page{Next: p.next}, &shown))
	for _, entry := range p.entries {
		v := entry.version
		resource, err := p.server.subset(p.view, v.Body)
		if err != nil {
			return nil, err
		}
		b.found(p.server.fullURL(v.Key), resource, entry.mode)
	}
	return b.bytes(), nil
}
