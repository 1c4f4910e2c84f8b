package mongodb

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"time"

	"github.com/noafhir/noafhir/store"
)

// gates have those who would get in each other's way in the database wait for
// each other before. They know only of this process, and nothing depends on them
// but speed.
type gates struct {
	seed maphash.Seed
	at   [256]chan struct{}
}

func newGates() *gates {
	g := &gates{seed: maphash.MakeSeed()}
	for i := range g.at {
		g.at[i] = make(chan struct{}, 1)
	}
	return g
}

// enter waits until nobody else is in the gate of a name. Who has entered calls
// leave.
func (g *gates) enter(ctx context.Context, name string) (leave func(), err error) {
	return pass(ctx, g.at[maphash.String(g.seed, name)%uint64(len(g.at))])
}

// pass is enter for one gate.
func pass(ctx context.Context, gate chan struct{}) (leave func(), err error) {
	select {
	case gate <- struct{}{}:
	default:
		select {
		case gate <- struct{}{}:
		case <-ctx.Done():
			return nil, store.ErrGivenUp(ctx)
		}
	}
	return func() { <-gate }, nil
}

// pause waits before another try: longer each time, and never for the same time
// as another process.
func pause(ctx context.Context, try int) error {
	return pauseFor(ctx, rand.N(min(time.Millisecond<<min(try, 10), 200*time.Millisecond)))
}
