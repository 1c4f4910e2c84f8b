package mongodb

import (
	"math/rand/v2"
	"sync"
	"time"
)

// tick is how far apart the instants of one process are at least, in
// microseconds. Each process begins at a random one between two ticks, so that two
// of them hardly ever make versions of the same instant.
const tick = 64

// A clock gives the instants of versions: microseconds since 1970, which rise
// strictly within a process.
type clock struct {
	now  func() time.Time
	rest int64 // of every instant, divided by tick

	mu   sync.Mutex
	last int64
}

func newClock(now func() time.Time) *clock {
	if now == nil {
		now = time.Now
	}
	return &clock{now: now, rest: rand.Int64N(tick)}
}

// next returns an instant after every one it has returned, and after another.
// It is about now, unless the clock stands still or went back.
func (c *clock) next(after int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	least := max(c.last, after) + 1
	c.last = c.ceil(max(least, c.now().UnixMicro()))
	return c.last
}

// ceil returns the first instant of this process that is not before micros.
func (c *clock) ceil(micros int64) int64 {
	return micros + ((c.rest-micros)%tick+tick)%tick
}

// instant is the time that a number of microseconds stands for.
func instant(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// time returns what the clock shows.
func (c *clock) time() time.Time { return c.now() }
