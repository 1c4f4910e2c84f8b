package mongodb

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

// Versions that are restored go at once to where they belong: the newest of a
// resource into cur, with keys, the others into hist. A batch is no transaction. If
// the process dies within it, it is given again, and what of it is there already
// is left alone.

// A restoreBatch is a number of versions to be stored as they are.
type restoreBatch struct {
	s        *Store
	versions []store.Archived
	last     int64 // the instant of the version before

	numbers map[fhir.Key]int64 // of the newest version of a resource so far
	made    map[fhir.Key]int64 // the instants of the first versions

	current []any // of doc
	old     []any // of oldDoc
}

// store stores the versions.
func (b *restoreBatch) store(ctx context.Context) error {
	if err := b.lookUp(ctx); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := b.s.insertAll(ctx, b.s.hist, b.old, func(i int) error { return b.s.passOver(ctx, b.old[i].(*oldDoc)) }); err != nil {
		return err
	}
	return b.s.insertAll(ctx, b.s.cur, b.current, func(i int) error { return b.s.overtake(ctx, b.current[i].(*doc)) })
}

// lookUp finds out what there is of the resources whose first versions are not
// in the batch.
func (b *restoreBatch) lookUp(ctx context.Context) error {
	b.numbers, b.made = map[fhir.Key]int64{}, map[fhir.Key]int64{}
	seen := map[fhir.Key]bool{}
	var refs, names []string
	for _, v := range b.versions {
		if v.Number > 1 && !seen[v.Key] {
			refs = append(refs, v.Key.String())
			names = append(names, versionName(v.Key.String(), 1))
			if v.Number > 2 {
				names = append(names, versionName(v.Key.String(), v.Number-1))
			}
		}
		seen[v.Key] = true
	}
	if len(refs) == 0 {
		return nil
	}
	fields := bson.D{{Key: "t", Value: 1}, {Key: "id", Value: 1}, {Key: "ver", Value: 1}, {Key: "lu", Value: 1}, {Key: "n", Value: 1}}
	for _, in := range []struct {
		of  *mongo.Collection
		ids []string
	}{{b.s.hist, names}, {b.s.cur, refs}} {
		cursor, err := in.of.Find(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: in.ids}}}}, options.Find().SetProjection(fields))
		if err != nil {
			return err
		}
		var found []doc
		if err := cursor.All(ctx, &found); err != nil {
			return err
		}
		for _, d := range found {
			key := d.key()
			b.numbers[key] = max(b.numbers[key], d.Number)
			if d.N != 0 {
				b.made[key] = d.N
			} else if d.Number == 1 {
				b.made[key] = d.LastUpdated
			}
		}
	}
	return nil
}

// check refuses versions that do not come next. Of those from a batch that was
// stored in part, some may be there.
func (b *restoreBatch) check() error {
	seen := map[fhir.Key]bool{}
	for _, v := range b.versions {
		if v.Deleted != (v.Method == "DELETE") || v.Deleted != (len(v.Body) == 0) {
			return fhir.Errorf(fhir.Conflict, "%s version %d was made by %q, which can not be", v.Key, v.Number, v.Method)
		}
		before := b.numbers[v.Key]
		if !seen[v.Key] && before >= v.Number {
			before = v.Number - 1
		}
		if v.Number != before+1 {
			return fhir.Errorf(fhir.Conflict, "%s version %d comes after version %d", v.Key, v.Number, before)
		}
		lu := v.LastUpdated.UnixMicro()
		if lu <= b.last || !isMicros(v.LastUpdated) {
			return fhir.Errorf(fhir.Conflict, "%s version %d is of %s, which is not later than what came before", v.Key, v.Number, v.LastUpdated.Format(time.RFC3339Nano))
		}
		seen[v.Key], b.numbers[v.Key], b.last = true, v.Number, lu
		if v.Number == 1 {
			b.made[v.Key] = lu
		}
	}
	return nil
}

// prepare makes the documents.
func (b *restoreBatch) prepare(ctx context.Context) error {
	docs := make([]*doc, len(b.versions))
	err := inParallel(len(docs), func(i int) (err error) {
		docs[i], err = b.s.docOf(ctx, b.versions[i], b.made[b.versions[i].Key])
		return err
	})
	if err != nil {
		return err
	}
	for i, d := range docs {
		if b.versions[i].Newest {
			b.current = append(b.current, d)
		} else {
			b.old = append(b.old, d.superseded())
		}
	}
	return nil
}

// docOf returns the document for a version of a resource that was made first at
// n. One that is superseded has no keys.
func (s *Store) docOf(ctx context.Context, v store.Archived, n int64) (*doc, error) {
	lu := v.LastUpdated.UnixMicro()
	d := &doc{
		Ref: v.Key.String(), Type: v.Key.Type, ID: v.Key.ID, N: n, Number: v.Number, LastUpdated: lu,
		Deleted: v.Deleted, Method: v.Method, Gen: s.known.Load().index.Gen, Keys: []string{}, Words: []string{},
	}
	if v.Deleted {
		return d, nil
	}
	var err error
	if d.Body, d.File, err = s.keep(ctx, v.Key, v.Body); err != nil || !v.Newest {
		return d, err
	}
	r, err := s.parse(v.Version)
	if err != nil {
		return nil, err
	}
	d.Date, d.Keys, d.Words = indexed(s.known.Load().reg, v.Key.ID, r)
	return d, nil
}

// inParallel does n things on all processors. The error is one of those met.
func inParallel(n int, do func(i int) error) error {
	var all sync.WaitGroup
	workers := min(n, runtime.GOMAXPROCS(0))
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				errs[w] = do(i)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// insertAtOnce is how many documents are sent in one go, and insertLanes how many
// of these at the same time.
const (
	insertAtOnce = 250
	insertLanes  = 4
)

// insertAll inserts documents, in any order. There is called for those that are
// there already.
func (s *Store) insertAll(ctx context.Context, in *mongo.Collection, docs []any, there func(i int) error) error {
	chunks := (len(docs) + insertAtOnce - 1) / insertAtOnce
	var all sync.WaitGroup
	errs := make([]error, min(chunks, insertLanes))
	for lane := range errs {
		all.Go(func() {
			for c := lane; c < chunks && errs[lane] == nil; c += len(errs) {
				first := c * insertAtOnce
				some := docs[first:min(first+insertAtOnce, len(docs))]
				errs[lane] = insertSome(ctx, in, some, func(i int) error { return there(first + i) })
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func insertSome(ctx context.Context, in *mongo.Collection, docs []any, there func(i int) error) error {
	_, err := in.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
	failed, ok := errors.AsType[mongo.BulkWriteException](err)
	if !ok || failed.WriteConcernError != nil {
		return err
	}
	for _, e := range failed.WriteErrors {
		if !mongo.IsDuplicateKeyError(e) {
			return err
		}
		if err := there(e.Index); err != nil {
			return err
		}
	}
	return nil
}

// passOver leaves a version that is there already. Its file may be the one that is
// in use: a command that was sent again after a broken connection meets itself.
func (s *Store) passOver(ctx context.Context, o *oldDoc) error {
	if o.File == nil {
		return nil
	}
	there, err := s.old(ctx, fhir.Key{Type: o.Type, ID: o.ID}, o.Number)
	if err == nil && there != nil {
		s.dropUnlessIn(there, o.File)
	}
	return err
}

// dropUnlessIn removes a file that is not the one a document has.
func (s *Store) dropUnlessIn(d *doc, file *bson.ObjectID) {
	if file != nil && (d.File == nil || *d.File != *file) {
		s.drop(file)
	}
}

// overtake puts a document in the place of an older one, whose version goes to
// hist.
func (s *Store) overtake(ctx context.Context, d *doc) error {
	old, err := s.current(ctx, d.key())
	if err != nil {
		return err
	}
	if old == nil {
		return errConflict // who removes documents?
	}
	if old.Number >= d.Number {
		s.dropUnlessIn(old, d.File)
		return nil
	}
	err = insertSome(ctx, s.hist, []any{old.superseded()}, func(int) error { return nil })
	if err != nil {
		return err
	}
	d.N = old.N
	_, err = s.cur.ReplaceOne(ctx, (&change{base: old.Number, new: d}).filter(), d)
	return err
}
