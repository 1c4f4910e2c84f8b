package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/noafhir/noafhir/fhir/search"
	"github.com/noafhir/noafhir/store"
)

// A TypeSum is what all versions of a type come to.
type TypeSum struct {
	store.TypeCensus
	SHA256 [sha256.Size]byte // over all there is to know of each, in their order
}

// Digest returns one checksum for the sums of all types, in hexadecimal digits.
func Digest(sums []TypeSum) string {
	h := sha256.New()
	for _, s := range sums {
		fmt.Fprintf(h, "%s %x\n", s.Type, s.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A Difference says in what two stores differ that should hold the same.
type Difference struct{ Problems []string }

// Error implements error.
func (d *Difference) Error() string {
	return "the stores do not hold the same:\n  " + strings.Join(d.Problems, "\n  ")
}

// compare reads all of both stores, each by itself, and compares what that comes
// to. Both counts and, in a copy that was just made, the index have to agree with
// it.
func (c *copier) compare(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	totals, err := bothOf(func(i int) (int64, error) { return versionsOf(ctx, c.both()[i]) })
	if err != nil {
		return err
	}
	c.Begin("compared", "versions", totals[0]+totals[1])
	var steps atomic.Int64
	sums, err := bothOf(func(i int) ([]TypeSum, error) {
		sums, err := sum(apart(ctx, c.both()[i], c.Codec), func() {
			if n := steps.Add(1); n%1000 == 0 {
				c.Step(1000, false)
			}
		})
		if err != nil {
			stop(err)
		}
		return sums, err
	})
	if err != nil {
		return err
	}
	c.Step(int(steps.Load()%1000), false)
	c.summary.Sums = sums[0]
	problems := differences(sums[0], sums[1])
	if len(problems) > 0 {
		first, err := c.firstDifference(ctx)
		if err != nil {
			return err
		}
		problems = append(problems, first)
	}
	for i, name := range []string{"copied from", "copied to"} {
		more, err := c.checkCounts(ctx, i, sums[i])
		if err != nil {
			return err
		}
		for _, p := range more {
			problems = append(problems, "in the store "+name+", "+p)
		}
	}
	if len(problems) > 0 {
		return &Difference{problems}
	}
	return nil
}

func (c *copier) both() [2]store.Archive { return [2]store.Archive{c.From, c.To} }

// bothOf does something for two stores at the same time. The error is that of the
// first that failed.
func bothOf[T any](do func(i int) (T, error)) (out [2]T, err error) {
	type result struct {
		i     int
		value T
		err   error
	}
	results := make(chan result, 2)
	for i := range 2 {
		go func() {
			value, err := do(i)
			results <- result{i, value, err}
		}()
	}
	for range 2 {
		r := <-results
		out[r.i] = r.value
		if err == nil {
			err = r.err
		}
	}
	return out, err
}

// sum adds versions up by type.
func sum(versions iter.Seq2[store.Archived, error], step func()) ([]TypeSum, error) {
	type adder struct {
		sum  TypeSum
		hash hash.Hash
	}
	types := map[string]*adder{}
	var buf []byte
	for v, err := range versions {
		if err != nil {
			return nil, err
		}
		t := types[v.Key.Type]
		if t == nil {
			t = &adder{hash: sha256.New()}
			t.sum.Type = v.Key.Type
			types[v.Key.Type] = t
		}
		t.sum.Versions++
		switch {
		case v.Newest && v.Deleted:
			t.sum.Deleted++
		case v.Newest:
			t.sum.Resources++
		}
		buf = appendVersion(buf[:0], v)
		t.hash.Write(buf)
		t.hash.Write(v.Body)
		step()
	}
	var sums []TypeSum
	for _, typ := range slices.Sorted(maps.Keys(types)) {
		t := types[typ]
		t.hash.Sum(t.sum.SHA256[:0])
		sums = append(sums, t.sum)
	}
	return sums, nil
}

// appendVersion writes what there is to know of a version but its body, and that
// one's length. No two different versions are written alike.
func appendVersion(buf []byte, v store.Archived) []byte {
	for _, text := range []string{v.Key.Type, v.Key.ID, v.Method} {
		buf = binary.AppendUvarint(buf, uint64(len(text)))
		buf = append(buf, text...)
	}
	buf = binary.AppendVarint(buf, v.Number)
	buf = binary.AppendVarint(buf, v.LastUpdated.UnixMicro())
	for _, flag := range []bool{v.Deleted, v.Newest} {
		if flag {
			buf = append(buf, 1)
		} else {
			buf = append(buf, 0)
		}
	}
	return binary.AppendUvarint(buf, uint64(len(v.Body)))
}

// differences tells, type by type, in what sums differ.
func differences(from, to []TypeSum) []string {
	byType := func(sums []TypeSum) map[string]TypeSum {
		m := map[string]TypeSum{}
		for _, s := range sums {
			m[s.Type] = s
		}
		return m
	}
	a, b := byType(from), byType(to)
	all := map[string]bool{}
	for _, s := range append(from[:len(from):len(from)], to...) {
		all[s.Type] = true
	}
	var problems []string
	for _, typ := range slices.Sorted(maps.Keys(all)) {
		switch x, y := a[typ], b[typ]; {
		case x == y:
		case counts(x.TypeCensus) != counts(y.TypeCensus):
			problems = append(problems, fmt.Sprintf("%s: %s became %s", typ, counts(x.TypeCensus), counts(y.TypeCensus)))
		default:
			problems = append(problems, fmt.Sprintf("%s: %s, but not with the same contents", typ, counts(x.TypeCensus)))
		}
	}
	return problems
}

func counts(c store.TypeCensus) string {
	return fmt.Sprintf("%d resources, %d deleted, %d versions", c.Resources, c.Deleted, c.Versions)
}

// firstDifference names the first version that the stores do not have alike.
func (c *copier) firstDifference(ctx context.Context) (string, error) {
	nextA, stopA := iter.Pull2(apart(ctx, c.From, c.Codec))
	defer stopA()
	nextB, stopB := iter.Pull2(apart(ctx, c.To, c.Codec))
	defer stopB()
	for {
		a, errA, moreA := nextA()
		b, errB, moreB := nextB()
		a.Newest, b.Newest = false, false // what comes later tells more
		switch {
		case errA != nil:
			return "", errA
		case errB != nil:
			return "", errB
		case !moreA && !moreB:
			return "all versions are the same, but not which are the newest; or something writes to the stores", nil
		case !moreB || moreA && a.Place().Compare(b.Place()) < 0:
			return fmt.Sprintf("first, %s version %d is missing in the copy", a.Key, a.Number), nil
		case !moreA || a.Place().Compare(b.Place()) > 0:
			return fmt.Sprintf("first, %s version %d is in the copy only", b.Key, b.Number), nil
		case string(appendVersion(nil, a)) != string(appendVersion(nil, b)) || string(a.Body) != string(b.Body):
			return fmt.Sprintf("first, %s version %d is not the same", a.Key, a.Number), nil
		}
	}
}

// checkCounts compares what was read of a store with what it counts, and with
// what its index finds.
func (c *copier) checkCounts(ctx context.Context, i int, sums []TypeSum) ([]string, error) {
	census, err := c.both()[i].Census(ctx)
	if err != nil {
		return nil, err
	}
	var read []store.TypeCensus
	for _, s := range sums {
		read = append(read, s.TypeCensus)
	}
	var problems []string
	if !slices.Equal(census, read) {
		problems = append(problems, fmt.Sprintf("there are %v, but it counts %v", read, census))
	}
	if i == 0 || c.summary.Before {
		return problems, nil
	}
	for _, t := range read {
		n, err := c.To.Count(ctx, search.Everything(), &search.Query{Type: t.Type})
		if err != nil {
			return nil, err
		}
		if n != t.Resources {
			problems = append(problems, fmt.Sprintf("the index finds %d of %d resources of type %s", n, t.Resources, t.Type))
		}
	}
	return problems, nil
}
