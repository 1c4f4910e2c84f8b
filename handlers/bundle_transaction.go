package handlers

import (
	"bytes"
	"context"
	"net/http"
	"regexp"
	"slices"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// transact performs entries as one unit: all of them, or none.
// See https://hl7.org/fhir/R4/http.html#trules.
//
// What takes time happens before the unit, on a plan: criteria are looked up,
// references replaced, bodies and index keys made. Inside, the criteria are
// looked up once more, and only what depends on an answer that has changed is
// made again. So writers wait for each other no longer than they must, and the
// outcome is as if everything had happened inside.
func (s *Server) transact(ctx context.Context, req *Request, entries []entry) ([]answer, error) {
	for i := range entries {
		if err := entries[i].err; err != nil {
			return nil, entries[i].fail(err)
		}
	}
	p, err := s.newPlan(ctx, req, entries)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(p.changes, (*change).mayWrite) {
		return p.run(ctx, s.store)
	}
	if _, err := p.ask(ctx, s.store); err != nil {
		return nil, err
	}
	if err := p.settle(ctx, s.store); err != nil {
		return nil, err
	}
	var answers []answer
	err = s.store.Update(ctx, func(tx store.Tx) error {
		changed, err := p.ask(ctx, tx)
		if err == nil && (changed || p.numbered) {
			err = p.settle(ctx, tx)
		}
		if err == nil {
			err = p.announce(ctx, tx)
		}
		if err == nil {
			answers, err = p.run(ctx, tx)
		}
		return err
	})
	return answers, err
}

// announce tells the store which resources the plan is about, if that helps it.
func (p *plan) announce(ctx context.Context, tx store.Tx) error {
	f, ok := tx.(store.Foreseer)
	if !ok {
		return nil
	}
	var keys []fhir.Key
	for _, c := range p.changes {
		keys = append(keys, c.keys...)
		if c.write != nil {
			keys = append(keys, c.write.Key)
		}
	}
	return f.Foresee(ctx, keys)
}

// The steps of a transaction, in their order.
const (
	deletions = iota
	creations
	updates
	reads
	steps
)

// step returns when the entry has its turn.
func (c *change) step() int {
	switch {
	case !c.mayWrite():
		return reads
	case c.request.Method == http.MethodDelete:
		return deletions
	case c.request.Method == http.MethodPost:
		return creations
	}
	return updates
}

// run performs a settled plan.
func (p *plan) run(ctx context.Context, u unit) ([]answer, error) {
	answers := make([]answer, len(p.changes))
	room := p.server.options.Limits.AnswerBytes
	for step := range steps {
		for i, c := range p.changes {
			if c.step() != step {
				continue
			}
			resp, err := p.perform(ctx, u, c)
			if err == nil && c.numbered && resp.Version.Number != c.number {
				err = fhir.Errorf(fhir.Internal, "the version is %d, references say %d", resp.Version.Number, c.number)
			}
			if err == nil {
				room, err = fit(room, c.request, resp)
			}
			if err != nil {
				return nil, c.fail(err)
			}
			answers[i].response = resp
		}
		if step == updates {
			if err := p.confirm(ctx, u); err != nil {
				return nil, err
			}
		}
	}
	return answers, nil
}

// perform performs one entry of a settled plan: a conditional interaction, whose
// criteria have been met or not, as what it comes down to.
func (p *plan) perform(ctx context.Context, u unit, c *change) (*Response, error) {
	req := *c.request
	if req.isOperation() && c.resource.Exists() {
		req.Body = p.server.codec.Nested(c.resource)
	}
	if c.write != nil {
		req.Body, req.Write, req.Notes = c.write.Resource, c.write, c.notes
	}
	if c.patch != nil {
		req.Patch = c.patch
	}
	if c.condition == nil {
		return p.server.perform(ctx, u, &req)
	}
	req.IfNoneExist, req.Query = "", nil
	switch {
	case req.Method == http.MethodDelete:
		return p.deleteAll(ctx, u, &req, c.keys)
	case req.Method == http.MethodPost && c.found != nil:
		return written(&req, c.found, false), nil
	case req.Method == http.MethodPut && c.assigned == c.keys[0].ID:
		if req.IfMatch != "" {
			return nil, fhir.Errorf(fhir.Stale, "If-Match: nothing meets the criteria")
		}
		req.Method = http.MethodPost
	case req.Method != http.MethodPost:
		req.Key = c.keys[0]
	}
	return p.server.perform(ctx, u, &req)
}

// deleteAll deletes what a conditional delete has matched.
func (p *plan) deleteAll(ctx context.Context, u unit, req *Request, keys []fhir.Key) (*Response, error) {
	resp := deleted(req, nil)
	if resp.Issues != nil {
		resp.Issues[0] = note("%d resources are deleted", len(keys))
	}
	for _, key := range keys {
		req.Key = key
		one, err := p.server.perform(ctx, u, req)
		if err != nil {
			return nil, err
		}
		if len(keys) == 1 {
			resp = one
		}
	}
	return resp, nil
}

// confirm checks what could only be foreseen while a plan was settled: that the
// criteria of references still have the same one match after resources have been
// patched.
func (p *plan) confirm(ctx context.Context, u unit) error {
	patched := map[string]bool{}
	for _, c := range p.changes {
		if c.request.Method == http.MethodPatch {
			patched[c.request.Key.Type] = true
		}
	}
	for _, q := range p.criteria {
		if !q.refers || !patched[q.query.Type] {
			continue
		}
		found, err := q.search(ctx, u, p.who)
		if err != nil {
			return err
		}
		if len(found) != 1 || found[0].Key != q.match {
			return fhir.Errorf(fhir.Unsupported, "a patch changes what the conditional references to %s match; use separate transactions", q.query.Type)
		}
	}
	return nil
}

// urns finds URNs in a patch that is XML.
var urns = regexp.MustCompile(`urn:[^"'<>\s]+`)

// repatch returns a patch in which the values that name entries of the bundle are
// replaced.
func (p *plan) repatch(patch []byte) []byte {
	if !bytes.Contains(patch, []byte("urn:")) {
		return patch
	}
	tree, err := fhir.ScanJSON(patch, p.server.codec.Limits)
	if err != nil { // it is XML, or will be refused by who reads it
		return urns.ReplaceAllFunc(patch, func(urn []byte) []byte {
			if to, l := p.lookup("", string(urn)); to != nil {
				return []byte(to.address(l))
			}
			return urn
		})
	}
	var edits []fhir.Edit
	for i := range tree.Nodes {
		v := tree.At(uint32(i))
		if v.Kind() != fhir.StringNode || !isURN(v.Text()) {
			continue
		}
		if to, l := p.lookup("", v.Text()); to != nil {
			edits = append(edits, fhir.Edit{Start: v.Node().Start, End: v.Node().End, Text: fhir.Quote(to.address(l))})
		}
	}
	return tree.Splice(edits)
}
