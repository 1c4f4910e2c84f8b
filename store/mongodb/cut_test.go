package mongodb_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/noafhir/noafhir/fhir"
	"github.com/noafhir/noafhir/store"
	"github.com/noafhir/noafhir/store/mongodb"
	"github.com/noafhir/noafhir/store/mongodb/mongotest"
	"github.com/noafhir/noafhir/store/storetest"
)

// A cutting is a store whose connections a test can cut, and the same store by
// another way.
type cutting struct {
	*testing.T
	proxy   *mongotest.Proxy
	through *mongodb.Store
	direct  *mongodb.Store
}

func newCutting(t *testing.T) *cutting {
	t.Helper()
	url := mongotest.Fresh(t)
	o := mongodb.Options{Registry: storetest.NewRegistry(t)}
	c := &cutting{T: t, proxy: mongotest.NewProxy(t, url), direct: openAt(t, url, o)}
	o.Wait = 200 * time.Millisecond
	c.through = openAt(t, c.proxy.URL, o)
	return c
}

// once decides for the first message that holds a text; all others pass.
func once(text string, fate mongotest.Fate) func([]byte) mongotest.Fate {
	var done atomic.Bool
	return func(message []byte) mongotest.Fate {
		if bytes.Contains(message, []byte(text)) && done.CompareAndSwap(false, true) {
			return fate
		}
		return mongotest.Pass
	}
}

// transact stores so many patients in one unit; between is called when half of
// them have gone to the database.
func (c *cutting) transact(n int, between func()) error {
	return c.through.Update(ctx, func(tx store.Tx) error {
		for i := range n {
			if i == n/2 {
				if _, err := tx.History(ctx, all, store.HistoryQuery{Count: 1}); err != nil {
					return err
				}
				between()
			}
			if _, err := tx.Put(ctx, all, write(c, c.through.Registry(), fmt.Sprintf(`{"resourceType":"Patient","id":"p%d"}`, i))); err != nil {
				return err
			}
		}
		return nil
	})
}

// versions returns how many versions there are of the patients of transact.
func (c *cutting) versions() int {
	c.Helper()
	page, err := c.direct.History(ctx, all, store.HistoryQuery{Count: 100})
	if err != nil {
		c.Fatal(err)
	}
	return len(page.Versions)
}

// works checks that a store needs nothing but its connections to work again.
func (c *cutting) works() {
	c.Helper()
	for tries := 0; ; tries++ {
		_, err := c.through.Put(ctx, all, write(c, c.through.Registry(), `{"resourceType":"Patient","id":"after"}`))
		if err == nil {
			break
		}
		if fhir.KindOf(err) != fhir.Unavailable || tries == 20 {
			c.Fatalf("afterwards: %v", err)
		}
	}
	if err := c.through.Check(ctx); err != nil {
		c.Errorf("Check afterwards: %v", err)
	}
}

// TestCutTransactions breaks connections in the middle of transactions. None is
// half there, and one that was acknowledged is there.
func TestCutTransactions(t *testing.T) {
	tests := []struct {
		Name    string
		Watch   func() func([]byte) mongotest.Fate // set before the transaction
		Between func(p *mongotest.Proxy)
		Kind    fhir.Kind // of the error; Internal: there is none
		Either  bool      // without an acknowledgement, the transaction may be there
	}{
		{Name: "in the middle, for a moment", Between: func(p *mongotest.Proxy) { p.Cut(); p.Mend() }},
		{Name: "in the middle, for long", Between: (*mongotest.Proxy).Cut, Kind: fhir.Unavailable},
		{Name: "before the commit, for a moment", Watch: func() func([]byte) mongotest.Fate { return once("commitTransaction", mongotest.CutBefore) }},
		{Name: "before the commit, for long", Watch: func() func([]byte) mongotest.Fate { return always("commitTransaction", mongotest.CutBefore) },
			Kind: fhir.Unavailable, Either: true},
		{Name: "after the commit, for a moment", Watch: func() func([]byte) mongotest.Fate { return once("commitTransaction", mongotest.CutAfter) }},
		{Name: "after the commit, for long", Watch: func() func([]byte) mongotest.Fate { return always("commitTransaction", mongotest.CutAfter) },
			Kind: fhir.Unavailable, Either: true},
	}
	for _, test := range tests {
		t.Run(test.Name, func(t *testing.T) {
			c := newCutting(t)
			mongotest.NeedTransactions(t, c.through.Traits().Transactions)
			if test.Watch != nil {
				c.proxy.Watch(test.Watch())
			}
			const n = 6
			between := sync.OnceFunc(func() {
				if test.Between != nil {
					test.Between(c.proxy)
				}
			})
			err := c.transact(n, between)
			if (err != nil) != (test.Kind != fhir.Internal) || err != nil && fhir.KindOf(err) != test.Kind {
				t.Errorf("got %v, want an error of kind %s", err, test.Kind.IssueCode())
			}
			c.proxy.Watch(nil)
			c.proxy.Mend()
			switch there := c.versions(); {
			case there != 0 && there != n:
				t.Errorf("of %d resources %d are there", n, there)
			case err == nil && there != n:
				t.Error("it was acknowledged and is not there")
			case err != nil && there != 0 && !test.Either:
				t.Error("it is there, and was not acknowledged")
			}
			c.works()
		})
	}
}

// always decides for all messages that hold a text.
func always(text string, fate mongotest.Fate) func([]byte) mongotest.Fate {
	return func(message []byte) mongotest.Fate {
		if bytes.Contains(message, []byte(text)) {
			return fate
		}
		return mongotest.Pass
	}
}

// TestCutWrites breaks connections in the middle of single writes, which are
// sent again: each is stored once.
func TestCutWrites(t *testing.T) {
	for _, command := range []string{"insert", "update"} {
		for _, fate := range []mongotest.Fate{mongotest.CutBefore, mongotest.CutAfter} {
			t.Run(fmt.Sprint(command, " ", fate), func(t *testing.T) {
				c := newCutting(t)
				text := write(c, c.direct.Registry(), `{"resourceType":"Patient","id":"ada"}`)
				want := int64(1)
				if command == "update" {
					if _, err := c.direct.Put(ctx, all, text); err != nil {
						t.Fatal(err)
					}
					want = 2
				}
				c.proxy.Watch(once("\x02"+command+"\x00\x04\x00\x00\x00cur\x00", fate))
				v, err := c.through.Put(ctx, all, text)
				again := c.through.Traits().Transactions // a single server is not sent writes again
				if again && (err != nil || v.Number != want) || !again && fhir.KindOf(err) != fhir.Unavailable {
					t.Fatalf("got %+v, %v; want version %d", v, err, want)
				}
				n := int64(c.versions())
				least := want
				if !again { // it was not acknowledged
					least--
				}
				if !again && fate == mongotest.CutBefore {
					want--
				}
				if n < least || n > want {
					t.Errorf("%d versions are there, want %d to %d", n, least, want)
				}
				c.proxy.Cut()
				if _, err := c.through.Put(ctx, all, text); fhir.KindOf(err) != fhir.Unavailable {
					t.Errorf("without a database: %v", err)
				}
				if _, err := c.through.Read(ctx, all, text.Key); fhir.KindOf(err) != fhir.Unavailable {
					t.Errorf("reading without a database: %v", err)
				}
				c.proxy.Mend()
				c.works()
			})
		}
	}
}
