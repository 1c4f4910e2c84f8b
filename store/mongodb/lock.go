package mongodb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/fhir/search"
)

// A unit of work that searches may write because of what it found, or did not.
// So that two of them do not both find nothing, each first writes a document that
// stands for the criteria: in a transaction the later one fails for that, and is
// tried again when the other is through. Without transactions the document is a
// lease.
const (
	lockLife   = time.Hour        // unused, a lock document is removed after this
	leaseLife  = 30 * time.Second // after it, who died with a lease is not waited for any more
	leaseSpare = 10 * time.Second // with less of it left, nothing is begun
	maxLocks   = 16               // for one search
)

// lockNames returns what stands for the criteria of a search. Criteria with
// identifiers stand for these, whatever else they have: two that may find the same
// resource are then hardly ever taken for different ones. The others are taken as a
// whole.
func lockNames(q *search.Query) []string {
	for i := range q.Where {
		c := &q.Where[i]
		if c.Param != nil && c.Param.Code == "identifier" && c.Modifier == "" && len(c.Ranges) > 0 && len(c.Ranges) <= maxLocks {
			var names []string
			for _, r := range c.Ranges {
				names = append(names, lockName(q.Type, appendRange(nil, r)))
			}
			slices.Sort(names)
			return slices.Compact(names)
		}
	}
	return []string{lockName(q.Type, appendCriteria(nil, q))}
}

// lockName returns the _id of a lock document.
func lockName(typ string, criteria []byte) string {
	sum := sha256.Sum256(append([]byte(typ+"?"), criteria...))
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// appendCriteria appends what q demands, in an order that does not depend on how
// it was written. What keys do not tell is left out.
func appendCriteria(b []byte, q *search.Query) []byte {
	for _, id := range slices.Sorted(slices.Values(q.IDs)) {
		b = append(append(b, id...), 0)
	}
	for _, t := range q.LastUpdated {
		b = fmt.Appendf(b, "%v", t)
	}
	var clauses [][]byte
	for i := range q.Where {
		clauses = append(clauses, appendClause(nil, &q.Where[i]))
	}
	slices.SortFunc(clauses, bytes.Compare)
	return append(b, bytes.Join(clauses, []byte{'&'})...)
}

func appendClause(b []byte, c *search.Clause) []byte {
	if c.Param != nil {
		b = append(b, c.Param.Code+":"+c.Modifier+"="...)
	}
	for _, r := range c.Ranges {
		b = appendRange(b, r)
	}
	return b
}

func appendRange(b []byte, r search.KeyRange) []byte {
	for _, end := range [][]byte{r.Low, r.High} {
		b = binary.AppendUvarint(b, uint64(len(end)))
		b = append(b, end...)
	}
	return b
}

// lock has transactions that search by the same criteria fail but for one. ctx
// carries the transaction.
func (s *Store) lock(ctx context.Context, name string) error {
	until := bson.NewDateTimeFromTime(time.Now().Add(lockLife))
	_, err := s.locks.UpdateOne(ctx, byID(name), bson.D{
		{Key: "$set", Value: bson.D{{Key: "until", Value: until}}},
		{Key: "$inc", Value: bson.D{{Key: "taken", Value: int64(1)}}},
	}, options.UpdateOne().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return errConflict
	}
	return err
}

// A lease is a lock document held without a transaction.
type lease struct {
	name  string
	owner bson.ObjectID
	ends  time.Time
}

// lease waits for a lock document and takes it.
func (s *Store) lease(ctx context.Context, name string) (*lease, error) {
	l := &lease{name: name, owner: bson.NewObjectID()}
	for try, began := 0, time.Now(); ; try++ {
		l.ends = time.Now().Add(leaseLife)
		taken, err := s.take(ctx, l)
		if err != nil || taken {
			return l, err
		}
		if time.Since(began) > 2*leaseLife {
			return nil, fhir.Errorf(fhir.Unavailable, "too many clients write by the same criteria: try again later")
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

// take takes a lock document that nobody holds.
func (s *Store) take(ctx context.Context, l *lease) (bool, error) {
	until := bson.NewDateTimeFromTime(l.ends)
	held := bson.D{{Key: "owner", Value: l.owner}, {Key: "until", Value: until}}
	_, err := s.locks.InsertOne(ctx, append(byID(l.name), held...))
	if !mongo.IsDuplicateKeyError(err) {
		return err == nil, err
	}
	free := bson.A{
		bson.D{{Key: "owner", Value: l.owner}}, // the insertion was sent twice
		bson.D{{Key: "until", Value: bson.D{{Key: "$lt", Value: bson.NewDateTimeFromTime(time.Now())}}}},
	}
	r, err := s.locks.UpdateOne(ctx, append(byID(l.name), bson.E{Key: "$or", Value: free}), bson.D{{Key: "$set", Value: held}})
	return err == nil && r.MatchedCount == 1, err
}

// release lets others have a lock document. Should that fail, it is theirs when
// the lease ends.
func (s *Store) release(ctx context.Context, l *lease) {
	s.locks.DeleteOne(ctx, append(byID(l.name), bson.E{Key: "owner", Value: l.owner}))
}

// lasts reports whether there is time to write under a lease.
func (l *lease) lasts() bool { return time.Until(l.ends) > leaseSpare }
