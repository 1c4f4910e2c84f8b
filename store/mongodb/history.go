package mongodb

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// maxChunk bounds how many versions are read together.
const maxChunk = 100

// A moment is where a version stands in a history: when it was made, and of which
// resource it is, should two be of the same instant.
type moment struct {
	lu  int64
	ref string
}

func (d *doc) moment() moment { return moment{d.LastUpdated, d.Ref} }

func (a moment) compare(b moment) int {
	return cmp.Or(cmp.Compare(a.lu, b.lu), cmp.Compare(a.ref, b.ref))
}

// position returns m as a position.
func (m moment) position() search.Position {
	return append(binary.BigEndian.AppendUint64(nil, uint64(m.lu)), m.ref...)
}

// history returns a page of versions, newest first.
func (s *Store) history(ctx context.Context, who search.Access, q store.HistoryQuery) (*store.Page, error) {
	if q.Count < 1 {
		return nil, fhir.Errorf(fhir.Invalid, "a page of history has at least one version")
	}
	h := &historyWalk{s: s, key: q.Key, low: math.MinInt64, below: moment{lu: math.MaxInt64}, size: int64(min(q.Count, maxChunk-1) + 1)}
	if !q.Since.IsZero() {
		h.low = microsCeil(q.Since)
	}
	if q.At.Start != (time.Time{}) {
		h.at, h.below = q.At.Start, moment{lu: microsCeil(q.At.End)}
	}
	if q.After != nil {
		if len(q.After) <= 8 {
			return nil, fhir.Errorf(fhir.Invalid, "the position does not belong to these results")
		}
		after := moment{int64(binary.BigEndian.Uint64(q.After)), string(q.After[8:])}
		if after.compare(h.below) < 0 {
			h.below = after
		}
	}
	page, size := &store.Page{}, 0
	var last moment
	err := h.walk(ctx, func(d *doc) (bool, error) {
		v, err := s.version(ctx, d)
		if err != nil {
			return false, err
		}
		if permitted, err := s.permits(ctx, who, v); err != nil || !permitted {
			return err == nil, err
		}
		if len(page.Versions) == q.Count || size >= store.PageBytes {
			page.Next = last.position()
			return false, nil
		}
		page.Versions, last = append(page.Versions, v), d.moment()
		size += len(v.Body)
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// microsCeil returns the first microsecond at or after t.
func microsCeil(t time.Time) int64 {
	micros := t.UnixMicro()
	if time.UnixMicro(micros).Before(t) {
		micros++
	}
	return micros
}

// A historyWalk goes through versions, newest first. Those that are current and
// those that are not lie in two collections.
type historyWalk struct {
	s     *Store
	key   fhir.Key  // as in store.HistoryQuery
	low   int64     // the first instant
	below moment    // before it
	at    time.Time // if set, only versions that were current then or later
	size  int64     // of what is read together
}

// walk calls yield for each version until it returns false or an error.
func (h *historyWalk) walk(ctx context.Context, yield func(*doc) (bool, error)) error {
	for {
		docs, more, err := h.chunk(ctx)
		if err != nil {
			return err
		}
		superseded, err := h.superseded(ctx, docs)
		if err != nil {
			return err
		}
		for i, d := range docs {
			if superseded[i] {
				continue
			}
			if more, err := yield(d); err != nil || !more {
				return err
			}
		}
		if !more {
			return nil
		}
		h.below = docs[len(docs)-1].moment()
	}
}

// chunk returns the next versions, and whether there may be more behind them. It
// looks for current versions first: what is superseded meanwhile is found among
// the old ones.
func (h *historyWalk) chunk(ctx context.Context) ([]*doc, bool, error) {
	current, cut, err := h.current(ctx)
	if err != nil {
		return nil, false, err
	}
	floor := moment{lu: h.low}
	if cut {
		floor = current[len(current)-1].moment()
	}
	old, cutOld, err := h.old(ctx, floor.lu)
	if err != nil {
		return nil, false, err
	}
	if cutOld {
		if last := old[len(old)-1].moment(); last.compare(floor) > 0 {
			floor = last
		}
	}
	docs := slices.DeleteFunc(append(current, old...), func(d *doc) bool { return d.moment().compare(floor) < 0 })
	slices.SortFunc(docs, func(a, b *doc) int { return b.moment().compare(a.moment()) })
	docs = slices.CompactFunc(docs, func(a, b *doc) bool { return a.moment() == b.moment() })
	return docs, cut || cutOld, nil
}

// current returns what cur has below h.below, and whether there is more.
func (h *historyWalk) current(ctx context.Context) ([]*doc, bool, error) {
	filter := h.filter("_id", h.low)
	o := options.Find().SetSort(bson.D{{Key: "lu", Value: -1}, {Key: "_id", Value: -1}}).SetLimit(h.size + 1).SetProjection(versionFields)
	found, err := h.s.cur.Find(ctx, filter, o)
	if err != nil {
		return nil, false, err
	}
	return below(ctx, found, h, func(d *doc) *doc { return d })
}

// old returns what hist has below h.below and not before low, and whether there
// is more.
func (h *historyWalk) old(ctx context.Context, low int64) ([]*doc, bool, error) {
	filter := h.filter("rk", low)
	sort := bson.D{{Key: "lu", Value: -1}, {Key: "rk", Value: -1}}
	if h.key.ID != "" {
		sort = bson.D{{Key: "ver", Value: -1}} // of one resource, numbers and instants rise together
	}
	found, err := h.s.hist.Find(ctx, filter, options.Find().SetSort(sort).SetLimit(h.size+1))
	if err != nil {
		return nil, false, err
	}
	return below(ctx, found, h, (*oldDoc).doc)
}

// filter finds the versions the walk is about. Those of the instant it has come
// to are among them.
func (h *historyWalk) filter(ref string, low int64) bson.D {
	var filter bson.D
	switch {
	case h.key.ID != "":
		filter = bson.D{{Key: ref, Value: h.key.String()}}
	case h.key.Type != "":
		filter = bson.D{{Key: "t", Value: h.key.Type}}
	}
	return append(filter, bson.E{Key: "lu", Value: bson.D{{Key: "$gte", Value: low}, {Key: "$lte", Value: h.below.lu}}})
}

// below reads what was found, up to the size of a chunk, without what is not
// below h.below.
func below[T any](ctx context.Context, found *mongo.Cursor, h *historyWalk, convert func(*T) *doc) ([]*doc, bool, error) {
	var all []*T
	if err := found.All(ctx, &all); err != nil {
		return nil, false, err
	}
	cut := int64(len(all)) > h.size
	var docs []*doc
	for _, one := range all {
		if d := convert(one); d.moment().compare(h.below) < 0 {
			docs = append(docs, d)
		}
	}
	return docs, cut && len(docs) > 0, nil
}

// superseded reports which versions were not current any more at h.at.
func (h *historyWalk) superseded(ctx context.Context, docs []*doc) ([]bool, error) {
	out := make([]bool, len(docs))
	if h.at.IsZero() {
		return out, nil
	}
	var names, refs bson.A
	for _, d := range docs {
		if instant(d.LastUpdated).Before(h.at) {
			names, refs = append(names, versionName(d.Ref, d.Number+1)), append(refs, d.Ref)
		}
	}
	if len(names) == 0 {
		return out, nil
	}
	made := map[string]int64{} // when what followed was made
	for _, in := range []struct {
		c    *mongo.Collection
		list bson.A
		ref  string
	}{{h.s.cur, refs, "_id"}, {h.s.hist, names, "rk"}} {
		found, err := in.c.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: in.list}}}},
			options.Find().SetProjection(bson.D{{Key: in.ref, Value: 1}, {Key: "ver", Value: 1}, {Key: "lu", Value: 1}}))
		if err != nil {
			return nil, err
		}
		for found.Next(ctx) {
			ref := found.Current.Lookup(in.ref).StringValue()
			made[versionName(ref, found.Current.Lookup("ver").AsInt64())] = found.Current.Lookup("lu").AsInt64()
		}
		if err := found.Err(); err != nil {
			return nil, err
		}
	}
	for i, d := range docs {
		next, followed := made[versionName(d.Ref, d.Number+1)]
		out[i] = instant(d.LastUpdated).Before(h.at) && followed && !instant(next).After(h.at)
	}
	return out, nil
}
