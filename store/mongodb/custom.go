package mongodb

import (
	"cmp"
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/custom"
)

// Custom search parameters
//
// They are the SearchParameter resources that are stored. The index has
// generations: when parameters change, a new one begins, which all servers index
// by from when they know of it. Every document says of which generation its keys
// are; one server at a time brings those of older ones up to date. Searches know a
// parameter when no document is of an older generation than the one that has it,
// and not any more from when it changes or goes.

// An indexNote is what meta says, as "index", about the keys in cur.
type indexNote struct {
	Gen         int32    `bson:"gen"`                // the present generation
	Fingerprint string   `bson:"fingerprint"`        // of the parameters that the program brings
	Params      []string `bson:"params,omitempty"`   // fingerprints of the custom ones it has
	Complete    []string `bson:"complete,omitempty"` // those that all documents have keys of
	Building    bool     `bson:"building"`           // there may be documents of older generations
	Stale       bool     `bson:"stale,omitempty"`    // even of another fingerprint
}

func (n *indexNote) same(o *indexNote) bool {
	return n.Gen == o.Gen && n.Fingerprint == o.Fingerprint && n.Building == o.Building && n.Stale == o.Stale &&
		slices.Equal(n.Params, o.Params) && slices.Equal(n.Complete, o.Complete)
}

// after returns the note of the next generation, with other parameters.
func (n *indexNote) after(fingerprint string, params []string) indexNote {
	next := indexNote{Gen: n.Gen + 1, Fingerprint: fingerprint, Params: params, Building: true, Stale: n.Stale}
	if fingerprint != n.Fingerprint {
		next.Stale = true
		return next
	}
	for _, p := range params {
		if slices.Contains(n.Complete, p) {
			next.Complete = append(next.Complete, p)
		}
	}
	return next
}

// matchIndex sees to it that there is an index, and if takeOver is set, that it is
// one of this program or on the way to be.
func (s *Store) matchIndex(ctx context.Context, takeOver bool) error {
	for {
		is, err := one[indexNote](s.meta.FindOne(ctx, byID("index")))
		if err != nil {
			return err
		}
		if is == nil {
			made := bson.D{{Key: "_id", Value: "index"}, {Key: "gen", Value: int32(1)}, {Key: "fingerprint", Value: s.print}, {Key: "building", Value: false}}
			if _, err := s.meta.InsertOne(ctx, made); err != nil && !mongo.IsDuplicateKeyError(err) {
				return err
			}
			continue
		}
		if is.Fingerprint == s.print || !takeOver {
			return nil
		}
		defined, err := s.customParams(ctx)
		if err != nil {
			return err
		}
		_, taken := s.withCustom(defined)
		changed, err := s.advance(ctx, is, is.after(s.print, custom.Prints(taken)))
		if err != nil {
			return err
		}
		if changed {
			s.log.Warn("making the index anew: the search parameters have changed")
		}
	}
}

// advance begins a generation, unless another server was faster. It reports
// whether it did.
func (s *Store) advance(ctx context.Context, from *indexNote, to indexNote) (bool, error) {
	r, err := s.meta.ReplaceOne(ctx, append(byID("index"), bson.E{Key: "gen", Value: from.Gen}, bson.E{Key: "fingerprint", Value: from.Fingerprint}), to)
	return err == nil && r.MatchedCount == 1, err
}

// customParams reads the definitions that are stored, in the order in which they
// were.
func (s *Store) customParams(ctx context.Context) ([]custom.Param, error) {
	cursor, err := s.cur.Find(ctx, bson.D{{Key: "t", Value: "SearchParameter"}})
	if err != nil {
		return nil, err
	}
	var docs []doc
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, err
	}
	slices.SortFunc(docs, func(a, b doc) int { return cmp.Or(cmp.Compare(a.N, b.N), cmp.Compare(a.Ref, b.Ref)) })
	var found []custom.Param
	for i := range docs {
		if docs[i].Deleted {
			continue
		}
		v, err := s.version(ctx, &docs[i])
		if err != nil {
			return nil, err
		}
		r, err := s.parse(v)
		if err != nil {
			return nil, err
		}
		if p, ok := custom.From(s.base, r); ok {
			found = append(found, p)
		}
	}
	return found, nil
}

// withCustom returns the program's own parameters with custom ones, and which of
// these can be taken.
func (s *Store) withCustom(defined []custom.Param) (*search.Registry, []custom.Param) {
	return custom.With(s.base, defined, func(p custom.Param, err error) {
		s.log.Warn("a SearchParameter can not be searched by", "url", p.URL, "error", err)
	})
}

// registries returns what is indexed by, and what is searched by, in a
// generation. If what is stored has changed since, only what is in both counts.
func (s *Store) registries(ctx context.Context, is *indexNote) (index, active *search.Registry, err error) {
	if len(is.Params) == 0 {
		return s.base, s.base, nil
	}
	defined, err := s.customParams(ctx)
	if err != nil {
		return nil, nil, err
	}
	of := func(prints []string) []custom.Param {
		return slices.DeleteFunc(slices.Clone(defined), func(p custom.Param) bool { return !slices.Contains(prints, p.Print) })
	}
	index, _ = s.withCustom(of(is.Params))
	if active = index; !slices.Equal(is.Complete, is.Params) {
		active, _ = s.withCustom(of(is.Complete))
	}
	return index, active, nil
}

// redefine begins a generation if the SearchParameter resources are not those
// that the present one has. Failing that, it is tried again.
func (s *Store) redefine(ctx context.Context) {
	if err := s.tryRedefine(context.WithoutCancel(ctx)); err != nil {
		s.log.Error("search parameters have changed, but are not taken over yet", "error", translate(err))
	}
}

// redefineIfNew is redefine for when nobody has said that there is something new:
// who stored it may have died before.
func (s *Store) redefineIfNew(ctx context.Context) {
	newest, err := s.newestDefinition(ctx)
	s.looking.Lock()
	known := s.defined
	s.looking.Unlock()
	if err == nil && newest != known {
		s.redefine(ctx)
	}
}

// newestDefinition returns the instant of the newest SearchParameter, 0 if there
// is none.
func (s *Store) newestDefinition(ctx context.Context) (int64, error) {
	d, err := one[doc](s.cur.FindOne(ctx, bson.D{{Key: "t", Value: "SearchParameter"}}, options.FindOne().
		SetProjection(bson.D{{Key: "lu", Value: 1}}).SetSort(bson.D{{Key: "t", Value: -1}, {Key: "lu", Value: -1}, {Key: "_id", Value: -1}})))
	if d == nil || err != nil {
		return 0, err
	}
	return d.LastUpdated, nil
}

func (s *Store) tryRedefine(ctx context.Context) error {
	s.looking.Lock()
	defer s.looking.Unlock()
	newest, err := s.newestDefinition(ctx)
	if err != nil {
		return err
	}
	for {
		if err := s.lookLocked(ctx); err != nil {
			return err
		}
		k := s.known.Load()
		if k.index.Fingerprint != s.print {
			return nil
		}
		defined, err := s.customParams(ctx)
		if err != nil {
			return err
		}
		_, taken := s.withCustom(defined)
		prints := custom.Prints(taken)
		if slices.Equal(prints, k.index.Params) {
			s.defined = newest
			return nil
		}
		changed, err := s.advance(ctx, &k.index, k.index.after(s.print, prints))
		if err != nil {
			return err
		}
		if changed {
			s.log.Info("search parameters have changed: bringing the index up to date", "custom", len(prints))
			s.watch.wake()
		}
	}
}

// admit refuses a SearchParameter that would be one to search by and can not be.
func (s *Store) admit(ctx context.Context, w *store.Write) error {
	return custom.Admit(s.base, w.Resource, w.Key.ID, func() ([]custom.Param, error) { return s.customParams(ctx) })
}

// entriesOf returns the keys a write is found by, and their generation.
func (s *Store) entriesOf(w *store.Write) (*search.Entries, int32) {
	k := s.known.Load()
	if !w.IndexedBy(k.reg) {
		return k.reg.IndexAs(w.Resource, w.Key.ID), k.index.Gen
	}
	return w.Entries, k.index.Gen
}
