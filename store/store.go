// Package store says what the server needs of a database: every version of
// every resource, kept safely, and found by key ranges.
//
// [Store] is the contract; store/storetest runs it against an implementation.
// The databases are store/sqlite and store/mongodb. Stores know keys, versions
// and ranges; what a resource means is known to fhir/search, which they ask.
package store

import (
	"context"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A Version is one stored version of a resource. Callers must not change it.
type Version struct {
	Key         fhir.Key
	Number      int64     // 1, 2, 3, …
	LastUpdated time.Time // UTC, microseconds; strictly increasing over all writes through a Store and over the versions of a resource
	Method      string    // POST, PUT, PATCH or DELETE: what made it
	Deleted     bool      // it marks a deletion and has no body
	Created     bool      // set by Put: before this version there was none that was not deleted
	Body        []byte    // compact JSON with id and meta as sent to clients
}

// Parse reads the resource in a version. The error is Internal.
func (v *Version) Parse(codec *fhir.Codec) (*fhir.Resource, error) {
	r, err := codec.ParseJSON(v.Body)
	if err != nil {
		return nil, fhir.Because(fhir.Internal, err, "the stored resource %s can not be read", v.Key)
	}
	return r, nil
}

// A Write is a resource about to be stored. [Prepare] makes it outside the
// store's critical section.
type Write struct {
	Key      fhir.Key
	Method   string // POST, PUT or PATCH
	Body     fhir.Stampable
	Resource *fhir.Resource  // what Body was made of, for the policy
	Entries  *search.Entries // its index keys
	Words    Words           // what _text and _content look at

	IfVersion int64 // if not 0, the current version must have this number: else Stale
	MustBeNew bool  // no resource, deleted or not, may have the key: else Duplicate
	MustExist bool  // there must be a current version that is not deleted: else NotFound or Gone

	reg *search.Registry // what Entries are from
}

// Words are the words of a resource, as [search.Registry.Words] returns them.
type Words struct{ Narrative, Content string }

// WordsOf returns the words of a resource.
func WordsOf(reg *search.Registry, r *fhir.Resource) Words {
	return Words{reg.Words(search.Narrative, r), reg.Words(search.Content, r)}
}

// Prepare makes the write that stores r under id.
func Prepare(reg *search.Registry, r *fhir.Resource, id, method string) Write {
	return Write{
		Key:      fhir.Key{Type: r.Type(), ID: id},
		Method:   method,
		Body:     r.Stampable(id),
		Resource: r,
		Entries:  reg.IndexAs(r, id),
		Words:    WordsOf(reg, r),
		reg:      reg,
	}
}

// IndexedBy reports whether the entries of w are from a registry.
func (w *Write) IndexedBy(reg *search.Registry) bool { return w.reg == reg }

// WithID returns w under another id.
func (w Write) WithID(id string) Write {
	if w.Key.ID != id {
		w.Key.ID = id
		w.Body = w.Resource.Stampable(id)
		w.Entries = w.reg.IndexAs(w.Resource, id)
	}
	return w
}

// PageBytes bounds the bodies of a page: it ends early, with a Next, when they
// come to this.
const PageBytes = 16 << 20

// A Page is a part of a result. It may be shorter than what was asked for; only
// Next tells whether there is more.
type Page struct {
	Versions []*Version
	Next     search.Position // where the rest begins; nil: this is the end
	Prev     search.Position // of a search: where what comes before ends; nil: this is the beginning
}

// A HistoryQuery asks for versions, newest first.
// See https://hl7.org/fhir/R4/http.html#history.
type HistoryQuery struct {
	Key   fhir.Key        // ID empty: the whole type; Type empty too: everything
	Since time.Time       // if set, only versions made at or after this instant
	At    fhir.Date       // if its Start is set, only versions current at some time in the span
	Count int             // page size, at least 1
	After search.Position // where the page begins; nil: with the newest
}

// A Reader answers questions. What the access does not permit is answered as if
// it did not exist. Errors are of the kinds in package fhir.
type Reader interface {
	// Read returns the current version. The error is NotFound if there has never
	// been one, and Gone if the resource has been deleted.
	Read(ctx context.Context, who search.Access, key fhir.Key) (*Version, error)

	// ReadVersion returns the version of that number. The error is NotFound if
	// there is none, and Gone if it marks a deletion.
	ReadVersion(ctx context.Context, who search.Access, key fhir.Key, number int64) (*Version, error)

	// Search returns a page of current versions that match, none of them deleted.
	Search(ctx context.Context, who search.Access, q *search.Query) (*Page, error)

	// Count returns how many resources match.
	Count(ctx context.Context, who search.Access, q *search.Query) (int64, error)

	// History returns a page of versions, newest first, deletions included. A
	// resource that never existed has an empty history. The access judges each
	// version by itself, and a deletion by what was deleted.
	History(ctx context.Context, who search.Access, q HistoryQuery) (*Page, error)
}

// An Estimator is a Reader that can tell about how many resources match in less time
// than counting them takes. Exact says that it has counted. Where there are matches
// it never says that there are none.
type Estimator interface {
	Estimate(ctx context.Context, who search.Access, q *search.Query) (n int64, exact bool, err error)
}

// Estimate returns about how many resources match, and whether it is exact, as it is
// of a reader that is no [Estimator].
func Estimate(ctx context.Context, r Reader, who search.Access, q *search.Query) (n int64, exact bool, err error) {
	if e, ok := r.(Estimator); ok {
		return e.Estimate(ctx, who, q)
	}
	n, err = r.Count(ctx, who, q)
	return n, true, err
}

// A Tx is a unit of work. Its reads see its own writes, and nothing that others
// write comes between them. It must not be used after the function that got it
// has returned.
type Tx interface {
	Reader

	// Put stores a resource as its next version. Errors: Stale, Duplicate,
	// NotFound or Gone as the Write demands, Forbidden if who may not see both
	// the current version and the new one. What the write demands of a version
	// that who may not see is not met.
	Put(ctx context.Context, who search.Access, w Write) (*Version, error)

	// Delete marks a resource as deleted and returns the version that says so. If
	// ifVersion is not 0 the current version must have that number: else Stale.
	// Deleting what is not there, or no more, changes nothing: the version
	// returned is nil if there never was one, and the earlier mark if there is.
	Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (*Version, error)
}

// Traits are what databases differ in.
type Traits struct {
	// Transactions says that a unit of work may hold several writes. Without it, a
	// unit may hold one: a second one is refused as Unsupported, and so is the unit.
	Transactions bool
}

// A Foreseer is a Tx that profits from being told which resources the unit is
// about to read or write by their keys. It changes nothing but the time that takes.
type Foreseer interface {
	Foresee(ctx context.Context, keys []fhir.Key) error
}

// A Store keeps every version of every resource. Its methods are safe for
// concurrent use. When a write returns without an error it is durable; when it
// returns one, or the process dies before, nothing of it is there. Questions are
// answered from what is stored, and do not wait for a unit of work in progress.
type Store interface {
	Reader

	// Put and Delete are units of work of one write.
	Put(ctx context.Context, who search.Access, w Write) (*Version, error)
	Delete(ctx context.Context, who search.Access, key fhir.Key, ifVersion int64) (*Version, error)

	// Update runs work as one unit: if it returns an error, the error is passed
	// on and nothing is stored; else all is, at once. Work may be run again after
	// a conflict, so it must have no other effects, and it should do only what
	// needs the unit: other writers may be waiting.
	Update(ctx context.Context, work func(tx Tx) error) error

	// Traits says what the database can do. It stays the same while the store is
	// open.
	Traits() Traits

	// Check reports whether the store can be read and written now; the error says
	// why not.
	Check(ctx context.Context) error

	// Close waits for running work, makes everything durable and lets go.
	Close() error
}
