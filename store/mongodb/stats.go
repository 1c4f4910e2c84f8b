package mongodb

import (
	"context"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/event"
)

// A Stats tells what a store has done since it was opened.
type Stats struct {
	Commands    int64 // that the database carried out
	Failures    int64 // commands that failed or got no answer
	Connections int64 // open now
	Busy        int64 // connections in use now
}

// counters are what Stats reads. The driver counts.
type counters struct {
	commands, failures, connections, busy atomic.Int64
}

// Stats returns counts for monitoring.
func (s *Store) Stats() Stats {
	return Stats{
		Commands:    s.stats.commands.Load(),
		Failures:    s.stats.failures.Load(),
		Connections: s.stats.connections.Load(),
		Busy:        s.stats.busy.Load(),
	}
}

func (c *counters) commandMonitor() *event.CommandMonitor {
	return &event.CommandMonitor{
		Succeeded: func(context.Context, *event.CommandSucceededEvent) { c.commands.Add(1) },
		Failed:    func(context.Context, *event.CommandFailedEvent) { c.failures.Add(1) },
	}
}

func (c *counters) poolMonitor() *event.PoolMonitor {
	return &event.PoolMonitor{Event: func(e *event.PoolEvent) {
		switch e.Type {
		case event.ConnectionCreated:
			c.connections.Add(1)
		case event.ConnectionClosed:
			c.connections.Add(-1)
		case event.ConnectionCheckedOut:
			c.busy.Add(1)
		case event.ConnectionCheckedIn:
			c.busy.Add(-1)
		}
	}}
}
