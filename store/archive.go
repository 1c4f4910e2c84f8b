package store

import (
	"cmp"
	"context"
	"iter"
	"time"

	"github.com/noafhir/noafhir/fhir"
)

// An Archive is a store whose whole contents can be taken out, and put into
// another store as they are: every version with its number, its instant and what
// made it.
//
//	source.Versions ─▶ Restoration.Add … ─▶ Index ─▶ Finish: target is a store
//
// The order in which versions were made says all about a store: resources are in
// their default order by the first version of each. So nothing but versions has
// to be copied, custom search parameters included, which are resources.
type Archive interface {
	Store

	// ID tells the store from any other. It is made with the store and stays.
	ID(ctx context.Context) (string, error)

	// Versions walks all versions behind a place, in their order. It is meant for
	// stores at rest: of what is written meanwhile, some may be missing, and what is
	// superseded meanwhile may be called newest.
	Versions(ctx context.Context, after Place) iter.Seq2[Archived, error]

	// Census counts what there is of each type, by name, without those of which there
	// is nothing. It goes by other means than Versions, so that the one checks the
	// other.
	Census(ctx context.Context) ([]TypeCensus, error)

	// Restore makes an empty store an unfinished copy of the one with an ID, or goes
	// on with such a copy. The error is Conflict if the store holds anything else.
	Restore(ctx context.Context, of string) (Restoration, error)
}

// A Restoration fills a store with what another holds. Until Finish, the store
// refuses writes, and searches until Index, as Unavailable, and so it does when
// it is opened again. It is used by one goroutine.
type Restoration interface {
	// Mark returns what the last Add that was stored was given; empty if there was
	// none. After an error, or when the process died, the copy goes on behind it.
	Mark() string

	// Complete reports whether Finish was called, perhaps long ago. The store then
	// takes no more by way of copying.
	Complete() bool

	// Add stores versions, durably, and then mark. Each has to be the next of its
	// resource and made later than all before. The error is Conflict if one is not.
	Add(ctx context.Context, versions []Archived, mark string) error

	// Index makes what was added be found, also by the search parameters that are
	// among it. Progress, if it is not nil, is called now and then with how many
	// resources are done and how many there are.
	Index(ctx context.Context, progress func(done, total int64)) error

	// Finish makes the copy a store like any other. The copy must be indexed.
	Finish(ctx context.Context) error
}

// An Archived is a version on the way from one store to another.
type Archived struct {
	*Version
	Newest bool // there is none after it
}

// A Place is where a version stands among all of a store: by LastUpdated, and
// among those of one instant by key. The zero Place is before all of them.
type Place struct {
	Time time.Time
	Key  fhir.Key
}

// Place returns where v stands.
func (v *Version) Place() Place { return Place{v.LastUpdated, v.Key} }

// Compare returns -1, 0 or 1 as p is before q, is q, or is behind it.
func (p Place) Compare(q Place) int {
	return cmp.Or(p.Time.Compare(q.Time), cmp.Compare(p.Key.Type, q.Key.Type), cmp.Compare(p.Key.ID, q.Key.ID))
}

// A TypeCensus counts what there is of a type.
type TypeCensus struct {
	Type      string
	Resources int64 // that are not deleted
	Deleted   int64 // resources whose newest version marks a deletion
	Versions  int64 // of all of them
}
