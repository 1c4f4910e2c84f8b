package mongodb

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
)

const (
	// maxUnits bounds the transactions of a process that are open at the same time.
	// More of them get in each other's way, and databases bound them as well.
	maxUnits = 16

	commitWaits = 6               // a commit is seen through for so many times as a server is waited for, even if nobody waits for it any more
	mostBroken  = 2               // tries of a unit that a broken connection may end, each after waiting for a server
	unitWait    = 2 * time.Minute // units that fail because of others are tried again for so long
)

// A unit is a unit of work: a transaction of the database, or without these a
// single write that is made at the end. Writes are held back until a question needs
// them stored, so that many go to the database together.
type unit struct {
	s       *Store
	session *mongo.Session // nil: the database has no transactions
	open    bool
	careful bool // versions it supersedes may be in hist already

	known   map[fhir.Key]*doc // the resources that were looked at, as they are now; nil: there is none
	changes []*change         // not in the database yet
	by      map[fhir.Key]*change
	files   []*bson.ObjectID // made by it
	wrote   bool
	defines bool // search parameters may have changed
	unsure  bool // it failed, but may be stored

	turn   *turn
	leases []*lease
	failed error // what the database said first: all is lost
}

var _ store.Tx = (*unit)(nil)

// A turn is what a unit holds, over all tries, so that others of this process
// wait for it: its place among the units that run, the gate of the first search it
// made, and contended if it failed because of another. They are waited for in this
// order, and never for a gate by who holds contended, so nobody waits for ever.
type turn struct {
	gate      string // its name; empty: none
	contended bool
	leaves    []func()

	// All tries use one session, so that each ends what is left of the one before
	// in the database, if that never heard of its end.
	session *mongo.Session
	lost    bool // the database may not know that the last transaction has ended
}

func (t *turn) end() {
	for _, leave := range t.leaves {
		leave()
	}
}

// update runs work as one unit, again if another write got in its way.
func (s *Store) update(ctx context.Context, work func(tx store.Tx) error) error {
	t := &turn{}
	defer t.end()
	leave, err := pass(ctx, s.units)
	if err != nil {
		return err
	}
	t.leaves = append(t.leaves, leave)
	defer s.part(t)
	careful, broken := false, 0
	for try, began := 0, time.Now(); ; try++ {
		u := &unit{s: s, turn: t, careful: careful, known: map[fhir.Key]*doc{}, by: map[fhir.Key]*change{}}
		err := u.perform(ctx, work)
		if err == nil && u.defines {
			s.redefine(ctx)
		}
		if !passing(err) {
			return err
		}
		if mongo.IsNetworkError(err) {
			if broken++; broken > mostBroken {
				return err
			}
		}
		if time.Since(began) > unitWait {
			return fhir.Because(fhir.Unavailable, err, "other writes got in the way again and again: try again later")
		}
		careful = careful || errors.Is(err, errKept)
		if err := s.queue(ctx, t, try); err != nil {
			return err
		}
	}
}

// errKept says that a version to be superseded was in hist already.
var errKept = fmt.Errorf("%w: a version is kept twice", errConflict)

// passing reports whether a unit that failed so may succeed if it is run again.
func passing(err error) bool {
	if errors.Is(err, errConflict) || conflicting(err) {
		return true
	}
	server, ok := errors.AsType[mongo.ServerError](err)
	return ok && server.HasErrorLabel("TransientTransactionError") && !away(err)
}

// queue waits before another try. After the second, units of this process that
// are in each other's way run one by one.
func (s *Store) queue(ctx context.Context, t *turn, try int) error {
	if try > 0 && !t.contended {
		leave, err := pass(ctx, s.contended)
		if err != nil {
			return err
		}
		t.contended, t.leaves = true, append(t.leaves, leave)
	}
	return pause(ctx, try)
}

// perform runs work once.
func (u *unit) perform(ctx context.Context, work func(tx store.Tx) error) (err error) {
	if u.s.transactions {
		if err := u.begin(); err != nil {
			return err
		}
	}
	stored := false
	defer func() {
		if !stored {
			u.undo(ctx)
		}
		for _, l := range u.leases {
			u.s.release(context.WithoutCancel(ctx), l)
		}
	}()
	u.open = true
	err = u.run(work)
	u.open = false
	switch {
	case u.failed != nil && (err == nil || passing(u.failed)):
		return u.failed
	case err != nil:
		return err
	case ctx.Err() != nil:
		return store.ErrGivenUp(ctx)
	}
	if err := u.end(ctx); err != nil {
		return err
	}
	stored = true
	return nil
}

// run calls work. A panic in it is a bug, and the unit's alone.
func (u *unit) run(work func(tx store.Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			u.s.log.Error("a unit of work panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = fhir.Because(fhir.Internal, fmt.Errorf("panic: %v", p), "the server failed")
		}
	}()
	return work(u)
}

// begin starts a transaction. The database hears of it with the first command.
func (u *unit) begin() (err error) {
	t := u.turn
	if t.session == nil {
		if t.session, err = u.s.client.StartSession(); err != nil {
			return err
		}
	}
	u.session = t.session
	return u.session.StartTransaction(options.Transaction().
		SetReadConcern(readconcern.Snapshot()).SetWriteConcern(majority()))
}

// in returns the context for commands of the unit.
func (u *unit) in(ctx context.Context) context.Context {
	if u.session == nil {
		return ctx
	}
	return context.WithValue(mongo.NewSessionContext(ctx, u.session), outsideKey{}, ctx)
}

// end makes everything durable.
func (u *unit) end(ctx context.Context) error {
	if u.session == nil {
		return u.endAlone(ctx)
	}
	if err := u.flush(ctx); err != nil {
		return err
	}
	if !u.wrote {
		u.abort(ctx)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitWaits*u.s.wait)
	defer cancel()
	for try := 0; ; try++ {
		err := u.session.CommitTransaction(ctx)
		server, ok := errors.AsType[mongo.ServerError](err)
		if !ok || !server.HasErrorLabel("UnknownTransactionCommitResult") || ctx.Err() != nil {
			u.unsure = err != nil && !passing(err)
			return err
		}
		if pause(ctx, try) != nil {
			u.unsure = true
			return err
		}
	}
}

// endAlone makes the one write of a unit without a transaction.
func (u *unit) endAlone(ctx context.Context) error {
	for _, c := range u.changes {
		for _, l := range u.leases {
			if !l.lasts() {
				return errConflict
			}
		}
		if err := u.s.apply(ctx, c); err != nil {
			u.unsure = !errors.Is(err, errConflict)
			return err
		}
	}
	return nil
}

// undo leaves nothing of a unit that failed.
func (u *unit) undo(ctx context.Context) {
	u.abort(ctx)
	for _, f := range u.files {
		if !u.unsure {
			u.s.drop(f)
		}
	}
}

func (u *unit) abort(ctx context.Context) {
	if u.session == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyWait)
	defer cancel()
	u.session.AbortTransaction(ctx) // says nothing if the database did not hear it
	u.turn.lost = u.turn.lost || u.unsure || u.failed != nil && (mongo.IsNetworkError(u.failed) || away(u.failed))
}

// note remembers that the database failed: after that, nothing of a transaction
// can be kept, whatever the work makes of it.
func (u *unit) note(err error) error {
	if err == nil || u.failed != nil {
		return err
	}
	_, server := errors.AsType[mongo.ServerError](err)
	if server || errors.Is(err, errConflict) || mongo.IsNetworkError(err) {
		u.failed = err
	}
	return err
}

// usable refuses calls after the unit's end or after the database has failed, and
// those for requests given up.
func (u *unit) usable(ctx context.Context) error {
	switch {
	case !u.open:
		return fhir.Errorf(fhir.Internal, "a transaction was used after its end")
	case ctx.Err() != nil:
		return store.ErrGivenUp(ctx)
	case u.failed != nil:
		return translate(u.failed)
	}
	return nil
}
