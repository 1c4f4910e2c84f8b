package mongodb

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// do runs a call of the work.
func (u *unit) do(ctx context.Context, call func() error) error {
	if err := u.usable(ctx); err != nil {
		return err
	}
	return finish(ctx, u.note(call()))
}

// Read implements [store.Reader].
func (u *unit) Read(ctx context.Context, who search.Access, key fhir.Key) (v *store.Version, err error) {
	err = u.do(ctx, func() error {
		d, err := u.look(ctx, who, key)
		if err != nil {
			return err
		}
		v, err = u.s.visible(u.in(ctx), who, key, d)
		return err
	})
	return v, err
}

// ReadVersion implements [store.Reader].
func (u *unit) ReadVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (v *store.Version, err error) {
	err = u.do(ctx, func() error {
		if c := u.by[key]; c != nil && u.session == nil && c.new.Number == number {
			v, err = u.s.visible(ctx, who, key, c.new)
			return err
		}
		if err := u.flush(ctx); err != nil {
			return err
		}
		v, err = u.s.readVersion(u.in(ctx), who, key, number)
		return err
	})
	return v, err
}

// Search implements [store.Reader].
func (u *unit) Search(ctx context.Context, who search.Access, q *search.Query) (page *store.Page, err error) {
	err = u.do(ctx, func() error {
		if err := u.s.takesSearches(ctx); err != nil {
			return err
		}
		for _, name := range lockNames(q) {
			if err := u.lock(ctx, name); err != nil {
				return err
			}
		}
		if err := u.settle(ctx); err != nil {
			return err
		}
		page, err = u.s.search(u.in(ctx), who, q)
		return err
	})
	return page, err
}

// Count implements [store.Reader].
func (u *unit) Count(ctx context.Context, who search.Access, q *search.Query) (n int64, err error) {
	err = u.do(ctx, func() error {
		if err := u.s.takesSearches(ctx); err != nil {
			return err
		}
		if err := u.settle(ctx); err != nil {
			return err
		}
		n, err = u.s.count(u.in(ctx), who, q)
		return err
	})
	return n, err
}

// History implements [store.Reader].
func (u *unit) History(ctx context.Context, who search.Access, q store.HistoryQuery) (page *store.Page, err error) {
	err = u.do(ctx, func() error {
		if err := u.settle(ctx); err != nil {
			return err
		}
		page, err = u.s.history(u.in(ctx), who, q)
		return err
	})
	return page, err
}

// Put implements [store.Tx].
func (u *unit) Put(ctx context.Context, who search.Access, w store.Write) (v *store.Version, err error) {
	err = u.do(ctx, func() error {
		from, err := u.look(ctx, who, w.Key)
		if err != nil {
			return err
		}
		if w.Key.Type == "SearchParameter" { // it is judged beside those that are stored
			if err := u.flush(ctx); err != nil {
				return err
			}
		}
		var to *doc
		to, v, err = u.s.next(u.in(ctx), who, &w, from)
		if to != nil && to.File != nil {
			u.files = append(u.files, to.File)
		}
		if err != nil {
			return err
		}
		return u.change(from, to)
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Delete implements [store.Tx].
func (u *unit) Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (v *store.Version, err error) {
	err = u.do(ctx, func() error {
		from, err := u.look(ctx, who, key)
		if err != nil {
			return err
		}
		var to *doc
		if to, v, err = u.s.mark(u.in(ctx), who, key, ifVersion, from); err != nil || to == nil {
			return err
		}
		return u.change(from, to)
	})
	if err != nil {
		return nil, err
	}
	return v, nil
}

// Foresee implements [store.Foreseer].
func (u *unit) Foresee(ctx context.Context, keys []fhir.Key) error {
	return u.do(ctx, func() error {
		var refs bson.A
		for _, key := range keys {
			if _, known := u.known[key]; !known {
				refs = append(refs, key.String())
			}
		}
		if len(refs) < 2 {
			return nil
		}
		filter := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: refs}}}}
		found, err := u.s.cur.Find(u.in(ctx), filter, options.Find().SetProjection(versionFields))
		if err != nil {
			return err
		}
		var docs []*doc
		if err := found.All(u.in(ctx), &docs); err != nil {
			return err
		}
		for _, key := range keys {
			if _, known := u.known[key]; !known {
				u.known[key] = nil
			}
		}
		for _, d := range docs {
			u.known[d.key()] = d
		}
		return nil
	})
}

// look returns the document of a resource as the unit has it.
func (u *unit) look(ctx context.Context, who search.Access, key fhir.Key) (*doc, error) {
	if d, known := u.known[key]; known {
		if d != nil && d.Deleted && u.by[key] != nil && !who.Unrestricted() {
			return d, u.settle(ctx) // what was deleted decides who may know
		}
		return d, nil
	}
	d, err := u.s.current(u.in(ctx), key)
	if err == nil {
		u.known[key] = d
	}
	return d, err
}

// change notes what is to be written.
func (u *unit) change(from, to *doc) error {
	key := to.key()
	u.known[key], u.wrote = to, true
	u.defines = u.defines || key.Type == "SearchParameter"
	if c := u.by[key]; c != nil && u.session != nil {
		c.old, c.new = append(c.old, from.superseded()), to
		return nil
	}
	if u.session == nil && len(u.changes) > 0 {
		u.failed = errAlone("write several resources")
		return u.failed
	}
	c := changed(from, to)
	u.by[key], u.changes = c, append(u.changes, c)
	return nil
}

// errAlone refuses what only a transaction could do.
func errAlone(what string) error {
	return fhir.Errorf(fhir.Unsupported, "the database of this server has no transactions, so one request can not %s at once: send a batch or single requests, or have the server run on a MongoDB replica set", what)
}

// lock takes a lock document, once.
func (u *unit) lock(ctx context.Context, name string) error {
	if u.turn.gate == "" && !u.turn.contended {
		leave, err := u.s.byLock.enter(ctx, name)
		if err != nil {
			return err
		}
		u.turn.gate, u.turn.leaves = name, append(u.turn.leaves, leave)
	}
	if u.session != nil {
		return u.s.lock(u.in(ctx), name)
	}
	for _, l := range u.leases {
		if l.name == name {
			return nil
		}
	}
	l, err := u.s.lease(ctx, name)
	if err == nil {
		u.leases = append(u.leases, l)
	}
	return err
}

// settle makes what was written visible for questions.
func (u *unit) settle(ctx context.Context) error {
	if u.session == nil && len(u.changes) > 0 {
		return errAlone("ask for what it has just written")
	}
	return u.flush(ctx)
}

// flush writes what has been held back.
func (u *unit) flush(ctx context.Context) error {
	if u.session == nil || len(u.changes) == 0 {
		return nil
	}
	ctx = u.in(ctx)
	var old, created []any
	var replaced []mongo.WriteModel
	for _, c := range u.changes {
		for _, o := range c.old {
			old = append(old, o)
		}
		if c.base == 0 {
			created = append(created, c.new)
		} else {
			replaced = append(replaced, mongo.NewReplaceOneModel().SetFilter(c.filter()).SetReplacement(c.new))
		}
	}
	u.changes = nil
	clear(u.by)
	if err := u.keep(ctx, old); err != nil {
		return err
	}
	if len(created) > 0 {
		if _, err := u.s.cur.InsertMany(ctx, created, options.InsertMany().SetOrdered(false)); err != nil {
			return unless(err, errConflict)
		}
	}
	if len(replaced) > 0 {
		r, err := u.s.cur.BulkWrite(ctx, replaced, options.BulkWrite().SetOrdered(false))
		if err != nil {
			return err
		}
		if r.MatchedCount != int64(len(replaced)) {
			return errConflict
		}
	}
	return nil
}

// keep writes versions to hist. They may be there already, if a server went down
// between two steps of a write; but that is rare and costs, so it is thought of
// only when a unit has failed for it.
func (u *unit) keep(ctx context.Context, old []any) error {
	if len(old) == 0 {
		return nil
	}
	if !u.careful {
		_, err := u.s.hist.InsertMany(ctx, old, options.InsertMany().SetOrdered(false))
		return unless(err, errKept)
	}
	var models []mongo.WriteModel
	for _, o := range old {
		models = append(models, mongo.NewReplaceOneModel().SetFilter(byID(o.(*oldDoc).Name)).SetReplacement(o).SetUpsert(true))
	}
	_, err := u.s.hist.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	return unless(err, errConflict)
}

// unless returns other in place of an error that says that something is there
// already.
func unless(err, other error) error {
	if mongo.IsDuplicateKeyError(err) {
		return other
	}
	return err
}
