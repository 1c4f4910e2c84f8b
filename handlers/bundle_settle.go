package handlers

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// settle decides what each entry is about and makes what it writes, from the
// criteria as last asked. What was made before stays if it would be the same.
func (p *plan) settle(ctx context.Context, r store.Reader) error {
	if err := p.identify(); err != nil {
		return err
	}
	if err := p.disjoint(); err != nil {
		return err
	}
	if err := p.foresee(ctx, r); err != nil {
		return err
	}
	asked := map[string]bool{}
	for _, q := range p.criteria {
		asked[q.query.Type], q.match = true, fhir.Key{}
	}
	// What criteria may match is made first, with conditional references as they
	// came: these are resolved last of all.
	if err := p.make(ctx, func(c *change) bool { return asked[c.request.Key.Type] }); err != nil {
		return err
	}
	p.overlay = newOverlay(p.changes, asked)
	if err := p.exclusive(); err != nil {
		return err
	}
	if err := p.resolve(); err != nil {
		return err
	}
	return p.make(ctx, func(*change) bool { return true })
}

// identify finds what each entry is about.
func (p *plan) identify() error {
	deleted := map[fhir.Key]bool{}
	for _, c := range p.changes {
		if c.request.Method != http.MethodDelete {
			continue
		}
		c.keys = []fhir.Key{c.request.Key}
		if c.condition != nil {
			if found := len(c.condition.found); found > p.deletes {
				return c.fail(tooMany(c.request.Key.Type, p.deletes))
			}
			c.keys = keysOf(c.condition.found)
		}
		for _, key := range c.keys {
			deleted[key] = true
		}
	}
	for _, c := range p.changes {
		if !c.mayWrite() || c.request.Method == http.MethodDelete {
			continue
		}
		if err := c.identify(deleted); err != nil {
			return c.fail(err)
		}
	}
	return nil
}

// tooMany is the error of a conditional delete with more matches than it may
// delete.
func tooMany(typ string, limit int) error {
	if limit == 1 {
		return fhir.Errorf(fhir.Ambiguous, "the criteria match several resources of type %s", typ)
	}
	return fhir.Errorf(fhir.Ambiguous, "the criteria match more than %d resources of type %s", limit, typ)
}

// keysOf returns the keys of versions.
func keysOf(versions []*store.Version) []fhir.Key {
	keys := make([]fhir.Key, len(versions))
	for i, v := range versions {
		keys[i] = v.Key
	}
	return keys
}

// identify finds what an entry is about, given what the bundle deletes before.
func (c *change) identify(deleted map[fhir.Key]bool) error {
	typ := c.request.Key.Type
	c.found = nil
	if c.condition == nil {
		c.keys = []fhir.Key{c.request.Key}
		if c.request.Method == http.MethodPost {
			c.keys[0].ID = c.assigned
		}
		return nil
	}
	for _, v := range c.condition.found {
		switch {
		case deleted[v.Key]:
		case c.found != nil:
			return fhir.Errorf(fhir.Ambiguous, "the criteria match several resources of type %s", typ)
		default:
			c.found = v
		}
	}
	given := c.resource.Get("id").Text()
	switch {
	case c.found == nil && c.request.Method == http.MethodPatch:
		return fhir.Errorf(fhir.NotFound, "the criteria match no %s", typ)
	case c.found == nil && c.request.Method == http.MethodPut && given != "":
		c.keys = []fhir.Key{{Type: typ, ID: given}}
	case c.found == nil:
		c.keys = []fhir.Key{{Type: typ, ID: c.assigned}}
	case c.request.Method == http.MethodPut && given != "" && given != c.found.Key.ID:
		return fhir.ErrorAt(fhir.Invalid, "resource.id", "the criteria match a resource whose id is not %q, the id in the body", given)
	default:
		c.keys = []fhir.Key{c.found.Key}
	}
	return nil
}

// disjoint refuses a transaction in which two entries write the same resource.
func (p *plan) disjoint() error {
	writers := make(map[fhir.Key]*change, len(p.changes))
	for _, c := range p.changes {
		if !c.mayWrite() || c.request.Method == http.MethodPost && c.found != nil {
			continue
		}
		for _, key := range c.keys {
			if other := writers[key]; other != nil {
				return c.fail(fhir.Errorf(fhir.Invalid, "entry %d is about %s too; a transaction may write a resource once", other.index, key))
			}
			writers[key] = c
		}
	}
	return nil
}

// foresee finds which version will be there after entries whose version a
// reference names.
func (p *plan) foresee(ctx context.Context, r store.Reader) error {
	for _, c := range p.changes {
		switch {
		case !c.numbered:
		case c.request.Method == http.MethodPost && c.found != nil:
			c.number = c.found.Number
		case c.request.Method == http.MethodPost:
			c.number = 1
		default:
			page, err := r.History(ctx, p.who, store.HistoryQuery{Key: c.keys[0], Count: 1})
			if err != nil {
				return c.fail(err)
			}
			c.number = 1
			if len(page.Versions) > 0 {
				c.number += page.Versions[0].Number
			}
		}
	}
	return nil
}

// exclusive refuses conditions that another entry meets: the outcome would
// depend on which of the two comes first, and it must not depend on the order of
// entries.
func (p *plan) exclusive() error {
	for _, c := range p.changes {
		if c.condition == nil || c.request.Method == http.MethodDelete {
			continue
		}
		matches, err := p.overlay.matches(c.condition)
		if err != nil {
			return c.fail(err)
		}
		for _, other := range matches {
			if other != c && (c.request.Method != http.MethodPost || other.request.Method == http.MethodPost) {
				return c.fail(fhir.Errorf(fhir.Invalid, "the resource of entry %d meets the criteria of this one; what becomes of them would depend on their order", other.index))
			}
		}
	}
	return nil
}

// resolve finds the one match of every conditional reference, among what is in
// the store and what the transaction puts there.
func (p *plan) resolve() error {
	written := map[fhir.Key]bool{}
	for _, c := range p.changes {
		if c.write != nil || c.request.Method == http.MethodDelete {
			for _, key := range c.keys {
				written[key] = true
			}
		}
	}
	for _, q := range p.criteria {
		if !q.refers {
			continue
		}
		var matches []fhir.Key
		for _, v := range q.found {
			if !written[v.Key] {
				matches = append(matches, v.Key)
			}
		}
		made, err := p.overlay.matches(q)
		if err != nil {
			return err
		}
		for _, c := range made {
			matches = append(matches, c.keys[0])
		}
		if len(matches) != 1 {
			return p.unresolved(q, len(matches))
		}
		q.match = matches[0]
	}
	return nil
}

// unresolved is the error for a conditional reference with no match or several.
func (p *plan) unresolved(q *criterion, matches int) error {
	for _, c := range p.changes {
		for _, at := range c.places {
			if at.criterion != q {
				continue
			}
			text, expression := p.tree.At(at.node).Text(), p.expression(at)
			if matches > 1 {
				return c.fail(fhir.ErrorAt(fhir.Ambiguous, expression, "the conditional reference %s matches several resources", text))
			}
			err := fhir.ErrorAt(fhir.Stale, expression, "the conditional reference %s matches nothing", text)
			err.Issues = []fhir.Issue{{Severity: "error", Code: "not-found", Text: err.Text, Expression: expression}}
			return c.fail(err)
		}
	}
	return fhir.Errorf(fhir.Internal, "a criterion belongs to no reference")
}

// make makes what the chosen changes write, on all processors if they are many.
func (p *plan) make(ctx context.Context, chosen func(*change) bool) error {
	return each(ctx, len(p.changes), func(i int) error {
		c := p.changes[i]
		if !chosen(c) {
			return nil
		}
		if c.request.Method == http.MethodPatch {
			c.patch = p.repatch(c.request.Patch)
		}
		if !c.stores() {
			return nil
		}
		if err := p.makeWrite(ctx, c); err != nil {
			return c.fail(err)
		}
		return nil
	})
}

// makeWrite makes the write of a change, unless it has been made the same way.
func (p *plan) makeWrite(ctx context.Context, c *change) error {
	if c.request.Method == http.MethodPost && c.found != nil {
		c.write = nil
		return nil
	}
	edits := p.edits(c)
	if c.write != nil && c.write.Key == c.keys[0] && slices.Equal(c.edits, edits) {
		return nil
	}
	r, err := p.edited(c, edits)
	if err != nil {
		return err
	}
	w, notes, err := p.server.prepare(ctx, r, c.keys[0].ID, c.request.Method)
	if err != nil {
		return err
	}
	c.write, c.edits, c.notes = &w, edits, notes
	return nil
}

// edited returns the resource of a change with edits applied.
func (p *plan) edited(c *change, edits []fhir.Edit) (*fhir.Resource, error) {
	if len(edits) == 0 {
		return p.server.codec.Nested(c.resource), nil
	}
	received := fhir.Tree{Src: c.resource.Raw()}
	return p.server.codec.ParseJSON(received.Splice(edits))
}

// edits returns what to change in the resource of a change, in order.
func (p *plan) edits(c *change) []fhir.Edit {
	edits := make([]fhir.Edit, 0, len(c.places)+1)
	if id := c.keys[0].ID; c.request.Method == http.MethodPost || c.condition != nil {
		if at := c.resource.Get("id").Node(); at != nil {
			edits = append(edits, fhir.Edit{Start: at.Start, End: at.End, Text: fhir.Quote(id)})
		} else {
			end := c.resource.Get("resourceType").Node().End
			edits = append(edits, fhir.Edit{Start: end, End: end, Text: `,"id":` + fhir.Quote(id)})
		}
	}
	for i := range c.places {
		at := p.tree.At(c.places[i].node)
		if text := p.replacement(c, &c.places[i]); text != "" && text != at.Text() {
			edits = append(edits, fhir.Edit{Start: at.Node().Start, End: at.Node().End, Text: fhir.Quote(text)})
		}
	}
	base := c.resource.Node().Start
	for i := range edits {
		edits[i].Start -= base
		edits[i].End -= base
	}
	slices.SortFunc(edits, func(a, b fhir.Edit) int { return int(a.Start) - int(b.Start) })
	return edits
}

// replacement returns what shall stand at a place; nothing if that is not known
// yet.
func (p *plan) replacement(c *change, at *place) string {
	switch {
	case at.to != nil:
		return at.to.address(at.link)
	case at.form == narrativeLink:
		text, _ := relink(p.tree.At(at.node).Text(), func(url string) (string, bool) {
			to, l := p.lookup(c.root, url)
			if to == nil {
				return "", false
			}
			return to.address(l), true
		})
		return text
	case at.criterion.match.ID != "":
		return at.criterion.match.String()
	}
	return ""
}

// address returns the relative URL of what the entry is about, with the fragment
// of a link and, if the link names one, the version.
func (c *change) address(l link) string {
	url := c.keys[0].String()
	if l.version {
		url += "/_history/" + strconv.FormatInt(c.number, 10)
	}
	return url + l.fragment
}

// each calls do for the numbers below n, on all processors if they are many, and
// returns the error of the lowest number that has one. A panic in do is one of
// the caller, who knows what to do about it.
func each(ctx context.Context, n int, do func(i int) error) error {
	const share = 16 // fewer are not worth a goroutine
	errs := make([]error, n)
	var next atomic.Int64
	var panicked atomic.Pointer[any]
	work := func() {
		defer func() {
			if r := recover(); r != nil {
				panicked.CompareAndSwap(nil, &r)
			}
		}()
		for ctx.Err() == nil {
			from := int(next.Add(share)) - share
			if from >= n {
				return
			}
			for i := from; i < min(from+share, n); i++ {
				errs[i] = do(i)
			}
		}
	}
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n/share) - 1 {
		workers.Go(work)
	}
	work()
	workers.Wait()
	if r := panicked.Load(); r != nil {
		panic(*r)
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}
